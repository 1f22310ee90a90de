//! Directories of this machine that are not ours and that a container is to see. Others may write in them, games too:
//! what a path names can change at any moment, also while a container is made, and the engine mounts by path.
//!
//! So a directory is opened once, without following a symlink anywhere, and held. When the container's mounts are made
//! and before anything in it runs, what is mounted there is compared with what is held.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, ResolveFlags, StatVfsMountFlags};
use rustix::io::Errno;

use crate::runtime::{Error, HostDirProblem, HostMount, Result};

/// A directory, held open. What is put in its place later is another one.
#[derive(Debug, Clone)]
pub struct HostDir {
    path: PathBuf,
    handle: Arc<OwnedFd>,
}

/// Who may do what in it, as far as its mode says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    pub read: bool,
    pub write: bool,
}

fn problem(path: &Path, problem: HostDirProblem) -> Error {
    Error::HostDir {
        path: path.display().to_string(),
        problem,
    }
}

fn explain(path: &Path) -> impl FnOnce(Errno) -> Error {
    move |errno| {
        let known = match errno {
            Errno::NOENT => HostDirProblem::Missing,
            Errno::LOOP => HostDirProblem::Symlink,
            Errno::NOTDIR => HostDirProblem::NotADirectory,
            // A seccomp filter that does not know the call answers EPERM.
            Errno::NOSYS | Errno::PERM => HostDirProblem::NoOpenat2,
            errno => {
                let what = format!("open {}", path.display());
                return Error::io(what)(errno.into());
            }
        };
        problem(path, known)
    }
}

fn same(a: impl AsFd, b: impl AsFd) -> rustix::io::Result<bool> {
    let (a, b) = (rustix::fs::fstat(a)?, rustix::fs::fstat(b)?);
    Ok((a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
}

impl HostDir {
    /// Opens a directory by its absolute path. No part of the path may be a symlink: so the path is where it really is,
    /// and what lies below an allowed directory by its name does so on the disk.
    /// # Errors
    /// `HostDir` with what is wrong.
    pub fn open(path: &Path) -> Result<Self> {
        let handle = Self::handle(path)?;
        Ok(Self {
            path: path.to_owned(),
            handle: Arc::new(handle),
        })
    }

    fn handle(path: &Path) -> Result<OwnedFd> {
        // Without NOFOLLOW: with it, a symlink at the end would only be "no directory".
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 0;
        loop {
            match rustix::fs::openat2(rustix::fs::CWD, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN) if tries < 64 => tries += 1,
                other => return other.map_err(explain(path)),
            }
        }
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its mode gives to a user that is in no other group than its own. Access lists may give more or less.
    /// # Errors
    /// The kernel's.
    pub fn reach(&self, uid: u32) -> Result<Reach> {
        let stat = rustix::fs::fstat(&self.handle).map_err(explain(&self.path))?;
        let shift = match (stat.st_uid == uid, stat.st_gid == uid) {
            (true, _) => 6,
            (_, true) => 3,
            _ => 0,
        };
        let bits = (stat.st_mode >> shift) & 0o7;
        Ok(Reach {
            read: bits & 0o5 == 0o5,
            write: bits & 0o3 == 0o3,
        })
    }

    /// Whether its path still names it: a clear word before anything is made.
    /// # Errors
    /// `HostDir`.
    pub fn is_still_there(&self) -> Result<()> {
        let now = Self::handle(&self.path)?;
        match same(&now, &self.handle).map_err(explain(&self.path))? {
            true => Ok(()),
            false => Err(problem(&self.path, HostDirProblem::Exchanged)),
        }
    }
}

/// Whether the container whose first process is `pid` sees what it is to see. Its mounts must be made.
/// # Errors
/// `HostDir` for the first that is another one, or that can be written and must not be.
pub fn verify(pid: u32, mounts: &[HostMount]) -> Result<()> {
    let root = format!("/proc/{pid}/root");
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(&root, flags, Mode::empty()).map_err(explain(Path::new(&root)))?;
    for mount in mounts {
        let path = mount.dir.path();
        let exchanged = |_| problem(path, HostDirProblem::Exchanged);
        // In the container's root whatever the image has put there.
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let seen = rustix::fs::openat2(&root, &mount.target, flags, Mode::empty(), resolve)
            .map_err(exchanged)?;
        if !same(&seen, &mount.dir.handle).map_err(exchanged)? {
            return Err(problem(path, HostDirProblem::Exchanged));
        }
        if mount.read_only && !is_read_only(pid, &seen)? {
            return Err(problem(path, HostDirProblem::Writable));
        }
    }
    Ok(())
}

/// Whether nothing can be written there, nor in what is mounted below.
fn is_read_only(pid: u32, seen: &OwnedFd) -> Result<bool> {
    let read = |path: String| {
        let text = fs::read_to_string(&path);
        text.map_err(Error::io(format!("read {path}")))
    };
    let flags =
        rustix::fs::fstatvfs(seen).map_err(|e| Error::io("ask for mount flags")(e.into()))?;
    if !flags.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Ok(false);
    }
    let info = read(format!("/proc/self/fdinfo/{}", seen.as_raw_fd()))?;
    let id = info.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    let Some(id) = id.and_then(|id| id.trim().parse::<u64>().ok()) else {
        return Ok(false);
    };
    Ok(all_read_only(&read(format!("/proc/{pid}/mountinfo"))?, id))
}

/// By the ids of mounts: a path there could be spelled by others.
fn all_read_only(mountinfo: &str, top: u64) -> bool {
    let mut below: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let mut writable = BTreeSet::new();
    for line in mountinfo.lines() {
        let mut fields = line.split(' ');
        let mut number = || fields.next()?.parse::<u64>().ok();
        let (Some(id), Some(parent)) = (number(), number()) else {
            return false;
        };
        below.entry(parent).or_default().push(id);
        let options = fields.nth(3).unwrap_or_default();
        // The options of the file system itself are the last.
        let own = line.rsplit(' ').next().unwrap_or_default();
        let read_only = |options: &str| options.split(',').any(|o| o == "ro");
        if !read_only(options) && !read_only(own) {
            writable.insert(id);
        }
    }
    let (mut open, mut seen) = (vec![top], BTreeSet::new());
    while let Some(id) = open.pop() {
        if writable.contains(&id) {
            return false;
        }
        if seen.insert(id) {
            open.extend(below.get(&id).into_iter().flatten());
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::symlink;

    use super::*;

    fn problem_of(path: &Path) -> HostDirProblem {
        match HostDir::open(path).unwrap_err() {
            Error::HostDir { problem, .. } => problem,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_directory_is_opened_only_where_it_really_is() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("real/deep")).unwrap();
        fs::write(at("real/file"), "x").unwrap();
        symlink(at("real"), at("link")).unwrap();
        symlink("/etc", at("real/etc")).unwrap();
        HostDir::open(&at("real/deep")).unwrap();
        assert_eq!(problem_of(&at("none")), HostDirProblem::Missing);
        assert_eq!(problem_of(&at("real/file")), HostDirProblem::NotADirectory);
        assert_eq!(problem_of(&at("real/etc")), HostDirProblem::Symlink);
        assert_eq!(problem_of(&at("link/deep")), HostDirProblem::Symlink);
        assert_eq!(
            problem_of(Path::new("/proc/self/cwd")),
            HostDirProblem::Symlink
        );
    }

    #[test]
    fn what_takes_its_place_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("maps");
        fs::create_dir(&path).unwrap();
        let held = HostDir::open(&path).unwrap();
        held.is_still_there().unwrap();
        let code = |held: &HostDir| held.is_still_there().unwrap_err().code();
        fs::rename(&path, dir.path().join("aside")).unwrap();
        assert_eq!(code(&held), "mount_missing");
        fs::create_dir(&path).unwrap();
        assert_eq!(code(&held), "mount_exchanged");
        fs::remove_dir(&path).unwrap();
        symlink("/etc", &path).unwrap();
        assert_eq!(code(&held), "mount_symlink");
        fs::remove_file(&path).unwrap();
        fs::rename(dir.path().join("aside"), &path).unwrap();
        held.is_still_there().unwrap();
    }

    #[test]
    fn one_writable_mount_below_is_found_wherever_it_hangs() {
        let info = "1 0 8:1 / / rw - ext4 /dev/a rw\n\
            20 1 8:1 /maps /mnt/maps ro,nosuid - ext4 /dev/a rw\n\
            21 20 8:2 / /mnt/maps/deep ro - ext4 /dev/b rw\n\
            22 21 8:3 / /mnt/maps/deep/er rw - squashfs /dev/c ro\n\
            30 1 8:4 / /mnt/other rw - ext4 /dev/d rw\n";
        assert!(all_read_only(info, 20));
        let more =
            format!("{info}23 22 8:5 / /mnt/maps/deep/er/est rw,nodev shared:3 - tmpfs none rw\n");
        assert!(!all_read_only(&more, 20));
        assert!(!all_read_only(info, 30) && !all_read_only("nonsense", 20));
    }
}
