//! Archives that somebody made to do harm, in each format, and some that are what they say.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::time::{Duration, Instant};

use warren_runtime::jail::{
    Budget, Denylist, Error, Existing, Extract, Extracted, Folder, Jail, Kind, Limits, Tally, What,
};

use crate::jail::{Fixture, fixture, path, write};

/// What an archive is made of.
#[derive(Clone)]
pub enum Made {
    File(&'static [u8], Vec<u8>),
    Directory(&'static str),
    Symlink(&'static str, &'static str),
    Hardlink(&'static str, &'static str),
    Device(&'static str),
    Fifo(&'static str),
}
use Made::*;

pub fn file(name: &'static str, text: &str) -> Made {
    File(name.as_bytes(), text.as_bytes().to_vec())
}

pub fn header(kind: tar::EntryType, name: &[u8], size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o4755);
    header.set_mtime(1000);
    header.set_size(size);
    header
}

pub fn tar_of(parts: &[Made]) -> Vec<u8> {
    let mut tar = Vec::new();
    let mut put = |mut header: tar::Header, target: &str, data: &[u8]| {
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        tar.extend(header.as_bytes());
        tar.extend(data);
        tar.resize(tar.len().next_multiple_of(512), 0);
    };
    for part in parts {
        use tar::EntryType as T;
        match part {
            File(name, data) => put(header(T::Regular, name, data.len() as u64), "", data),
            Directory(name) => put(header(T::Directory, name.as_bytes(), 0), "", b""),
            Symlink(name, to) => put(header(T::Symlink, name.as_bytes(), 0), to, b""),
            Hardlink(name, to) => put(header(T::Link, name.as_bytes(), 0), to, b""),
            Device(name) => put(header(T::Block, name.as_bytes(), 0), "", b""),
            Fifo(name) => put(header(T::Fifo, name.as_bytes(), 0), "", b""),
        }
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut out = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// `None` for what the format has no word for.
pub fn seven_of(parts: &[Made]) -> Option<Vec<u8>> {
    use sevenz_rust2::{ArchiveEntry, ArchiveWriter};
    let mut seven = ArchiveWriter::new(std::io::Cursor::new(Vec::new())).unwrap();
    let mut put = |name: &str, mode: u32, data: Option<&[u8]>| {
        let entry = ArchiveEntry {
            name: name.to_owned(),
            is_directory: data.is_none(),
            has_windows_attributes: true,
            windows_attributes: mode << 16 | 0x8000,
            ..ArchiveEntry::default()
        };
        seven.push_archive_entry(entry, data).unwrap();
    };
    for part in parts {
        match part {
            File(name, data) => put(std::str::from_utf8(name).ok()?, 0o104_755, Some(data)),
            Directory(name) => put(name, 0o040_755, None),
            Symlink(name, to) => put(name, 0o120_777, Some(to.as_bytes())),
            Device(name) => put(name, 0o060_644, Some(b"")),
            Fifo(name) => put(name, 0o010_644, Some(b"")),
            Hardlink(..) => return None,
        }
    }
    Some(seven.finish().unwrap().into_inner())
}

/// `None` for what the format has no word for.
pub fn zip_of(parts: &[Made]) -> Option<Vec<u8>> {
    use zip::write::SimpleFileOptions;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let plain = SimpleFileOptions::default();
    for part in parts {
        match part {
            File(name, data) => {
                zip.start_file(String::from_utf8(name.to_vec()).ok()?, plain)
                    .unwrap();
                zip.write_all(data).unwrap();
            }
            Directory(name) => zip.add_directory(*name, plain).unwrap(),
            Symlink(name, to) => zip.add_symlink(*name, *to, plain).unwrap(),
            Hardlink(..) | Device(_) | Fifo(_) => return None,
        }
    }
    Some(zip.finish().unwrap().into_inner())
}

/// The same archive in each format that can say it.
pub fn each(parts: &[Made]) -> Vec<(&'static str, Vec<u8>)> {
    let tar = tar_of(parts);
    let mut all = vec![
        ("a.tar.gz", gz(&tar)),
        ("a.tar.bz2", bz2(&tar)),
        ("a.tar.zst", zst(&tar)),
        ("a.tar.xz", xz(&tar)),
        ("a.tar", tar),
    ];
    all.extend(zip_of(parts).map(|zip| ("a.zip", zip)));
    all.extend(seven_of(parts).map(|seven| ("a.7z", seven)));
    all
}

fn budget() -> Budget {
    Budget::new(Instant::now() + Duration::from_secs(60), 10_000).bytes(1 << 30)
}

/// Unpacks into `to` and puts it there.
pub fn unpack(
    jail: &Jail,
    name: &str,
    existing: Existing,
    limits: Limits,
    budget: &mut Budget,
) -> Result<Extracted, Error> {
    let (archive, to, owner) = (path(name), path("to"), Some((4242, 4242)));
    let ask = Extract {
        archive: &archive,
        to: &to,
        only: &[],
        id: "01JOB",
        limits,
        owner,
    };
    let unpacked = jail.unpack(&ask, budget, &Tally::default())?;
    unpacked.put(jail, &to, existing, owner)
}

fn extract(
    f: &Fixture,
    name: &str,
    existing: Existing,
    mut budget: Budget,
) -> Result<Extracted, Error> {
    unpack(&f.jail, name, existing, Limits::default(), &mut budget)
}

pub fn hidden(f: &Fixture) -> usize {
    let all = std::fs::read_dir(&f.root).unwrap().flatten();
    all.filter(|e| e.file_name().to_string_lossy().starts_with(".warren"))
        .count()
}

fn folder(f: &Fixture, name: &str, inside: &str, after: Option<(bool, &str)>) -> Folder {
    let (archive, inside) = (path(name), path(inside));
    f.jail
        .archive_folder(&archive, &inside, after, 2, &mut budget())
        .unwrap()
}

fn with(parts: &[Made], test: impl Fn(&Fixture, &str)) {
    for (name, bytes) in each(parts) {
        let f = fixture();
        std::fs::write(f.outside.join("theirs"), "theirs").unwrap();
        write(&f.jail, name, &bytes);
        std::fs::create_dir(f.root.join("to")).unwrap();
        test(&f, name);
        assert_eq!(
            std::fs::read(f.outside.join("theirs")).unwrap(),
            b"theirs",
            "{name}"
        );
        assert_eq!(std::fs::read_dir(&f.outside).unwrap().count(), 1, "{name}");
        let up = std::fs::read_dir(f.root.parent().unwrap()).unwrap().count();
        assert_eq!(up, 2, "{name}");
        assert_eq!(hidden(&f), 0, "{name}");
    }
}

/// It is refused, with these words, and nothing of it is there.
fn refused(parts: &[Made], words: &str) {
    with(parts, |f, name| {
        for existing in [Existing::Fail, Existing::Overwrite, Existing::Skip] {
            let error = extract(f, name, existing, budget()).unwrap_err();
            assert!(error.to_string().contains(words), "{name}: {error}");
            assert_eq!(
                std::fs::read_dir(f.root.join("to")).unwrap().count(),
                0,
                "{name}"
            );
        }
    });
}

#[test]
fn what_is_in_it_comes_out() {
    let parts = [
        Directory("d/"),
        file("d/a.txt", "one"),
        file("d/deep/b", "two"),
        Symlink("d/link", "deep/b"),
        file("d/a.txt", "later"),
    ];
    // A zip can't hold a name twice.
    with(&parts[..4], |f, name| {
        let done = extract(f, name, Existing::Fail, budget()).unwrap();
        assert_eq!(
            (done.entries, done.bytes, done.skipped),
            (4, 6, 0),
            "{name}"
        );
        assert_eq!(f.jail.read(&path("to/d/link"), 9).unwrap().bytes, b"two");
        let meta = std::fs::metadata(f.root.join("to/d/a.txt")).unwrap();
        assert_eq!((meta.uid(), meta.mode() & 0o7000), (4242, 0));
        assert_eq!(
            std::fs::metadata(f.root.join("to/d/deep")).unwrap().uid(),
            4242
        );
        let top = folder(f, name, "", None);
        assert_eq!((top.entries.len(), top.total, top.more), (1, 1, false));
        assert_eq!(
            (&*top.entries[0].path, &top.entries[0].what),
            ("d", &What::Directory)
        );
        let names = |folder: &Folder| -> Vec<String> {
            folder.entries.iter().map(|e| e.path.clone()).collect()
        };
        let first = folder(f, name, "d", None);
        assert_eq!(
            (names(&first), first.more),
            (vec!["deep".into(), "a.txt".into()], true)
        );
        assert_eq!((first.total, first.all), (3, 4), "{name}");
        let last = folder(f, name, "d", Some((false, "a.txt")));
        assert_eq!((names(&last), last.more), (vec!["link".to_owned()], false));
        assert!(matches!(last.entries[0].what, What::Symlink(_)), "{name}");
        let (archive, none) = (path(name), path("none"));
        let none = f
            .jail
            .archive_folder(&archive, &none, None, 9, &mut budget());
        assert!(matches!(none, Err(Error::NotFound(_))), "{name}");
    });
    let f = fixture();
    std::fs::create_dir(f.root.join("to")).unwrap();
    write(&f.jail, "a.tar", &tar_of(&parts));
    extract(&f, "a.tar", Existing::Fail, budget()).unwrap();
    assert_eq!(f.jail.read(&path("to/d/a.txt"), 9).unwrap().bytes, b"later");
}

#[test]
fn paths_that_lead_out_are_refused() {
    for out in ["../out", "d/../../out", "/etc/out", "..", "a/..", "//out"] {
        refused(&[file("ok", "x"), file(out, "x")], "archive's entry");
        refused(&[Directory(out)], "archive's entry");
    }
    let zip = zip_of(&[file("..\\out", "x")]).unwrap();
    let f = fixture();
    std::fs::create_dir(f.root.join("to")).unwrap();
    write(&f.jail, "a.zip", &zip);
    assert!(matches!(
        extract(&f, "a.zip", Existing::Fail, budget()),
        Err(Error::BadEntry(_))
    ));
}

#[test]
fn links_that_lead_out_are_refused_and_nothing_is_written_through_one() {
    for out in ["/etc", "../../..", "../../outside", "x/../../../y", ""] {
        refused(&[file("ok", "x"), Symlink("l", out)], "archive's entry");
    }
    // The link is there first, and the file after it would go through.
    let through = [Symlink("l", "d"), Directory("d"), file("l/x", "x")];
    with(&through, |f, name| {
        let done = extract(f, name, Existing::Fail, budget());
        assert!(matches!(done, Err(Error::BadEntry(_))), "{name}: {done:?}");
        assert_eq!(std::fs::read_dir(f.root.join("to")).unwrap().count(), 0);
    });
    // The link stands there already.
    with(&[file("l/theirs", "mine")], |f, name| {
        symlink(&f.outside, f.root.join("to/l")).unwrap();
        for existing in [Existing::Fail, Existing::Overwrite, Existing::Skip] {
            let done = extract(f, name, existing, budget());
            assert!(
                done.is_err() || done.is_ok_and(|d| d.skipped == 1),
                "{name}"
            );
        }
    });
}

#[test]
fn hard_links_lead_to_what_came_before_and_nowhere_else() {
    let f = fixture();
    std::fs::create_dir(f.root.join("to")).unwrap();
    write(&f.jail, "to/there", b"not of the archive");
    let good = [file("a", "one"), Hardlink("d/b", "a")];
    write(&f.jail, "a.tar", &tar_of(&good));
    extract(&f, "a.tar", Existing::Fail, budget()).unwrap();
    assert_eq!(f.jail.read(&path("to/d/b"), 9).unwrap().bytes, b"one");
    for bad in [
        "../../outside/theirs",
        "/etc/passwd",
        "none",
        "there",
        "l",
        "d",
    ] {
        let parts = [Directory("d"), Symlink("l", "there"), Hardlink("h", bad)];
        write(&f.jail, "a.tar", &tar_of(&parts));
        let done = extract(&f, "a.tar", Existing::Overwrite, budget());
        assert!(matches!(done, Err(Error::BadEntry(_))), "{bad}: {done:?}");
    }
}

#[test]
fn devices_and_pipes_are_refused_by_name() {
    refused(&[file("ok", "x"), Device("sda")], "\"sda\" is a device");
    refused(&[Fifo("pipe")], "\"pipe\" is a fifo");
}

#[test]
fn bombs_end_by_ratio_bytes_entries_depth_and_time() {
    with(&[File(b"zeros", vec![0; 2 << 20])], |f, name| {
        let limits = Limits {
            harmless: 1 << 19,
            ratio: 20,
            ..Limits::default()
        };
        let done = unpack(&f.jail, name, Existing::Fail, limits, &mut budget());
        match name {
            "a.tar" => assert!(done.is_ok()),
            _ => assert!(matches!(done, Err(Error::Bomb)), "{name}: {done:?}"),
        }
    });
    with(
        &[file("a", &"x".repeat(5000)), file("b", &"y".repeat(5000))],
        |f, name| {
            let done = extract(f, name, Existing::Fail, budget().bytes(6000));
            assert!(matches!(done, Err(Error::Quota)), "{name}: {done:?}");
            let few = Budget::new(Instant::now() + Duration::from_secs(60), 1);
            assert!(
                matches!(extract(f, name, Existing::Fail, few), Err(Error::TooMany)),
                "{name}"
            );
            let late = Budget::new(Instant::now(), 100);
            assert!(
                matches!(
                    extract(f, name, Existing::Fail, late),
                    Err(Error::TookTooLong)
                ),
                "{name}"
            );
            let off = budget();
            off.cancelled
                .store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(extract(f, name, Existing::Fail, off).is_err(), "{name}");
            assert_eq!(
                std::fs::read_dir(f.root.join("to")).unwrap().count(),
                0,
                "{name}"
            );
        },
    );
    let many: Vec<Made> = (0..64)
        .map(|n| {
            File(
                Box::leak(format!("d{n}/f").into_boxed_str()).as_bytes(),
                Vec::new(),
            )
        })
        .collect();
    with(&many, |f, name| {
        let done = extract(f, name, Existing::Fail, budget().bytes(63 * 4096));
        assert!(matches!(done, Err(Error::Quota)), "{name}: {done:?}");
    });
    let deep: &'static str = Box::leak(vec!["d"; 45].join("/").into_boxed_str());
    let deeper: &'static str = Box::leak(vec!["d"; 101].join("/").into_boxed_str());
    with(&[Directory(deep)], |f, name| {
        extract(f, name, Existing::Fail, budget()).unwrap();
    });
    let zip = zip_of(&[file(deeper, "x")]).unwrap();
    let f = fixture();
    std::fs::create_dir(f.root.join("to")).unwrap();
    write(&f.jail, "a.zip", &zip);
    assert!(matches!(
        extract(&f, "a.zip", Existing::Fail, budget()),
        Err(Error::TooDeep(_))
    ));
}

#[test]
fn endless_names_and_lying_headers_are_refused() {
    let f = fixture();
    std::fs::create_dir(f.root.join("to")).unwrap();
    let try_it = |bytes: &[u8]| {
        write(&f.jail, "a", bytes);
        let done = extract(&f, "a", Existing::Fail, budget());
        assert_eq!(std::fs::read_dir(f.root.join("to")).unwrap().count(), 0);
        done.unwrap_err()
    };
    let special = |kind, data: &[u8]| {
        let mut header = header(kind, b"special", data.len() as u64);
        header.set_cksum();
        let mut tar = header.as_bytes().to_vec();
        tar.extend(data);
        tar.resize(tar.len().next_multiple_of(512), 0);
        tar.extend(tar_of(&[file("x", "x")]));
        tar
    };
    for kind in [
        tar::EntryType::GNULongName,
        tar::EntryType::GNULongLink,
        tar::EntryType::XHeader,
    ] {
        let endless = special(kind, &vec![b'a'; 10 << 20]);
        assert!(matches!(try_it(&gz(&endless)), Error::BadEntry(_)));
    }
    for pax in [
        "20 path=../../out\n",
        "13 size=-999\n",
        "9999999 path=x\n",
        "nonsense",
        "28 GNU.sparse.map=1,2,3,4,5\n",
    ] {
        let error = try_it(&special(tar::EntryType::XHeader, pax.as_bytes()));
        assert!(matches!(error, Error::BadEntry(_)), "{pax}: {error}");
    }
    // A header that claims more than there is.
    let mut lie = header(tar::EntryType::Regular, b"x", 1 << 40);
    lie.set_cksum();
    let mut bytes = lie.as_bytes().to_vec();
    bytes.extend([0; 4096]);
    assert!(matches!(try_it(&bytes), Error::Damaged(_)));
    for (name, bytes) in each(&[file("a", &"x".repeat(100_000)), file("b", "y")]) {
        for cut in [bytes.len() / 2, bytes.len() * 9 / 10] {
            if name == "a.tar" && cut > 101_000 {
                continue;
            }
            let error = try_it(&bytes[..cut]);
            assert!(
                matches!(error, Error::Damaged(_) | Error::NotAnArchive(_)),
                "{name}: {error}"
            );
        }
    }
    for nothing in [
        &b""[..],
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"BZh9",
        b"7z\xbc\xaf\x27\x1c\x00\x04",
        b"\xfd7zXZ\x00",
        b"hello",
        &[0; 2048],
    ] {
        let error = try_it(nothing);
        assert!(
            matches!(error, Error::Damaged(_) | Error::NotAnArchive(_)),
            "{error}"
        );
    }
}

#[test]
fn names_that_are_no_text_and_names_twice_do_no_harm() {
    let f = fixture();
    std::fs::create_dir(f.root.join("to")).unwrap();
    let odd = [
        File(b"no\xff\xfetext", b"x".to_vec()),
        File(b"new\nline", b"x".to_vec()),
        Directory("both"),
        file("both", "x"),
    ];
    write(&f.jail, "a.tar", &tar_of(&odd[..2]));
    extract(&f, "a.tar", Existing::Fail, budget()).unwrap();
    assert_eq!(f.jail.read(&path("to/new\nline"), 9).unwrap().bytes, b"x");
    write(&f.jail, "a.tar", &tar_of(&odd[2..]));
    assert!(extract(&f, "a.tar", Existing::Overwrite, budget()).is_err());
    assert!(!f.root.join("to/both").exists());
}

#[test]
fn what_is_there_stays_goes_or_stops_it() {
    let parts = [file("a", "new"), file("d/b", "new")];
    with(&parts, |f, name| {
        write(&f.jail, "to/d/b", b"old");
        write(&f.jail, "to/d/c", b"mine");
        let done = extract(f, name, Existing::Fail, budget());
        assert!(matches!(done, Err(Error::Exists(_))), "{name}");
        assert!(
            !f.root.join("to/a").exists(),
            "{name}: it begins with nothing"
        );
        let done = extract(f, name, Existing::Skip, budget()).unwrap();
        assert_eq!(done.skipped, 1);
        assert_eq!(f.jail.read(&path("to/d/b"), 9).unwrap().bytes, b"old");
        extract(f, name, Existing::Overwrite, budget()).unwrap();
        assert_eq!(f.jail.read(&path("to/d/b"), 9).unwrap().bytes, b"new");
        assert_eq!(f.jail.read(&path("to/d/c"), 9).unwrap().bytes, b"mine");
    });
    with(&[Directory("d")], |f, name| {
        write(&f.jail, "to/d", b"a file");
        let done = extract(f, name, Existing::Overwrite, budget());
        assert!(matches!(done, Err(Error::Exists(_))), "{name}");
        assert_eq!(f.jail.stat(&path("to/d")).unwrap().kind, Kind::File);
    });
}

#[test]
fn what_is_kept_back_is_not_unpacked() {
    with(&[file("key.pem", "x"), file("ok", "x")], |f, name| {
        let jail = Jail::open(&f.root)
            .unwrap()
            .keeping_back(Denylist::new(&["/to/*.pem".to_owned()]));
        let limits = Limits::default();
        let done = unpack(&jail, name, Existing::Fail, limits, &mut budget());
        assert_eq!(done.unwrap().skipped, 1, "{name}");
        assert!(!f.root.join("to/key.pem").exists() && f.root.join("to/ok").exists());
    });
    with(&[Symlink("l", "key.pem")], |f, name| {
        let jail = Jail::open(&f.root)
            .unwrap()
            .keeping_back(Denylist::new(&["*.pem".to_owned()]));
        let limits = Limits::default();
        let done = unpack(&jail, name, Existing::Fail, limits, &mut budget());
        assert!(matches!(done, Err(Error::Denied(_))), "{name}");
    });
}

#[test]
fn a_file_alone_comes_out_under_the_name_that_it_had() {
    let text = "a line\n".repeat(1000);
    let bytes = text.as_bytes();
    for (ending, packed) in [
        ("gz", gz(bytes)),
        ("bz2", bz2(bytes)),
        ("xz", xz(bytes)),
        ("zst", zst(bytes)),
    ] {
        let f = fixture();
        let name = format!("2026-10-02-1.log.{ending}");
        write(&f.jail, &name, &packed);
        let top = folder(&f, &name, "", None);
        assert_eq!(top.entries[0].path, "2026-10-02-1.log");
        let done = extract(&f, &name, Existing::Fail, budget()).unwrap();
        assert_eq!(done.bytes, bytes.len() as u64);
        let out = std::fs::read(f.root.join("to/2026-10-02-1.log")).unwrap();
        assert_eq!(out, bytes, "{ending}");
        let cut = &packed[..packed.len() - 6];
        write(&f.jail, &name, cut);
        let done = extract(&f, &name, Existing::Overwrite, budget());
        assert!(matches!(done, Err(Error::Damaged(_))), "{ending}: {done:?}");
        assert_eq!(hidden(&f), 0);
    }
}

#[test]
fn a_part_of_an_archive_comes_out_alone() {
    with(
        &[file("a/x", "1"), file("ab", "2"), file("b/y", "3")],
        |f, name| {
            let (archive, to, only) = (path(name), path("to"), [path("a"), path("b/y")]);
            let ask = Extract {
                archive: &archive,
                to: &to,
                only: &only,
                id: "01JOB",
                limits: Limits::default(),
                owner: None,
            };
            let unpacked = f
                .jail
                .unpack(&ask, &mut budget(), &Tally::default())
                .unwrap();
            let done = unpacked.put(&f.jail, &to, Existing::Fail, None).unwrap();
            assert_eq!(done.entries, 2, "{name}");
            assert!(f.root.join("to/a/x").exists() && f.root.join("to/b/y").exists());
            assert!(!f.root.join("to/ab").exists(), "{name}");
        },
    );
}

/// As after a kill: what was unpacked is there, and some of it is in its place already.
#[test]
fn what_was_broken_off_is_gone_on_with_or_taken_back() {
    let f = fixture();
    write(
        &f.jail,
        "a.tar",
        &tar_of(&[file("a", "1"), file("d/b", "2")]),
    );
    let (archive, to) = (path("a.tar"), path("new/to"));
    let ask = Extract {
        archive: &archive,
        to: &to,
        only: &[],
        id: "01JOB",
        limits: Limits::default(),
        owner: None,
    };
    let unpacked = f
        .jail
        .unpack(&ask, &mut budget(), &Tally::default())
        .unwrap();
    std::mem::forget(unpacked);
    write(&f.jail, "new/to/a", b"1");
    std::fs::remove_file(f.root.join(".warren-01JOB.partial/a")).unwrap();
    let left = f.jail.unpacked("01JOB").unwrap();
    left.put(&f.jail, &to, Existing::Fail, None).unwrap();
    assert_eq!(f.jail.read(&path("new/to/d/b"), 9).unwrap().bytes, b"2");
    assert_eq!(hidden(&f), 0);

    let unpacked = f
        .jail
        .unpack(&ask, &mut budget(), &Tally::default())
        .unwrap();
    std::mem::forget(unpacked);
    drop(f.jail.unpacked("01JOB").unwrap());
    assert_eq!(hidden(&f), 0);
    assert!(matches!(f.jail.unpacked("01JOB"), Err(Error::NotFound(_))));
    assert!(f.jail.unpacked("../x").is_err());
}

/// A list of few bytes that says that there are very many files takes no memory.
#[test]
fn lists_that_lie_about_their_size_are_refused() {
    let f = fixture();
    let seven = |list: &[u8]| {
        let mut head = vec![0; 20];
        head[8..16].copy_from_slice(&(list.len() as u64).to_le_bytes());
        head[16..20].copy_from_slice(&crc32fast::hash(list).to_le_bytes());
        let mut all = b"7z\xbc\xaf\x27\x1c\x00\x04".to_vec();
        all.extend(crc32fast::hash(&head).to_le_bytes());
        all.extend(head);
        all.extend(list);
        all
    };
    let try_it = |bytes: &[u8]| {
        write(&f.jail, "a.7z", bytes);
        let inside = path("");
        let seen = f
            .jail
            .archive_folder(&path("a.7z"), &inside, None, 9, &mut budget());
        let seen = seen.unwrap_err();
        assert!(extract(&f, "a.7z", Existing::Fail, budget()).is_err());
        seen
    };
    // So many files that their heads alone would fill the machine.
    let files = [1, 5, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    assert!(matches!(try_it(&seven(&files)), Error::Damaged(_)));
    // A packed list that becomes 16 TiB.
    let mut packed = vec![0x17, 6, 0, 1, 9, 1, 0, 7, 0x0b, 1, 0, 1, 1, 0, 0x0c];
    packed.extend([0xff, 0, 0, 0, 0, 0, 16, 0, 0]);
    packed.extend([0, 0]);
    assert!(matches!(try_it(&seven(&packed)), Error::TooMany));
    assert!(matches!(try_it(&seven(&vec![1; 3 << 20])), Error::TooMany));
    for list in [&[0x17][..], &[0x17, 7, 0x0b, 0xff], &[9], &[1, 4]] {
        assert!(
            matches!(try_it(&seven(list)), Error::Damaged(_)),
            "{list:?}"
        );
    }
}
