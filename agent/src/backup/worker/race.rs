//! What a worker reads and what a restore switches in, while a thread swaps directories and files for links to the
//! outside as fast as it can. This is without the root of its own that a worker has besides: the code alone must not
//! follow. Each has a twin that looks first and acts then; it escapes, so that this can fail.
//!
//! `WARREN_RACE_ATTEMPTS` says how often each is tried: 20,000 here, a million by `./ops/redteam files`.

#![allow(clippy::unwrap_used)]

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustic_core::{ReadSource as _, ReadSourceOpen as _};
use rustix::fs::{Mode, OFlags, RenameFlags};

use super::source::Source;
use crate::backup::switch::Switch;

const SECRET: &[u8] = b"the secret of somebody else";

fn attempts() -> u64 {
    let asked = std::env::var("WARREN_RACE_ATTEMPTS");
    asked.ok().and_then(|n| n.parse().ok()).unwrap_or(20_000)
}

/// `arena/spot` is a directory and `arena/link` leads out; `spot/file` is a file and `spot/flink` leads out.
struct Arena {
    root: PathBuf,
    outside: PathBuf,
    stage: PathBuf,
    stop: Arc<AtomicBool>,
    swapper: Option<std::thread::JoinHandle<u64>>,
    _dir: tempfile::TempDir,
}

impl Arena {
    fn new() -> Self {
        // In memory: what is raced for is not the disk.
        let dir = match Path::new("/dev/shm").is_dir() {
            true => tempfile::tempdir_in("/dev/shm"),
            false => tempfile::tempdir(),
        };
        let dir = dir.unwrap();
        let at = dir.path().canonicalize().unwrap();
        let (root, outside) = (at.join("root"), at.join("outside"));
        let spot = root.join("arena/spot");
        std::fs::create_dir_all(&spot).unwrap();
        std::fs::create_dir_all(outside.join("marker")).unwrap();
        std::fs::write(spot.join("file"), "inside").unwrap();
        for name in ["file", "theirs"] {
            std::fs::write(outside.join(name), SECRET).unwrap();
        }
        symlink(&outside, root.join("arena/link")).unwrap();
        symlink(outside.join("file"), spot.join("flink")).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (arena, flag) = (root.join("arena"), stop.clone());
        let swapper = std::thread::spawn(move || swap(&arena, &flag));
        Self {
            stage: at.join("stage"),
            root,
            outside,
            stop,
            swapper: Some(swapper),
            _dir: dir,
        }
    }

    fn run(&self, name: &str, one: impl Fn(&Self) -> std::io::Result<bool>) {
        let (mut n, mut worked, mut escaped) = (0, 0, 0);
        while n < attempts() || (worked == 0 && n < 10_000_000) {
            match one(self) {
                Ok(true) => escaped += 1,
                Ok(false) => worked += 1,
                Err(_) => {}
            }
            n += 1;
        }
        eprintln!("{name}: {n} attempts, {worked} worked, {escaped} escaped");
        assert_eq!(escaped, 0, "{name}");
        assert!(worked > 0, "{name} never worked");
        assert!(!self.is_touched(), "{name} reached what is outside");
    }

    fn is_touched(&self) -> bool {
        let is_secret = |name| std::fs::read(self.outside.join(name)).is_ok_and(|b| b == SECRET);
        let count = std::fs::read_dir(&self.outside).unwrap().count();
        !(is_secret("file") && is_secret("theirs") && count == 3)
    }

    fn escapes(name: &str, twin: impl Fn(&Self) -> Option<bool>) {
        let arena = Self::new();
        let tries = attempts().max(20_000) * 20;
        let at = (0..tries).find(|_| twin(&arena) == Some(true));
        eprintln!("naive {name}: escaped at attempt {at:?}");
        assert!(
            at.is_some(),
            "the race is not sharp enough to prove anything of {name}"
        );
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let swaps = self.swapper.take().map(std::thread::JoinHandle::join);
        eprintln!("{swaps:?} swaps");
    }
}

fn swap(arena: &Path, stop: &AtomicBool) -> u64 {
    let open =
        |at: &Path| rustix::fs::open(at, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
    let (arena, spot) = (open(arena), open(&arena.join("spot")));
    let mut swaps = 0;
    while !stop.load(Ordering::Relaxed) {
        for (dir, one, other) in [(&arena, "spot", "link"), (&spot, "file", "flink")] {
            // What is being switched at the moment is not there to be swapped.
            let _ = rustix::fs::renameat_with(dir, one, dir, other, RenameFlags::EXCHANGE);
        }
        swaps += 1;
    }
    swaps
}

/// Whether anything of the outside is among all that is read.
fn read_all(source: &Source) -> std::io::Result<bool> {
    let mut escaped = false;
    for entry in source.entries() {
        let entry = entry.map_err(std::io::Error::other)?;
        escaped |= entry.path.ends_with("marker");
        let Some(open) = entry.open else { continue };
        let Ok(mut file) = open.open() else { continue };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        escaped |= bytes == SECRET;
    }
    Ok(escaped)
}

fn naive_read_all(dir: &Path) -> bool {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.fold(false, |escaped, entry| {
        let at = entry.path();
        let this = match std::fs::symlink_metadata(&at) {
            Ok(meta) if meta.is_dir() => naive_read_all(&at),
            Ok(meta) if meta.is_file() => std::fs::read(&at).is_ok_and(|b| b == SECRET),
            _ => false,
        };
        escaped || this
    })
}

/// Puts one file in the place of what is there.
fn restore(arena: &Arena, path: &str) -> std::io::Result<bool> {
    let uid = std::fs::metadata(&arena.root)?.uid();
    let switch = Switch::stage(&arena.root, &arena.stage, &[path.to_owned()], uid)?;
    let staged = switch.new_dir().join(path.trim_start_matches('/'));
    if let Some(dir) = staged.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(staged, "inside")?;
    switch.prepare(uid)?;
    let open = switch.clone().open()?;
    // Begun, it is gone through with.
    while open.step().unwrap() {}
    switch.clear().unwrap();
    let theirs = std::fs::read(arena.outside.join("theirs"))?;
    Ok(theirs != SECRET || arena.outside.join("fresh").exists())
}

#[test]
fn a_backup_never_reads_what_is_outside() {
    let arena = Arena::new();
    let source = Source::open(&arena.root, &[]).unwrap();
    arena.run("backup", |_| read_all(&source));
    Arena::escapes("backup", |a| Some(naive_read_all(&a.root)));
}

#[test]
fn a_restore_never_switches_what_is_outside() {
    let arena = Arena::new();
    arena.run("restore over", |a| restore(a, "/arena/spot/file"));
    arena.run("restore theirs", |a| restore(a, "/arena/spot/theirs"));
    arena.run("restore below", |a| restore(a, "/arena/spot/fresh/x"));
    Arena::escapes("restore", |a| {
        let dir = a.root.join("arena/spot");
        let inside = dir.canonicalize().ok()?.starts_with(&a.root);
        std::fs::write(a.root.join("staged"), "inside").ok()?;
        if inside {
            std::fs::rename(a.root.join("staged"), dir.join("theirs")).ok()?;
        }
        Some(a.is_touched())
    });
}
