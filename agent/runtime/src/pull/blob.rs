//! One blob from the registry into the store, taken up again when the line breaks.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt as _;
use rand::Rng as _;

use super::lease::Lease;
use super::manifest::Descriptor;
use super::registry::{Session, reason};
use super::store::{self, Labels, Opened, PIECE, Writer};
use crate::containerd::client::Client;
use crate::runtime::{Error, ImageProblem, Result};

/// Tries in a row that brought nothing before we give up.
const TRIES: u32 = 5;

/// What a transfer tells of itself.
pub trait Watcher: Send + Sync {
    fn at(&self, done_bytes: u64);
    fn fetched(&self, bytes: u64);
    fn resumed(&self);
}

/// A blob to be fetched for an image (named in errors).
pub struct Fetch<'a> {
    pub client: &'a Client,
    pub session: &'a Session,
    pub lease: &'a Lease,
    pub image: &'a str,
    pub blob: &'a Descriptor,
    pub labels: Labels,
    pub watcher: &'a dyn Watcher,
}

impl Fetch<'_> {
    pub async fn run(&self) -> Result<()> {
        let mut failures = 0;
        let mut best = 0;
        loop {
            let outcome = self.attempt().await;
            let (at, error) = match outcome {
                Ok(()) => return Ok(()),
                Err(broken) => broken,
            };
            let again = match &error {
                Error::Image { problem, .. } => matches!(problem, ImageProblem::Unreachable(_)),
                // Also "ref locked": a former writer of the same blob has not let go yet.
                Error::Unavailable(_) => true,
                _ => false,
            };
            failures = if at > best { 1 } else { failures + 1 };
            best = best.max(at);
            if !again || failures >= TRIES {
                return Err(error);
            }
            self.watcher.resumed();
            tracing::debug!(blob = %self.blob.digest, at, %error, "transfer broke, resuming");
            tokio::time::sleep(pause(failures)).await;
        }
    }

    /// One connection's worth. The error carries how far the blob has come.
    async fn attempt(&self) -> std::result::Result<(), (u64, Error)> {
        let digest = &self.blob.digest;
        let size = u64::try_from(self.blob.size).unwrap_or(0);
        let start = |e| (0, e);
        let opened = Writer::open(self.client, &self.lease.id(), digest, size).await;
        let mut writer = match opened.map_err(start)? {
            Opened::Present => return self.adopt(size).await.map_err(start),
            Opened::Writer(writer) => writer,
        };
        if writer.offset() > size {
            return self
                .corrupt(format!("blob {digest} is longer than its manifest says"))
                .await;
        }
        if writer.offset() < size {
            self.transfer(&mut writer, size)
                .await
                .map_err(|e| (writer.offset(), e))?;
        }
        let at = writer.offset();
        match writer.commit(self.labels.clone()).await {
            Ok(()) => Ok(()),
            // "unexpected commit digest" or "size"; a full disk is another matter.
            Err(Error::Refused { detail, .. }) if detail.contains("unexpected commit") => {
                self.corrupt(format!("blob {digest}: {detail}")).await
            }
            Err(error) => Err((at, error)),
        }
    }

    async fn adopt(&self, size: u64) -> Result<()> {
        self.lease.hold_content(&self.blob.digest).await?;
        store::label(self.client, &self.blob.digest, self.labels.clone()).await?;
        self.watcher.at(size);
        Ok(())
    }

    /// A partial transfer that can't become right must not wait for the next pull.
    async fn corrupt(&self, detail: String) -> std::result::Result<(), (u64, Error)> {
        if let Err(error) = store::abort(self.client, &self.blob.digest).await {
            tracing::warn!(blob = %self.blob.digest, %error, "could not drop a bad transfer");
        }
        Err((0, Error::image(self.image, ImageProblem::Corrupt(detail))))
    }

    async fn transfer(&self, writer: &mut Writer, size: u64) -> Result<()> {
        let problem = |p| Error::image(self.image, p);
        let from = writer.offset();
        let body = self
            .session
            .blob(&self.blob.digest, from)
            .await
            .map_err(problem)?;
        // A registry without ranges starts from zero: what we have is read past.
        let mut skip = from - body.offset;
        let mut stream = body.stream;
        let mut pending = BytesMut::with_capacity(PIECE);
        let broken = |text: String| Error::image(self.image, ImageProblem::Unreachable(text));
        loop {
            let piece = stream.next().await;
            let ended = !matches!(piece, Some(Ok(_)));
            let mut failure = None;
            match piece {
                Some(Ok(mut piece)) => {
                    self.watcher.fetched(piece.len() as u64);
                    let past = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
                    let _ = piece.split_to(past);
                    skip -= past as u64;
                    pending.extend_from_slice(&piece);
                }
                Some(Err(error)) => failure = Some(broken(reason(&error))),
                None => {}
            }
            if writer.offset() + pending.len() as u64 > size {
                let text = format!("blob {} is longer than {size} bytes", self.blob.digest);
                return Err(problem(ImageProblem::Corrupt(text)));
            }
            if pending.len() >= PIECE || (ended && !pending.is_empty()) {
                writer.write(pending.split().freeze()).await?;
                self.watcher.at(writer.offset());
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
            if ended {
                break;
            }
        }
        if writer.offset() < size {
            let text = format!("the line was cut at {} of {size} bytes", writer.offset());
            return Err(broken(text));
        }
        Ok(())
    }
}

fn pause(failures: u32) -> Duration {
    let ceiling = 200_u64 << failures.min(5);
    Duration::from_millis(rand::rng().random_range(ceiling / 2..=ceiling))
}
