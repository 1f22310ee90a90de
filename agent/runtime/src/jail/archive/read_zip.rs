//! Entries of a zip, as its list has them.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::time::SystemTime;

use zip::result::ZipError;

use super::read::{MAX_TARGET, Reading, Timed, Visit, Watched, at};
use super::{Head, What, bad_entry};
use crate::jail::read::io as failed;
use crate::jail::{Budget, Error, RelPath, Result};

/// Bytes of the list, which is held in memory.
const MAX_LIST: u64 = 24 << 20;

pub(super) fn entries(
    watched: Watched<'_>,
    reading: &Reading<'_>,
    budget: &mut Budget,
    visit: Visit<'_>,
) -> Result<()> {
    let watch = budget.clone();
    let damaged = |e: ZipError| match e {
        ZipError::Io(e) => reading.damaged(&e, &watch),
        e => Error::Damaged(format!("{}: {e}", reading.path)),
    };
    list_fits(&watched.file, reading.path)?;
    let buffered = BufReader::with_capacity(64 * 1024, watched);
    let mut archive = zip::ZipArchive::new(buffered).map_err(damaged)?;
    for n in 0..archive.len() {
        budget.entry()?;
        let opened = match reading.names_only {
            true => archive.by_index_raw(n),
            false => archive.by_index(n),
        };
        let mut entry = match opened {
            Ok(entry) => entry,
            Err(ZipError::UnsupportedArchive(why)) => {
                let why = format!("can't be read: {why}");
                return Err(bad_entry(&format!("entry {n}"), &why));
            }
            Err(e) => return Err(damaged(e)),
        };
        let name = match std::str::from_utf8(entry.name_raw()) {
            Ok(name) => name.to_owned(),
            // As MS-DOS wrote them.
            Err(_) => entry.name().map_err(damaged)?.into_owned(),
        };
        let mode = entry.unix_mode();
        let mut what = match mode.map(|m| m & 0o170_000) {
            _ if entry.encrypted() => What::Refused("encrypted file"),
            _ if name.ends_with(['/', '\\']) => What::Directory,
            Some(0o120_000) => What::Symlink(String::new()),
            Some(0o020_000 | 0o060_000) => What::Refused("device"),
            Some(0o010_000) => What::Refused("fifo"),
            Some(0o140_000) => What::Refused("socket"),
            _ => What::File,
        };
        if !reading.names_only
            && let What::Symlink(target) = &mut what
        {
            *target = target_in(&mut entry).map_err(|e| reading.damaged(&e, &watch))?;
        }
        let head = Head {
            path: name.replace('\\', "/"),
            what,
            size_bytes: entry.size(),
            mode,
            modified: entry.last_modified().and_then(modified),
        };
        let mut content = Timed {
            stream: entry,
            budget: watch.clone(),
        };
        if !visit(head, &mut content, budget)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Where a symlink leads, which is what is in it.
pub(super) fn target_in(content: &mut dyn Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    content.take(MAX_TARGET + 1).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Without a time zone, and taken for UTC.
fn modified(said: zip::DateTime) -> Option<SystemTime> {
    let month = time::Month::try_from(said.month()).ok()?;
    let date = time::Date::from_calendar_date(i32::from(said.year()), month, said.day()).ok()?;
    let time = time::Time::from_hms(said.hour(), said.minute(), said.second().min(59)).ok()?;
    let seconds = time::PrimitiveDateTime::new(date, time).assume_utc();
    at(u64::try_from(seconds.unix_timestamp()).ok()?)
}

/// Refuses a list that would not fit into memory, before anybody reads it.
fn list_fits(file: &File, path: &RelPath) -> Result<()> {
    let size = file.metadata().map_err(|e| failed(path, &e))?.len();
    let tail = size.min(22 + 65_535 + 20);
    let mut end = vec![0; usize::try_from(tail).unwrap_or(0)];
    file.read_exact_at(&mut end, size - tail)
        .map_err(|e| failed(path, &e))?;
    let places = |mark: &'static [u8]| {
        let all = end.windows(4).enumerate();
        all.filter(move |(_, w)| *w == mark).map(|(at, _)| at)
    };
    for at in places(b"PK\x05\x06") {
        let list = end.get(at + 12..at + 16).map_or(0, number);
        // All ones: the larger kind of list, whose record stands before its locator.
        if list != u64::from(u32::MAX) && list > MAX_LIST {
            return Err(Error::TooMany);
        }
    }
    if size <= MAX_LIST {
        return Ok(());
    }
    for at in places(b"PK\x06\x07") {
        let Some(place) = end.get(at + 8..at + 16).map(number) else {
            continue;
        };
        let mut record = [0; 56];
        if file.read_exact_at(&mut record, place).is_err() {
            return Err(Error::Damaged(path.to_string()));
        }
        if number(&record[40..48]) > MAX_LIST {
            return Err(Error::TooMany);
        }
    }
    Ok(())
}

/// Little-endian.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, b| sum << 8 | u64::from(*b))
}
