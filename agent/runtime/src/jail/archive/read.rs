//! Entries of an archive, one after the other, whatever its format.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::time::{Duration, SystemTime};

use lzma_rust2::XzReader;

use super::{Compression, Format, Head, Magic, Tally, What, is_tar};
use super::{read_seven, read_tar, read_zip};
use crate::jail::read::io as failed;
use crate::jail::{Budget, Error, RelPath, Result};

/// Memory that a zstd stream may ask for, as a power of two.
const MAX_WINDOW: u32 = 27;
/// Memory that an xz or 7z stream may ask for: 64 MiB is what the strongest setting of `xz` takes.
pub(super) const MAX_DICTIONARY_KIB: u32 = 130 * 1024;
pub(super) const MAX_TARGET: u64 = 4095;

/// Told each entry with its content; false ends it.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Head, &mut dyn Read, &mut Budget) -> Result<bool>;

/// What is read, and for what.
pub(super) struct Reading<'a> {
    pub path: &'a RelPath,
    /// Nobody reads what is in an entry, so that nothing is unpacked that need not be.
    pub names_only: bool,
    pub tally: &'a Tally,
}

impl Reading<'_> {
    /// What has gone wrong while something was read.
    pub fn damaged(&self, e: &io::Error, budget: &Budget) -> Error {
        match e.kind() {
            io::ErrorKind::TimedOut => budget.goes_on().err().unwrap_or(Error::TookTooLong),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => failed(self.path, e),
            _ => Error::Damaged(format!("{}: {e}", self.path)),
        }
    }
}

/// Visits all entries.
/// # Errors
/// `NotAnArchive`, `Damaged`, `BadEntry`; what the budget and the visitor say.
pub(super) fn each(
    file: File,
    reading: &Reading<'_>,
    budget: &mut Budget,
    visit: Visit<'_>,
) -> Result<Format> {
    let unknown = || Error::NotAnArchive(reading.path.to_string());
    let magic = Magic::of(&file).ok_or_else(unknown)?;
    let size = file.metadata().map_err(|e| failed(reading.path, &e))?.len();
    reading.tally.expect(size);
    let watched = Watched {
        file,
        budget: budget.clone(),
        tally: reading.tally,
    };
    match magic {
        Magic::Zip => {
            read_zip::entries(watched, reading, budget, visit)?;
            Ok(Format::Zip)
        }
        Magic::SevenZ => {
            read_seven::entries(watched, reading, budget, visit)?;
            Ok(Format::SevenZ)
        }
        Magic::Tar => {
            let buffered = BufReader::with_capacity(256 * 1024, watched);
            read_tar::entries(buffered, reading, budget, visit)?;
            Ok(Format::Tar)
        }
        Magic::Compressed(how) => {
            let buffered = BufReader::with_capacity(256 * 1024, watched);
            let stream = decoder(how, buffered).map_err(|e| reading.damaged(&e, budget))?;
            compressed(how, stream, reading, budget, visit)
        }
    }
}

fn decoder<'a>(how: Compression, stream: BufReader<Watched<'a>>) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match how {
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(stream)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(stream)),
        Compression::Xz => Box::new(XzReader::new_mem_limit(stream, true, MAX_DICTIONARY_KIB)),
        Compression::Zstd => {
            let mut zstd = zstd::stream::read::Decoder::with_buffer(stream)?;
            zstd.window_log_max(MAX_WINDOW)?;
            Box::new(zstd)
        }
    })
}

/// A tar or, like a log that was put away, one file.
fn compressed(
    how: Compression,
    mut stream: Box<dyn Read + '_>,
    reading: &Reading<'_>,
    budget: &mut Budget,
    visit: Visit<'_>,
) -> Result<Format> {
    let mut head = Vec::with_capacity(512);
    let read = (&mut stream).take(512).read_to_end(&mut head);
    read.map_err(|e| reading.damaged(&e, budget))?;
    let none = head.len() == 512 && head.iter().all(|b| *b == 0);
    let name = reading.path.name().unwrap_or_default();
    let is = is_tar(&head) || (none && name.contains(".t"));
    let stream = Cursor::new(head).chain(stream);
    // What is passed over is read all the same: it takes time, and may be without an end.
    let mut stream = Timed {
        stream,
        budget: budget.clone(),
    };
    if is {
        read_tar::entries(stream, reading, budget, visit)?;
        return Ok(Format::Packed(how));
    }
    budget.entry()?;
    let one = Head {
        path: single(name),
        what: What::File,
        size_bytes: 0,
        mode: None,
        modified: None,
    };
    visit(one, &mut stream, budget)?;
    Ok(Format::Single(how))
}

/// What the file was called before it was compressed.
fn single(name: &str) -> String {
    let endings = [".gz", ".bz2", ".xz", ".zst"];
    let found = endings.iter().find_map(|ending| name.strip_suffix(ending));
    match found {
        Some(bare) if !bare.is_empty() => bare.to_owned(),
        _ => format!("{name}.out"),
    }
}

pub(super) fn at(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Looks at the clock while it reads, and counts.
pub(super) struct Watched<'a> {
    pub file: File,
    pub budget: Budget,
    pub tally: &'a Tally,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        late(&self.budget)?;
        let n = self.file.read(buffer)?;
        self.tally.has_read(n as u64);
        Ok(n)
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Looks at the clock: a few bytes of an archive may become very many.
pub(super) struct Timed<R> {
    pub stream: R,
    pub budget: Budget,
}

impl<R: Read> Read for Timed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        late(&self.budget)?;
        self.stream.read(buffer)
    }
}

pub(super) fn late(budget: &Budget) -> io::Result<()> {
    let goes_on = budget.goes_on();
    goes_on.map_err(|e| io::Error::new(io::ErrorKind::TimedOut, e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_file_has_the_name_that_it_had() {
        assert_eq!(single("2026-10-02-1.log.gz"), "2026-10-02-1.log");
        assert_eq!(single("dump"), "dump.out");
        assert_eq!(single(".gz"), ".gz.out");
    }
}
