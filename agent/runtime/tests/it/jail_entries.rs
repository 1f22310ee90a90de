//! What the jail does to entries and trees: copies, links, bits, lists, and what an egg keeps back.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, symlink};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use warren_runtime::jail::{
    Algorithm, Budget, Copied, Denylist, Error, Jail, Kind, ListOptions, Order, RelPath, SortBy,
    WriteOptions,
};

use crate::jail::{Fixture, fixture, path, write};

const OWNER: Option<(u32, u32)> = Some((4242, 4243));

fn budget() -> Budget {
    Budget::new(Instant::now() + Duration::from_secs(60), 10_000)
}

fn copy(jail: &Jail, from: &str, to: &str, mut budget: Budget) -> Result<Copied, Error> {
    jail.copy(&path(from), &path(to), OWNER, &mut budget)
}

fn names(f: &Fixture) -> Vec<String> {
    let entries = std::fs::read_dir(&f.root).unwrap().flatten();
    let mut names: Vec<_> = entries
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_tree_is_copied_with_its_links_bits_and_holes() {
    let f = fixture();
    write(&f.jail, "a/b/run.sh", b"#!/bin/sh");
    f.jail.chmod(&path("a/b/run.sh"), 0o750).unwrap();
    symlink("b/run.sh", f.root.join("a/link")).unwrap();
    symlink(&f.outside, f.root.join("a/out")).unwrap();
    let sparse = File::create(f.root.join("a/sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    sparse.write_all_at(b"here", 5 << 30).unwrap();
    let pipe = std::process::Command::new("mkfifo")
        .arg(f.root.join("a/pipe"))
        .status();
    assert!(pipe.unwrap().success());
    let copied = copy(&f.jail, "a", "z", budget()).unwrap();
    assert_eq!((copied.entries, copied.skipped), (6, 1));
    assert!(copied.bytes < 1 << 20, "{copied:?}");
    let of = |name: &str| std::fs::symlink_metadata(f.root.join(name)).unwrap();
    let script = of("z/b/run.sh");
    assert_eq!(
        (script.mode() & 0o777, script.uid(), script.gid()),
        (0o750, 4242, 4243)
    );
    assert_eq!(
        std::fs::read_link(f.root.join("z/link")).unwrap().to_str(),
        Some("b/run.sh")
    );
    assert!(of("z/out").is_symlink() && of("z").uid() == 4242);
    let hole = of("z/sparse");
    assert_eq!(hole.len(), 1 << 40);
    assert!(hole.blocks() * 512 < 1 << 20);
    let mut read = [0; 4];
    let made = File::open(f.root.join("z/sparse")).unwrap();
    made.read_exact_at(&mut read, 5 << 30).unwrap();
    assert_eq!(&read, b"here");
    assert_eq!(names(&f), ["a", "z"]);
}

#[test]
fn nothing_is_left_of_a_copy_that_fails() {
    let f = fixture();
    write(&f.jail, "a/one", &[1; 100_000]);
    write(&f.jail, "a/d/two", &[2; 100_000]);
    write(&f.jail, "b", b"there");
    let over = copy(&f.jail, "a", "z", budget().bytes(150_000));
    assert!(matches!(over, Err(Error::Quota)), "{over:?}");
    let many = Budget::new(Instant::now() + Duration::from_secs(60), 2);
    assert!(matches!(copy(&f.jail, "a", "z", many), Err(Error::TooMany)));
    let late = Budget::new(Instant::now(), 1000);
    assert!(matches!(
        copy(&f.jail, "a", "z", late),
        Err(Error::TookTooLong)
    ));
    let off = budget();
    off.cancelled.store(true, Ordering::Relaxed);
    assert!(matches!(
        copy(&f.jail, "a", "z", off),
        Err(Error::Cancelled)
    ));
    assert!(matches!(
        copy(&f.jail, "a", "b", budget()),
        Err(Error::Exists(_))
    ));
    assert!(matches!(
        copy(&f.jail, "a", "a/d/a", budget()),
        Err(Error::BadPath(_))
    ));
    assert!(matches!(
        copy(&f.jail, "a", "a", budget()),
        Err(Error::Exists(_))
    ));
    assert!(matches!(
        copy(&f.jail, "none", "z", budget()),
        Err(Error::NotFound(_))
    ));
    symlink(&f.outside, f.root.join("out")).unwrap();
    assert!(matches!(
        copy(&f.jail, "a", "out/a", budget()),
        Err(Error::Outside(_))
    ));
    assert_eq!(names(&f), ["a", "b", "out"]);
    assert_eq!(std::fs::read_dir(f.root.join("a")).unwrap().count(), 2);
}

#[test]
fn a_copy_deeper_than_it_may_be_is_refused_whole() {
    let f = fixture();
    let deep = vec!["d"; 250].join("/");
    f.jail
        .mkdir(
            &path(&deep),
            &WriteOptions {
                parents: true,
                ..WriteOptions::default()
            },
        )
        .unwrap();
    assert!(matches!(
        copy(&f.jail, "d", "z", budget()),
        Err(Error::TooDeep(_))
    ));
    assert_eq!(names(&f), ["d"]);
}

#[test]
fn links_are_made_below_the_root_alone_and_nothing_is_replaced() {
    let f = fixture();
    write(&f.jail, "a/real", b"x");
    f.jail.symlink(&path("a/link"), "real", OWNER).unwrap();
    assert_eq!(f.jail.read(&path("a/link"), 9).unwrap().bytes, b"x");
    let made = f.jail.stat(&path("a/link")).unwrap();
    assert_eq!(
        (made.kind, made.uid, made.target.as_deref()),
        (Kind::Symlink, 4242, Some("real"))
    );
    assert_eq!(
        f.jail.stat_followed(&path("a/link")).unwrap().kind,
        Kind::File
    );
    let outside = f.outside.to_str().unwrap();
    for target in [outside, "/", "../../x", "../..", "x/../../../y"] {
        let made = f.jail.symlink(&path("a/bad"), target, None);
        assert!(matches!(made, Err(Error::Outside(_))), "{target}");
    }
    let again = f.jail.symlink(&path("a/real"), "link", None);
    assert!(matches!(again, Err(Error::Exists(_))));
    symlink(&f.outside, f.root.join("out")).unwrap();
    let through = f.jail.symlink(&path("out/l"), "x", None);
    assert!(matches!(through, Err(Error::Outside(_))));
    assert!(matches!(
        f.jail.stat_followed(&path("out")),
        Err(Error::Outside(_))
    ));
}

#[test]
fn bits_and_times_are_set_inside_and_never_on_what_is_outside() {
    let f = fixture();
    write(&f.jail, "a", b"x");
    std::fs::write(f.outside.join("theirs"), "x").unwrap();
    let before = std::fs::metadata(f.outside.join("theirs")).unwrap();
    symlink(f.outside.join("theirs"), f.root.join("out")).unwrap();
    symlink("a", f.root.join("in")).unwrap();
    f.jail.chmod(&path("in"), 0o6700).unwrap();
    assert_eq!(
        f.jail.stat(&path("a")).unwrap().mode,
        0o700,
        "never set-uid"
    );
    assert!(matches!(
        f.jail.chmod(&path("out"), 0o777),
        Err(Error::Outside(_))
    ));
    let at = |s| SystemTime::UNIX_EPOCH + Duration::from_secs(s);
    f.jail
        .set_times(&path("in"), at(1000), at(2000), true)
        .unwrap();
    f.jail
        .set_times(&path("out"), at(3000), at(4000), false)
        .unwrap();
    let out = f.jail.set_times(&path("out"), at(3000), at(4000), true);
    assert!(matches!(out, Err(Error::Outside(_))));
    let a = f.jail.stat(&path("a")).unwrap();
    assert_eq!((a.accessed, a.modified), (at(1000), at(2000)));
    assert_eq!(f.jail.stat(&path("out")).unwrap().modified, at(4000));
    let after = std::fs::metadata(f.outside.join("theirs")).unwrap();
    assert_eq!(
        (after.mode(), after.mtime()),
        (before.mode(), before.mtime())
    );
    let pipe = std::process::Command::new("mkfifo")
        .arg(f.root.join("pipe"))
        .status();
    assert!(pipe.unwrap().success());
    assert!(matches!(
        f.jail.chmod(&path("pipe"), 0o777),
        Err(Error::NotAFile(_))
    ));
}

#[test]
fn one_entry_is_removed_and_never_more() {
    let f = fixture();
    write(&f.jail, "d/x", b"1");
    assert!(matches!(
        f.jail.remove(&path("d"), true),
        Err(Error::NotEmpty(_))
    ));
    assert!(matches!(
        f.jail.remove(&path("d"), false),
        Err(Error::IsDirectory(_))
    ));
    assert!(matches!(
        f.jail.remove(&path("d/x"), true),
        Err(Error::NotADirectory(_))
    ));
    f.jail.remove(&path("d/x"), false).unwrap();
    f.jail.remove(&path("d"), true).unwrap();
    assert!(names(&f).is_empty());
}

#[test]
fn checksums_are_those_that_others_have() {
    let f = fixture();
    write(&f.jail, "abc", b"abc");
    let of = |a| f.jail.checksum(&path("abc"), a, &budget()).unwrap();
    assert_eq!(of(Algorithm::Crc32).digest, "352441c2");
    assert_eq!(
        of(Algorithm::Sha1).digest,
        "a9993e364706816aba3e25717850c26c9cd0d89d"
    );
    assert_eq!(
        of(Algorithm::Sha256).digest,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert!(
        of(Algorithm::Sha512)
            .digest
            .starts_with("ddaf35a193617abacc417349ae204131")
    );
    assert_eq!(of(Algorithm::Sha1).size_bytes, 3);
    let huge = File::create(f.root.join("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let soon = Budget::new(Instant::now() + Duration::from_millis(50), 1);
    let late = f.jail.checksum(&path("huge"), Algorithm::Sha256, &soon);
    assert!(matches!(late, Err(Error::TookTooLong)));
}

#[test]
fn pages_of_thousands_come_in_any_order_and_notice_a_change() {
    let f = fixture();
    for n in 0..3000u64 {
        let file = File::create(f.root.join(format!("f{n:04}"))).unwrap();
        file.set_len((n * 7919) % 3000).unwrap();
    }
    std::fs::create_dir(f.root.join("zdir")).unwrap();
    let order = Order {
        by: SortBy::Size,
        descending: true,
        mixed: false,
    };
    let listing = f.jail.listing(&RelPath::root(), order).unwrap();
    assert_eq!((listing.total(), listing.truncated()), (3001, false));
    let page = |from, n| f.jail.page(&RelPath::root(), &listing, from, n).unwrap();
    let first = page(0, 3).unwrap();
    assert_eq!(
        (
            first[0].name.as_str(),
            first[1].size_bytes,
            first[2].size_bytes
        ),
        ("zdir", 2999, 2998)
    );
    assert_eq!(page(3000, 9).unwrap().len(), 1);
    assert_eq!(listing.position(&first[1].name), Some(1));
    assert!(
        !listing.settled(),
        "a change in the same moment would not show"
    );
    std::fs::remove_file(f.root.join("f0000")).unwrap();
    assert!(page(0, 3).is_none());
    let mixed = Order {
        by: SortBy::Name,
        descending: true,
        mixed: true,
    };
    let options = ListOptions {
        order: mixed,
        offset: 0,
        limit: 2,
    };
    let page = f.jail.list(&RelPath::root(), options).unwrap();
    assert_eq!(
        (page.entries[0].name.as_str(), page.entries[1].name.as_str()),
        ("zdir", "f2999")
    );
}

fn guarded(f: &Fixture, rules: &[&str]) -> Jail {
    let rules: Vec<_> = rules.iter().map(|r| (*r).to_owned()).collect();
    Jail::open(&f.root)
        .unwrap()
        .keeping_back(Denylist::new(&rules))
}

#[test]
fn what_an_egg_keeps_back_is_kept_back_by_every_door() {
    let f = fixture();
    for at in ["secret.pem", "conf/private/key", "conf/open", "other"] {
        write(&f.jail, at, b"x");
    }
    symlink("secret.pem", f.root.join("alias")).unwrap();
    symlink("conf/private", f.root.join("way")).unwrap();
    let jail = guarded(&f, &["*.pem", "/conf/private"]);
    let denied = |what: &str, result: Result<(), Error>| {
        assert!(
            matches!(result, Err(Error::Denied(_))),
            "{what}: {result:?}"
        );
    };
    let plain = WriteOptions::default;
    for at in [
        "secret.pem",
        "conf/private",
        "conf/private/key",
        "alias",
        "way/key",
    ] {
        let p = path(at);
        if at != "alias" {
            denied(at, jail.stat(&p).map(drop));
            denied(at, jail.rename(&p, &path("new"), true));
            denied(at, jail.delete(&p));
            denied(at, jail.remove(&p, false));
            denied(
                at,
                jail.copy(&p, &path("new"), None, &mut budget()).map(drop),
            );
            denied(at, jail.mkdir(&p, &plain()));
            denied(at, jail.symlink(&p, "other", None));
            denied(
                at,
                jail.set_times(&p, SystemTime::now(), SystemTime::now(), false),
            );
        }
        denied(at, jail.stat_followed(&p).map(drop));
        denied(at, jail.read(&p, 9).map(drop));
        denied(at, jail.write(&p, b"y", plain()).map(drop));
        denied(at, jail.checksum(&p, Algorithm::Crc32, &budget()).map(drop));
        denied(at, jail.chmod(&p, 0o777));
    }
    for at in ["conf/private", "way"] {
        denied(at, jail.list(&path(at), ListOptions::default()).map(drop));
        denied(at, jail.usage_scan_of(&path(at)).map(drop));
    }
    denied("to", jail.rename(&path("other"), &path("new.pem"), true));
    denied(
        "to",
        jail.copy(&path("other"), &path("new.pem"), None, &mut budget())
            .map(drop),
    );
    denied("link", jail.symlink(&path("l"), "conf/private/key", None));
    // A directory does not carry it away, nor into another meaning.
    denied("moved", jail.rename(&path("conf"), &path("moved"), false));
    denied("deleted", jail.delete(&path("conf")));
    write(&f.jail, "else/private/key", b"mine");
    f.jail.rename(&path("conf"), &path("gone"), false).unwrap();
    denied("becomes", jail.rename(&path("else"), &path("conf"), false));
    f.jail.rename(&path("gone"), &path("conf"), false).unwrap();
    // Copies leave it out, and lists show its name.
    let copied = jail
        .copy(&path("conf"), &path("twin"), None, &mut budget())
        .unwrap();
    assert_eq!((copied.entries, copied.skipped), (2, 1));
    assert!(f.root.join("twin/open").exists() && !f.root.join("twin/private").exists());
    let page = jail.list(&RelPath::root(), ListOptions::default()).unwrap();
    let shown: Vec<_> = page
        .entries
        .iter()
        .filter(|e| e.denied)
        .map(|e| e.name.as_str())
        .collect();
    assert_eq!(shown, ["secret.pem"]);
    assert_eq!(jail.read(&path("other"), 9).unwrap().bytes, b"x");
    assert_eq!(std::fs::read(f.root.join("secret.pem")).unwrap(), b"x");
}
