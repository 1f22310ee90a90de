//! What people deleted, kept beside the server's files for a while: moved there and back by rename, between two handles.
//!
//! Each item is a directory of the trash with two entries: `note` says what it was and is on the disk before anything
//! moves, `item` is the thing itself. A crash leaves a note without an item, which is swept, or both.

use std::time::{Duration, SystemTime};

use rand::Rng as _;
use rustix::fs::RenameFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{
    Budget, Error, Jail, Kind, ListOptions, Order, RelPath, Result, SortBy, WriteOptions, explain,
};

/// A note is small.
const MAX_NOTE: u64 = 16 * 1024;
const ITEM: &str = "item";
const NOTE: &str = "note";
/// Entries of something large that are counted, before what was seen has to do.
const STEP: usize = 1000;

/// One thing that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Names it in the trash; later ones are greater.
    pub id: String,
    /// Where it was.
    pub path: RelPath,
    pub deleted: SystemTime,
    pub kind: Kind,
    /// What it occupies on disk; of something very large what was seen in time.
    pub disk_bytes: u64,
    pub entries: u64,
}

/// How much is kept. The oldest go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrashLimits {
    pub items: usize,
    pub entries: u64,
    pub disk_bytes: u64,
    pub age: Duration,
}

#[derive(Serialize, Deserialize)]
struct Note {
    path: String,
    deleted_at_ms: u64,
    disk_bytes: u64,
    entries: u64,
}

/// The trash of one server: a directory of the agent's own, on the file system of the server's files.
#[derive(Debug)]
pub struct Trash {
    jail: Jail,
}

impl Trash {
    /// Of a directory that is there and that nobody but the agent reaches.
    pub fn of(jail: Jail) -> Self {
        Self { jail }
    }

    /// Moves an entry here.
    /// # Errors
    /// `OtherDisk` when the trash lies on another file system; what [`Jail::delete`] says.
    pub fn put(
        &self,
        from: &Jail,
        path: &RelPath,
        now: SystemTime,
        budget: &Budget,
    ) -> Result<Item> {
        let (parent, name) = from.parent_of(path)?;
        from.refuse_holding(&parent, name, &[path])?;
        let (disk_bytes, entries) = measure(from, path, budget)?;
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let deleted_at_ms = u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(0);
        let note = Note {
            path: path.as_str().to_owned(),
            deleted_at_ms,
            disk_bytes,
            entries,
        };
        let id = format!("{deleted_at_ms:013x}{:016x}", rand::rng().random::<u64>());
        let dir: RelPath = id.parse()?;
        self.jail.mkdir(&dir, &WriteOptions::default())?;
        let moved = self.write(&dir, &note).and_then(|()| {
            let at = dir.join(ITEM)?;
            let (to, item) = self.jail.parent_of(&at)?;
            let flags = RenameFlags::NOREPLACE;
            rustix::fs::renameat_with(&parent, name, &to, item, flags).map_err(
                |errno| match errno {
                    Errno::XDEV => Error::OtherDisk,
                    errno => explain(path.as_str())(errno),
                },
            )
        });
        if let Err(error) = moved {
            // Nothing moved: the note speaks of nothing.
            let _ = self.jail.delete(&dir);
            return Err(error);
        }
        self.item(&id)?.ok_or(Error::NotFound(path.to_string()))
    }

    fn write(&self, dir: &RelPath, note: &Note) -> Result<()> {
        let text = serde_json::to_vec(note).map_err(|_| Error::BadPath(note.path.clone()))?;
        let options = WriteOptions {
            mode: Some(0o600),
            ..WriteOptions::default()
        };
        self.jail.write(&dir.join(NOTE)?, &text, options).map(drop)
    }

    fn item(&self, id: &str) -> Result<Option<Item>> {
        let dir: RelPath = id.parse()?;
        let there = match self.jail.stat(&dir.join(ITEM)?) {
            Ok(entry) => entry,
            Err(Error::NotFound(_) | Error::NotADirectory(_)) => return Ok(None),
            Err(e) => return Err(e),
        };
        let note = self.jail.read(&dir.join(NOTE)?, MAX_NOTE);
        let note = note
            .ok()
            .and_then(|n| serde_json::from_slice::<Note>(&n.bytes).ok());
        // Without its note it is still somebody's: it is shown under its id, and can be had back.
        let note = note.unwrap_or(Note {
            path: id.to_owned(),
            deleted_at_ms: 0,
            disk_bytes: there.disk_bytes,
            entries: 1,
        });
        Ok(Some(Item {
            id: id.to_owned(),
            path: note.path.parse()?,
            deleted: SystemTime::UNIX_EPOCH
                + Duration::from_millis(note.deleted_at_ms.min(1 << 50)),
            kind: there.kind,
            disk_bytes: note.disk_bytes,
            entries: note.entries,
        }))
    }

    /// All that is here, newest first. What a crash has left of something that never came is swept.
    pub fn items(&self) -> Result<Vec<Item>> {
        let options = ListOptions {
            order: Order {
                by: SortBy::Name,
                descending: true,
                mixed: true,
            },
            offset: 0,
            limit: usize::MAX,
        };
        let mut items = Vec::new();
        for entry in self.jail.list(&RelPath::root(), options)?.entries {
            match self.item(&entry.name)? {
                Some(item) => items.push(item),
                // Younger ones may be about to come.
                None if entry.modified.elapsed().is_ok_and(|age| age > SWEPT_AFTER) => {
                    self.jail.delete(&entry.name.parse()?)?;
                }
                None => {}
            }
        }
        Ok(items)
    }

    /// Moves an item back, to where it was or to `to`. Missing directories above are made.
    /// # Errors
    /// `Exists` when something is there, `NotFound` for an id that is not here.
    pub fn restore(
        &self,
        id: &str,
        into: &Jail,
        to: Option<&RelPath>,
        owner: Option<(u32, u32)>,
    ) -> Result<RelPath> {
        let id = checked(id)?;
        let item = self.item(id)?;
        let item = item.ok_or_else(|| Error::NotFound(format!("{id} in the trash")))?;
        let to = to.unwrap_or(&item.path);
        let above = WriteOptions {
            parents: true,
            owner,
            ..WriteOptions::default()
        };
        into.mkdir(&to.split().0, &above)?;
        let (to_dir, name) = into.parent_of(to)?;
        let dir: RelPath = id.parse()?;
        let (from, _) = self.jail.parent_of(&dir.join(ITEM)?)?;
        let real = into.real(&to_dir, Some(name), to)?;
        into.refuse_holding(&from, ITEM, &[to, &real])?;
        rustix::fs::renameat_with(&from, ITEM, &to_dir, name, RenameFlags::NOREPLACE)
            .map_err(explain(to.as_str()))?;
        // It is back, whether its note can be removed or not.
        let _ = self.jail.delete(&dir);
        Ok(to.clone())
    }

    /// Deletes an item for good.
    /// # Errors
    /// `NotFound` for an id that is not here.
    pub fn remove(&self, id: &str) -> Result<()> {
        self.jail.delete(&checked(id)?.parse()?)
    }

    /// Deletes what is beyond the limits, oldest first; says what.
    pub fn bound(&self, limits: TrashLimits, now: SystemTime) -> Result<Vec<Item>> {
        let (mut count, mut entries, mut bytes) = (0, 0, 0);
        let mut gone = Vec::new();
        for item in self.items()? {
            count += 1;
            entries += item.entries;
            bytes += item.disk_bytes;
            let old = now
                .duration_since(item.deleted)
                .is_ok_and(|age| age > limits.age);
            let over =
                count > limits.items || entries > limits.entries || bytes > limits.disk_bytes;
            if old || over {
                self.remove(&item.id)?;
                gone.push(item);
            }
        }
        Ok(gone)
    }

    /// Deletes everything for good.
    pub fn empty(&self) -> Result<()> {
        self.jail.delete(&RelPath::root())
    }
}

/// Notes are fsynced before their items move: one that stands alone for so long stays alone.
const SWEPT_AFTER: Duration = Duration::from_secs(600);

/// An id as we make them: it becomes a path.
fn checked(id: &str) -> Result<&str> {
    let ours = id.len() == 29 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match ours {
        true => Ok(id),
        false => Err(Error::NotFound("that id in the trash".into())),
    }
}

fn measure(jail: &Jail, path: &RelPath, budget: &Budget) -> Result<(u64, u64)> {
    let top = jail.stat(path)?;
    if top.kind != Kind::Directory {
        return Ok((top.disk_bytes, 1));
    }
    let mut scan = jail.usage_scan_of(path)?;
    let mut left = budget.entries;
    let usage = loop {
        if let Some(usage) = scan.step(STEP)? {
            break usage;
        }
        left = left.saturating_sub(STEP as u64);
        if left == 0 || budget.goes_on().is_err() {
            break scan.so_far();
        }
    };
    Ok((usage.disk_bytes + top.disk_bytes, usage.entries + 1))
}
