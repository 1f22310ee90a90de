//! Console files of a machine: what games wrote, which is told by run and offset, so that every byte can be
//! checked where it arrives.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use warren_agent::console::stream::{Rate, Source, Stream};
use warren_agent::console::upload::Upload;
use warren_proto::ids::{BootId, RunId, ServerId};
use warren_proto::wire::{self, ConsoleStream};
use warren_runtime::console::Chunk;

use crate::rng::Rng;

const WIDE: Rate = Rate {
    per_second: 1 << 40,
    burst: 1 << 40,
};
/// Holes are whole blocks.
const BLOCK: u64 = 64;

/// The byte that belongs at an offset of a run's stream.
pub fn byte_at(run: RunId, stream: i32, offset: u64) -> u8 {
    let salt = run
        .made_at_ms()
        .wrapping_add(u64::from(stream.unsigned_abs()) * 7919);
    let mixed = (salt ^ offset.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x2545_f491_4f6c_dd1d);
    // Never 0: that is what a hole would read as.
    (mixed >> 56) as u8 | 1
}

#[derive(Debug)]
struct File {
    run: RunId,
    stream: i32,
    len: u64,
    punched: u64,
}

/// A file in memory.
#[derive(Debug, Clone)]
pub struct Spool(Arc<Mutex<File>>);

impl Source for Spool {
    fn end(&self) -> warren_runtime::Result<u64> {
        Ok(self.0.lock().len)
    }

    fn read(&self, offset: u64, max: usize) -> warren_runtime::Result<Option<Chunk>> {
        let file = self.0.lock();
        let start = offset.max(file.punched);
        if start >= file.len {
            return Ok(None);
        }
        let end = file.len.min(start + max as u64);
        let bytes = (start..end).map(|at| byte_at(file.run, file.stream, at));
        Ok(Some(Chunk {
            offset: start,
            bytes: bytes.collect(),
        }))
    }

    fn punch(&self, upto: u64) -> warren_runtime::Result<u64> {
        let mut file = self.0.lock();
        let upto = upto.min(file.len) / BLOCK * BLOCK;
        file.punched = file.punched.max(upto);
        Ok(upto)
    }

    fn reserve(&self, _ahead: u64) -> warren_runtime::Result<()> {
        Ok(())
    }

    fn release(&self) -> warren_runtime::Result<()> {
        Ok(())
    }
}

/// One run's two files, and what the disk knows of how far control is.
#[derive(Debug)]
struct Run {
    id: RunId,
    install: bool,
    number: u64,
    files: [Spool; 2],
    saved: [(u64, Vec<(u64, u64)>); 2],
    /// Of the process.
    streams: Option<[Stream<Spool>; 2]>,
    ended: bool,
}

impl Run {
    fn main(&self) -> ConsoleStream {
        match self.install {
            true => ConsoleStream::Install,
            false => ConsoleStream::Game,
        }
    }

    fn kinds(&self) -> [ConsoleStream; 2] {
        [self.main(), ConsoleStream::Warren]
    }

    fn open(&mut self) {
        let make = |n: usize| {
            let mut stream = Stream::over(self.files[n].clone(), WIDE);
            let (committed, gaps) = self.saved[n].clone();
            stream.restore(committed, gaps);
            stream
        };
        self.streams = Some([make(0), make(1)]);
    }

    fn waiting(&self) -> u64 {
        let streams = self.streams.iter().flatten();
        streams.map(Stream::waiting).sum()
    }
}

/// All consoles of a machine.
#[derive(Debug, Default)]
pub struct Spools {
    runs: BTreeMap<(ServerId, u64), Run>,
    /// Ranges given up on purpose, or lost with the power.
    pub given_up: BTreeMap<(RunId, i32), Vec<(u64, u64)>>,
    turn: usize,
}

impl Spools {
    fn find(&mut self, server: ServerId, run: RunId) -> Option<&mut Run> {
        let mine = self.runs.range_mut((server, 0)..=(server, u64::MAX));
        mine.map(|(_, r)| r).find(|r| r.id == run)
    }

    /// A process starts: what earlier ones left is opened.
    pub fn open(&mut self) {
        for run in self.runs.values_mut() {
            run.open();
            run.ended = true;
        }
    }

    /// Makes the files of a new run.
    pub fn begin(&mut self, server: ServerId, id: RunId, install: bool) {
        if self.find(server, id).is_some() {
            return;
        }
        let last = self
            .runs
            .range((server, 0)..=(server, u64::MAX))
            .next_back();
        let number = last.map_or(1, |((_, n), _)| n + 1);
        let main = if install { 2 } else { 0 };
        let file = |stream| {
            Spool(Arc::new(Mutex::new(File {
                run: id,
                stream,
                len: 0,
                punched: 0,
            })))
        };
        let mut run = Run {
            id,
            install,
            number,
            files: [file(main), file(1)],
            saved: Default::default(),
            streams: None,
            ended: false,
        };
        run.open();
        self.runs.insert((server, number), run);
        self.tidy(server);
    }

    /// The run is written again.
    pub fn follow(&mut self, server: ServerId, run: RunId) {
        if let Some(run) = self.find(server, run) {
            run.ended = false;
        }
    }

    /// The game prints.
    pub fn print(&mut self, server: ServerId, run: RunId, bytes: u64) {
        if let Some(run) = self.find(server, run) {
            run.files[0].0.lock().len += bytes;
        }
    }

    /// A line of Warren's own in the newest run.
    pub fn say(&mut self, server: ServerId, bytes: u64) {
        let newest = self.runs.range_mut((server, 0)..=(server, u64::MAX));
        if let Some((_, run)) = newest.into_iter().next_back() {
            run.files[1].0.lock().len += bytes;
        }
    }

    /// The run has ended; gives the length of its stream.
    pub fn end(&mut self, server: ServerId, run: RunId) -> u64 {
        let Some(run) = self.find(server, run) else {
            return 0;
        };
        run.ended = true;
        run.look();
        run.streams.as_ref().map_or(0, |s| s[0].seen())
    }

    /// Bytes of all consoles that control lacks, after a look.
    pub fn waiting(&mut self) -> u64 {
        self.runs.values_mut().for_each(Run::look);
        self.runs.values().map(Run::waiting).sum()
    }

    /// Control lacks bytes of that server.
    pub fn waits(&mut self, server: ServerId) -> bool {
        let mine = self.runs.range_mut((server, 0)..=(server, u64::MAX));
        mine.map(|(_, run)| {
            run.look();
            run.waiting()
        })
        .sum::<u64>()
            > 0
    }

    /// The next upload, as the real consoles make it.
    pub fn batch(&mut self, boot: BootId) -> Option<wire::ConsoleUpload> {
        let mut all: Vec<(&(ServerId, u64), &Run)> = self.runs.iter().collect();
        if all.is_empty() {
            return None;
        }
        let count = all.len();
        all.rotate_left(self.turn % count);
        let mut upload = Upload::default();
        for ((server, _), run) in all {
            let Some(streams) = &run.streams else {
                continue;
            };
            for (kind, stream) in run.kinds().into_iter().zip(streams) {
                let range = wire::ConsoleRange {
                    server: server.to_string(),
                    run: run.id.to_string(),
                    stream: kind.into(),
                    ..Default::default()
                };
                // Files in memory give no error.
                let _ = upload.add(range, stream);
            }
        }
        self.turn += 1;
        upload.done(boot)
    }

    /// Control has committed these. True if any position moved.
    pub fn committed(&mut self, positions: &[wire::ConsolePosition]) -> bool {
        let mut moved = false;
        for position in positions {
            let (Ok(server), Ok(id)) = (position.server.parse(), position.run.parse()) else {
                continue;
            };
            let Some(run) = self.find(server, id) else {
                continue;
            };
            let n = run.kinds().iter().position(|k| *k == position.stream());
            let (Some(n), Some(streams)) = (n, &mut run.streams) else {
                continue;
            };
            let before = streams[n].committed();
            let _ = streams[n].commit(position.committed);
            if streams[n].committed() != before {
                moved = true;
                run.saved[n] = (streams[n].committed(), streams[n].gaps().to_vec());
                self.tidy(server);
            }
        }
        moved
    }

    /// Gives up all but `keep` bytes of the newest run of a server; the cut, if there was one.
    pub fn cut(&mut self, server: ServerId, keep: u64) -> Option<(RunId, (u64, u64))> {
        let mine = self.runs.range_mut((server, 0)..=(server, u64::MAX));
        let (_, run) = mine.into_iter().next_back()?;
        run.look();
        let cut = run.streams.as_mut()?[0].cut_to(keep).ok()??;
        let (id, stream) = (run.id, i32::from(run.main()));
        // What lies below is off the disk too: a database that is put back does not get it again.
        let gone = (0, cut.1);
        self.given_up.entry((id, stream)).or_default().push(gone);
        Some((id, cut))
    }

    /// Removes runs that control has wholly, but for the newest of each kind.
    fn tidy(&mut self, server: ServerId) {
        let mine = || self.runs.range((server, 0)..=(server, u64::MAX));
        let newest: Vec<u64> = [false, true]
            .iter()
            .filter_map(|kind| {
                let of_kind = mine().rev().find(|(_, r)| r.install == *kind);
                of_kind.map(|(_, r)| r.number)
            })
            .collect();
        self.runs.retain(|(s, number), run| {
            *s != server || newest.contains(number) || !run.ended || run.waiting() > 0
        });
    }

    /// Forgets a removed server.
    pub fn remove(&mut self, server: ServerId) {
        self.runs.retain(|(s, _), _| *s != server);
    }

    /// Some bytes never reached the disk, and what was known of control's cursor may be old.
    pub fn power_cut(&mut self, rng: &mut Rng) {
        for run in self.runs.values_mut() {
            for (n, kind) in run.kinds().into_iter().enumerate() {
                let mut file = run.files[n].0.lock();
                let lost = rng.below(64).min(file.len - file.punched);
                if lost > 0 && rng.chance(300) {
                    let range = (file.len - lost, file.len);
                    file.len -= lost;
                    let key = (run.id, i32::from(kind));
                    self.given_up.entry(key).or_default().push(range);
                }
                if rng.chance(300) {
                    run.saved[n] = (0, Vec::new());
                }
            }
        }
    }

    /// Every stream and how long it is.
    pub fn ends(&self) -> Vec<(ServerId, RunId, i32, u64)> {
        let all = self.runs.iter().flat_map(|((server, _), run)| {
            let kinds = run.kinds().into_iter().enumerate();
            kinds.map(move |(n, kind)| {
                let len = run.files[n].0.lock().len;
                (*server, run.id, i32::from(kind), len)
            })
        });
        all.collect()
    }

    /// A copy of the files for a cloned machine.
    pub fn copy(&self) -> Self {
        let runs = self.runs.iter().map(|(key, run)| {
            let files = [0, 1].map(|n: usize| {
                let file = run.files[n].0.lock();
                Spool(Arc::new(Mutex::new(File { ..*file })))
            });
            let run = Run {
                id: run.id,
                install: run.install,
                number: run.number,
                files,
                saved: run.saved.clone(),
                streams: None,
                ended: true,
            };
            (*key, run)
        });
        Self {
            runs: runs.collect(),
            given_up: self.given_up.clone(),
            turn: 0,
        }
    }
}

impl Run {
    fn look(&mut self) {
        for stream in self.streams.iter_mut().flatten() {
            // Files in memory give no error, and the rate is no bound here.
            let _ = stream.look();
        }
    }
}
