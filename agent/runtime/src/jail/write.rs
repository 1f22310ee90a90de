//! Writing files whole, and what makes or moves single entries.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};

use rand::Rng as _;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;

use super::read::io;
use super::{ETag, Entry, Error, Jail, Kind, RelPath, Result, entry, etag, explain, kind};

/// How a file or directory is made.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Write only over exactly this version.
    pub if_match: Option<ETag>,
    /// Write only if nothing is there.
    pub if_absent: bool,
    /// Make missing directories above.
    pub parents: bool,
    /// uid and gid of what is made; `None` leaves it with the agent.
    pub owner: Option<(u32, u32)>,
    /// Permission bits of a new file (0644 if not given); an existing one keeps its own.
    pub mode: Option<u32>,
}

const PREFIX: &[u8] = b".warren-";
const SUFFIX: &[u8] = b".partial";

pub(super) fn is_temporary(name: &[u8]) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

pub(super) fn temporary_name() -> String {
    format!(".warren-{:016x}.partial", rand::rng().random::<u64>())
}

/// A file being written beside its final name. Dropped without [`AtomicFile::commit`] it vanishes.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    parent: OwnedFd,
    temporary: Option<String>,
    name: String,
    path: RelPath,
    options: WriteOptions,
}

impl Jail {
    /// Replaces or makes a file in one step: readers see the old or the new content, never a mix.
    /// A symlink at `path` is written through, if it stays inside.
    /// # Errors
    /// `Changed` if `if_match` does not hold, `Exists` for `if_absent`, `IsDirectory`, `NoSpace`.
    pub fn write(&self, path: &RelPath, bytes: &[u8], options: WriteOptions) -> Result<Entry> {
        let mut file = self.create(path, options)?;
        file.write_all(bytes)?;
        file.commit()
    }

    /// Starts a file that is written in pieces.
    pub fn create(&self, path: &RelPath, options: WriteOptions) -> Result<AtomicFile> {
        if options.parents {
            self.mkdir_all(&path.split().0, options.owner)?;
        }
        let (parent, name) = self.parent_of(path)?;
        let there = look(&parent, name, path)?;
        let link = there.as_ref().is_some_and(|s| kind(s) == Kind::Symlink);
        if link && !options.if_absent {
            return self.through_link(path, parent, name, options);
        }
        check(there.as_ref(), path, &options)?;
        match there.as_ref().map(kind) {
            Some(Kind::Directory) => return Err(Error::IsDirectory(path.to_string())),
            Some(Kind::Other) => return Err(Error::NotAFile(path.to_string())),
            Some(Kind::File | Kind::Symlink) | None => {}
        }
        let temporary = temporary_name();
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&parent, &temporary, flags, Mode::RUSR | Mode::WUSR)
            .map_err(explain(path.as_str()))?;
        let file = AtomicFile {
            file: File::from(fd),
            parent,
            temporary: Some(temporary),
            name: name.to_owned(),
            path: path.clone(),
            options,
        };
        let mode = there.map_or(file.options.mode.unwrap_or(0o644), |s| s.st_mode & 0o777);
        rustix::fs::fchmod(&file.file, Mode::from_raw_mode(mode))
            .map_err(explain(path.as_str()))?;
        file.own()?;
        Ok(file)
    }

    /// The user put a link here on purpose: keep it, and write what it points at, in place.
    fn through_link(
        &self,
        path: &RelPath,
        parent: OwnedFd,
        name: &str,
        options: WriteOptions,
    ) -> Result<AtomicFile> {
        let flags = OFlags::WRONLY | OFlags::NONBLOCK;
        let fd = self.open_beneath(path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd).map_err(explain(path.as_str()))?;
        if kind(&stat) != Kind::File {
            return Err(Error::NotAFile(path.to_string()));
        }
        // What was read under this name was the file behind the link, so that is what must not have changed.
        check(Some(&stat), path, &options)?;
        rustix::fs::ftruncate(&fd, 0).map_err(explain(path.as_str()))?;
        Ok(AtomicFile {
            file: File::from(fd),
            parent,
            temporary: None,
            name: name.to_owned(),
            path: path.clone(),
            options,
        })
    }

    /// Makes a directory. With `parents`, those above too, and an existing one is success.
    pub fn mkdir(&self, path: &RelPath, options: &WriteOptions) -> Result<()> {
        if options.parents {
            return self.mkdir_all(path, options.owner);
        }
        self.mkdir_one(path, options.owner)
    }

    pub(super) fn mkdir_all(&self, path: &RelPath, owner: Option<(u32, u32)>) -> Result<()> {
        for step in path.ancestors() {
            match self.mkdir_one(&step, owner) {
                Ok(()) => {}
                // A file in the way shows when the next step or the caller opens it.
                Err(Error::Exists(_)) => {}
                Err(other) => return Err(other),
            }
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        self.open_beneath(path, flags, Mode::empty()).map(drop)
    }

    pub(super) fn mkdir_one(&self, path: &RelPath, owner: Option<(u32, u32)>) -> Result<()> {
        let (parent, name) = self.parent_of(path)?;
        rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755))
            .map_err(explain(path.as_str()))?;
        if let Some((uid, gid)) = owner {
            chown_at(&parent, name, uid, gid).map_err(explain(path.as_str()))?;
        }
        Ok(())
    }

    /// Moves an entry within the root.
    /// # Errors
    /// `Exists` unless `replace`; `BadPath` for moving a directory into itself.
    pub fn rename(&self, from: &RelPath, to: &RelPath, replace: bool) -> Result<()> {
        if to.starts_with(from) {
            return Err(Error::BadPath(to.to_string()));
        }
        let (from_dir, from_name) = self.parent_of(from)?;
        let (to_dir, to_name) = self.parent_of(to)?;
        let real = self.real(&to_dir, Some(to_name), to)?;
        self.refuse_holding(&from_dir, from_name, &[from, to, &real])?;
        let flags = if replace {
            RenameFlags::empty()
        } else {
            RenameFlags::NOREPLACE
        };
        rustix::fs::renameat_with(&from_dir, from_name, &to_dir, to_name, flags).map_err(|errno| {
            match errno {
                Errno::NOENT => Error::NotFound(from.to_string()),
                errno => explain(to.as_str())(errno),
            }
        })
    }
}

impl AtomicFile {
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| io(&self.path, &e))
    }

    fn own(&self) -> Result<()> {
        let Some((uid, gid)) = self.options.owner else {
            return Ok(());
        };
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        rustix::fs::fchown(&self.file, uid, gid).map_err(explain(self.path.as_str()))
    }

    /// Puts the file in its place, after it has reached the disk.
    /// # Errors
    /// `Changed`, `Exists` as for [`Jail::write`], judged again now.
    pub fn commit(mut self) -> Result<Entry> {
        self.file.sync_all().map_err(|e| io(&self.path, &e))?;
        if let Some(temporary) = &self.temporary {
            let there = look(&self.parent, &self.name, &self.path)?;
            check(there.as_ref(), &self.path, &self.options)?;
            let flags = if self.options.if_absent {
                RenameFlags::NOREPLACE
            } else {
                RenameFlags::empty()
            };
            rustix::fs::renameat_with(&self.parent, temporary, &self.parent, &self.name, flags)
                .map_err(explain(self.path.as_str()))?;
            self.temporary = None;
        }
        let stat = rustix::fs::fstat(&self.file).map_err(explain(self.path.as_str()))?;
        Ok(entry(self.parent.as_fd(), self.name.as_bytes(), &stat))
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(name) = self.temporary.take() {
            // Best effort: the name is random, hidden from lists, and nobody waits for it.
            let _ = rustix::fs::unlinkat(&self.parent, name, AtFlags::empty());
        }
    }
}

pub(super) fn look(parent: &OwnedFd, name: &str, path: &RelPath) -> Result<Option<Stat>> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(explain(path.as_str())(errno)),
    }
}

pub(super) fn check(there: Option<&Stat>, path: &RelPath, options: &WriteOptions) -> Result<()> {
    if options.if_absent && there.is_some() {
        return Err(Error::Exists(path.to_string()));
    }
    match (&options.if_match, there.map(etag)) {
        (Some(wanted), now) if now.as_ref() != Some(wanted) => Err(Error::Changed {
            path: path.to_string(),
            now,
        }),
        _ => Ok(()),
    }
}

pub(super) fn chown_at(
    parent: impl AsFd,
    name: impl rustix::path::Arg,
    uid: u32,
    gid: u32,
) -> rustix::io::Result<()> {
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    rustix::fs::chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
}
