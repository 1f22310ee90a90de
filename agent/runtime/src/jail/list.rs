//! Directories, sorted and in pages.

use std::cmp::{Ordering, Reverse};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::{Entry, Jail, Kind, RelPath, Result, entry, explain, kind, time};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SortBy {
    /// Without regard to case.
    #[default]
    Name,
    /// Of files; everything else has none.
    Size,
    /// Last change.
    Modified,
}

/// What stands where in a list. What is equal stands by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Order {
    pub by: SortBy,
    pub descending: bool,
    /// Directories stand among the rest, not before it.
    pub mixed: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct ListOptions {
    pub order: Order,
    /// Entries to skip.
    pub offset: usize,
    /// Entries to return at most.
    pub limit: usize,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            order: Order::default(),
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

/// A directory that changed so lately may change again without another time showing it.
const SETTLED: Duration = Duration::from_secs(2);

/// The names of a directory in an order, to take pages of.
#[derive(Debug)]
pub struct Listing {
    names: Vec<Vec<u8>>,
    truncated: bool,
    stamp: Stamp,
    settled: bool,
}

/// Which directory, and in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: SystemTime,
    changed: SystemTime,
}

struct Row {
    name: Vec<u8>,
    folded: String,
    directory: bool,
    size: u64,
    modified: (i64, u64),
}

impl Jail {
    /// Reads the names of a directory. Temporary files of [`Jail::write`] are left out.
    pub fn listing(&self, path: &RelPath, order: Order) -> Result<Listing> {
        let (fd, stamp) = self.open_listed(path)?;
        let (mut rows, truncated) = rows(&fd, path, order.by)?;
        rows.sort_unstable_by(|a, b| compare(order, a, b));
        let age = SystemTime::now().duration_since(stamp.modified.max(stamp.changed));
        Ok(Listing {
            names: rows.into_iter().map(|row| row.name).collect(),
            truncated,
            stamp,
            settled: age.is_ok_and(|age| age > SETTLED),
        })
    }

    /// Entries of a listing from `offset` on. `None`: the directory at `path` is not as it was when its names were read.
    pub fn page(
        &self,
        path: &RelPath,
        listing: &Listing,
        offset: usize,
        limit: usize,
    ) -> Result<Option<Vec<Entry>>> {
        let (fd, stamp) = self.open_listed(path)?;
        if stamp != listing.stamp {
            return Ok(None);
        }
        Ok(Some(self.entries(path, fd.as_fd(), listing, offset, limit)))
    }

    /// Entries of a directory.
    pub fn list(&self, path: &RelPath, options: ListOptions) -> Result<Page> {
        let listing = self.listing(path, options.order)?;
        let (fd, _) = self.open_listed(path)?;
        let entries = self.entries(path, fd.as_fd(), &listing, options.offset, options.limit);
        Ok(Page {
            entries,
            total: listing.total(),
            truncated: listing.truncated,
        })
    }

    fn open_listed(&self, path: &RelPath) -> Result<(OwnedFd, Stamp)> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = self.open_beneath(path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd).map_err(explain(path.as_str()))?;
        let stamp = Stamp {
            device: stat.st_dev,
            inode: stat.st_ino,
            modified: time(stat.st_mtime, stat.st_mtime_nsec),
            changed: time(stat.st_ctime, stat.st_ctime_nsec),
        };
        Ok((fd, stamp))
    }

    fn entries(
        &self,
        path: &RelPath,
        fd: BorrowedFd<'_>,
        listing: &Listing,
        offset: usize,
        limit: usize,
    ) -> Vec<Entry> {
        // Gone since: then there is nothing to be shown either.
        let real = self.real(&fd, None, path).unwrap_or_default();
        let look = |name: &Vec<u8>| {
            // Gone since: not an error, simply not in the list.
            let stat = rustix::fs::statat(fd, &**name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let mut entry = entry(fd, name, &stat);
            entry.denied = self.holds_back(path, &real, &entry.name);
            Some(entry)
        };
        let names = listing.names.iter().skip(offset).take(limit);
        names.filter_map(look).collect()
    }
}

impl Listing {
    /// Entries in the directory, as far as they were read.
    pub fn total(&self) -> usize {
        self.names.len()
    }

    /// The directory has more than [`MAX_ENTRIES`].
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Whether a change since then would show: only then it is worth keeping.
    pub fn settled(&self) -> bool {
        self.settled
    }

    /// Where an entry stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names
            .iter()
            .position(|n| String::from_utf8_lossy(n) == name)
    }
}

fn rows(fd: &OwnedFd, path: &RelPath, by: SortBy) -> Result<(Vec<Row>, bool)> {
    let fail = || explain(path.as_str());
    let mut rows = Vec::new();
    for item in Dir::read_from(fd).map_err(fail())? {
        let item = item.map_err(fail())?;
        let name = item.file_name().to_bytes();
        if name == b"." || name == b".." || super::write::is_temporary(name) {
            continue;
        }
        if rows.len() == MAX_ENTRIES {
            return Ok((rows, true));
        }
        // Names alone tell what is a directory; the rest costs a call for each.
        let stat = match (by, item.file_type()) {
            (SortBy::Name, known) if known != FileType::Unknown => None,
            _ => rustix::fs::statat(fd, name, AtFlags::SYMLINK_NOFOLLOW).ok(),
        };
        let is = |stat: &Stat, wanted| kind(stat) == wanted;
        rows.push(Row {
            folded: String::from_utf8_lossy(name).to_lowercase(),
            name: name.to_vec(),
            directory: stat
                .as_ref()
                .map_or(item.file_type() == FileType::Directory, |s| {
                    is(s, Kind::Directory)
                }),
            size: stat
                .as_ref()
                .filter(|s| is(s, Kind::File))
                .map_or(0, |s| u64::try_from(s.st_size).unwrap_or(0)),
            modified: stat.map_or((0, 0), |s| (s.st_mtime, s.st_mtime_nsec)),
        });
    }
    Ok((rows, false))
}

fn compare(order: Order, a: &Row, b: &Row) -> Ordering {
    let first = match order.mixed {
        true => Ordering::Equal,
        false => Reverse(a.directory).cmp(&Reverse(b.directory)),
    };
    let by_name = || (&a.folded, &a.name).cmp(&(&b.folded, &b.name));
    let by = match order.by {
        SortBy::Name => by_name(),
        SortBy::Size => a.size.cmp(&b.size),
        SortBy::Modified => a.modified.cmp(&b.modified),
    };
    let by = if order.descending { by.reverse() } else { by };
    first.then(by).then_with(by_name)
}
