//! The console of one server: its runs, who watches, and what readers get.

use std::sync::atomic::Ordering;

use tracing::warn;
use warren_proto::ids::{RunId, ServerId};
use warren_proto::wire;

use super::stream::{Rate, Stream};
use super::{Console, Kind, LEASE_MS, MAX_ANSWER, Meta, Paths, Progress, Run};
use crate::journal::Journal;
use crate::{clock, disk};

impl Console {
    pub(super) fn recover(&self, rate: Rate) -> anyhow::Result<()> {
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
        if let Ok(Some(lost)) = run.out.look() {
            run.note_lost(lost);
        }
        if let Err(e) = run.out.release() {
            warn!(server.id = %self.server, "{e}");
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

    pub(super) fn waiting(&self) -> u64 {
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
                if let Ok(Some(lost)) = run.out.look() {
                    run.note_lost(lost);
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
        if let Some(lost) = run.out.look()? {
            run.note_lost(lost);
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
    pub(super) fn cut_all(&self, keep: u64, reason: &'static str, journal: &Journal) {
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
    pub(super) fn flush_cuts(&self, journal: &Journal, all: bool) {
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
    pub(super) fn tidy(&self) {
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

pub(super) fn range(server: ServerId, run: RunId, kind: wire::ConsoleStream) -> wire::ConsoleRange {
    wire::ConsoleRange {
        server: server.to_string(),
        run: run.to_string(),
        stream: kind.into(),
        ..Default::default()
    }
}
