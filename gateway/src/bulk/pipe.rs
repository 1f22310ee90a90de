//! Several chunks of a file on their way at one time, in order at the end. What is asked for and not taken yet is all that
//! is held, so a slow browser slows its node down and nobody else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::Stream;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;
use warren_proto::bus::CallError;
use warren_proto::wire::BulkData;

use super::file::{CHUNK, RemoteFile};

/// Chunks of one stream on their way at most: 4 MiB.
const WINDOW: usize = 16;
/// Every stream has so many.
const LEAST: usize = 2;
/// More than this on a slow line only makes its end come later, when it is ended: what is on its way can't be called back.
const SLOW: Duration = Duration::from_millis(600);
/// A chunk that took less than this leaves room for another.
const QUICK: Duration = Duration::from_millis(350);

/// Bytes of a file, in order.
pub type Chunks = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, CallError>> + Send>>;

type OnItsWay<T> = AbortOnDropHandle<Result<(T, Duration), CallError>>;

/// A chunk's task: waits for room among all streams, then for the chunk, and says how long that took.
fn on_its_way<T: Send + 'static>(
    file: Arc<RemoteFile>,
    work: impl Future<Output = Result<T, CallError>> + Send + 'static,
) -> OnItsWay<T> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        // What lies here ready is bounded by the windows.
        let _room = file.line.room.clone().acquire_owned().await;
        let began = Instant::now();
        work.await.map(|done| (done, began.elapsed()))
    }))
}

/// Another window after a chunk that took so long.
fn adapted(window: usize, took: Duration) -> usize {
    if took > SLOW {
        (window * 3 / 4).max(LEAST)
    } else if took < QUICK {
        (window + 1).min(WINDOW)
    } else {
        window
    }
}

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

/// All of what nobody knows the length of, in whole chunks, up to its end.
pub fn read_to_end(file: Arc<RemoteFile>) -> Chunks {
    struct Packed {
        file: Arc<RemoteFile>,
        next: u64,
        window: usize,
        waiting: VecDeque<OnItsWay<BulkData>>,
        over: bool,
    }
    let packed = Packed {
        file,
        next: 0,
        window: LEAST,
        waiting: VecDeque::new(),
        over: false,
    };
    Box::pin(futures_util::stream::try_unfold(
        packed,
        |mut packed| async move {
            if packed.over {
                return Ok(None);
            }
            while packed.waiting.len() < packed.window {
                let (file, offset) = (packed.file.clone(), packed.next);
                packed.next += CHUNK as u64;
                let of = file.clone();
                let read = async move { file.read(offset, CHUNK as u32).await };
                packed.waiting.push_back(on_its_way(of, read));
            }
            let Some(first) = packed.waiting.pop_front() else {
                return Ok(None);
            };
            let (data, took) = joined(first.await)?;
            packed.window = adapted(packed.window, took).min(WINDOW / 2);
            packed.over = data.eof || data.data.len() < CHUNK;
            Ok(Some((data.data, packed)))
        },
    ))
}

impl Reading {
    async fn chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        if self.at >= self.to {
            return Ok(None);
        }
        while self.waiting.len() < self.window && self.next < self.to {
            let length = (self.to - self.next).min(CHUNK as u64);
            self.waiting.push_back(self.ask(self.next, length));
            self.next += length;
        }
        let Some(first) = self.waiting.pop_front() else {
            return Ok(None);
        };
        let behind = first.is_finished();
        let (bytes, took) = joined(first.await)?;
        // A taker that finds its chunk ready needs no more of them.
        self.window = match behind {
            true => (self.window - 1).max(LEAST),
            false => adapted(self.window, took),
        };
        self.at += bytes.len() as u64;
        Ok(Some(bytes))
    }

    fn ask(&self, offset: u64, length: u64) -> OnItsWay<Bytes> {
        let file = self.file.clone();
        let length = u32::try_from(length).unwrap_or(CHUNK as u32);
        on_its_way(file.clone(), async move {
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
        })
    }
}

fn joined<T>(done: Result<Result<T, CallError>, JoinError>) -> Result<T, CallError> {
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
    window: usize,
    waiting: VecDeque<OnItsWay<u64>>,
}

impl Writer {
    pub fn new(file: Arc<RemoteFile>, from: u64) -> Self {
        Self {
            file,
            next: from,
            done: from,
            buffer: BytesMut::new(),
            window: LEAST,
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
        while self.waiting.len() >= self.window {
            self.land().await?;
        }
        let data = std::mem::take(&mut self.buffer).freeze();
        let (file, offset) = (self.file.clone(), self.next);
        self.next += data.len() as u64;
        let of = file.clone();
        let write = async move { file.write(offset, data).await };
        self.waiting.push_back(on_its_way(of, write));
        Ok(())
    }

    async fn land(&mut self) -> Result<(), CallError> {
        if let Some(first) = self.waiting.pop_front() {
            let (done, took) = joined(first.await)?;
            self.window = adapted(self.window, took);
            self.done = done;
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
