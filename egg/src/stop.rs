//! How a server is asked to stop: a console command or a signal (`config.stop`).

use serde::{Deserialize, Serialize};

/// What to do first when a server is to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Written to the game's standard input, with a line end.
    Command(String),
    Signal {
        /// Number on Linux.
        number: i32,
        /// Time until SIGKILL in milliseconds; `None`: what the platform gives everyone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grace_ms: Option<u32>,
    },
}

/// `^^C` was always a SIGKILL on Wings and is used for games that ignore SIGINT: they get the chance, briefly.
const IMPATIENT_GRACE_MS: u32 = 5_000;

const SIGNALS: &[(&str, i32)] = &[
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGABRT", 6),
    ("SIGKILL", 9),
    ("SIGUSR1", 10),
    ("SIGUSR2", 12),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
    ("SIGCONT", 18),
    ("SIGWINCH", 28),
];

/// Number of a signal by its name, with or without `SIG`, in any case.
pub fn signal_number(name: &str) -> Option<i32> {
    let name = name.to_ascii_uppercase();
    let bare = name.strip_prefix("SIG").unwrap_or(&name);
    SIGNALS
        .iter()
        .find(|(known, _)| known.strip_prefix("SIG") == Some(bare))
        .map(|(_, number)| *number)
}

/// What was odd about a stop value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopOddity {
    Missing,
    KillMeant,
    UnknownSignal,
}

impl Stop {
    /// SIGTERM, as a container that names nothing else is stopped.
    pub const TERM: Stop = Stop::Signal {
        number: 15,
        grace_ms: None,
    };

    /// Reads an egg's stop value. A command is taken as it stands: spaces and `;` belong to it.
    pub(crate) fn read(value: &str) -> (Stop, Option<StopOddity>) {
        let signal = |number| Stop::Signal {
            number,
            grace_ms: None,
        };
        if value.is_empty() {
            return (Stop::TERM, Some(StopOddity::Missing));
        }
        let Some(name) = value.strip_prefix('^') else {
            return (Stop::Command(value.to_owned()), None);
        };
        if name.eq_ignore_ascii_case("C") {
            return (signal(2), None);
        }
        if name.eq_ignore_ascii_case("^C") {
            let impatient = Stop::Signal {
                number: 2,
                grace_ms: Some(IMPATIENT_GRACE_MS),
            };
            return (impatient, Some(StopOddity::KillMeant));
        }
        match signal_number(name) {
            Some(number) => (signal(number), None),
            // Wings kills on a name that it doesn't know.
            None => (signal(9), Some(StopOddity::UnknownSignal)),
        }
    }

    /// The egg's text for it; reads back as the same value.
    pub fn value(&self) -> String {
        match self {
            Stop::Command(command) => command.clone(),
            Stop::Signal {
                number: 2,
                grace_ms: Some(_),
            } => "^^C".into(),
            Stop::Signal { number: 2, .. } => "^C".into(),
            Stop::Signal { number, .. } => {
                let name = SIGNALS.iter().find(|(_, known)| known == number);
                format!("^{}", name.map_or("SIGKILL", |(name, _)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(number: i32) -> Stop {
        Stop::Signal {
            number,
            grace_ms: None,
        }
    }

    #[test]
    fn caret_values_are_signals_and_all_else_is_typed() {
        let cases = [
            ("^C", signal(2)),
            ("^c", signal(2)),
            ("^SIGINT", signal(2)),
            ("^sigterm", signal(15)),
            ("^TERM", signal(15)),
            ("^SIGABRT", signal(6)),
            ("^SIGKILL", signal(9)),
            ("^X", signal(9)),
            ("", Stop::TERM),
            ("stop", Stop::Command("stop".into())),
            ("shutdown; exit;", Stop::Command("shutdown; exit;".into())),
            (" quit ", Stop::Command(" quit ".into())),
        ];
        for (value, stop) in cases {
            assert_eq!(Stop::read(value).0, stop, "{value}");
        }
    }

    #[test]
    fn double_caret_is_an_interrupt_with_little_patience() {
        let (stop, odd) = Stop::read("^^C");
        assert_eq!(
            stop,
            Stop::Signal {
                number: 2,
                grace_ms: Some(5_000)
            }
        );
        assert_eq!(odd, Some(StopOddity::KillMeant));
    }

    #[test]
    fn the_written_value_reads_back() {
        for value in [
            "^C", "^^C", "^SIGHUP", "^SIGKILL", "^SIGTERM", "end", "/quit",
        ] {
            let (stop, _) = Stop::read(value);
            assert_eq!(stop.value(), value);
            assert_eq!(Stop::read(&stop.value()).0, stop);
        }
    }
}
