//! What follows when a game ends badly.

use serde::{Deserialize, Serialize};

/// First wait before the policy starts a game again, milliseconds; doubles with each crash within
/// the window, so that a game that can't start does not eat the machine.
const FIRST_MS: i64 = 500;
const LONGEST_MS: i64 = 30_000;

/// Control's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CrashPolicy {
    /// Start it again at all.
    pub restart: bool,
    /// At most so many times ...
    pub max_restarts: u32,
    /// ... within so many seconds. Zero: ten minutes.
    pub window_s: u32,
    /// An exit with 0 counts too.
    pub clean_exit_is_crash: bool,
}

impl CrashPolicy {
    /// Counts a crash at `wall_ms` and says how long to wait before the next start.
    /// # Errors
    /// The words for the console when there were too many.
    pub fn delay_ms(self, crashes: &mut Vec<i64>, wall_ms: i64) -> Result<i64, String> {
        let window_s = if self.window_s == 0 {
            600
        } else {
            self.window_s
        };
        let window_ms = i64::from(window_s) * 1000;
        // A wall clock that went back must not keep crashes for ever.
        crashes.retain(|at| (0..window_ms).contains(&(wall_ms - at)));
        let before = crashes.len();
        crashes.push(wall_ms);
        if before >= self.max_restarts as usize {
            return Err(format!(
                "not started again: it crashed {} times within {window_s} s",
                before + 1
            ));
        }
        Ok((FIRST_MS << before.min(10)).min(LONGEST_MS))
    }
}

/// An exit in words.
pub fn describe_exit(code: i32, oom: bool) -> String {
    if oom {
        return "out of memory: the kernel killed it at its memory limit".into();
    }
    let signal = match code - 128 {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL, an illegal instruction: the program may need a newer CPU",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV, a memory fault in the game",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return exit_code(code),
    };
    format!("ended by {signal} (exit code {code})")
}

fn exit_code(code: i32) -> String {
    match code {
        126 => "exit code 126: its start command may not be executed".into(),
        127 => "exit code 127: a program in its start command was not found".into(),
        _ => format!("exit code {code}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn waits_double_and_end_at_the_bound() {
        let policy = CrashPolicy {
            restart: true,
            max_restarts: 3,
            window_s: 60,
            clean_exit_is_crash: false,
        };
        let mut crashes = Vec::new();
        assert_eq!(policy.delay_ms(&mut crashes, 1000), Ok(500));
        assert_eq!(policy.delay_ms(&mut crashes, 2000), Ok(1000));
        assert_eq!(policy.delay_ms(&mut crashes, 3000), Ok(2000));
        assert!(
            policy
                .delay_ms(&mut crashes, 4000)
                .unwrap_err()
                .contains("4 times")
        );
        assert_eq!(policy.delay_ms(&mut crashes, 90_000), Ok(500));
    }

    #[test]
    fn a_clock_that_went_back_forgets() {
        let policy = CrashPolicy {
            restart: true,
            max_restarts: 1,
            window_s: 60,
            clean_exit_is_crash: false,
        };
        let mut crashes = vec![1_000_000];
        assert_eq!(policy.delay_ms(&mut crashes, 5), Ok(500));
    }

    #[test]
    fn words_name_what_a_person_can_do() {
        assert!(describe_exit(137, true).contains("memory"));
        assert!(describe_exit(139, false).contains("SIGSEGV"));
        assert!(describe_exit(127, false).contains("not found"));
        assert_eq!(describe_exit(3, false), "exit code 3");
    }
}
