//! First byte: what the rest is. An archive of any format as it is, or a tar that is compressed first, so that what is
//! within comes through. It is looked into, unpacked, and put in place: nothing leaves the jail, what fails leaves
//! nothing, what comes out is within its bounds.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../src/jail/mod.rs"]
mod jail;

use std::cell::RefCell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jail::{Budget, Existing, Extract, Jail, Limits, RelPath, Tally};
use libfuzzer_sys::fuzz_target;

const ROOM: u64 = 1 << 20;

struct Scratch {
    dir: tempfile::TempDir,
    root: PathBuf,
    jail: Jail,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

impl Scratch {
    fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
        let root = dir.path().canonicalize().expect("its path").join("root");
        std::fs::create_dir(&root).expect("a root");
        std::fs::create_dir(root.join("to")).expect("a place");
        let jail = Jail::open(&root).expect("a jail");
        Self { dir, root, jail }
    }
}

fn compressed(how: u8, bytes: &[u8]) -> Vec<u8> {
    match how {
        1 => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(bytes).and_then(|()| out.finish()).expect("memory")
        }
        2 => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(bytes).and_then(|()| out.finish()).expect("memory")
        }
        3 => {
            let options = lzma_rust2::XzOptions::with_preset(0);
            let mut out = lzma_rust2::XzWriter::new(Vec::new(), options).expect("memory");
            out.write_all(bytes).and_then(|()| out.finish()).expect("memory")
        }
        4 => zstd::encode_all(bytes, 1).expect("memory"),
        _ => bytes.to_vec(),
    }
}

fn judge(root: &Path, dir: &Path, bytes: &mut u64) {
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let meta = entry.path().symlink_metadata().expect("an entry");
        if meta.is_symlink()
            && let Ok(real) = entry.path().canonicalize()
        {
            assert!(real.starts_with(root), "{:?} leads out", entry.path());
        }
        if meta.is_dir() {
            judge(root, &entry.path(), bytes);
        } else if meta.is_file() {
            use std::os::unix::fs::MetadataExt as _;
            *bytes += meta.blocks() * 512;
        }
        assert!(meta.is_dir() || meta.is_file() || meta.is_symlink());
    }
}

fn clear(to: &Path) {
    for entry in std::fs::read_dir(to).expect("a directory").flatten() {
        let at = entry.path();
        let is_dir = at.symlink_metadata().expect("an entry").is_dir();
        match is_dir {
            true => std::fs::remove_dir_all(at),
            false => std::fs::remove_file(at),
        }
        .expect("to be removed");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let archive = compressed(how % 5, bytes);
    SCRATCH.with_borrow_mut(|scratch| {
        std::fs::write(scratch.root.join("a"), &archive).expect("the archive");
        let budget = || Budget::new(Instant::now() + Duration::from_secs(10), 500).bytes(ROOM);
        let (from, to): (RelPath, RelPath) = ("a".parse().unwrap(), "to".parse().unwrap());
        let page = scratch.jail.archive_folder(&from, &RelPath::root(), None, 100, &mut budget());
        if let Ok(page) = page {
            for entry in page.entries {
                assert!(entry.path.len() <= 255 && !entry.path.contains('/'));
            }
        }
        let ask = Extract {
            archive: &from,
            to: &to,
            only: &[],
            id: "1",
            limits: Limits::default(),
            owner: None,
        };
        let done = scratch.jail.unpack(&ask, &mut budget(), &Tally::default());
        let done = done.and_then(|all| all.put(&scratch.jail, &to, Existing::Fail, None));
        let place = scratch.root.join("to");
        let mut held = 0;
        judge(&scratch.root, &place, &mut held);
        assert!(held <= 2 * ROOM, "{held} bytes");
        let names = std::fs::read_dir(&scratch.root).expect("the root").flatten();
        assert_eq!(names.count(), 2, "something is left in the root");
        let beside = std::fs::read_dir(scratch.dir.path()).expect("beside").count();
        assert_eq!(beside, 1, "something is beside the root");
        if done.is_err() {
            assert_eq!(std::fs::read_dir(&place).expect("the place").count(), 0);
        }
        clear(&place);
    });
});
