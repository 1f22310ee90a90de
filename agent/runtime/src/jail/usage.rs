//! Disk usage, a few thousand entries at a time.

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags};

use super::tree::MAX_DEPTH;
use super::{Jail, Kind, RelPath, Result, explain, kind, open_dir_at};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// What the files occupy on disk, holes not counted, hard links once.
    pub disk_bytes: u64,
    pub entries: u64,
}

/// What the file system below the root has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    pub total_bytes: u64,
    /// For those who are not root.
    pub free_bytes: u64,
    pub total_files: u64,
    pub free_files: u64,
}

/// A scan that can be continued: the caller decides how much work one turn may be.
pub struct UsageScan {
    stack: Vec<(OwnedFd, Dir)>,
    linked: HashSet<(u64, u64)>,
    usage: Usage,
}

impl Jail {
    /// How much there is below the root, and how much of it is free.
    pub fn room(&self) -> Result<Room> {
        let fd = self.open_beneath(
            &RelPath::root(),
            OFlags::RDONLY | OFlags::DIRECTORY,
            Mode::empty(),
        )?;
        let has = rustix::fs::fstatvfs(&fd).map_err(explain("/"))?;
        Ok(Room {
            total_bytes: has.f_blocks.saturating_mul(has.f_frsize),
            free_bytes: has.f_bavail.saturating_mul(has.f_frsize),
            total_files: has.f_files,
            free_files: has.f_favail,
        })
    }

    /// Starts a scan of everything below the root.
    pub fn usage_scan(&self) -> Result<UsageScan> {
        self.usage_scan_of(&RelPath::root())
    }

    /// Starts a scan of everything below a directory.
    pub fn usage_scan_of(&self, path: &RelPath) -> Result<UsageScan> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = self.open_beneath(path, flags, Mode::empty())?;
        let dir = Dir::read_from(&fd).map_err(explain(path.as_str()))?;
        Ok(UsageScan {
            stack: vec![(fd, dir)],
            linked: HashSet::new(),
            usage: Usage::default(),
        })
    }
}

impl UsageScan {
    /// What was seen so far.
    pub fn so_far(&self) -> Usage {
        self.usage
    }

    /// Looks at up to `entries` more. `Some` once all was seen.
    pub fn step(&mut self, entries: usize) -> Result<Option<Usage>> {
        for _ in 0..entries {
            let Some((fd, dir)) = self.stack.last_mut() else {
                return Ok(Some(self.usage));
            };
            let Some(item) = dir.next() else {
                self.stack.pop();
                continue;
            };
            let Ok(item) = item else {
                // The directory was removed under us.
                self.stack.pop();
                continue;
            };
            let name = item.file_name();
            if name.to_bytes() == b"." || name.to_bytes() == b".." {
                continue;
            }
            let Ok(stat) = rustix::fs::statat(&*fd, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            self.usage.entries += 1;
            let is_dir = kind(&stat) == Kind::Directory;
            if is_dir || stat.st_nlink < 2 || self.linked.insert((stat.st_dev, stat.st_ino)) {
                let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
                self.usage.disk_bytes += blocks * 512;
            }
            if is_dir && self.stack.len() < MAX_DEPTH {
                self.enter(name.to_bytes());
            }
        }
        Ok(None)
    }

    fn enter(&mut self, name: &[u8]) {
        let Some((fd, _)) = self.stack.last() else {
            return;
        };
        // Gone or swapped since: its bytes are not there to be counted.
        let Ok(fd) = open_dir_at(fd.as_fd(), name) else {
            return;
        };
        if let Ok(dir) = Dir::read_from(&fd) {
            self.stack.push((fd, dir));
        }
    }
}
