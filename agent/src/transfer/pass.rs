//! One pass over all files of a server that comes in: what is there is listed, what differs is copied, what was copied is
//! compared. While the game runs, what changes meanwhile is left for the next pass; in the last one it is an error.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use warren_proto::subjects::{self, xfer};
use warren_proto::{Message, wire};
use warren_runtime::jail::{self, Jail, Kind};
use warren_runtime::runtime::{ImageRef, PullRequest, RegistryAuth};

use super::Failed;
use super::parts::{Part, Spare};
use super::receive::{Incoming, uid};
use super::source::{MOST_ENTRIES, MOST_EXTENTS, failure, io};
use super::stage::Stage;
use crate::link::session::refuse;
use crate::node::Node;
use crate::server::start::Failure;

/// An ask for checksums reads up to 32 MiB of a slow disk.
const PATIENCE: Duration = Duration::from_secs(50);
/// Between two tries of an ask that was not answered.
const AGAIN: Duration = Duration::from_millis(500);
/// Names and targets of all entries, bytes.
const MOST_NAMES: usize = 256 << 20;
/// Tries to copy what the source itself says nobody writes to.
const TRIES: u32 = 3;
/// Parts of all files of a server: each file has one, each file with holes up to [`MOST_EXTENTS`].
const MOST_PARTS: usize = 4_000_000;
/// Set in the number of a list that is made only to see whether anything has changed.
const AGAIN_LISTED: u32 = 1 << 31;

/// By what a file is known to be the same one, unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature {
    inode: u64,
    size: u64,
    modified_ns: i64,
    changed_ns: i64,
    mode: u32,
}

pub(super) struct Pass {
    pub node: Arc<Node>,
    pub incoming: Arc<Incoming>,
    pub number: u32,
    pub last: bool,
    /// 0: none.
    pub disk_limit_bytes: u64,
    /// That the game needs.
    pub image: Option<(ImageRef, RegistryAuth)>,
    pub stage: Stage,
}

/// What the source has.
pub(super) struct Listed {
    pub items: Vec<wire::TransferItem>,
    skipped: u64,
}

impl Listed {
    fn kind(&self, at: usize) -> Kind {
        kind(&self.items[at])
    }
}

fn kind(item: &wire::TransferItem) -> Kind {
    match &*item.kind {
        "d" => Kind::Directory,
        "l" => Kind::Symlink,
        _ => Kind::File,
    }
}

fn signature(item: &wire::TransferItem) -> Signature {
    Signature {
        inode: item.inode,
        size: item.size_bytes,
        modified_ns: item.modified_ns,
        changed_ns: item.changed_ns,
        mode: item.mode,
    }
}

fn of_file(item: &wire::TransferItem) -> Option<Signature> {
    (kind(item) == Kind::File).then(|| signature(item))
}

fn has_changed(path: &[u8]) -> Failed {
    let text = format!(
        "{:?} changed while nothing should write to it any more",
        String::from_utf8_lossy(path)
    );
    refuse("changed", text, true)
}

fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

impl Pass {
    /// Work on the disk, which is not over when nobody waits for it any more.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, Failed> {
        let shared = self.incoming.disk.clone().read_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let _shared = shared;
            work()
        });
        match done.await {
            Ok(done) => done,
            Err(e) => Err(refuse("internal", e.to_string(), true)),
        }
    }

    /// The directory that files arrive in.
    pub async fn prepare(&self) -> Result<(), Failed> {
        let (node, of, stage) = (self.node.clone(), self.incoming.of, self.stage.clone());
        self.blocking(move || stage.make(uid(&node, of)?).map_err(io))
            .await
    }

    /// Does it. Gives how long it had to do with the files.
    pub async fn run(&self) -> Result<Duration, Failed> {
        let began = Instant::now();
        let files = async {
            self.files().await?;
            let took = began.elapsed();
            if self.image.is_some() {
                self.incoming.show("pulling", None);
            }
            Ok::<_, Failed>(took)
        };
        let (took, ()) = tokio::try_join!(files, self.pull())?;
        Ok(took)
    }

    /// The image comes while the game runs where it is.
    async fn pull(&self) -> Result<(), Failed> {
        let Some((image, auth)) = self.image.clone() else {
            return Ok(());
        };
        let name = image.to_string();
        if self.incoming.pulled.lock().as_deref() == Some(&*name) {
            return Ok(());
        }
        let deps = &self.node.deps;
        let request = PullRequest {
            auth: deps.settings.auth(&image, auth),
            cancel: self.incoming.cancel.child_token(),
            ..PullRequest::new(image)
        };
        let _ended = request.cancel.clone().drop_guard();
        if let Err(e) = deps.runtime.pull(request).await {
            let failure = Failure::from(e);
            let text = format!(
                "image {name} can't be had on the new node: {}",
                failure.detail
            );
            return Err(refuse(&failure.code, text, failure.passing));
        }
        *self.incoming.pulled.lock() = Some(name);
        Ok(())
    }

    async fn files(&self) -> Result<(), Failed> {
        let listed = Arc::new(self.list(self.number).await?);
        let (mut files, mut size) = (0, 0u64);
        for item in &listed.items {
            if kind(item) == Kind::File {
                files += 1;
                size = size.saturating_add(item.size_bytes);
            }
        }
        self.incoming.tell(|status| {
            status.files = files;
            status.size_bytes = size;
            status.skipped = listed.skipped;
        });
        let spare = self.room(&listed).await?;
        let changed = self.shape(&listed).await?;
        self.incoming
            .tell(|status| status.copied_files = changed.len() as u64);
        let (copy, compare) = self.open(&listed, &changed, spare.clone()).await?;
        let differing = self.differing(&listed, compare).await?;
        self.copy(&listed, [copy, differing].concat()).await?;
        let good = self.check(&listed, &changed, spare).await?;
        self.finish(&listed, &changed, good).await?;
        match self.last {
            true => self.stands(&listed).await,
            false => Ok(()),
        }
    }

    /// Nothing has been written there since the list was made: what was compared is what there is.
    async fn stands(&self, listed: &Listed) -> Result<(), Failed> {
        let again = self.list(self.number | AGAIN_LISTED).await?;
        let before: HashMap<&[u8], &wire::TransferItem> = listed
            .items
            .iter()
            .map(|item| (&*item.path, item))
            .collect();
        let strange = again.items.iter().find(|item| {
            before.get(&*item.path).is_none_or(|had| {
                had.kind != item.kind
                    || had.mode != item.mode
                    || had.target != item.target
                    || of_file(had) != of_file(item)
            })
        });
        match strange {
            Some(item) => Err(has_changed(&item.path)),
            None if again.items.len() != listed.items.len() => {
                let text = "files went away while nothing should write there any more";
                Err(refuse("changed", text, true))
            }
            None => Ok(()),
        }
    }

    pub(super) async fn ask<M: Message + Default>(
        &self,
        word: &'static str,
        body: &impl Message,
    ) -> Result<M, Failed> {
        let from = self.incoming.from;
        let bus = self.node.transfers.bus.get();
        let bus = bus.ok_or_else(|| refuse("offline", "not connected yet", true))?;
        loop {
            let subject = subjects::xfer_ask(from, self.node.id, word);
            let answer = bus.call(subject, word, Some(from), body, PATIENCE).await;
            match answer {
                Ok(answer) => return Ok(answer),
                // Its agent is away, or was restarted: control says whether to wait.
                Err(e) if e.retryable() => {
                    tracing::debug!("a {word} ask of node {from}: {e}");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(warren_proto::bus::CallError::Failed { code, message, .. }) => {
                    return Err(refuse(&code, message, false));
                }
                Err(e) => return Err(refuse("bad_answer", e.to_string(), false)),
            }
        }
    }

    async fn list(&self, number: u32) -> Result<Listed, Failed> {
        self.incoming.show("listing", None);
        let mut items: Vec<wire::TransferItem> = Vec::new();
        let mut names = 0;
        loop {
            let asked = wire::TransferList {
                transfer: self.incoming.of.transfer.to_string(),
                secret: self.incoming.secret.clone(),
                pass: number,
                after: items.len() as u64,
            };
            let page: wire::TransferItems = match self.ask(xfer::LIST, &asked).await {
                // The source was restarted in between.
                Err(f) if f.code == "list_gone" && !items.is_empty() => {
                    items.clear();
                    names = 0;
                    continue;
                }
                page => page?,
            };
            let bytes = page.items.iter().map(|i| i.path.len() + i.target.len());
            names += bytes.sum::<usize>();
            let (total, skipped) = (page.total, page.skipped);
            let before = items.len();
            items.extend(page.items);
            if items.len() as u64 >= total {
                return Ok(Listed { items, skipped });
            }
            if items.len() == before || items.len() > MOST_ENTRIES || names > MOST_NAMES {
                let text = "the other node's list of files makes no sense";
                return Err(refuse("bad_list", text, false));
            }
        }
    }

    /// Refuses what has no room, before anything is copied.
    async fn room(&self, listed: &Arc<Listed>) -> Result<Spare, Failed> {
        let (dir, listed) = (self.stage.new_dir(), listed.clone());
        let (floor, limit) = (
            self.node.deps.settings.disk_floor_bytes,
            self.disk_limit_bytes,
        );
        self.blocking(move || {
            let jail = Jail::open(&dir).map_err(failure)?;
            let had: u64 = jail
                .usage_scan()
                .and_then(|mut scan| loop {
                    if let Some(usage) = scan.step(10_000)? {
                        break Ok(usage.disk_bytes);
                    }
                })
                .map_err(failure)?;
            let whole = listed.items.iter().filter(|item| !item.sparse);
            let need = whole.fold(0u64, |sum, item| sum.saturating_add(item.size_bytes));
            let free = jail.free_bytes().map_err(failure)?;
            let room = free.saturating_add(had).saturating_sub(floor);
            let (most, why) = match limit > 0 && limit < room {
                true => {
                    let text = format!(
                        "the files take {} MiB or more, and the server may have {} MiB; raise its limit first, or delete some",
                        mib(need),
                        mib(limit)
                    );
                    (limit, refuse("disk_limit", text, false))
                }
                false => {
                    let text = format!(
                        "the files take {} MiB or more, and the new node has {} MiB free, of which {} MiB stay free",
                        mib(need),
                        mib(free),
                        mib(floor)
                    );
                    (room, refuse("disk_full", text, false))
                }
            };
            match most.checked_sub(need) {
                Some(bytes) => Ok(Spare { bytes, why }),
                None => Err(why),
            }
        })
        .await
    }

    /// Directories and links as they are there, and nothing that is not. Gives the files that may differ.
    async fn shape(&self, listed: &Arc<Listed>) -> Result<Vec<usize>, Failed> {
        self.incoming.show("comparing", None);
        let (dir, listed, incoming) = (self.stage.new_dir(), listed.clone(), self.incoming.clone());
        let uid = uid(&self.node, self.incoming.of)?;
        self.blocking(move || {
            let jail = Jail::open(&dir).map_err(failure)?;
            let there = jail.manifest(MOST_ENTRIES).map_err(failure)?;
            let wanted: HashMap<&[u8], Kind> =
                listed.items.iter().map(|i| (&*i.path, kind(i))).collect();
            let mut have = incoming.have.lock();
            for item in &there.items {
                if wanted.get(&*item.path) != Some(&item.kind) {
                    jail.jettison(&item.path).map_err(failure)?;
                    have.remove(&item.path);
                }
            }
            have.retain(|path, _| wanted.contains_key(&**path));
            let mut changed = Vec::new();
            for (at, item) in listed.items.iter().enumerate() {
                match kind(item) {
                    Kind::Directory => jail.stow_directory(&item.path, uid).map_err(failure)?,
                    Kind::Symlink => jail
                        .stow_link(&item.path, &item.target, uid)
                        .map_err(failure)?,
                    _ if have.get(&item.path) == Some(&signature(item)) => {}
                    _ => changed.push(at),
                }
            }
            Ok(changed)
        })
        .await
    }

    /// Where a file has bytes.
    async fn extents(&self, item: &wire::TransferItem, file: usize) -> Result<Vec<Part>, Failed> {
        if item.size_bytes == 0 {
            return Ok(Vec::new());
        }
        let whole = Part {
            file,
            offset: 0,
            length: item.size_bytes,
        };
        if !item.sparse {
            return Ok(vec![whole]);
        }
        let asked = wire::TransferWhere {
            transfer: self.incoming.of.transfer.to_string(),
            secret: self.incoming.secret.clone(),
            path: item.path.clone(),
        };
        let found: wire::TransferExtents = self.ask(xfer::DATA, &asked).await?;
        let (mut parts, mut end) = (Vec::new(), 0);
        for range in found.ranges.iter().take(MOST_EXTENTS) {
            let offset = range.offset.max(end).min(item.size_bytes);
            end = range
                .offset
                .saturating_add(range.length)
                .min(item.size_bytes);
            if end > offset {
                parts.push(Part {
                    file,
                    offset,
                    length: end - offset,
                });
            }
        }
        Ok(parts)
    }

    /// Gives each changed file its size and its holes. Of a new one all is copied, of one that is there what differs.
    async fn open(
        &self,
        listed: &Arc<Listed>,
        changed: &[usize],
        mut spare: Spare,
    ) -> Result<(Vec<Part>, Vec<Part>), Failed> {
        let uid = uid(&self.node, self.incoming.of)?;
        let (mut copy, mut compare) = (Vec::new(), Vec::new());
        for some in changed.chunks(256) {
            let mut all = Vec::with_capacity(some.len());
            for at in some {
                let parts = self.extents(&listed.items[*at], *at).await?;
                if listed.items[*at].sparse {
                    spare.take(&parts)?;
                }
                all.push((*at, parts));
            }
            if copy.len() + compare.len() > MOST_PARTS {
                let text = "the files have more holes than can be kept";
                return Err(refuse("bad_list", text, false));
            }
            let (dir, listed) = (self.stage.new_dir(), listed.clone());
            let opened = self.blocking(move || {
                let jail = Jail::open(&dir).map_err(failure)?;
                all.into_iter()
                    .map(|(at, parts)| {
                        let item = &listed.items[at];
                        let (file, _) = jail.stow(&item.path, uid).map_err(failure)?;
                        let before = file.metadata().map_err(io)?.len();
                        file.set_len(item.size_bytes).map_err(io)?;
                        let mut end = 0;
                        for part in &parts {
                            if before > end {
                                jail::punch(&file, end, part.offset - end).map_err(io)?;
                            }
                            end = part.offset + part.length;
                        }
                        if before > end {
                            jail::punch(&file, end, item.size_bytes.saturating_sub(end))
                                .map_err(io)?;
                        }
                        Ok((before > 0, parts))
                    })
                    .collect::<Result<Vec<_>, Failed>>()
            });
            for (there, parts) in opened.await? {
                match there {
                    true => compare.extend(parts),
                    false => copy.extend(parts),
                }
            }
        }
        Ok((copy, compare))
    }

    /// Which of the changed files are now as the source has them.
    async fn check(
        &self,
        listed: &Arc<Listed>,
        changed: &[usize],
        mut spare: Spare,
    ) -> Result<Vec<bool>, Failed> {
        let mut parts = Vec::new();
        for at in changed {
            let some = self.extents(&listed.items[*at], *at).await?;
            if listed.items[*at].sparse {
                spare.take(&some)?;
            }
            parts.extend(some);
        }
        let mut good = vec![true; listed.items.len()];
        for tries in 1.. {
            self.incoming.show("checking", None);
            let differing = self.differing(listed, parts).await?;
            if differing.is_empty() {
                break;
            }
            if !self.last {
                // It is being written to: the next pass has it.
                for part in differing {
                    good[part.file] = false;
                }
                break;
            }
            if tries >= TRIES {
                let path = &listed.items[differing[0].file].path;
                return Err(has_changed(path));
            }
            self.copy(listed, differing.clone()).await?;
            parts = differing;
        }
        Ok(good)
    }

    /// Modes and times; what is known from now on.
    async fn finish(
        &self,
        listed: &Arc<Listed>,
        changed: &[usize],
        good: Vec<bool>,
    ) -> Result<(), Failed> {
        let (dir, listed, incoming) = (self.stage.new_dir(), listed.clone(), self.incoming.clone());
        let (changed, last) = (changed.to_vec(), self.last);
        self.blocking(move || {
            let jail = Jail::open(&dir).map_err(failure)?;
            let label = |item: &wire::TransferItem| {
                jail.label(&item.path, item.mode, item.modified_ns)
                    .map_err(failure)
            };
            for at in &changed {
                label(&listed.items[*at])?;
            }
            // What is in them first: it would set their times again. The list has parents before children.
            for at in (0..listed.items.len()).rev() {
                if listed.kind(at) == Kind::Directory {
                    label(&listed.items[at])?;
                }
            }
            if last {
                jail.sync().map_err(failure)?;
            }
            let mut have = incoming.have.lock();
            for at in changed {
                let item = &listed.items[at];
                match good[at] && !item.fresh {
                    true => have.insert(item.path.clone(), signature(item)),
                    false => have.remove(&item.path),
                };
            }
            Ok(())
        })
        .await
    }
}
