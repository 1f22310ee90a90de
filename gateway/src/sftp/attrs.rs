//! What SFTP says of a file.

use bytes::{BufMut, BytesMut};
use warren_proto::wire::{BulkStat, FileEntry};

use crate::ssh::wire::{Malformed, Reader};

const SIZE: u32 = 1;
const IDS: u32 = 2;
const MODE: u32 = 4;
const TIMES: u32 = 8;
const MORE: u32 = 0x8000_0000;
/// Pairs that nobody here knows; more is nonsense.
const MAX_MORE: u32 = 64;

pub const FILE: u32 = 0o100_000;
pub const DIRECTORY: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_000;
const OTHER: u32 = 0o010_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attrs {
    pub size: Option<u64>,
    pub ids: Option<(u32, u32)>,
    pub mode: Option<u32>,
    /// Read and written last, Unix seconds.
    pub times: Option<(u32, u32)>,
}

fn seconds(ms: i64) -> u32 {
    u32::try_from(ms.max(0) / 1000).unwrap_or(u32::MAX)
}

impl Attrs {
    pub fn read(r: &mut Reader) -> Result<Self, Malformed> {
        let flags = r.u32()?;
        let has = |flag| flags & flag != 0;
        let size = has(SIZE).then(|| r.u64()).transpose()?;
        let mut pair = |flag| -> Result<_, Malformed> {
            Ok(match has(flag) {
                true => Some((r.u32()?, r.u32()?)),
                false => None,
            })
        };
        let ids = pair(IDS)?;
        let mode = has(MODE).then(|| r.u32()).transpose()?;
        let times = match has(TIMES) {
            true => Some((r.u32()?, r.u32()?)),
            false => None,
        };
        if has(MORE) {
            let more = r.u32()?;
            if more > MAX_MORE {
                return Err(Malformed);
            }
            for _ in 0..more * 2 {
                r.bytes()?;
            }
        }
        Ok(Self {
            size,
            ids,
            mode,
            times,
        })
    }

    pub fn write(&self, out: &mut BytesMut) {
        let flag = |is: bool, flag| if is { flag } else { 0 };
        out.put_u32(
            flag(self.size.is_some(), SIZE)
                | flag(self.ids.is_some(), IDS)
                | flag(self.mode.is_some(), MODE)
                | flag(self.times.is_some(), TIMES),
        );
        if let Some(size) = self.size {
            out.put_u64(size);
        }
        if let Some((a, b)) = self.ids {
            out.put_u32(a);
            out.put_u32(b);
        }
        if let Some(mode) = self.mode {
            out.put_u32(mode);
        }
        if let Some((a, b)) = self.times {
            out.put_u32(a);
            out.put_u32(b);
        }
    }

    /// Permission bits to set; none of those that give a program another's rights.
    pub fn bits(&self) -> Option<u32> {
        self.mode.map(|mode| mode & 0o777)
    }

    pub fn of_entry(entry: &FileEntry) -> Self {
        let kind = match entry.kind.as_str() {
            "file" => FILE,
            "directory" => DIRECTORY,
            "symlink" => SYMLINK,
            _ => OTHER,
        };
        Self {
            size: Some(entry.size_bytes),
            ids: Some((entry.uid, entry.gid)),
            mode: Some(kind | entry.mode & 0o7777),
            times: Some((seconds(entry.accessed_at_ms), seconds(entry.modified_at_ms))),
        }
    }

    pub fn of_stat(stat: &BulkStat) -> Self {
        Self {
            size: Some(stat.size_bytes),
            ids: None,
            mode: Some(FILE | stat.mode & 0o7777),
            times: Some((seconds(stat.accessed_at_ms), seconds(stat.modified_at_ms))),
        }
    }
}

/// A line of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub name: String,
    /// As `ls -l` has it.
    pub long: String,
    pub attrs: Attrs,
}

impl Name {
    /// A name alone.
    pub fn bare(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            long: name.clone(),
            name,
            attrs: Attrs::default(),
        }
    }

    pub fn of(entry: &FileEntry) -> Self {
        let attrs = Attrs::of_entry(entry);
        Self {
            name: entry.name.clone(),
            long: long(entry, &attrs),
            attrs,
        }
    }
}

fn long(entry: &FileEntry, attrs: &Attrs) -> String {
    let kind = match entry.kind.as_str() {
        "file" => '-',
        "directory" => 'd',
        "symlink" => 'l',
        _ => 'p',
    };
    let mode = attrs.mode.unwrap_or_default();
    let bits: String = (0..9)
        .map(|n| match mode & (0o400 >> n) {
            0 => '-',
            _ => ['r', 'w', 'x'][n % 3],
        })
        .collect();
    let (uid, gid) = attrs.ids.unwrap_or_default();
    format!(
        "{kind}{bits} {:>4} {uid:<8} {gid:<8} {:>10} {} {}",
        entry.links.max(1),
        entry.size_bytes,
        day(entry.modified_at_ms),
        entry.name
    )
}

/// `Nov 30 16:45` for the last half year, else with the year.
fn day(ms: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(ms / 1000);
    let Ok(at) = at else {
        return "Jan  1  1970".into();
    };
    let month = at.month().to_string();
    let month = month.get(..3).unwrap_or("Jan");
    let age = time::OffsetDateTime::now_utc() - at;
    if age.whole_days() > 182 || age.whole_days() < -1 {
        return format!("{month} {:>2}  {:04}", at.day(), at.year());
    }
    format!(
        "{month} {:>2} {:02}:{:02}",
        at.day(),
        at.hour(),
        at.minute()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytes::Bytes;

    #[test]
    fn attributes_read_back_and_a_flood_of_unknown_ones_is_refused() {
        let attrs = Attrs {
            size: Some(5),
            ids: Some((1, 2)),
            mode: Some(FILE | 0o640),
            times: Some((7, 8)),
        };
        let mut out = BytesMut::new();
        attrs.write(&mut out);
        assert_eq!(Attrs::read(&mut Reader(out.freeze())), Ok(attrs));
        let flood = Bytes::from_static(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(Attrs::read(&mut Reader(flood)), Err(Malformed));
    }

    #[test]
    fn a_line_is_as_ls_has_it() {
        let entry = FileEntry {
            name: "a b".into(),
            kind: "directory".into(),
            size_bytes: 4096,
            mode: 0o755,
            uid: 7,
            gid: 8,
            links: 2,
            ..Default::default()
        };
        let line = Name::of(&entry).long;
        assert_eq!(
            line,
            "drwxr-xr-x    2 7        8              4096 Jan  1  1970 a b"
        );
    }
}
