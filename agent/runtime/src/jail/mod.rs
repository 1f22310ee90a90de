//! The only door to the disk below a server's root.
//!
//! Everything goes by directory handle and `openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)`: the
//! kernel itself refuses to leave the root, also while the game swaps directories for symlinks. What
//! is done to an entry is done by its single name on the handle of its parent, never by path. A
//! kernel without openat2 is refused; there is no weaker mode.
//!
//! A jail that [keeps back](Jail::keeping_back) what an egg denies does so in every call below: by the path that is
//! asked for, by where links in it lead, and for directories that are moved or deleted also by what is in them. Lists
//! show the names.
//!
//! All calls block; run them on a blocking thread.

mod archive;
mod budget;
mod checksum;
mod copy;
mod deny;
mod entries;
mod list;
mod open;
mod partial;
mod path;
mod read;
mod search;
mod sweep;
mod transport;
mod trash;
mod tree;
mod usage;
mod walk;
mod write;

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

pub use archive::{
    Compression, Existing, Extract, Extracted, Folder, Format, Head, Limits, Pack, Packed, Parts,
    Tally, Unpacked, What, Whole, Zip, pack_level,
};
pub use budget::Budget;
pub use checksum::{Algorithm, Checksum};
pub use copy::Copied;
pub use deny::Denylist;
pub use list::{ListOptions, Listing, Order, Page, SortBy};
pub use open::{Access, Attributes, accessed, look_at, set_attributes};
pub use partial::{Partial, is_half_written};
pub use path::RelPath;
pub use read::ReadRange;
pub use search::{Cut, Looked, Match, Matches};
pub use transport::{Cargo, Manifest, extents, punch};
pub use trash::{Item, Trash, TrashLimits};
pub use tree::{ChownReport, MAX_DEPTH};
pub use usage::{Room, Usage, UsageScan};
pub use write::{AtomicFile, WriteOptions};

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this kernel has no openat2 (Linux 5.6): files can't be served safely")]
    NoOpenat2,
    #[error("{0:?} is no valid path")]
    BadPath(String),
    #[error("{0} does not exist")]
    NotFound(String),
    #[error("{0} exists already")]
    Exists(String),
    /// The path leads out of the server's root, by `..`, a symlink or a mount.
    #[error("{0} leads outside of the server's files")]
    Outside(String),
    #[error("{0} is not a file")]
    NotAFile(String),
    #[error("{0} is not a directory")]
    NotADirectory(String),
    #[error("{0} is a directory")]
    IsDirectory(String),
    #[error("the directory {0} is not empty")]
    NotEmpty(String),
    /// The file is not what the caller saw: it has this tag now (`None`: it is gone).
    #[error("{path} was changed by someone else")]
    Changed { path: String, now: Option<ETag> },
    #[error("{path} has {size} bytes, the limit is {limit}")]
    TooLarge { path: String, size: u64, limit: u64 },
    #[error("{0} is nested too deeply")]
    TooDeep(String),
    #[error("{0:?} is not known here")]
    Unknown(String),
    #[error("{0} is kept back by the egg")]
    Denied(String),
    #[error("{0} is no archive that can be read here")]
    NotAnArchive(String),
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    #[error("the archive's entry {0}")]
    BadEntry(String),
    #[error("the archive becomes far larger than it is: it is made to fill disks")]
    Bomb,
    #[error("these are more entries than can be dealt with at once")]
    TooMany,
    #[error("the server's disk limit leaves no room for this")]
    Quota,
    #[error("the trash lies on another file system than these files: delete them for good instead")]
    OtherDisk,
    #[error("this takes too long")]
    TookTooLong,
    #[error("this was called off")]
    Cancelled,
    #[error("the disk is full")]
    NoSpace,
    #[error("{what}: {errno}")]
    Io { what: String, errno: Errno },
}

impl Error {
    /// A stable name for clients and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoOpenat2 => "openat2_missing",
            Self::BadPath(_) => "path_invalid",
            Self::NotFound(_) => "file_not_found",
            Self::Exists(_) => "file_exists",
            Self::Outside(_) => "path_outside",
            Self::NotAFile(_) => "not_a_file",
            Self::NotADirectory(_) => "not_a_directory",
            Self::IsDirectory(_) => "is_a_directory",
            Self::NotEmpty(_) => "directory_not_empty",
            Self::Changed { .. } => "file_changed",
            Self::TooLarge { .. } => "file_too_large",
            Self::TooDeep(_) => "path_too_deep",
            Self::Unknown(_) => "unknown",
            Self::Denied(_) => "file_denied",
            Self::NotAnArchive(_) => "archive_unknown",
            Self::Damaged(_) => "archive_damaged",
            Self::BadEntry(_) => "archive_entry",
            Self::Bomb => "archive_bomb",
            Self::TooMany => "too_many_entries",
            Self::Quota => "disk_limit",
            Self::OtherDisk => "trash_other_disk",
            Self::TookTooLong => "took_too_long",
            Self::Cancelled => "cancelled",
            Self::NoSpace => "disk_full",
            Self::Io { .. } => "file_io",
        }
    }
}

/// Tells two versions of a file apart: inode, size and both change times.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(pub String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    Symlink,
    /// Socket, FIFO or device: shown, never opened.
    Other,
}

/// One entry, not followed if it is a symlink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Last component; bytes that are no UTF-8 appear as U+FFFD and then the entry can't be addressed.
    pub name: String,
    pub kind: Kind,
    pub size_bytes: u64,
    /// What it occupies on disk.
    pub disk_bytes: u64,
    /// Permission bits.
    pub mode: u32,
    pub modified: SystemTime,
    pub accessed: SystemTime,
    pub uid: u32,
    pub gid: u32,
    /// Names of the same file.
    pub links: u32,
    pub etag: ETag,
    /// Where a symlink points, as it is written there.
    pub target: Option<String>,
    /// Kept back from people.
    pub denied: bool,
}

/// A handle of one server's root directory.
#[derive(Debug)]
pub struct Jail {
    root: OwnedFd,
    denied: Arc<Denylist>,
}

impl Jail {
    /// Opens the directory at `root`, which the agent itself chose.
    /// # Errors
    /// `NoOpenat2` on old kernels; `NotFound`, `NotADirectory`.
    pub fn open(root: &Path) -> Result<Self> {
        Self::probe()?;
        let shown = root.display().to_string();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty()).map_err(explain(&shown))?;
        let denied = Arc::default();
        Ok(Self { root, denied })
    }

    /// From now on nothing that `denied` names is read or changed through this handle.
    #[must_use]
    pub fn keeping_back(self, denied: impl Into<Arc<Denylist>>) -> Self {
        let denied = denied.into();
        Self { denied, ..self }
    }

    /// Whether this kernel can hold the jail.
    /// # Errors
    /// `NoOpenat2`.
    pub fn probe() -> Result<()> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH;
        match rustix::fs::openat2(rustix::fs::CWD, ".", flags, Mode::empty(), resolve) {
            // A seccomp filter that does not know the call answers EPERM.
            Err(Errno::NOSYS | Errno::PERM) => Err(Error::NoOpenat2),
            _ => Ok(()),
        }
    }

    /// What is at `path`, without following it.
    pub fn stat(&self, path: &RelPath) -> Result<Entry> {
        let (parent, name) = self.parent(path)?;
        let name = name.unwrap_or(".");
        let stat = rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(explain(path.as_str()))?;
        Ok(entry(parent.as_fd(), name.as_bytes(), &stat))
    }

    /// What `path` leads to. An inside link is followed, one that leads out is `Outside`.
    pub fn stat_followed(&self, path: &RelPath) -> Result<Entry> {
        let fd = self.open_beneath(path, OFlags::PATH, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd).map_err(explain(path.as_str()))?;
        let name = path.name().unwrap_or(".");
        Ok(entry(fd.as_fd(), name.as_bytes(), &stat))
    }

    /// Whether `path`, as it is written, is kept back from people.
    pub fn keeps_back(&self, path: &RelPath) -> bool {
        self.denied.denies(path.as_str())
    }

    fn permit(&self, path: &str) -> Result<()> {
        match self.denied.denies(path) {
            true => Err(Error::Denied(format!("/{path}"))),
            false => Ok(()),
        }
    }

    /// Where an open handle really is, asked of the kernel: a link may give a name that is kept back another one.
    fn permit_handle(&self, fd: &OwnedFd, name: Option<&str>) -> Result<()> {
        if self.denied.is_empty() {
            return Ok(());
        }
        // Moved out or deleted under us: there is nothing at that path any more.
        let at = self.whereabouts(fd);
        let at = at.ok_or_else(|| Error::NotFound("what was asked for".into()))?;
        match name {
            Some(name) => self.permit(&walk::join(at.as_str(), name)),
            None => self.permit(at.as_str()),
        }
    }

    /// Whether an entry is kept back, by the path that was asked for or by the one that it really has: for those who go
    /// through a tree, where `top` is what was asked for and `real` [what that really is](Self::real).
    fn holds_back(&self, top: &RelPath, real: &RelPath, below: &str) -> bool {
        let denies = |top: &RelPath| self.denied.denies(&walk::join(top.as_str(), below));
        denies(top) || (real != top && denies(real))
    }

    /// The path that a name in an open directory has without links, or the directory itself. Where nothing is kept back
    /// nobody asks: it is then as it is written.
    fn real(&self, dir: &impl AsFd, name: Option<&str>, path: &RelPath) -> Result<RelPath> {
        if self.denied.is_empty() {
            return Ok(path.clone());
        }
        let at = self.whereabouts(dir);
        let at = at.ok_or_else(|| Error::NotFound(path.to_string()))?;
        match name {
            Some(name) => at.join(name),
            None => Ok(at),
        }
    }

    /// Opens beneath the root. Retries what the kernel calls "raced, ask again".
    fn open_beneath(&self, path: &RelPath, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        self.permit(path.as_str())?;
        let fd = self.open_any(path, flags, mode)?;
        self.permit_handle(&fd, None)?;
        Ok(fd)
    }

    fn open_any(&self, path: &RelPath, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let text = if path.is_root() { "." } else { path.as_str() };
        let mut flags = flags | OFlags::CLOEXEC;
        // openat2 refuses flags that mean nothing, unlike openat.
        flags.set(OFlags::NOCTTY, !flags.contains(OFlags::PATH));
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 0;
        loop {
            match rustix::fs::openat2(&self.root, text, flags, mode, resolve) {
                Err(Errno::AGAIN) if tries < 64 => tries += 1,
                Err(errno) => return Err(explain(path.as_str())(errno)),
                Ok(fd) => return Ok(fd),
            }
        }
    }

    /// The directory that holds `path`, and its name there; no name for the root itself.
    fn parent<'p>(&self, path: &'p RelPath) -> Result<(OwnedFd, Option<&'p str>)> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let (parent, name) = path.split();
        self.permit(path.as_str())?;
        let fd = self.open_beneath(&parent, flags, Mode::empty())?;
        self.permit_handle(&fd, name)?;
        Ok((fd, name))
    }

    /// As [`Self::parent`], where the root itself makes no sense.
    fn parent_of<'p>(&self, path: &'p RelPath) -> Result<(OwnedFd, &'p str)> {
        match self.parent(path)? {
            (fd, Some(name)) => Ok((fd, name)),
            (_, None) => Err(Error::BadPath("/".into())),
        }
    }
}

/// The kernel's own name of a handle: good for reading where it is, and for calls that take no `O_PATH` handle.
fn own_name(fd: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())
}

/// Opens a directory entry for reading its names, refusing symlinks.
fn open_dir_at(dir: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

fn kind(stat: &Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Other,
    }
}

fn etag(stat: &Stat) -> ETag {
    ETag(format!(
        "{:x}-{:x}-{:x}.{:x}-{:x}.{:x}",
        stat.st_ino,
        stat.st_size,
        stat.st_mtime,
        stat.st_mtime_nsec,
        stat.st_ctime,
        stat.st_ctime_nsec
    ))
}

fn time(seconds: i64, nanoseconds: u64) -> SystemTime {
    let since = Duration::new(
        u64::try_from(seconds).unwrap_or(0),
        u32::try_from(nanoseconds).unwrap_or(0),
    );
    SystemTime::UNIX_EPOCH
        .checked_add(since)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

fn entry(parent: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> Entry {
    let kind = kind(stat);
    let target = match kind {
        Kind::Symlink => rustix::fs::readlinkat(parent, name, Vec::new())
            .ok()
            .map(|t| t.to_string_lossy().into_owned()),
        _ => None,
    };
    Entry {
        name: String::from_utf8_lossy(name).into_owned(),
        kind,
        size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
        disk_bytes: u64::try_from(stat.st_blocks).unwrap_or(0) * 512,
        mode: stat.st_mode & 0o7777,
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        accessed: time(stat.st_atime, stat.st_atime_nsec),
        uid: stat.st_uid,
        gid: stat.st_gid,
        links: u32::try_from(stat.st_nlink).unwrap_or(u32::MAX),
        etag: etag(stat),
        target,
        denied: false,
    }
}

/// Gives an errno the meaning it has here.
fn explain(path: &str) -> impl FnOnce(Errno) -> Error {
    let path = if path.is_empty() { "/" } else { path }.to_owned();
    move |errno| match errno {
        Errno::NOENT => Error::NotFound(path),
        Errno::EXIST => Error::Exists(path),
        Errno::XDEV | Errno::LOOP => Error::Outside(path),
        Errno::NOTDIR => Error::NotADirectory(path),
        Errno::ISDIR => Error::IsDirectory(path),
        Errno::NOTEMPTY => Error::NotEmpty(path),
        Errno::NOSPC | Errno::DQUOT => Error::NoSpace,
        Errno::NOSYS => Error::NoOpenat2,
        Errno::NAMETOOLONG => Error::BadPath(path),
        errno => Error::Io { what: path, errno },
    }
}
