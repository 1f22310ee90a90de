//! How long an answer may take on this way, judged by those that came.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Before anything is known of the way.
const FIRST_MS: u64 = 2500;
const LEAST: Duration = Duration::from_secs(2);
const MOST: Duration = Duration::from_secs(20);

/// See the module.
#[derive(Debug)]
pub struct Pace {
    /// Smoothed, milliseconds.
    usual_ms: AtomicU64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            usual_ms: AtomicU64::new(FIRST_MS),
        }
    }
}

impl Pace {
    /// An answer took so long.
    pub fn took(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 8);
        let usual = self.usual_ms.load(Relaxed);
        // Up at once, down slowly: a wait that is too short asks twice for what is on its way.
        let next = if ms > usual { ms } else { (usual * 7 + ms) / 8 };
        self.usual_ms.store(next, Relaxed);
    }

    /// An answer did not come.
    pub fn lost(&self) {
        let usual = self.usual_ms.load(Relaxed);
        self.usual_ms
            .store((usual * 2).min(MOST.as_millis() as u64), Relaxed);
    }

    /// After so long it is asked again.
    pub fn wait(&self) -> Duration {
        Duration::from_millis(self.usual_ms.load(Relaxed) * 4).clamp(LEAST, MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_way_is_waited_for_shortly_and_a_slow_one_long() {
        let pace = Pace::default();
        assert_eq!(pace.wait(), Duration::from_secs(10));
        for _ in 0..100 {
            pace.took(Duration::from_millis(3));
        }
        assert_eq!(pace.wait(), LEAST);
        pace.took(Duration::from_secs(4));
        assert_eq!(pace.wait(), Duration::from_secs(16));
        for _ in 0..9 {
            pace.lost();
        }
        assert_eq!(pace.wait(), MOST);
    }
}
