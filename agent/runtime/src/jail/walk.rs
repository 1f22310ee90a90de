//! Walking down a tree by handles, with the caller deciding what is entered.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, Stat};
use rustix::io::Errno;

use super::tree::MAX_DEPTH;
use super::{Error, Kind, Result, explain, kind, open_dir_at};

struct Level {
    fd: OwnedFd,
    dir: Dir,
    path: String,
}

/// One entry, not followed.
pub(super) struct Found {
    /// From where the walk began; bytes that are no UTF-8 as U+FFFD.
    pub path: String,
    /// As the disk has it.
    pub name: Vec<u8>,
    pub stat: Stat,
    pub kind: Kind,
}

/// See the module. Temporary files of ours are passed over, and so is what vanishes while one looks.
pub(super) struct Walk {
    stack: Vec<Level>,
}

impl Walk {
    /// Of what is in the directory `fd`, which is readable. `path` stands before each entry's own.
    pub fn of(fd: OwnedFd, path: &str) -> Result<Self> {
        let dir = Dir::read_from(&fd).map_err(explain(path))?;
        let path = path.to_owned();
        Ok(Self {
            stack: vec![Level { fd, dir, path }],
        })
    }

    /// Directories above what was found last, the first one counted.
    pub fn depth(&self) -> usize {
        self.stack.len()
    }

    /// The directory that what was found last stands in.
    pub fn here(&self) -> Option<BorrowedFd<'_>> {
        self.stack.last().map(|level| level.fd.as_fd())
    }

    /// The next entry, `None` at the end of all.
    pub fn next(&mut self) -> Result<Option<Found>> {
        while let Some(level) = self.stack.last_mut() {
            // A directory that can't be read further was removed under us.
            let Some(Ok(item)) = level.dir.next() else {
                self.stack.pop();
                continue;
            };
            let name = item.file_name().to_bytes();
            if name == b"." || name == b".." || super::write::is_temporary(name) {
                continue;
            }
            let stat = match rustix::fs::statat(&level.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(explain(&level.path)(errno)),
            };
            let path = join(&level.path, &String::from_utf8_lossy(name));
            return Ok(Some(Found {
                path,
                name: name.to_vec(),
                kind: kind(&stat),
                stat,
            }));
        }
        Ok(None)
    }

    /// Goes on inside a directory that was found last. False: it is none any more.
    /// # Errors
    /// `TooDeep`.
    pub fn enter(&mut self, found: &Found) -> Result<bool> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Error::TooDeep(format!("/{}", found.path)));
        }
        let Some(level) = self.stack.last() else {
            return Ok(false);
        };
        let fd = match open_dir_at(level.fd.as_fd(), &found.name) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
            Err(errno) => return Err(explain(&found.path)(errno)),
        };
        let dir = Dir::read_from(&fd).map_err(explain(&found.path))?;
        let path = found.path.clone();
        self.stack.push(Level { fd, dir, path });
        Ok(true)
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    match path.is_empty() {
        true => name.to_owned(),
        false => format!("{path}/{name}"),
    }
}
