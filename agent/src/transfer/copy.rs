//! What differs of the files of a server that comes in, and how it comes: parts of files, several on their way at once.

use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use warren_proto::subjects::xfer;
use warren_proto::wire;
use warren_runtime::jail::Jail;

use super::Failed;
use super::parts::{Group, Groups, Part, bytes_of};
use super::pass::{Listed, Pass};
use super::receive::uid;
use super::source::{MOST_BYTES, MOST_DIGESTED, MOST_DIGESTS, MOST_READS, failure, io, sum};
use crate::link::session::refuse;

/// Asks on their way at one time.
const WINDOW: usize = 8;
/// What differs inside a file that is there is told by stretches of so many bytes.
const STRETCH: u64 = 1 << 20;
/// The disk is asked for room again after so many bytes.
const ROOM_EVERY: u64 = 64 << 20;

impl Pass {
    /// Those stretches of which the source has other bytes.
    pub(super) async fn differing(
        &self,
        listed: &Arc<Listed>,
        parts: Vec<Part>,
    ) -> Result<Vec<Part>, Failed> {
        let all = bytes_of(&parts);
        let done = AtomicU64::new(0);
        let groups = Groups::of(parts, MOST_DIGESTS, MOST_DIGESTED, STRETCH);
        let found: Vec<Vec<Part>> = stream::iter(groups)
            .map(|group| async {
                let bytes = bytes_of(&group);
                let differing = self.unlike(listed, group).await;
                let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
                self.incoming.show("comparing", Some((done, all)));
                differing
            })
            .buffer_unordered(4)
            .try_collect()
            .await?;
        Ok(found.concat())
    }

    fn ranges(listed: &Listed, group: &[Part]) -> Vec<wire::TransferRange> {
        let ranges = group.iter().map(|part| wire::TransferRange {
            path: listed.items[part.file].path.clone(),
            offset: part.offset,
            length: part.length,
        });
        ranges.collect()
    }

    async fn unlike(&self, listed: &Arc<Listed>, group: Group) -> Result<Vec<Part>, Failed> {
        let asked = wire::TransferDigest {
            transfer: self.incoming.of.transfer.to_string(),
            secret: self.incoming.secret.clone(),
            ranges: Self::ranges(listed, &group),
        };
        let (dir, listed, mine) = (self.stage.new_dir(), listed.clone(), group.clone());
        let here = self.blocking(move || {
            let jail = Jail::open(&dir).map_err(failure)?;
            mine.iter()
                .map(|part| {
                    let file = jail
                        .unload(&listed.items[part.file].path)
                        .map_err(failure)?;
                    sum(&file, part.offset, part.length)
                })
                .collect::<Result<Vec<_>, Failed>>()
        });
        let (there, here) = tokio::join!(
            self.ask::<wire::TransferDigests>(xfer::DIGEST, &asked),
            here
        );
        let (there, here) = (there?, here?);
        if there.sums.len() != group.len() {
            return Err(refuse("bad_answer", "checksums are missing", false));
        }
        let pairs = group.into_iter().zip(here.iter().zip(&there.sums));
        Ok(pairs
            .filter(|(_, (here, there))| here[..] != there[..])
            .map(|(part, _)| part)
            .collect())
    }

    /// Fetches these parts, whatever is there already.
    pub(super) async fn copy(&self, listed: &Arc<Listed>, parts: Vec<Part>) -> Result<(), Failed> {
        let total = bytes_of(&parts);
        let done = AtomicU64::new(0);
        self.incoming.show("copying", Some((0, total)));
        let groups = Groups::of(parts, MOST_READS, MOST_BYTES as u64, MOST_BYTES as u64);
        stream::iter(groups.map(Ok))
            .try_for_each_concurrent(WINDOW, |group| {
                let done = &done;
                async move {
                    let bytes = bytes_of(&group);
                    self.fetch(listed, group).await?;
                    let before = done.fetch_add(bytes, Ordering::Relaxed);
                    self.incoming.show("copying", Some((before + bytes, total)));
                    if before / ROOM_EVERY != (before + bytes) / ROOM_EVERY {
                        self.goes_on().await?;
                    }
                    Ok(())
                }
            })
            .await
    }

    async fn goes_on(&self) -> Result<(), Failed> {
        let (dir, floor) = (
            self.stage.new_dir(),
            self.node.deps.settings.disk_floor_bytes,
        );
        self.blocking(move || {
            let free = Jail::open(&dir).and_then(|jail| jail.free_bytes());
            match free.map_err(failure)? < floor {
                true => Err(refuse("disk_full", "the node's disk is full", false)),
                false => Ok(()),
            }
        })
        .await
    }

    async fn fetch(&self, listed: &Arc<Listed>, group: Group) -> Result<(), Failed> {
        let asked = wire::TransferRead {
            transfer: self.incoming.of.transfer.to_string(),
            secret: self.incoming.secret.clone(),
            ranges: Self::ranges(listed, &group),
        };
        let mut tries = 0;
        let chunks = loop {
            let answer: wire::TransferChunks = self.ask(xfer::READ, &asked).await?;
            let whole = answer.chunks.len() == group.len()
                && answer.chunks.iter().zip(&group).all(|(chunk, part)| {
                    chunk.data.len() as u64 <= part.length
                        && crc32fast::hash(&chunk.data) == chunk.crc
                });
            tries += 1;
            match whole {
                true => break answer.chunks,
                false if tries >= 5 => {
                    let text = "bytes from the other node are not those that were sent";
                    return Err(refuse("checksum_differs", text, true));
                }
                false => {}
            }
        };
        let (dir, listed) = (self.stage.new_dir(), listed.clone());
        let uid = uid(&self.node, self.incoming.of)?;
        self.blocking(move || {
            let jail = Jail::open(&dir).map_err(failure)?;
            for (part, chunk) in group.iter().zip(&chunks) {
                // A file that is gone, or shorter by now, shows when all is compared.
                if !chunk.data.is_empty() {
                    let (file, _) = jail
                        .stow(&listed.items[part.file].path, uid)
                        .map_err(failure)?;
                    file.write_all_at(&chunk.data, part.offset).map_err(io)?;
                }
            }
            Ok(())
        })
        .await
    }
}
