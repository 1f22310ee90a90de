//! What is on its way to one browser. A frame is written to the socket at once, by whoever has it; only what
//! the socket does not take waits here, bounded by bytes and by age. Console frames are what gives way.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use warren_proto::ids::{RunId, SessionId, UserId};

use super::frame;
use super::message::{self, Stream};
use crate::metrics::Metrics;

/// Console bytes that may wait for one browser.
const MAX_WAITING: usize = 256 * 1024;
/// And for how long the oldest may have waited: a bound in bytes alone lets a slow trickle fall far behind.
const MAX_AGE: Duration = Duration::from_secs(2);
/// While a replay of up to three streams is on its way.
const MAX_REPLAY: usize = 1024 * 1024;
/// Everything else (answers, events) that may wait; a browser that reads nothing at all is let go.
const MAX_OTHER: usize = 1024 * 1024;

/// Which console bytes a frame carries, so that a dropped one can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub sub: u32,
    pub stream: Stream,
    pub run: RunId,
    pub from: u64,
    pub to: u64,
}

/// Why a connection is ended by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub code: u16,
    pub reason: &'static str,
}

pub const REVOKED: Cut = Cut {
    code: 4403,
    reason: "revoked",
};
pub const TOO_SLOW: Cut = Cut {
    code: 4408,
    reason: "not reading",
};

/// What was missed, fetched for one browser at one time.
const MAX_REPLAYS: usize = 64;

pub struct Viewer {
    pub key: u64,
    pub stream: TcpStream,
    out: Mutex<Out>,
    cut: Mutex<Option<Cut>>,
    /// Wakes the connection's own task: something waits, or it was cut.
    pub wake: Notify,
    /// Told when the queue has shrunk.
    drained: Notify,
    who: Mutex<Option<(SessionId, UserId)>>,
    pub replays: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Out {
    queue: VecDeque<Item>,
    console_bytes: usize,
    other_bytes: usize,
    /// How much of the first item has gone out.
    written: usize,
    /// A greeting's replay is on its way: it may be more than a viewer can fall behind otherwise. The frames
    /// are shared with the ring, so they cost no memory of their own.
    replaying: bool,
}

struct Item {
    bytes: Bytes,
    at: Instant,
    mark: Option<Mark>,
    /// Superseded by the next with the same number.
    latest: Option<u32>,
}

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

impl Viewer {
    pub fn new(stream: TcpStream, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            key: NEXT_KEY.fetch_add(1, Relaxed),
            stream,
            out: Mutex::default(),
            cut: Mutex::default(),
            wake: Notify::new(),
            drained: Notify::new(),
            who: Mutex::default(),
            replays: Arc::new(Semaphore::new(MAX_REPLAYS)),
            metrics,
        })
    }

    pub fn identify(&self, session: SessionId, user: UserId) {
        *self.who.lock() = Some((session, user));
    }

    pub fn who(&self) -> Option<(SessionId, UserId)> {
        *self.who.lock()
    }

    /// Ends the connection soon; the first reason stays.
    pub fn cut(&self, cut: Cut) {
        self.cut.lock().get_or_insert(cut);
        self.wake.notify_one();
    }

    pub fn was_cut(&self) -> Option<Cut> {
        *self.cut.lock()
    }

    /// Sends what must not be dropped: answers, events, gaps.
    pub fn send(&self, bytes: Bytes) {
        let too_much = {
            let mut out = self.out.lock();
            self.put(&mut out, bytes, None, None);
            out.other_bytes > MAX_OTHER
        };
        if too_much {
            self.metrics.cut_slow.add(1);
            self.cut(TOO_SLOW);
        }
    }

    pub fn send_text(&self, json: &str) {
        self.send(frame::text(json));
    }

    /// Sends console bytes, or drops what waits and says how much that was.
    pub fn send_console(&self, bytes: &Bytes, mark: Mark) {
        let mut out = self.out.lock();
        self.metrics.frames_out.add(1);
        self.put(&mut out, bytes.clone(), Some(mark), None);
        let old = out
            .queue
            .front()
            .is_some_and(|i| i.mark.is_some() && i.at.elapsed() > MAX_AGE);
        let (limit, old) = if out.replaying {
            (MAX_REPLAY, false)
        } else {
            (MAX_WAITING, old)
        };
        if out.console_bytes > limit || (old && out.queue.len() > 1) {
            for gap in out.give_way() {
                self.metrics.bytes_skipped.add(gap.to - gap.from);
                let told = frame::text(&message::gap(
                    gap.sub, gap.run, gap.stream, gap.from, gap.to, "slow",
                ));
                self.put(&mut out, told, None, None);
            }
        }
    }

    /// Sends a sample; one that still waits is replaced, so that a slow viewer sees now and not then.
    pub fn send_latest(&self, bytes: Bytes, of: u32) {
        let mut out = self.out.lock();
        let half = out.written > 0;
        let waiting = out
            .queue
            .iter_mut()
            .skip(usize::from(half))
            .find(|i| i.latest == Some(of));
        if let Some(item) = waiting {
            let before = std::mem::replace(&mut item.bytes, bytes);
            let now = item.bytes.len();
            out.other_bytes = out.other_bytes + now - before.len();
            return;
        }
        self.put(&mut out, bytes, None, Some(of));
    }

    /// A greeting follows: until it is through, more may wait than otherwise.
    pub fn expect_replay(&self) {
        self.out.lock().replaying = true;
    }

    /// All of the greeting was sent that is at hand. What the socket took at once was no replay to wait for.
    pub fn greeted(&self) {
        let mut out = self.out.lock();
        out.replaying &= !out.queue.is_empty();
    }

    /// Waits until little is on its way, at most 5 s.
    pub async fn room(&self) {
        let drained = async {
            loop {
                let notified = self.drained.notified();
                if self.out.lock().console_bytes < MAX_WAITING / 2 {
                    return;
                }
                notified.await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), drained).await;
    }

    fn put(&self, out: &mut Out, bytes: Bytes, mark: Option<Mark>, latest: Option<u32>) {
        let mut written = 0;
        if out.queue.is_empty() {
            match self.stream.try_write(&bytes) {
                Ok(n) if n == bytes.len() => return,
                Ok(n) => written = n,
                // A broken socket is seen by the reading side; until then this waits within its bounds.
                Err(_) => {}
            }
            out.written = written;
        }
        match mark {
            Some(_) => out.console_bytes += bytes.len(),
            None => out.other_bytes += bytes.len(),
        }
        out.queue.push_back(Item {
            bytes,
            at: Instant::now(),
            mark,
            latest,
        });
        self.wake.notify_one();
    }

    pub fn waits(&self) -> bool {
        !self.out.lock().queue.is_empty()
    }

    /// Writes what the socket takes. Call when it is writable.
    /// # Errors
    /// The socket's own; the connection is over.
    pub fn flush(&self) -> std::io::Result<()> {
        let mut out = self.out.lock();
        while !out.queue.is_empty() {
            let taken = {
                let mut slices = [IoSlice::new(&[]); 16];
                let mut count = 0;
                for (slice, (i, item)) in slices.iter_mut().zip(out.queue.iter().enumerate()) {
                    let skip = if i == 0 { out.written } else { 0 };
                    *slice = IoSlice::new(&item.bytes[skip..]);
                    count += 1;
                }
                match self.stream.try_write_vectored(&slices[..count]) {
                    Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
                    Ok(n) => n,
                    Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                    Err(e) => return Err(e),
                }
            };
            out.took(taken);
            self.drained.notify_waiters();
        }
        // A burst's memory goes back.
        *out = Out::default();
        Ok(())
    }
}

impl Out {
    fn took(&mut self, bytes: usize) {
        self.written += bytes;
        while let Some(first) = self.queue.front() {
            let length = first.bytes.len();
            if self.written < length {
                return;
            }
            self.written -= length;
            match first.mark {
                Some(_) => self.console_bytes -= length,
                None => self.other_bytes -= length,
            }
            self.queue.pop_front();
        }
    }

    /// Takes all console frames out, except one that is half on its way, and says what is missing now.
    fn give_way(&mut self) -> Vec<Mark> {
        let mut gaps: Vec<Mark> = Vec::new();
        let half = self.written > 0;
        let mut index = 0;
        let console_bytes = &mut self.console_bytes;
        self.queue.retain(|item| {
            let first = index == 0;
            index += 1;
            let Some(mark) = item.mark else { return true };
            if first && half {
                return true;
            }
            *console_bytes -= item.bytes.len();
            let known = gaps
                .iter_mut()
                .find(|g| (g.sub, g.stream, g.run) == (mark.sub, mark.stream, mark.run));
            match known {
                Some(gap) => {
                    gap.from = gap.from.min(mark.from);
                    gap.to = gap.to.max(mark.to);
                }
                None => gaps.push(mark),
            }
            false
        });
        gaps
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_frame_that_is_half_out_stays_and_the_rest_is_named() {
        let run = RunId::new();
        let mut out = Out::default();
        for i in 0..4u64 {
            let mark = Mark {
                sub: 1,
                stream: Stream::Game,
                run,
                from: i * 10,
                to: i * 10 + 10,
            };
            push(&mut out, Some(mark));
        }
        push(&mut out, None);
        out.took(3);
        let gaps = out.give_way();
        assert_eq!((gaps.len(), gaps[0].from, gaps[0].to), (1, 10, 40));
        assert_eq!(
            (out.queue.len(), out.console_bytes, out.other_bytes),
            (2, 10, 10)
        );
        out.took(17);
        assert!(out.queue.is_empty() && out.console_bytes == 0 && out.other_bytes == 0);
    }

    fn push(out: &mut Out, mark: Option<Mark>) {
        match mark {
            Some(_) => out.console_bytes += 10,
            None => out.other_bytes += 10,
        }
        out.queue.push_back(Item {
            bytes: Bytes::from_static(&[0; 10]),
            at: Instant::now(),
            mark,
            latest: None,
        });
    }
}
