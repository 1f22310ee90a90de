//! What is done to single entries: bits, times, links, and the removal of one.

use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};

use super::write::chown_at;
use super::{Error, Jail, Kind, RelPath, Result, explain, kind, own_name};

/// Linux takes no longer text in a link.
const MAX_TARGET: usize = 4095;

impl Jail {
    /// Sets permission bits of a file or directory, through a symlink as long as it stays inside.
    /// # Errors
    /// `NotAFile` for FIFOs, sockets and devices.
    pub fn chmod(&self, path: &RelPath, mode: u32) -> Result<()> {
        let fd = self.open_beneath(path, OFlags::PATH, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd).map_err(explain(path.as_str()))?;
        if !matches!(kind(&stat), Kind::File | Kind::Directory) {
            return Err(Error::NotAFile(path.to_string()));
        }
        // Opening for more than a path would wake what a device or a FIFO does; its own name is of this very entry.
        let mode = Mode::from_raw_mode(mode & 0o777);
        rustix::fs::chmod(own_name(&fd), mode).map_err(explain(path.as_str()))
    }

    /// Sets both times. Without `follow` a symlink's own.
    pub fn set_times(
        &self,
        path: &RelPath,
        accessed: SystemTime,
        modified: SystemTime,
        follow: bool,
    ) -> Result<()> {
        let times = Timestamps {
            last_access: timespec(accessed),
            last_modification: timespec(modified),
        };
        if !follow {
            let (parent, name) = self.parent_of(path)?;
            return rustix::fs::utimensat(&parent, name, &times, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(explain(path.as_str()));
        }
        let fd = self.open_beneath(path, OFlags::PATH, Mode::empty())?;
        rustix::fs::utimensat(rustix::fs::CWD, own_name(&fd), &times, AtFlags::empty())
            .map_err(explain(path.as_str()))
    }

    /// Makes a symlink. Nothing is replaced.
    /// # Errors
    /// `Outside` when the target is absolute or leads above the root by its own text, `Denied` when it is kept back.
    pub fn symlink(&self, path: &RelPath, target: &str, owner: Option<(u32, u32)>) -> Result<()> {
        let (parent, name) = self.parent_of(path)?;
        let leads = leads_to(path, target)?;
        self.permit(leads.as_str())?;
        rustix::fs::symlinkat(target, &parent, name).map_err(explain(path.as_str()))?;
        match owner {
            Some((uid, gid)) => chown_at(&parent, name, uid, gid).map_err(explain(path.as_str())),
            None => Ok(()),
        }
    }

    /// Removes one entry: with `directory` an empty directory, else anything that is none.
    pub fn remove(&self, path: &RelPath, directory: bool) -> Result<()> {
        let (parent, name) = self.parent_of(path)?;
        let flags = match directory {
            true => AtFlags::REMOVEDIR,
            false => AtFlags::empty(),
        };
        rustix::fs::unlinkat(&parent, name, flags).map_err(explain(path.as_str()))
    }
}

fn timespec(time: SystemTime) -> Timespec {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timespec {
        tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(since.subsec_nanos()),
    }
}

/// Where a link at `path` leads by its text alone: below the root, or it is refused. Whatever links stand on the way
/// there are judged by the kernel each time that somebody goes it.
pub(super) fn leads_to(path: &RelPath, target: &str) -> Result<RelPath> {
    let out = || Error::Outside(target.chars().take(200).collect());
    if target.is_empty() || target.len() > MAX_TARGET || target.contains('\0') {
        return Err(Error::BadPath(target.chars().take(200).collect()));
    }
    if target.starts_with('/') {
        return Err(out());
    }
    let above = path.split().0;
    let mut parts: Vec<&str> = above.as_str().split('/').collect();
    parts.retain(|part| !part.is_empty());
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(out)?;
            }
            part => parts.push(part),
        }
    }
    parts.join("/").parse()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_link_leads_below_the_root_by_its_own_text_or_is_refused() {
        let at: RelPath = "a/b/link".parse().unwrap();
        for (target, to) in [
            ("x", "a/b/x"),
            ("../x", "a/x"),
            ("../../x", "x"),
            ("../..", ""),
            ("./x//y/../z", "a/b/x/z"),
        ] {
            assert_eq!(leads_to(&at, target).unwrap().as_str(), to, "{target}");
        }
        for out in [
            "/etc/passwd",
            "../../../x",
            "../../../a/b/x",
            "x/../../../../y",
            "/",
        ] {
            assert!(
                matches!(leads_to(&at, out), Err(Error::Outside(_))),
                "{out}"
            );
        }
        assert!(leads_to(&at, "").is_err() && leads_to(&at, "a\0b").is_err());
        assert!(leads_to(&at, &"x/".repeat(3000)).is_err());
    }
}
