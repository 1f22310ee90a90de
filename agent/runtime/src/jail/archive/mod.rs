//! Archives: looked into, unpacked and made as streams, all of it through the jail.
//!
//! An archive is what somebody else wrote. Its sizes are counted and never believed, its paths are paths below the place
//! where it is unpacked or the whole is refused, its links are made last, so that nothing is written through one, and
//! what is unpacked stands under a hidden name until all of it is there.

mod browse;
mod extract;
mod merge;
mod pack;
mod read;
mod read_seven;
mod read_tar;
mod read_zip;
mod staging;
mod writers;
mod zip;

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

pub use self::zip::Zip;
pub use browse::Folder;
pub use extract::{Extract, Extracted, Unpacked};
pub use merge::Existing;
pub use pack::{Pack, Packed};
pub use writers::{Whole, pack_level};

use super::Error;

/// What can be read, and, but for [`Format::Single`], made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Zip,
    SevenZ,
    Tar,
    Packed(Compression),
    /// One file, compressed.
    Single(Compression),
}

/// Of a stream of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

impl Format {
    /// The word in messages: the ending of such a file.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "zip" => Some(Self::Zip),
            "7z" => Some(Self::SevenZ),
            "tar" => Some(Self::Tar),
            "tar.gz" => Some(Self::Packed(Compression::Gzip)),
            "tar.bz2" => Some(Self::Packed(Compression::Bzip2)),
            "tar.xz" => Some(Self::Packed(Compression::Xz)),
            "tar.zst" => Some(Self::Packed(Compression::Zstd)),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::SevenZ => "7z",
            Self::Tar => "tar",
            Self::Packed(Compression::Gzip) => "tar.gz",
            Self::Packed(Compression::Bzip2) => "tar.bz2",
            Self::Packed(Compression::Xz) => "tar.xz",
            Self::Packed(Compression::Zstd) => "tar.zst",
            Self::Single(Compression::Gzip) => "gz",
            Self::Single(Compression::Bzip2) => "bz2",
            Self::Single(Compression::Xz) => "xz",
            Self::Single(Compression::Zstd) => "zst",
        }
    }
}

/// One entry, as the archive has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Bytes that are no UTF-8 as U+FFFD.
    pub path: String,
    pub what: What,
    /// As it says itself: shown, never believed.
    pub size_bytes: u64,
    pub mode: Option<u32>,
    pub modified: Option<SystemTime>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    File,
    /// What is read of it are its parts, one behind the other.
    Sparse(Parts),
    Directory,
    /// To where its text says.
    Symlink(String),
    /// To an entry of the same archive that came before.
    Hardlink(String),
    /// What is never made, by its name: "device", "fifo", "encrypted file".
    Refused(&'static str),
}

/// A file with holes, of which only the rest is in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// With its holes.
    pub size_bytes: u64,
    /// Where each begins and how long it is: ascending, none over another, none beyond the size.
    pub at: Vec<(u64, u64)>,
}

/// How much one archive may become.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Times its own size, once it is beyond [`Self::harmless`].
    pub ratio: u64,
    pub harmless: u64,
    /// Directories below one another.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ratio: 200,
            harmless: 64 << 20,
            depth: 100,
        }
    }
}

/// How far work on an archive is, for somebody who looks on from another thread.
#[derive(Debug, Default)]
pub struct Tally {
    /// Made or packed.
    entries: AtomicU64,
    /// Read: of the archive that is unpacked, or of the files that are packed.
    read: AtomicU64,
    /// To be read, as far as is known.
    total: AtomicU64,
    /// Written to the disk.
    written: AtomicU64,
}

impl Tally {
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Never more than [`Self::total`]: an archive may be read twice in places.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed).min(self.total())
    }

    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    fn expect(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    fn has_read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    fn has_written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    fn one_more(&self) {
        self.entries.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Magic {
    Zip,
    SevenZ,
    Tar,
    Compressed(Compression),
}

impl Magic {
    /// By what is in it, whatever its name.
    fn of(file: &File) -> Option<Self> {
        let mut head = [0; 512];
        let mut filled = 0;
        while filled < head.len() {
            match file.read_at(&mut head[filled..], filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(_) => return None,
            }
        }
        match &head[..filled] {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Some(Self::SevenZ),
            [0x1f, 0x8b, ..] => Some(Self::Compressed(Compression::Gzip)),
            [b'B', b'Z', b'h', ..] => Some(Self::Compressed(Compression::Bzip2)),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Compressed(Compression::Xz)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Compressed(Compression::Zstd)),
            head if is_tar(head) => Some(Self::Tar),
            _ => None,
        }
    }
}

fn is_tar(head: &[u8]) -> bool {
    head.len() == 512 && (&head[257..262] == b"ustar" || sums_up(head))
}

/// Whether this is the header of a tar from before it had a magic.
fn sums_up(head: &[u8]) -> bool {
    let mut field = head[148..156].split(|b| matches!(b, 0 | b' '));
    let said = field.find(|part| !part.is_empty());
    let said = said.and_then(|part| u32::from_str_radix(std::str::from_utf8(part).ok()?, 8).ok());
    let sum =
        |range: std::ops::Range<usize>| head[range].iter().map(|b| u32::from(*b)).sum::<u32>();
    let real = sum(0..148) + 8 * 32 + sum(156..512);
    head[0] != 0 && said == Some(real)
}

/// What is wrong with an entry, by its name.
fn bad_entry(path: &str, why: &str) -> Error {
    let shown: String = path
        .chars()
        .take(200)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    Error::BadEntry(format!("{shown:?} {why}"))
}
