//! Blobs into containerd's content store, and out of it.

use std::collections::HashMap;

use bytes::Bytes;
use containerd_client::services::v1 as api;
use prost_types::FieldMask;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::containerd::client::{Client, QUICK, SLOW, call, explain};
use crate::runtime::{Error, Result};

pub type Labels = HashMap<String, String>;

/// Bytes sent to containerd at once; its own limit for a message is 16 MiB.
pub const PIECE: usize = 1 << 20;

/// One blob being written. Dropped, it stays as a partial transfer that can be taken up again.
pub struct Writer {
    sender: mpsc::Sender<api::WriteContentRequest>,
    answers: Streaming<api::WriteContentResponse>,
    name: String,
    digest: String,
    total: i64,
    offset: u64,
}

/// What opening a writer found.
pub enum Opened {
    Writer(Box<Writer>),
    /// The blob is complete already.
    Present,
}

/// The name of the partial transfer of a blob: by digest, so that any later pull continues it.
fn name(digest: &str) -> String {
    format!("warren-{digest}")
}

impl Writer {
    /// Opens or reopens the transfer of a blob.
    pub async fn open(client: &Client, lease: &str, digest: &str, size: u64) -> Result<Opened> {
        let (sender, receiver) = mpsc::channel(2);
        let total = i64::try_from(size).unwrap_or(i64::MAX);
        let first = api::WriteContentRequest {
            action: api::WriteAction::Stat.into(),
            r#ref: name(digest),
            total,
            expected: digest.to_owned(),
            ..Default::default()
        };
        // containerd sends no headers before its first answer: the question must be on its way.
        let gone = || Error::Unavailable("open a blob: the stream closed".into());
        sender.send(first).await.map_err(|_| gone())?;
        let request = client.leased(ReceiverStream::new(receiver), lease)?;
        let mut content = client.content();
        let opened = call("open a blob", QUICK, content.write(request)).await;
        let mut answers = match opened {
            Err(Error::Conflict { .. }) => return Ok(Opened::Present),
            other => other?,
        };
        let answer = match call_stream("open a blob", &mut answers).await {
            Err(Error::Conflict { .. }) => return Ok(Opened::Present),
            other => other?,
        };
        let answer = answer.ok_or_else(gone)?;
        Ok(Opened::Writer(Box::new(Self {
            sender,
            answers,
            name: name(digest),
            digest: digest.to_owned(),
            total,
            offset: u64::try_from(answer.offset).unwrap_or(0),
        })))
    }

    /// Bytes that are there.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Appends.
    pub async fn write(&mut self, data: Bytes) -> Result<()> {
        let len = data.len() as u64;
        self.ask(api::WriteAction::Write, data.to_vec(), Labels::new())
            .await?;
        self.offset += len;
        Ok(())
    }

    /// Ends the transfer. containerd compares size and digest.
    /// # Errors
    /// `Refused` if they differ.
    pub async fn commit(mut self, labels: Labels) -> Result<()> {
        match self.ask(api::WriteAction::Commit, Vec::new(), labels).await {
            Err(Error::Conflict { .. }) => Ok(()),
            other => other,
        }
    }

    async fn ask(&mut self, action: api::WriteAction, data: Vec<u8>, labels: Labels) -> Result<()> {
        let message = api::WriteContentRequest {
            action: action.into(),
            r#ref: self.name.clone(),
            total: self.total,
            expected: self.digest.clone(),
            offset: i64::try_from(self.offset).unwrap_or(i64::MAX),
            data,
            labels,
        };
        if self.sender.send(message).await.is_err() {
            // The reason for the end of the stream stands in the answers.
            return match call_stream("write a blob", &mut self.answers).await {
                Err(error) => Err(error),
                Ok(_) => Err(Error::Unavailable("write a blob: the stream closed".into())),
            };
        }
        match call_stream("write a blob", &mut self.answers).await? {
            Some(_) => Ok(()),
            None => Err(Error::Unavailable("write a blob: the stream closed".into())),
        }
    }
}

async fn call_stream<T>(what: &str, stream: &mut Streaming<T>) -> Result<Option<T>> {
    match tokio::time::timeout(SLOW, stream.message()).await {
        Ok(Ok(message)) => Ok(message),
        Ok(Err(status)) => Err(explain(what, &status)),
        Err(_) => Err(Error::Timeout {
            what: what.to_owned(),
            limit: SLOW,
        }),
    }
}

/// Forgets a partial transfer.
pub async fn abort(client: &Client, digest: &str) -> Result<()> {
    let request = client.request(api::AbortRequest {
        r#ref: name(digest),
    });
    match call("abort a blob", QUICK, client.content().abort(request)).await {
        Err(Error::NotFound { .. }) => Ok(()),
        other => other.map(drop),
    }
}

/// Whether a blob is complete here.
pub async fn present(client: &Client, digest: &str) -> Result<bool> {
    let request = client.request(api::InfoRequest {
        digest: digest.to_owned(),
    });
    match call("look for a blob", QUICK, client.content().info(request)).await {
        Err(Error::NotFound { .. }) => Ok(false),
        other => other.map(|_| true),
    }
}

/// Sets labels on a blob that exists, leaving others alone.
pub async fn label(client: &Client, digest: &str, labels: Labels) -> Result<()> {
    if labels.is_empty() {
        return Ok(());
    }
    let paths = labels.keys().map(|key| format!("labels.{key}")).collect();
    let request = client.request(api::UpdateRequest {
        info: Some(api::Info {
            digest: digest.to_owned(),
            labels,
            ..Default::default()
        }),
        update_mask: Some(FieldMask { paths }),
    });
    call("label a blob", QUICK, client.content().update(request)).await?;
    Ok(())
}

/// A small blob whole.
/// # Errors
/// `NotFound`; `Invalid` above `limit` bytes.
pub async fn read(client: &Client, digest: &str, limit: usize) -> Result<Vec<u8>> {
    let request = client.request(api::ReadContentRequest {
        digest: digest.to_owned(),
        offset: 0,
        size: 0,
    });
    let mut stream = call("read a blob", QUICK, client.content().read(request)).await?;
    let mut all = Vec::new();
    while let Some(piece) = call_stream("read a blob", &mut stream).await? {
        if all.len() + piece.data.len() > limit {
            return Err(Error::Invalid(format!("blob {digest} is too large")));
        }
        all.extend_from_slice(&piece.data);
    }
    Ok(all)
}

/// Writes a small blob that is in memory.
pub async fn put(
    client: &Client,
    lease: &str,
    digest: &str,
    bytes: &[u8],
    labels: Labels,
) -> Result<()> {
    match Writer::open(client, lease, digest, bytes.len() as u64).await? {
        Opened::Present => label(client, digest, labels).await,
        Opened::Writer(mut writer) => {
            let from = usize::try_from(writer.offset()).unwrap_or(0);
            for piece in bytes.get(from..).unwrap_or_default().chunks(PIECE) {
                writer.write(Bytes::copy_from_slice(piece)).await?;
            }
            writer.commit(labels).await
        }
    }
}
