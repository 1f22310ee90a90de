//! Reading files.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{ETag, Error, Jail, Kind, RelPath, Result, etag, explain, kind};

/// A piece of a file, and what the file was at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRange {
    pub bytes: Vec<u8>,
    pub size_bytes: u64,
    pub etag: ETag,
}

impl Jail {
    /// Opens a regular file for reading; symlinks are followed as long as they stay inside.
    /// # Errors
    /// `NotAFile` for FIFOs, sockets and devices, `IsDirectory`, `Outside`.
    pub fn open_file(&self, path: &RelPath) -> Result<File> {
        // NONBLOCK: a FIFO that the game left here must not hold this thread.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let fd = match self.open_beneath(path, flags, Mode::empty()) {
            Err(Error::Io {
                errno: Errno::NXIO, ..
            }) => return Err(Error::NotAFile(path.to_string())),
            other => other?,
        };
        let stat = rustix::fs::fstat(&fd).map_err(explain(path.as_str()))?;
        match kind(&stat) {
            Kind::File => Ok(File::from(fd)),
            Kind::Directory => Err(Error::IsDirectory(path.to_string())),
            _ => Err(Error::NotAFile(path.to_string())),
        }
    }

    /// Up to `len` bytes from `offset`; fewer at the end of the file.
    pub fn read_range(&self, path: &RelPath, offset: u64, len: usize) -> Result<ReadRange> {
        let file = self.open_file(path)?;
        let stat = rustix::fs::fstat(&file).map_err(explain(path.as_str()))?;
        let size_bytes = u64::try_from(stat.st_size).unwrap_or(0);
        let wanted = size_bytes.saturating_sub(offset).min(len as u64);
        let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(len)];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(io(path, &e)),
            }
        }
        bytes.truncate(filled);
        Ok(ReadRange {
            bytes,
            size_bytes,
            etag: etag(&stat),
        })
    }

    /// A whole file, if it is no larger than `limit` bytes.
    /// # Errors
    /// `TooLarge` with the real size.
    pub fn read(&self, path: &RelPath, limit: u64) -> Result<ReadRange> {
        let len = usize::try_from(limit).unwrap_or(usize::MAX);
        let read = self.read_range(path, 0, len)?;
        if read.size_bytes > limit {
            return Err(Error::TooLarge {
                path: path.to_string(),
                size: read.size_bytes,
                limit,
            });
        }
        Ok(read)
    }
}

pub(super) fn io(path: &RelPath, error: &std::io::Error) -> Error {
    let errno = error
        .raw_os_error()
        .map_or(Errno::IO, Errno::from_raw_os_error);
    explain(path.as_str())(errno)
}
