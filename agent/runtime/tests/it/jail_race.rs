//! Every operation against a thread that swaps directories and files for links to the outside, as fast as it can. Each has
//! a [twin](TWINS) that does what file managers do, looking first and acting then: it escapes, so that this can fail.
//!
//! `WARREN_RACE_ATTEMPTS` says how often each is tried: 20,000 here, a million by `./ops/redteam files`.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{Mode, OFlags, RenameFlags};
use warren_runtime::jail::{
    Access, Algorithm, Budget, Error, Existing, Extract, Format, Jail, Limits, ListOptions, Looked,
    Pack, Tally, Trash, WriteOptions,
};

use crate::jail::path;
use crate::jail_naive::TWINS;

pub const INSIDE: &[u8] = b"inside";
pub const SECRET: &[u8] = b"the secret of somebody else";
/// For one operation, on a machine that does other things too.
fn patience() -> Duration {
    Duration::from_secs(600) + Duration::from_millis(10) * u32::try_from(attempts()).unwrap()
}

fn attempts() -> u64 {
    let asked = std::env::var("WARREN_RACE_ATTEMPTS");
    asked.ok().and_then(|n| n.parse().ok()).unwrap_or(20_000)
}

/// `arena/spot` is a directory and `arena/link` leads out; `spot/file` is a file and `spot/flink` leads out.
struct Arena {
    root: PathBuf,
    outside: PathBuf,
    jail: Jail,
    trash: Trash,
    before: BTreeMap<String, Seen>,
    stop: Arc<AtomicBool>,
    swaps: Arc<AtomicU64>,
    swapper: Option<std::thread::JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

#[derive(Debug, PartialEq)]
struct Seen {
    inode: u64,
    mode: u32,
    owner: (u32, u32),
    modified: i64,
    content: Option<Vec<u8>>,
}

fn look(dir: &Path) -> BTreeMap<String, Seen> {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    let seen = entries.map(|entry| {
        let meta = entry.metadata().unwrap();
        let seen = Seen {
            inode: meta.ino(),
            mode: meta.mode(),
            owner: (meta.uid(), meta.gid()),
            modified: meta.mtime(),
            content: std::fs::read(entry.path()).ok(),
        };
        (entry.file_name().to_string_lossy().into_owned(), seen)
    });
    seen.collect()
}

impl Arena {
    fn open() -> Self {
        // In memory: what is raced for is not the disk.
        let dir = match Path::new("/dev/shm").is_dir() {
            true => tempfile::tempdir_in("/dev/shm"),
            false => tempfile::tempdir(),
        };
        let dir = dir.unwrap();
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        let spot = root.join("arena/spot");
        for made in [
            &spot,
            &outside,
            &outside.join("marker"),
            &dir.path().join("trash"),
        ] {
            std::fs::create_dir_all(made).unwrap();
        }
        std::fs::write(spot.join("file"), INSIDE).unwrap();
        std::fs::write(root.join("stay"), INSIDE).unwrap();
        for name in ["file", "theirs"] {
            std::fs::write(outside.join(name), SECRET).unwrap();
        }
        std::fs::write(outside.join("large"), vec![b'x'; 1 << 20]).unwrap();
        for (dir, name) in [(&spot, "ours"), (&outside, "escaped"), (&root, "theirs")] {
            std::fs::write(dir.join("archive.tar"), tar_of(name)).unwrap();
        }
        symlink(&outside, root.join("arena/link")).unwrap();
        symlink(outside.join("file"), spot.join("flink")).unwrap();
        let (stop, swaps) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let swapper = std::thread::spawn({
            let (arena, stop, swaps) = (root.join("arena"), stop.clone(), swaps.clone());
            move || swap(&arena, &stop, &swaps)
        });
        Self {
            jail: Jail::open(&root).unwrap(),
            trash: Trash::of(Jail::open(&dir.path().join("trash")).unwrap()),
            before: look(&outside),
            root,
            outside,
            stop,
            swaps,
            swapper: Some(swapper),
            _dir: dir,
        }
    }

    /// Tries an operation so often, and on until it has done something once; it says whether it did, or that it saw what is
    /// outside.
    fn run(&self, name: &str, attempts: u64, one: impl Fn(&Self, u64) -> Result<(), Fate>) {
        let twin = TWINS.iter().any(|(twin, _)| *twin == name);
        assert!(
            twin,
            "nobody knows whether {name} could fail: it has no naive twin"
        );
        let (mut n, mut worked, mut escaped) = (0, 0, 0);
        let until = Instant::now() + patience();
        while n < attempts || worked == 0 {
            match one(self, n) {
                Ok(()) => worked += 1,
                Err(Fate::Refused) => {}
                Err(Fate::Escaped) => escaped += 1,
            }
            n += 1;
            assert!(
                Instant::now() < until,
                "{name} is too slow: {n} attempts, {worked} worked"
            );
        }
        eprintln!("{name}: {n} attempts, {worked} worked, {escaped} escaped");
        assert_eq!(escaped, 0, "{name}");
        assert_eq!(
            look(&self.outside),
            self.before,
            "{name} reached what is outside"
        );
    }

    fn write(&self, at: &str) -> Result<(), Fate> {
        self.jail
            .write(&path(at), INSIDE, WriteOptions::default())?;
        Ok(())
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.swapper.take().map(std::thread::JoinHandle::join);
        eprintln!("{} swaps", self.swaps.load(Ordering::Relaxed));
    }
}

/// With one file of that name.
fn tar_of(name: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(INSIDE.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, INSIDE).unwrap();
    tar.into_inner().unwrap()
}

fn swap(arena: &Path, stop: &AtomicBool, swaps: &AtomicU64) {
    let open =
        |at: &Path| rustix::fs::open(at, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
    // The handle stays with the directory, whatever name it has at the moment.
    let (arena, spot) = (open(arena), open(&arena.join("spot")));
    while !stop.load(Ordering::Relaxed) {
        for (dir, one, other) in [(&arena, "spot", "link"), (&spot, "file", "flink")] {
            // What an operation has moved away at the moment is not there to be swapped.
            let _ = rustix::fs::renameat_with(dir, one, dir, other, RenameFlags::EXCHANGE);
        }
        swaps.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
enum Fate {
    Refused,
    Escaped,
}

impl From<Error> for Fate {
    fn from(_: Error) -> Self {
        Self::Refused
    }
}

fn secret(bytes: &[u8]) -> Result<(), Fate> {
    match bytes.windows(6).any(|w| w == &SECRET[4..10]) {
        true => Err(Fate::Escaped),
        false => Ok(()),
    }
}

fn budget() -> Budget {
    Budget::new(Instant::now() + patience(), 10_000)
}

pub const FILE: &str = "arena/spot/file";

#[test]
fn reading_never_leaves() {
    let arena = Arena::open();
    let n = attempts();
    arena.run("read", n, |a, _| {
        secret(&a.jail.read(&path(FILE), 99)?.bytes)
    });
    arena.run("open in place", n, |a, _| {
        let access = Access {
            read: true,
            ..Access::default()
        };
        let (mut file, _) = a.jail.open_in_place(&path(FILE), access)?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).map_err(|_| Fate::Refused)?;
        secret(&bytes)
    });
    arena.run("stat", n, |a, _| {
        match a.jail.stat_followed(&path(FILE))?.size_bytes {
            size if size == SECRET.len() as u64 => Err(Fate::Escaped),
            _ => Ok(()),
        }
    });
    let theirs = format!("{:08x}", crc32fast::hash(SECRET));
    arena.run("checksum", n, |a, _| {
        match a
            .jail
            .checksum(&path(FILE), Algorithm::Crc32, &budget())?
            .digest
        {
            digest if digest == theirs => Err(Fate::Escaped),
            _ => Ok(()),
        }
    });
    arena.run("list", n, |a, _| {
        let page = a.jail.list(&path("arena/spot"), ListOptions::default())?;
        match page.entries.iter().any(|e| e.name == "marker") {
            true => Err(Fate::Escaped),
            false => Ok(()),
        }
    });
    arena.run("usage", n, |a, _| {
        let mut scan = a.jail.usage_scan_of(&path("arena"))?;
        match scan.step(1000)?.unwrap_or_default().disk_bytes {
            much if much >= 1 << 20 => Err(Fate::Escaped),
            _ => Ok(()),
        }
    });
    arena.run("search by name", n, |a, _| {
        let looked = Looked {
            name: "marker".into(),
            matches: 9,
            ..Looked::default()
        };
        match a
            .jail
            .search(&path("arena"), &looked, &mut budget())?
            .matches
            .is_empty()
        {
            true => Ok(()),
            false => Err(Fate::Escaped),
        }
    });
    // To make the machine of an expression takes longer than all the rest.
    arena.run("search", n / 20, |a, _| {
        let looked = Looked {
            content: "secret".into(),
            matches: 9,
            ..Looked::default()
        };
        match a
            .jail
            .search(&path("arena"), &looked, &mut budget())?
            .matches
            .is_empty()
        {
            true => Ok(()),
            false => Err(Fate::Escaped),
        }
    });
}

#[test]
fn changing_never_leaves() {
    let arena = Arena::open();
    let n = attempts();
    arena.run("write", n, |a, n| {
        a.write(&format!("arena/spot/new{}", n % 8))
    });
    arena.run("write over", n, |a, _| a.write(FILE));
    arena.run("write in place", n, |a, _| {
        let access = Access {
            write: true,
            create: true,
            ..Access::default()
        };
        let (file, _) = a.jail.open_in_place(&path("arena/spot/theirs"), access)?;
        std::os::unix::fs::FileExt::write_all_at(&file, INSIDE, 0).map_err(|_| Fate::Refused)
    });
    arena.run("in pieces", n, |a, n| {
        let options = WriteOptions::default();
        let id = format!("piece{}", n % 8);
        let partial = a
            .jail
            .partial(&path("arena/spot/theirs"), &id, false, &options)?;
        partial.write_at(INSIDE, 0)?;
        partial.commit(&options, warren_runtime::jail::Attributes::default())?;
        Ok(())
    });
    arena.run("mkdir", n, |a, _| {
        // What the one before could not take away again would refuse every one after it.
        let _ = a.jail.remove(&path("arena/spot/sub"), true);
        a.jail
            .mkdir(&path("arena/spot/sub"), &WriteOptions::default())?;
        a.jail.remove(&path("arena/spot/sub"), true)?;
        Ok(())
    });
    arena.run("chmod", n, |a, n| {
        Ok(a.jail.chmod(&path(FILE), 0o600 + (n % 8) as u32)?)
    });
    arena.run("times", n, |a, n| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(n);
        a.jail.set_times(&path(FILE), at, at, n % 2 == 0)?;
        Ok(())
    });
    arena.run("chown", n, |a, n| {
        a.jail
            .chown_all(&path("arena"), 1000 + (n % 2) as u32, 1000)?;
        Ok(())
    });
    arena.run("symlink", n, |a, n| {
        let at = path(&format!("arena/spot/l{}", n % 8));
        let _ = a.jail.remove(&at, false);
        a.jail.symlink(&at, "file", None)?;
        a.jail.remove(&at, false)?;
        Ok(())
    });
}

#[test]
fn archives_never_leave() {
    let arena = Arena::open();
    let n = attempts();
    arena.run("browse", n, |a, _| {
        let archive = path("arena/spot/archive.tar");
        let seen = a
            .jail
            .archive_folder(&archive, &path(""), None, 9, &mut budget())?;
        match seen.entries.iter().any(|e| e.path == "escaped") {
            true => Err(Fate::Escaped),
            false => Ok(()),
        }
    });
    let extract = |a: &Arena, n: u64, archive: &str| {
        let (archive, to) = (path(archive), path("arena/spot"));
        let ask = Extract {
            archive: &archive,
            to: &to,
            only: &[],
            id: &format!("{n}"),
            limits: Limits::default(),
            owner: Some((1000, 1000)),
        };
        let unpacked = a.jail.unpack(&ask, &mut budget(), &Tally::default())?;
        unpacked.put(&a.jail, &to, Existing::Overwrite, Some((1000, 1000)))?;
        Ok(())
    };
    // What is outside under the name that it brings must stay as it is.
    arena.run("extract into", n, |a, n| extract(a, n, "archive.tar"));
    arena.run("extract from", n, |a, n| {
        extract(a, n, "arena/spot/archive.tar")?;
        // Under either name that the directory has in turn.
        let came = |dir: &str| a.root.join("arena").join(dir).join("escaped").exists();
        match came("spot") || came("link") {
            true => Err(Fate::Escaped),
            false => Ok(()),
        }
    });
    arena.run("pack", n, |a, n| {
        let (paths, to) = ([path(FILE)], path(&format!("packed{}", n % 8)));
        let ask = Pack {
            paths: &paths,
            to: &to,
            format: Format::Tar,
            id: &format!("{n}"),
            owner: None,
        };
        a.jail.pack(&ask, &mut budget(), &Tally::default())?;
        let bytes = a.jail.read(&to, 1 << 20)?.bytes;
        a.jail.remove(&to, false)?;
        secret(&bytes)
    });
    arena.run("pack into", n, |a, n| {
        let (paths, to) = ([path("stay")], path("arena/spot/packed"));
        // What the one before could not take away again would refuse every one after it.
        let _ = a.jail.remove(&to, false);
        let ask = Pack {
            paths: &paths,
            to: &to,
            format: Format::Tar,
            id: &format!("{n}"),
            owner: None,
        };
        a.jail.pack(&ask, &mut budget(), &Tally::default())?;
        a.jail.remove(&to, false)?;
        Ok(())
    });
}

#[test]
fn moving_and_removing_never_leave() {
    let arena = Arena::open();
    let n = attempts();
    arena.run("rename", n, |a, n| {
        let (there, back) = (path("arena/spot/moved"), path("stay"));
        match n % 2 {
            0 => a.jail.rename(&back, &there, true)?,
            _ => a.jail.rename(&there, &back, true)?,
        }
        Ok(())
    });
    let _ = std::fs::write(arena.root.join("stay"), INSIDE);
    // There is none inside: to be refused is all that it can do.
    arena.run("rename theirs", n, |a, _| {
        match a
            .jail
            .rename(&path("arena/spot/theirs"), &path("got"), true)
        {
            Ok(()) => Err(Fate::Escaped),
            Err(_) => Ok(()),
        }
    });
    arena.run("remove", n, |a, _| {
        a.write("arena/spot/theirs")?;
        a.jail.remove(&path("arena/spot/theirs"), false)?;
        Ok(())
    });
    arena.run("delete", n, |a, _| {
        a.write("arena/spot/theirs")?;
        a.jail.delete(&path("arena/spot/theirs"))?;
        Ok(())
    });
    arena.run("delete tree", n, |a, n| {
        let options = WriteOptions {
            parents: true,
            ..WriteOptions::default()
        };
        let tree = format!("arena/spot/marker{}", n % 2);
        a.jail.mkdir(&path(&format!("{tree}/a/b")), &options)?;
        a.jail.delete(&path(&tree))?;
        Ok(())
    });
    arena.run("copy", n, |a, _| {
        let copied = a.jail.copy(&path(FILE), &path("copy"), None, &mut budget());
        let seen = a.jail.stat(&path("copy")).ok().and_then(|e| match e.kind {
            warren_runtime::jail::Kind::File => a.jail.read(&path("copy"), 99).ok(),
            _ => None,
        });
        let _ = a.jail.delete(&path("copy"));
        copied?;
        secret(&seen.map(|s| s.bytes).unwrap_or_default())
    });
    arena.run("copy in", n, |a, _| {
        // What the one before could not take away again.
        let _ = a.jail.remove(&path("arena/spot/theirs"), false);
        a.jail.copy(
            &path("stay"),
            &path("arena/spot/theirs"),
            None,
            &mut budget(),
        )?;
        a.jail.remove(&path("arena/spot/theirs"), false)?;
        Ok(())
    });
    arena.run("copy tree", n, |a, _| {
        let copied = a
            .jail
            .copy(&path("arena"), &path("tree"), None, &mut budget());
        let read = |at: &str| {
            a.jail
                .read(&path(at), 99)
                .map(|r| r.bytes)
                .unwrap_or_default()
        };
        let all = [
            read("tree/spot/file"),
            read("tree/link/file"),
            read("tree/spot/theirs"),
        ];
        let marker = a.jail.stat(&path("tree/spot/marker")).is_ok();
        let _ = a.jail.delete(&path("tree"));
        copied?;
        match marker {
            true => Err(Fate::Escaped),
            false => secret(&all.concat()),
        }
    });
    arena.run("trash", n, |a, _| {
        a.write("arena/spot/theirs")?;
        let now = SystemTime::now();
        let item = a
            .trash
            .put(&a.jail, &path("arena/spot/theirs"), now, &budget())?;
        let back = a.trash.restore(&item.id, &a.jail, None, None);
        if back.is_err() {
            a.trash.remove(&item.id)?;
        }
        Ok(())
    });
}

#[test]
fn the_naive_twin_of_each_escapes() {
    for (name, twin) in TWINS {
        // What one has changed outside is not there for the next.
        let arena = Arena::open();
        let root = arena.root.canonicalize().unwrap();
        let outside = arena.outside.canonicalize().unwrap();
        let tries = attempts().max(20_000) * 20;
        let at = (0..tries).find(|_| twin(&root, &outside) == Some(true));
        eprintln!("naive {name}: escaped at attempt {at:?}");
        assert!(
            at.is_some(),
            "the race is not sharp enough to prove anything of {name}"
        );
    }
}
