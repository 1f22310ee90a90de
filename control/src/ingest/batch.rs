//! Group commit: while one transaction runs, what arrives waits for the next, so that the cost is commits per
//! second and not nodes.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Uploads that share a transaction at most.
const MOST: usize = 256;
/// Uploads that may wait; more are answered `busy`.
const ROOM: usize = 2048;
/// How long an upload waits for its commit.
const PATIENCE: Duration = Duration::from_secs(8);

/// Too many wait, or the commit took too long: the node sends it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// Hands uploads to one worker.
pub struct Batcher<T, R>(mpsc::Sender<(T, oneshot::Sender<R>)>);

impl<T, R> Clone for Batcher<T, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + 'static, R: Send + 'static> Batcher<T, R> {
    /// Starts the worker; it ends with the last handle. `work` answers each upload, in order.
    pub fn start<W, F>(work: W) -> Self
    where
        W: Fn(Vec<T>) -> F + Send + 'static,
        F: Future<Output = Vec<R>> + Send,
    {
        let (tx, mut rx) = mpsc::channel::<(T, oneshot::Sender<R>)>(ROOM);
        tokio::spawn(async move {
            let mut waiting = Vec::with_capacity(MOST);
            while rx.recv_many(&mut waiting, MOST).await > 0 {
                let (uploads, answers): (Vec<T>, Vec<_>) = waiting.drain(..).unzip();
                // A panic costs this batch, which its nodes send again, and not every batch after it.
                let Ok(results) = AssertUnwindSafe(work(uploads)).catch_unwind().await else {
                    tracing::error!("storing a batch of uploads panicked");
                    continue;
                };
                for (answer, result) in answers.into_iter().zip(results) {
                    // The asker may have given up; it asks again and finds its upload stored.
                    drop(answer.send(result));
                }
            }
        });
        Self(tx)
    }

    /// Waits for the commit that holds this upload.
    /// # Errors
    /// [`Busy`].
    pub async fn submit(&self, upload: T) -> Result<R, Busy> {
        let (tell, answer) = oneshot::channel();
        self.0.try_send((upload, tell)).map_err(|_| Busy)?;
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
    async fn a_panic_costs_one_batch_alone() {
        let batcher = Batcher::start(|uploads: Vec<u32>| async move {
            assert_ne!(uploads[0], 13, "unlucky");
            uploads
        });
        assert_eq!(batcher.submit(13).await, Err(Busy));
        assert_eq!(batcher.submit(14).await, Ok(14));
    }

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
            tokio::spawn(async move { batcher.submit(n).await.unwrap() })
        });
        let answers = futures_util::future::join_all(asks).await;
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.unwrap() as usize, n * 2);
        }
        assert!(sizes.lock().len() < 10, "{:?}", sizes.lock());
    }
}
