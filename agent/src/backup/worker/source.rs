//! A server's files, as rustic reads them: by handles of directories, a name at a time, never through a symlink.
//!
//! A game may change all of it meanwhile. Whatever is opened is looked at again through its handle: only a regular
//! file is read, so that a FIFO in a file's place holds nobody up.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use parking_lot::Mutex;
use rustic_core::jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{
    ErrorKind, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticError, RusticResult,
};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::{Failed, Result};

/// Directories below one another; one handle each is held.
const MAX_DEPTH: usize = 1000;
/// The server's own list of what is not to be backed up.
const IGNORE_FILE: &str = ".pteroignore";
const MOST_IGNORE_BYTES: u64 = 64 << 10;
/// Words for a person about what is left out.
const MOST_WARNINGS: usize = 20;
/// A file that claims to be larger than this and is nearly all hole is left out: reading a terabyte of nothing takes
/// hours.
const SPARSE_BYTES: u64 = 64 << 30;

/// What is left out.
#[derive(Debug, Default)]
pub struct Notes {
    told: Mutex<(u64, Vec<String>)>,
}

impl Notes {
    fn skip(&self, path: &Path, why: &str) {
        let mut told = self.told.lock();
        told.0 += 1;
        if told.1.len() < MOST_WARNINGS {
            // Names may hold anything.
            told.1.push(format!("{path:?}: {why}"));
        }
    }

    /// How much, and some of it in words.
    pub fn tell(&self) -> (u64, Vec<String>) {
        self.told.lock().clone()
    }
}

/// See the module.
pub struct Source {
    root: Arc<OwnedFd>,
    rules: Arc<Gitignore>,
    notes: Arc<Notes>,
}

impl Source {
    /// Opens the directory, with the rules of its own ignore file and those of the task.
    pub fn open(root: &Path, ignore: &[String]) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let failed = |e| Failed::new("files", format!("open the server's files: {e}"));
        let root = rustix::fs::open(root, flags, Mode::empty()).map_err(failed)?;
        let mut builder = GitignoreBuilder::new("/");
        let own = own_rules(&root);
        for line in own.lines().chain(ignore.iter().map(String::as_str)) {
            // A line that is no pattern leaves nothing out.
            let _ = builder.add_line(None, line);
        }
        let rules = builder
            .build()
            .map_err(|e| Failed::new("ignore_invalid", e))?;
        Ok(Self {
            root: Arc::new(root),
            rules: Arc::new(rules),
            notes: Arc::default(),
        })
    }

    /// What is left out.
    pub fn notes(&self) -> Arc<Notes> {
        self.notes.clone()
    }

    fn walk(&self, notes: Arc<Notes>) -> Walk {
        let mut walk = Walk {
            stack: Vec::new(),
            rules: self.rules.clone(),
            notes,
        };
        walk.enter(self.root.clone(), PathBuf::from("/"));
        walk
    }
}

fn own_rules(root: &OwnedFd) -> String {
    let Ok(file) = open_regular(root, OsStr::new(IGNORE_FILE)) else {
        return String::new();
    };
    let mut bytes = Vec::new();
    match file.take(MOST_IGNORE_BYTES).read_to_end(&mut bytes) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// Opens a file by its single name, if it is a regular one by then.
fn open_regular(dir: &OwnedFd, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no file any more")),
    }
}

impl ReadSource for Source {
    type Open = Opening;
    type Iter = Walk;

    fn size(&self) -> RusticResult<Option<u64>> {
        let entries = self.walk(Arc::default());
        let files = entries.filter_map(std::result::Result::ok);
        Ok(Some(files.map(|e| e.node.meta.size).sum()))
    }

    fn entries(&self) -> Walk {
        self.walk(self.notes.clone())
    }
}

/// A file that is about to be opened.
pub struct Opening {
    dir: Arc<OwnedFd>,
    path: PathBuf,
    notes: Arc<Notes>,
}

impl ReadSourceOpen for Opening {
    type Reader = Reading;

    fn open(self) -> RusticResult<Reading> {
        let name = self.path.file_name().unwrap_or_default();
        match open_regular(&self.dir, name) {
            Ok(file) => Ok(Reading {
                file,
                path: self.path,
                notes: self.notes,
            }),
            Err(e) => {
                self.notes.skip(&self.path, &e.to_string());
                let text = "a file could not be opened";
                Err(RusticError::with_source(ErrorKind::InputOutput, text, e))
            }
        }
    }
}

/// A file that is read.
pub struct Reading {
    file: File,
    path: PathBuf,
    notes: Arc<Notes>,
}

impl Read for Reading {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read(buf).inspect_err(|e| {
            if e.kind() != io::ErrorKind::Interrupted {
                self.notes.skip(&self.path, &e.to_string());
            }
        })
    }
}

struct Level {
    dir: Arc<OwnedFd>,
    path: PathBuf,
    /// The next one last.
    names: Vec<Vec<u8>>,
}

/// All entries, each directory before what is in it, in the order of their names.
pub struct Walk {
    stack: Vec<Level>,
    rules: Arc<Gitignore>,
    notes: Arc<Notes>,
}

impl Walk {
    fn enter(&mut self, dir: Arc<OwnedFd>, path: PathBuf) {
        match names(&dir) {
            Ok(names) => self.stack.push(Level { dir, path, names }),
            Err(e) => self.notes.skip(&path, &e.to_string()),
        }
    }

    fn entry(&mut self, dir: &Arc<OwnedFd>, path: PathBuf) -> Option<ReadSourceEntry<Opening>> {
        let name = path.file_name()?.to_owned();
        let stat = match rustix::fs::statat(&**dir, &*name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // Gone since its name was read: as if it had never been.
            Err(rustix::io::Errno::NOENT) => return None,
            Err(e) => {
                self.notes.skip(&path, &e.to_string());
                return None;
            }
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        let is_dir = kind == FileType::Directory;
        if self.rules.matched(&path, is_dir).is_ignore() {
            return None;
        }
        let (node_type, open) = match kind {
            FileType::RegularFile => {
                if is_hollow(&stat) {
                    let text = "it is nearly all hole and too large to be read";
                    self.notes.skip(&path, text);
                    return None;
                }
                let open = Opening {
                    dir: dir.clone(),
                    path: path.clone(),
                    notes: self.notes.clone(),
                };
                (NodeType::File, Some(open))
            }
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                if self.stack.len() >= MAX_DEPTH {
                    self.notes.skip(&path, "it is nested too deeply");
                    return None;
                }
                match rustix::fs::openat(&**dir, &*name, flags, Mode::empty()) {
                    Ok(fd) => self.enter(Arc::new(fd), path.clone()),
                    Err(e) => {
                        self.notes.skip(&path, &e.to_string());
                        return None;
                    }
                }
                (NodeType::Dir, None)
            }
            FileType::Symlink => match rustix::fs::readlinkat(&**dir, &*name, Vec::new()) {
                Ok(target) => {
                    let target = Path::new(OsStr::from_bytes(target.to_bytes())).to_owned();
                    (NodeType::from_link(&target), None)
                }
                Err(e) => {
                    self.notes.skip(&path, &e.to_string());
                    return None;
                }
            },
            _ => {
                self.notes.skip(&path, "it is a socket, a pipe or a device");
                return None;
            }
        };
        let node = Node::new_node(&name, node_type, metadata(&stat, kind));
        Some(ReadSourceEntry { path, node, open })
    }
}

impl Iterator for Walk {
    type Item = RusticResult<ReadSourceEntry<Opening>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let level = self.stack.last_mut()?;
            let Some(name) = level.names.pop() else {
                self.stack.pop();
                continue;
            };
            let (dir, path) = (level.dir.clone(), level.path.join(OsStr::from_bytes(&name)));
            if let Some(entry) = self.entry(&dir, path) {
                return Some(Ok(entry));
            }
        }
    }
}

fn names(dir: &OwnedFd) -> io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

fn is_hollow(stat: &Stat) -> bool {
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let held = u64::try_from(stat.st_blocks)
        .unwrap_or(0)
        .saturating_mul(512);
    size > SPARSE_BYTES && held < size / 16
}

#[allow(
    clippy::useless_conversion,
    reason = "links are counted with 32 bits on some machines"
)]
fn metadata(stat: &Stat, kind: FileType) -> Metadata {
    let time = |s: i64, ns| Timestamp::new(s, i32::try_from(ns).unwrap_or(0)).ok();
    // Go's bits, as restic keeps them. Set-uid bits are not: nobody gets more by a restore than by writing a file.
    let go = match kind {
        FileType::Directory => 1 << 31,
        FileType::Symlink => 1 << 27,
        _ => 0,
    };
    Metadata {
        mode: Some((stat.st_mode & 0o777) | go),
        mtime: time(stat.st_mtime, stat.st_mtime_nsec),
        atime: None,
        ctime: time(stat.st_ctime, stat.st_ctime_nsec),
        uid: Some(stat.st_uid),
        gid: Some(stat.st_gid),
        inode: stat.st_ino,
        device_id: stat.st_dev,
        size: match kind {
            FileType::RegularFile => u64::try_from(stat.st_size).unwrap_or(0),
            _ => 0,
        },
        links: if kind == FileType::Directory {
            0
        } else {
            u64::from(stat.st_nlink)
        },
        ..Metadata::default()
    }
}
