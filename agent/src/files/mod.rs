//! Files of a server for people, all through the jail, which keeps back what the egg denies.

mod archive;
mod change;
mod list;
mod measure;
mod rights;
pub mod room;
mod search;
mod sweep;
mod trash;
mod upload;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use warren_proto::bus;
use warren_proto::ids::ServerId;
use warren_proto::wire::{self, files_ask::Ask};
use warren_runtime::jail::{Budget, Error, Jail, RelPath, is_half_written};

use crate::link::session::refuse;
use crate::server::deps::{Deps, Settings};
use crate::server::start;
use crate::server::status::Status;

pub use archive::{jail_of, recover_extract, recover_partial};
pub use list::Listings;
pub use rights::{changes, rights_of};
pub use sweep::sweep;
pub use trash::{in_trash, make_room, tidy};
pub use upload::{MAX_PART, Uploads};

/// How long one ask may work: less than its asker waits, so that it hears why it ended.
const WORK: Duration = Duration::from_secs(20);
/// Entries of one ask that goes through a tree.
const MAX_ENTRIES: u64 = 200_000;

/// What asks share.
#[derive(Default)]
pub struct Shared {
    uploads: Uploads,
    listings: Listings,
}

/// An answer, ready for an envelope.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// To list.
    Entries(wire::FileEntries),
    /// To read.
    Content(wire::FileContent),
    /// To write.
    Written(wire::FileWritten),
    /// To stat.
    Entry(wire::FileEntry),
    /// To copy.
    Copied(wire::FileCopied),
    /// To checksum.
    Checksum(wire::FileChecksum),
    /// To usage.
    Usage(wire::FileUsage),
    /// To delete.
    Trashed(wire::FilesTrashed),
    /// To a list of the trash.
    Trash(wire::TrashItems),
    /// To restore.
    Restored(wire::TrashRestored),
    /// To search.
    Matches(wire::FileMatches),
    /// To room.
    Room(wire::FileRoom),
    /// To a list of an archive.
    Archive(wire::ArchiveEntries),
    /// To the rest.
    Done(wire::Accepted),
}

impl Answer {
    /// The answer's envelope.
    pub fn to(self, ask: &bus::Ask) -> Bytes {
        match self {
            Self::Entries(a) => ask.ok(&a),
            Self::Content(a) => ask.ok(&a),
            Self::Written(a) => ask.ok(&a),
            Self::Entry(a) => ask.ok(&a),
            Self::Copied(a) => ask.ok(&a),
            Self::Checksum(a) => ask.ok(&a),
            Self::Usage(a) => ask.ok(&a),
            Self::Trashed(a) => ask.ok(&a),
            Self::Trash(a) => ask.ok(&a),
            Self::Restored(a) => ask.ok(&a),
            Self::Matches(a) => ask.ok(&a),
            Self::Room(a) => ask.ok(&a),
            Self::Archive(a) => ask.ok(&a),
            Self::Done(a) => ask.ok(&a),
        }
    }
}

/// Carries out one ask. Blocks on the disk.
pub fn answer(
    deps: &Arc<Deps>,
    shared: &Shared,
    server: ServerId,
    status: &Mutex<Status>,
    ask: Ask,
) -> Result<Answer, wire::Failure> {
    let root = deps.settings.files_of(server);
    let uid = start::uid_of(deps, server).map_err(|f| refuse(&f.code, f.detail, false))?;
    start::ensure_root(&root, uid).map_err(|f| refuse(&f.code, f.detail, false))?;
    let jail = Jail::open(&root).map_err(failure)?;
    let denylist = status.lock().denylist.clone();
    let files = Files {
        jail: jail.keeping_back(denylist),
        settings: &deps.settings,
        uid,
        server,
        status,
        shared,
    };
    files.answer(ask).map_err(failure)
}

fn failure(e: Error) -> wire::Failure {
    refuse(e.code(), e.to_string(), false)
}

struct Files<'a> {
    jail: Jail,
    settings: &'a Settings,
    uid: u32,
    server: ServerId,
    status: &'a Mutex<Status>,
    shared: &'a Shared,
}

impl Files<'_> {
    fn answer(&self, ask: Ask) -> Result<Answer, Error> {
        match ask {
            Ask::List(ask) => self.list(&ask),
            Ask::Stat(ask) => self.stat(&ask),
            Ask::Read(ask) => self.read(&ask),
            Ask::Write(ask) => self.write(ask),
            Ask::Checksum(ask) => self.checksum(&ask),
            Ask::Usage(ask) => self.usage(&ask),
            Ask::Room(ask) => self.disk_room(&ask),
            Ask::Copy(ask) => self.copy(&ask),
            Ask::Mkdir(ask) => done(self.mkdir(&ask)),
            Ask::Delete(ask) => self.delete(&ask),
            Ask::TrashList(ask) => self.trash_list(&ask),
            Ask::TrashRestore(ask) => self.trash_restore(&ask),
            Ask::TrashEmpty(ask) => done(self.trash_empty(&ask)),
            Ask::Search(ask) => self.search(&ask),
            Ask::ArchiveList(ask) => self.archive_list(&ask),
            Ask::Rename(ask) => done(self.rename(&ask)),
            Ask::Chmod(ask) => done(self.chmod(&ask)),
            Ask::Symlink(ask) => done(self.symlink(&ask)),
            Ask::Times(ask) => done(self.times(&ask)),
            Ask::Remove(ask) => done(self.remove(&ask)),
        }
    }

    fn owner(&self) -> Option<(u32, u32)> {
        Some((self.uid, self.uid))
    }

    fn budget(&self) -> Budget {
        Budget::new(Instant::now() + WORK, MAX_ENTRIES).bytes(self.room())
    }

    /// Bytes that may be added before the server's disk limit is reached, as far as it was counted.
    fn room(&self) -> u64 {
        let status = self.status.lock();
        match status.disk_limit {
            0 => u64::MAX,
            limit => limit.saturating_sub(status.disk_bytes),
        }
    }

    /// So many bytes more are there, until all are counted anew.
    fn grown(&self, bytes: u64) {
        let mut status = self.status.lock();
        status.disk_bytes = status.disk_bytes.saturating_add(bytes);
    }
}

fn done(result: Result<(), Error>) -> Result<Answer, Error> {
    result.map(|()| Answer::Done(wire::Accepted {}))
}

fn path(text: &str) -> Result<RelPath, Error> {
    text.parse()
}

/// A path that people may change: not the root, and nothing that is being made.
/// # Errors
/// `BadPath`, `Outside`.
pub fn inner(text: &str) -> Result<RelPath, Error> {
    let path = path(text)?;
    match path.is_root() || is_half_written(&path) {
        true => Err(Error::BadPath(path.to_string())),
        false => Ok(path),
    }
}
