//! Copies of files and trees: made beside their place under a name that lists hide, then put there in one step.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RenameFlags, SeekFrom, Stat, Uid};
use rustix::io::Errno;

use super::read::io;
use super::tree::empty;
use super::walk::{Found, Walk};
use super::write::{chown_at, temporary_name};
use super::{Budget, Error, Jail, Kind, RelPath, Result, explain, kind, open_dir_at};

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    pub entries: u64,
    /// On disk: holes are not counted.
    pub bytes: u64,
    /// Kept back, or no file, directory or symlink.
    pub skipped: u64,
}

/// Bytes between two looks at the budget.
const CHUNK: u64 = 4 << 20;

impl Jail {
    /// Copies a file, a symlink as it is, or a directory with all that may be read in it. Nothing is replaced, and
    /// nothing is left of a copy that fails.
    /// # Errors
    /// `Exists`; `BadPath` for a directory into itself; `TooDeep`; what the budget says.
    pub fn copy(
        &self,
        from: &RelPath,
        to: &RelPath,
        owner: Option<(u32, u32)>,
        budget: &mut Budget,
    ) -> Result<Copied> {
        if to.starts_with(from) && to != from {
            return Err(Error::BadPath(to.to_string()));
        }
        let (from_dir, from_name) = self.parent_of(from)?;
        let (to_dir, to_name) = self.parent_of(to)?;
        let stat = rustix::fs::statat(&from_dir, from_name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(explain(from.as_str()))?;
        match rustix::fs::statat(&to_dir, to_name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => return Err(Error::Exists(to.to_string())),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(explain(to.as_str())(errno)),
        }
        if kind(&stat) == Kind::Other {
            return Err(Error::NotAFile(from.to_string()));
        }
        let mut copying = Copying {
            jail: self,
            from: (from, self.real(&from_dir, Some(from_name), from)?),
            to: (to, self.real(&to_dir, Some(to_name), to)?),
            owner,
            budget,
            copied: Copied::default(),
        };
        let staged = Staged {
            name: temporary_name(),
            dir: &to_dir,
        };
        let top = Found {
            path: String::new(),
            name: from_name.as_bytes().to_vec(),
            kind: kind(&stat),
            stat,
        };
        let made = copying.one(
            from_dir.as_fd(),
            &top,
            to_dir.as_fd(),
            staged.name.as_bytes(),
        )?;
        if let Some(made) = made {
            copying.tree(&from_dir, &top, made)?;
        }
        let copied = copying.copied;
        let flags = RenameFlags::NOREPLACE;
        rustix::fs::renameat_with(&to_dir, &staged.name, &to_dir, to_name, flags)
            .map_err(explain(to.as_str()))?;
        Ok(copied)
    }
}

/// What is being made beside its place; gone with this, unless it was put there.
struct Staged<'a> {
    name: String,
    dir: &'a OwnedFd,
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        // Best effort: the name is random, hidden from lists, and nobody waits for it.
        if rustix::fs::unlinkat(self.dir, &self.name, AtFlags::empty()) == Err(Errno::ISDIR)
            && let Ok(dir) = open_dir_at(self.dir.as_fd(), self.name.as_bytes())
        {
            let _ = empty(&dir, &RelPath::root());
            let _ = rustix::fs::unlinkat(self.dir, &self.name, AtFlags::REMOVEDIR);
        }
    }
}

struct Copying<'a> {
    jail: &'a Jail,
    /// As it was asked for, and as it really is.
    from: (&'a RelPath, RelPath),
    to: (&'a RelPath, RelPath),
    owner: Option<(u32, u32)>,
    budget: &'a mut Budget,
    copied: Copied,
}

impl Copying<'_> {
    fn tree(&mut self, from_dir: &OwnedFd, top: &Found, made: OwnedFd) -> Result<()> {
        let from =
            open_dir_at(from_dir.as_fd(), &top.name).map_err(explain(self.from.0.as_str()))?;
        let mut walk = Walk::of(from, "")?;
        // One for each level of the walk.
        let mut to = vec![made];
        while let Some(found) = walk.next()? {
            to.truncate(walk.depth());
            let (Some(here), Some(there)) = (walk.here(), to.last()) else {
                return Ok(());
            };
            if found.kind == Kind::Other || self.kept_back(&found) {
                self.copied.skipped += 1;
                continue;
            }
            let made = match self.one(here, &found, there.as_fd(), &found.name) {
                // Swapped or removed under us: it is not there to be copied.
                Err(Error::NotFound(_) | Error::Outside(_) | Error::NotAFile(_)) => continue,
                made => made?,
            };
            if let Some(made) = made
                && walk.enter(&found)?
            {
                to.push(made);
            }
        }
        Ok(())
    }

    fn kept_back(&self, found: &Found) -> bool {
        let denies =
            |(top, real): &(&RelPath, RelPath)| self.jail.holds_back(top, real, &found.path);
        denies(&self.from) || denies(&self.to)
    }

    /// Makes one entry; a directory is made empty and handed back.
    fn one(
        &mut self,
        from: BorrowedFd<'_>,
        found: &Found,
        to: BorrowedFd<'_>,
        name: &[u8],
    ) -> Result<Option<OwnedFd>> {
        self.budget.entry()?;
        let fail = || explain(&found.path);
        self.copied.entries += 1;
        match found.kind {
            Kind::Directory => {
                let mode = Mode::from_raw_mode(found.stat.st_mode & 0o777);
                rustix::fs::mkdirat(to, name, Mode::RWXU).map_err(fail())?;
                let dir = open_dir_at(to, name).map_err(fail())?;
                self.give(&dir).map_err(fail())?;
                rustix::fs::fchmod(&dir, mode).map_err(fail())?;
                return Ok(Some(dir));
            }
            Kind::Symlink => {
                let target = rustix::fs::readlinkat(from, &*found.name, Vec::new());
                rustix::fs::symlinkat(target.map_err(fail())?, to, name).map_err(fail())?;
                if let Some((uid, gid)) = self.owner {
                    chown_at(to, name, uid, gid).map_err(fail())?;
                }
            }
            Kind::File => self.file(from, found, to, name)?,
            Kind::Other => return Err(Error::NotAFile(format!("/{}", found.path))),
        }
        Ok(None)
    }

    fn file(
        &mut self,
        from: BorrowedFd<'_>,
        found: &Found,
        to: BorrowedFd<'_>,
        name: &[u8],
    ) -> Result<()> {
        let fail = || explain(&found.path);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let from = rustix::fs::openat(from, &*found.name, flags, Mode::empty()).map_err(fail())?;
        let stat = rustix::fs::fstat(&from).map_err(fail())?;
        if kind(&stat) != Kind::File {
            return Err(Error::NotAFile(format!("/{}", found.path)));
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(to, name, flags, Mode::RUSR | Mode::WUSR).map_err(fail())?;
        let made = File::from(made);
        self.copied.bytes += copy_data(&File::from(from), &made, &stat, self.budget)?;
        self.give(&made).map_err(fail())?;
        rustix::fs::fchmod(&made, Mode::from_raw_mode(stat.st_mode & 0o777)).map_err(fail())
    }

    fn give(&self, fd: &impl AsFd) -> rustix::io::Result<()> {
        let Some((uid, gid)) = self.owner else {
            return Ok(());
        };
        rustix::fs::fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
    }
}

/// All data of a file as `stat` has it, holes left as holes; says how many bytes that were.
pub(super) fn copy_data(from: &File, to: &File, stat: &Stat, budget: &mut Budget) -> Result<u64> {
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let held = u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
    // Before it is shared: blocks that a file system keeps once count for both owners.
    let mut trial = budget.clone();
    if trial.spend(held.min(size)).is_ok() && rustix::fs::ioctl_ficlone(to, from).is_ok() {
        *budget = trial;
        return Ok(held.min(size));
    }
    let mut copied = 0;
    let mut at = 0;
    while at < size {
        let (start, end) = data_after(from, at, size)?;
        let mut here = start;
        while here < end {
            let wanted = (end - here).min(CHUNK);
            budget.spend(wanted)?;
            let moved = copy_some(from, to, here, wanted)?;
            if moved == 0 {
                // Cut shorter under us.
                rustix::fs::ftruncate(to, here)?;
                return Ok(copied);
            }
            here += moved;
            copied += moved;
        }
        at = end.max(at + 1);
    }
    rustix::fs::ftruncate(to, size)?;
    Ok(copied)
}

/// The next stretch of data from `at` on; an empty one at the end when the rest is a hole.
fn data_after(file: &File, at: u64, size: u64) -> Result<(u64, u64)> {
    let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok((size, size)),
        // A file system that knows of no holes.
        Err(_) => return Ok((at, size)),
    };
    let end = rustix::fs::seek(file, SeekFrom::Hole(start)).unwrap_or(size);
    let start = start.min(size);
    Ok((start, end.clamp(start, size)))
}

fn copy_some(from: &File, to: &File, at: u64, length: u64) -> Result<u64> {
    let (mut read, mut write) = (at, at);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    match rustix::fs::copy_file_range(from, Some(&mut read), to, Some(&mut write), length) {
        Ok(moved) => Ok(moved as u64),
        Err(Errno::NOSPC) => Err(Error::NoSpace),
        Err(Errno::DQUOT) => Err(Error::Quota),
        // Between two file systems, or where this kernel can't.
        Err(_) => copy_by_hand(from, to, at, length),
    }
}

fn copy_by_hand(from: &File, to: &File, at: u64, length: usize) -> Result<u64> {
    let fail = |e: std::io::Error| io(&RelPath::root(), &e);
    let mut bytes = vec![0; length.min(256 * 1024)];
    let n = loop {
        match from.read_at(&mut bytes, at) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            read => break read.map_err(fail)?,
        }
    };
    to.write_all_at(&bytes[..n], at).map_err(fail)?;
    Ok(n as u64)
}
