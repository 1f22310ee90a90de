//! What was being made when somebody pulled the plug: nobody sees it, nobody comes for it, and it takes room.

use std::os::fd::{AsFd, OwnedFd};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Dir, Mode, OFlags};

use super::tree::{MAX_DEPTH, empty};
use super::write::is_temporary;
use super::{Budget, Jail, Kind, RelPath, Result, explain, kind, open_dir_at, time};

impl Jail {
    /// Removes what stands under a name of ours and was last touched before that, and says how many that were. Whoever
    /// makes such things touches them more often.
    /// # Errors
    /// What the budget says.
    pub fn sweep(&self, before: SystemTime, budget: &mut Budget) -> Result<u64> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let root = self.open_any(&RelPath::root(), flags, Mode::empty())?;
        let mut swept = 0;
        let dir = Dir::read_from(&root).map_err(explain(""))?;
        let mut stack = vec![(root, dir)];
        while let Some((fd, dir)) = stack.last_mut() {
            // A directory that can't be read further was removed under us.
            let Some(Ok(item)) = dir.next() else {
                stack.pop();
                continue;
            };
            let name = item.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            budget.entry()?;
            let Ok(stat) = rustix::fs::statat(&*fd, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if is_temporary(name.to_bytes()) {
                if time(stat.st_mtime, stat.st_mtime_nsec) < before
                    && remove(fd, name, kind(&stat)).is_ok()
                {
                    swept += 1;
                }
                continue;
            }
            if kind(&stat) != Kind::Directory || stack.len() >= MAX_DEPTH {
                continue;
            }
            let Some(next) = enter(&stack, name) else {
                continue;
            };
            stack.push(next);
        }
        Ok(swept)
    }
}

fn enter(stack: &[(OwnedFd, Dir)], name: &std::ffi::CStr) -> Option<(OwnedFd, Dir)> {
    let (above, _) = stack.last()?;
    let fd = open_dir_at(above.as_fd(), name.to_bytes()).ok()?;
    let dir = Dir::read_from(&fd).ok()?;
    Some((fd, dir))
}

fn remove(parent: &OwnedFd, name: &std::ffi::CStr, kind: Kind) -> Result<()> {
    if kind != Kind::Directory {
        return rustix::fs::unlinkat(parent, name, AtFlags::empty()).map_err(explain(""));
    }
    let dir = open_dir_at(parent.as_fd(), name.to_bytes()).map_err(explain(""))?;
    empty(&dir, &RelPath::root())?;
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR).map_err(explain(""))
}
