//! One run on disk: what must be known of it after a restart.

use warren_proto::wire;

use super::stream::{Lost, Stream};
use super::{Cut, Meta, Progress, Run};
use crate::{clock, disk};

impl Run {
    pub(super) fn save(&self) -> std::io::Result<()> {
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

    pub(super) fn ends(&self) -> [wire::StreamEnd; 2] {
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

    pub(super) fn stream(&self, kind: wire::ConsoleStream) -> Option<&Stream> {
        match kind {
            wire::ConsoleStream::Warren => Some(&self.warren),
            kind if kind == self.kind.stream() => Some(&self.out),
            _ => None,
        }
    }

    pub(super) fn stream_mut(&mut self, kind: wire::ConsoleStream) -> Option<&mut Stream> {
        match kind {
            wire::ConsoleStream::Warren => Some(&mut self.warren),
            kind if kind == self.kind.stream() => Some(&mut self.out),
            _ => None,
        }
    }

    pub(super) fn waiting(&self) -> u64 {
        self.out.waiting() + self.warren.waiting()
    }

    pub(super) fn note_lost(&mut self, lost: Lost) {
        self.note_cut((lost.from, lost.to), lost.reason);
    }

    /// Remembers a cut; the fact follows when it has ended.
    pub(super) fn note_cut(&mut self, (from, to): (u64, u64), reason: &'static str) {
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
