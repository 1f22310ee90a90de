//! Archives that are written, by format.

use std::io::{self, BufWriter, Read, Seek, Write};

use lzma_rust2::{XzOptions, XzWriter};
use sevenz_rust2::encoder_options::Lzma2Options;
use sevenz_rust2::{ArchiveEntry, ArchiveWriter};

use super::read_seven::stamp;
use super::zip::Zip;
use super::{Compression, Format};

/// Of seven-zip and xz: a dictionary of 4 MiB, and not so slow as to take a core for hours.
const LZMA_LEVEL: u32 = 3;
/// A directory, in the words of MS-DOS.
const DIRECTORY: u32 = 0x10;

/// One format. Times are seconds from 1970.
pub(super) trait Writer {
    fn directory(&mut self, name: &str, mode: u32, at: i64) -> io::Result<()>;
    fn link(&mut self, name: &str, target: &str, at: i64) -> io::Result<()>;
    /// `size`: what the file had when it was opened. False: it has become shorter meanwhile.
    fn file(
        &mut self,
        name: &str,
        mode: u32,
        at: i64,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<bool>;
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A writer of that format.
/// # Errors
/// The archive's file.
pub(super) fn of<'a, W: Write + Seek + 'a>(
    format: Format,
    out: W,
) -> io::Result<Box<dyn Writer + 'a>> {
    let out = BufWriter::with_capacity(256 * 1024, out);
    Ok(match format {
        Format::Zip => Box::new(Zip::new(out)),
        Format::SevenZ => {
            let mut writer = ArchiveWriter::new(out).map_err(io::Error::other)?;
            writer.set_content_methods(vec![Lzma2Options::from_level(LZMA_LEVEL).into()]);
            Box::new(Seven(writer))
        }
        Format::Tar => Box::new(Tar::new(out, |mut out| out.flush())),
        Format::Packed(Compression::Gzip) => {
            let stream = flate2::write::GzEncoder::new(out, flate2::Compression::new(6));
            Box::new(Tar::new(stream, |stream| stream.finish()?.flush()))
        }
        Format::Packed(Compression::Bzip2) => {
            let stream = bzip2::write::BzEncoder::new(out, bzip2::Compression::new(6));
            Box::new(Tar::new(stream, |stream| stream.finish()?.flush()))
        }
        Format::Packed(Compression::Xz) => {
            let stream = XzWriter::new(out, XzOptions::with_preset(LZMA_LEVEL))?;
            Box::new(Tar::new(stream, |stream| stream.finish()?.flush()))
        }
        Format::Packed(Compression::Zstd) => {
            let stream = zstd::stream::write::Encoder::new(out, 3)?;
            Box::new(Tar::new(stream, |stream| stream.finish()?.flush()))
        }
        Format::Single(_) => return Err(io::ErrorKind::Unsupported.into()),
    })
}

/// How hard to pack in a zip: little is gained by packing these again.
pub fn pack_level(name: &str) -> u32 {
    let extension = name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let packed = [
        "jar", "zip", "gz", "xz", "zst", "bz2", "7z", "rar", "png", "jpg", "jpeg", "webp", "mp4",
        "ogg", "mca", "pak",
    ];
    if packed.contains(&&*extension) { 0 } else { 1 }
}

impl<W: Write> Writer for Zip<W> {
    fn directory(&mut self, name: &str, mode: u32, at: i64) -> io::Result<()> {
        Zip::directory(self, name, mode, at)
    }

    fn link(&mut self, name: &str, target: &str, at: i64) -> io::Result<()> {
        Zip::link(self, name, target.as_bytes(), at)
    }

    fn file(
        &mut self,
        name: &str,
        mode: u32,
        at: i64,
        _size: u64,
        content: &mut dyn Read,
    ) -> io::Result<bool> {
        let filled = Zip::file(self, name, mode, at, pack_level(name), |out| {
            io::copy(content, out).map(drop)
        })?;
        Ok(filled.is_ok())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        Zip::finish(*self)?.flush()
    }
}

struct Seven<W: Write + Seek>(ArchiveWriter<W>);

impl<W: Write + Seek> Seven<W> {
    fn put(
        &mut self,
        name: &str,
        mode: u32,
        at: i64,
        content: Option<&mut dyn Read>,
    ) -> io::Result<()> {
        let directory = mode & 0o170_000 == 0o040_000;
        let entry = ArchiveEntry {
            name: name.to_owned(),
            is_directory: directory,
            has_last_modified_date: true,
            last_modified_date: stamp(at),
            has_windows_attributes: true,
            windows_attributes: mode << 16 | 0x8000 | if directory { DIRECTORY } else { 0 },
            ..ArchiveEntry::default()
        };
        let pushed = self.0.push_archive_entry(entry, content);
        pushed.map(drop).map_err(io::Error::other)
    }
}

impl<W: Write + Seek> Writer for Seven<W> {
    fn directory(&mut self, name: &str, mode: u32, at: i64) -> io::Result<()> {
        self.put(name, 0o040_000 | mode, at, None)
    }

    fn link(&mut self, name: &str, target: &str, at: i64) -> io::Result<()> {
        self.put(name, 0o120_777, at, Some(&mut target.as_bytes()))
    }

    fn file(
        &mut self,
        name: &str,
        mode: u32,
        at: i64,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<bool> {
        // A stream of no bytes is not what a reader expects.
        let content = (size > 0).then_some(content);
        self.put(name, 0o100_000 | mode, at, content)?;
        Ok(true)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.finish()?.flush()
    }
}

struct Tar<W: Write, F> {
    tar: tar::Builder<W>,
    end: F,
}

impl<W: Write, F: FnOnce(W) -> io::Result<()>> Tar<W, F> {
    fn new(out: W, end: F) -> Self {
        let tar = tar::Builder::new(out);
        Self { tar, end }
    }
}

fn head(kind: tar::EntryType, mode: u32, at: i64, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(at.max(0).unsigned_abs());
    header.set_size(size);
    header
}

impl<W: Write, F: FnOnce(W) -> io::Result<()>> Writer for Tar<W, F> {
    fn directory(&mut self, name: &str, mode: u32, at: i64) -> io::Result<()> {
        let mut head = head(tar::EntryType::Directory, mode, at, 0);
        let name = format!("{name}/");
        self.tar.append_data(&mut head, name, io::empty())
    }

    fn link(&mut self, name: &str, target: &str, at: i64) -> io::Result<()> {
        let mut head = head(tar::EntryType::Symlink, 0o777, at, 0);
        self.tar.append_link(&mut head, name, target)
    }

    fn file(
        &mut self,
        name: &str,
        mode: u32,
        at: i64,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<bool> {
        let mut head = head(tar::EntryType::Regular, mode, at, size);
        let mut whole = Whole::of(content, size);
        self.tar.append_data(&mut head, name, &mut whole)?;
        Ok(whole.came().is_ok())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        (self.end)(self.tar.into_inner()?)
    }
}

/// Exactly so many bytes, whatever becomes of the file meanwhile: its size was told before.
pub struct Whole<R> {
    file: R,
    left: u64,
    failed: Option<io::Error>,
}

impl<R: Read> Whole<R> {
    /// `size` bytes of it.
    pub fn of(file: R, size: u64) -> Self {
        Self {
            file,
            left: size,
            failed: None,
        }
    }

    /// Whether they were the file's.
    /// # Errors
    /// Why it has zeros at its end.
    pub fn came(self) -> io::Result<()> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(buffer.len());
        let most = most.min(buffer.len());
        let part = &mut buffer[..most];
        if part.is_empty() {
            return Ok(0);
        }
        let n = match self.failed {
            Some(_) => 0,
            None => match self.file.read(part) {
                Ok(n) => n,
                // Nobody wants it any more, and it may be very long.
                Err(e) if e.kind() == io::ErrorKind::TimedOut => return Err(e),
                Err(e) => {
                    self.failed = Some(e);
                    0
                }
            },
        };
        let n = match n {
            0 => {
                self.failed
                    .get_or_insert_with(|| io::ErrorKind::UnexpectedEof.into());
                part.fill(0);
                part.len()
            }
            n => n,
        };
        self.left -= n as u64;
        Ok(n)
    }
}
