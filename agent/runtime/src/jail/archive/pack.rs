//! Packing: what may be read of files and directories, as one file that appears when it is whole.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use rustix::fs::{AtFlags, Mode, OFlags, Stat};

use super::read::late;
use super::writers::{self, Writer};
use super::{Format, Tally};
use crate::jail::entries::leads_to;
use crate::jail::open::Attributes;
use crate::jail::read::io as failed;
use crate::jail::walk::Walk;
use crate::jail::{
    Budget, Entry, Error, Jail, Kind, RelPath, Result, WriteOptions, explain, is_half_written,
    kind, open_dir_at,
};

/// What is to be packed, and into what.
#[derive(Debug)]
pub struct Pack<'a> {
    pub paths: &'a [RelPath],
    /// Nothing is replaced.
    pub to: &'a RelPath,
    pub format: Format,
    /// Of letters and digits: what is being packed is called by it until it is whole.
    pub id: &'a str,
    pub owner: Option<(u32, u32)>,
}

/// What was packed.
#[derive(Debug)]
pub struct Packed {
    pub entries: u64,
    /// Kept back, neither file, directory nor link that leads to something inside, or not to be read whole.
    pub skipped: u64,
    pub entry: Entry,
}

impl Jail {
    /// Makes an archive of files and directories, named in it from the directory that they have in common.
    /// # Errors
    /// `Exists`; `TooDeep`; what the budget says, which counts the archive's own bytes. Nothing is left then.
    pub fn pack(&self, ask: &Pack<'_>, budget: &mut Budget, tally: &Tally) -> Result<Packed> {
        let common = common(ask.paths);
        let mut to_read = 0_u64;
        let mut counting = budget.clone();
        self.visit(ask, &common, &mut counting, &mut |found, _| {
            if found.kind == Kind::File {
                to_read = to_read.saturating_add(u64::try_from(found.stat.st_size).unwrap_or(0));
            }
            Ok(())
        })?;
        tally.expect(to_read);
        let options = WriteOptions {
            if_absent: true,
            owner: ask.owner,
            ..WriteOptions::default()
        };
        let partial = self.partial(ask.to, ask.id, false, &options)?;
        let packed = self.fill(ask, &common, partial.file(), budget, tally);
        let packed = packed.and_then(|(entries, skipped)| {
            budget.goes_on()?;
            let entry = partial.commit(&options, Attributes::default())?;
            Ok(Packed {
                entries,
                skipped,
                entry,
            })
        });
        if packed.is_err() {
            partial.discard()?;
        }
        packed
    }

    fn fill(
        &self,
        ask: &Pack<'_>,
        common: &RelPath,
        file: &File,
        budget: &mut Budget,
        tally: &Tally,
    ) -> Result<(u64, u64)> {
        let said = Said::default();
        let out = Out {
            file: file.try_clone().map_err(|e| failed(ask.to, &e))?,
            path: ask.to,
            budget: budget.clone(),
            tally,
            said: said.clone(),
        };
        let broken = |e: io::Error| said.take().unwrap_or_else(|| failed(ask.to, &e));
        let mut writer = writers::of(ask.format, out).map_err(broken)?;
        let (mut entries, mut skipped) = (0, 0);
        let watch = budget.clone();
        let left_out = self.visit(ask, common, budget, &mut |found, parent| {
            let mut packing = Packing {
                writer: &mut *writer,
                budget: &watch,
                tally,
            };
            match packing.one(found, parent)? {
                Ok(true) => {
                    entries += 1;
                    tally.one_more();
                }
                Ok(false) => skipped += 1,
                Err(e) => return Err(broken(e)),
            }
            Ok(())
        })?;
        writer.finish().map_err(broken)?;
        Ok((entries, skipped + left_out))
    }

    /// Shows all that is to be packed, each with the directory that it stands in; says how much is left out by rule.
    fn visit(
        &self,
        ask: &Pack<'_>,
        common: &RelPath,
        budget: &mut Budget,
        visit: &mut dyn FnMut(&Seen<'_>, BorrowedFd<'_>) -> Result<()>,
    ) -> Result<u64> {
        let mut left_out = 0;
        for path in ask.paths {
            if is_half_written(path) || path.is_root() {
                return Err(Error::BadPath(path.to_string()));
            }
            let (parent, name) = self.parent_of(path)?;
            let stat = rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(explain(path.as_str()))?;
            budget.entry()?;
            let top = Seen {
                name: name.as_bytes(),
                path: path.as_str(),
                shown: below(path.as_str(), common),
                kind: kind(&stat),
                stat,
            };
            visit(&top, parent.as_fd())?;
            if top.kind != Kind::Directory {
                continue;
            }
            let dir =
                open_dir_at(parent.as_fd(), name.as_bytes()).map_err(explain(path.as_str()))?;
            let real = self.real(&parent, Some(name), path)?;
            let mut walk = Walk::of(dir, path.as_str())?;
            while let Some(found) = walk.next()? {
                budget.entry()?;
                // By a name that is no text nobody could ask for it.
                let text = std::str::from_utf8(&found.name).is_ok();
                let inside = found.path.strip_prefix(path.as_str());
                let inside = inside.unwrap_or(&found.path).trim_start_matches('/');
                if !text || self.holds_back(path, &real, inside) {
                    left_out += 1;
                    continue;
                }
                if found.kind == Kind::Directory && !walk.enter(&found)? {
                    continue;
                }
                let seen = Seen {
                    name: &found.name,
                    path: &found.path,
                    shown: below(&found.path, common),
                    kind: found.kind,
                    stat: found.stat,
                };
                let Some(here) = walk.here() else { break };
                visit(&seen, here)?;
            }
        }
        Ok(left_out)
    }
}

/// The directory that all of them stand in.
fn common(paths: &[RelPath]) -> RelPath {
    let mut above = paths.iter().map(|path| path.split().0);
    let Some(mut common) = above.next() else {
        return RelPath::root();
    };
    for dir in above {
        while !dir.starts_with(&common) {
            common = common.split().0;
        }
    }
    common
}

fn below<'p>(path: &'p str, common: &RelPath) -> &'p str {
    let rest = path.strip_prefix(common.as_str()).unwrap_or(path);
    rest.trim_start_matches('/')
}

/// An entry that is to be packed.
struct Seen<'a> {
    /// In its directory.
    name: &'a [u8],
    /// From the root.
    path: &'a str,
    /// In the archive.
    shown: &'a str,
    kind: Kind,
    stat: Stat,
}

struct Packing<'a> {
    writer: &'a mut dyn Writer,
    budget: &'a Budget,
    tally: &'a Tally,
}

impl Packing<'_> {
    /// False: it was left out. The inner error is the archive's.
    fn one(&mut self, seen: &Seen<'_>, parent: BorrowedFd<'_>) -> Result<io::Result<bool>> {
        let (mode, at) = (seen.stat.st_mode & 0o777, seen.stat.st_mtime);
        Ok(match seen.kind {
            Kind::Directory => {
                let made = self.writer.directory(seen.shown, mode, at);
                made.map(|()| true)
            }
            Kind::Symlink => {
                let Ok(target) = rustix::fs::readlinkat(parent, seen.name, Vec::new()) else {
                    return Ok(Ok(false));
                };
                let (Ok(target), Ok(path)) = (target.to_str(), seen.path.parse()) else {
                    return Ok(Ok(false));
                };
                // Nobody could unpack it again.
                if leads_to(&path, target).is_err() {
                    return Ok(Ok(false));
                }
                let made = self.writer.link(seen.shown, target, at);
                made.map(|()| true)
            }
            Kind::File => {
                let Some((file, size)) = open(parent, seen) else {
                    return Ok(Ok(false));
                };
                let mut from = Source {
                    file,
                    budget: self.budget,
                    tally: self.tally,
                    failed: false,
                };
                let made = self.writer.file(seen.shown, mode, at, size, &mut from);
                self.budget.goes_on()?;
                made.map(|whole| whole && !from.failed)
            }
            Kind::Other => Ok(false),
        })
    }
}

/// None: swapped or removed under us, or not to be read.
fn open(parent: BorrowedFd<'_>, seen: &Seen<'_>) -> Option<(File, u64)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(parent, seen.name, flags, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&fd).ok()?;
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    (kind(&stat) == Kind::File).then(|| (File::from(fd), size))
}

/// A file that is packed. One that can't be read further ends there.
struct Source<'a> {
    file: File,
    budget: &'a Budget,
    tally: &'a Tally,
    failed: bool,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.failed {
            return Ok(0);
        }
        late(self.budget)?;
        match self.file.read(buffer) {
            Ok(n) => {
                self.tally.has_read(n as u64);
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            Err(_) => {
                self.failed = true;
                Ok(0)
            }
        }
    }
}

/// Why an archive could not be written on, whatever the writers make of it.
#[derive(Clone, Default)]
struct Said(Rc<RefCell<Option<Error>>>);

impl Said {
    fn take(&self) -> Option<Error> {
        self.0.borrow_mut().take()
    }

    fn broken(&self, e: Error) -> io::Error {
        self.0.borrow_mut().get_or_insert(e);
        io::Error::other("the archive can't be written on")
    }
}

/// The archive's file, within the budget.
pub(super) struct Out<'a> {
    file: File,
    path: &'a RelPath,
    budget: Budget,
    tally: &'a Tally,
    said: Said,
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let spent = self.budget.spend(bytes.len() as u64);
        spent.map_err(|e| self.said.broken(e))?;
        let written = self.file.write_all(bytes);
        written.map_err(|e| self.said.broken(failed(self.path, &e)))?;
        self.tally.has_written(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Out<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_begin_in_the_directory_that_all_have_in_common() {
        let of = |paths: &[&str]| {
            let paths: Vec<RelPath> = paths.iter().map(|p| p.parse().unwrap()).collect();
            common(&paths).as_str().to_owned()
        };
        assert_eq!(of(&["a/b/c", "a/b/d"]), "a/b");
        assert_eq!(of(&["a/b/c", "a/bb"]), "a");
        assert_eq!(of(&["a", "b/c"]), "");
        assert_eq!(of(&["a/b"]), "a");
        assert_eq!(below("a/b/c", &"a".parse().unwrap()), "b/c");
        assert_eq!(below("a/b", &RelPath::root()), "a/b");
    }
}
