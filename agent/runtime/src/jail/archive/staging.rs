//! A directory of its own for what is being unpacked, until all of it is there.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::jail::partial::temporary;
use crate::jail::tree::empty;
use crate::jail::{Error, Jail, RelPath, Result, explain, open_dir_at};

/// A root of its own, below which all is unpacked: a link in an archive leads no further than that. Dropped, it goes with
/// all that is in it.
#[derive(Debug)]
pub(super) struct Staging {
    parent: OwnedFd,
    name: String,
    pub jail: Jail,
}

impl Staging {
    /// Below the root of `jail`. Root's alone: the game can't reach into it until what is in it has been put in place.
    pub fn make(jail: &Jail, id: &str) -> Result<Self> {
        let (parent, name) = place(jail, id)?;
        rustix::fs::mkdirat(&parent, &name, Mode::RWXU).map_err(explain(&name))?;
        Self::of(parent, name)
    }

    /// What an earlier process has left.
    /// # Errors
    /// `NotFound`.
    pub fn left(jail: &Jail, id: &str) -> Result<Self> {
        let (parent, name) = place(jail, id)?;
        Self::of(parent, name)
    }

    fn of(parent: OwnedFd, name: String) -> Result<Self> {
        let root = open_dir_at(parent.as_fd(), name.as_bytes()).map_err(explain(&name))?;
        let denied = Arc::default();
        Ok(Self {
            parent,
            name,
            jail: Jail { root, denied },
        })
    }
}

/// The root's handle and the name in it.
fn place(jail: &Jail, id: &str) -> Result<(OwnedFd, String)> {
    if id.is_empty() || id.len() > 64 || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Error::BadPath(id.chars().take(64).collect()));
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    let parent = jail.open_beneath(&RelPath::root(), flags, Mode::empty())?;
    Ok((parent, temporary(id)))
}

impl Drop for Staging {
    fn drop(&mut self) {
        // By the handle: whatever stands under the name by now.
        let _ = empty(&self.jail.root, &RelPath::root());
        match rustix::fs::unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(errno) => tracing::warn!("{} can't be removed: {errno}", self.name),
        }
    }
}
