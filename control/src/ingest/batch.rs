//! Group commit: while one transaction runs, what arrives waits for the next, so that the cost is commits per
//! second and not nodes.

use std::{
    collections::HashMap, future::Future, hash::Hash, panic::AssertUnwindSafe, sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Uploads that share a transaction at most.
const MOST: usize = 256;
/// Uploads that may wait; more are answered `busy`.
const ROOM: usize = 2048;
/// Uploads of one sender that may wait. An agent has one in flight and a few that it gave up on; a hostile one
/// must not take the room of all others.
const ROOM_OF_ONE: usize = 16;
/// How long an upload waits for its commit.
const PATIENCE: Duration = Duration::from_secs(8);

/// Too many wait, or the commit took too long: the node sends it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

type Waiting<K> = Arc<Mutex<HashMap<K, usize>>>;

/// One place in the queue, given back when the work is done.
struct Place<K: Hash + Eq>(Waiting<K>, K);

impl<K: Hash + Eq> Drop for Place<K> {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        if let Some(count) = waiting.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.1);
            }
        }
    }
}

type Entry<K, T, R> = (T, (oneshot::Sender<R>, Place<K>));

/// Hands uploads of senders `K` to one worker.
pub struct Batcher<K: Hash + Eq, T, R> {
    queue: mpsc::Sender<Entry<K, T, R>>,
    waiting: Waiting<K>,
}

impl<K: Hash + Eq, T, R> Clone for Batcher<K, T, R> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            waiting: self.waiting.clone(),
        }
    }
}

impl<K, T, R> Batcher<K, T, R>
where
    K: Hash + Eq + Copy + Send + 'static,
    T: Send + 'static,
    R: Send + 'static,
{
    /// Starts the worker; it ends with the last handle. `work` answers each upload, in order.
    pub fn start<W, F>(work: W) -> Self
    where
        W: Fn(Vec<T>) -> F + Send + 'static,
        F: Future<Output = Vec<R>> + Send,
    {
        let (queue, mut rx) = mpsc::channel::<Entry<K, T, R>>(ROOM);
        tokio::spawn(async move {
            let mut waiting = Vec::with_capacity(MOST);
            while rx.recv_many(&mut waiting, MOST).await > 0 {
                let (uploads, answers): (Vec<T>, Vec<_>) = waiting.drain(..).unzip();
                // A fault in one batch must not end the answers to all nodes for good.
                let Ok(results) = AssertUnwindSafe(work(uploads)).catch_unwind().await else {
                    tracing::error!("storing a batch of uploads panicked; nodes send them again");
                    continue;
                };
                for ((answer, _place), result) in answers.into_iter().zip(results) {
                    // The asker may have given up; it asks again and finds its upload stored.
                    drop(answer.send(result));
                }
            }
        });
        Self {
            queue,
            waiting: Waiting::default(),
        }
    }

    fn place(&self, sender: K) -> Result<Place<K>, Busy> {
        let mut waiting = self.waiting.lock();
        let count = waiting.entry(sender).or_default();
        if *count >= ROOM_OF_ONE {
            return Err(Busy);
        }
        *count += 1;
        Ok(Place(self.waiting.clone(), sender))
    }

    /// Waits for the commit that holds this upload.
    /// # Errors
    /// [`Busy`].
    pub async fn submit(&self, sender: K, upload: T) -> Result<R, Busy> {
        let (tell, answer) = oneshot::channel();
        let place = self.place(sender)?;
        self.queue
            .try_send((upload, (tell, place)))
            .map_err(|_| Busy)?;
        match timeout(PATIENCE, answer).await {
            Ok(Ok(result)) => Ok(result),
            _ => Err(Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn what_arrives_meanwhile_shares_the_next_turn() {
        let sizes = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
        let seen = sizes.clone();
        let batcher = Batcher::start(move |uploads: Vec<u32>| {
            seen.lock().push(uploads.len());
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                uploads.into_iter().map(|n| n * 2).collect()
            }
        });
        let asks = (0..50).map(|n| {
            let batcher = batcher.clone();
            tokio::spawn(async move { batcher.submit(n, n).await.unwrap() })
        });
        let answers = futures_util::future::join_all(asks).await;
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.unwrap() as usize, n * 2);
        }
        assert!(sizes.lock().len() < 10, "{:?}", sizes.lock());
    }

    #[tokio::test]
    async fn one_sender_does_not_take_the_room_of_all() {
        let (go, wait) = tokio::sync::watch::channel(false);
        let batcher = Batcher::start(move |uploads: Vec<u32>| {
            let mut wait = wait.clone();
            async move {
                wait.wait_for(|go| *go).await.unwrap();
                uploads
            }
        });
        let asks: Vec<_> = (0..100)
            .map(|n| {
                let batcher = batcher.clone();
                tokio::spawn(async move { batcher.submit("hostile", n).await })
            })
            .collect();
        while batcher.waiting.lock().get("hostile") != Some(&ROOM_OF_ONE) {
            tokio::task::yield_now().await;
        }
        let other = tokio::spawn({
            let batcher = batcher.clone();
            async move { batcher.submit("other", 7).await }
        });
        while batcher.waiting.lock().len() < 2 {
            tokio::task::yield_now().await;
        }
        go.send(true).unwrap();
        assert_eq!(other.await.unwrap(), Ok(7));
        let results = futures_util::future::join_all(asks).await;
        let taken = results.iter().filter(|r| matches!(r, Ok(Ok(_)))).count();
        assert_eq!(taken, ROOM_OF_ONE);
        batcher.submit("hostile", 1).await.unwrap();
        assert!(batcher.waiting.lock().is_empty());
    }

    #[tokio::test]
    async fn a_batch_that_panics_does_not_end_the_worker() {
        let batcher = Batcher::start(|uploads: Vec<u32>| async move {
            assert!(!uploads.contains(&13));
            uploads
        });
        assert_eq!(batcher.submit(1, 13).await, Err(Busy));
        assert_eq!(batcher.submit(1, 14).await, Ok(14));
    }
}
