//! Facts on disk until control has committed them.
//!
//! One writer thread appends and fsyncs, many facts per fsync. Facts are numbered from 1 per boot.
//! Space is freed only by control's answer. Above [`PRESSURE_BYTES`] new jobs are refused; above
//! [`MAX_BYTES`] the oldest facts go and a gap fact takes their place and number.

mod book;
pub mod segment;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tracing::{error, info, warn};
use warren_proto::ids::BootId;
use warren_proto::wire;

use crate::disk;
pub use book::{Batch, Book, Bounds, Pages, Position};

/// Above it new jobs are refused, and a condition says so.
pub const PRESSURE_BYTES: u64 = 64 << 20;
/// Above it the oldest facts are given up.
pub const MAX_BYTES: u64 = 128 << 20;
/// Facts that may wait for the disk; a caller beyond it waits itself.
const QUEUE: usize = 4096;

/// Why the journal can't be opened.
#[derive(Debug, thiserror::Error)]
#[error("the journal can't be used: {0}; free space or mend the disk of the data directory")]
pub struct Error(#[from] std::io::Error);

enum Ask {
    Append(Box<wire::Fact>, Option<oneshot::Sender<u64>>),
    Free(Position),
    Hold,
    Release,
    Stop(oneshot::Sender<()>),
}

#[derive(Default)]
struct Shared {
    news: Notify,
    full: AtomicBool,
}

/// Cheap handle of the writer thread.
#[derive(Clone)]
pub struct Journal {
    asks: mpsc::SyncSender<Ask>,
    shared: Arc<Shared>,
    pages: Pages,
    boot: BootId,
}

/// See [`Journal::hold`].
pub struct Hold(Journal);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.send(Ask::Release);
    }
}

struct Writer {
    book: Book,
    shared: Arc<Shared>,
    /// Nothing is freed yet, but this will be.
    held: Option<Option<Position>>,
}

impl Journal {
    /// Recovers what earlier boots left and starts this one. Its first fact is made from the boot before
    /// that has facts, and its last seq.
    pub fn open(
        dir: &Path,
        boot: BootId,
        first: impl FnOnce(Option<BootId>, u64) -> wire::Fact,
    ) -> Result<Self, Error> {
        Self::open_with(dir, boot, Bounds::default(), first)
    }

    fn open_with(
        dir: &Path,
        boot: BootId,
        bounds: Bounds,
        first: impl FnOnce(Option<BootId>, u64) -> wire::Fact,
    ) -> Result<Self, Error> {
        let book = Book::open(Arc::new(disk::Local), dir, boot, bounds, first)?;
        let pages = book.pages();
        let shared = Arc::<Shared>::default();
        let writer = Writer {
            book,
            shared: shared.clone(),
            held: None,
        };
        let (asks, queue) = mpsc::sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run(&queue))?;
        Ok(Self {
            asks,
            shared,
            pages,
            boot,
        })
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

    /// Until the last of these is dropped nothing is freed: what earlier processes have written must not go
    /// before everybody has looked what they owe.
    pub fn hold(&self) -> Arc<Hold> {
        self.send(Ask::Hold);
        Arc::new(Hold(self.clone()))
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
        self.pages.bytes()
    }

    /// New jobs are to be refused until control has taken facts.
    pub fn under_pressure(&self) -> bool {
        self.bytes() > PRESSURE_BYTES
    }

    /// The disk refused the last write; facts wait in memory.
    pub fn stuck(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }

    /// See [`Pages::positions`].
    pub fn positions(&self) -> Vec<wire::JournalPosition> {
        self.pages.positions()
    }

    /// See [`Pages::read`]. Blocks on the disk.
    pub fn read(&self, from: Option<Position>, max_bytes: usize) -> std::io::Result<Option<Batch>> {
        self.pages.read(from, max_bytes)
    }

    /// See [`Pages::had`]. Blocks on the disk.
    pub fn had(&self, fact: &wire::Fact, since: Position) -> bool {
        self.pages.had(fact, since)
    }

    /// Where the next fact will be, or one that waits for the disk.
    pub fn end(&self) -> Position {
        self.pages.end()
    }

    /// This process' boot.
    pub fn boot(&self) -> BootId {
        self.boot
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
                    Ask::Free(below) if self.held.is_some() => self.held = Some(Some(below)),
                    Ask::Free(below) => free = Some(below),
                    Ask::Hold => self.held = Some(None),
                    Ask::Release => free = self.held.take().flatten().or(free),
                    Ask::Stop(done) => stop = Some(done),
                }
                if facts.len() < 1024 && stop.is_none() {
                    next = queue.try_recv().ok();
                }
            }
            if let Some(below) = free {
                self.book.free(below);
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

    /// Tries until the disk takes it: a fact is never dropped because of a full disk.
    fn append(&mut self, facts: Vec<(wire::Fact, Option<oneshot::Sender<u64>>)>) {
        let (mut facts, done): (Vec<_>, Vec<_>) = facts.into_iter().unzip();
        let mut said = false;
        while let Err(e) = self.book.append(&mut facts) {
            self.shared.full.store(true, Ordering::Relaxed);
            if !said {
                error!("the journal can't be written ({e}); facts wait in memory. Free disk space");
                said = true;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        if said {
            info!("the journal can be written again");
        }
        self.shared.full.store(false, Ordering::Relaxed);
        for (fact, done) in facts.iter().zip(done) {
            if let Some(done) = done {
                // Whoever asked may be gone.
                let _ = done.send(fact.seq);
            }
        }
        self.shared.news.notify_one();
        self.book.tidy();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::segment::Segment;
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

    #[tokio::test]
    async fn an_owed_fact_is_looked_for_where_it_may_stand() {
        let dir = tempfile::tempdir().unwrap();
        let bounds = Bounds {
            segment: 64,
            max: MAX_BYTES,
        };
        let boot = BootId::new();
        let journal = Journal::open_with(dir.path(), boot, bounds, |_, _| fact("boot")).unwrap();
        let start = Position { boot, seq: 2 };
        for name in ["early", "2", "3", "4", "5", "6", "7", "8", "late"] {
            let named = fact(&format!("{name} {}", "x".repeat(40)));
            journal.append(wire::Fact { at_ms: 1, ..named }).await;
        }
        journal.stop().await;
        let owed = |name: &str| wire::Fact {
            at_ms: 1,
            ..fact(&format!("{name} {}", "x".repeat(40)))
        };
        let (journal, _) = open(dir.path());
        assert!(journal.had(&owed("early"), start));
        assert!(journal.had(&owed("late"), Position { boot, seq: 10 }));
        assert!(!journal.had(&owed("never"), start));
        // Freed is committed; but not before everybody has looked.
        let hold = journal.hold();
        let all = Position {
            boot: journal.boot(),
            seq: 1,
        };
        journal.free(all);
        journal.append(fact("x")).await;
        assert!(!journal.had(&owed("never"), start));
        drop(hold);
        journal.append(fact("y")).await;
        assert!(journal.had(&owed("early"), start));
        assert_eq!(journal.positions().len(), 1);
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
            let segment = Segment::recover(&disk::Local, &path).unwrap().unwrap();
            let whole = cut / records[0].len();
            prop_assert!(segment.next > whole as u64);
            let read = segment.read(&disk::Local).unwrap();
            prop_assert_eq!(&read[..whole], &facts[..whole]);
        }
    }
}
