//! Control's time, as far as a program that only hears from control can know it.

use std::time::Instant;

/// Learnt at hello and carried on by the monotonic clock, so that a wrong or jumping wall clock on a node
/// neither revives an expired command nor kills a good one.
#[derive(Debug, Clone, Copy)]
pub struct ControlClock {
    told_ms: i64,
    at: Instant,
}

impl ControlClock {
    /// `told_ms` is control's Unix time in milliseconds, `at` the moment when its answer came.
    pub fn learn(told_ms: i64, at: Instant) -> Self {
        Self { told_ms, at }
    }

    /// Control's Unix time in milliseconds at `now`.
    pub fn now_ms(&self, now: Instant) -> i64 {
        let since = now.saturating_duration_since(self.at).as_millis();
        self.told_ms
            .saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// How far a wall clock is off, in milliseconds; positive when it is ahead of control.
    pub fn skew_ms(&self, wall_ms: i64, now: Instant) -> i64 {
        wall_ms.saturating_sub(self.now_ms(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn control_time_goes_on_without_control() {
        let at = Instant::now();
        let clock = ControlClock::learn(1_000_000, at);
        assert_eq!(clock.now_ms(at + Duration::from_secs(90)), 1_090_000);
        assert_eq!(
            clock.skew_ms(1_120_000, at + Duration::from_secs(90)),
            30_000
        );
        assert_eq!(clock.now_ms(at), 1_000_000);
    }
}
