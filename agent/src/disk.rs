//! Files that must survive a power cut: written beside, fsynced, renamed, directory fsynced.
//!
//! Ledger and journal reach them through [`Disk`], so that the simulator can put a disk under them that
//! fails at any call and loses what was not synced.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// First word of every framed file; the number counts formats.
const MAGIC: &str = "warren1";

/// What stood in a framed file was not what had been written.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Damaged: the text says where it breaks off.
    #[error("{} is damaged ({why})", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// Could not be read at all.
    #[error("read {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

/// What is asked of the disk under the data directory.
pub trait Disk: Send + Sync {
    /// Paths in a directory, which is made if there is none.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// All of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Replaces a file in one step; after return it survives a power cut, and so does what was done in its
    /// directory before.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// May come undone by a power cut.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// May come undone by a power cut.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Shortens a file for good.
    fn cut(&self, path: &Path, len: u64) -> io::Result<()>;
    /// Opens a file for appending; a new one survives a power cut, empty.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>>;
}

/// A file that only grows.
pub trait Append: Send {
    /// Adds bytes; after return they survive a power cut. After an error some of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Back to a length.
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

/// The machine's.
#[derive(Debug, Clone, Copy)]
pub struct Local;

impl Disk for Local {
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::create_dir_all(dir).map_err(at("create", dir))?;
        let entries = std::fs::read_dir(dir).map_err(at("list", dir))?;
        let paths = entries.map(|e| e.map(|e| e.path()).map_err(at("list", dir)));
        paths.collect()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path).map_err(at("read", path))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        write_atomic(path, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to).map_err(at("rename", from))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path).map_err(at("remove", path))
    }

    fn cut(&self, path: &Path, len: u64) -> io::Result<()> {
        let file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(at("open", path))?;
        file.set_len(len)
            .and_then(|()| file.sync_all())
            .map_err(at("cut", path))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(at("create", path))?;
        sync_dir(path.parent().unwrap_or(Path::new(".")))?;
        Ok(Box::new(file))
    }
}

impl Append for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.sync_data()
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

/// Adds the path to an I/O error, which names none by itself.
pub fn at(what: &str, path: &Path) -> impl FnOnce(io::Error) -> io::Error + use<> {
    let text = format!("{what} {}", path.display());
    move |e| io::Error::new(e.kind(), format!("{text}: {e}"))
}

/// Replaces `path` in one step with mode 0600; after return it survives a power cut.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = dir.join(format!(".{name}.new"));
    let written = write_beside(&beside, bytes);
    if written.is_err() {
        // On a full disk the half that was written is in the way of what comes next.
        let _ = std::fs::remove_file(&beside);
    }
    written?;
    std::fs::rename(&beside, path).map_err(at("rename to", path))?;
    sync_dir(dir)
}

fn write_beside(beside: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(beside)
        .map_err(at("create", beside))?;
    file.write_all(bytes).map_err(at("write", beside))?;
    file.sync_data().map_err(at("sync", beside))
}

/// Makes renames, creations and removals in `dir` survive a power cut.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(at("sync", dir))
}

/// A body with length and checksum in front, for [`unframe`].
pub fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{MAGIC} {:08x} {}\n", crc32fast::hash(body), body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// [`write_atomic`] of a [`frame`], for [`read_framed`].
pub fn write_framed(path: &Path, body: &[u8]) -> io::Result<()> {
    write_atomic(path, &frame(body))
}

/// The body of a framed file; `None` if there is no such file.
/// # Errors
/// `Corrupt` for anything but exactly what was written.
pub fn read_framed(path: &Path) -> Result<Option<Vec<u8>>, ReadError> {
    read_framed_on(&Local, path)
}

/// [`read_framed`] from any disk.
pub fn read_framed_on(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, ReadError> {
    let bytes = match disk.read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let path = path.to_owned();
            return Err(ReadError::Io { path, source });
        }
    };
    let body = unframe(&bytes).map_err(|why| ReadError::Corrupt {
        path: path.to_owned(),
        why: why.to_owned(),
    })?;
    Ok(Some(body.to_vec()))
}

/// What was framed, or why it can't be that.
fn unframe(bytes: &[u8]) -> Result<&[u8], &'static str> {
    let end = bytes.iter().take(64).position(|b| *b == b'\n');
    let end = end.ok_or("no header")?;
    let header = std::str::from_utf8(&bytes[..end]).map_err(|_| "header is no text")?;
    let mut words = header.split(' ');
    if words.next() != Some(MAGIC) {
        return Err("another format");
    }
    let crc = words.next().and_then(|w| u32::from_str_radix(w, 16).ok());
    let length = words.next().and_then(|w| w.parse::<usize>().ok());
    let body = &bytes[end + 1..];
    if length != Some(body.len()) {
        return Err("length differs");
    }
    if crc != Some(crc32fast::hash(body)) {
        return Err("checksum differs");
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_framed_file_reads_back_and_any_change_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert!(read_framed(&path).unwrap().is_none());
        write_framed(&path, b"hello").unwrap();
        assert_eq!(read_framed(&path).unwrap().unwrap(), b"hello");
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(matches!(read_framed(&path), Err(ReadError::Corrupt { .. })));
        }
        for flip in 0..whole.len() {
            let mut bad = whole.clone();
            bad[flip] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert!(read_framed(&path).is_err(), "byte {flip}");
        }
    }
}
