//! Entries of an archive, one after the other, whatever its format.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::time::{Duration, SystemTime};

use lzma_rust2::XzReader;
use tar::EntryType;

use super::{Compression, Format, Head, Magic, Tally, What, bad_entry, is_tar};
use super::{read_seven, read_zip};
use crate::jail::read::io as failed;
use crate::jail::{Budget, Error, RelPath, Result};

/// Bytes of a name or of a pax header: what is longer is no name.
const MAX_HEADER: u64 = 64 * 1024;
/// Memory that a zstd stream may ask for, as a power of two.
const MAX_WINDOW: u32 = 27;
/// Memory that an xz or 7z stream may ask for: 64 MiB is what the strongest setting of `xz` takes.
pub(super) const MAX_DICTIONARY_KIB: u32 = 130 * 1024;
/// Bytes behind the last entry: tapes had blocks, and programs fill the last one.
const MAX_PADDING: u64 = 16 << 20;
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
            tar(buffered, reading, budget, visit)?;
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
        tar(stream, reading, budget, visit)?;
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

/// What long names and pax headers say of the entry that follows.
#[derive(Default)]
struct Extra {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
}

fn tar(
    stream: impl Read,
    reading: &Reading<'_>,
    budget: &mut Budget,
    visit: Visit<'_>,
) -> Result<()> {
    let watch = budget.clone();
    let damaged = |e: &io::Error| reading.damaged(e, &watch);
    let mut archive = tar::Archive::new(stream);
    let mut extra = Extra::default();
    // Raw: the crate would hold names of any length in memory.
    for entry in archive.entries().map_err(|e| damaged(&e))?.raw(true) {
        let mut entry = entry.map_err(|e| damaged(&e))?;
        budget.entry()?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => {
                extra.path = Some(text(&mut entry, &damaged)?);
                continue;
            }
            EntryType::GNULongLink => {
                extra.target = Some(text(&mut entry, &damaged)?);
                continue;
            }
            EntryType::XHeader => {
                pax(&text(&mut entry, &damaged)?, &mut extra)?;
                continue;
            }
            EntryType::XGlobalHeader => continue,
            _ => {}
        }
        let extra = std::mem::take(&mut extra);
        let path = extra
            .path
            .unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let target = extra
            .target
            .or_else(|| entry.header().link_name_bytes().map(|t| t.into_owned()));
        let target = String::from_utf8_lossy(&target.unwrap_or_default()).into_owned();
        let head = Head {
            path: String::from_utf8_lossy(&path).into_owned(),
            what: match kind {
                // An old tar says by a slash what is a directory.
                EntryType::Regular | EntryType::Continuous if path.ends_with(b"/") => {
                    What::Directory
                }
                EntryType::Regular | EntryType::Continuous => What::File,
                EntryType::Directory => What::Directory,
                EntryType::Symlink => What::Symlink(target),
                EntryType::Link => What::Hardlink(target),
                EntryType::Char | EntryType::Block => What::Refused("device"),
                EntryType::Fifo => What::Refused("fifo"),
                EntryType::GNUSparse => What::Refused("sparse file of an old GNU tar"),
                _ => What::Refused("entry of an unknown kind"),
            },
            size_bytes: entry.header().entry_size().map_err(|e| damaged(&e))?,
            mode: entry.header().mode().ok(),
            modified: entry.header().mtime().ok().and_then(at),
        };
        if !visit(head, &mut entry, budget)? {
            return Ok(());
        }
    }
    if reading.names_only {
        return Ok(());
    }
    // The checksum of a stream stands at its end.
    let mut rest = archive.into_inner().take(MAX_PADDING + 1);
    let behind = io::copy(&mut rest, &mut io::sink()).map_err(|e| damaged(&e))?;
    match behind > MAX_PADDING {
        true => Err(Error::Damaged(format!(
            "{}: it goes on behind its end",
            reading.path
        ))),
        false => Ok(()),
    }
}

pub(super) fn at(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn text(entry: &mut impl Read, damaged: &dyn Fn(&io::Error) -> Error) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry
        .take(MAX_HEADER + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| damaged(&e))?;
    if bytes.len() as u64 > MAX_HEADER {
        return Err(bad_entry("a header", "is longer than any name"));
    }
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(bytes)
}

fn pax(bytes: &[u8], extra: &mut Extra) -> Result<()> {
    let bad = || bad_entry("a header", "is damaged");
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = rest.iter().position(|b| *b == b' ').ok_or_else(bad)?;
        let length = std::str::from_utf8(&rest[..space])
            .ok()
            .and_then(|n| n.parse::<usize>().ok());
        let length = length.ok_or_else(bad)?;
        let record = rest.get(space + 1..length).ok_or_else(bad)?;
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        let equals = record.iter().position(|b| *b == b'=').ok_or_else(bad)?;
        let value = &record[equals + 1..];
        match &record[..equals] {
            b"path" => extra.path = Some(value.to_vec()),
            b"linkpath" => extra.target = Some(value.to_vec()),
            // Where these count, sizes in headers don't: the stream would be cut in other places than it was written in.
            b"size" => return Err(bad_entry("a header", "speaks of a file of more than 8 GiB")),
            key if key.starts_with(b"GNU.sparse") => {
                return Err(bad_entry("a header", "speaks of a sparse file"));
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    Ok(())
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
