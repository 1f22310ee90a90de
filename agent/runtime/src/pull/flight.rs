//! Equal work is done once: later callers sit in the running flight, the last to leave ends it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::runtime::{ImageRef, PullProgress, RegistryAuth};

/// Credentials are part of it: nobody rides on another's rights.
type Key = (ImageRef, RegistryAuth);

struct Flight<T> {
    progress: Arc<watch::Sender<PullProgress>>,
    outcome: watch::Receiver<Option<T>>,
    abort: CancellationToken,
}

impl<T> Drop for Flight<T> {
    fn drop(&mut self) {
        self.abort.cancel();
    }
}

pub struct Flights<T> {
    running: Arc<Mutex<HashMap<Key, Weak<Flight<T>>>>>,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self {
            running: Arc::default(),
        }
    }
}

/// One caller's place.
pub struct Seat<T> {
    flight: Arc<Flight<T>>,
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// Joins the flight of that key, or starts one with `work`.
    pub fn join<F>(
        &self,
        key: Key,
        work: impl FnOnce(Arc<watch::Sender<PullProgress>>) -> F,
    ) -> Seat<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut running = self.running.lock();
        let open = running.get(&key).and_then(Weak::upgrade);
        if let Some(flight) = open.filter(|f| f.outcome.borrow().is_none()) {
            return Seat { flight };
        }
        let progress = Arc::new(watch::channel(PullProgress::default()).0);
        let (sender, outcome) = watch::channel(None);
        let flight = Arc::new(Flight {
            progress: progress.clone(),
            outcome,
            abort: CancellationToken::new(),
        });
        running.insert(key.clone(), Arc::downgrade(&flight));
        let (work, abort, all) = (work(progress), flight.abort.clone(), self.running.clone());
        tokio::spawn(async move {
            tokio::select! {
                outcome = work => { sender.send_replace(Some(outcome)); }
                () = abort.cancelled() => {}
            }
            let mut all = all.lock();
            if all.get(&key).is_some_and(|f| f.strong_count() == 0) {
                all.remove(&key);
            }
        });
        Seat { flight }
    }
}

impl<T: Clone> Seat<T> {
    /// The outcome, or `None` if `cancel` came first or the work was lost.
    pub async fn wait(
        &mut self,
        watcher: Option<&watch::Sender<PullProgress>>,
        cancel: &CancellationToken,
    ) -> Option<T> {
        let mut outcome = self.flight.outcome.clone();
        let mut progress = self.flight.progress.subscribe();
        let show = |progress: &mut watch::Receiver<PullProgress>| {
            if let Some(watcher) = watcher {
                watcher.send_replace(progress.borrow_and_update().clone());
            }
        };
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return None,
                ended = outcome.wait_for(Option::is_some) => {
                    let outcome = ended.ok()?.clone();
                    show(&mut progress);
                    return outcome;
                }
                Ok(()) = progress.changed() => show(&mut progress),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::oneshot;

    fn key() -> Key {
        ("alpine".parse().unwrap(), RegistryAuth::Anonymous)
    }

    #[tokio::test]
    async fn two_callers_share_one_work() {
        let flights = Flights::<u32>::default();
        let (go, gone) = oneshot::channel::<()>();
        let runs = AtomicUsize::new(0);
        let mut first = flights.join(key(), |_| {
            runs.fetch_add(1, Ordering::Relaxed);
            async {
                let _ = gone.await;
                7
            }
        });
        let mut second = flights.join(key(), |_| {
            runs.fetch_add(1, Ordering::Relaxed);
            async { 8 }
        });
        go.send(()).unwrap();
        let never = CancellationToken::new();
        assert_eq!(first.wait(None, &never).await, Some(7));
        assert_eq!(second.wait(None, &never).await, Some(7));
        assert_eq!(runs.into_inner(), 1);
    }

    #[tokio::test]
    async fn one_leaving_does_not_end_it_and_the_last_one_does() {
        let flights = Flights::<u32>::default();
        let (held, mut dropped) = oneshot::channel::<()>();
        let mut first = flights.join(key(), |_| async move {
            let _held = held;
            std::future::pending::<u32>().await
        });
        let second = flights.join(key(), |_| async { 8 });
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        assert_eq!(first.wait(None, &cancelled).await, None);
        drop(first);
        tokio::task::yield_now().await;
        assert!(dropped.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        drop(second);
        assert!(dropped.await.is_err());
    }
}
