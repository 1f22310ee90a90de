//! A server's files as they leave for another machine, and as they arrive there: names are bytes, as the disk has them,
//! no symlink is ever followed, and one directory is entered at a time, so that no path is too long.
//!
//! What egg and people keep from each other plays no part here: all of it is moved.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::SystemTime;

use rustix::fs::{
    AtFlags, FallocateFlags, Gid, Mode, OFlags, ResolveFlags, SeekFrom, Stat, Timespec, Timestamps,
    Uid,
};
use rustix::io::Errno;

use super::tree::MAX_DEPTH;
use super::walk::Walk;
use super::{Error, Jail, Kind, Result, explain, open_dir_at};

/// Changed less than this before the look: the clock of a file system is coarse, and another change might not show.
const FRESH_NS: i64 = 2_000_000_000;
/// Bits of a mode that are taken along: no setuid, no setgid.
const MODE_BITS: u32 = 0o1777;

/// One entry of a tree, not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cargo {
    /// From the root.
    pub path: Vec<u8>,
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    pub size_bytes: u64,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// Of the last change of content or attributes; nobody can set it.
    pub changed_ns: i64,
    pub inode: u64,
    /// See [`FRESH_NS`].
    pub fresh: bool,
    /// Has holes.
    pub sparse: bool,
    /// Of a symlink.
    pub target: Vec<u8>,
}

/// A whole tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// A directory comes before what is in it.
    pub items: Vec<Cargo>,
    /// FIFOs, sockets and devices, which are of no use elsewhere.
    pub skipped: u64,
}

fn ns(seconds: i64, nanoseconds: u64) -> i64 {
    let rest = i64::try_from(nanoseconds).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

fn bad(path: &[u8]) -> Error {
    Error::BadPath(shown(path))
}

/// The names of a path; what another machine says of it is not believed.
fn names(path: &[u8]) -> Result<Vec<&[u8]>> {
    let names: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
    let good = |name: &&[u8]| {
        !name.is_empty()
            && *name != b"."
            && *name != b".."
            && name.len() <= 255
            && !name.contains(&0)
    };
    match names.len() <= MAX_DEPTH && names.iter().all(good) {
        true => Ok(names),
        false => Err(bad(path)),
    }
}

/// One step down, never through a symlink or onto another file system.
fn step(
    dir: BorrowedFd<'_>,
    name: &[u8],
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let mut tries = 0;
    loop {
        match rustix::fs::openat2(dir, name, flags, mode, resolve) {
            Err(Errno::AGAIN) if tries < 64 => tries += 1,
            other => return other,
        }
    }
}

impl Jail {
    /// Everything below the root. What the page cache holds is written out first: from then on the kernel notes each
    /// further write, also one through a mapping.
    /// # Errors
    /// More than `most` entries, or one that is too deep.
    pub fn manifest(&self, most: usize) -> Result<Manifest> {
        let root = step(
            self.root.as_fd(),
            b".",
            OFlags::RDONLY | OFlags::DIRECTORY,
            Mode::empty(),
        );
        let root = root.map_err(explain("/"))?;
        rustix::fs::syncfs(&root).map_err(explain("/"))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX));
        let mut manifest = Manifest::default();
        // Bytes of the directories on the way, as `Walk` knows them only in words.
        let mut above: Vec<Vec<u8>> = vec![Vec::new()];
        let mut walk = Walk::of(root, "")?;
        while let Some(found) = walk.next()? {
            if found.kind == Kind::Other {
                manifest.skipped += 1;
                continue;
            }
            if manifest.items.len() >= most {
                return Err(Error::TooMany);
            }
            above.truncate(walk.depth());
            let mut path = above.last().cloned().unwrap_or_default();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend(&found.name);
            let target = match (found.kind, walk.here()) {
                (Kind::Symlink, Some(here)) => {
                    let target = rustix::fs::readlinkat(here, &*found.name, Vec::new());
                    target.map(|t| t.into_bytes()).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            manifest
                .items
                .push(cargo(path.clone(), found.kind, &found.stat, target, now));
            if found.kind == Kind::Directory && walk.enter(&found)? {
                above.push(path);
            }
        }
        Ok(manifest)
    }

    /// The directory that holds `path`, and its name there.
    fn stowage<'p>(&self, path: &'p [u8]) -> Result<(OwnedFd, &'p [u8])> {
        let names = names(path)?;
        let (name, above) = names.split_last().ok_or_else(|| bad(path))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let mut dir = step(self.root.as_fd(), b".", flags, Mode::empty());
        for above in above {
            let parent = dir.map_err(explain(&shown(path)))?;
            dir = step(parent.as_fd(), above, flags, Mode::empty());
        }
        Ok((dir.map_err(explain(&shown(path)))?, name))
    }

    /// A regular file, to be read.
    pub fn unload(&self, path: &[u8]) -> Result<File> {
        let (dir, name) = self.stowage(path)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        regular(step(dir.as_fd(), name, flags, Mode::empty()), path)
    }

    /// A regular file, to be written; made if it is not there. Says whether it was.
    pub fn stow(&self, path: &[u8], uid: u32) -> Result<(File, bool)> {
        let (dir, name) = self.stowage(path)?;
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY;
        match step(dir.as_fd(), name, flags, Mode::empty()) {
            Err(Errno::NOENT) => {}
            found => return Ok((regular(found, path)?, false)),
        }
        let making = flags | OFlags::CREATE | OFlags::EXCL;
        let made = step(dir.as_fd(), name, making, Mode::from_raw_mode(0o600));
        let file = regular(made, path)?;
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)));
        rustix::fs::fchown(&file, uid, gid).map_err(explain(&shown(path)))?;
        Ok((file, true))
    }

    /// A directory, which may be there.
    pub fn stow_directory(&self, path: &[u8], uid: u32) -> Result<()> {
        let (dir, name) = self.stowage(path)?;
        match rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(0o700)) {
            Ok(()) => own(&dir, name, uid, path),
            Err(Errno::EXIST) => {
                let stat = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW);
                match super::kind(&stat.map_err(explain(&shown(path)))?) {
                    Kind::Directory => Ok(()),
                    _ => Err(Error::NotADirectory(shown(path))),
                }
            }
            Err(errno) => Err(explain(&shown(path))(errno)),
        }
    }

    /// A symlink, in place of one that leads elsewhere. Where it leads is the game's business: nobody follows it here.
    pub fn stow_link(&self, path: &[u8], target: &[u8], uid: u32) -> Result<()> {
        let (dir, name) = self.stowage(path)?;
        if target.is_empty() || target.len() > 4095 || target.contains(&0) {
            return Err(bad(path));
        }
        let there = rustix::fs::readlinkat(&dir, name, Vec::new());
        match there {
            Ok(there) if there.as_bytes() == target => return Ok(()),
            Ok(_) => {
                rustix::fs::unlinkat(&dir, name, AtFlags::empty()).map_err(explain(&shown(path)))?
            }
            Err(_) => {}
        }
        rustix::fs::symlinkat(target, &dir, name).map_err(explain(&shown(path)))?;
        own(&dir, name, uid, path)
    }

    /// Removes what is at `path`, a directory with all that is in it. What is not there is removed.
    pub fn jettison(&self, path: &[u8]) -> Result<()> {
        let (dir, name) = match self.stowage(path) {
            Err(Error::NotFound(_) | Error::NotADirectory(_) | Error::Outside(_)) => return Ok(()),
            found => found?,
        };
        let stat = match rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            stat => stat.map_err(explain(&shown(path)))?,
        };
        if super::kind(&stat) != Kind::Directory {
            return match rustix::fs::unlinkat(&dir, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(errno) => Err(explain(&shown(path))(errno)),
            };
        }
        clear(dir.as_fd(), name, 0).map_err(explain(&shown(path)))
    }

    /// Mode and time of what is at `path`; a symlink has none of its own.
    pub fn label(&self, path: &[u8], mode: u32, modified_ns: i64) -> Result<()> {
        let (dir, name) = self.stowage(path)?;
        let text = shown(path);
        let fail = || explain(&text);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = step(dir.as_fd(), name, flags, Mode::empty()).map_err(fail())?;
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode & MODE_BITS)).map_err(fail())?;
        let modified = Timespec {
            tv_sec: modified_ns.div_euclid(1_000_000_000),
            tv_nsec: modified_ns.rem_euclid(1_000_000_000),
        };
        let times = Timestamps {
            last_access: modified,
            last_modification: modified,
        };
        rustix::fs::futimens(&fd, &times).map_err(fail())
    }

    /// Everything that was written below the root is on the disk when this returns.
    pub fn sync(&self) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(&self.root, ".", flags, Mode::empty());
        rustix::fs::syncfs(root.map_err(explain("/"))?).map_err(explain("/"))
    }

    /// What is free on its disk, bytes.
    pub fn free_bytes(&self) -> Result<u64> {
        Ok(self.room()?.free_bytes)
    }
}

fn cargo(path: Vec<u8>, kind: Kind, stat: &Stat, target: Vec<u8>, now: i64) -> Cargo {
    let changed_ns = ns(stat.st_ctime, stat.st_ctime_nsec);
    let size_bytes = match kind {
        Kind::File => u64::try_from(stat.st_size).unwrap_or(0),
        _ => 0,
    };
    let on_disk = u64::try_from(stat.st_blocks)
        .unwrap_or(0)
        .saturating_mul(512);
    Cargo {
        path,
        kind,
        mode: stat.st_mode & MODE_BITS,
        size_bytes,
        modified_ns: ns(stat.st_mtime, stat.st_mtime_nsec),
        changed_ns,
        inode: stat.st_ino,
        // One from the future too: a clock was set back.
        fresh: changed_ns > now - FRESH_NS,
        sparse: kind == Kind::File && on_disk < size_bytes,
        target,
    }
}

fn regular(opened: rustix::io::Result<OwnedFd>, path: &[u8]) -> Result<File> {
    let file = File::from(opened.map_err(explain(&shown(path)))?);
    let stat = rustix::fs::fstat(&file).map_err(explain(&shown(path)))?;
    match super::kind(&stat) {
        Kind::File => Ok(file),
        Kind::Directory => Err(Error::IsDirectory(shown(path))),
        _ => Err(Error::NotAFile(shown(path))),
    }
}

fn own(dir: &OwnedFd, name: &[u8], uid: u32, path: &[u8]) -> Result<()> {
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)));
    rustix::fs::chownat(dir, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(explain(&shown(path)))
}

fn clear(parent: BorrowedFd<'_>, name: &[u8], depth: usize) -> rustix::io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(Errno::LOOP);
    }
    let dir = open_dir_at(parent, name)?;
    let entries = rustix::fs::Dir::read_from(&dir)?;
    for entry in entries {
        let entry = entry?;
        let inner = entry.file_name().to_bytes();
        if inner == b"." || inner == b".." {
            continue;
        }
        let stat = rustix::fs::statat(&dir, inner, AtFlags::SYMLINK_NOFOLLOW)?;
        match super::kind(&stat) {
            Kind::Directory => clear(dir.as_fd(), inner, depth + 1)?,
            _ => rustix::fs::unlinkat(&dir, inner, AtFlags::empty())?,
        }
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)
}

/// Where a file has bytes: offset and length each. At most so many; the last one then reaches to the end.
pub fn extents(file: &File, most: usize) -> std::io::Result<Vec<(u64, u64)>> {
    let size = file.metadata()?.len();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < size {
        let from = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(from) => from,
            Err(Errno::NXIO) => break,
            Err(errno) => return Err(errno.into()),
        };
        let end = match found.len() + 1 >= most {
            true => size,
            false => rustix::fs::seek(file, SeekFrom::Hole(from))?,
        };
        if from >= size || end <= from {
            break;
        }
        found.push((from, end.min(size) - from));
        at = end;
    }
    Ok(found)
}

/// Makes a hole; where the file system has none, zeros.
pub fn punch(file: &File, offset: u64, length: u64) -> std::io::Result<()> {
    if length == 0 {
        return Ok(());
    }
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match rustix::fs::fallocate(file, flags, offset, length) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(rustix::fs::fallocate(
            file,
            FallocateFlags::ZERO_RANGE,
            offset,
            length,
        )?),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};

    fn me() -> u32 {
        rustix::process::getuid().as_raw()
    }

    #[test]
    fn all_of_a_tree_is_named_whatever_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let strange = OsStr::from_bytes(b"no\xffutf8\n");
        std::fs::create_dir_all(dir.path().join(strange).join("deep")).unwrap();
        std::fs::write(dir.path().join(strange).join("deep/file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            dir.path().join("fifo"),
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o644),
            0,
        )
        .unwrap();
        let jail = Jail::open(dir.path()).unwrap();
        let manifest = jail.manifest(100).unwrap();
        assert_eq!(manifest.skipped, 1);
        let mut paths: Vec<&[u8]> = manifest.items.iter().map(|i| &*i.path).collect();
        paths.sort();
        let deep: &[u8] = b"no\xffutf8\n/deep";
        let file: &[u8] = b"no\xffutf8\n/deep/file";
        assert_eq!(paths, [b"link", &b"no\xffutf8\n"[..], deep, file]);
        let link = manifest.items.iter().find(|i| i.path == b"link").unwrap();
        assert_eq!(
            (link.kind, &*link.target),
            (Kind::Symlink, &b"/etc/passwd"[..])
        );
        assert!(jail.manifest(3).is_err());
        assert!(jail.unload(file).is_ok());
        assert!(jail.unload(b"link").is_err());
    }

    #[test]
    fn what_another_machine_names_stays_inside() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let jail = Jail::open(dir.path()).unwrap();
        let target = outside.path().as_os_str().as_bytes();
        jail.stow_link(b"way", target, me()).unwrap();
        let long = vec![b'a'; 256];
        for bad in [
            &b"../x"[..],
            b"/etc/x",
            b"a/../x",
            b"",
            b"a//b",
            b"./a",
            b"a\0b",
            b"way/secret",
            b"way/new",
            &long,
        ] {
            assert!(jail.stow(bad, me()).is_err(), "{bad:?}");
            assert!(jail.stow_directory(bad, me()).is_err(), "{bad:?}");
            assert!(jail.unload(bad).is_err(), "{bad:?}");
            assert!(jail.label(bad, 0o777, 0).is_err(), "{bad:?}");
        }
        assert!(jail.stow(b"way", me()).is_err());
        jail.jettison(b"way/secret").unwrap();
        jail.jettison(b"way").unwrap();
        let left: Vec<_> = std::fs::read_dir(outside.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_entry_arrives_with_mode_time_and_holes() {
        let dir = tempfile::tempdir().unwrap();
        let jail = Jail::open(dir.path()).unwrap();
        jail.stow_directory(b"world", me()).unwrap();
        let (file, made) = jail.stow(b"world/region", me()).unwrap();
        assert!(made);
        file.set_len(64 << 20).unwrap();
        file.write_at(b"bytes", 32 << 20).unwrap();
        let found = extents(&file, 100).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].0 <= 32 << 20 && found[0].1 <= 1 << 20);
        punch(&file, found[0].0, found[0].1).unwrap();
        assert_eq!(extents(&file, 100).unwrap(), []);
        jail.label(b"world/region", 0o4755, 1_700_000_000_123_456_789)
            .unwrap();
        let meta = std::fs::metadata(dir.path().join("world/region")).unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, 0o755);
        assert_eq!(
            (meta.mtime(), meta.mtime_nsec()),
            (1_700_000_000, 123_456_789)
        );
        assert_eq!(meta.len(), 64 << 20);
        let manifest = jail.manifest(10).unwrap();
        let region = &manifest.items[1];
        assert!(region.sparse && region.fresh);
        jail.jettison(b"world").unwrap();
        assert_eq!(jail.manifest(10).unwrap(), Manifest::default());
    }
}
