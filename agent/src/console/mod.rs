//! What games print and what Warren says about them: kept in files, read once, sent for good and
//! shown live.
//!
//! `console/<server>/<run>/`: `out` is the spool that the shim writes, `warren` our own lines, `in`
//! the stdin FIFO, `meta` what must be known after a restart. Offsets in these files are the
//! sequence numbers everywhere.

pub mod input;
pub mod stream;
pub mod tail;
pub mod upload;
pub mod watch;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use warren_proto::ids::{RunId, ServerId};
use warren_proto::wire;

use crate::journal::Journal;
use crate::{clock, disk};
use stream::{Rate, Stream};

/// How long a watch lasts without being renewed, milliseconds.
pub const LEASE_MS: i64 = 30_000;
/// Most that an ask is answered with, bytes of each stream.
pub const MAX_ANSWER: usize = 256 * 1024;
/// A frame is at most so long.
pub const MAX_FRAME: usize = 64 * 1024;

/// Bounds of all consoles.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Output above it is cut.
    pub rate: Rate,
    /// Bytes of one server that may wait for control.
    pub waiting_bytes: u64,
    /// Below so many free bytes of the disk the noisiest consoles are given up.
    pub floor_bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rate: Rate {
                per_second: 2 << 20,
                burst: 8 << 20,
            },
            waiting_bytes: 64 << 20,
            floor_bytes: 512 << 20,
        }
    }
}

/// What a run is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The game.
    Game,
    /// An install script.
    Install,
}

impl Kind {
    fn stream(self) -> wire::ConsoleStream {
        match self {
            Self::Game => wire::ConsoleStream::Game,
            Self::Install => wire::ConsoleStream::Install,
        }
    }
}

/// Files of one run.
#[derive(Debug, Clone)]
pub struct Paths {
    /// All of it.
    pub dir: PathBuf,
    /// FIFO.
    pub stdin: PathBuf,
    /// Spool.
    pub stdout: PathBuf,
    /// Our own lines.
    pub warren: PathBuf,
}

impl Paths {
    fn of(dir: PathBuf) -> Self {
        Self {
            stdin: dir.join("in"),
            stdout: dir.join("out"),
            warren: dir.join("warren"),
            dir,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Meta {
    kind: Kind,
    /// Order of runs of this server: ids carry a clock, and clocks lie.
    number: u64,
    #[serde(default)]
    out: Progress,
    #[serde(default)]
    warren: Progress,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Progress {
    committed: u64,
    gaps: Vec<(u64, u64)>,
}

#[derive(Debug)]
struct Run {
    id: RunId,
    kind: Kind,
    number: u64,
    paths: Paths,
    out: Stream,
    warren: Stream,
    /// Nothing writes to it any more.
    ended: bool,
    /// Live frames of both streams have come to here.
    live: [u64; 2],
    cut: Option<Cut>,
}

/// Gaps that are still growing: one fact for all of them.
#[derive(Debug, Clone)]
struct Cut {
    from: u64,
    to: u64,
    reason: &'static str,
    since_ms: i64,
    last_ms: i64,
}

/// A live message, to be lost rather than waited for.
#[derive(Debug)]
pub enum Live {
    /// Console bytes.
    Console(wire::ConsoleFrame),
    /// Figures.
    Stats(wire::StatsFrame),
}

/// What the consoles share.
pub struct Consoles {
    dir: PathBuf,
    bounds: Bounds,
    servers: Mutex<HashMap<ServerId, Arc<Console>>>,
    watcher: watch::Watcher,
    live: mpsc::Sender<Live>,
    live_dropped: AtomicU64,
    journal: Journal,
    /// Told when bytes wait that did not before.
    pub news: Notify,
    turn: AtomicU64,
    stop: CancellationToken,
}

/// The console of one server.
pub struct Console {
    server: ServerId,
    dir: PathBuf,
    runs: Mutex<BTreeMap<u64, Run>>,
    console_until: AtomicI64,
    stats_until: AtomicI64,
    /// Told when a lease begins.
    pub leased: Notify,
}

impl Consoles {
    /// Finds what earlier processes left in `dir`. `live` is drained by the link.
    pub fn open(
        dir: &Path,
        bounds: Bounds,
        journal: Journal,
        live: mpsc::Sender<Live>,
        stop: CancellationToken,
    ) -> anyhow::Result<Arc<Self>> {
        std::fs::create_dir_all(dir).map_err(disk::at("create", dir))?;
        let consoles = Self {
            dir: dir.to_owned(),
            bounds,
            servers: Mutex::default(),
            watcher: watch::Watcher::start(stop.clone())?,
            live,
            live_dropped: AtomicU64::new(0),
            journal,
            news: Notify::new(),
            turn: AtomicU64::new(0),
            stop,
        };
        for entry in std::fs::read_dir(dir).map_err(disk::at("list", dir))? {
            let name = entry?.file_name();
            if let Ok(server) = name.to_string_lossy().parse::<ServerId>() {
                let console = consoles.server(server);
                console.recover(bounds.rate)?;
            }
        }
        Ok(Arc::new(consoles))
    }

    /// The console of a server, made if there is none.
    pub fn server(&self, server: ServerId) -> Arc<Console> {
        let mut servers = self.servers.lock();
        let console = servers.entry(server).or_insert_with(|| {
            Arc::new(Console {
                server,
                dir: self.dir.join(server.to_string()),
                runs: Mutex::default(),
                console_until: AtomicI64::new(0),
                stats_until: AtomicI64::new(0),
                leased: Notify::new(),
            })
        });
        console.clone()
    }

    fn all(&self) -> Vec<Arc<Console>> {
        let mut all: Vec<_> = self.servers.lock().values().cloned().collect();
        all.sort_by_key(|c| c.server);
        all
    }

    /// Makes the files of a new run.
    pub fn begin(&self, server: ServerId, run: RunId, kind: Kind) -> anyhow::Result<Paths> {
        let console = self.server(server);
        let paths = Paths::of(console.dir.join(run.to_string()));
        std::fs::create_dir_all(&paths.dir).map_err(disk::at("create", &paths.dir))?;
        let files = warren_runtime::runtime::Console {
            tty: true,
            stdin: Some(paths.stdin.clone()),
            stdout: paths.stdout.clone(),
            stderr: None,
        };
        warren_runtime::console::prepare(&files)?;
        let mut runs = console.runs.lock();
        let number = runs.keys().next_back().map_or(1, |n| n + 1);
        let entry = Run {
            id: run,
            kind,
            number,
            out: Stream::open(&paths.stdout, false, self.bounds.rate)?,
            warren: Stream::open(&paths.warren, true, self.bounds.rate)?,
            paths: paths.clone(),
            ended: false,
            live: [0, 0],
            cut: None,
        };
        entry.save()?;
        runs.insert(number, entry);
        drop(runs);
        console.tidy();
        Ok(paths)
    }

    /// A line of Warren's own, in the newest run. Without a run there is no place for it.
    pub fn say(&self, server: ServerId, text: &str) {
        let console = self.server(server);
        // One line whatever came in.
        let text: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(2000)
            .collect();
        let now = clock::wall_ms();
        let line = format!("{now} {text}\n");
        {
            let mut runs = console.runs.lock();
            let Some(run) = runs.values_mut().next_back() else {
                debug!(server.id = %server, "no run yet for: {text}");
                return;
            };
            match run.warren.write(line.as_bytes()) {
                Ok(offset) if console.is_watched() && run.live[1] >= offset => {
                    let frame = wire::ConsoleFrame {
                        server: server.to_string(),
                        run: run.id.to_string(),
                        stream: wire::ConsoleStream::Warren.into(),
                        offset,
                        data: Bytes::from(line.into_bytes()),
                        at_ms: now,
                    };
                    run.live[1] = run.warren.seen();
                    self.show(Live::Console(frame));
                }
                Ok(_) => {}
                Err(e) => warn!(server.id = %server, "Warren's own line is lost: {e}"),
            }
        }
        self.news.notify_one();
    }

    /// Sends a live message if there is room.
    pub fn show(&self, live: Live) {
        if self.live.try_send(live).is_err() {
            self.live_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Live messages that found no room.
    pub fn dropped(&self) -> u64 {
        self.live_dropped.load(Ordering::Relaxed)
    }

    /// Bytes of all servers that control does not have.
    pub fn waiting(&self) -> u64 {
        self.all().iter().map(|c| c.waiting()).sum()
    }

    /// Control lacks bytes of that server.
    pub fn waits(&self, server: ServerId) -> bool {
        let console = self.servers.lock().get(&server).cloned();
        console.is_some_and(|c| c.waiting() > 0)
    }

    /// Servers that have console files here.
    pub fn known(&self) -> Vec<ServerId> {
        self.servers.lock().keys().copied().collect()
    }

    /// Forgets a removed server and its files.
    pub fn remove(&self, server: ServerId) {
        let console = self.servers.lock().remove(&server);
        if let Some(console) = console
            && let Err(e) = std::fs::remove_dir_all(&console.dir)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            warn!(server.id = %server, "console files stay: {e}");
        }
    }

    /// Gives up old bytes of the noisiest consoles while the disk is nearly full: a full one would
    /// wedge every game's console for good. True while below the floor.
    pub fn guard_disk(&self) -> bool {
        let Ok(free) = warren_runtime::console::free_bytes(&self.dir) else {
            return false;
        };
        if free >= self.bounds.floor_bytes {
            return false;
        }
        let mut all = self.all();
        all.sort_by_key(|c| std::cmp::Reverse(c.waiting()));
        for console in all.into_iter().take(3) {
            console.cut_all(1 << 20, "disk", &self.journal);
        }
        true
    }
}

impl Run {
    fn save(&self) -> std::io::Result<()> {
        let progress = |s: &Stream| Progress {
            committed: s.committed(),
            gaps: s.gaps().to_vec(),
        };
        let meta = Meta {
            kind: self.kind,
            number: self.number,
            out: progress(&self.out),
            warren: progress(&self.warren),
        };
        let path = self.paths.dir.join("meta");
        let beside = self.paths.dir.join(".meta.new");
        // No fsync: after a power cut bytes are sent again, and control takes them once.
        std::fs::write(&beside, serde_json::to_vec(&meta)?).map_err(disk::at("write", &beside))?;
        std::fs::rename(&beside, &path).map_err(disk::at("rename to", &path))
    }

    fn ends(&self) -> [wire::StreamEnd; 2] {
        let end = |stream: wire::ConsoleStream, s: &Stream| wire::StreamEnd {
            run: self.id.to_string(),
            stream: stream.into(),
            end: s.seen(),
            first: s.first(),
        };
        [
            end(self.kind.stream(), &self.out),
            end(wire::ConsoleStream::Warren, &self.warren),
        ]
    }

    fn stream(&self, kind: wire::ConsoleStream) -> Option<&Stream> {
        match kind {
            wire::ConsoleStream::Warren => Some(&self.warren),
            kind if kind == self.kind.stream() => Some(&self.out),
            _ => None,
        }
    }

    fn stream_mut(&mut self, kind: wire::ConsoleStream) -> Option<&mut Stream> {
        match kind {
            wire::ConsoleStream::Warren => Some(&mut self.warren),
            kind if kind == self.kind.stream() => Some(&mut self.out),
            _ => None,
        }
    }

    fn waiting(&self) -> u64 {
        self.out.waiting() + self.warren.waiting()
    }

    /// Remembers a cut; the fact follows when it has ended.
    fn note_cut(&mut self, (from, to): (u64, u64), reason: &'static str) {
        let now = clock::mono_ms();
        match self.cut.as_mut().filter(|c| c.reason == reason) {
            Some(cut) => {
                cut.to = to;
                cut.last_ms = now;
            }
            None => {
                self.cut = Some(Cut {
                    from,
                    to,
                    reason,
                    since_ms: now,
                    last_ms: now,
                });
            }
        }
    }
}

impl Console {
    fn recover(&self, rate: Rate) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(&self.dir).map_err(disk::at("list", &self.dir))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Ok(id) = name.parse::<RunId>() else {
                continue;
            };
            let paths = Paths::of(path.clone());
            let meta = std::fs::read(path.join("meta")).ok();
            let meta = meta.and_then(|m| serde_json::from_slice::<Meta>(&m).ok());
            // Made and killed at once, or lost by a power cut: what is on disk is sent again.
            let meta = meta.unwrap_or(Meta {
                kind: Kind::Game,
                number: 0,
                out: Progress::default(),
                warren: Progress::default(),
            });
            if !paths.stdout.exists() {
                continue;
            }
            let mut run = Run {
                id,
                kind: meta.kind,
                number: meta.number,
                out: Stream::open(&paths.stdout, false, rate)?,
                warren: Stream::open(&paths.warren, true, rate)?,
                paths,
                ended: true,
                live: [0, 0],
                cut: None,
            };
            run.out.restore(meta.out.committed, meta.out.gaps);
            run.warren.restore(meta.warren.committed, meta.warren.gaps);
            let mut runs = self.runs.lock();
            let mut number = run.number;
            while runs.contains_key(&number) {
                number += 1;
            }
            run.number = number;
            runs.insert(number, run);
        }
        self.tidy();
        Ok(())
    }

    /// Files of a run.
    pub fn paths(&self, run: RunId) -> Option<Paths> {
        let runs = self.runs.lock();
        let found = runs.values().find(|r| r.id == run);
        found.map(|r| r.paths.clone())
    }

    /// The newest run.
    pub fn newest(&self) -> Option<RunId> {
        self.runs.lock().values().next_back().map(|r| r.id)
    }

    /// The run has ended: its last bytes are looked at. Gives the length of its stream.
    pub fn end(&self, run: RunId) -> u64 {
        let mut runs = self.runs.lock();
        let Some(run) = runs.values_mut().find(|r| r.id == run) else {
            return 0;
        };
        run.ended = true;
        if let Ok(Some(cut)) = run.out.look() {
            run.note_cut(cut, "rate");
        }
        run.out.seen()
    }

    /// How far each stream of the newest run reaches.
    pub fn ends(&self) -> Vec<wire::StreamEnd> {
        let runs = self.runs.lock();
        runs.values()
            .next_back()
            .map(|r| r.ends().to_vec())
            .unwrap_or_default()
    }

    /// End of a run's main stream.
    pub fn seen(&self, run: RunId) -> u64 {
        let runs = self.runs.lock();
        let found = runs.values().find(|r| r.id == run);
        found.map_or(0, |r| r.out.seen())
    }

    fn waiting(&self) -> u64 {
        self.runs.lock().values().map(Run::waiting).sum()
    }

    /// Somebody watches the console.
    pub fn is_watched(&self) -> bool {
        self.console_until.load(Ordering::Relaxed) > clock::mono_ms()
    }

    /// Somebody watches the figures.
    pub fn stats_watched(&self) -> bool {
        self.stats_until.load(Ordering::Relaxed) > clock::mono_ms()
    }

    /// Begins, renews or ends a lease. Frames begin where the answer's ends are.
    pub fn watch(&self, ask: &wire::Watch) -> wire::WatchAnswer {
        let now = clock::mono_ms();
        let until = if ask.stop { 0 } else { now + LEASE_MS };
        let mut runs = self.runs.lock();
        if ask.console {
            if !self.is_watched()
                && let Some(run) = runs.values_mut().next_back()
            {
                // What nobody has looked at yet belongs to the tail that is fetched now.
                if let Ok(Some(cut)) = run.out.look() {
                    run.note_cut(cut, "rate");
                }
                run.live = [run.out.seen(), run.warren.seen()];
            }
            self.console_until.store(until, Ordering::Relaxed);
        }
        if ask.stats {
            self.stats_until.store(until, Ordering::Relaxed);
        }
        let ends = runs.values().next_back().map(|r| r.ends().to_vec());
        drop(runs);
        self.leased.notify_one();
        wire::WatchAnswer {
            lease_ms: u32::try_from(until.saturating_sub(now).max(0)).unwrap_or(0),
            ends: ends.unwrap_or_default(),
        }
    }

    /// The last bytes of the newest run, each stream.
    pub fn tail(&self, max_bytes: u32) -> warren_runtime::Result<wire::Chunks> {
        let max = match max_bytes as usize {
            0 => MAX_ANSWER,
            n => n.min(MAX_ANSWER),
        };
        let mut runs = self.runs.lock();
        let mut chunks = wire::Chunks::default();
        let Some(run) = runs.values_mut().next_back() else {
            return Ok(chunks);
        };
        if let Some(cut) = run.out.look()? {
            run.note_cut(cut, "rate");
        }
        for end in run.ends() {
            let Some(stream) = run.stream(end.stream()) else {
                continue;
            };
            let from = end.end.saturating_sub(max as u64).max(end.first);
            fill(
                &mut chunks,
                self.server,
                run.id,
                end.stream(),
                stream,
                from,
                end.end,
                max,
            )?;
            chunks.ends.push(end);
        }
        Ok(chunks)
    }

    /// A range of a run that may still be here.
    pub fn range(&self, ask: &wire::RangeAsk) -> warren_runtime::Result<wire::Chunks> {
        let runs = self.runs.lock();
        let found = runs.values().find(|r| r.id.to_string() == ask.run);
        let mut chunks = wire::Chunks::default();
        let Some(run) = found else {
            return Ok(chunks);
        };
        chunks.ends = run.ends().to_vec();
        let Some(stream) = run.stream(ask.stream()) else {
            return Ok(chunks);
        };
        let to = if ask.to == 0 {
            stream.seen()
        } else {
            ask.to.min(stream.seen())
        };
        fill(
            &mut chunks,
            self.server,
            run.id,
            ask.stream(),
            stream,
            ask.from,
            to,
            MAX_ANSWER,
        )?;
        Ok(chunks)
    }

    /// Gives up all but `keep` bytes of what waits.
    fn cut_all(&self, keep: u64, reason: &'static str, journal: &Journal) {
        let mut runs = self.runs.lock();
        for run in runs.values_mut() {
            match run.out.cut_to(keep) {
                Ok(Some(cut)) => {
                    run.note_cut(cut, reason);
                    if let Err(e) = run.save() {
                        warn!(server.id = %self.server, "{e}");
                    }
                }
                Ok(None) => {}
                Err(e) => warn!(server.id = %self.server, "{e}"),
            }
        }
        drop(runs);
        self.flush_cuts(journal, true);
    }

    /// Writes the facts of cuts that have come to an end (or of all).
    fn flush_cuts(&self, journal: &Journal, all: bool) {
        let now = clock::mono_ms();
        let mut runs = self.runs.lock();
        for run in runs.values_mut() {
            let due = run.cut.as_ref().is_some_and(|c| {
                all || run.ended || now - c.last_ms > 5000 || now - c.since_ms > 60_000
            });
            if !due {
                continue;
            }
            if let Some(cut) = run.cut.take() {
                let gap = wire::ConsoleGap {
                    run: run.id.to_string(),
                    stream: run.kind.stream().into(),
                    from: cut.from,
                    to: cut.to,
                    reason: cut.reason.into(),
                };
                journal.push(wire::Fact {
                    server: self.server.to_string(),
                    what: Some(wire::fact::What::ConsoleGap(gap)),
                    ..Default::default()
                });
            }
        }
    }

    /// Removes runs that control has wholly, but for the newest of each kind.
    fn tidy(&self) {
        let mut runs = self.runs.lock();
        let newest: Vec<u64> = [Kind::Game, Kind::Install]
            .iter()
            .filter_map(|k| runs.values().rev().find(|r| r.kind == *k).map(|r| r.number))
            .collect();
        runs.retain(|number, run| {
            let keep = newest.contains(number) || !run.ended || run.waiting() > 0;
            if !keep && let Err(e) = std::fs::remove_dir_all(&run.paths.dir) {
                warn!(server.id = %self.server, "an old run's files stay: {e}");
            }
            keep
        });
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "private; spares a struct used twice"
)]
fn fill(
    chunks: &mut wire::Chunks,
    server: ServerId,
    run: RunId,
    kind: wire::ConsoleStream,
    stream: &Stream,
    from: u64,
    to: u64,
    max: usize,
) -> warren_runtime::Result<()> {
    let (mut at, mut room) = (from, max);
    while at < to && room > 0 {
        let want = usize::try_from(to - at).unwrap_or(room).min(room);
        let Some((offset, bytes)) = stream.read(at, want)? else {
            break;
        };
        if offset >= to {
            break;
        }
        let mut range = range(server, run, kind);
        range.offset = offset;
        range.length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        at = offset + bytes.len() as u64;
        room -= bytes.len().min(room);
        range.data = bytes.into();
        range.times = vec![wire::TimeMark {
            offset,
            at_ms: stream.last_mark_ms(),
        }];
        chunks.ranges.push(range);
    }
    Ok(())
}

fn range(server: ServerId, run: RunId, kind: wire::ConsoleStream) -> wire::ConsoleRange {
    wire::ConsoleRange {
        server: server.to_string(),
        run: run.to_string(),
        stream: kind.into(),
        ..Default::default()
    }
}
