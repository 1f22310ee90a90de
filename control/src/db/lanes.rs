//! The queue in front of SQLite's one writer: people first, machines next, neither starved.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::oneshot, time::timeout};

/// Who waits for the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Somebody looks at a spinner.
    People,
    /// Ingest, timers, retention.
    Machines,
}

/// So many may wait per lane; more are refused at once and counted.
const ROOM: usize = 1024;
/// After so many of the people's turns a waiting machine gets one.
const PATIENCE: u32 = 8;

/// No turn within the time given, or too many wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

#[derive(Default)]
struct State {
    taken: bool,
    people: VecDeque<oneshot::Sender<Turn>>,
    machines: VecDeque<oneshot::Sender<Turn>>,
    people_in_a_row: u32,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    refused: AtomicU64,
}

/// Hands out one [`Turn`] at a time.
#[derive(Clone, Default)]
pub struct Lanes(Arc<Inner>);

/// The right to write; dropping it wakes the next.
pub struct Turn(Option<Arc<Inner>>);

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Turn")
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(inner) = self.0.take() else { return };
        let mut state = inner.state.lock();
        while let Some(next) = state.next() {
            match next.send(Turn(Some(inner.clone()))) {
                Ok(()) => return,
                // Gave up waiting. Emptied, because its `Drop` would lock again.
                Err(mut turn) => drop(turn.0.take()),
            }
        }
        state.taken = false;
    }
}

impl State {
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let machine_is_due = self.people_in_a_row >= PATIENCE && !self.machines.is_empty();
        if !machine_is_due && let Some(person) = self.people.pop_front() {
            self.people_in_a_row += 1;
            return Some(person);
        }
        self.people_in_a_row = 0;
        self.machines.pop_front()
    }
}

impl Lanes {
    /// Waits for a turn.
    /// # Errors
    /// [`Busy`] when too many wait, or none came within `within`.
    pub async fn turn(&self, lane: Lane, within: Duration) -> Result<Turn, Busy> {
        let wait = {
            let mut state = self.0.state.lock();
            if !state.taken {
                state.taken = true;
                state.people_in_a_row = 0;
                return Ok(Turn(Some(self.0.clone())));
            }
            let queue = match lane {
                Lane::People => &mut state.people,
                Lane::Machines => &mut state.machines,
            };
            queue.retain(|w| !w.is_closed());
            if queue.len() >= ROOM {
                self.0.refused.fetch_add(1, Ordering::Relaxed);
                return Err(Busy);
            }
            let (tell, wait) = oneshot::channel();
            queue.push_back(tell);
            wait
        };
        match timeout(within, wait).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => {
                self.0.refused.fetch_add(1, Ordering::Relaxed);
                Err(Busy)
            }
        }
    }

    /// How many were turned away since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn people_go_first_but_machines_are_not_starved() {
        let lanes = Lanes::default();
        let first = lanes.turn(Lane::Machines, SOON).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for lane in
            std::iter::repeat_n(Lane::Machines, 2).chain(std::iter::repeat_n(Lane::People, 10))
        {
            let (lanes, order) = (lanes.clone(), order.clone());
            waiting.push(tokio::spawn(async move {
                let _turn = lanes.turn(lane, SOON).await.unwrap();
                order.lock().push(lane);
            }));
            tokio::task::yield_now().await;
        }
        drop(first);
        for task in waiting {
            task.await.unwrap();
        }
        let order = order.lock();
        assert!(order[..8].iter().all(|l| *l == Lane::People));
        assert_eq!(order[8], Lane::Machines);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_does_not_keep_the_turn() {
        let lanes = Lanes::default();
        let held = lanes.turn(Lane::People, SOON).await.unwrap();
        lanes
            .turn(Lane::People, Duration::from_millis(1))
            .await
            .unwrap_err();
        drop(held);
        drop(lanes.turn(Lane::Machines, SOON).await.unwrap());
        assert_eq!(lanes.refused(), 1);
    }
}
