//! The regular file that a game's terminal is copied into.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

use crate::runtime::{Error, Result};

/// Holes are whole blocks; a partial one would only be overwritten with zeros.
const BLOCK: u64 = 4096;

/// A reader and hole puncher of one spool file. The writer is the shim.
#[derive(Debug)]
pub struct Spool {
    file: File,
    path: PathBuf,
}

/// Bytes of the spool from `offset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Where the bytes begin: later than asked for if a hole was in between.
    pub offset: u64,
    pub bytes: Vec<u8>,
}

impl Spool {
    /// # Errors
    /// `Io` if it does not exist.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(Error::io(format!("open {}", path.display())))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Offset just past the last byte written so far.
    pub fn end(&self) -> Result<u64> {
        Ok(self.metadata()?.len())
    }

    /// Bytes on disk: what is not yet punched away.
    pub fn allocated_bytes(&self) -> Result<u64> {
        Ok(self.metadata()?.blocks() * 512)
    }

    fn metadata(&self) -> Result<std::fs::Metadata> {
        self.file.metadata().map_err(self.fail("look at"))
    }

    /// Up to `max` bytes at or after `offset`, holes skipped, not past a further hole. `None` if
    /// nothing follows yet.
    pub fn read(&self, offset: u64, max: usize) -> Result<Option<Chunk>> {
        let start = match rustix::fs::seek(&self.file, SeekFrom::Data(offset)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Ok(None),
            Err(errno) => return Err(self.fail("seek in")(errno.into())),
        };
        let hole = rustix::fs::seek(&self.file, SeekFrom::Hole(start))
            .map_err(|errno| self.fail("seek in")(errno.into()))?;
        let len = usize::try_from(hole.saturating_sub(start)).map_or(max, |n| n.min(max));
        let mut bytes = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match self
                .file
                .read_at(&mut bytes[filled..], start + filled as u64)
            {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.fail("read")(e)),
            }
        }
        bytes.truncate(filled);
        Ok((filled > 0).then_some(Chunk {
            offset: start,
            bytes,
        }))
    }

    /// Frees the disk below `upto`, rounded down to whole blocks; offsets stay as they are. Returns
    /// the offset up to which nothing is kept.
    pub fn punch(&self, upto: u64) -> Result<u64> {
        let upto = upto.min(self.end()?) / BLOCK * BLOCK;
        if upto == 0 {
            return Ok(0);
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.file, flags, 0, upto) {
            Ok(()) => Ok(upto),
            Err(Errno::OPNOTSUPP) => Err(Error::Unsupported(format!(
                "the filesystem of {} can't punch holes: consoles would fill it; use ext4, xfs, btrfs or tmpfs",
                self.path.display()
            ))),
            Err(errno) => Err(self.fail("punch")(errno.into())),
        }
    }

    /// Sets disk aside for the next `ahead` bytes, so that a disk that others fill does not end the writer: the shim
    /// gives up a console for good at the first failed write.
    /// # Errors
    /// `DiskFull`. A filesystem that can't do it is no error.
    pub fn reserve(&self, ahead: u64) -> Result<()> {
        let from = self.end()? / BLOCK * BLOCK;
        match rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, from, ahead + BLOCK) {
            Ok(()) | Err(Errno::OPNOTSUPP) => Ok(()),
            Err(Errno::NOSPC | Errno::DQUOT) => Err(Error::DiskFull(format!(
                "no room for console output: the disk of {} is full; free space on it",
                self.path.display()
            ))),
            Err(errno) => Err(self.fail("reserve disk for")(errno.into())),
        }
    }

    /// Gives back what was set aside. Only once nobody writes any more.
    pub fn release(&self) -> Result<()> {
        let end = self.end()?;
        self.file.set_len(end).map_err(self.fail("trim"))
    }

    fn fail(&self, verb: &str) -> impl FnOnce(std::io::Error) -> Error + use<> {
        Error::io(format!("{verb} {}", self.path.display()))
    }
}

/// Bytes that an unprivileged writer could still write on the filesystem of `path`.
pub fn free_bytes(path: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(path)
        .map_err(|e| Error::io(format!("free space of {}", path.display()))(e.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spool(bytes: &[u8]) -> (tempfile::TempDir, Spool) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        std::fs::write(&path, bytes).unwrap();
        let spool = Spool::open(&path).unwrap();
        (dir, spool)
    }

    #[test]
    fn a_range_is_what_was_written_there() {
        let (_dir, spool) = spool(b"hello world");
        let chunk = spool.read(6, 3).unwrap().unwrap();
        assert_eq!((chunk.offset, chunk.bytes.as_slice()), (6, &b"wor"[..]));
        assert_eq!(spool.read(11, 10).unwrap(), None);
        assert_eq!(spool.read(1 << 40, 10).unwrap(), None);
    }

    #[test]
    fn punching_frees_disk_and_keeps_every_offset() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8 + 1).collect();
        let (_dir, spool) = spool(&bytes);
        spool.file.sync_all().unwrap();
        let before = spool.allocated_bytes().unwrap();
        assert_eq!(spool.punch(50_000).unwrap(), 49_152);
        assert!(spool.allocated_bytes().unwrap() < before);
        assert_eq!(spool.end().unwrap(), 100_000);
        let chunk = spool.read(0, 10).unwrap().unwrap();
        assert_eq!(chunk.offset, 49_152);
        assert_eq!(chunk.bytes, bytes[49_152..49_162]);
    }

    #[test]
    fn a_writer_at_its_own_offset_is_not_disturbed() {
        let (dir, spool) = spool(&[b'a'; 8192]);
        let writer = OpenOptions::new()
            .write(true)
            .open(dir.path().join("out"))
            .unwrap();
        spool.punch(8192).unwrap();
        writer.write_at(b"next", 8192).unwrap();
        let chunk = spool.read(0, 100).unwrap().unwrap();
        assert_eq!((chunk.offset, chunk.bytes.as_slice()), (8192, &b"next"[..]));
    }

    #[test]
    fn what_is_set_aside_is_not_seen_and_comes_back() {
        let (dir, spool) = spool(b"begin ");
        spool.reserve(1 << 20).unwrap();
        assert_eq!(spool.end().unwrap(), 6);
        assert!(spool.allocated_bytes().unwrap() >= 1 << 20);
        let path = dir.path().join("out");
        let writer = OpenOptions::new().write(true).open(path).unwrap();
        writer.write_at(b"end", 6).unwrap();
        let chunk = spool.read(0, 100).unwrap().unwrap();
        assert_eq!(chunk.bytes, b"begin end");
        assert_eq!(spool.read(9, 100).unwrap(), None);
        spool.release().unwrap();
        assert_eq!(spool.end().unwrap(), 9);
        assert!(spool.allocated_bytes().unwrap() < 64 << 10);
    }

    #[test]
    fn free_space_is_known() {
        assert!(free_bytes(Path::new("/")).unwrap() > 0);
    }
}
