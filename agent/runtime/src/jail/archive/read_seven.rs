//! Entries of a 7z.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, SystemTime};

use sevenz_rust2::{
    Archive, ArchiveEntry, ArchiveReader, Coder, EncoderMethod, EntryDecision, NtTime, Password,
};

use super::read::{MAX_DICTIONARY_KIB, Reading, Timed, Visit, Watched};
use super::read_zip::target_in;
use super::{Head, What, bad_entry};
use crate::jail::read::io as failed;
use crate::jail::{Budget, Error, RelPath, Result};

/// Bytes of the list of entries once it is unpacked. It is held in memory, and an entry that takes one byte there takes
/// more than a hundred here.
const MAX_LIST: u64 = 2 << 20;
/// From 1601 to 1970, in steps of 100 ns.
const UNIX_EPOCH: u64 = 134_774 * 86_400 * 10_000_000;
/// The upper half of an entry's attributes is what Unix knows of it.
const HAS_MODE: u32 = 0x8000;

pub(super) fn entries(
    watched: Watched<'_>,
    reading: &Reading<'_>,
    budget: &mut Budget,
    visit: Visit<'_>,
) -> Result<()> {
    let watch = budget.clone();
    list_fits(&watched.file, reading.path)?;
    let memory = usize::try_from(MAX_DICTIONARY_KIB).unwrap_or(usize::MAX);
    let source = BufReader::with_capacity(64 * 1024, watched);
    let opened = ArchiveReader::new_with_memory_limit(source, Password::empty(), memory);
    let mut archive = opened.map_err(|e| explain(e, reading, &watch))?;
    archive.set_thread_count(1);
    memory_fits(archive.archive())?;
    if reading.names_only {
        return names(archive.archive(), budget, visit);
    }
    let mut said = None;
    let walked = archive.for_each_entries_with_decision(|entry, content| {
        match one(entry, content, reading, budget, &mut *visit) {
            Ok(true) => Ok(EntryDecision::Continue),
            Ok(false) => Ok(EntryDecision::Stop),
            Err(e) => {
                said = Some(e);
                Ok(EntryDecision::Stop)
            }
        }
    });
    match (said, walked) {
        (Some(e), _) => Err(e),
        (None, Err(e)) => Err(explain(e, reading, &watch)),
        (None, Ok(())) => Ok(()),
    }
}

fn names(archive: &Archive, budget: &mut Budget, visit: Visit<'_>) -> Result<()> {
    for (n, entry) in archive.files.iter().enumerate() {
        budget.entry()?;
        let mut head = head(entry);
        if archive.is_file_encrypted(n) {
            head.what = What::Refused("encrypted file");
        }
        if !visit(head, &mut io::empty(), budget)? {
            return Ok(());
        }
    }
    Ok(())
}

fn one(
    entry: &ArchiveEntry,
    content: &mut dyn Read,
    reading: &Reading<'_>,
    budget: &mut Budget,
    visit: Visit<'_>,
) -> Result<bool> {
    budget.entry()?;
    let mut head = head(entry);
    // Few bytes may become very many here too.
    let mut content = Timed {
        stream: content,
        budget: budget.clone(),
    };
    if let What::Symlink(target) = &mut head.what {
        *target = target_in(&mut content).map_err(|e| reading.damaged(&e, budget))?;
    }
    visit(head, &mut content, budget)
}

fn head(entry: &ArchiveEntry) -> Head {
    let attributes = entry
        .has_windows_attributes
        .then_some(entry.windows_attributes);
    let mode = attributes.filter(|a| a & HAS_MODE != 0).map(|a| a >> 16);
    let what = match mode.map(|m| m & 0o170_000) {
        _ if entry.is_anti_item => What::Refused("removal of a file"),
        _ if entry.is_directory => What::Directory,
        Some(0o120_000) => What::Symlink(String::new()),
        Some(0o020_000 | 0o060_000) => What::Refused("device"),
        Some(0o010_000) => What::Refused("fifo"),
        Some(0o140_000) => What::Refused("socket"),
        _ => What::File,
    };
    Head {
        path: entry.name.replace('\\', "/"),
        what,
        size_bytes: entry.size,
        mode,
        modified: match entry.has_last_modified_date {
            true => modified(entry.last_modified_date),
            false => None,
        },
    }
}

fn modified(said: NtTime) -> Option<SystemTime> {
    let since = u64::from(said).checked_sub(UNIX_EPOCH)?;
    let since = Duration::from_micros(since / 10);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// Of a time, as a 7z has it.
pub(super) fn stamp(modified_s: i64) -> NtTime {
    let since = u64::try_from(modified_s).unwrap_or(0);
    NtTime::new(since.saturating_mul(10_000_000).saturating_add(UNIX_EPOCH))
}

fn explain(e: sevenz_rust2::Error, reading: &Reading<'_>, budget: &Budget) -> Error {
    use sevenz_rust2::Error as E;
    match e {
        E::Io(e, _) | E::MaybeBadPassword(e) => reading.damaged(&e, budget),
        E::UnsupportedCompressionMethod(how) => bad_entry(
            "something",
            &format!("is packed or encrypted by {how}, which is not read here"),
        ),
        E::PasswordRequired => bad_entry("something", "is encrypted"),
        E::MaxMemLimited { .. } => bad_entry("something", "needs too much memory to be unpacked"),
        e => Error::Damaged(format!("{}: {e}", reading.path)),
    }
}

/// Refuses what is packed in so many layers that each of them is small enough and all of them are not.
fn memory_fits(archive: &Archive) -> Result<()> {
    let most = u64::from(MAX_DICTIONARY_KIB) << 10;
    for block in &archive.blocks {
        let held = block.coders.iter().map(memory_of);
        if held.fold(0, u64::saturating_add) > 2 * most {
            return Err(bad_entry(
                "something",
                "needs too much memory to be unpacked",
            ));
        }
    }
    Ok(())
}

/// Bytes that one step of unpacking keeps, about.
fn memory_of(coder: &Coder) -> u64 {
    let said = coder.properties();
    let size = || said.get(1..5).map_or(0, number);
    match coder.encoder_method_id() {
        EncoderMethod::ID_LZMA | EncoderMethod::ID_PPMD => size(),
        EncoderMethod::ID_LZMA2 => match said.first() {
            Some(bits @ 0..=40) => (2 | u64::from(bits & 1)) << (bits / 2 + 11),
            _ => 0,
        },
        _ => 4 << 20,
    }
}

/// Refuses a list that would take too much memory, before anybody reads it.
fn list_fits(file: &File, path: &RelPath) -> Result<()> {
    let damaged = || {
        Error::Damaged(format!(
            "{path}: the list of entries is not where it should be"
        ))
    };
    let size = file.metadata().map_err(|e| failed(path, &e))?.len();
    let mut start = [0; 32];
    file.read_exact_at(&mut start, 0).map_err(|_| damaged())?;
    // Without a checksum the reader would look for the list everywhere.
    if start[8..12] == [0; 4] {
        return Err(damaged());
    }
    let at = number(&start[12..20]).checked_add(32).ok_or_else(damaged)?;
    let length = number(&start[20..28]);
    if length == 0 {
        return Ok(());
    }
    if length > MAX_LIST {
        return Err(Error::TooMany);
    }
    if at.checked_add(length).is_none_or(|end| end > size) {
        return Err(damaged());
    }
    let mut list = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut list, at).map_err(|_| damaged())?;
    match list.first() {
        Some(0x17) => {
            let unpacked = unpacked(&list[1..]).ok_or_else(damaged)?;
            match unpacked > MAX_LIST {
                true => Err(Error::TooMany),
                false => Ok(()),
            }
        }
        Some(0x01) => Ok(()),
        _ => Err(damaged()),
    }
}

/// Bytes that a packed list says it becomes: the largest size that any step of its unpacking has.
fn unpacked(list: &[u8]) -> Option<u64> {
    let mut at = Fields(list);
    let mut mark = at.byte()?;
    if mark == 0x06 {
        at.number()?;
        let streams = at.number()?;
        mark = at.byte()?;
        if mark == 0x09 {
            for _ in 0..streams {
                at.number()?;
            }
            mark = at.byte()?;
        }
        if mark == 0x0a {
            at.checksums(streams)?;
            mark = at.byte()?;
        }
        if mark != 0 {
            return None;
        }
        mark = at.byte()?;
    }
    if mark != 0x07 || at.byte()? != 0x0b {
        return None;
    }
    let folders = at.number()?;
    // Inside, and one: that is what every program writes, and what is read here.
    if folders != 1 || at.byte()? != 0 {
        return None;
    }
    let outputs = at.coders()?;
    if at.byte()? != 0x0c {
        return None;
    }
    let mut most = 0;
    for _ in 0..outputs {
        most = at.number()?.max(most);
    }
    Some(most)
}

/// Read from the front; `None` at the end.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    /// The leading ones of the first byte say how many bytes follow.
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let mut value = 0;
        for n in 0..more {
            value |= u64::from(self.byte()?) << (8 * n);
        }
        if more < 7 {
            let high = u64::from(first & (0x7f >> more));
            value |= high << (8 * more);
        }
        Some(value)
    }

    fn checksums(&mut self, count: u64) -> Option<()> {
        let mut have = count;
        if self.byte()? == 0 {
            have = 0;
            for _ in 0..count.div_ceil(8) {
                have += u64::from(self.byte()?.count_ones());
            }
        }
        self.skip(have.checked_mul(4)?)
    }

    /// One folder; how many streams come out of its coders.
    fn coders(&mut self) -> Option<u64> {
        let coders = self.number()?;
        if coders > 64 {
            return None;
        }
        let (mut inputs, mut outputs) = (0_u64, 0_u64);
        for _ in 0..coders {
            let flags = self.byte()?;
            self.skip(u64::from(flags & 0x0f))?;
            let (from, to) = match flags & 0x10 != 0 {
                true => (self.number()?, self.number()?),
                false => (1, 1),
            };
            if from > 64 || to > 64 {
                return None;
            }
            inputs += from;
            outputs += to;
            if flags & 0x20 != 0 {
                let properties = self.number()?;
                self.skip(properties)?;
            }
        }
        let pairs = outputs.checked_sub(1)?;
        for _ in 0..pairs.checked_mul(2)? {
            self.number()?;
        }
        let packed = inputs.checked_sub(pairs)?;
        if packed > 1 {
            for _ in 0..packed {
                self.number()?;
            }
        }
        Some(outputs)
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, b| sum << 8 | u64::from(*b))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let read = |bytes: &[u8]| Fields(bytes).number();
        assert_eq!(read(&[0x7f]), Some(0x7f));
        assert_eq!(read(&[0x80, 0x80]), Some(0x80));
        assert_eq!(read(&[0xbf, 0xff]), Some(0x3fff));
        assert_eq!(read(&[0xc1, 0x34, 0x12]), Some(0x1_1234));
        let all = [0xff, 8, 7, 6, 5, 4, 3, 2, 1];
        assert_eq!(read(&all), Some(0x0102_0304_0506_0708));
        assert_eq!(read(&[0xff, 1]), None);
    }

    #[test]
    fn a_time_goes_there_and_back() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(modified(stamp(1_700_000_000)), Some(at));
        assert_eq!(modified(NtTime::new(1)), None);
    }
}
