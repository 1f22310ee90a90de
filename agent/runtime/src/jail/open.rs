//! Files held open by somebody far away: read and written at any place.

use std::fs::File;
use std::os::fd::AsFd;
use std::time::SystemTime;

use rustix::fs::{Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::{Entry, Error, Jail, Kind, RelPath, Result, entry, explain, kind, own_name};

/// How a file is opened in place.
#[derive(Debug, Clone, Copy, Default)]
pub struct Access {
    pub read: bool,
    pub write: bool,
    /// Make it if it is not there.
    pub create: bool,
    /// Only if it is not there.
    pub exclusive: bool,
    /// Make missing directories above.
    pub parents: bool,
    /// uid and gid of what is made; `None` leaves it with the agent.
    pub owner: Option<(u32, u32)>,
    /// Permission bits of a new file, 0644 if not given.
    pub mode: Option<u32>,
}

/// Set on an open file; what is `None` stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes {
    pub size_bytes: Option<u64>,
    pub mode: Option<u32>,
    pub modified: Option<SystemTime>,
    pub accessed: Option<SystemTime>,
}

impl Jail {
    /// Opens a regular file. Symlinks are followed as long as they stay inside. Says whether the file was made.
    /// # Errors
    /// `Exists` for `exclusive`, `NotAFile` for FIFOs, sockets and devices, `IsDirectory`, `Outside`.
    pub fn open_in_place(&self, path: &RelPath, access: Access) -> Result<(File, bool)> {
        let flags = OFlags::NONBLOCK
            | match (access.read, access.write) {
                (_, false) => OFlags::RDONLY,
                (false, true) => OFlags::WRONLY,
                (true, true) => OFlags::RDWR,
            };
        let mut tries = 0;
        let (fd, created) = loop {
            // It may come and go between the two, but not for ever.
            tries += 1;
            if !access.exclusive {
                match self.open_beneath(path, flags, Mode::empty()) {
                    Err(Error::NotFound(_)) if access.create && tries < 16 => {}
                    Err(Error::Io {
                        errno: Errno::NXIO, ..
                    }) => return Err(Error::NotAFile(path.to_string())),
                    other => break (other?, false),
                }
            }
            if access.parents {
                self.mkdir_all(&path.split().0, access.owner)?;
            }
            let making = flags | OFlags::CREATE | OFlags::EXCL;
            let mode = Mode::from_raw_mode(access.mode.unwrap_or(0o644) & 0o777);
            match self.open_beneath(path, making, mode) {
                // A link that leads to nothing exists and can't be opened: not ours to fill.
                Err(Error::Exists(_)) if !access.exclusive && tries < 16 => {}
                other => break (other?, true),
            }
        };
        let file = File::from(fd);
        let stat = rustix::fs::fstat(&file).map_err(explain(path.as_str()))?;
        match kind(&stat) {
            Kind::File => {}
            Kind::Directory => return Err(Error::IsDirectory(path.to_string())),
            _ => return Err(Error::NotAFile(path.to_string())),
        }
        if created && let Some((uid, gid)) = access.owner {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            rustix::fs::fchown(&file, uid, gid).map_err(explain(path.as_str()))?;
        }
        Ok((file, created))
    }

    /// Where an open file lies below the root, as the kernel knows it; `None` if it lies nowhere there (any more).
    pub fn whereabouts(&self, file: &impl AsFd) -> Option<RelPath> {
        let (root, file) = (name_of(&self.root)?, name_of(file)?);
        let below = file.strip_prefix(&*root)?;
        if below.is_empty() {
            return Some(RelPath::root());
        }
        below.strip_prefix('/')?.parse().ok()
    }
}

/// The kernel's name of an open file. Only looked at, never opened.
fn name_of(fd: &impl AsFd) -> Option<String> {
    let name = rustix::fs::readlink(own_name(fd), Vec::new()).ok()?;
    // What is no UTF-8 is asked for by no rule.
    Some(name.to_string_lossy().into_owned())
}

/// What an open file is now.
pub fn look_at(file: &File, path: &RelPath) -> Result<Entry> {
    let stat = rustix::fs::fstat(file).map_err(explain(path.as_str()))?;
    let name = path.name().unwrap_or_default();
    Ok(entry(file.as_fd(), name.as_bytes(), &stat))
}

/// When an open file was last read.
pub fn accessed(file: &File) -> SystemTime {
    let read = file.metadata().and_then(|m| m.accessed());
    read.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Sets what is given.
/// # Errors
/// `NoSpace` and the like.
pub fn set_attributes(file: &File, path: &RelPath, set: Attributes) -> Result<()> {
    let fail = || explain(path.as_str());
    if let Some(size) = set.size_bytes {
        rustix::fs::ftruncate(file, size).map_err(fail())?;
    }
    if let Some(mode) = set.mode {
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode & 0o777)).map_err(fail())?;
    }
    if set.modified.is_some() || set.accessed.is_some() {
        let times = Timestamps {
            last_access: timespec(set.accessed),
            last_modification: timespec(set.modified),
        };
        rustix::fs::futimens(file, &times).map_err(fail())?;
    }
    Ok(())
}

fn timespec(time: Option<SystemTime>) -> Timespec {
    let Some(time) = time else {
        return Timespec {
            tv_sec: 0,
            tv_nsec: rustix::fs::UTIME_OMIT,
        };
    };
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or_default();
    Timespec {
        tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: since.subsec_nanos().into(),
    }
}
