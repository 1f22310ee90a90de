//! Writes files of a snapshot into an empty directory that nobody else has: by handles, a name at a time. Owner is who
//! writes; set-uid bits and devices are not brought back.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use parking_lot::Mutex;
use rustic_core::repofile::{BlobType, Node, NodeType, SnapshotFile};
use rustic_core::{BlobId, IndexedFull, Repository, TreeId};
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};

use super::super::frame::Report;
use super::pipe::Pipe;
use super::{FILES, Failed, Result};

/// Files that are written at once: a store that is far away answers slowly.
const THREADS: usize = 6;
const MAX_DEPTH: usize = 1000;
const MOST_WARNINGS: usize = 20;
const STEP: &str = "writing files";

/// What an entry is, for the API.
pub fn kind(node: &Node) -> &'static str {
    match node.node_type {
        NodeType::File => "file",
        NodeType::Dir => "directory",
        NodeType::Symlink { .. } => "symlink",
        NodeType::Dev { .. } | NodeType::Chardev { .. } | NodeType::Fifo | NodeType::Socket => {
            "other"
        }
    }
}

struct Restore<'a, S> {
    repository: &'a Repository<S>,
    pipe: &'a Pipe,
    total: u64,
    done: AtomicU64,
    files: AtomicU64,
    warnings: Mutex<Vec<String>>,
    failed: Mutex<Option<Failed>>,
}

struct Job {
    dir: Arc<OwnedFd>,
    node: Node,
}

/// Restores a snapshot, or these paths of it.
pub fn restore<S: IndexedFull + Sync>(
    pipe: &Arc<Pipe>,
    repository: &Repository<S>,
    snapshot: &SnapshotFile,
    paths: &[String],
) -> Result<Report> {
    let summary = snapshot.summary.as_ref();
    let restore = Restore {
        repository,
        pipe,
        total: match paths.is_empty() {
            true => summary.map_or(0, |s| s.total_bytes_processed),
            false => 0,
        },
        done: AtomicU64::new(0),
        files: AtomicU64::new(0),
        warnings: Mutex::default(),
        failed: Mutex::default(),
    };
    let root = open_dir_path(Path::new(FILES))?;
    let (jobs, waiting) = mpsc::sync_channel::<Job>(THREADS * 4);
    let waiting = Mutex::new(waiting);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let job = waiting.lock().recv();
                    let Ok(job) = job else { return };
                    restore.file(&job);
                }
            });
        }
        let made = match paths.is_empty() {
            true => restore.tree(&root, snapshot.tree, 0, &jobs),
            false => paths
                .iter()
                .try_for_each(|path| restore.path(&root, snapshot.tree, path, &jobs)),
        };
        drop(jobs);
        if let Err(e) = made {
            restore.failed.lock().get_or_insert(e);
        }
    });
    if let Some(failed) = restore.failed.lock().take() {
        return Err(failed);
    }
    // Last: a directory that may not be written to could not be filled.
    pipe.step("setting dates and rights");
    match paths.is_empty() {
        true => restore.finish(&root, snapshot.tree, 0)?,
        false => {
            for path in paths {
                restore.finish_path(&root, snapshot.tree, path)?;
            }
        }
    }
    Ok(Report::Restored {
        files: restore.files.into_inner(),
        bytes: restore.done.into_inner(),
        warnings: restore.warnings.into_inner(),
    })
}

impl<S: IndexedFull + Sync> Restore<'_, S> {
    fn warn(&self, node: &Node, why: &str) {
        let mut warnings = self.warnings.lock();
        if warnings.len() < MOST_WARNINGS {
            warnings.push(format!("{:?}: {why}", node.name()));
        }
    }

    fn has_failed(&self) -> bool {
        self.failed.lock().is_some()
    }

    fn path(
        &self,
        root: &Arc<OwnedFd>,
        tree: TreeId,
        path: &str,
        jobs: &mpsc::SyncSender<Job>,
    ) -> Result<()> {
        let node = self.node(tree, path)?;
        let mut dir = root.clone();
        for name in parents(path) {
            match rustix::fs::mkdirat(&*dir, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(e) => return Err(io(e)),
            }
            dir = Arc::new(open_dir(&dir, name)?);
        }
        self.node_into(&dir, node, 0, jobs)
    }

    fn node(&self, tree: TreeId, path: &str) -> Result<Node> {
        let found = self.repository.node_from_path(tree, Path::new(path));
        found.map_err(|_| Failed::new("file_not_found", format!("the backup has no {path:?}")))
    }

    fn tree(
        &self,
        dir: &Arc<OwnedFd>,
        tree: TreeId,
        depth: usize,
        jobs: &mpsc::SyncSender<Job>,
    ) -> Result<()> {
        for node in self.repository.get_tree(&tree)?.nodes {
            if self.has_failed() {
                return Ok(());
            }
            self.node_into(dir, node, depth, jobs)?;
        }
        Ok(())
    }

    fn node_into(
        &self,
        dir: &Arc<OwnedFd>,
        node: Node,
        depth: usize,
        jobs: &mpsc::SyncSender<Job>,
    ) -> Result<()> {
        let name = node.name().into_owned();
        let Some(name) = single(&name) else {
            self.warn(&node, "that is no name");
            return Ok(());
        };
        match &node.node_type {
            NodeType::File => {
                let job = Job {
                    dir: dir.clone(),
                    node: node.clone(),
                };
                // All threads are gone only if one has failed.
                let _ = jobs.send(job);
            }
            NodeType::Dir if depth >= MAX_DEPTH => self.warn(&node, "it is nested too deeply"),
            NodeType::Dir => {
                match rustix::fs::mkdirat(&**dir, name, Mode::from_raw_mode(0o700)) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(e) => return Err(io(e)),
                }
                if let Some(tree) = node.subtree {
                    let below = Arc::new(open_dir(dir, name)?);
                    self.tree(&below, tree, depth + 1, jobs)?;
                }
            }
            NodeType::Symlink { .. } => {
                match rustix::fs::symlinkat(node.node_type.to_link(), &**dir, name) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(e) => return Err(io(e)),
                }
            }
            NodeType::Dev { .. } | NodeType::Chardev { .. } | NodeType::Fifo | NodeType::Socket => {
                self.warn(&node, "sockets, pipes and devices are not brought back");
            }
        }
        Ok(())
    }

    fn file(&self, job: &Job) {
        if self.has_failed() {
            return;
        }
        if let Err(e) = self.write(job) {
            self.failed.lock().get_or_insert(e);
        }
    }

    fn write(&self, job: &Job) -> Result<()> {
        let (node, name) = (&job.node, job.node.name());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(0o600);
        let file = match rustix::fs::openat(&*job.dir, &*name, flags | OFlags::CLOEXEC, mode) {
            Ok(fd) => File::from(fd),
            // Named twice among the paths.
            Err(rustix::io::Errno::EXIST) => return Ok(()),
            Err(e) => return Err(io(e)),
        };
        let mut at = 0_u64;
        for id in node.content.iter().flatten() {
            if self.has_failed() {
                return Ok(());
            }
            let blob = self
                .repository
                .get_blob_cached(&BlobId::from(**id), BlobType::Data)?;
            // Holes stay holes.
            if blob.iter().any(|b| *b != 0) {
                file.write_all_at(&blob, at).map_err(disk)?;
            }
            at += blob.len() as u64;
            let done = self.done.fetch_add(blob.len() as u64, Ordering::Relaxed);
            self.pipe.bytes(STEP, done + blob.len() as u64, self.total);
        }
        file.set_len(at).map_err(disk)?;
        self.files.fetch_add(1, Ordering::Relaxed);
        let mode = Mode::from_raw_mode(node.meta.mode.unwrap_or(0o644) & 0o777);
        rustix::fs::fchmod(&file, mode).map_err(io)?;
        if let Some(times) = times(node) {
            rustix::fs::futimens(&file, &times).map_err(io)?;
        }
        // Switched in by rename, so it has to be there after a power cut.
        file.sync_data().map_err(disk)
    }

    fn finish_path(&self, root: &Arc<OwnedFd>, tree: TreeId, path: &str) -> Result<()> {
        let mut dir = root.clone();
        for name in parents(path) {
            dir = Arc::new(open_dir(&dir, name)?);
        }
        self.finish_node(&dir, &self.node(tree, path)?, 0)
    }

    fn finish(&self, dir: &Arc<OwnedFd>, tree: TreeId, depth: usize) -> Result<()> {
        for node in self.repository.get_tree(&tree)?.nodes {
            self.finish_node(dir, &node, depth)?;
        }
        Ok(())
    }

    fn finish_node(&self, dir: &Arc<OwnedFd>, node: &Node, depth: usize) -> Result<()> {
        let name = node.name().into_owned();
        let Some(name) = single(&name) else {
            return Ok(());
        };
        let times = times(node);
        match node.node_type {
            NodeType::Dir if depth < MAX_DEPTH => {
                let below = Arc::new(open_dir(dir, name)?);
                if let Some(tree) = node.subtree {
                    self.finish(&below, tree, depth + 1)?;
                }
                let mode = Mode::from_raw_mode(node.meta.mode.unwrap_or(0o755) & 0o777);
                rustix::fs::fchmod(&*below, mode).map_err(io)?;
                if let Some(times) = times {
                    rustix::fs::futimens(&*below, &times).map_err(io)?;
                }
            }
            NodeType::Symlink { .. } => {
                if let Some(times) = times {
                    // A date that can't be set harms nobody.
                    let _ = rustix::fs::utimensat(&**dir, name, &times, AtFlags::SYMLINK_NOFOLLOW);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A name that is one component.
fn single(name: &OsStr) -> Option<&OsStr> {
    let bytes = name.as_bytes();
    let bad = bytes.is_empty() || bytes == b"." || bytes == b".." || bytes.contains(&b'/');
    (!bad && !bytes.contains(&0)).then_some(name)
}

/// The directories that a path is in, below the root.
fn parents(path: &str) -> impl Iterator<Item = &OsStr> {
    let parent = Path::new(path).parent().unwrap_or(Path::new("/"));
    parent.components().filter_map(|c| match c {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

fn times(node: &Node) -> Option<Timestamps> {
    let at = node.meta.mtime?;
    let at = Timespec {
        tv_sec: at.as_second(),
        tv_nsec: i64::from(at.subsec_nanosecond()),
    };
    (at.tv_nsec >= 0).then_some(Timestamps {
        last_access: at,
        last_modification: at,
    })
}

fn open_dir_path(path: &Path) -> Result<Arc<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    opened.map(Arc::new).map_err(io)
}

fn open_dir(dir: &OwnedFd, name: &OsStr) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty()).map_err(io)
}

fn io(e: rustix::io::Errno) -> Failed {
    disk(e.into())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn disk(e: std::io::Error) -> Failed {
    let code = match e.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "disk_full",
        _ => "file_io",
    };
    Failed::new(code, format!("write the files: {e}"))
}
