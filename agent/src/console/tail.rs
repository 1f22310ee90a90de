//! One task per run that is being written: sees what came, shows it to who watches, finds the done
//! marker.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use warren_proto::ids::{RunId, ServerId};
use warren_proto::wire;

use super::{Console, Consoles, Live, MAX_FRAME};
use crate::clock;

/// Frames of one server come at most so often; the first after a pause comes at once.
const FRAME_EVERY: Duration = Duration::from_millis(25);
/// Without a watcher and without a marker to find nobody needs the bytes at once.
const IDLE_EVERY: Duration = Duration::from_millis(200);
/// A viewer that far behind is better off with the newest bytes; its gateway fetches the rest.
const MAX_LAG: u64 = 1 << 20;
/// If inotify fails us, look anyway.
const LOOK_ANYWAY: Duration = Duration::from_secs(2);

/// Sees each piece of output until it says that it has seen enough.
pub type Finder = Box<dyn FnMut(&[u8]) -> bool + Send>;

impl Consoles {
    /// Follows a run until `ended`, then takes its last bytes. `find` gets all that the disk still has
    /// of the run, from its start.
    pub fn follow(
        self: &Arc<Self>,
        server: ServerId,
        run: RunId,
        find: Option<Finder>,
        ended: CancellationToken,
    ) -> tokio::task::JoinHandle<()> {
        let consoles = self.clone();
        let console = self.server(server);
        {
            let mut runs = console.runs.lock();
            if let Some(run) = runs.values_mut().find(|r| r.id == run) {
                run.ended = false;
            }
        }
        tokio::spawn(async move {
            let tail = Tail {
                consoles,
                console,
                run,
                find,
                found_at: 0,
            };
            tail.run(ended).await;
        })
    }
}

struct Tail {
    consoles: Arc<Consoles>,
    console: Arc<Console>,
    run: RunId,
    find: Option<Finder>,
    found_at: u64,
}

impl Tail {
    async fn run(mut self, ended: CancellationToken) {
        let Some(paths) = self.console.paths(self.run) else {
            return;
        };
        let watched = match self.consoles.watcher.watch(&paths.stdout) {
            Ok(watched) => Some(watched),
            Err(e) => {
                warn!("no notices for {}: {e}", paths.stdout.display());
                None
            }
        };
        let stop = self.consoles.stop.clone();
        loop {
            self.step();
            let busy = self.find.is_some() || self.console.is_watched();
            let pause = Instant::now() + if busy { FRAME_EVERY } else { IDLE_EVERY };
            // Whatever comes during the pause is shown together at its end.
            tokio::select! {
                () = sleep_until(pause) => {}
                () = ended.cancelled() => break,
                () = stop.cancelled() => return,
            }
            if self.behind() {
                continue;
            }
            let grown = async {
                match &watched {
                    Some(watched) => watched.grown.notified().await,
                    None => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            };
            tokio::select! {
                () = grown => {}
                () = self.console.leased.notified() => {}
                () = tokio::time::sleep(LOOK_ANYWAY) => {}
                () = ended.cancelled() => break,
                () = stop.cancelled() => return,
            }
        }
        self.console.end(self.run);
        while self.step() {}
        self.console.flush_cuts(&self.consoles.journal, true);
        self.consoles.news.notify_one();
    }

    /// Bytes are there that a watcher has not been shown.
    fn behind(&self) -> bool {
        if !self.console.is_watched() {
            return false;
        }
        let runs = self.console.runs.lock();
        let run = runs.values().find(|r| r.id == self.run);
        run.is_some_and(|r| r.live[0] < r.out.seen())
    }

    /// Looks once. True if a watcher still lacks something.
    fn step(&mut self) -> bool {
        let mut bytes = Vec::new();
        let mut more = false;
        {
            let mut runs = self.console.runs.lock();
            let newest = runs.keys().next_back().copied();
            let Some(run) = runs.values_mut().find(|r| r.id == self.run) else {
                return false;
            };
            let before = run.out.seen();
            match run.out.look() {
                Ok(Some(lost)) => run.note_lost(lost),
                Ok(None) => {}
                Err(e) => warn!("{e}"),
            }
            if run.out.waiting() > self.consoles.bounds.waiting_bytes {
                match run.out.cut_to(self.consoles.bounds.waiting_bytes / 2) {
                    Ok(Some(cut)) => {
                        run.note_cut(cut, "cap");
                        if let Err(e) = run.save() {
                            warn!("{e}");
                        }
                    }
                    Ok(None) => {}
                    Err(e) => warn!("{e}"),
                }
            }
            if run.out.seen() > before {
                self.consoles.news.notify_one();
            }
            if self.find.is_some() {
                while let Ok(Some((at, piece))) = run.out.read(self.found_at, 256 * 1024) {
                    self.found_at = at + piece.len() as u64;
                    bytes.extend(piece);
                    if bytes.len() > 1 << 20 {
                        break;
                    }
                }
            }
            if self.console.is_watched() && Some(run.number) == newest {
                if let Some(frame) = self.frame(run) {
                    self.consoles.show(Live::Console(frame));
                }
                more = run.live[0] < run.out.seen();
            }
        }
        self.console.flush_cuts(&self.consoles.journal, false);
        // Outside the lock: patterns may take their time.
        if let Some(find) = &mut self.find
            && !bytes.is_empty()
            && find(&bytes)
        {
            self.find = None;
        }
        more
    }

    fn frame(&self, run: &mut super::Run) -> Option<wire::ConsoleFrame> {
        let seen = run.out.seen();
        if seen.saturating_sub(run.live[0]) > MAX_LAG {
            run.live[0] = seen - MAX_FRAME as u64;
        }
        if run.live[0] >= seen {
            return None;
        }
        let (offset, data) = match run.out.read(run.live[0], MAX_FRAME) {
            Ok(Some(piece)) => piece,
            Ok(None) => {
                run.live[0] = seen;
                return None;
            }
            Err(e) => {
                warn!("{e}");
                return None;
            }
        };
        run.live[0] = offset + data.len() as u64;
        Some(wire::ConsoleFrame {
            server: self.console.server.to_string(),
            run: run.id.to_string(),
            stream: run.kind.stream().into(),
            offset,
            data: data.into(),
            at_ms: clock::wall_ms(),
        })
    }
}
