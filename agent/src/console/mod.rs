//! What games print and what Warren says about them: kept in files, read once, sent for good and
//! shown live.
//!
//! `console/<server>/<run>/`: `out` is the spool that the shim writes, `warren` our own lines, `in`
//! the stdin FIFO, `meta` what must be known after a restart. Offsets in these files are the
//! sequence numbers everywhere.

pub mod input;
mod run;
mod server;
pub mod stream;
pub mod tail;
pub mod typed;
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
        let made = self.make_run(&console, &paths, run, kind);
        if made.is_err() {
            // Half a run on a full disk is in the way of the next one.
            let _ = std::fs::remove_dir_all(&paths.dir);
        }
        made.map(|()| paths)
    }

    fn make_run(
        &self,
        console: &Console,
        paths: &Paths,
        run: RunId,
        kind: Kind,
    ) -> anyhow::Result<()> {
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
        let mut out = Stream::open(&paths.stdout, false, self.bounds.rate)?;
        out.reserve()?;
        let entry = Run {
            id: run,
            kind,
            number,
            out,
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
        Ok(())
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
