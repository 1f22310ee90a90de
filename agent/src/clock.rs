//! Time: the node's own wall clock for people, a monotonic one for waiting, and control's for expiry.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::RwLock;
use warren_proto::bus::clock::ControlClock;

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
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// Control's clock as last learnt, shared by all who judge an expiry.
#[derive(Debug, Default)]
pub struct ControlTime(RwLock<Option<ControlClock>>);

impl ControlTime {
    /// Control said `control_ms` in an answer that has just come.
    pub fn learn(&self, control_ms: i64) {
        *self.0.write() = Some(ControlClock::learn(control_ms, Instant::now()));
    }

    /// Control's time now; the node's own while control has said nothing.
    pub fn now_ms(&self) -> i64 {
        let clock = *self.0.read();
        clock.map_or_else(wall_ms, |c| c.now_ms(Instant::now()))
    }

    /// How far the node's wall clock is ahead of control's; 0 while unknown.
    pub fn skew_ms(&self) -> i64 {
        let clock = *self.0.read();
        clock.map_or(0, |c| c.skew_ms(wall_ms(), Instant::now()))
    }
}
