//! What was unpacked, moved into its place.

use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::jail::walk::{Found, Walk};
use crate::jail::{Error, Jail, Kind, RelPath, Result, explain, open_dir_at};

/// What to do with what is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// Nothing is unpacked at all.
    #[default]
    Fail,
    /// Files are replaced.
    Overwrite,
    /// It stays.
    Skip,
}

impl Existing {
    /// The word in messages.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "refuse" => Some(Self::Fail),
            "replace" => Some(Self::Overwrite),
            "skip" => Some(Self::Skip),
            _ => None,
        }
    }
}

/// Moves all that is below `from` into the directory `to`, and says what was left where it was. Where that can't succeed
/// whole, it does not begin.
pub(super) fn merge(
    jail: &Jail,
    from: &Jail,
    to: &RelPath,
    existing: Existing,
    owner: Option<(u32, u32)>,
) -> Result<u64> {
    if !to.is_root() {
        jail.mkdir_all(to, owner)?;
    }
    let dir = jail.open_beneath(to, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
    // A root of its own: a link on the way leads no further than `to`.
    let target = Jail {
        root: dir,
        denied: Arc::default(),
    };
    let sifted = sift(jail, from, to, &jail.real(&target.root, None, to)?)?;
    let moving = Moving {
        from,
        target: &target,
        existing,
    };
    moving.pass(false)?;
    Ok(sifted + moving.pass(true)?)
}

/// Gives up what is kept back where it is to go: `to` may be a link, and may have become one since.
fn sift(jail: &Jail, from: &Jail, to: &RelPath, real: &RelPath) -> Result<u64> {
    if jail.denied.is_empty() {
        return Ok(0);
    }
    let root = open_dir_at(from.root.as_fd(), b".").map_err(explain(""))?;
    let (mut walk, mut left) = (Walk::of(root, "")?, 0);
    while let Some(found) = walk.next()? {
        if found.kind == Kind::Directory {
            walk.enter(&found)?;
        } else if jail.holds_back(to, real, &found.path)
            && let Some(here) = walk.here()
        {
            rustix::fs::unlinkat(here, &*found.name, AtFlags::empty())
                .map_err(explain(&found.path))?;
            left += 1;
        }
    }
    Ok(left)
}

struct Moving<'a> {
    from: &'a Jail,
    target: &'a Jail,
    existing: Existing,
}

impl Moving<'_> {
    /// Once only looking, once doing.
    fn pass(&self, doing: bool) -> Result<u64> {
        let root = open_dir_at(self.from.root.as_fd(), b".").map_err(explain(""))?;
        let mut walk = Walk::of(root, "")?;
        let mut left = 0;
        while let Some(found) = walk.next()? {
            let path: RelPath = found.path.parse()?;
            let there = self.there(&path)?;
            match (found.kind, there) {
                (Kind::Directory, Some(Kind::Directory)) => {
                    walk.enter(&found)?;
                    continue;
                }
                (_, None) => {}
                (_, Some(_)) if self.existing == Existing::Skip => {
                    left += 1;
                    continue;
                }
                (Kind::Directory, Some(_)) | (_, Some(Kind::Directory)) => {
                    return Err(Error::Exists(path.to_string()));
                }
                (_, Some(_)) if self.existing == Existing::Overwrite => {}
                (_, Some(_)) => return Err(Error::Exists(path.to_string())),
            }
            if doing && !self.one(&walk, &found, &path)? {
                left += 1;
            }
        }
        Ok(left)
    }

    fn there(&self, path: &RelPath) -> Result<Option<Kind>> {
        match self.target.stat(path) {
            Ok(entry) => Ok(Some(entry.kind)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(Error::NotADirectory(_)) if self.existing == Existing::Skip => {
                Ok(Some(Kind::Other))
            }
            Err(e) => Err(e),
        }
    }

    fn one(&self, walk: &Walk, found: &Found, path: &RelPath) -> Result<bool> {
        let Some(here) = walk.here() else {
            return Ok(false);
        };
        let (parent, name) = self.target.parent_of(path)?;
        let flags = match self.existing {
            Existing::Overwrite => RenameFlags::empty(),
            Existing::Fail | Existing::Skip => RenameFlags::NOREPLACE,
        };
        match rustix::fs::renameat_with(here, &*found.name, &parent, name, flags) {
            Ok(()) => Ok(true),
            // It has come since: as if it had been there.
            Err(Errno::EXIST) if self.existing == Existing::Skip => Ok(false),
            Err(errno) => Err(explain(path.as_str())(errno)),
        }
    }
}
