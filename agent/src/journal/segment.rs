//! One file of facts: `<order>-<boot>-<first seq>.seg`, records of `length, crc32, Fact`.
//!
//! `order` counts boots on this machine, because ids carry a clock and clocks lie.

use std::io;
use std::path::{Path, PathBuf};

use prost::Message as _;
use warren_proto::ids::BootId;
use warren_proto::wire;

use crate::disk::{Append, Disk};

/// No fact comes near it; a larger length is damage.
const MAX_RECORD: usize = 1 << 20;
const HEAD: usize = 8;

/// What is known of a segment without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Order of its boot.
    pub order: u64,
    /// Whose facts.
    pub boot: BootId,
    /// Seq of the first record.
    pub first: u64,
    /// Seq after the last record.
    pub next: u64,
    /// Length of the file.
    pub bytes: u64,
    /// Where.
    pub path: PathBuf,
}

/// A record's bytes.
pub fn record(fact: &wire::Fact) -> Vec<u8> {
    let body = fact.encode_to_vec();
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

/// The seq after a fact: a gap stands for all that it names.
pub fn after(fact: &wire::Fact) -> u64 {
    match &fact.what {
        Some(wire::fact::What::FactGap(gap)) => gap.to_seq.max(fact.seq) + 1,
        _ => fact.seq + 1,
    }
}

/// Whole records from the front of `bytes`, and how many bytes they take. What follows is torn.
pub fn parse(bytes: &[u8]) -> (Vec<wire::Fact>, usize) {
    let mut facts = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + HEAD) {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let crc = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if length > MAX_RECORD {
            break;
        }
        let Some(body) = bytes.get(at + HEAD..at + HEAD + length) else {
            break;
        };
        if crc32fast::hash(body) != crc {
            break;
        }
        let Ok(fact) = wire::Fact::decode(body) else {
            break;
        };
        facts.push(fact);
        at += HEAD + length;
    }
    (facts, at)
}

impl Segment {
    /// Makes an empty one.
    pub fn create(
        disk: &dyn Disk,
        dir: &Path,
        order: u64,
        boot: BootId,
        first: u64,
    ) -> io::Result<(Self, Box<dyn Append>)> {
        let path = dir.join(format!("{order:08}-{boot}-{first:020}.seg"));
        let file = disk.append(&path)?;
        let segment = Self {
            order,
            boot,
            first,
            next: first,
            bytes: 0,
            path,
        };
        Ok((segment, file))
    }

    /// A file holding only `fact`, in place of what was there.
    pub fn replace(
        disk: &dyn Disk,
        dir: &Path,
        order: u64,
        boot: BootId,
        first: u64,
        fact: &wire::Fact,
    ) -> io::Result<Self> {
        let path = dir.join(format!("{order:08}-{boot}-{first:020}.seg"));
        let bytes = record(fact);
        disk.replace(&path, &bytes)?;
        Ok(Self {
            order,
            boot,
            first,
            next: after(fact),
            bytes: bytes.len() as u64,
            path,
        })
    }

    /// Looks at a file of an earlier process; a torn tail is cut off. `None` if it is none of ours.
    pub fn recover(disk: &dyn Disk, path: &Path) -> io::Result<Option<Self>> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(stem) = name.strip_suffix(".seg") else {
            return Ok(None);
        };
        let mut words = stem.split('-');
        let parsed = (|| {
            let order = words.next()?.parse().ok()?;
            let boot = words.next()?.parse().ok()?;
            let first = words.next()?.parse().ok()?;
            Some((order, boot, first))
        })();
        let Some((order, boot, first)) = parsed else {
            return Ok(None);
        };
        let bytes = disk.read(path)?;
        let (facts, whole) = parse(&bytes);
        if whole < bytes.len() {
            tracing::warn!(
                "{}: {} bytes of an unfinished write cut off",
                path.display(),
                bytes.len() - whole
            );
            disk.cut(path, whole as u64)?;
        }
        Ok(Some(Self {
            order,
            boot,
            first,
            next: facts.last().map_or(first, after),
            bytes: whole as u64,
            path: path.to_owned(),
        }))
    }

    /// All its facts.
    pub fn read(&self, disk: &dyn Disk) -> io::Result<Vec<wire::Fact>> {
        let bytes = disk.read(&self.path)?;
        // Only what was fsynced: the writer may be in the middle of a record.
        let end = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        Ok(parse(&bytes[..end.min(bytes.len())]).0)
    }
}
