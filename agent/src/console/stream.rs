//! One stream of one run: what was seen, what control has, what had to be given up.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use warren_proto::wire;
use warren_runtime::console::{Chunk, Spool};

use crate::clock;

/// Disk set aside ahead of the game: what it can print within the longest pause between two looks.
const RESERVE: u64 = 2 << 20;
/// Bytes kept when the disk is full and the console has to give up its own.
const KEPT_WHEN_FULL: u64 = 64 << 10;
/// Bytes that stay on disk after control has them, for fast reads.
pub const KEPT_TAIL: u64 = 1 << 20;
/// Marks closer than this tell nobody anything.
const MARK_EVERY_MS: i64 = 100;
const MAX_MARKS: usize = 8192;

/// A part of a stream, ready to be sent. A gap has `gap_to` set and no bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// First byte.
    pub offset: u64,
    /// Raw bytes.
    pub data: Bytes,
    /// End of a gap, 0 for none.
    pub gap_to: u64,
    /// When bytes were seen.
    pub times: Vec<wire::TimeMark>,
}

impl Part {
    /// Where the next part begins.
    pub fn end(&self) -> u64 {
        self.gap_to.max(self.offset + self.data.len() as u64)
    }
}

/// The file that a stream is read from. The simulator has one in memory.
pub trait Source {
    /// See [`Spool::end`].
    fn end(&self) -> warren_runtime::Result<u64>;
    /// See [`Spool::read`].
    fn read(&self, offset: u64, max: usize) -> warren_runtime::Result<Option<Chunk>>;
    /// See [`Spool::punch`].
    fn punch(&self, upto: u64) -> warren_runtime::Result<u64>;
    /// See [`Spool::reserve`].
    fn reserve(&self, ahead: u64) -> warren_runtime::Result<()>;
    /// See [`Spool::release`].
    fn release(&self) -> warren_runtime::Result<()>;
}

impl Source for Spool {
    fn end(&self) -> warren_runtime::Result<u64> {
        Spool::end(self)
    }

    fn read(&self, offset: u64, max: usize) -> warren_runtime::Result<Option<Chunk>> {
        Spool::read(self, offset, max)
    }

    fn punch(&self, upto: u64) -> warren_runtime::Result<u64> {
        Spool::punch(self, upto)
    }

    fn reserve(&self, ahead: u64) -> warren_runtime::Result<()> {
        Spool::reserve(self, ahead)
    }

    fn release(&self) -> warren_runtime::Result<()> {
        Spool::release(self)
    }
}

/// See the module. All calls are quick; they block on the disk's cache.
#[derive(Debug)]
pub struct Stream<S = Spool> {
    spool: S,
    writer: Option<File>,
    seen: u64,
    committed: u64,
    gaps: Vec<(u64, u64)>,
    marks: VecDeque<(u64, i64)>,
    budget: Budget,
    /// Disk is set aside up to here.
    reserved: u64,
}

/// What had to be given up, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// First byte.
    pub from: u64,
    /// After the last byte.
    pub to: u64,
    /// `rate`, `cap`, `disk`.
    pub reason: &'static str,
}

/// How many bytes a stream may bring.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// A second's worth.
    pub per_second: u64,
    /// What can be saved up.
    pub burst: u64,
}

#[derive(Debug)]
struct Budget {
    rate: Rate,
    left: u64,
    filled_ms: i64,
}

impl Budget {
    /// How many of `grown` bytes are too many.
    fn excess(&mut self, grown: u64, now_ms: i64) -> u64 {
        // By whole seconds: what is cut then is one piece a second, not a piece per look.
        let seconds = (now_ms - self.filled_ms).max(0).unsigned_abs() / 1000;
        if seconds > 0 {
            let more = self.rate.per_second.saturating_mul(seconds);
            self.left = self.left.saturating_add(more).min(self.rate.burst);
            self.filled_ms += i64::try_from(seconds * 1000).unwrap_or(i64::MAX);
        }
        let excess = grown.saturating_sub(self.left);
        self.left = self.left.saturating_sub(grown);
        excess
    }
}

impl Stream {
    /// Opens what the game writes into (`own` false) or a file of Warren's own lines.
    pub fn open(path: &Path, own: bool, rate: Rate) -> warren_runtime::Result<Self> {
        let io = |source| warren_runtime::Error::Io {
            what: format!("open {}", path.display()),
            source,
        };
        let writer = if own {
            let mut options = std::fs::OpenOptions::new();
            Some(options.create(true).append(true).open(path).map_err(io)?)
        } else {
            None
        };
        let mut stream = Self::over(Spool::open(path)?, rate);
        stream.writer = writer;
        Ok(stream)
    }
}

impl<S: Source> Stream<S> {
    /// Over a file that something else writes into.
    pub fn over(spool: S, rate: Rate) -> Self {
        Self {
            spool,
            writer: None,
            seen: 0,
            committed: 0,
            gaps: Vec::new(),
            marks: VecDeque::new(),
            budget: Budget {
                rate,
                left: rate.burst,
                filled_ms: clock::mono_ms(),
            },
            reserved: 0,
        }
    }

    /// Sets disk aside for what the game will print, before it starts.
    /// # Errors
    /// `DiskFull`.
    pub fn reserve(&mut self) -> warren_runtime::Result<()> {
        if self.writer.is_none() && self.reserved < self.seen + RESERVE / 2 {
            self.spool.reserve(RESERVE)?;
            self.reserved = self.seen + RESERVE;
        }
        Ok(())
    }

    /// Nobody writes any more: what was set aside comes back.
    pub fn release(&mut self) -> warren_runtime::Result<()> {
        self.reserved = u64::MAX;
        self.spool.release()
    }

    /// On a full disk the console lives on what it can give up of its own: first what control has, then the rest.
    fn keep_reserve(&mut self) -> warren_runtime::Result<Option<(u64, u64)>> {
        let Err(full) = self.reserve() else {
            return Ok(None);
        };
        self.spool.punch(self.committed)?;
        if self.reserve_some() {
            return Ok(None);
        }
        let cut = self.cut_to(KEPT_WHEN_FULL)?;
        match (self.reserve_some(), cut) {
            (false, None) => Err(full),
            (_, cut) => Ok(cut),
        }
    }

    /// As much as there is room for: all or nothing would be nothing where others take what we give up.
    fn reserve_some(&mut self) -> bool {
        let sizes = (0..6).map(|halved| RESERVE >> halved);
        for ahead in sizes {
            let upto = self.seen + ahead;
            if upto <= self.reserved || self.spool.reserve(ahead).is_ok() {
                self.reserved = self.reserved.max(upto);
                return true;
            }
        }
        false
    }

    /// What an earlier process knew.
    pub fn restore(&mut self, committed: u64, gaps: Vec<(u64, u64)>) {
        let end = self.spool.end().unwrap_or(0);
        self.committed = committed.min(end);
        self.gaps = gaps;
        self.seen = end;
        if end > self.committed {
            self.marks.push_back((self.committed, clock::wall_ms()));
        }
    }

    /// End of what was seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Below it control has everything.
    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// What was given up and not yet committed.
    pub fn gaps(&self) -> &[(u64, u64)] {
        &self.gaps
    }

    /// Bytes that control does not have.
    pub fn waiting(&self) -> u64 {
        self.seen - self.committed
    }

    /// Looks at the file. Gives what had to be cut because the rate is too high or the disk full, if any.
    pub fn look(&mut self) -> warren_runtime::Result<Option<Lost>> {
        let end = self.spool.end()?;
        if end <= self.seen {
            return Ok(None);
        }
        let grown = end - self.seen;
        self.mark(self.seen);
        self.seen = end;
        let excess = self.budget.excess(grown, clock::mono_ms());
        let lost = |(from, to), reason| Lost { from, to, reason };
        let rate = (excess > 0).then_some((end - excess, end));
        if let Some(cut) = rate {
            self.give_up(cut);
        }
        let full = self.keep_reserve()?.map(|cut| lost(cut, "disk"));
        Ok(full.or(rate.map(|cut| lost(cut, "rate"))))
    }

    /// Adds to Warren's own stream.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<u64> {
        let Some(writer) = self.writer.as_mut() else {
            return Ok(self.seen);
        };
        if let Err(e) = writer.write_all(bytes) {
            // A full disk may have taken a part of it. That part is what the file holds now: whatever comes
            // next lies behind it.
            self.seen = self.spool.end().unwrap_or(self.seen).max(self.seen);
            return Err(e);
        }
        let at = self.seen;
        self.mark(at);
        self.seen += bytes.len() as u64;
        Ok(at)
    }

    fn mark(&mut self, offset: u64) {
        let now = clock::wall_ms();
        if self
            .marks
            .back()
            .is_some_and(|(_, at)| (0..MARK_EVERY_MS).contains(&(now - at)))
        {
            return;
        }
        if self.marks.len() == MAX_MARKS {
            // Every second one: a coarser time is better than none.
            let mut keep = false;
            self.marks.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.marks.push_back((offset, now));
    }

    fn give_up(&mut self, cut: (u64, u64)) {
        self.gaps.push(cut);
        self.gaps.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(self.gaps.len());
        for (from, to) in self.gaps.drain(..) {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        self.gaps = merged;
    }

    /// Too much waits: all but the last `keep` bytes are given up and the disk is freed. `None` if
    /// there is nothing to give.
    pub fn cut_to(&mut self, keep: u64) -> warren_runtime::Result<Option<(u64, u64)>> {
        let to = self.seen.saturating_sub(keep);
        if to <= self.committed {
            return Ok(None);
        }
        let cut = (self.committed, to);
        self.give_up(cut);
        self.spool.punch(to)?;
        Ok(Some(cut))
    }

    /// Control has everything below `upto`. The disk below is freed but for a tail.
    pub fn commit(&mut self, upto: u64) -> warren_runtime::Result<()> {
        let upto = upto.min(self.seen);
        if upto <= self.committed {
            // Less than before: what control has lost is sent again, or named where it is punched.
            self.committed = upto;
            return Ok(());
        }
        self.committed = upto;
        self.gaps.retain(|(_, to)| *to > upto);
        while self.marks.len() > 1 && self.marks.get(1).is_some_and(|(at, _)| *at <= upto) {
            self.marks.pop_front();
        }
        let free = upto.min(self.seen.saturating_sub(KEPT_TAIL));
        if free > 0 {
            self.spool.punch(free)?;
        }
        Ok(())
    }

    /// The next part from `from`, at most `max` bytes; `None` at the end of what was seen.
    pub fn part(&self, from: u64, max: usize) -> warren_runtime::Result<Option<Part>> {
        if from >= self.seen {
            return Ok(None);
        }
        let gap = |to: u64| Part {
            offset: from,
            data: Bytes::new(),
            gap_to: to.min(self.seen),
            times: Vec::new(),
        };
        let ahead = self.gaps.iter().find(|(_, to)| *to > from);
        if let Some((_, to)) = ahead.filter(|(start, _)| *start <= from) {
            return Ok(Some(gap(*to)));
        }
        let stop = ahead.map_or(self.seen, |(start, _)| (*start).min(self.seen));
        let room = usize::try_from(stop - from).unwrap_or(max).min(max);
        match self.spool.read(from, room)? {
            Some(chunk) if chunk.offset == from => Ok(Some(Part {
                offset: from,
                times: self.times(from, from + chunk.bytes.len() as u64),
                data: chunk.bytes.into(),
                gap_to: 0,
            })),
            // A hole that nobody remembers: punched, then killed before it was written down.
            Some(chunk) => Ok(Some(gap(chunk.offset.min(stop)))),
            None => Ok(Some(gap(stop))),
        }
    }

    fn times(&self, from: u64, to: u64) -> Vec<wire::TimeMark> {
        let before = self.marks.iter().take_while(|(at, _)| *at <= from).last();
        let first = before.map(|(_, ms)| (from, *ms));
        let inside = self.marks.iter().filter(|(at, _)| *at > from && *at < to);
        let all = first.into_iter().chain(inside.copied());
        all.map(|(offset, at_ms)| wire::TimeMark { offset, at_ms })
            .collect()
    }

    /// Bytes for a reader, gaps of the upload included as long as the disk has them. `None` past the
    /// end.
    pub fn read(&self, from: u64, max: usize) -> warren_runtime::Result<Option<(u64, Vec<u8>)>> {
        let chunk = self.spool.read(from, max)?;
        Ok(chunk.map(|c| (c.offset, c.bytes)))
    }

    /// First byte that the disk still has.
    pub fn first(&self) -> u64 {
        match self.spool.read(0, 1) {
            Ok(Some(chunk)) => chunk.offset,
            _ => self.seen,
        }
    }

    /// When what was seen last came.
    pub fn last_mark_ms(&self) -> i64 {
        self.marks.back().map_or(0, |(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const WIDE: Rate = Rate {
        per_second: 1 << 30,
        burst: 1 << 30,
    };

    fn stream(rate: Rate) -> (tempfile::TempDir, File, Stream) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let file = File::create(&path).unwrap();
        let stream = Stream::open(&path, false, rate).unwrap();
        (dir, file, stream)
    }

    fn all(stream: &Stream, from: u64) -> Vec<(u64, u64, bool)> {
        let (mut at, mut parts) = (from, Vec::new());
        while let Some(part) = stream.part(at, 4096).unwrap() {
            assert_eq!(part.offset, at);
            at = part.end();
            parts.push((part.offset, part.end(), part.gap_to > 0));
        }
        parts
    }

    #[test]
    fn bytes_are_offered_until_they_are_committed() {
        let (_dir, mut file, mut stream) = stream(WIDE);
        file.write_all(&[b'a'; 6000]).unwrap();
        assert_eq!(stream.part(0, 10).unwrap(), None);
        stream.look().unwrap();
        assert_eq!(stream.waiting(), 6000);
        assert_eq!(all(&stream, 0), [(0, 4096, false), (4096, 6000, false)]);
        stream.commit(4096).unwrap();
        assert_eq!(stream.waiting(), 1904);
        let part = stream.part(4096, 9999).unwrap().unwrap();
        assert_eq!(part.times.len(), 1);
        stream.commit(1).unwrap();
        assert_eq!(all(&stream, 1)[0].0, 1, "a restored database gets it again");
    }

    #[test]
    fn a_flood_is_cut_into_one_explicit_gap() {
        let lost = |from, to| {
            let reason = "rate";
            Some(Lost { from, to, reason })
        };
        let rate = Rate {
            per_second: 1000,
            burst: 4000,
        };
        let (_dir, mut file, mut stream) = stream(rate);
        file.write_all(&[b'x'; 10_000]).unwrap();
        assert_eq!(stream.look().unwrap(), lost(4000, 10_000));
        file.write_all(&[b'x'; 500]).unwrap();
        assert_eq!(stream.look().unwrap(), lost(10_000, 10_500));
        assert_eq!(all(&stream, 0), [(0, 4000, false), (4000, 10_500, true)]);
        stream.commit(10_500).unwrap();
        assert!(stream.gaps().is_empty());
    }

    #[test]
    fn what_a_cap_gave_up_is_named_even_after_a_kill() {
        let (dir, mut file, mut stream) = stream(WIDE);
        file.write_all(&vec![b'x'; 100_000]).unwrap();
        stream.look().unwrap();
        assert_eq!(stream.cut_to(10_000).unwrap(), Some((0, 90_000)));
        assert_eq!(all(&stream, 0)[0], (0, 90_000, true));
        // The next process was never told of the gap: the hole itself says so.
        let mut again = Stream::open(&dir.path().join("out"), false, WIDE).unwrap();
        again.restore(0, Vec::new());
        let parts = all(&again, 0);
        assert_eq!(parts[0], (0, 90_000 / 4096 * 4096, true));
        assert_eq!(parts.last().unwrap().1, 100_000);
    }

    #[test]
    fn own_lines_are_seen_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut stream = Stream::open(&dir.path().join("w"), true, WIDE).unwrap();
        assert_eq!(stream.write(b"one\n").unwrap(), 0);
        assert_eq!(stream.write(b"two\n").unwrap(), 4);
        assert_eq!(stream.read(4, 10).unwrap().unwrap().1, b"two\n");
        assert_eq!(stream.waiting(), 8);
    }
}
