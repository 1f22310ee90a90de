//! Puts staged files in the place of a server's own, a rename at a time. What is on disk says which are done, so that
//! a process after this one goes on where it ended.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, ResolveFlags};
use serde::{Deserialize, Serialize};

/// What is switched, as a note has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// The server's files.
    pub root: PathBuf,
    /// Holds `new`, and what was there before.
    pub stage: PathBuf,
    /// None: all.
    pub paths: Vec<String>,
    /// Of `new`, by which it is known in its new place.
    pub inode: u64,
}

impl Switch {
    /// Makes an empty stage; what an earlier one has left is removed.
    /// # Errors
    /// The disk.
    pub fn stage(root: &Path, stage: &Path, paths: &[String], uid: u32) -> io::Result<Self> {
        clear(stage)?;
        let new = stage.join("new");
        std::fs::create_dir_all(&new)?;
        std::fs::create_dir_all(stage.join("old"))?;
        std::os::unix::fs::chown(&new, Some(uid), Some(uid))?;
        let mode = std::fs::metadata(root)?.permissions();
        std::fs::set_permissions(&new, mode)?;
        Ok(Self {
            root: root.to_owned(),
            stage: stage.to_owned(),
            paths: outermost(paths),
            inode: std::fs::metadata(&new)?.ino(),
        })
    }

    /// Where files are staged.
    pub fn new_dir(&self) -> PathBuf {
        self.stage.join("new")
    }

    /// Makes the directories that paths need. Nothing is switched yet: what can't work shows here.
    /// # Errors
    /// A parent is no directory, or a symlink.
    pub fn prepare(&self, uid: u32) -> io::Result<()> {
        for path in &self.paths {
            let mut dir = open(&self.root)?;
            for name in parents(path) {
                match rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(0o755)) {
                    Ok(()) => {
                        let (uid, gid) = (
                            Some(rustix::fs::Uid::from_raw(uid)),
                            Some(rustix::fs::Gid::from_raw(uid)),
                        );
                        rustix::fs::chownat(&dir, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
                    }
                    Err(rustix::io::Errno::EXIST) => {}
                    Err(e) => return Err(e.into()),
                }
                dir = below(&dir, name)?;
            }
        }
        Ok(())
    }

    /// Does the next rename. False: all are done.
    /// # Errors
    /// The disk.
    pub fn step(&self) -> io::Result<bool> {
        if self.paths.is_empty() {
            return self.whole();
        }
        for (at, path) in self.paths.iter().enumerate() {
            if self.one(at, path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn whole(&self) -> io::Result<bool> {
        if std::fs::symlink_metadata(&self.root)?.ino() == self.inode {
            return Ok(false);
        }
        let cwd = rustix::fs::CWD;
        let new = self.new_dir();
        rustix::fs::renameat_with(cwd, &self.root, cwd, &new, RenameFlags::EXCHANGE)?;
        for dir in [self.root.parent(), Some(&*self.stage)]
            .into_iter()
            .flatten()
        {
            std::fs::File::open(dir)?.sync_all()?;
        }
        Ok(true)
    }

    fn one(&self, at: usize, path: &str) -> io::Result<bool> {
        let Some(name) = Path::new(path).file_name() else {
            return Ok(false);
        };
        let find = |top: &Path| -> io::Result<OwnedFd> {
            parents(path).try_fold(open(top)?, |dir, name| below(&dir, name))
        };
        let staged = match find(&self.new_dir()) {
            Ok(dir) => dir,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e),
        };
        if !is_there(&staged, name)? {
            return Ok(false);
        }
        let (to, old) = (find(&self.root)?, open(&self.stage.join("old"))?);
        let kept = at.to_string();
        if is_there(&to, name)? && !is_there(&old, OsStr::new(&kept))? {
            rustix::fs::renameat_with(&to, name, &old, &*kept, RenameFlags::NOREPLACE)?;
            return Ok(true);
        }
        rustix::fs::renameat_with(&staged, name, &to, name, RenameFlags::NOREPLACE)?;
        rustix::fs::fsync(&reopen(&to)?)?;
        Ok(true)
    }

    /// Removes the stage, with what was there before the switch.
    /// # Errors
    /// The disk.
    pub fn clear(&self) -> io::Result<()> {
        clear(&self.stage)
    }
}

fn clear(stage: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(stage) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Without those that lie in another of them.
fn outermost(paths: &[String]) -> Vec<String> {
    let inside = |path: &str| {
        paths
            .iter()
            .any(|other| other != path && Path::new(path).starts_with(other))
    };
    let mut kept: Vec<String> = paths.iter().filter(|p| !inside(p)).cloned().collect();
    kept.sort();
    kept.dedup();
    kept
}

fn parents(path: &str) -> impl Iterator<Item = &OsStr> {
    let parent = Path::new(path).parent().unwrap_or(Path::new("/"));
    parent.components().filter_map(|c| match c {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

fn open(dir: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(dir, flags, Mode::empty())?)
}

/// One directory down, never through a symlink: a game may have put one in the way.
fn below(dir: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    Ok(rustix::fs::openat2(
        dir,
        name,
        flags,
        Mode::empty(),
        resolve,
    )?)
}

fn reopen(dir: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(dir, ".", flags, Mode::empty())?)
}

fn is_there(dir: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct World {
        _dir: tempfile::TempDir,
        root: PathBuf,
        stage: PathBuf,
    }

    fn world() -> World {
        let dir = tempfile::tempdir().unwrap();
        let (root, stage) = (dir.path().join("root"), dir.path().join("stage"));
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        for file in ["a/b/one", "a/two", "three"] {
            std::fs::write(root.join(file), "before").unwrap();
        }
        World {
            _dir: dir,
            root,
            stage,
        }
    }

    fn staged(world: &World, paths: &[&str], files: &[&str]) -> Switch {
        let paths: Vec<String> = paths.iter().map(|p| (*p).to_owned()).collect();
        let uid = std::fs::metadata(&world.root).unwrap().uid();
        let switch = Switch::stage(&world.root, &world.stage, &paths, uid).unwrap();
        for file in files {
            let path = switch.new_dir().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "after").unwrap();
        }
        switch.prepare(uid).unwrap();
        switch
    }

    fn read(root: &Path, file: &str) -> Option<String> {
        std::fs::read_to_string(root.join(file)).ok()
    }

    /// Killed after each number of renames, a process that reads the note goes on to the same end.
    #[test]
    fn a_switch_that_is_broken_off_anywhere_is_gone_on_with() {
        for done in 0..8 {
            let world = world();
            let paths = ["/a/b/one", "/a/b", "/fresh/deep/file", "/three"];
            let files = ["a/b/one", "a/b/more", "fresh/deep/file", "three"];
            let switch = staged(&world, &paths, &files);
            let note = serde_json::to_string(&switch).unwrap();
            for _ in 0..done {
                switch.step().unwrap();
            }
            let again: Switch = serde_json::from_str(&note).unwrap();
            while again.step().unwrap() {}
            for file in files {
                assert_eq!(read(&world.root, file).as_deref(), Some("after"), "{file}");
            }
            assert_eq!(read(&world.root, "a/two").as_deref(), Some("before"));
            again.clear().unwrap();
            assert!(!world.stage.exists());
        }
    }

    #[test]
    fn all_of_it_is_switched_once() {
        for done in 0..3 {
            let world = world();
            let switch = staged(&world, &[], &["a/two"]);
            for _ in 0..done {
                switch.step().unwrap();
            }
            while switch.step().unwrap() {}
            assert_eq!(read(&world.root, "a/two").as_deref(), Some("after"));
            assert_eq!(read(&world.root, "three"), None);
            assert_eq!(read(&world.stage, "new/three").as_deref(), Some("before"));
        }
    }

    #[test]
    fn a_symlink_in_the_way_of_a_path_is_refused_before_anything_is_switched() {
        let world = world();
        let outside = world.stage.with_file_name("outside");
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, world.root.join("link")).unwrap();
        let uid = std::fs::metadata(&world.root).unwrap().uid();
        let paths = ["/link/file".to_owned()];
        let switch = Switch::stage(&world.root, &world.stage, &paths, uid).unwrap();
        std::fs::create_dir(switch.new_dir().join("link")).unwrap();
        std::fs::write(switch.new_dir().join("link/file"), "x").unwrap();
        assert!(switch.prepare(uid).is_err());
        assert!(switch.step().is_err());
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    }
}
