//! Files that come in pieces and may be broken off: kept beside their final name, under a name that is known, until they
//! are whole.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

use super::open::{Attributes, set_attributes};
use super::read::io;
use super::write::{check, look};
use super::{Entry, Error, Jail, Kind, RelPath, Result, entry, explain, kind};
use super::{WriteOptions, open_dir_at};

/// What of a file has come so far. Dropped, it stays where it is.
#[derive(Debug)]
pub struct Partial {
    file: File,
    parent: OwnedFd,
    temporary: String,
    name: String,
    path: RelPath,
}

/// What the pieces of `name` are called while they come.
pub(super) fn temporary(id: &str) -> String {
    format!(".warren-{id}.partial")
}

/// Whether this is the name of something half written, which nobody may address.
pub fn is_half_written(path: &RelPath) -> bool {
    let name = path.name().unwrap_or_default();
    super::write::is_temporary(name.as_bytes())
}

impl Jail {
    /// Opens what has come of `path` under this id, or begins it. `id` is one that we or a ULID made: it becomes a name.
    /// What lies there and is not a plain file of its own was not put there by us, and goes.
    /// # Errors
    /// `NotFound` if it must be there and is not; `IsDirectory`, `Outside`.
    pub fn partial(
        &self,
        path: &RelPath,
        id: &str,
        must_exist: bool,
        options: &WriteOptions,
    ) -> Result<Partial> {
        if !id.bytes().all(|b| b.is_ascii_alphanumeric()) || id.is_empty() || id.len() > 64 {
            return Err(Error::BadPath(id.chars().take(64).collect()));
        }
        if options.parents && !must_exist {
            self.mkdir_all(&path.split().0, options.owner)?;
        }
        let (parent, name) = self.parent_of(path)?;
        let there = look(&parent, name, path)?;
        check(there.as_ref(), path, options)?;
        match there.as_ref().map(kind) {
            Some(Kind::Directory) => return Err(Error::IsDirectory(path.to_string())),
            Some(Kind::Other) => return Err(Error::NotAFile(path.to_string())),
            // A link gives way to the file: what it pointed at stays as it is.
            Some(Kind::File | Kind::Symlink) | None => {}
        }
        let temporary = temporary(id);
        let file = match open_own(&parent, &temporary, path)? {
            Some(file) => file,
            None if must_exist => return Err(Error::NotFound(path.to_string())),
            None => make(&parent, &temporary, path, options.owner)?,
        };
        Ok(Partial {
            file,
            parent,
            temporary,
            name: name.to_owned(),
            path: path.clone(),
        })
    }

    /// Throws away what has come of `path` under this id. Nothing there is as good.
    pub fn discard_partial(&self, path: &RelPath, id: &str) -> Result<()> {
        let parent = match self.parent_of(path) {
            Ok((parent, _)) => parent,
            Err(Error::NotFound(_) | Error::NotADirectory(_)) => return Ok(()),
            Err(e) => return Err(e),
        };
        match rustix::fs::unlinkat(&parent, temporary(id), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(explain(path.as_str())(errno)),
        }
    }
}

fn open_own(parent: &OwnedFd, temporary: &str, path: &RelPath) -> Result<Option<File>> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = match rustix::fs::openat(parent, temporary, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(None),
        // A link or a socket, or whatever else the game has put under this name.
        Err(Errno::LOOP | Errno::NXIO) => return clear(parent, temporary, path),
        Err(errno) => return Err(explain(path.as_str())(errno)),
    };
    let stat = rustix::fs::fstat(&fd).map_err(explain(path.as_str()))?;
    if kind(&stat) != Kind::File || stat.st_nlink != 1 {
        return clear(parent, temporary, path);
    }
    Ok(Some(File::from(fd)))
}

fn clear(parent: &OwnedFd, temporary: &str, path: &RelPath) -> Result<Option<File>> {
    rustix::fs::unlinkat(parent, temporary, AtFlags::empty()).map_err(explain(path.as_str()))?;
    Ok(None)
}

fn make(
    parent: &OwnedFd,
    temporary: &str,
    path: &RelPath,
    owner: Option<(u32, u32)>,
) -> Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(parent, temporary, flags, Mode::RUSR | Mode::WUSR)
        .map_err(explain(path.as_str()))?;
    if let Some((uid, gid)) = owner {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        rustix::fs::fchown(&fd, uid, gid).map_err(explain(path.as_str()))?;
    }
    Ok(File::from(fd))
}

impl Partial {
    /// For reading it back.
    pub fn file(&self) -> &File {
        &self.file
    }

    pub fn path(&self) -> &RelPath {
        &self.path
    }

    /// Bytes that have come.
    pub fn size(&self) -> Result<u64> {
        let stat = rustix::fs::fstat(&self.file).map_err(explain(self.path.as_str()))?;
        Ok(u64::try_from(stat.st_size).unwrap_or(0))
    }

    /// Back to so many bytes.
    pub fn cut(&self, size: u64) -> Result<()> {
        rustix::fs::ftruncate(&self.file, size).map_err(explain(self.path.as_str()))
    }

    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let written = self.file.write_all_at(bytes, offset);
        written.map_err(|e| io(&self.path, &e))
    }

    /// After this, what was written survives a power cut.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|e| io(&self.path, &e))?;
        sync_dir(&self.parent, &self.path)
    }

    /// Puts the file in its place, after it has reached the disk. An existing file's permission bits are kept, unless others
    /// are given. After a failure everything is as before.
    /// # Errors
    /// `Changed`, `Exists` as for [`Jail::write`].
    pub fn commit(&self, options: &WriteOptions, set: Attributes) -> Result<Entry> {
        let there = look(&self.parent, &self.name, &self.path)?;
        check(there.as_ref(), &self.path, options)?;
        let kept = there.filter(|s| kind(s) == Kind::File);
        let mode = set.mode.or(kept.map(|s| s.st_mode & 0o777));
        let set = Attributes {
            mode: Some(mode.or(options.mode).unwrap_or(0o644)),
            ..set
        };
        set_attributes(&self.file, &self.path, set)?;
        self.file.sync_all().map_err(|e| io(&self.path, &e))?;
        let flags = match options.if_absent {
            true => RenameFlags::NOREPLACE,
            false => RenameFlags::empty(),
        };
        let parent = &self.parent;
        rustix::fs::renameat_with(parent, &self.temporary, parent, &self.name, flags)
            .map_err(explain(self.path.as_str()))?;
        // It stands there whether this succeeds or not.
        let _ = sync_dir(&self.parent, &self.path);
        let stat = rustix::fs::fstat(&self.file).map_err(explain(self.path.as_str()))?;
        Ok(entry(self.parent.as_fd(), self.name.as_bytes(), &stat))
    }

    /// Throws away what has come.
    pub fn discard(&self) -> Result<()> {
        match rustix::fs::unlinkat(&self.parent, &self.temporary, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(explain(self.path.as_str())(errno)),
        }
    }
}

fn sync_dir(parent: &OwnedFd, path: &RelPath) -> Result<()> {
    let dir = open_dir_at(parent.as_fd(), b".").map_err(explain(path.as_str()))?;
    rustix::fs::fsync(&dir).map_err(explain(path.as_str()))
}
