//! Facts in segments on a disk: appended, read, freed. One writer, many readers, no task of its own.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tracing::{error, warn};
use warren_proto::ids::BootId;
use warren_proto::{Message as _, wire};

use super::segment::{self, Segment};
use crate::disk::{Append, Disk};

/// A segment is closed beyond it: freeing goes by whole segments.
const SEGMENT_BYTES: u64 = 1 << 20;
/// How far from where the journal ended a fact may stand that was decided then.
const REACH: u64 = 2 * super::QUEUE as u64;

/// A place in the sequence of all facts of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Whose facts.
    pub boot: BootId,
    /// Next seq of that boot.
    pub seq: u64,
}

/// Facts of one boot in order, and the position after them.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Ready to be sent.
    pub wire: wire::FactBatch,
    /// Where to go on.
    pub next: Position,
}

/// Where segments end and the journal is full, bytes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// A segment is closed beyond it.
    pub segment: u64,
    /// Above it the oldest facts are given up.
    pub max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            segment: SEGMENT_BYTES,
            max: super::MAX_BYTES,
        }
    }
}

/// The writer's end.
pub struct Book {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    pages: Pages,
    boot: BootId,
    order: u64,
    file: Box<dyn Append>,
    bounds: Bounds,
}

/// A reader's end, cheap to copy.
#[derive(Clone)]
pub struct Pages {
    disk: Arc<dyn Disk>,
    index: Arc<Mutex<VecDeque<Segment>>>,
    boot: BootId,
}

impl Book {
    /// Recovers what earlier boots left and starts this one. Its first fact is made from the boot before
    /// that has facts, and its last seq.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        boot: BootId,
        bounds: Bounds,
        first: impl FnOnce(Option<BootId>, u64) -> wire::Fact,
    ) -> std::io::Result<Self> {
        let mut found = Vec::new();
        for path in disk.list(dir)? {
            if let Some(segment) = Segment::recover(&*disk, &path)? {
                found.push(segment);
            }
        }
        found.sort_by_key(|s| (s.order, s.first));
        let order = found.last().map_or(1, |s| s.order + 1);
        // A boot that was killed before its first fact is not named: control knows nothing of it.
        let previous = found.iter().rev().find(|s| s.next > 1);
        let previous = previous.map(|s| (s.boot, s.next - 1));
        let (mut segment, mut file) = Segment::create(&*disk, dir, order, boot, 1)?;
        let mut fact = first(previous.map(|p| p.0), previous.map_or(0, |p| p.1));
        fact.seq = 1;
        let bytes = segment::record(&fact);
        file.append(&bytes)?;
        segment.next = 2;
        segment.bytes = bytes.len() as u64;
        found.push(segment);
        let pages = Pages {
            disk: disk.clone(),
            index: Arc::new(Mutex::new(found.into())),
            boot,
        };
        Ok(Self {
            disk,
            dir: dir.to_owned(),
            pages,
            boot,
            order,
            file,
            bounds,
        })
    }

    /// For readers.
    pub fn pages(&self) -> Pages {
        self.pages.clone()
    }

    /// Numbers facts and makes them durable, all or none.
    /// # Errors
    /// The disk did not take them; the same call may be tried again.
    pub fn append(&mut self, facts: &mut [wire::Fact]) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        let (mut seq, before) = (self.current().next, self.current().bytes);
        for fact in facts {
            fact.seq = seq;
            if fact.at_ms == 0 {
                fact.at_ms = crate::clock::wall_ms();
            }
            bytes.extend(segment::record(fact));
            seq += 1;
        }
        if let Err(e) = self.file.append(&bytes) {
            // Half a record may be there: back to the last whole one.
            if let Err(e) = self.file.cut(before) {
                error!("the journal can't be cut back: {e}");
            }
            return Err(e);
        }
        if let Some(segment) = self.pages.index.lock().back_mut() {
            segment.next = seq;
            segment.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    /// Closes a long segment and keeps the bound, after facts were appended.
    pub fn tidy(&mut self) {
        let current = self.current();
        if current.bytes > self.bounds.segment {
            self.roll(current.next);
        }
        self.bound();
    }

    fn roll(&mut self, first: u64) {
        match Segment::create(&*self.disk, &self.dir, self.order, self.boot, first) {
            Ok((segment, file)) => {
                self.file = file;
                self.pages.index.lock().push_back(segment);
            }
            // The old one goes on growing; tried again at the next fact.
            Err(e) => error!("no new journal segment: {e}"),
        }
    }

    fn current(&self) -> Segment {
        let index = self.pages.index.lock();
        match index.back() {
            Some(segment) => segment.clone(),
            None => unreachable!("the writer's own segment is never removed"),
        }
    }

    /// Removes segments that lie wholly below, never the one being written.
    pub fn free(&mut self, below: Position) {
        let mut gone = Vec::new();
        {
            let mut index = self.pages.index.lock();
            let Some(order) = index.iter().find(|s| s.boot == below.boot).map(|s| s.order) else {
                return;
            };
            while index.len() > 1 {
                let done = index
                    .front()
                    .is_some_and(|s| s.order < order || (s.order == order && s.next <= below.seq));
                match index.pop_front() {
                    Some(segment) if done => gone.push(segment),
                    Some(segment) => {
                        index.push_front(segment);
                        break;
                    }
                    None => break,
                }
            }
        }
        for segment in gone {
            self.remove(&segment.path);
        }
    }

    /// Gives up the oldest facts until the bound holds; a gap takes their place.
    fn bound(&mut self) {
        loop {
            let (total, oldest, count) = {
                let index = self.pages.index.lock();
                let total: u64 = index.iter().map(|s| s.bytes).sum();
                let real = index.iter().position(|s| s.bytes > 1024);
                let oldest = real.and_then(|n| index.get(n).cloned());
                (total, oldest, index.len())
            };
            let Some(oldest) = oldest else { return };
            if total <= self.bounds.max || count < 2 || oldest.path == self.current().path {
                return;
            }
            if let Err(e) = self.give_up(&oldest) {
                error!("old facts can't be given up: {e}");
                return;
            }
        }
    }

    fn give_up(&mut self, oldest: &Segment) -> std::io::Result<()> {
        let index = self.pages.index.lock();
        // A gap right before grows, so that gaps do not pile up.
        let before = index.iter().take_while(|s| s.path != oldest.path).last();
        let merged = before.filter(|s| s.boot == oldest.boot).cloned();
        drop(index);
        let first = merged.as_ref().map_or(oldest.first, |s| s.first);
        warn!(
            "the journal is full: facts {first} to {} of boot {} are given up",
            oldest.next - 1,
            oldest.boot
        );
        let fact = gap(oldest.boot, first, oldest.next - 1);
        let gap = Segment::replace(
            &*self.disk,
            &self.dir,
            oldest.order,
            oldest.boot,
            first,
            &fact,
        )?;
        let mut index = self.pages.index.lock();
        let at = index.iter().position(|s| s.path == gap.path);
        let at = at.unwrap_or(0);
        index[at] = gap;
        if merged.is_some() {
            index.retain(|s| s.path != oldest.path);
            self.remove(&oldest.path);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) {
        if let Err(e) = self.disk.remove(path) {
            warn!("{} stays: {e}", path.display());
        }
    }
}

impl Pages {
    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.index.lock().iter().map(|s| s.bytes).sum()
    }

    /// Where the next fact will be.
    pub fn end(&self) -> Position {
        let seq = self.index.lock().back().map_or(1, |s| s.next);
        Position {
            boot: self.boot,
            seq,
        }
    }

    /// Whose facts are written.
    pub fn boot(&self) -> BootId {
        self.boot
    }

    /// What is held, oldest boot first.
    pub fn positions(&self) -> Vec<wire::JournalPosition> {
        let mut all: Vec<wire::JournalPosition> = Vec::new();
        for segment in self.index.lock().iter() {
            let boot = segment.boot.to_string();
            match all.last_mut() {
                Some(last) if last.boot == boot => last.end = segment.next,
                _ => all.push(wire::JournalPosition {
                    boot,
                    seq: segment.first,
                    end: segment.next,
                }),
            }
        }
        all
    }

    /// Facts from `from` on (from the oldest without it), at most `max_bytes` encoded but at least
    /// one. Numbers that are here no more are named by a gap fact. `None`: nothing new. Blocks on the
    /// disk.
    pub fn read(&self, from: Option<Position>, max_bytes: usize) -> std::io::Result<Option<Batch>> {
        let index: Vec<Segment> = self.index.lock().iter().cloned().collect();
        let from = from.filter(|p| index.iter().any(|s| s.boot == p.boot));
        let start = from.map_or(0, |p| {
            let of_boot = index.iter().position(|s| s.boot == p.boot);
            let start = of_boot.unwrap_or(0);
            let behind = index[start..]
                .iter()
                .take_while(|s| s.boot == p.boot && s.next <= p.seq);
            start + behind.count()
        });
        let Some(head) = index[start..].iter().find(|s| s.next > s.first) else {
            return Ok(None);
        };
        let boot = head.boot;
        let mut want = match from {
            Some(p) if p.boot == boot => p.seq,
            // Without a word of control the oldest that is held is where it starts.
            None => head.first,
            Some(_) => 1,
        };
        let mut facts = Vec::new();
        let mut size = 0;
        for segment in index[start..].iter().filter(|s| s.boot == boot) {
            for fact in segment.read(&*self.disk)? {
                let next = segment::after(&fact);
                if next <= want {
                    continue;
                }
                if fact.seq > want {
                    facts.push(gap(boot, want, fact.seq - 1));
                }
                size += fact.encoded_len() + 8;
                if size > max_bytes && !facts.is_empty() {
                    return Ok(Some(self.batch(boot, facts, want)));
                }
                want = next;
                facts.push(fact);
            }
        }
        Ok((!facts.is_empty()).then(|| self.batch(boot, facts, want)))
    }

    fn batch(&self, boot: BootId, facts: Vec<wire::Fact>, seq: u64) -> Batch {
        // A gap that was pushed right before the bound moves the end to its own.
        let seq = facts.last().map_or(seq, segment::after);
        Batch {
            wire: wire::FactBatch {
                boot: boot.to_string(),
                facts,
                speaker: self.boot.to_string(),
            },
            next: Position { boot, seq },
        }
    }

    /// Whether an earlier process has written a fact that it decided when the journal ended at `since`. What is
    /// held no more was committed. Blocks on the disk.
    pub fn had(&self, fact: &wire::Fact, since: Position) -> bool {
        let index: Vec<Segment> = self.index.lock().iter().cloned().collect();
        let Some(at) = index.iter().position(|s| s.boot == since.boot) else {
            return true;
        };
        if index[at].first > since.seq {
            return true;
        }
        let mut wanted = fact.clone();
        wanted.seq = 0;
        // Facts are written in the order in which they are handed over: what waited before it, or what a
        // later process had to say first, is no longer than the queue.
        let near = |s: &&Segment| {
            let from = if s.boot == since.boot { since.seq } else { 1 };
            s.next > from && s.first <= from + REACH
        };
        let earlier = index[at..].iter().filter(|s| s.boot != self.boot);
        let mut facts = earlier
            .filter(near)
            .flat_map(|s| s.read(&*self.disk).unwrap_or_default());
        facts.any(|mut f| {
            f.seq = 0;
            f == wanted
        })
    }
}

fn gap(boot: BootId, from: u64, to: u64) -> wire::Fact {
    wire::Fact {
        seq: from,
        at_ms: crate::clock::wall_ms(),
        what: Some(wire::fact::What::FactGap(wire::FactGap {
            boot: boot.to_string(),
            from_seq: from,
            to_seq: to,
        })),
        ..Default::default()
    }
}
