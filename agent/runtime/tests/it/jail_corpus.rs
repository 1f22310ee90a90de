//! More of what people make to do harm, byte by byte where no library would write it: overlapping, lying, damaged, odd.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use warren_runtime::jail::{Budget, Error, Existing, Extracted, Kind, Limits, What};

use crate::jail::{Fixture, fixture, path, write};
use crate::jail_archive::{
    Made, bz2, each, file, gz, header, hidden, seven_of, tar_of, unpack, xz, zst,
};

/// One entry of a zip, as it is said to be.
#[derive(Clone)]
struct Raw {
    name: Vec<u8>,
    /// As it stands there.
    packed: Vec<u8>,
    deflated: bool,
    crc: u32,
    /// As the list says.
    size: u32,
    flags: u16,
    /// Upper half of the attributes.
    mode: u32,
    /// Where its own head is; `None`: it gets one.
    at: Option<u32>,
}

fn raw(name: &[u8], data: &[u8]) -> Raw {
    Raw {
        name: name.to_vec(),
        packed: data.to_vec(),
        deflated: false,
        crc: crc32fast::hash(data),
        size: u32::try_from(data.len()).unwrap(),
        flags: 0,
        mode: 0o100_644,
        at: None,
    }
}

fn deflated(name: &[u8], data: &[u8]) -> Raw {
    let level = flate2::Compression::best();
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), level);
    packer.write_all(data).unwrap();
    Raw {
        packed: packer.finish().unwrap(),
        deflated: true,
        ..raw(name, data)
    }
}

fn raw_zip(entries: &[Raw]) -> Vec<u8> {
    let (mut zip, mut list) = (Vec::new(), Vec::new());
    let word = |to: &mut Vec<u8>, value: u16| to.extend(value.to_le_bytes());
    let long = |to: &mut Vec<u8>, value: u32| to.extend(value.to_le_bytes());
    let common = |to: &mut Vec<u8>, entry: &Raw| {
        word(to, 20);
        word(to, entry.flags);
        word(to, if entry.deflated { 8 } else { 0 });
        long(to, 0x0021_0000);
        long(to, entry.crc);
        long(to, u32::try_from(entry.packed.len()).unwrap());
        long(to, entry.size);
        word(to, u16::try_from(entry.name.len()).unwrap());
        word(to, 0);
    };
    for entry in entries {
        let at = entry.at.unwrap_or(u32::try_from(zip.len()).unwrap());
        if entry.at.is_none() {
            zip.extend(b"PK\x03\x04");
            common(&mut zip, entry);
            zip.extend(&entry.name);
            zip.extend(&entry.packed);
        }
        list.extend(b"PK\x01\x02");
        word(&mut list, 3 << 8 | 20);
        common(&mut list, entry);
        list.extend([0; 6]);
        long(&mut list, entry.mode << 16);
        long(&mut list, at);
        list.extend(&entry.name);
    }
    let (at, count) = (zip.len(), u16::try_from(entries.len()).unwrap());
    zip.extend(&list);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    word(&mut zip, count);
    word(&mut zip, count);
    long(&mut zip, u32::try_from(list.len()).unwrap());
    long(&mut zip, u32::try_from(at).unwrap());
    word(&mut zip, 0);
    zip
}

const ROOM: u64 = 4 << 20;

fn budget() -> Budget {
    Budget::new(Instant::now() + Duration::from_secs(60), 5000).bytes(ROOM)
}

/// What is on the disk below it, links not followed.
fn held(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    let sizes = entries.map(|entry| {
        let meta = std::fs::symlink_metadata(entry.path()).unwrap();
        match meta.is_dir() {
            true => held(&entry.path()),
            false => meta.len(),
        }
    });
    sizes.sum()
}

fn no_link_leads_out(root: &Path, dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let meta = std::fs::symlink_metadata(entry.path()).unwrap();
        if meta.is_symlink()
            && let Ok(real) = entry.path().canonicalize()
        {
            assert!(
                real.starts_with(root),
                "{} leads out",
                entry.path().display()
            );
        }
        if meta.is_dir() {
            no_link_leads_out(root, &entry.path());
        }
    }
}

/// Looks into it and unpacks it in each way: whatever comes of it, nothing is outside, nothing hidden is left, and what
/// failed has left nothing.
fn tried(name: &str, bytes: &[u8]) -> (Fixture, Result<Extracted, Error>) {
    let f = fixture();
    std::fs::write(f.outside.join("theirs"), "theirs").unwrap();
    std::fs::create_dir(f.root.join("to")).unwrap();
    write(&f.jail, name, bytes);
    let archive = path(name);
    let looked = f
        .jail
        .archive_folder(&archive, &path(""), None, 5000, &mut budget());
    if let Ok(folder) = looked {
        for entry in folder.entries {
            assert!(entry.path.len() <= 255 && !entry.path.contains('/'));
        }
    }
    let mut done = None;
    for existing in [Existing::Fail, Existing::Skip, Existing::Overwrite] {
        let limits = Limits::default();
        let this = unpack(&f.jail, name, existing, limits, &mut budget());
        let there = std::fs::read_dir(f.root.join("to")).unwrap().count();
        if done.is_none() && this.is_err() {
            assert_eq!(there, 0, "{name}: {this:?}");
        }
        assert_eq!(hidden(&f), 0, "{name}");
        assert!(held(&f.root.join("to")) <= ROOM, "{name}");
        done.get_or_insert(this);
    }
    let root = f.root.canonicalize().unwrap();
    no_link_leads_out(&root, &root.join("to"));
    assert_eq!(std::fs::read_dir(&f.outside).unwrap().count(), 1, "{name}");
    let theirs = std::fs::read(f.outside.join("theirs")).unwrap();
    assert_eq!(theirs, b"theirs", "{name}");
    let up = std::fs::read_dir(f.root.parent().unwrap()).unwrap().count();
    assert_eq!(up, 2, "{name}");
    (f, done.unwrap())
}

fn read(f: &Fixture, at: &str) -> Vec<u8> {
    f.jail.read(&path(at), 1 << 20).unwrap().bytes
}

#[test]
fn entries_that_lie_over_one_another_count_as_often_as_they_come_out() {
    let zeros = vec![0; 1 << 20];
    let first = deflated(b"0", &zeros);
    let mut entries = vec![first.clone()];
    entries.extend((1..2000).map(|n| Raw {
        name: n.to_string().into_bytes(),
        at: Some(0),
        ..first.clone()
    }));
    let zip = raw_zip(&entries);
    assert!(zip.len() < 200_000);
    let (_, done) = tried("a.zip", &zip);
    assert!(done.is_err(), "{done:?}");
    // And where the disk would have room for all of it.
    let f = fixture();
    write(&f.jail, "a.zip", &zip);
    let mut much = Budget::new(Instant::now() + Duration::from_secs(60), 5000);
    let done = unpack(
        &f.jail,
        "a.zip",
        Existing::Fail,
        Limits::default(),
        &mut much,
    );
    assert!(
        matches!(done, Err(Error::Bomb | Error::Damaged(_))),
        "{done:?}"
    );
    assert_eq!((hidden(&f), f.root.join("to").exists()), (0, false));
}

/// One of each kind within the next: what is within is a file, and nobody opens it.
#[test]
fn an_archive_within_an_archive_is_a_file() {
    let mut inner = gz(&vec![0; 1 << 20]);
    for round in 0..3 {
        let mut all = each(&[Made::File(b"again", inner.clone())]);
        for (name, bytes) in &all {
            let (f, done) = tried(name, bytes);
            assert_eq!(done.unwrap().entries, 1, "{name} {round}");
            assert_eq!(read(&f, "to/again"), inner, "{name} {round}");
        }
        inner = all.swap_remove(round).1;
    }
    // What becomes more of the same kind each time is unpacked once.
    for (name, bytes) in [("a.gz", gz(&inner)), ("a.xz", xz(&inner))] {
        let (f, done) = tried(name, &bytes);
        assert_eq!(done.unwrap().entries, 1);
        assert_eq!(read(&f, "to/a"), inner);
    }
}

/// Very many streams of nothing, or of little that becomes much, one behind the other.
#[test]
fn streams_behind_one_another_count_together() {
    let zeros = vec![0; 1 << 20];
    for (name, none, much) in [
        ("a.gz", gz(b""), gz(&zeros)),
        ("a.bz2", bz2(b""), bz2(&zeros)),
        ("a.xz", xz(b""), xz(&zeros)),
        ("a.zst", zst(b""), zst(&zeros)),
    ] {
        let (f, done) = tried(name, &none.repeat(20_000));
        assert!(done.is_ok_and(|d| d.bytes == 0), "{name}");
        assert_eq!(read(&f, "to/a"), b"", "{name}");
        let (_, done) = tried(name, &much.repeat(8));
        assert!(matches!(done, Err(Error::Quota)), "{name}: {done:?}");
    }
}

#[test]
fn a_zip_has_no_devices_and_no_pipes_either() {
    for (mode, what) in [
        (0o060_644, "device"),
        (0o020_644, "device"),
        (0o010_644, "fifo"),
        (0o140_644, "socket"),
    ] {
        let odd = Raw {
            mode,
            ..raw(b"odd", b"")
        };
        let (_, done) = tried("a.zip", &raw_zip(&[raw(b"ok", b"x"), odd]));
        let error = done.unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    // A set-uid bit is not kept.
    let odd = Raw {
        mode: 0o104_755,
        ..raw(b"run", b"x")
    };
    let (f, done) = tried("a.zip", &raw_zip(&[odd]));
    done.unwrap();
    assert_eq!(f.jail.stat(&path("to/run")).unwrap().mode, 0o755);
}

#[test]
fn names_in_old_and_broken_encodings_stay_below() {
    let dos = raw_zip(&[raw(b"\x81ber.txt", b"x")]);
    let (f, done) = tried("a.zip", &dos);
    done.unwrap();
    assert_eq!(read(&f, "to/über.txt"), b"x");
    let says_utf8 = Raw {
        flags: 1 << 11,
        ..raw(b"\xff\xfe/..\xff", b"x")
    };
    let _ = tried("a.zip", &raw_zip(&[says_utf8]));
    // In both worlds a way out.
    for out in [
        &b"..\\..\\out"[..],
        b"..\\/out",
        b"a\\..\\..\\out",
        b"\\out",
        b"\\\\host\\share",
        b"\xff/../../out",
        b"nul\0/../../out",
        b"a\0b",
    ] {
        let (_, done) = tried("a.zip", &raw_zip(&[raw(b"ok", b"x"), raw(out, b"x")]));
        assert!(matches!(done, Err(Error::BadEntry(_))), "{out:?}: {done:?}");
    }
    // Odd, and no harm.
    for odd in [
        "a.",
        "a ",
        "...",
        "C:",
        "con",
        "-rf",
        "~",
        "\u{202e}gpj.exe",
        "a:b",
    ] {
        let odd: &'static str = Box::leak(odd.to_owned().into_boxed_str());
        for (name, bytes) in each(&[file(odd, "x")]) {
            let (f, done) = tried(name, &bytes);
            done.unwrap();
            assert_eq!(read(&f, &format!("to/{odd}")), b"x", "{name} {odd}");
        }
    }
    // A tar of a machine that has such names.
    let (f, done) = tried("a.tar", &tar_of(&[file("a\\..\\b", "x")]));
    done.unwrap();
    assert_eq!(read(&f, "to/a\\..\\b"), b"x");
}

#[test]
fn names_without_an_end_are_refused_and_shown_short() {
    let long = "n".repeat(300);
    let deep = "d/".repeat(3000);
    for name in [&long, &deep, &format!("ok/{long}/x")] {
        let zip = raw_zip(&[raw(name.as_bytes(), b"x")]);
        let (_, done) = tried("a.zip", &zip);
        assert!(done.is_err(), "{done:?}");
        let named: &'static str = Box::leak(name.clone().into_boxed_str());
        let seven = seven_of(&[file(named, "x")]).unwrap();
        assert!(tried("a.7z", &seven).1.is_err());
        let tar = pax(&format!("path={name}"), &file("short", "x"));
        let (f, done) = tried("a.tar", &tar);
        assert!(done.is_err(), "{done:?}");
        let seen = f
            .jail
            .archive_folder(&path("a.tar"), &path(""), None, 9, &mut budget());
        let seen = seen.unwrap().entries.remove(0);
        let refused = matches!(seen.what, What::Refused(_));
        assert_eq!(refused, *name == long);
    }
    // A link to where no file can be.
    let to = "t".repeat(5000);
    let tar = pax(&format!("linkpath={to}"), &Made::Symlink("l", "short"));
    let (f, done) = tried("a.tar", &tar);
    assert!(matches!(done, Err(Error::BadEntry(_))), "{done:?}");
    let seen = f
        .jail
        .archive_folder(&path("a.tar"), &path(""), None, 9, &mut budget());
    let what = seen.unwrap().entries.remove(0).what;
    assert!(matches!(what, What::Symlink(to) if to.len() <= 1024));
    for nul in ["path=a\0b", "linkpath=a\0b"] {
        let tar = pax(nul, &Made::Symlink("l", "short"));
        let (_, done) = tried("a.tar", &tar);
        assert!(matches!(done, Err(Error::BadEntry(_))), "{done:?}");
    }
}

/// A tar whose only entry has one pax record before it.
pub fn pax(record: &str, entry: &Made) -> Vec<u8> {
    let mut length = record.len() + 3;
    while length.to_string().len() + record.len() + 2 != length {
        length += 1;
    }
    let mut text = String::new();
    writeln!(text, "{length} {record}").unwrap();
    let mut head = header(tar::EntryType::XHeader, b"pax", text.len() as u64);
    head.set_cksum();
    let mut tar = head.as_bytes().to_vec();
    tar.extend(text.as_bytes());
    tar.resize(tar.len().next_multiple_of(512), 0);
    tar.extend(tar_of(std::slice::from_ref(entry)));
    tar
}

#[test]
fn a_name_twice_is_one_thing_or_none() {
    use Made::{Directory, Hardlink, Symlink};
    let twice = raw_zip(&[raw(b"a", b"first"), raw(b"a", b"later")]);
    let (f, done) = tried("a.zip", &twice);
    if done.is_ok() {
        assert_eq!(read(&f, "to/a"), b"later");
    }
    for parts in [
        vec![Symlink("l", "d"), Directory("d"), file("l", "x")],
        vec![file("l", "x"), Symlink("l", "d"), Directory("d")],
        vec![Symlink("l", "a"), Symlink("l", "b"), file("l/x", "x")],
        vec![Directory("d"), Symlink("d", "."), file("d/d/d/x", "x")],
        vec![file("d/x", "x"), Symlink("d/x", "../d"), file("d/x/y", "y")],
        vec![Directory("l"), file("l/x", "x"), Symlink("l", "..")],
        vec![Symlink("a", "b"), Symlink("b", "a"), file("a/b/a", "x")],
        vec![
            file("a", "x"),
            Hardlink("b", "a"),
            file("b", "y"),
            file("a", "z"),
        ],
        vec![file("a", "x"), Hardlink("a", "a")],
        vec![Symlink("s", "a"), file("a", "x"), Hardlink("h", "s")],
        vec![file("./a", "x"), file("a//", "y"), file("a/.", "z")],
        vec![file("A", "x"), file("a", "y")],
    ] {
        let _ = tried("a.tar", &tar_of(&parts));
        if let Some(seven) = seven_of(&parts) {
            let _ = tried("a.7z", &seven);
        }
        let zipped: Option<Vec<Raw>> = parts.iter().map(zipped).collect();
        if let Some(zipped) = zipped {
            let _ = tried("a.zip", &raw_zip(&zipped));
        }
    }
    // Two names of one file are one file: what is written to one is in the other, and nowhere else.
    let parts = [file("a", "x"), Hardlink("b", "a"), file("a", "later")];
    let (f, done) = tried("a.tar", &tar_of(&parts));
    done.unwrap();
    assert_eq!(
        (read(&f, "to/b"), read(&f, "to/a")),
        (b"x".to_vec(), b"later".to_vec())
    );
}

fn zipped(part: &Made) -> Option<Raw> {
    match part {
        Made::File(name, data) => Some(raw(name, data)),
        Made::Directory(name) => Some(Raw {
            mode: 0o040_755,
            ..raw(format!("{name}/").as_bytes(), b"")
        }),
        Made::Symlink(name, to) => Some(Raw {
            mode: 0o120_777,
            ..raw(name.as_bytes(), to.as_bytes())
        }),
        Made::Hardlink(..) | Made::Device(_) | Made::Fifo(_) => None,
    }
}

#[test]
fn sizes_that_are_lies_are_not_believed() {
    let zeros = vec![0; 8 << 20];
    for size in [0, 1, 5, u32::MAX - 1] {
        let lie = Raw {
            size,
            ..deflated(b"a", &zeros)
        };
        let (_, done) = tried("a.zip", &raw_zip(&[lie]));
        assert!(done.is_err(), "{size}: {done:?}");
    }
    for size in [0, 4, 1 << 30] {
        let lie = Raw {
            size,
            ..raw(b"a", b"hello")
        };
        let (f, done) = tried("a.zip", &raw_zip(&[lie]));
        assert!(done.is_err() || read(&f, "to/a").len() <= 5, "{done:?}");
    }
    // Of a gzip: the length behind it.
    let mut lie = gz(b"hello");
    let end = lie.len() - 4;
    lie[end..].copy_from_slice(&7_u32.to_le_bytes());
    let (_, done) = tried("a.gz", &lie);
    assert!(matches!(done, Err(Error::Damaged(_))), "{done:?}");
    // Of a zstd frame that says so at its beginning.
    let mut lie = zstd::bulk::compress(&[7; 1000], 1).unwrap();
    assert_eq!(lie[4] & 0xe0, 0x60, "one segment, two bytes of size");
    lie[5] ^= 1;
    let (_, done) = tried("a.zst", &lie);
    assert!(matches!(done, Err(Error::Damaged(_))), "{done:?}");
}

#[test]
fn counts_that_are_lies_take_no_memory_and_no_time() {
    let mut zip = raw_zip(&[raw(b"a", b"x")]);
    let end = zip.len() - 22;
    zip[end + 8..end + 12].copy_from_slice(&[0xff; 4]);
    let began = Instant::now();
    let _ = tried("a.zip", &zip);
    // And with the larger kind of list.
    let at = zip.len() - 22;
    let mut large = zip[..at].to_vec();
    large.extend(b"PK\x06\x06");
    large.extend(44_u64.to_le_bytes());
    large.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    large.extend((1_u64 << 60).to_le_bytes());
    large.extend((1_u64 << 60).to_le_bytes());
    large.extend(100_u64.to_le_bytes());
    large.extend(32_u64.to_le_bytes());
    large.extend(b"PK\x06\x07\0\0\0\0");
    large.extend((at as u64).to_le_bytes());
    large.extend(1_u32.to_le_bytes());
    large.extend(b"PK\x05\x06\0\0\0\0");
    large.extend([0xff; 12]);
    large.extend([0, 0]);
    let (_, done) = tried("a.zip", &large);
    assert!(done.is_err(), "{done:?}");
    let many: Vec<Raw> = (0..6000)
        .map(|n| raw(format!("{n}").as_bytes(), b""))
        .collect();
    let (_, done) = tried("a.zip", &raw_zip(&many));
    assert!(
        matches!(done, Err(Error::TooMany | Error::Quota)),
        "{done:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(30));
}

/// Few bytes that name very many directories, or very much in links.
#[test]
fn directories_and_links_count_as_well() {
    let parts: Vec<Made> = (0..30).map(|n| deep(&format!("{n}"), 46)).collect();
    for (name, bytes) in each(&parts) {
        let (_, done) = tried(name, &bytes);
        assert!(
            matches!(done, Err(Error::TooMany | Error::Quota)),
            "{name}: {done:?}"
        );
    }
    let long = "x/".repeat(1500);
    let links: Vec<Vec<u8>> = (0..12_000)
        .map(|n| {
            let to = format!("linkpath={long}{n}");
            let mut tar = pax(
                &to,
                &Made::Symlink(Box::leak(n.to_string().into_boxed_str()), "x"),
            );
            tar.truncate(tar.len() - 1024);
            tar
        })
        .collect();
    let mut tar = links.concat();
    tar.extend([0; 1024]);
    let f = fixture();
    write(&f.jail, "a.tar.zst", &zst(&tar));
    let mut much = Budget::new(Instant::now() + Duration::from_secs(120), 200_000);
    let done = unpack(
        &f.jail,
        "a.tar.zst",
        Existing::Fail,
        Limits::default(),
        &mut much,
    );
    assert!(matches!(done, Err(Error::TooMany)), "{done:?}");
    assert_eq!(hidden(&f), 0);
}

fn deep(first: &str, levels: usize) -> Made {
    let path = format!("{first}/{}f", "d/".repeat(levels));
    Made::File(Box::leak(path.into_boxed_str()).as_bytes(), Vec::new())
}

fn small() -> Vec<(&'static str, Vec<u8>)> {
    let parts = [
        Made::Directory("d"),
        file("d/a", "one one one one"),
        file("b", "two"),
        Made::Symlink("l", "d/a"),
    ];
    let mut all = each(&parts);
    let text = b"a line of text, a line of text";
    let checked = {
        let mut out = zstd::Encoder::new(Vec::new(), 1).unwrap();
        out.include_checksum(true).unwrap();
        out.write_all(text).unwrap();
        out.finish().unwrap()
    };
    all.extend([
        ("a.gz", gz(text)),
        ("a.bz2", bz2(text)),
        ("a.xz", xz(text)),
        ("a.zst", checked),
    ]);
    all
}

/// What a whole archive is unpacked to.
fn whole(f: &Fixture) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for name in ["d/a", "b", "l", "a"] {
        let at = path(&format!("to/{name}"));
        if f.jail.stat(&at).is_ok_and(|e| e.kind != Kind::Directory) {
            all.push((
                name.to_owned(),
                f.jail.read(&at, 99).map_or(Vec::new(), |r| r.bytes),
            ));
        }
    }
    all
}

#[test]
fn what_is_cut_anywhere_is_whole_or_nothing() {
    for (name, bytes) in small() {
        let (f, done) = tried(name, &bytes);
        done.unwrap();
        let all = whole(&f);
        // A tar has empty blocks at its end.
        let step = bytes.len().div_ceil(100);
        for cut in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            let (f, done) = tried(name, &bytes[..cut]);
            match done {
                Err(_) => {}
                Ok(_) if name == "a.tar" => {}
                Ok(done) => assert_eq!(whole(&f), all, "{name} cut at {cut}: {done:?}"),
            }
        }
    }
}

/// A bit of each byte is another: what comes of it stays below, and where there is a checksum it shows.
#[test]
fn what_is_changed_anywhere_stays_below() {
    for (name, bytes) in small() {
        let step = bytes.len().div_ceil(100);
        for at in (0..bytes.len()).step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let _ = tried(name, &changed);
        }
    }
    let wrong = Raw {
        crc: 7,
        ..raw(b"a", b"hello")
    };
    let (_, done) = tried("a.zip", &raw_zip(&[wrong]));
    assert!(matches!(done, Err(Error::Damaged(_))), "{done:?}");
    let text = b"a line of text, a line of text";
    for (name, bytes, back) in [
        ("a.gz", gz(text), 8),
        ("a.bz2", bz2(text), 5),
        ("a.xz", xz(text), 5),
    ] {
        let mut bytes = bytes;
        let at = bytes.len() - back;
        bytes[at] ^= 0xff;
        let (_, done) = tried(name, &bytes);
        assert!(matches!(done, Err(Error::Damaged(_))), "{name}: {done:?}");
    }
    let mut seven = seven_of(&[file("a", "hello hello")]).unwrap();
    seven[34] ^= 0xff;
    assert!(matches!(tried("a.7z", &seven).1, Err(Error::Damaged(_))));
}

/// A file alone is called after its archive, which anybody names.
#[test]
fn a_file_alone_has_a_name_or_is_refused() {
    for (name, called) in [
        ("a.b.gz", Some("to/a.b")),
        ("...gz", None),
        ("..gz", None),
        (".gz", Some("to/.gz.out")),
        (".warren-1.partial.gz", None),
    ] {
        let f = fixture();
        std::fs::create_dir(f.root.join("to")).unwrap();
        write(&f.jail, name, &gz(b"x"));
        let done = unpack(
            &f.jail,
            name,
            Existing::Fail,
            Limits::default(),
            &mut budget(),
        );
        match called {
            Some(called) => {
                done.unwrap();
                assert_eq!(read(&f, called), b"x");
            }
            None => {
                assert!(
                    done.is_err() || done.is_ok_and(|d| d.skipped == 1),
                    "{name}"
                );
                assert_eq!(std::fs::read_dir(f.root.join("to")).unwrap().count(), 0);
            }
        }
    }
}
