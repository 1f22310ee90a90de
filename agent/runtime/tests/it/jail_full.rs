//! A disk of its own that is too small: what does not fit is given up, and nothing of it is left.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use warren_runtime::console::free_bytes;
use warren_runtime::jail::{Budget, Error, Existing, Format, Jail, Limits, Pack, Tally};

use crate::jail::{path, write};
use crate::jail_archive::{Made, each, unpack};

struct Disk {
    at: PathBuf,
    jail: Jail,
    _dir: tempfile::TempDir,
}

impl Disk {
    /// A real file system with so many KiB and inodes. None: nothing can be mounted here.
    fn mounted(kib: u32, inodes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let (image, at) = (dir.path().join("image"), dir.path().join("disk"));
        std::fs::create_dir(&at).unwrap();
        let file = std::fs::File::create(&image).unwrap();
        file.set_len(u64::from(kib) << 10).unwrap();
        let run = |program: &str, words: &[&str]| {
            let done = Command::new(program).args(words).output();
            done.is_ok_and(|out| out.status.success())
        };
        let (image, place) = (image.to_str().unwrap(), at.to_str().unwrap());
        let inodes = inodes.to_string();
        let made = run("mkfs.ext4", &["-q", "-m0", "-N", &inodes, image])
            && run("mount", &["-o", "loop", image, place]);
        if !made {
            eprintln!("SKIPPED: no disk of its own can be mounted here");
            return None;
        }
        let root = at.join("root");
        std::fs::create_dir(&root).unwrap();
        Some(Self {
            jail: Jail::open(&root).unwrap(),
            at,
            _dir: dir,
        })
    }

    fn free(&self) -> u64 {
        // What was removed is free once it has reached the disk.
        rustix::fs::syncfs(std::fs::File::open(&self.at).unwrap()).unwrap();
        free_bytes(&self.at).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.at.join("root")).unwrap().flatten();
        let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
        names.collect()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn budget() -> Budget {
    Budget::new(Instant::now() + Duration::from_secs(60), 10_000)
}

/// Bytes that no compressor makes fewer.
fn noise(n: usize, seed: u64) -> Vec<u8> {
    let mut x = seed * 2 + 1;
    let next = std::iter::repeat_with(|| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.to_le_bytes()
    });
    next.flatten().take(n).collect()
}

#[test]
fn what_does_not_fit_on_the_disk_leaves_nothing_of_it() {
    let parts: Vec<Made> = (0..8)
        .map(|n| {
            let name: &'static str = Box::leak(format!("d/{n}").into_boxed_str());
            Made::File(name.as_bytes(), noise(200_000, n + 1000))
        })
        .collect();
    for (name, bytes) in each(&parts) {
        let Some(disk) = Disk::mounted(4096, 128) else {
            return;
        };
        write(&disk.jail, name, &bytes);
        write(&disk.jail, "to/d/3", b"theirs");
        let before = disk.free();
        assert!(before < 1_600_000, "{name}: {before} bytes are free");
        for existing in [Existing::Skip, Existing::Overwrite] {
            let limits = Limits::default();
            let done = unpack(&disk.jail, name, existing, limits, &mut budget());
            assert!(matches!(done, Err(Error::NoSpace)), "{name}: {done:?}");
            let mut names = disk.names();
            names.sort();
            assert_eq!(names, [name, "to"]);
            let theirs = disk.jail.read(&path("to/d/3"), 99).unwrap();
            assert_eq!(theirs.bytes, b"theirs");
            let after = disk.free();
            assert!(after + 16_384 >= before, "{name}: {after} of {before}");
        }
        // Within a limit of the server's that is met before the disk.
        let limits = Limits::default();
        let mut few = budget().bytes(500_000);
        let done = unpack(&disk.jail, name, Existing::Skip, limits, &mut few);
        assert!(matches!(done, Err(Error::Quota)), "{name}: {done:?}");
        assert!(disk.free() + 16_384 >= before, "{name}");
    }
}

#[test]
fn a_disk_without_room_for_more_files_is_full_as_well() {
    let parts: Vec<Made> = (0..200)
        .map(|n| {
            let name: &'static str = Box::leak(format!("{n}").into_boxed_str());
            Made::File(name.as_bytes(), Vec::new())
        })
        .collect();
    for (name, bytes) in each(&parts) {
        let Some(disk) = Disk::mounted(4096, 64) else {
            return;
        };
        write(&disk.jail, name, &bytes);
        let limits = Limits::default();
        let done = unpack(&disk.jail, name, Existing::Fail, limits, &mut budget());
        assert!(matches!(done, Err(Error::NoSpace)), "{name}: {done:?}");
        assert_eq!(disk.names(), [name]);
    }
}

#[test]
fn an_archive_that_has_no_room_leaves_nothing() {
    for format in ["zip", "7z", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"] {
        let Some(disk) = Disk::mounted(4096, 128) else {
            return;
        };
        write(&disk.jail, "large", &noise(1_800_000, 7));
        let before = disk.free();
        assert!(before < 1_600_000, "{format}: {before} bytes are free");
        let (paths, to) = ([path("large")], path("out"));
        let ask = Pack {
            paths: &paths,
            to: &to,
            format: Format::parse(format).unwrap(),
            id: "01JOB",
            owner: None,
        };
        let done = disk.jail.pack(&ask, &mut budget(), &Tally::default());
        assert!(matches!(done, Err(Error::NoSpace)), "{format}: {done:?}");
        assert_eq!(disk.names(), ["large"], "{format}");
        assert!(disk.free() + 16_384 >= before, "{format}");
        let left = Path::new(&disk.at).join("root/large");
        assert_eq!(std::fs::metadata(left).unwrap().len(), 1_800_000);
    }
}
