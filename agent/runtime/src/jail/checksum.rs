//! Checksums of files.

use std::os::unix::fs::FileExt as _;

use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};

use super::read::io;
use super::{Budget, ETag, Jail, RelPath, Result, etag, explain};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Crc32,
    Sha1,
    Sha256,
    Sha512,
}

impl Algorithm {
    /// By its name in lower case.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "crc32" => Self::Crc32,
            "sha1" => Self::Sha1,
            "sha256" => Self::Sha256,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }
}

/// Of a file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// Lower-case hexadecimal.
    pub digest: String,
    pub size_bytes: u64,
    /// As it was before the first byte was read.
    pub etag: ETag,
}

enum Hasher {
    Crc32(crc32fast::Hasher),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Crc32(crc32fast::Hasher::new()),
            Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(h) => h.update(bytes),
            Self::Sha1(h) => h.update(bytes),
            Self::Sha256(h) => h.update(bytes),
            Self::Sha512(h) => h.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Crc32(h) => format!("{:08x}", h.finalize()),
            Self::Sha1(h) => hex::encode(h.finalize()),
            Self::Sha256(h) => hex::encode(h.finalize()),
            Self::Sha512(h) => hex::encode(h.finalize()),
        }
    }
}

impl Jail {
    /// Reads a file to its end, as far as the budget's time goes.
    pub fn checksum(
        &self,
        path: &RelPath,
        algorithm: Algorithm,
        budget: &Budget,
    ) -> Result<Checksum> {
        let file = self.open_file(path)?;
        let stat = rustix::fs::fstat(&file).map_err(explain(path.as_str()))?;
        let mut hasher = Hasher::of(algorithm);
        let mut bytes = vec![0; 256 * 1024];
        let mut at = 0;
        loop {
            budget.goes_on()?;
            match file.read_at(&mut bytes, at) {
                Ok(0) => break,
                Ok(n) => {
                    hasher.update(&bytes[..n]);
                    at += n as u64;
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(io(path, &e)),
            }
        }
        Ok(Checksum {
            digest: hasher.finish(),
            size_bytes: at,
            etag: etag(&stat),
        })
    }
}
