//! Facts on disk until control has committed them.
//!
//! One writer thread appends and fsyncs, many facts per fsync. Facts are numbered from 1 per boot.
//! Space is freed only by control's answer. Above [`PRESSURE_BYTES`] new jobs are refused; above
//! [`MAX_BYTES`] the oldest facts go and a gap fact takes their place and number.

pub mod segment;

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tracing::{error, info, warn};
use warren_proto::ids::BootId;
use warren_proto::{Message as _, wire};

use crate::disk;
use segment::Segment;

/// Above it new jobs are refused, and a condition says so.
pub const PRESSURE_BYTES: u64 = 64 << 20;
/// Above it the oldest facts are given up.
pub const MAX_BYTES: u64 = 128 << 20;
/// A segment is closed beyond it: freeing goes by whole segments.
const SEGMENT_BYTES: u64 = 1 << 20;
/// Facts that may wait for the disk; a caller beyond it waits itself.
const QUEUE: usize = 4096;

/// Why the journal can't be opened.
#[derive(Debug, thiserror::Error)]
#[error("the journal can't be used: {0}; free space or mend the disk of the data directory")]
pub struct Error(#[from] std::io::Error);

/// A place in the sequence of all facts of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

enum Ask {
    Append(Box<wire::Fact>, Option<oneshot::Sender<u64>>),
    Free(Position),
    Stop(oneshot::Sender<()>),
}

struct Shared {
    index: Mutex<VecDeque<Segment>>,
    news: Notify,
    full: AtomicBool,
}

/// Cheap handle of the writer thread.
#[derive(Clone)]
pub struct Journal {
    asks: mpsc::SyncSender<Ask>,
    shared: Arc<Shared>,
    boot: BootId,
}

struct Writer {
    dir: PathBuf,
    shared: Arc<Shared>,
    boot: BootId,
    order: u64,
    file: File,
    bounds: Bounds,
}

#[derive(Debug, Clone, Copy)]
struct Bounds {
    segment: u64,
    max: u64,
}

impl Journal {
    /// Recovers what earlier boots left and starts this one. Its first fact is made from the boot before
    /// that has facts, and its last seq.
    pub fn open(
        dir: &Path,
        boot: BootId,
        first: impl FnOnce(Option<BootId>, u64) -> wire::Fact,
    ) -> Result<Self, Error> {
        let bounds = Bounds {
            segment: SEGMENT_BYTES,
            max: MAX_BYTES,
        };
        Self::open_with(dir, boot, bounds, first)
    }

    fn open_with(
        dir: &Path,
        boot: BootId,
        bounds: Bounds,
        first: impl FnOnce(Option<BootId>, u64) -> wire::Fact,
    ) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(disk::at("create", dir))?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(disk::at("list", dir))? {
            if let Some(segment) = Segment::recover(&entry?.path())? {
                found.push(segment);
            }
        }
        found.sort_by_key(|s| (s.order, s.first));
        let order = found.last().map_or(1, |s| s.order + 1);
        // A boot that was killed before its first fact is not named: control knows nothing of it.
        let previous = found.iter().rev().find(|s| s.next > 1);
        let previous = previous.map(|s| (s.boot, s.next - 1));
        let (mut segment, mut file) = Segment::create(dir, order, boot, 1)?;
        let mut fact = first(previous.map(|p| p.0), previous.map_or(0, |p| p.1));
        fact.seq = 1;
        let bytes = segment::record(&fact);
        segment::append(&mut file, &bytes).map_err(disk::at("write", &segment.path))?;
        segment.next = 2;
        segment.bytes = bytes.len() as u64;
        found.push(segment);
        let shared = Arc::new(Shared {
            index: Mutex::new(found.into()),
            news: Notify::new(),
            full: AtomicBool::new(false),
        });
        let writer = Writer {
            dir: dir.to_owned(),
            shared: shared.clone(),
            boot,
            order,
            file,
            bounds,
        };
        let (asks, queue) = mpsc::sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run(&queue))?;
        Ok(Self { asks, shared, boot })
    }

    /// Hands a fact to the writer; it is durable soon. Its seq and time are filled in.
    pub fn push(&self, fact: wire::Fact) {
        self.send(Ask::Append(Box::new(fact), None));
    }

    /// Writes a fact and waits until it is durable. Gives its seq, or `None` if the journal has ended.
    pub async fn append(&self, fact: wire::Fact) -> Option<u64> {
        let (done, durable) = oneshot::channel();
        self.send(Ask::Append(Box::new(fact), Some(done)));
        durable.await.ok()
    }

    /// Control has committed everything below.
    pub fn free(&self, below: Position) {
        self.send(Ask::Free(below));
    }

    /// Ends the writer after what is queued.
    pub async fn stop(&self) {
        let (done, ended) = oneshot::channel();
        self.send(Ask::Stop(done));
        // Already ended is as good.
        let _ = ended.await;
    }

    fn send(&self, ask: Ask) {
        let blocked = match self.asks.try_send(ask) {
            Err(mpsc::TrySendError::Full(ask)) => ask,
            _ => return,
        };
        warn!("the journal's disk is slow: {QUEUE} facts wait");
        // Losing a fact is worse than waiting for the disk here.
        let _ = tokio::task::block_in_place(|| self.asks.send(blocked));
    }

    /// Facts are there that were not when [`Journal::news`] was last awaited.
    pub async fn news(&self) {
        self.shared.news.notified().await;
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.shared.index.lock().iter().map(|s| s.bytes).sum()
    }

    /// New jobs are to be refused until control has taken facts.
    pub fn under_pressure(&self) -> bool {
        self.bytes() > PRESSURE_BYTES
    }

    /// The disk refused the last write; facts wait in memory.
    pub fn stuck(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }

    /// What is held, oldest boot first.
    pub fn positions(&self) -> Vec<wire::JournalPosition> {
        let mut all: Vec<wire::JournalPosition> = Vec::new();
        for segment in self.shared.index.lock().iter() {
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
        let index: Vec<Segment> = self.shared.index.lock().iter().cloned().collect();
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
            for fact in segment.read()? {
                let next = segment::after(&fact);
                if next <= want {
                    continue;
                }
                if fact.seq > want {
                    facts.push(gap(boot, want, fact.seq - 1));
                }
                size += fact.encoded_len() + 8;
                if size > max_bytes && !facts.is_empty() {
                    return Ok(Some(batch(boot, facts, want)));
                }
                want = next;
                facts.push(fact);
            }
        }
        Ok((!facts.is_empty()).then(|| batch(boot, facts, want)))
    }

    /// Whether the boot before has written that fact, whatever its number. Blocks on the disk.
    pub fn had(&self, fact: &wire::Fact) -> bool {
        let index: Vec<Segment> = self.shared.index.lock().iter().cloned().collect();
        let earlier = index.iter().rev().filter(|s| s.boot != self.boot).take(2);
        let mut wanted = fact.clone();
        wanted.seq = 0;
        let mut facts = earlier.flat_map(|s| s.read().unwrap_or_default());
        facts.any(|mut f| {
            f.seq = 0;
            f == wanted
        })
    }

    /// This process' boot.
    pub fn boot(&self) -> BootId {
        self.boot
    }
}

fn batch(boot: BootId, facts: Vec<wire::Fact>, seq: u64) -> Batch {
    // A gap that was pushed right before the bound moves the end to its own.
    let seq = facts.last().map_or(seq, segment::after);
    Batch {
        wire: wire::FactBatch {
            boot: boot.to_string(),
            facts,
        },
        next: Position { boot, seq },
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

impl Writer {
    fn run(mut self, queue: &mpsc::Receiver<Ask>) {
        while let Ok(first) = queue.recv() {
            let mut facts = Vec::new();
            let mut free = None;
            let mut stop = None;
            let mut next = Some(first);
            while let Some(ask) = next.take() {
                match ask {
                    Ask::Append(fact, done) => facts.push((*fact, done)),
                    Ask::Free(below) => free = Some(below),
                    Ask::Stop(done) => stop = Some(done),
                }
                if facts.len() < 1024 && stop.is_none() {
                    next = queue.try_recv().ok();
                }
            }
            if let Some(below) = free {
                self.free(below);
            }
            if !facts.is_empty() {
                self.append(facts);
            }
            if let Some(done) = stop {
                // Whoever asked may be gone.
                let _ = done.send(());
                return;
            }
        }
    }

    fn append(&mut self, mut facts: Vec<(wire::Fact, Option<oneshot::Sender<u64>>)>) {
        let mut bytes = Vec::new();
        let mut seq = self.current().next;
        for (fact, _) in &mut facts {
            fact.seq = seq;
            if fact.at_ms == 0 {
                fact.at_ms = crate::clock::wall_ms();
            }
            bytes.extend(segment::record(fact));
            seq += 1;
        }
        self.write(&bytes);
        {
            let mut index = self.shared.index.lock();
            if let Some(segment) = index.back_mut() {
                segment.next = seq;
                segment.bytes += bytes.len() as u64;
            }
        }
        for (fact, done) in facts {
            if let Some(done) = done {
                let _ = done.send(fact.seq);
            }
        }
        self.shared.news.notify_one();
        if self.current().bytes > self.bounds.segment {
            self.roll(seq);
        }
        self.bound();
    }

    /// Tries until the disk takes it: a fact is never dropped because of a full disk.
    fn write(&mut self, bytes: &[u8]) {
        let mut said = false;
        loop {
            let before = self.current().bytes;
            let Err(e) = segment::append(&mut self.file, bytes) else {
                break;
            };
            // Half a record may be there: back to the last whole one.
            let back = self.file.set_len(before);
            self.shared.full.store(true, Ordering::Relaxed);
            if !said {
                error!("the journal can't be written ({e}); facts wait in memory. Free disk space");
                said = true;
            }
            if let Err(e) = back {
                error!("the journal can't be cut back: {e}");
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        if said {
            info!("the journal can be written again");
        }
        self.shared.full.store(false, Ordering::Relaxed);
    }

    fn roll(&mut self, first: u64) {
        match Segment::create(&self.dir, self.order, self.boot, first) {
            Ok((segment, file)) => {
                self.file = file;
                self.shared.index.lock().push_back(segment);
            }
            // The old one goes on growing; tried again at the next fact.
            Err(e) => error!("no new journal segment: {e}"),
        }
    }

    fn current(&self) -> Segment {
        let index = self.shared.index.lock();
        match index.back() {
            Some(segment) => segment.clone(),
            None => unreachable!("the writer's own segment is never removed"),
        }
    }

    /// Removes segments that lie wholly below, never the one being written.
    fn free(&mut self, below: Position) {
        let mut gone = Vec::new();
        {
            let mut index = self.shared.index.lock();
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
            remove(&segment.path);
        }
    }

    /// Gives up the oldest facts until the bound holds; a gap takes their place.
    fn bound(&mut self) {
        loop {
            let (total, oldest, count) = {
                let index = self.shared.index.lock();
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
        let index = self.shared.index.lock();
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
        let gap = Segment::replace(&self.dir, oldest.order, oldest.boot, first, &fact)?;
        let mut index = self.shared.index.lock();
        let at = index.iter().position(|s| s.path == gap.path);
        let at = at.unwrap_or(0);
        index[at] = gap;
        if merged.is_some() {
            index.retain(|s| s.path != oldest.path);
            remove(&oldest.path);
        }
        Ok(())
    }
}

fn remove(path: &Path) {
    if let Err(e) = std::fs::remove_file(path) {
        warn!("{} stays: {e}", path.display());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn fact(text: &str) -> wire::Fact {
        wire::Fact {
            server: text.into(),
            ..Default::default()
        }
    }

    fn open(dir: &Path) -> (Journal, u64) {
        let mut last = 0;
        let journal = Journal::open(dir, BootId::new(), |_, seq| {
            last = seq;
            fact("boot")
        });
        (journal.unwrap(), last)
    }

    fn names(batch: &Batch) -> Vec<String> {
        batch.wire.facts.iter().map(|f| f.server.clone()).collect()
    }

    #[tokio::test]
    async fn facts_are_numbered_and_outlive_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = open(dir.path());
        assert_eq!(journal.append(fact("a")).await, Some(2));
        assert_eq!(journal.append(fact("b")).await, Some(3));
        let first = journal.boot();
        journal.stop().await;
        let (journal, last) = open(dir.path());
        assert_eq!(last, 3);
        let batch = journal.read(None, 1 << 20).unwrap().unwrap();
        assert_eq!(names(&batch), ["boot", "a", "b"]);
        assert_eq!((batch.next.boot, batch.next.seq), (first, 4));
        let batch = journal.read(Some(batch.next), 1 << 20).unwrap().unwrap();
        assert_eq!(batch.wire.boot, journal.boot().to_string());
        assert_eq!(names(&batch), ["boot"]);
        assert_eq!(journal.read(Some(batch.next), 1 << 20).unwrap(), None);
    }

    #[tokio::test]
    async fn only_whole_segments_below_the_answer_are_freed() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = open(dir.path());
        journal.append(fact("a")).await;
        journal.stop().await;
        let old = journal.boot();
        let (journal, _) = open(dir.path());
        journal.free(Position { boot: old, seq: 2 });
        journal.append(fact("x")).await;
        assert_eq!(journal.positions().len(), 2);
        journal.free(Position {
            boot: journal.boot(),
            seq: 1,
        });
        journal.append(fact("y")).await;
        assert_eq!(journal.positions().len(), 1);
        journal.stop().await;
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_batch_keeps_its_bound_but_always_moves() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = open(dir.path());
        for n in 0..10 {
            journal.append(fact(&format!("{n}"))).await;
        }
        let (mut from, mut all) = (None, Vec::new());
        while let Some(batch) = journal.read(from, 40).unwrap() {
            assert!(batch.wire.facts.len() <= 3);
            all.extend(names(&batch));
            from = Some(batch.next);
        }
        assert_eq!(all.len(), 11);
    }

    #[tokio::test]
    async fn a_full_journal_gives_up_the_oldest_and_says_which() {
        let dir = tempfile::tempdir().unwrap();
        let bounds = Bounds {
            segment: 4096,
            max: 32 * 1024,
        };
        let boot = BootId::new();
        let journal = Journal::open_with(dir.path(), boot, bounds, |_, _| fact("boot")).unwrap();
        let text = "x".repeat(500);
        for _ in 0..400 {
            journal.append(fact(&text)).await;
        }
        journal.stop().await;
        assert!(journal.bytes() < 40 * 1024, "{}", journal.bytes());
        let (mut next, mut gaps) = (1, 0);
        let mut from = None;
        while let Some(batch) = journal.read(from, 64 * 1024).unwrap() {
            for fact in &batch.wire.facts {
                assert_eq!(fact.seq, next);
                next = segment::after(fact);
                gaps += u32::from(next > fact.seq + 1);
            }
            from = Some(batch.next);
        }
        assert_eq!((next, gaps), (402, 1));
        let (journal, last) = open(dir.path());
        assert_eq!(last, 401);
        drop(journal);
    }

    #[tokio::test]
    async fn a_control_that_is_behind_gets_a_gap_for_what_was_freed() {
        let dir = tempfile::tempdir().unwrap();
        let bounds = Bounds {
            segment: 64,
            max: MAX_BYTES,
        };
        let boot = BootId::new();
        let journal = Journal::open_with(dir.path(), boot, bounds, |_, _| fact("boot")).unwrap();
        for _ in 0..20 {
            journal
                .append(fact("0123456789012345678901234567890123456789"))
                .await;
        }
        journal.free(Position { boot, seq: 15 });
        journal.append(fact("last")).await;
        let batch = journal
            .read(Some(Position { boot, seq: 3 }), 1 << 20)
            .unwrap();
        let batch = batch.unwrap();
        assert_eq!(batch.wire.facts[0].seq, 3);
        assert!(segment::after(&batch.wire.facts[0]) > 10);
        let mut next = 3;
        for fact in &batch.wire.facts {
            assert_eq!(fact.seq, next);
            next = segment::after(fact);
        }
        assert_eq!(next, 23);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_file_cut_at_any_byte_keeps_every_whole_fact(cut in 0_usize..400, noise in proptest::collection::vec(any::<u8>(), 0..20)) {
            let dir = tempfile::tempdir().unwrap();
            let facts: Vec<wire::Fact> = (1..=10).map(|seq| wire::Fact { seq, server: "abcdefgh".repeat(3), ..Default::default() }).collect();
            let records: Vec<Vec<u8>> = facts.iter().map(segment::record).collect();
            let mut bytes: Vec<u8> = records.concat();
            let cut = cut.min(bytes.len());
            bytes.truncate(cut);
            bytes.extend(&noise);
            let boot = BootId::new();
            let path = dir.path().join(format!("{:08}-{boot}-{:020}.seg", 1, 1));
            std::fs::write(&path, &bytes).unwrap();
            let segment = Segment::recover(&path).unwrap().unwrap();
            let whole = cut / records[0].len();
            prop_assert!(segment.next > whole as u64);
            let read = segment.read().unwrap();
            prop_assert_eq!(&read[..whole], &facts[..whole]);
        }
    }
}
