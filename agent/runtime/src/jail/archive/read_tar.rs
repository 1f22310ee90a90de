//! Entries of a tar: old ones, ustar, GNU's and pax, with sparse files of all four kinds.
//!
//! Headers are read here and not by a library: what says how long an entry is must be bounded before it is held in
//! memory, and must be the same for whoever reads the next header.

use std::io::{self, Read};

use tar::{EntryType, Header};

use super::read::{Reading, Visit, at};
use super::{Head, Parts, What, bad_entry};
use crate::jail::{Budget, Error, Result};

const BLOCK: usize = 512;
/// Bytes of a name: what is longer is none.
const MAX_NAME: u64 = 64 * 1024;
/// Bytes of a pax header: an old sparse file has its map in there.
const MAX_PAX: u64 = 1 << 20;
/// Parts of a sparse file: they are held in memory.
const MAX_PARTS: usize = 64 * 1024;
/// Bytes of a file with its holes: no file system holds a larger one.
const MAX_SPARSE: u64 = 1 << 44;
/// Bytes behind the last entry: tapes had blocks, and programs fill the last one.
const MAX_PADDING: u64 = 16 << 20;

pub(super) fn entries(
    stream: impl Read,
    reading: &Reading<'_>,
    budget: &mut Budget,
    visit: Visit<'_>,
) -> Result<()> {
    let watch = budget.clone();
    let damaged = |e: &io::Error| reading.damaged(e, &watch);
    let mut tape = Tape {
        stream,
        left: 0,
        padding: 0,
    };
    let mut extra = Extra::default();
    while let Some(header) = tape.header().map_err(|e| damaged(&e))? {
        budget.entry()?;
        let size = header.entry_size().map_err(|e| damaged(&e))?;
        let kind = header.entry_type();
        tape.enter(size);
        match kind {
            EntryType::GNULongName => {
                extra.path = Some(text(&mut tape, MAX_NAME, &damaged)?);
                continue;
            }
            EntryType::GNULongLink => {
                extra.target = Some(text(&mut tape, MAX_NAME, &damaged)?);
                continue;
            }
            EntryType::XHeader => {
                extra.pax(&text(&mut tape, MAX_PAX, &damaged)?)?;
                continue;
            }
            EntryType::XGlobalHeader => continue,
            _ => {}
        }
        let extra = std::mem::take(&mut extra);
        tape.enter(extra.size.unwrap_or(size));
        let mut head = head(&header, &extra, tape.left);
        let sparse = match (kind, &head.what) {
            (EntryType::GNUSparse, _) => Some(old_map(&header, &mut tape, &damaged)?),
            (_, What::File) => extra.map(&mut tape, reading.names_only, &damaged)?,
            _ => None,
        };
        if let Some(sparse) = sparse {
            head.size_bytes = sparse.size;
            // Whoever looks at names alone would hold very many maps.
            if !reading.names_only {
                head.what = What::Sparse(sparse.checked(&head.path, tape.left)?);
            }
        }
        if !visit(head, &mut tape, budget)? {
            return Ok(());
        }
    }
    if extra.is_some() {
        return Err(damaged(&io::ErrorKind::UnexpectedEof.into()));
    }
    if reading.names_only {
        return Ok(());
    }
    // The checksum of a stream stands at its end.
    let mut rest = tape.stream.take(MAX_PADDING + 1);
    let behind = io::copy(&mut rest, &mut io::sink()).map_err(|e| damaged(&e))?;
    match behind > MAX_PADDING {
        true => Err(Error::Damaged(format!(
            "{}: it goes on behind its end",
            reading.path
        ))),
        false => Ok(()),
    }
}

fn head(header: &Header, extra: &Extra, size: u64) -> Head {
    let path = match &extra.path {
        Some(path) => path.clone(),
        None => header.path_bytes().into_owned(),
    };
    let target = || {
        let target = match &extra.target {
            Some(target) => target.clone(),
            None => header.link_name_bytes().unwrap_or_default().into_owned(),
        };
        String::from_utf8_lossy(&target).into_owned()
    };
    Head {
        path: String::from_utf8_lossy(&path).into_owned(),
        what: match header.entry_type() {
            // An old tar says by a slash what is a directory.
            EntryType::Regular | EntryType::Continuous if path.ends_with(b"/") => What::Directory,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => What::File,
            EntryType::Directory => What::Directory,
            EntryType::Symlink => What::Symlink(target()),
            EntryType::Link => What::Hardlink(target()),
            EntryType::Char | EntryType::Block => What::Refused("device"),
            EntryType::Fifo => What::Refused("fifo"),
            _ => What::Refused("entry of an unknown kind"),
        },
        size_bytes: size,
        mode: header.mode().ok(),
        modified: header.mtime().ok().and_then(at),
    }
}

/// The stream, an entry at a time: nobody reads beyond the one that was entered.
struct Tape<R> {
    stream: R,
    /// Of the entry.
    left: u64,
    /// Behind it.
    padding: u64,
}

impl<R: Read> Tape<R> {
    fn enter(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    /// Passes over what is left of the entry, and reads what comes after it. None: the end.
    fn header(&mut self) -> io::Result<Option<Header>> {
        let rest = self.left.saturating_add(self.padding);
        self.enter(0);
        let passed = io::copy(&mut (&mut self.stream).take(rest), &mut io::sink())?;
        if passed < rest {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut block = [0; BLOCK];
        if !self.block(&mut block)? || block.iter().all(|b| *b == 0) {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        let sum = |bytes: &[u8]| bytes.iter().map(|b| u32::from(*b)).sum::<u32>();
        let real = sum(&block[..148]) + 8 * 32 + sum(&block[156..]);
        match header.cksum()? == real {
            true => Ok(Some(header)),
            false => Err(io::Error::other("a header's checksum is wrong")),
        }
    }

    /// False: nothing is there any more.
    fn block(&mut self, block: &mut [u8]) -> io::Result<bool> {
        let mut filled = 0;
        while filled < block.len() {
            match self.stream.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }
}

impl<R: Read> Read for Tape<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let n = self.stream.read(&mut buffer[..most])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= n as u64;
        Ok(n)
    }
}

fn text(
    entry: &mut impl Read,
    most: u64,
    damaged: &dyn Fn(&io::Error) -> Error,
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| damaged(&e))?;
    if bytes.len() as u64 > most {
        return Err(bad_entry("a header", "is longer than any name"));
    }
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(bytes)
}

/// What long names and pax headers say of the entry that follows.
#[derive(Default)]
struct Extra {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    /// Counts, whatever the header says: the field there ends at 8 GiB.
    size: Option<u64>,
    sparse: Option<Sparse>,
    /// Of a sparse file whose parts come one by one.
    begins: Option<u64>,
    /// Of its map.
    version: (u64, u64),
}

impl Extra {
    fn is_some(&self) -> bool {
        self.path.is_some() || self.target.is_some() || self.size.is_some() || self.sparse.is_some()
    }

    fn pax(&mut self, bytes: &[u8]) -> Result<()> {
        let bad = || bad_entry("a header", "is damaged");
        let mut rest = bytes;
        while !rest.is_empty() {
            let space = rest.iter().position(|b| *b == b' ').ok_or_else(bad)?;
            let length = decimal(&rest[..space]).and_then(|n| usize::try_from(n).ok());
            let length = length.ok_or_else(bad)?;
            let record = rest.get(space + 1..length).ok_or_else(bad)?;
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let equals = record.iter().position(|b| *b == b'=').ok_or_else(bad)?;
            let value = &record[equals + 1..];
            let number = || decimal(value).ok_or_else(bad);
            match &record[..equals] {
                b"path" if self.sparse.as_ref().is_none_or(|s| !s.named) => {
                    self.path = Some(value.to_vec());
                }
                b"linkpath" => self.target = Some(value.to_vec()),
                b"size" => self.size = Some(number()?),
                // The path is then one that nobody gave.
                b"GNU.sparse.name" => {
                    self.path = Some(value.to_vec());
                    self.sparse().named = true;
                }
                b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse().size = number()?,
                b"GNU.sparse.major" => self.version.0 = number()?,
                b"GNU.sparse.minor" => self.version.1 = number()?,
                b"GNU.sparse.offset" => self.begins = Some(number()?),
                b"GNU.sparse.numbytes" => {
                    let at = self.begins.take().ok_or_else(bad)?;
                    let length = number()?;
                    self.sparse().add(at, length)?;
                }
                b"GNU.sparse.map" => {
                    let mut numbers = value.split(|b| *b == b',').map(decimal);
                    while let Some(at) = numbers.next() {
                        let length = numbers.next().ok_or_else(bad)?;
                        let (at, length) = at.zip(length).ok_or_else(bad)?;
                        self.sparse().add(at, length)?;
                    }
                }
                _ => {}
            }
            rest = &rest[length..];
        }
        Ok(())
    }

    fn sparse(&mut self) -> &mut Sparse {
        self.sparse.get_or_insert_default()
    }

    /// The map of a sparse file that pax headers tell of.
    fn map(
        mut self,
        tape: &mut Tape<impl Read>,
        skip: bool,
        damaged: &dyn Fn(&io::Error) -> Error,
    ) -> Result<Option<Sparse>> {
        let Some(mut sparse) = self.sparse.take() else {
            return Ok(None);
        };
        let inside = match self.version {
            (0, _) => false,
            // At the beginning of the data.
            (1, 0) => true,
            _ => {
                let why = "speaks of a sparse file of an unknown kind";
                return Err(bad_entry("a header", why));
            }
        };
        if inside && !skip {
            sparse.parts.clear();
            let mut lines = Lines {
                tape,
                block: [0; BLOCK],
                at: BLOCK,
            };
            let parts = lines.number(damaged)?;
            for _ in 0..parts {
                let (at, length) = (lines.number(damaged)?, lines.number(damaged)?);
                sparse.add(at, length)?;
            }
        }
        Ok(Some(sparse))
    }
}

/// A file of which an archive has only what is no hole.
#[derive(Default)]
struct Sparse {
    /// With its holes.
    size: u64,
    parts: Vec<(u64, u64)>,
    named: bool,
}

impl Sparse {
    fn add(&mut self, at: u64, length: u64) -> Result<()> {
        if self.parts.len() >= MAX_PARTS {
            return Err(bad_entry("a sparse file", "has too many parts"));
        }
        self.parts.push((at, length));
        Ok(())
    }

    /// The parts, one behind the other, which are all that is `left` in the archive.
    fn checked(self, path: &str, left: u64) -> Result<Parts> {
        let bad = || bad_entry(path, "is a sparse file whose parts are not what it says");
        if self.size > MAX_SPARSE {
            return Err(bad_entry(path, "is larger than any file"));
        }
        let (mut end, mut bytes) = (0_u64, 0_u64);
        for (at, length) in &self.parts {
            // Each begins a block of the archive, so that only the last one may end within one.
            if *at < end || (*length > 0 && bytes % BLOCK as u64 != 0) {
                return Err(bad());
            }
            end = at.checked_add(*length).ok_or_else(bad)?;
            bytes = bytes.checked_add(*length).ok_or_else(bad)?;
        }
        match end <= self.size && bytes == left {
            true => Ok(Parts {
                size_bytes: self.size,
                at: self.parts,
            }),
            false => Err(bad()),
        }
    }
}

/// GNU's first kind: in the header, and in blocks behind it.
fn old_map(
    header: &Header,
    tape: &mut Tape<impl Read>,
    damaged: &dyn Fn(&io::Error) -> Error,
) -> Result<Sparse> {
    let bytes = header.as_bytes();
    let bad = || bad_entry("a header", "is damaged");
    if header.as_gnu().is_none() {
        let why = "speaks of a sparse file of an unknown kind";
        return Err(bad_entry("a header", why));
    }
    let mut sparse = Sparse {
        size: numeric(&bytes[483..495]).ok_or_else(bad)?,
        ..Sparse::default()
    };
    let take = |sparse: &mut Sparse, parts: &[u8]| {
        for part in parts.chunks_exact(24) {
            if part[0] == 0 {
                break;
            }
            let (at, length) = part.split_at(12);
            let (at, length) = (numeric(at), numeric(length));
            let (at, length) = at.zip(length).ok_or_else(bad)?;
            sparse.add(at, length)?;
        }
        Ok::<_, Error>(())
    };
    take(&mut sparse, &bytes[386..482])?;
    let mut more = bytes[482] != 0;
    let mut block = [0; BLOCK];
    while more {
        match tape.block(&mut block) {
            Ok(true) => {}
            Ok(false) => return Err(damaged(&io::ErrorKind::UnexpectedEof.into())),
            Err(e) => return Err(damaged(&e)),
        }
        let before = sparse.parts.len();
        take(&mut sparse, &block[..504])?;
        more = block[504] != 0;
        // Else blocks without an end would be passed over for nothing.
        if more && sparse.parts.len() == before {
            return Err(bad());
        }
    }
    Ok(sparse)
}

/// GNU's newest kind: numbers in lines, in whole blocks before the data.
struct Lines<'a, R> {
    tape: &'a mut Tape<R>,
    block: [u8; BLOCK],
    at: usize,
}

impl<R: Read> Lines<'_, R> {
    fn number(&mut self, damaged: &dyn Fn(&io::Error) -> Error) -> Result<u64> {
        let bad = || bad_entry("a sparse file", "has a map that is damaged");
        let mut value = 0_u64;
        for digits in 0.. {
            if self.at == self.block.len() {
                let read = self.tape.read_exact(&mut self.block);
                read.map_err(|e| damaged(&e))?;
                self.at = 0;
            }
            let byte = self.block[self.at];
            self.at += 1;
            match byte {
                b'\n' if digits > 0 => return Ok(value),
                b'0'..=b'9' => {
                    let more = value.checked_mul(10);
                    let more = more.and_then(|v| v.checked_add(u64::from(byte - b'0')));
                    value = more.filter(|_| digits < 20).ok_or_else(bad)?;
                }
                _ => break,
            }
        }
        Err(bad())
    }
}

fn decimal(bytes: &[u8]) -> Option<u64> {
    let digits = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    digits
        .then(|| std::str::from_utf8(bytes).ok()?.parse().ok())
        .flatten()
}

/// Octal, or binary where that is too small.
fn numeric(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 != 0 {
        let (high, low) = field.split_at(field.len().checked_sub(8)?);
        let none = high.iter().enumerate().all(|(n, b)| match n {
            0 => *b == 0x80,
            _ => *b == 0,
        });
        return none.then(|| low.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)));
    }
    let text = std::str::from_utf8(field).ok()?;
    let text = text.trim_matches(['\0', ' ']);
    match text.is_empty() {
        true => Some(0),
        false => u64::from_str_radix(text, 8).ok(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        assert_eq!(numeric(b"00000001750\0"), Some(1000));
        assert_eq!(numeric(b"            "), Some(0));
        assert_eq!(numeric(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(2 << 32));
        assert_eq!(numeric(b"\xff\0\0\0\0\0\0\x02\0\0\0\0"), None);
        assert_eq!(numeric(b"9\0"), None);
        assert_eq!(decimal(b"+1"), None);
        assert_eq!(decimal(b"18446744073709551616"), None);
    }
}
