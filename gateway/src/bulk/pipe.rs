//! Several chunks of a file on their way at one time, in order at the end. What is asked for and not taken yet is all that
//! is held, so a slow browser slows its node down and nobody else.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::Stream;
use tokio_util::task::AbortOnDropHandle;
use warren_proto::bus::CallError;

use super::file::{CHUNK, RemoteFile};

/// Chunks of one stream on their way at most: 4 MiB.
const WINDOW: usize = 16;
/// Every stream has so many.
const LEAST: usize = 2;

/// Bytes of a file, in order.
pub type Chunks = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, CallError>> + Send>>;

type OnItsWay<T> = AbortOnDropHandle<Result<T, CallError>>;

struct Reading {
    file: Arc<RemoteFile>,
    /// Where the next chunk that is asked for begins.
    next: u64,
    /// Where the next chunk that is given out begins.
    at: u64,
    to: u64,
    window: usize,
    waiting: VecDeque<OnItsWay<Bytes>>,
}

/// Bytes [from, to) of a file. One that turns out to be shorter ends in an error: whoever was told a length must not take
/// what came for the whole.
pub fn read(file: Arc<RemoteFile>, from: u64, to: u64) -> Chunks {
    let reading = Reading {
        file,
        next: from,
        at: from,
        to,
        window: LEAST,
        waiting: VecDeque::new(),
    };
    Box::pin(futures_util::stream::try_unfold(
        reading,
        |mut reading| async move {
            let chunk = reading.chunk().await?;
            Ok(chunk.map(|bytes| (bytes, reading)))
        },
    ))
}

impl Reading {
    async fn chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        if self.at >= self.to {
            return Ok(None);
        }
        self.adapt();
        while self.waiting.len() < self.window && self.next < self.to {
            let length = (self.to - self.next).min(CHUNK as u64);
            self.waiting.push_back(self.ask(self.next, length));
            self.next += length;
        }
        let Some(first) = self.waiting.pop_front() else {
            return Ok(None);
        };
        let bytes = joined(first.await)?;
        self.at += bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// More on its way while the taker waits, less while it is behind.
    fn adapt(&mut self) {
        let ready = self.waiting.iter().filter(|w| w.is_finished()).count();
        if ready == 0 {
            self.window = (self.window + 1).min(WINDOW);
        } else if ready == self.waiting.len() {
            self.window = (self.window - 1).max(LEAST);
        }
    }

    fn ask(&self, offset: u64, length: u64) -> OnItsWay<Bytes> {
        let file = self.file.clone();
        let length = u32::try_from(length).unwrap_or(CHUNK as u32);
        let task = async move {
            // Held while it is on its way; what lies here ready is bounded by the windows.
            let _room = file.line.room.clone().acquire_owned().await;
            let mut whole = BytesMut::new();
            loop {
                let had = whole.len() as u32;
                let data = file.read(offset + u64::from(had), length - had).await?.data;
                if had == 0 && data.len() as u32 == length {
                    return Ok(data);
                }
                if data.is_empty() {
                    return Err(CallError::Failed {
                        code: "file_changed".into(),
                        message: "the file became shorter while it was read".into(),
                        retryable: false,
                    });
                }
                whole.extend_from_slice(&data);
                if whole.len() as u32 >= length {
                    return Ok(whole.freeze());
                }
            }
        };
        AbortOnDropHandle::new(tokio::spawn(task))
    }
}

fn joined<T>(done: Result<Result<T, CallError>, tokio::task::JoinError>) -> Result<T, CallError> {
    done.unwrap_or_else(|e| {
        Err(CallError::Failed {
            code: "internal".into(),
            message: e.to_string(),
            retryable: true,
        })
    })
}

/// Writes a file from its place on, in chunks.
pub struct Writer {
    file: Arc<RemoteFile>,
    /// Where the next chunk begins.
    next: u64,
    /// Everything below is written.
    done: u64,
    buffer: BytesMut,
    waiting: VecDeque<OnItsWay<u64>>,
}

impl Writer {
    pub fn new(file: Arc<RemoteFile>, from: u64) -> Self {
        Self {
            file,
            next: from,
            done: from,
            buffer: BytesMut::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Bytes that came so far, written or not.
    pub fn end(&self) -> u64 {
        self.next + self.buffer.len() as u64
    }

    /// What is written for certain, in order.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Takes more bytes; waits while too much is on its way.
    /// # Errors
    /// Of a chunk that was written before.
    pub async fn push(&mut self, mut bytes: Bytes) -> Result<(), CallError> {
        while !bytes.is_empty() {
            if self.buffer.is_empty() {
                self.buffer.reserve(CHUNK);
            }
            let take = bytes.len().min(CHUNK - self.buffer.len());
            self.buffer.extend_from_slice(&bytes[..take]);
            bytes.advance(take);
            if self.buffer.len() == CHUNK {
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), CallError> {
        while self.waiting.len() >= WINDOW {
            self.land().await?;
        }
        let data = std::mem::take(&mut self.buffer).freeze();
        let (file, offset) = (self.file.clone(), self.next);
        self.next += data.len() as u64;
        let task = async move {
            let _room = file.line.room.clone().acquire_owned().await;
            file.write(offset, data).await
        };
        self.waiting
            .push_back(AbortOnDropHandle::new(tokio::spawn(task)));
        Ok(())
    }

    async fn land(&mut self) -> Result<(), CallError> {
        if let Some(first) = self.waiting.pop_front() {
            self.done = joined(first.await)?;
        }
        Ok(())
    }

    /// Waits until all that came is written; gives the end.
    /// # Errors
    /// Of a chunk.
    pub async fn finish(&mut self) -> Result<u64, CallError> {
        if !self.buffer.is_empty() {
            self.send().await?;
        }
        while !self.waiting.is_empty() {
            self.land().await?;
        }
        Ok(self.done)
    }
}
