//! How much one control does on one host at a time: a host has few connections, and one that is away must not keep the
//! others from their work.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections to one host.
const AT_ONCE: usize = 4;

/// Hands out turns.
#[derive(Clone, Default, Debug)]
pub struct Desk(Arc<DashMap<String, Arc<Semaphore>>>);

impl Desk {
    /// A turn on a host, while there is one; dropping it gives it back.
    #[must_use]
    pub fn try_turn(&self, host: &str) -> Option<OwnedSemaphorePermit> {
        let turns = self
            .0
            .entry(host.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)))
            .clone();
        turns.try_acquire_owned().ok()
    }

    /// The host is gone.
    pub fn forget(&self, host: &str) {
        self.0.remove(host);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_host_that_has_its_hands_full_keeps_no_other_waiting() {
        let desk = Desk::default();
        let held: Vec<_> = (0..AT_ONCE).map(|_| desk.try_turn("a").unwrap()).collect();
        assert!(desk.try_turn("a").is_none());
        assert!(desk.try_turn("b").is_some());
        drop(held);
        assert!(desk.try_turn("a").is_some());
    }
}
