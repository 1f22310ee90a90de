//! Wanted state on disk, so that servers come up with no network.
//!
//! `ledger` holds what is the node's: id, applied rev, boots, uids, tombstones. Beside it stand two
//! files per server: `<id>.wanted`, control's row byte for byte, and `<id>.memory`, what the agent
//! must remember of the server. Rows are written before the rev that covers them: a crash between the
//! two repeats rows, and rows at or below their generation are ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tracing::{error, warn};
use warren_proto::ids::{BootId, LedgerId, ServerId};
use warren_proto::wire;

use crate::disk::{self, Disk, ReadError};

/// Boots that are remembered for the fork check.
pub const MAX_BOOTS: usize = 16;

/// Why the ledger can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk said no.
    #[error("the ledger can't be written: {0}; free space or mend the disk of the data directory")]
    Io(#[from] io::Error),
    /// A file can't be read for another reason than damage.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// One tombstone and how far it was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Rows at or below it are ignored.
    pub generation: u64,
    /// Seconds that the files are kept in the trash.
    pub keep_files_s: u32,
    /// The server is gone and the fact is written.
    pub done: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Node {
    id: LedgerId,
    rev: u64,
    /// The boot that has taken the newest rows.
    #[serde(default)]
    taken_in: Option<BootId>,
    /// Newest first.
    boots: Vec<BootId>,
    /// The kernel's boot id when the agent last started.
    host_boot: String,
    /// The process of the newest boot.
    #[serde(default)]
    process: Option<Process>,
    /// Of `boots`: processes that were seen to be over.
    #[serde(default)]
    ended: Vec<BootId>,
    /// Index of each server's uid above the configured base. Never given to another server again
    /// while its files may be around.
    uids: BTreeMap<ServerId, u32>,
    tombstones: BTreeMap<ServerId, Tombstone>,
}

/// One process among all that the kernel has ever started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Inode of its pid namespace: the same pid is another's in another.
    pub namespace: u64,
    /// In that namespace.
    pub pid: u32,
    /// Clock ticks since the kernel's start: pids come round again.
    pub started: u64,
}

/// Where and as what an agent starts.
#[derive(Debug, Clone)]
pub struct Place {
    /// The kernel's boot id.
    pub host_boot: String,
    /// This process; none where `/proc` can't be read.
    pub process: Option<Process>,
}

/// What this process start is.
#[derive(Debug, Clone)]
pub struct Boot {
    /// Fsynced before anybody sees it.
    pub id: BootId,
    /// The one before, if this ledger has seen any.
    pub previous: Option<BootId>,
    /// The machine itself has restarted since.
    pub host_rebooted: bool,
}

/// One server as it was found on disk.
#[derive(Debug, Clone)]
pub struct Row {
    /// Control's row; `None` for a server that only the memory knows.
    pub wanted: Option<wire::WantedServer>,
    /// What the actor had saved, as it had saved it.
    pub memory: Option<Vec<u8>>,
}

/// What an apply brought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Applied {
    /// Servers with a new row.
    pub changed: Vec<ServerId>,
    /// Servers to be removed.
    pub removed: Vec<(ServerId, Tombstone)>,
    /// Given to another node and back before this one heard of it: they are still here, and control does not know.
    pub returned: Vec<ServerId>,
    /// Known here, and a snapshot did not name them.
    pub orphans: Vec<ServerId>,
    /// Rows below what this node follows or has buried, and the lowest generation that it would take. Control has
    /// forgotten what it once wanted.
    pub left_out: Vec<(ServerId, u64)>,
    /// False when `from` was above our rev or the ledger another: nothing was taken.
    pub taken: bool,
}

impl Applied {
    /// The answer to control, which has come to `position` with it.
    pub fn answer(&self, position: wire::LedgerPosition) -> wire::ApplyAnswer {
        let left_out = self.left_out.iter().map(|(server, floor)| wire::LeftOut {
            server: server.to_string(),
            floor: *floor,
        });
        wire::ApplyAnswer {
            ledger: Some(position),
            orphans: self.orphans.iter().map(ToString::to_string).collect(),
            left_out: left_out.collect(),
        }
    }
}

/// See the module.
pub struct Ledger {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    inner: Mutex<Inner>,
    stuck: AtomicBool,
}

struct Inner {
    node: Node,
    wanted: BTreeMap<ServerId, wire::WantedServer>,
    memories: BTreeSet<ServerId>,
    damaged: Vec<String>,
}

impl Ledger {
    /// Opens or makes the ledger in `dir`. A damaged file is kept aside under another name and the
    /// ledger gets a new id, upon which control sends everything again; [`Ledger::damaged`] says so.
    /// # Errors
    /// If the directory can't be read or written.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::open_on(Arc::new(disk::Local), dir)
    }

    /// [`Ledger::open`] on any disk.
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, Error> {
        let paths = disk.list(dir)?;
        let mut damaged = Vec::new();
        let node = match sound(&*disk, &dir.join("ledger"), &mut damaged)? {
            Some(body) => match serde_json::from_slice::<Node>(&body) {
                Ok(node) => Some(node),
                Err(e) => {
                    aside(&*disk, &dir.join("ledger"), &e.to_string(), &mut damaged)?;
                    None
                }
            },
            None => None,
        };
        let mut wanted = BTreeMap::new();
        let mut memories = BTreeSet::new();
        let mut broken = Vec::new();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Some((stem, kind)) = name.split_once('.') else {
                continue;
            };
            let Ok(id) = stem.parse::<ServerId>() else {
                continue;
            };
            match kind {
                "memory" => {
                    memories.insert(id);
                }
                "wanted" => match row_at(&*disk, &path)? {
                    Ok(Some(row)) => {
                        wanted.insert(id, row);
                    }
                    Ok(None) => {}
                    Err(why) => broken.push((path, why)),
                },
                _ => {}
            }
        }
        let mut node = node.unwrap_or_else(|| Node {
            id: LedgerId::new(),
            rev: 0,
            taken_in: None,
            boots: Vec::new(),
            host_boot: String::new(),
            process: None,
            ended: Vec::new(),
            uids: BTreeMap::new(),
            tombstones: BTreeMap::new(),
        });
        if !(damaged.is_empty() && broken.is_empty()) {
            node.id = LedgerId::new();
            node.rev = 0;
            node.taken_in = None;
        }
        let ledger = Self {
            disk,
            dir: dir.to_owned(),
            inner: Mutex::new(Inner {
                node,
                wanted,
                memories,
                damaged,
            }),
            stuck: AtomicBool::new(false),
        };
        {
            let mut inner = ledger.inner.lock();
            ledger.save(&inner.node)?;
            // Only now: a kill before the new id is on disk has to find the damage again, or nobody sends the row.
            for (path, why) in broken {
                aside(&*ledger.disk, &path, &why, &mut inner.damaged)?;
            }
        }
        Ok(ledger)
    }

    /// What was found damaged at open, a sentence each.
    pub fn damaged(&self) -> Vec<String> {
        self.inner.lock().damaged.clone()
    }

    /// Starts a boot: its id is on disk when this returns. `is_over` says whether a process of this start of this
    /// machine is no more; the process before may have been another machine's, and this ledger a copy.
    pub fn begin_boot(
        &self,
        place: &Place,
        is_over: impl FnOnce(&Process) -> bool,
    ) -> Result<Boot, Error> {
        let mut inner = self.inner.lock();
        let mut node = inner.node.clone();
        let boot = Boot {
            id: BootId::new(),
            previous: node.boots.first().copied(),
            host_rebooted: !node.host_boot.is_empty() && node.host_boot != place.host_boot,
        };
        if let (Some(previous), Some(before), Some(now)) =
            (boot.previous, node.process, place.process)
            && node.host_boot == place.host_boot
            && before.namespace == now.namespace
            && is_over(&before)
        {
            node.ended.push(previous);
        }
        node.boots.insert(0, boot.id);
        node.boots.truncate(MAX_BOOTS);
        node.ended.retain(|ended| node.boots.contains(ended));
        node.host_boot = place.host_boot.clone();
        node.process = place.process;
        self.save(&node)?;
        inner.node = node;
        Ok(boot)
    }

    /// Id and applied rev.
    pub fn position(&self) -> wire::LedgerPosition {
        let inner = self.inner.lock();
        wire::LedgerPosition {
            id: inner.node.id.to_string(),
            rev: inner.node.rev,
            boot: inner.node.taken_in.map_or(String::new(), |b| b.to_string()),
        }
    }

    /// Newest first, at most [`MAX_BOOTS`].
    pub fn boots(&self) -> Vec<BootId> {
        self.inner.lock().node.boots.clone()
    }

    /// Of those, the processes that were seen to be over.
    pub fn ended(&self) -> Vec<BootId> {
        self.inner.lock().node.ended.clone()
    }

    /// Every server that has a row or a memory.
    pub fn rows(&self) -> Result<BTreeMap<ServerId, Row>, Error> {
        let mut inner = self.inner.lock();
        let ids: BTreeSet<ServerId> = inner
            .wanted
            .keys()
            .chain(&inner.memories)
            .copied()
            .collect();
        let mut rows = BTreeMap::new();
        for id in ids {
            let mut damaged = Vec::new();
            let memory = sound(&*self.disk, &self.memory_path(id), &mut damaged)?;
            inner.damaged.extend(damaged);
            let wanted = inner.wanted.get(&id).cloned();
            rows.insert(id, Row { wanted, memory });
        }
        Ok(rows)
    }

    /// Control's row of a server.
    pub fn wanted(&self, server: ServerId) -> Option<wire::WantedServer> {
        self.inner.lock().wanted.get(&server).cloned()
    }

    /// Tombstones that still have to be carried out.
    pub fn open_tombstones(&self) -> Vec<(ServerId, Tombstone)> {
        let inner = self.inner.lock();
        let all = inner.node.tombstones.iter();
        all.filter(|(_, t)| !t.done)
            .map(|(id, t)| (*id, t.clone()))
            .collect()
    }

    /// Takes control's rows. Blocks on the disk.
    pub fn apply(&self, apply: &wire::Apply) -> Result<Applied, Error> {
        let mut inner = self.inner.lock();
        let mut node = inner.node.clone();
        if apply.ledger != node.id.to_string() || apply.from > node.rev {
            return Ok(Applied::default());
        }
        let mut applied = Applied {
            taken: true,
            ..Applied::default()
        };
        let mut named = BTreeSet::new();
        let mut rows = Vec::new();
        for row in &apply.servers {
            let Ok(id) = row.server.parse::<ServerId>() else {
                warn!("a wanted row with a bad server id was left out");
                continue;
            };
            named.insert(id);
            let known = inner.wanted.get(&id).map_or(0, |w| w.generation);
            let buried = node.tombstones.get(&id).map(|t| t.generation);
            let floor = known.max(buried.map_or(0, |b| b.saturating_add(1)));
            if row.generation < floor {
                applied.left_out.push((id, floor));
            } else if row.generation > known {
                rows.push((id, row));
            }
        }
        for stone in &apply.tombstones {
            let Ok(id) = stone.server.parse::<ServerId>() else {
                warn!("a tombstone with a bad server id was left out");
                continue;
            };
            named.insert(id);
            let known = inner.wanted.get(&id).map_or(0, |w| w.generation);
            let buried = node.tombstones.get(&id).map_or(0, |t| t.generation);
            if stone.generation < known || stone.generation < buried {
                continue;
            }
            let stone = Tombstone {
                generation: stone.generation,
                keep_files_s: stone.keep_files_s,
                done: false,
            };
            node.tombstones.insert(id, stone.clone());
            // Also for a server that is not here: control waits for the confirmation.
            applied.removed.push((id, stone));
        }
        for (id, row) in &rows {
            self.write(&self.wanted_path(*id), &row.encode_to_vec())?;
        }
        node.rev = node.rev.max(apply.to);
        node.taken_in = node.boots.first().copied();
        for (id, _) in &rows {
            node.tombstones.remove(id);
            uid_of(&mut node, *id);
        }
        self.save(&node)?;
        inner.node = node;
        for (id, row) in rows {
            inner.wanted.insert(id, row.clone());
            applied.changed.push(id);
        }
        // A newer row of the same message took the stone away again.
        let stones = &inner.node.tombstones;
        let (removed, returned) = std::mem::take(&mut applied.removed)
            .into_iter()
            .partition(|(id, _)| stones.contains_key(id));
        applied.removed = removed;
        let returned: Vec<(ServerId, Tombstone)> = returned;
        applied.returned = returned.into_iter().map(|(id, _)| id).collect();
        if apply.snapshot {
            let known = inner.wanted.keys().chain(&inner.memories);
            let orphans: BTreeSet<_> = known.filter(|id| !named.contains(id)).copied().collect();
            applied.orphans = orphans.into_iter().collect();
        }
        Ok(applied)
    }

    /// The uid index of a server, given once.
    pub fn uid(&self, server: ServerId) -> Result<u32, Error> {
        let mut inner = self.inner.lock();
        if let Some(uid) = inner.node.uids.get(&server) {
            return Ok(*uid);
        }
        let mut node = inner.node.clone();
        let uid = uid_of(&mut node, server);
        self.save(&node)?;
        inner.node = node;
        Ok(uid)
    }

    /// Remembers what an actor must not forget. Blocks on the disk.
    pub fn remember(&self, server: ServerId, memory: &[u8]) -> Result<(), Error> {
        self.write(&self.memory_path(server), memory)?;
        self.inner.lock().memories.insert(server);
        Ok(())
    }

    /// A tombstone of that generation was carried out: forgets the server, keeps the stone against old rows. A
    /// row above it stays: the server has come back meanwhile.
    pub fn bury(&self, server: ServerId, generation: u64) -> Result<(), Error> {
        let mut inner = self.inner.lock();
        let mut node = inner.node.clone();
        let back = inner.wanted.get(&server);
        let back = back.is_some_and(|row| row.generation > generation);
        let stone = node.tombstones.get_mut(&server);
        if let Some(stone) = stone.filter(|s| s.generation <= generation) {
            stone.done = true;
        }
        // The row first: without its memory it would be taken for a new server's.
        if !back {
            node.uids.remove(&server);
            self.forget(&self.wanted_path(server))?;
        }
        self.forget(&self.memory_path(server))?;
        self.save(&node)?;
        inner.node = node;
        inner.memories.remove(&server);
        if !back {
            inner.wanted.remove(&server);
        }
        Ok(())
    }

    fn forget(&self, path: &Path) -> Result<(), Error> {
        match self.disk.remove(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }

    fn save(&self, node: &Node) -> Result<(), Error> {
        let body = serde_json::to_vec(node).map_err(io::Error::other)?;
        self.write(&self.dir.join("ledger"), &body)
    }

    fn write(&self, path: &Path, body: &[u8]) -> Result<(), Error> {
        let written = self.disk.replace(path, &disk::frame(body));
        self.stuck.store(written.is_err(), Ordering::Relaxed);
        Ok(written?)
    }

    /// The disk refused the last write: rows are not taken, and what servers do is not written down.
    pub fn stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    fn wanted_path(&self, server: ServerId) -> PathBuf {
        self.dir.join(format!("{server}.wanted"))
    }

    fn memory_path(&self, server: ServerId) -> PathBuf {
        self.dir.join(format!("{server}.memory"))
    }
}

fn uid_of(node: &mut Node, server: ServerId) -> u32 {
    if let Some(uid) = node.uids.get(&server) {
        return *uid;
    }
    let taken: BTreeSet<u32> = node.uids.values().copied().collect();
    let free = (0..).find(|n| !taken.contains(n)).unwrap_or(u32::MAX);
    node.uids.insert(server, free);
    free
}

/// Control's row in a file; inside, why it can't be read.
fn row_at(
    disk: &dyn Disk,
    path: &Path,
) -> Result<Result<Option<wire::WantedServer>, String>, Error> {
    match disk::read_framed_on(disk, path) {
        Ok(Some(body)) => match wire::WantedServer::decode(body.as_slice()) {
            Ok(row) => Ok(Ok(Some(row))),
            Err(e) => Ok(Err(e.to_string())),
        },
        Ok(None) => Ok(Ok(None)),
        Err(ReadError::Corrupt { why, .. }) => Ok(Err(why)),
        Err(e) => Err(e.into()),
    }
}

/// The body of a framed file; a damaged one is set aside and counts as absent.
fn sound(
    disk: &dyn Disk,
    path: &Path,
    damaged: &mut Vec<String>,
) -> Result<Option<Vec<u8>>, Error> {
    match disk::read_framed_on(disk, path) {
        Ok(body) => Ok(body),
        Err(ReadError::Corrupt { why, .. }) => {
            aside(disk, path, &why, damaged)?;
            Ok(None)
        }
        Err(e) => Err(e.into()),
    }
}

fn aside(disk: &dyn Disk, path: &Path, why: &str, damaged: &mut Vec<String>) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!("-damaged-{}", LedgerId::new()));
    let kept = path.with_file_name(name);
    disk.rename(path, &kept)?;
    let text = format!(
        "{} was damaged ({why}) and is kept as {}; control sends its rows again",
        path.display(),
        kept.display()
    );
    error!("{text}");
    damaged.push(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row(id: ServerId, generation: u64, rev: u64) -> wire::WantedServer {
        wire::WantedServer {
            server: id.to_string(),
            generation,
            rev,
            ..Default::default()
        }
    }

    fn apply(ledger: &Ledger, from: u64, to: u64, rows: &[wire::WantedServer]) -> Applied {
        let apply = wire::Apply {
            ledger: ledger.position().id,
            from,
            to,
            servers: rows.to_vec(),
            ..Default::default()
        };
        ledger.apply(&apply).unwrap()
    }

    #[test]
    fn rows_and_rev_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let id = ServerId::new();
        assert_eq!(apply(&ledger, 0, 3, &[row(id, 2, 3)]).changed, [id]);
        ledger.remember(id, b"{}").unwrap();
        let position = ledger.position();
        drop(ledger);
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(ledger.position(), position);
        let rows = ledger.rows().unwrap();
        assert_eq!(rows[&id].wanted.as_ref().unwrap().generation, 2);
        assert_eq!(rows[&id].memory.as_deref(), Some(&b"{}"[..]));
    }

    #[test]
    fn a_hole_before_from_is_not_taken_and_old_rows_are_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let id = ServerId::new();
        assert!(!apply(&ledger, 5, 6, &[row(id, 1, 6)]).taken);
        assert_eq!(ledger.position().rev, 0);
        assert!(apply(&ledger, 0, 6, &[row(id, 4, 6)]).taken);
        let again = apply(&ledger, 0, 7, &[row(id, 4, 7), row(id, 3, 7)]);
        assert!(again.taken && again.changed.is_empty());
        assert_eq!(again.left_out, [(id, 4)], "the same row again is none");
        assert_eq!(ledger.position().rev, 7);
        let other = wire::Apply {
            ledger: LedgerId::new().to_string(),
            ..Default::default()
        };
        assert!(!ledger.apply(&other).unwrap().taken);
    }

    #[test]
    fn a_tombstone_outlives_old_rows_and_yields_to_newer_ones() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let id = ServerId::new();
        apply(&ledger, 0, 1, &[row(id, 1, 1)]);
        let stone = wire::Tombstone {
            server: id.to_string(),
            generation: 2,
            rev: 2,
            keep_files_s: 0,
        };
        let bury = wire::Apply {
            ledger: ledger.position().id,
            from: 1,
            to: 2,
            tombstones: vec![stone],
            ..Default::default()
        };
        assert_eq!(ledger.apply(&bury).unwrap().removed.len(), 1);
        assert_eq!(ledger.open_tombstones().len(), 1);
        ledger.bury(id, 2).unwrap();
        assert!(ledger.open_tombstones().is_empty());
        assert!(ledger.rows().unwrap().is_empty());
        let old = apply(&ledger, 2, 3, &[row(id, 2, 3)]);
        assert!(old.changed.is_empty());
        assert_eq!(old.left_out, [(id, 3)]);
        assert_eq!(apply(&ledger, 3, 4, &[row(id, 5, 4)]).changed, [id]);
        let gone_and_back = wire::Apply {
            ledger: ledger.position().id,
            from: 4,
            to: 6,
            servers: vec![row(id, 7, 6)],
            tombstones: vec![wire::Tombstone {
                server: id.to_string(),
                generation: 6,
                rev: 5,
                keep_files_s: 0,
            }],
            ..Default::default()
        };
        let back = ledger.apply(&gone_and_back).unwrap();
        assert!(back.removed.is_empty());
        assert_eq!((back.changed, back.returned), (vec![id], vec![id]));
        // It came back while the old copy was being removed.
        ledger.bury(id, 2).unwrap();
        assert_eq!(ledger.wanted(id).unwrap().generation, 7);
    }

    #[test]
    fn a_snapshot_names_orphans_and_deletes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let (known, other) = (ServerId::new(), ServerId::new());
        apply(&ledger, 0, 1, &[row(known, 1, 1)]);
        let snapshot = wire::Apply {
            ledger: ledger.position().id,
            from: 0,
            to: 2,
            servers: vec![row(other, 1, 2)],
            snapshot: true,
            ..Default::default()
        };
        assert_eq!(ledger.apply(&snapshot).unwrap().orphans, [known]);
        assert_eq!(ledger.rows().unwrap().len(), 2);
    }

    #[test]
    fn damage_is_kept_aside_named_and_makes_the_ledger_unknown() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let id = ServerId::new();
        apply(&ledger, 0, 1, &[row(id, 1, 1)]);
        let before = ledger.position();
        drop(ledger);
        std::fs::write(dir.path().join(format!("{id}.wanted")), b"warren1 x").unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_ne!(ledger.position().id, before.id);
        assert_eq!(ledger.position().rev, 0);
        assert_eq!(ledger.damaged().len(), 1);
        let kept = std::fs::read_dir(dir.path()).unwrap();
        let kept = kept.filter(|e| {
            let name = e.as_ref().unwrap().file_name();
            name.to_string_lossy().contains("-damaged-")
        });
        assert_eq!(kept.count(), 1);
    }

    #[test]
    fn a_boot_is_on_disk_before_it_is_used_and_sixteen_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (mut last, mut taken_in) = (None, String::new());
        for n in 0..20 {
            let ledger = Ledger::open(dir.path()).unwrap();
            let here = place(if n < 10 { "a" } else { "b" }, n);
            let boot = ledger.begin_boot(&here, |_| true).unwrap();
            if n == 7 {
                apply(&ledger, 0, 1, &[]);
                taken_in = boot.id.to_string();
            }
            assert_eq!(ledger.position().boot, taken_in);
            assert_eq!(boot.previous, last);
            assert_eq!(boot.host_rebooted, n == 10);
            last = Some(boot.id);
        }
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(ledger.boots().len(), MAX_BOOTS);
        assert_eq!(ledger.boots().first().copied(), last);
    }

    fn place(host_boot: &str, pid: u32) -> Place {
        let process = Process {
            namespace: 1,
            pid,
            started: 7,
        };
        Place {
            host_boot: host_boot.to_owned(),
            process: Some(process),
        }
    }

    #[test]
    fn a_process_is_over_only_where_its_end_was_seen() {
        let begin = |here: Place, over: bool| {
            let dir = tempfile::tempdir().unwrap();
            let first = Ledger::open(dir.path()).unwrap();
            let before = first.begin_boot(&place("a", 1), |_| false).unwrap();
            assert!(first.ended().is_empty(), "the first follows nobody");
            drop(first);
            let ledger = Ledger::open(dir.path()).unwrap();
            ledger.begin_boot(&here, |_| over).unwrap();
            (ledger.ended() == [before.id], dir)
        };
        assert!(begin(place("a", 2), true).0);
        assert!(!begin(place("a", 2), false).0, "it lives");
        assert!(
            !begin(place("b", 2), true).0,
            "another machine's, or a copy"
        );
        let mut elsewhere = place("a", 2);
        elsewhere.process.as_mut().unwrap().namespace = 2;
        assert!(!begin(elsewhere, true).0, "its pids are not seen from here");
        let (_, dir) = begin(place("a", 2), true);
        let ledger = Ledger::open(dir.path()).unwrap();
        ledger.begin_boot(&place("a", 3), |_| true).unwrap();
        let boots = ledger.boots();
        assert_eq!(ledger.ended(), [boots[2], boots[1]], "dead is dead");
    }

    #[test]
    fn uids_stay_and_are_not_shared() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path()).unwrap();
        let (a, b) = (ServerId::new(), ServerId::new());
        let (ua, ub) = (ledger.uid(a).unwrap(), ledger.uid(b).unwrap());
        assert_ne!(ua, ub);
        assert_eq!(Ledger::open(dir.path()).unwrap().uid(a).unwrap(), ua);
    }
}
