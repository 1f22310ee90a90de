//! ZIP, written as it goes: sizes and checksums stand behind each file, as nobody knows them before.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// Files and directories of one archive: its list of them is kept until the end.
pub const MAX_ENTRIES: usize = 200_000;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// Sizes stand behind the data.
const BEHIND: u16 = 1 << 3;
/// Reads sizes of 64 bits.
const V45: u16 = 45;
const V20: u16 = 20;
const UNIX: u16 = 3 << 8;
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const MOST32: u64 = u32::MAX as u64;

struct Entry {
    name: String,
    mode: u32,
    modified_s: i64,
    method: u16,
    flags: u16,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
}

/// See the module.
pub struct Zip<W: Write> {
    out: Counted<W>,
    entries: Vec<Entry>,
}

struct Counted<W> {
    inner: W,
    at: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.at += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Zip<W> {
    pub fn new(inner: W) -> Self {
        Self {
            out: Counted { inner, at: 0 },
            entries: Vec::new(),
        }
    }

    /// Whether its list is full.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= MAX_ENTRIES
    }

    /// A directory; `name` is given a slash at its end.
    pub fn directory(&mut self, name: &str, mode: u32, modified_s: i64) -> io::Result<()> {
        let mut entry = Entry {
            name: format!("{name}/"),
            mode: DIRECTORY | mode,
            modified_s,
            method: STORED,
            flags: UTF8,
            crc: 0,
            packed: 0,
            size: 0,
            offset: 0,
        };
        self.head(&mut entry)?;
        self.entries.push(entry);
        Ok(())
    }

    /// A symlink: a file with where it leads in it.
    pub fn link(&mut self, name: &str, target: &[u8], modified_s: i64) -> io::Result<()> {
        self.content(name, LINK | 0o777, modified_s, 0, |out| {
            out.write_all(target)
        })?
    }

    /// A file; `fill` writes what is in it. After an error of `fill` what it wrote is the file.
    pub fn file(
        &mut self,
        name: &str,
        mode: u32,
        modified_s: i64,
        level: u32,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<io::Result<()>> {
        self.content(name, FILE | mode, modified_s, level, fill)
    }

    fn content(
        &mut self,
        name: &str,
        mode: u32,
        modified_s: i64,
        level: u32,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<io::Result<()>> {
        let mut entry = Entry {
            name: name.to_owned(),
            mode,
            modified_s,
            method: DEFLATED,
            flags: UTF8 | BEHIND,
            crc: 0,
            packed: 0,
            size: 0,
            offset: 0,
        };
        self.head(&mut entry)?;
        let began = self.out.at;
        let (filled, broken, size) = {
            let mut body = Body {
                packer: DeflateEncoder::new(&mut self.out, Compression::new(level)),
                crc: crc32fast::Hasher::new(),
                size: 0,
                broken: false,
            };
            let filled = fill(&mut body);
            let Body {
                packer,
                crc,
                size,
                broken,
            } = body;
            packer.finish()?;
            entry.crc = crc.finalize();
            (filled, broken, size)
        };
        if broken {
            // It was not the file that failed: nobody takes the archive any more.
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        (entry.size, entry.packed) = (size, self.out.at - began);
        let mut behind = Fields::default();
        behind.u32(0x0807_4b50).u32(entry.crc);
        match entry.is_large() {
            true => behind.u64(entry.packed).u64(entry.size),
            false => behind.u32(cut(entry.packed)).u32(cut(entry.size)),
        };
        self.out.write_all(&behind.0)?;
        self.entries.push(entry);
        Ok(filled)
    }

    fn head(&mut self, entry: &mut Entry) -> io::Result<()> {
        entry.offset = self.out.at;
        let (time, date) = dos(entry.modified_s);
        let extra = entry.times();
        let mut head = Fields::default();
        head.u32(0x0403_4b50)
            .u16(V20)
            .u16(entry.flags)
            .u16(entry.method)
            .u16(time)
            .u16(date)
            .u32(0)
            .u32(0)
            .u32(0)
            .u16(entry.name_len()?)
            .u16(u16::try_from(extra.len()).unwrap_or(0));
        self.out.write_all(&head.0)?;
        self.out.write_all(entry.name.as_bytes())?;
        self.out.write_all(&extra)
    }

    /// The list of all, and the end.
    pub fn finish(mut self) -> io::Result<W> {
        let began = self.out.at;
        for entry in &self.entries {
            let list = entry.listed()?;
            self.out.write_all(&list)?;
        }
        let (count, size) = (self.entries.len() as u64, self.out.at - began);
        let mut end = Fields::default();
        if count >= 0xffff || size >= MOST32 || began >= MOST32 {
            let here = self.out.at;
            end.u32(0x0606_4b50)
                .u64(44)
                .u16(UNIX | V45)
                .u16(V45)
                .u32(0)
                .u32(0)
                .u64(count)
                .u64(count)
                .u64(size)
                .u64(began);
            end.u32(0x0706_4b50).u32(0).u64(here).u32(1);
        }
        let short = u16::try_from(count).unwrap_or(u16::MAX);
        end.u32(0x0605_4b50)
            .u16(0)
            .u16(0)
            .u16(short)
            .u16(short)
            .u32(cut(size))
            .u32(cut(began))
            .u16(0);
        self.out.write_all(&end.0)?;
        self.out.flush()?;
        Ok(self.out.inner)
    }
}

impl Entry {
    fn is_large(&self) -> bool {
        self.packed >= MOST32 || self.size >= MOST32
    }

    fn name_len(&self) -> io::Result<u16> {
        u16::try_from(self.name.len()).map_err(|_| io::ErrorKind::InvalidInput.into())
    }

    /// In seconds and without a time zone, which the old fields have not.
    fn times(&self) -> Vec<u8> {
        let mut extra = Fields::default();
        extra.u16(0x5455).u16(5);
        extra.0.push(1);
        extra.u32(u32::try_from(self.modified_s).unwrap_or(0));
        extra.0
    }

    fn listed(&self) -> io::Result<Vec<u8>> {
        let large = self.is_large() || self.offset >= MOST32;
        let mut extra = Fields(self.times());
        if large {
            extra
                .u16(1)
                .u16(24)
                .u64(self.size)
                .u64(self.packed)
                .u64(self.offset);
        }
        let field = |value| if large { u32::MAX } else { cut(value) };
        let (time, date) = dos(self.modified_s);
        let is_dir = u32::from(self.name.ends_with('/')) << 4;
        let mut list = Fields::default();
        list.u32(0x0201_4b50)
            .u16(UNIX | V45)
            .u16(if large { V45 } else { V20 })
            .u16(self.flags)
            .u16(self.method)
            .u16(time)
            .u16(date)
            .u32(self.crc)
            .u32(field(self.packed))
            .u32(field(self.size))
            .u16(self.name_len()?)
            .u16(u16::try_from(extra.0.len()).unwrap_or(0))
            .u16(0)
            .u16(0)
            .u16(0)
            .u32(self.mode << 16 | is_dir)
            .u32(field(self.offset));
        list.0.extend_from_slice(self.name.as_bytes());
        list.0.extend_from_slice(&extra.0);
        Ok(list.0)
    }
}

struct Body<W: Write> {
    packer: DeflateEncoder<W>,
    crc: crc32fast::Hasher,
    size: u64,
    broken: bool,
}

impl<W: Write> Write for Body<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = match self.packer.write(bytes) {
            Ok(n) => n,
            Err(e) => {
                self.broken = true;
                return Err(e);
            }
        };
        self.crc.update(&bytes[..n]);
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.packer.flush()
    }
}

fn cut(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// As MS-DOS counts: from 1980, in steps of two seconds. UTC.
fn dos(at_s: i64) -> (u16, u16) {
    let at = time::OffsetDateTime::from_unix_timestamp(at_s).ok();
    let Some(at) = at.filter(|at| (1980..2108).contains(&at.year())) else {
        return (0, 1 << 5 | 1);
    };
    let time =
        u16::from(at.hour()) << 11 | u16::from(at.minute()) << 5 | u16::from(at.second() / 2);
    let year = u16::try_from(at.year() - 1980).unwrap_or(0);
    let date = year << 9 | u16::from(u8::from(at.month())) << 5 | u16::from(at.day());
    (time, date)
}

/// Little-endian.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Python reads it with code of its own, and checks every checksum.
    #[test]
    fn another_program_reads_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.zip");
        let mut zip = Zip::new(std::fs::File::create(&path).unwrap());
        zip.directory("world", 0o755, 1_700_000_000).unwrap();
        for (name, bytes) in [("world/level.dat", &b"abc"[..]), ("\u{fc} x.txt", b"")] {
            let filled = zip.file(name, 0o644, 1_700_000_000, 1, |out| out.write_all(bytes));
            filled.unwrap().unwrap();
        }
        let broken = zip.file("half", 0o600, 0, 1, |out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::UnexpectedEof.into())
        });
        assert!(broken.unwrap().is_err());
        zip.finish().unwrap();
        let script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint([(i.filename,i.file_size,oct(i.external_attr>>16)) for i in z.infolist()])\nprint(z.read('world/level.dat'), z.read('half'))";
        let out = std::process::Command::new("python3")
            .args(["-c", script])
            .arg(&path)
            .env("PYTHONIOENCODING", "utf-8")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        assert!(said.contains("('world/', 0, '0o40755')"), "{said}");
        assert!(said.contains("('\u{fc} x.txt', 0, '0o100644')"), "{said}");
        assert!(said.contains("b'abc' b'half'"), "{said}");
    }

    #[test]
    fn a_time_that_dos_does_not_know_is_its_first() {
        assert_eq!(dos(0), (0, 0x21));
        assert_eq!(dos(i64::MAX), (0, 0x21));
        assert_eq!(dos(1_700_000_000).1 >> 9, 2023 - 1980);
    }
}
