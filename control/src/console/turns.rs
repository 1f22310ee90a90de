//! Searches in a bounded queue: one reads and unpacks up to everything that is kept of a server, and a flood of
//! them must neither hold all read connections nor starve the games beside us.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// So many may wait for a turn; more are told to come again.
const ROOM: usize = 16;
/// Nobody waits longer for a turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Too many search at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// Gives out turns.
#[derive(Clone)]
pub struct Turns(Arc<Inner>);

struct Inner {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    refused: AtomicU64,
}

impl Default for Turns {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Inner {
            turns: Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))),
            waiting: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        }))
    }
}

/// Counts who waits for as long as it lives, also when the request is dropped.
struct Waiting<'a>(&'a Inner);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

impl Turns {
    /// Waits for a turn; it lasts until it is dropped.
    /// # Errors
    /// [`Busy`], at once or after 5 s.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, Busy> {
        let before = self.0.waiting.fetch_add(1, Relaxed);
        let _waiting = Waiting(&self.0);
        if before < ROOM
            && let Ok(Ok(turn)) = timeout(PATIENCE, self.0.turns.clone().acquire_owned()).await
        {
            return Ok(turn);
        }
        self.0.refused.fetch_add(1, Relaxed);
        Err(Busy)
    }

    /// Searches turned away since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn beyond_the_room_there_is_a_refusal_at_once() {
        let turns = Turns::default();
        let mut held = Vec::new();
        while let Ok(turn) = turns.0.turns.clone().try_acquire_owned() {
            held.push(turn);
        }
        let waiting: Vec<_> = (0..ROOM)
            .map(|_| {
                let turns = turns.clone();
                tokio::spawn(async move { turns.turn().await.map(drop) })
            })
            .collect();
        while turns.0.waiting.load(Relaxed) < ROOM {
            tokio::task::yield_now().await;
        }
        assert_eq!(turns.turn().await.err(), Some(Busy));
        assert_eq!(turns.refused(), 1);
        // One who hangs up gives the place back.
        waiting[0].abort();
        while turns.0.waiting.load(Relaxed) == ROOM {
            tokio::task::yield_now().await;
        }
        drop(held);
        drop(turns.turn().await.unwrap());
    }
}
