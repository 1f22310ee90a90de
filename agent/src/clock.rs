//! Time: the node's own wall clock for people, a monotonic one for waiting, and control's for expiry.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The node's wall clock, Unix milliseconds. For people, never for order.
pub fn wall_ms() -> i64 {
    to_ms(SystemTime::now())
}

/// A system time as Unix milliseconds; before 1970 is 0.
pub fn to_ms(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds since this process first asked; never goes back.
pub fn mono_ms() -> i64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(Instant::now);
    i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// Control's clock, learnt with each answer and carried on by the monotonic one.
#[derive(Debug, Default)]
pub struct ControlClock {
    /// Control's Unix milliseconds minus [`mono_ms`]; 0 while unknown.
    offset_ms: AtomicI64,
}

impl ControlClock {
    /// Control said `control_ms` in answer to what was sent at `sent_mono_ms`: half the way back is
    /// reckoned to it.
    pub fn learn(&self, control_ms: i64, sent_mono_ms: i64) {
        let now = mono_ms();
        let middle = sent_mono_ms + (now - sent_mono_ms).max(0) / 2;
        self.offset_ms.store(control_ms - middle, Ordering::Relaxed);
    }

    /// Control's time now; the node's own while control has said nothing.
    pub fn now_ms(&self) -> i64 {
        match self.offset_ms.load(Ordering::Relaxed) {
            0 => wall_ms(),
            offset => mono_ms() + offset,
        }
    }

    /// How far the node's wall clock is ahead of control's; 0 while unknown.
    pub fn skew_ms(&self) -> i64 {
        wall_ms() - self.now_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_time_goes_on_whatever_the_wall_clock_says() {
        let clock = ControlClock::default();
        assert!(clock.skew_ms().abs() < 50);
        clock.learn(1_000_000, mono_ms());
        assert!((clock.now_ms() - 1_000_000).abs() < 50);
        assert!(clock.skew_ms() > 1_000_000);
    }
}
