//! Which lines of a server were typed, by id, on disk: whoever asks again after this agent was killed hears what
//! became of the first.
//!
//! A ring of records of one size, each changed in place by one `pwrite` just before and just after the line goes into
//! the game's pipe. Nothing is fsynced: a kill takes nothing from the page cache, and what loses power loses the game
//! as well.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use tracing::warn;
use warren_runtime::console::Witness;

/// Lines that are remembered per server.
const REMEMBERED: u32 = 512;
/// Longest id: a ULID has 26.
pub const LONGEST_ID: usize = 64;
/// State, length of the id, two that mean nothing, number (little endian), id.
const RECORD: usize = 8 + LONGEST_ID;

const FREE: u8 = 0;
const BEGUN: u8 = 1;
const WRITTEN: u8 = 2;

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The game has it.
    Written,
    /// An agent was killed within the microseconds around the write.
    Unknown,
}

/// See the module.
#[derive(Default)]
pub struct Typed {
    file: Option<File>,
    fates: HashMap<String, Fate>,
    /// Oldest first.
    order: VecDeque<String>,
    next: u32,
}

impl Typed {
    /// What an earlier process has left at `path`. Without a disk that takes it, this process alone remembers.
    pub fn open(path: &Path) -> Self {
        Self::read(path).unwrap_or_else(|e| {
            warn!(
                "{}: {e}; lines typed are remembered until this agent ends",
                path.display()
            );
            Self::default()
        })
    }

    fn read(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        let size = u64::from(REMEMBERED) * RECORD as u64;
        // Room now: later a full disk must not come between a line and its record.
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size)?;
        let mut bytes = vec![0; RECORD * REMEMBERED as usize];
        file.read_exact_at(&mut bytes, 0)?;
        let mut found: Vec<_> = bytes.chunks_exact(RECORD).filter_map(record).collect();
        found.sort_by_key(|(number, ..)| *number);
        let mut typed = Self {
            next: found
                .last()
                .map_or(0, |(number, ..)| number.wrapping_add(1)),
            file: Some(file),
            ..Self::default()
        };
        for (_, id, fate) in found {
            typed.remember(id, fate);
        }
        Ok(typed)
    }

    /// What became of the line with this id, if it was typed.
    pub fn fate(&self, id: &str) -> Option<Fate> {
        self.fates.get(id).copied()
    }

    /// To stand beside the write of the line with this id.
    pub fn witness(&mut self, id: &str) -> impl Witness + use<> {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        Record {
            file: self.file.as_ref().and_then(|f| f.try_clone().ok()),
            at: u64::from(number % REMEMBERED) * RECORD as u64,
            bytes: bytes_of(number, id),
        }
    }

    /// The line with this id was typed.
    pub fn written(&mut self, id: String) {
        self.remember(id, Fate::Written);
    }

    fn remember(&mut self, id: String, fate: Fate) {
        if self.fates.insert(id.clone(), fate).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > REMEMBERED as usize
            && let Some(oldest) = self.order.pop_front()
        {
            self.fates.remove(&oldest);
        }
    }
}

struct Record {
    file: Option<File>,
    at: u64,
    bytes: [u8; RECORD],
}

impl Witness for Record {
    fn begins(&self) {
        if let Some(file) = &self.file
            && let Err(e) = file.write_all_at(&self.bytes, self.at)
        {
            warn!("a line that is typed now is not remembered on disk: {e}");
        }
    }

    fn ended(&self, written: bool) {
        let state = if written { WRITTEN } else { FREE };
        // If this fails, the disk does not know, and says so.
        let _ = self
            .file
            .as_ref()
            .map(|file| file.write_all_at(&[state], self.at));
    }
}

fn bytes_of(number: u32, id: &str) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    let id = &id.as_bytes()[..id.len().min(LONGEST_ID)];
    bytes[0] = BEGUN;
    bytes[1] = u8::try_from(id.len()).unwrap_or(0);
    bytes[4..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..8 + id.len()].copy_from_slice(id);
    bytes
}

/// None for one that is free, or that a power cut has torn.
fn record(bytes: &[u8]) -> Option<(u32, String, Fate)> {
    let (head, id) = bytes.split_at_checked(8)?;
    let fate = match head[0] {
        BEGUN => Fate::Unknown,
        WRITTEN => Fate::Written,
        _ => return None,
    };
    let number = u32::from_le_bytes(head[4..8].try_into().ok()?);
    let id = id.get(..usize::from(head[1]))?;
    let id = std::str::from_utf8(id).ok().filter(|id| !id.is_empty())?;
    Some((number, id.to_owned(), fate))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn typed(at: &Path, id: &str) {
        let mut typed = Typed::open(at);
        let witness = typed.witness(id);
        witness.begins();
        witness.ended(true);
        typed.written(id.to_owned());
    }

    #[test]
    fn the_next_process_knows_what_was_typed_and_what_was_not() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("typed");
        typed(&at, "a");
        let mut first = Typed::open(&at);
        let witness = first.witness("full");
        witness.begins();
        witness.ended(false);
        first.witness("cut").begins();
        let next = Typed::open(&at);
        assert_eq!(next.fate("a"), Some(Fate::Written));
        assert_eq!(next.fate("full"), None, "it may be typed again");
        assert_eq!(next.fate("cut"), Some(Fate::Unknown));
    }

    #[test]
    fn the_oldest_is_forgotten_first_in_memory_and_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("typed");
        for n in 0..=REMEMBERED {
            typed(&at, &format!("id-{n}"));
        }
        let next = Typed::open(&at);
        assert_eq!(next.fate("id-0"), None);
        assert_eq!(next.fate("id-1"), Some(Fate::Written));
        assert_eq!(next.fates.len(), REMEMBERED as usize);
    }

    #[test]
    fn damage_is_no_line_and_no_disk_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("typed");
        std::fs::write(&at, [0xff; RECORD * 3]).unwrap();
        assert!(Typed::open(&at).fates.is_empty());
        let mut nowhere = Typed::open(Path::new("/nonexistent/x"));
        let witness = nowhere.witness("a");
        witness.begins();
        witness.ended(true);
        nowhere.written("a".into());
        assert_eq!(nowhere.fate("a"), Some(Fate::Written));
    }
}
