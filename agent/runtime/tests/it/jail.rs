//! The jail against an adversary who owns the files.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use warren_runtime::jail::{
    ETag, Error, Jail, Kind, ListOptions, Order, RelPath, SortBy, WriteOptions,
};

pub struct Fixture {
    pub root: PathBuf,
    pub outside: PathBuf,
    pub jail: Jail,
    _dir: tempfile::TempDir,
}

pub fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
    for made in [&root, &outside] {
        std::fs::create_dir(made).unwrap();
    }
    let jail = Jail::open(&root).unwrap();
    Fixture {
        root,
        outside,
        jail,
        _dir: dir,
    }
}

pub fn path(text: &str) -> RelPath {
    text.parse().unwrap()
}

pub fn write(jail: &Jail, at: &str, bytes: &[u8]) {
    let options = WriteOptions {
        parents: true,
        ..WriteOptions::default()
    };
    jail.write(&path(at), bytes, options).unwrap();
}

#[test]
fn what_is_written_is_read_back_with_its_tag() {
    let f = fixture();
    let options = WriteOptions {
        parents: true,
        owner: Some((1234, 1235)),
        ..WriteOptions::default()
    };
    let made = f.jail.write(&path("a/b/c.txt"), b"hello", options).unwrap();
    let read = f.jail.read(&path("a/b/c.txt"), 1024).unwrap();
    assert_eq!(read.bytes, b"hello");
    assert_eq!(read.etag, f.jail.stat(&path("a/b/c.txt")).unwrap().etag);
    assert_eq!(made.size_bytes, 5);
    let meta = std::fs::metadata(f.root.join("a/b/c.txt")).unwrap();
    assert_eq!(
        (meta.uid(), meta.gid(), meta.mode() & 0o777),
        (1234, 1235, 0o644)
    );
    assert_eq!(std::fs::metadata(f.root.join("a")).unwrap().uid(), 1234);
}

#[test]
fn a_write_over_a_newer_version_is_refused_and_leaves_nothing() {
    let f = fixture();
    write(&f.jail, "x", b"one");
    let old = f.jail.stat(&path("x")).unwrap().etag;
    write(&f.jail, "x", b"two!");
    let options = WriteOptions {
        if_match: Some(old),
        ..WriteOptions::default()
    };
    let error = f.jail.write(&path("x"), b"three", options).unwrap_err();
    assert!(
        matches!(error, Error::Changed { now: Some(_), .. }),
        "{error}"
    );
    assert_eq!(f.jail.read(&path("x"), 9).unwrap().bytes, b"two!");
    assert_eq!(std::fs::read_dir(&f.root).unwrap().count(), 1);
}

#[test]
fn the_mode_of_an_existing_file_is_kept() {
    let f = fixture();
    write(&f.jail, "run.sh", b"1");
    f.jail.chmod(&path("run.sh"), 0o755).unwrap();
    write(&f.jail, "run.sh", b"2");
    let meta = std::fs::metadata(f.root.join("run.sh")).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o755);
}

#[test]
fn a_link_inside_is_written_through_and_one_outside_is_refused() {
    let f = fixture();
    write(&f.jail, "real", b"old");
    symlink("real", f.root.join("inside")).unwrap();
    std::fs::write(f.outside.join("secret"), "secret").unwrap();
    symlink(f.outside.join("secret"), f.root.join("abs")).unwrap();
    symlink("../outside/secret", f.root.join("rel")).unwrap();
    symlink("/proc/self/root", f.root.join("magic")).unwrap();
    write(&f.jail, "inside", b"new");
    assert_eq!(f.jail.read(&path("real"), 9).unwrap().bytes, b"new");
    assert_eq!(f.jail.stat(&path("inside")).unwrap().kind, Kind::Symlink);
    for link in ["abs", "rel"] {
        for error in [
            f.jail.read(&path(link), 99).unwrap_err(),
            f.jail
                .write(&path(link), b"x", WriteOptions::default())
                .unwrap_err(),
        ] {
            assert!(matches!(error, Error::Outside(_)), "{link}: {error}");
        }
    }
    assert!(
        f.jail
            .list(&path("magic/etc"), ListOptions::default())
            .is_err()
    );
    assert_eq!(std::fs::read(f.outside.join("secret")).unwrap(), b"secret");
}

#[test]
fn a_file_behind_a_link_is_guarded_like_any_other() {
    let f = fixture();
    write(&f.jail, "real", b"old");
    symlink("real", f.root.join("link")).unwrap();
    let matching = |etag: ETag| WriteOptions {
        if_match: Some(etag),
        ..WriteOptions::default()
    };
    let seen = f.jail.read(&path("link"), 9).unwrap().etag;
    f.jail
        .write(&path("link"), b"newer", matching(seen.clone()))
        .unwrap();
    assert_eq!(f.jail.read(&path("real"), 9).unwrap().bytes, b"newer");
    let late = f.jail.write(&path("link"), b"lost", matching(seen));
    assert!(matches!(late, Err(Error::Changed { .. })), "{late:?}");
    assert_eq!(f.jail.read(&path("real"), 9).unwrap().bytes, b"newer");
}

#[test]
fn a_fifo_never_holds_the_reader() {
    let f = fixture();
    let fifo = f.root.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    assert!(matches!(
        f.jail.read(&path("pipe"), 9),
        Err(Error::NotAFile(_))
    ));
    let wrote = f.jail.write(&path("pipe"), b"x", WriteOptions::default());
    assert!(matches!(wrote, Err(Error::NotAFile(_))));
}

#[test]
fn pages_are_sorted_and_complete() {
    let f = fixture();
    for n in 0..25 {
        write(&f.jail, &format!("File{n:02}"), &vec![0; n]);
    }
    write(&f.jail, "zdir/x", b"");
    let page = |by, offset| {
        let options = ListOptions {
            order: Order {
                by,
                descending: by != SortBy::Name,
                mixed: by != SortBy::Name,
            },
            offset,
            limit: 10,
        };
        f.jail.list(&RelPath::root(), options).unwrap()
    };
    let first = page(SortBy::Name, 0);
    assert_eq!((first.total, first.entries.len()), (26, 10));
    assert_eq!(first.entries[0].name, "zdir");
    assert_eq!(
        page(SortBy::Name, 20).entries.last().unwrap().name,
        "File24"
    );
    assert_eq!(page(SortBy::Size, 0).entries[0].name, "File24");
}

#[test]
fn deleting_takes_links_and_not_what_they_point_at() {
    let f = fixture();
    std::fs::write(f.outside.join("keep"), "x").unwrap();
    write(&f.jail, "d/e/f", b"1");
    symlink(&f.outside, f.root.join("d/link")).unwrap();
    f.jail.delete(&path("d")).unwrap();
    assert!(!f.root.join("d").exists());
    assert!(f.outside.join("keep").exists());
    assert!(matches!(f.jail.delete(&path("d")), Err(Error::NotFound(_))));
}

#[test]
fn a_tree_deeper_than_any_handle_limit_is_deleted() {
    let f = fixture();
    let mut here = rustix_open(&f.root);
    for _ in 0..3000 {
        rustix::fs::mkdirat(&here, "d", rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        here = rustix::fs::openat(&here, "d", dir_flags(), rustix::fs::Mode::empty()).unwrap();
    }
    drop(here);
    f.jail.delete(&path("d")).unwrap();
    assert_eq!(std::fs::read_dir(&f.root).unwrap().count(), 0);
}

fn dir_flags() -> rustix::fs::OFlags {
    rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY
}

fn rustix_open(at: &Path) -> rustix::fd::OwnedFd {
    rustix::fs::open(at, dir_flags(), rustix::fs::Mode::empty()).unwrap()
}

#[test]
fn chown_gives_the_tree_and_no_link_target() {
    let f = fixture();
    std::fs::write(f.outside.join("mine"), "x").unwrap();
    write(&f.jail, "a/b", b"1");
    symlink(f.outside.join("mine"), f.root.join("a/link")).unwrap();
    let report = f.jail.chown_all(&RelPath::root(), 4321, 4322).unwrap();
    assert_eq!(report.changed, 4);
    let meta = std::fs::symlink_metadata(f.root.join("a/link")).unwrap();
    assert_eq!((meta.uid(), meta.gid()), (4321, 4322));
    assert_eq!(std::fs::metadata(f.outside.join("mine")).unwrap().uid(), 0);
    let again = f.jail.chown_all(&RelPath::root(), 4321, 4322).unwrap();
    assert_eq!((again.seen, again.changed), (4, 0));
}

#[test]
fn moving_keeps_within_and_asks_before_replacing() {
    let f = fixture();
    write(&f.jail, "a", b"1");
    write(&f.jail, "b", b"2");
    let refused = f.jail.rename(&path("a"), &path("b"), false);
    assert!(matches!(refused, Err(Error::Exists(_))));
    f.jail.rename(&path("a"), &path("b"), true).unwrap();
    assert_eq!(f.jail.read(&path("b"), 9).unwrap().bytes, b"1");
    write(&f.jail, "d/x", b"");
    assert!(f.jail.rename(&path("d"), &path("d/e"), false).is_err());
    symlink(&f.outside, f.root.join("out")).unwrap();
    let escaped = f.jail.rename(&path("b"), &path("out/b"), true);
    assert!(matches!(escaped, Err(Error::Outside(_))));
}

#[test]
fn usage_counts_blocks_and_links_once_in_small_steps() {
    let f = fixture();
    write(&f.jail, "a/one", &[1; 8192]);
    std::fs::hard_link(f.root.join("a/one"), f.root.join("two")).unwrap();
    let mut scan = f.jail.usage_scan().unwrap();
    let mut steps = 0;
    let usage = loop {
        steps += 1;
        if let Some(usage) = scan.step(1).unwrap() {
            break usage;
        }
    };
    assert!(steps > 3);
    assert_eq!(usage.entries, 3);
    assert!(
        (8192..16_384 + 8192).contains(&usage.disk_bytes),
        "{usage:?}"
    );
}

/// Swaps `root/spot` between a directory and a symlink to the outside, as fast as it can.
fn swapper(f: &Fixture) -> (Arc<AtomicBool>, std::thread::JoinHandle<u64>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (halt, root, outside) = (stop.clone(), f.root.clone(), f.outside.clone());
    std::fs::create_dir(root.join("spot")).unwrap();
    std::fs::write(root.join("spot/file"), "inside").unwrap();
    symlink(outside, root.join("link")).unwrap();
    let flags = rustix::fs::RenameFlags::EXCHANGE;
    let thread = std::thread::spawn(move || {
        let dir = rustix_open(&root);
        let mut swaps = 0;
        while !halt.load(Ordering::Relaxed) {
            rustix::fs::renameat_with(&dir, "spot", &dir, "link", flags).unwrap();
            swaps += 1;
        }
        swaps
    });
    (stop, thread)
}

/// What a file manager does that checks a path and then uses it.
fn naive_read(root: &Path) -> Option<Vec<u8>> {
    let full = root.join("spot/file");
    if !full.canonicalize().ok()?.starts_with(root) {
        return None;
    }
    std::fs::read(full).ok()
}

#[test]
fn racing_links_catch_the_naive_way_and_never_the_jail() {
    let f = fixture();
    std::fs::write(f.outside.join("file"), "secret").unwrap();
    let before = std::fs::read_dir(&f.outside).unwrap().count();
    let (stop, thread) = swapper(&f);
    let rounds = 60_000;
    let caught = (0..rounds)
        .filter(|_| naive_read(&f.root).as_deref() == Some(b"secret"))
        .count();
    let (mut escapes, mut good) = (0, 0);
    for n in 0..rounds {
        match f.jail.read(&path("spot/file"), 99) {
            Ok(read) if read.bytes == b"secret" => escapes += 1,
            Ok(_) => good += 1,
            Err(_) => {}
        }
        if n % 10 == 0 {
            let made = path(&format!("spot/new{}", n % 50));
            let _ = f.jail.write(&made, b"x", WriteOptions::default());
            let _ = f.jail.mkdir(&path("spot/sub"), &WriteOptions::default());
            let _ = f.jail.rename(&made, &path("spot/moved"), true);
            let _ = f.jail.chmod(&path("spot/file"), 0o600);
            let _ = f.jail.chown_all(&path("spot"), 777, 777);
            let _ = f.jail.delete(&path("spot/moved"));
            let _ = f.jail.delete(&path("spot/sub"));
        }
    }
    stop.store(true, Ordering::Relaxed);
    let swaps = thread.join().unwrap();
    eprintln!("{swaps} swaps; naive escaped {caught} of {rounds}, jail {escapes}, read {good}");
    assert_eq!(escapes, 0);
    assert!(good > 0 && swaps > 1000);
    let meta = std::fs::metadata(f.outside.join("file")).unwrap();
    assert_eq!((meta.uid(), meta.mode() & 0o777), (0, 0o644));
    assert_eq!(std::fs::read_dir(&f.outside).unwrap().count(), before);
    assert!(caught > 0, "the race is not sharp enough to prove anything");
}

/// What takes a path and resolves it without the jail's flags has no place in the module.
#[test]
fn no_plain_path_call_stands_in_the_module() {
    let jail = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/jail");
    let (mut dirs, mut files) = (vec![jail.clone()], Vec::new());
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => dirs.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for bad in [
            "std::fs::read",
            "std::fs::write",
            "std::fs::create",
            "std::fs::remove",
            "std::fs::rename",
            "std::fs::metadata",
            "std::fs::symlink",
            "File::open",
            "File::create",
            "OpenOptions",
            "canonicalize",
            ".exists()",
            "tokio::fs",
            "libc::",
        ] {
            assert!(!code.contains(bad), "{bad} in {}", file.display());
        }
        // The root itself is the one path that the agent chose.
        let opens = code.matches("rustix::fs::open(").count();
        let opened_here = *file == jail.join("mod.rs");
        assert_eq!(opens, usize::from(opened_here), "{}", file.display());
    }
    assert!(files.len() >= 16, "{files:?}");
}
