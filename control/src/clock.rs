//! Control's time. Tests turn it; everything else reads it here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Gives Unix milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Set in tests: the time stands still until it is turned.
    turned: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `now_ms` until [`Clock::advance`] turns it.
    #[must_use]
    pub fn standing(now_ms: i64) -> Self {
        Self {
            turned: Some(Arc::new(AtomicI64::new(now_ms))),
        }
    }

    /// Unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &self.turned {
            Some(at) => at.load(Ordering::SeqCst),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// Unix seconds.
    #[must_use]
    pub fn now_s(&self) -> i64 {
        self.now_ms() / 1000
    }

    /// Turns a standing clock on; a system clock stays as it is.
    pub fn advance(&self, ms: i64) {
        if let Some(at) = &self.turned {
            at.fetch_add(ms, Ordering::SeqCst);
        }
    }
}
