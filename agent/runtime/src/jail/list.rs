//! Directories, in pages.

use std::cmp::Reverse;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::{Entry, Jail, Kind, RelPath, Result, entry, explain};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// Directories first, then by name without regard to case.
    #[default]
    Name,
    /// Largest first.
    Size,
    /// Newest first.
    Modified,
}

#[derive(Debug, Clone, Copy)]
pub struct ListOptions {
    pub sort: SortBy,
    /// Entries to skip.
    pub offset: usize,
    /// Entries to return at most.
    pub limit: usize,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            sort: SortBy::Name,
            offset: 0,
            limit: 500,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// Entries in the directory, as far as they were read.
    pub total: usize,
    /// The directory has more than [`MAX_ENTRIES`]; the rest was not looked at.
    pub truncated: bool,
}

/// Names read of one directory at most: sorting needs all of them in memory.
pub const MAX_ENTRIES: usize = 200_000;

impl Jail {
    /// Entries of a directory. Temporary files of [`Jail::write`] are left out.
    pub fn list(&self, path: &RelPath, options: ListOptions) -> Result<Page> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = self.open_beneath(path, flags, Mode::empty())?;
        let fail = || explain(path.as_str());
        let mut names: Vec<(Vec<u8>, bool)> = Vec::new();
        let mut truncated = false;
        for item in Dir::read_from(&fd).map_err(fail())? {
            let item = item.map_err(fail())?;
            let name = item.file_name().to_bytes();
            if name == b"." || name == b".." || super::write::is_temporary(name) {
                continue;
            }
            if names.len() == MAX_ENTRIES {
                truncated = true;
                break;
            }
            names.push((name.to_vec(), item.file_type() == FileType::Directory));
        }
        let total = names.len();
        let look = |name: &[u8]| {
            // Gone since: not an error, simply not in the list.
            let stat = rustix::fs::statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            Some(entry(fd.as_fd(), name, &stat))
        };
        let entries = match options.sort {
            SortBy::Name => {
                names.sort_by_cached_key(|(name, dir)| (!dir, fold(name), name.clone()));
                let page = names.iter().skip(options.offset).take(options.limit);
                page.filter_map(|(name, _)| look(name)).collect()
            }
            by => {
                let mut all: Vec<_> = names.iter().filter_map(|(name, _)| look(name)).collect();
                all.sort_by_cached_key(|e| match by {
                    SortBy::Size if e.kind == Kind::File => (Reverse(e.size_bytes), None),
                    SortBy::Size => (Reverse(0), None),
                    _ => (Reverse(0), Some(Reverse(e.modified))),
                });
                all.into_iter()
                    .skip(options.offset)
                    .take(options.limit)
                    .collect()
            }
        };
        Ok(Page {
            entries,
            total,
            truncated,
        })
    }
}

fn fold(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_lowercase()
}
