//! What is done to whole trees: delete and chown. No recursion, a bounded number of open handles.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::walk::{Walk, join};
use super::write::{chown_at, temporary_name};
use super::{Error, Jail, Kind, RelPath, Result, explain, kind, open_dir_at};

/// Directories held open below one another at most.
pub const MAX_DEPTH: usize = 200;

/// Entries that are looked at for what is kept back, before a directory is moved or deleted.
const MAX_LOOKED: usize = 200_000;

/// What a chown did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChownReport {
    pub seen: u64,
    pub changed: u64,
    /// Directories below [`MAX_DEPTH`] that were not entered.
    pub too_deep: u64,
}

struct Level {
    fd: OwnedFd,
    /// Name in the level above.
    name: Vec<u8>,
    dirs: Vec<Vec<u8>>,
}

impl Jail {
    /// Deletes an entry, a directory with all that is in it. Symlinks are deleted, never followed.
    /// On the root itself: empties it. Absent is `NotFound`.
    pub fn delete(&self, path: &RelPath) -> Result<()> {
        if path.is_root() {
            let top = self.open_beneath(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
            return empty(&top, path);
        }
        let (parent, name) = self.parent_of(path)?;
        self.refuse_holding(&parent, name, &[path])?;
        match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
            Ok(()) => return Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(errno) => return Err(explain(path.as_str())(errno)),
        }
        let dir = open_dir_at(parent.as_fd(), name.as_bytes()).map_err(explain(path.as_str()))?;
        empty(&dir, path)?;
        rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR).map_err(explain(path.as_str()))
    }

    /// Refuses a directory in which anything is kept back, under any of the paths that it has or is to have.
    pub(super) fn refuse_holding(
        &self,
        parent: &OwnedFd,
        name: &str,
        paths: &[&RelPath],
    ) -> Result<()> {
        if self.denied.is_empty() {
            return Ok(());
        }
        let dir = match open_dir_at(parent.as_fd(), name.as_bytes()) {
            Ok(dir) => dir,
            Err(Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            Err(errno) => return Err(explain(name)(errno)),
        };
        let mut paths = paths.to_vec();
        // A link on the way may have given it another name. What is brought from elsewhere has none here.
        let own = self.whereabouts(parent).and_then(|at| at.join(name).ok());
        paths.extend(own.as_ref());
        let mut walk = Walk::of(dir, "")?;
        let mut looked = 0;
        while let Some(found) = walk.next()? {
            looked += 1;
            if looked > MAX_LOOKED {
                return Err(Error::TooMany);
            }
            for path in &paths {
                self.permit(&join(path.as_str(), &found.path))?;
            }
            if found.kind == Kind::Directory {
                walk.enter(&found)?;
            }
        }
        Ok(())
    }

    /// Gives everything at and below `path` to uid and gid. Symlinks themselves are given, never
    /// their targets; set-uid bits fall as the kernel does on chown.
    pub fn chown_all(&self, path: &RelPath, uid: u32, gid: u32) -> Result<ChownReport> {
        let mut report = ChownReport::default();
        let fail = || explain(path.as_str());
        let (parent, name) = self.parent(path)?;
        let name = name.unwrap_or(".");
        let is_dir = give(parent.as_fd(), name.as_bytes(), uid, gid, &mut report);
        if !is_dir.map_err(fail())? {
            return Ok(report);
        }
        let top = open_dir_at(parent.as_fd(), name.as_bytes()).map_err(fail())?;
        let mut stack = vec![give_all(top, uid, gid, &mut report).map_err(fail())?];
        while let Some(level) = stack.last_mut() {
            let Some(name) = level.dirs.pop() else {
                stack.pop();
                continue;
            };
            match open_dir_at(level.fd.as_fd(), &name) {
                Ok(_) if stack.len() >= MAX_DEPTH => report.too_deep += 1,
                Ok(fd) => stack.push(give_all(fd, uid, gid, &mut report).map_err(fail())?),
                // Gone or swapped for something else since we looked.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(errno) => return Err(fail()(errno)),
            }
        }
        Ok(report)
    }
}

/// Gives one entry away if it is not already theirs; says whether it is a directory.
fn give(
    dir: BorrowedFd<'_>,
    name: &[u8],
    uid: u32,
    gid: u32,
    report: &mut ChownReport,
) -> rustix::io::Result<bool> {
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    report.seen += 1;
    if stat.st_uid != uid || stat.st_gid != gid {
        chown_at(dir, name, uid, gid)?;
        report.changed += 1;
    }
    Ok(kind(&stat) == Kind::Directory)
}

fn give_all(
    fd: OwnedFd,
    uid: u32,
    gid: u32,
    report: &mut ChownReport,
) -> rustix::io::Result<Level> {
    let mut dirs = Vec::new();
    for item in Dir::read_from(&fd)? {
        let item = item?;
        let name = item.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        match give(fd.as_fd(), name, uid, gid, report) {
            Ok(true) => dirs.push(name.to_vec()),
            Ok(false) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(Level {
        fd,
        name: Vec::new(),
        dirs,
    })
}

/// Deletes all entries of a directory.
pub(super) fn empty(top: &OwnedFd, path: &RelPath) -> Result<()> {
    let fail = || explain(path.as_str());
    let own = rustix::io::fcntl_dupfd_cloexec(top, 0).map_err(fail())?;
    let mut stack = vec![Level {
        dirs: unlink_files(&own).map_err(fail())?,
        fd: own,
        name: Vec::new(),
    }];
    // A game that keeps making files must not keep us here for ever.
    let mut rounds = 0_u32;
    while let Some(level) = stack.last_mut() {
        if let Some(name) = level.dirs.pop() {
            if stack.len() >= MAX_DEPTH {
                lift(&mut stack, &name, top).map_err(fail())?;
                continue;
            }
            let dir = match stack.last() {
                Some(level) => open_dir_at(level.fd.as_fd(), &name),
                None => break,
            };
            match dir {
                Ok(fd) => {
                    let dirs = unlink_files(&fd).map_err(fail())?;
                    stack.push(Level { fd, name, dirs });
                }
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(errno) => return Err(fail()(errno)),
            }
            continue;
        }
        let Some(done) = stack.pop() else { break };
        let Some(above) = stack.last_mut() else { break };
        match rustix::fs::unlinkat(&above.fd, &*done.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(Errno::NOTEMPTY) if rounds < 1000 => {
                rounds += 1;
                above.dirs.push(done.name);
            }
            Err(errno) => return Err(fail()(errno)),
        }
    }
    Ok(())
}

/// Too deep to hold a handle per level: move the directory up to the top and delete it from there.
fn lift(stack: &mut [Level], name: &[u8], top: &OwnedFd) -> rustix::io::Result<()> {
    let Some(level) = stack.last() else {
        return Ok(());
    };
    let to = temporary_name();
    match rustix::fs::renameat_with(&level.fd, name, top, &to, RenameFlags::NOREPLACE) {
        Ok(()) => {
            if let Some(first) = stack.first_mut() {
                first.dirs.push(to.into_bytes());
            }
            Ok(())
        }
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Unlinks what is no directory and returns the names of those that are.
fn unlink_files(fd: &OwnedFd) -> rustix::io::Result<Vec<Vec<u8>>> {
    let mut dirs = Vec::new();
    for item in Dir::read_from(fd)? {
        let item = item?;
        let name = item.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        if item.file_type() == FileType::Directory {
            dirs.push(name.to_vec());
            continue;
        }
        match rustix::fs::unlinkat(fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR | Errno::PERM) => dirs.push(name.to_vec()),
            Err(errno) => return Err(errno),
        }
    }
    Ok(dirs)
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        explain("")(errno)
    }
}
