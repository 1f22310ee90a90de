//! Batches of what control does not have yet.

use std::sync::atomic::Ordering;

use tracing::warn;
use warren_proto::ids::{BootId, ServerId};
use warren_proto::wire;

use super::Consoles;
use super::server::range;
use super::stream::{Source, Stream};

/// Bytes on the wire of one batch.
const MAX_BATCH: usize = 256 * 1024;
/// Raw bytes of one range: what control unpacks at a time.
const MAX_RANGE: usize = 256 * 1024;
/// Raw bytes of one batch: text shrinks well, and a batch must stay cheap to make.
const MAX_RAW: usize = 1024 * 1024;
/// Ranges of one batch: control refuses one of more than 512 streams.
const MAX_RANGES: usize = 512;
/// Below it compression gains nothing.
const WORTH_PACKING: usize = 512;

impl Consoles {
    /// The next batch, all servers in turn; `None` if control has everything. Blocks on disk and
    /// CPU for some milliseconds.
    pub fn batch(&self, boot: BootId) -> Option<wire::ConsoleUpload> {
        let mut all = self.all();
        if all.is_empty() {
            return None;
        }
        // Another server first each time, so that one that floods delays nobody for ever.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = all.len() as u64;
        all.rotate_left(usize::try_from(turn % count).unwrap_or(0));
        let mut upload = Upload::default();
        for console in all {
            let runs = console.runs.lock();
            for run in runs.values() {
                let kinds = [run.kind.stream(), wire::ConsoleStream::Warren];
                for kind in kinds {
                    if let Some(stream) = run.stream(kind)
                        && let Err(e) = upload.add(range(console.server, run.id, kind), stream)
                    {
                        warn!(server.id = %console.server, "{e}");
                    }
                }
            }
        }
        upload.done(boot)
    }

    /// Control has committed these; the disk below is freed. A position below ours (its database was
    /// restored) is where we go on. True if any position moved.
    pub fn committed(&self, positions: &[wire::ConsolePosition]) -> bool {
        let mut moved = false;
        let mut touched = std::collections::BTreeSet::new();
        for position in positions {
            let Ok(server) = position.server.parse::<ServerId>() else {
                continue;
            };
            // A name that we do not know must not make a console.
            let known = self.servers.lock().get(&server).cloned();
            let Some(console) = known else { continue };
            let mut runs = console.runs.lock();
            let Some(run) = runs.values_mut().find(|r| r.id.to_string() == position.run) else {
                continue;
            };
            let Some(stream) = run.stream_mut(position.stream()) else {
                continue;
            };
            let before = stream.committed();
            if let Err(e) = stream.commit(position.committed) {
                warn!(server.id = %server, "{e}");
            }
            if stream.committed() != before {
                moved = true;
                touched.insert((server, run.number));
            }
        }
        for (server, number) in touched {
            let console = self.server(server);
            if let Some(run) = console.runs.lock().get(&number)
                && let Err(e) = run.save()
            {
                warn!(server.id = %server, "{e}");
            }
            console.tidy();
        }
        moved
    }
}

/// A batch in the making.
#[derive(Debug, Default)]
pub struct Upload {
    ranges: Vec<wire::ConsoleRange>,
    packed: usize,
    raw: usize,
}

impl Upload {
    /// Adds what control lacks of a stream, as far as there is room. `range` names the stream.
    /// # Errors
    /// The disk can't be read; what came before the error is in.
    pub fn add<S: Source>(
        &mut self,
        range: wire::ConsoleRange,
        stream: &Stream<S>,
    ) -> warren_runtime::Result<()> {
        let mut at = stream.committed();
        while self.packed < MAX_BATCH && self.raw < MAX_RAW && self.ranges.len() < MAX_RANGES {
            let room = (MAX_BATCH - self.packed)
                .min(MAX_RANGE)
                .min(MAX_RAW - self.raw);
            let Some(part) = stream.part(at, room)? else {
                break;
            };
            at = part.end();
            self.raw += part.data.len();
            let mut range = range.clone();
            range.offset = part.offset;
            range.gap_to = part.gap_to;
            range.length = u32::try_from(part.data.len()).unwrap_or(u32::MAX);
            range.times = part.times;
            pack(&mut range, part.data);
            self.packed += range.data.len() + 96 + range.times.len() * 16;
            self.ranges.push(range);
        }
        Ok(())
    }

    /// Ready to be sent; `None` if control has everything.
    pub fn done(self, boot: BootId) -> Option<wire::ConsoleUpload> {
        (!self.ranges.is_empty()).then(|| wire::ConsoleUpload {
            boot: boot.to_string(),
            ranges: self.ranges,
        })
    }
}

fn pack(range: &mut wire::ConsoleRange, data: bytes::Bytes) {
    if data.len() >= WORTH_PACKING
        && let Ok(small) = zstd::bulk::compress(&data, 1)
        && small.len() < data.len()
    {
        range.data = small.into();
        range.compressed = true;
    } else {
        range.data = data;
    }
}
