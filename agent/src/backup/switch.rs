//! Puts staged files in the place of a server's own, a rename at a time. What is on disk says which are done, so that
//! a process after this one goes on where it ended.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// What stands in one place, one after the other, while it is switched.
const MOST_KEPT: usize = 1000;

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
                    Err(Errno::EXIST) => {}
                    Err(e) => return Err(e.into()),
                }
                dir = below(&dir, name)?;
            }
        }
        Ok(())
    }

    /// Opens all directories that renames go from and to. What can't work shows here: nothing is switched yet.
    /// # Errors
    /// One is gone, or a symlink.
    pub fn open(self) -> io::Result<Open> {
        let mut places = Vec::new();
        for (at, path) in self.paths.iter().enumerate() {
            let Some(name) = Path::new(path).file_name() else {
                continue;
            };
            let find = |top: &Path| -> io::Result<OwnedFd> {
                parents(path).try_fold(open(top)?, |dir, name| below(&dir, name))
            };
            let staged = match find(&self.new_dir()) {
                Ok(dir) => dir,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            places.push(Place {
                at,
                name: name.to_owned(),
                staged,
                to: find(&self.root)?,
            });
        }
        let old = match self.paths.is_empty() {
            true => None,
            false => Some(open(&self.stage.join("old"))?),
        };
        Ok(Open {
            switch: self,
            places,
            old,
        })
    }

    /// Removes the stage, with what was there before the switch.
    /// # Errors
    /// The disk.
    pub fn clear(&self) -> io::Result<()> {
        clear(&self.stage)
    }
}

/// A switch under way. It goes to where its directories were found, whatever names they have by now: once it has begun
/// only the disk can break it off.
pub struct Open {
    /// What is switched.
    pub switch: Switch,
    places: Vec<Place>,
    /// Of what was there before; none where all of it is switched at once.
    old: Option<OwnedFd>,
}

struct Place {
    at: usize,
    name: OsString,
    staged: OwnedFd,
    to: OwnedFd,
}

impl Open {
    /// Does the next rename. False: all are done.
    /// # Errors
    /// The disk.
    pub fn step(&self) -> io::Result<bool> {
        let Some(old) = &self.old else {
            return self.whole();
        };
        for place in &self.places {
            if place.step(old)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn whole(&self) -> io::Result<bool> {
        let (root, stage) = (&self.switch.root, &self.switch.stage);
        if std::fs::symlink_metadata(root)?.ino() == self.switch.inode {
            return Ok(false);
        }
        let cwd = rustix::fs::CWD;
        let new = self.switch.new_dir();
        rustix::fs::renameat_with(cwd, root, cwd, &new, RenameFlags::EXCHANGE)?;
        for dir in [root.parent(), Some(&**stage)].into_iter().flatten() {
            std::fs::File::open(dir)?.sync_all()?;
        }
        Ok(true)
    }
}

impl Place {
    /// As long as it is staged, what stands in its place is something else.
    fn step(&self, old: &OwnedFd) -> io::Result<bool> {
        if !is_there(&self.staged, &self.name)? {
            return Ok(false);
        }
        if is_there(&self.to, &self.name)? {
            self.keep(old)?;
            return Ok(true);
        }
        let put = rustix::fs::renameat_with(
            &self.staged,
            &self.name,
            &self.to,
            &self.name,
            RenameFlags::NOREPLACE,
        );
        match put {
            // Something has come meanwhile: it goes the way of what was there.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        }
        rustix::fs::fsync(&reopen(&self.to)?)?;
        Ok(true)
    }

    fn keep(&self, old: &OwnedFd) -> io::Result<()> {
        for n in 0..MOST_KEPT {
            let kept = format!("{}.{n}", self.at);
            let flags = RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(&self.to, &self.name, old, &kept, flags) {
                Err(Errno::EXIST) => {}
                // Gone by itself.
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(e) => return Err(e.into()),
            }
        }
        Err(io::Error::other(
            "something is made in its place again and again",
        ))
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
        Err(Errno::NOENT) => Ok(false),
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
            let open = switch.open().unwrap();
            for _ in 0..done {
                open.step().unwrap();
            }
            let again: Switch = serde_json::from_str(&note).unwrap();
            let open = again.clone().open().unwrap();
            while open.step().unwrap() {}
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
            let open = switch.open().unwrap();
            for _ in 0..done {
                open.step().unwrap();
            }
            while open.step().unwrap() {}
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
        assert!(switch.open().is_err());
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn what_comes_or_goes_meanwhile_breaks_no_switch_off() {
        let world = world();
        let paths = ["/a/b/one", "/three"];
        let open = staged(&world, &paths, &["a/b/one", "three"])
            .open()
            .unwrap();
        // A directory gets another name, and a link has its old one.
        std::fs::rename(world.root.join("a/b"), world.root.join("moved")).unwrap();
        std::os::unix::fs::symlink("/", world.root.join("a/b")).unwrap();
        assert!(open.step().unwrap());
        // Moved away, it comes again.
        for again in 0..3 {
            std::fs::write(world.root.join("moved/one"), "again").unwrap();
            assert!(open.step().unwrap(), "{again}");
        }
        while open.step().unwrap() {}
        assert_eq!(read(&world.root, "moved/one").as_deref(), Some("after"));
        assert_eq!(read(&world.root, "three").as_deref(), Some("after"));
        assert_eq!(read(&world.stage, "old/0.3").as_deref(), Some("again"));
    }
}
