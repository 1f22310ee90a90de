//! What games leave behind: names that are no text, sockets, depth, holes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant, SystemTime};

use warren_runtime::jail::{
    Budget, Cut, Error, Jail, Kind, ListOptions, Looked, RelPath, Trash, WriteOptions,
};

use crate::jail::{Fixture, fixture, path, write};

fn budget() -> Budget {
    Budget::new(Instant::now() + Duration::from_secs(60), 10_000)
}

fn names(f: &Fixture, at: &str) -> Vec<String> {
    let page = f.jail.list(&path(at), ListOptions::default()).unwrap();
    page.entries.into_iter().map(|e| e.name).collect()
}

#[test]
fn odd_names_are_listed_copied_moved_and_deleted() {
    let f = fixture();
    let long = "n".repeat(255);
    let odd = [
        "new\nline",
        "tab\tbell\u{7}\u{1b}[31m",
        " ",
        "-rf",
        "\u{202e}txt.exe",
        "ü😀",
        "a\\b",
        &long,
    ];
    for name in odd {
        write(&f.jail, &format!("d/{name}"), b"x");
    }
    std::fs::write(
        f.root.join("d").join(OsStr::from_bytes(b"no\xff\xfeutf8")),
        "x",
    )
    .unwrap();
    let listed = names(&f, "d");
    assert_eq!(listed.len(), odd.len() + 1);
    for name in odd {
        assert!(listed.iter().any(|n| n == name), "{name:?}");
        assert_eq!(
            f.jail.read(&path(&format!("d/{name}")), 9).unwrap().bytes,
            b"x"
        );
    }
    assert!(listed.iter().any(|n| n == "no\u{fffd}\u{fffd}utf8"));
    let copied = f
        .jail
        .copy(&path("d"), &path("e"), None, &mut budget())
        .unwrap();
    assert_eq!(copied.entries, odd.len() as u64 + 2);
    let bytes = f.root.join("e").join(OsStr::from_bytes(b"no\xff\xfeutf8"));
    assert!(bytes.exists(), "bytes stay bytes");
    let looked = Looked {
        content: "x".into(),
        matches: 99,
        ..Looked::default()
    };
    let found = f.jail.search(&path("e"), &looked, &mut budget()).unwrap();
    assert_eq!(found.matches.len(), odd.len() + 1);
    f.jail
        .rename(&path("e/new\nline"), &path("e/\r\n"), false)
        .unwrap();
    f.jail.delete(&path("e")).unwrap();
    assert_eq!(names(&f, ""), ["d"]);
    let longer = format!("d/{}", "n".repeat(256));
    assert!(longer.parse::<RelPath>().is_err());
}

#[test]
fn sockets_and_pipes_are_shown_and_passed_over() {
    let f = fixture();
    write(&f.jail, "d/file", b"x");
    let _socket = UnixListener::bind(f.root.join("d/socket")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(f.root.join("d/pipe"))
        .status();
    assert!(made.unwrap().success());
    for at in ["d/socket", "d/pipe"] {
        let p = path(at);
        assert_eq!(f.jail.stat(&p).unwrap().kind, Kind::Other);
        assert!(
            matches!(f.jail.read(&p, 9), Err(Error::NotAFile(_))),
            "{at}"
        );
        assert!(
            matches!(f.jail.chmod(&p, 0o777), Err(Error::NotAFile(_))),
            "{at}"
        );
        let copy = f.jail.copy(&p, &path("c"), None, &mut budget());
        assert!(matches!(copy, Err(Error::NotAFile(_))), "{at}");
    }
    let copied = f
        .jail
        .copy(&path("d"), &path("e"), None, &mut budget())
        .unwrap();
    assert_eq!((copied.entries, copied.skipped), (2, 2));
    f.jail
        .rename(&path("d/pipe"), &path("d/moved"), false)
        .unwrap();
    f.jail.delete(&path("d")).unwrap();
}

#[test]
fn five_hundred_levels_are_refused_or_cut_and_can_be_deleted() {
    let f = fixture();
    let deep = vec!["d"; 500].join("/");
    let options = WriteOptions {
        parents: true,
        ..WriteOptions::default()
    };
    f.jail.mkdir(&path(&deep), &options).unwrap();
    write(&f.jail, &format!("{deep}/bottom"), b"x");
    assert_eq!(
        f.jail
            .read(&path(&format!("{deep}/bottom")), 9)
            .unwrap()
            .bytes,
        b"x"
    );
    let copy = f.jail.copy(&path("d"), &path("e"), None, &mut budget());
    assert!(matches!(copy, Err(Error::TooDeep(_))));
    let looked = Looked {
        name: "bottom".into(),
        matches: 9,
        ..Looked::default()
    };
    let found = f
        .jail
        .search(&RelPath::root(), &looked, &mut budget())
        .unwrap();
    assert_eq!((found.matches.len(), found.cut), (0, Some(Cut::Depth)));
    let dir = f.root.parent().unwrap().join("trash");
    std::fs::create_dir(&dir).unwrap();
    let trash = Trash::of(Jail::open(&dir).unwrap());
    let item = trash
        .put(&f.jail, &path("d"), SystemTime::now(), &budget())
        .unwrap();
    trash.restore(&item.id, &f.jail, None, None).unwrap();
    let item = trash
        .put(&f.jail, &path("d"), SystemTime::now(), &budget())
        .unwrap();
    trash.remove(&item.id).unwrap();
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    assert!(names(&f, "").is_empty());
}

#[test]
fn a_disk_that_fills_half_way_leaves_what_was_there() {
    let f = fixture();
    let disk = f.root.join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(&disk)
        .status();
    if !mounted.is_ok_and(|s| s.success()) {
        eprintln!("SKIPPED a_disk_that_fills_half_way: nothing can be mounted here");
        return;
    }
    struct Unmount(std::path::PathBuf);
    impl Drop for Unmount {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount")
                .arg("-l")
                .arg(&self.0)
                .status();
        }
    }
    let _unmount = Unmount(disk.clone());
    let jail = Jail::open(&disk).unwrap();
    write(&jail, "d/a", &[1; 200_000]);
    write(&jail, "d/b", &[2; 300_000]);
    let copy = jail.copy(&path("d"), &path("e"), None, &mut budget());
    let copy_again = jail.copy(&path("d"), &path("f"), None, &mut budget());
    assert!(
        copy.is_err() || matches!(copy_again, Err(Error::NoSpace)),
        "{copy:?} {copy_again:?}"
    );
    let over = jail.write(&path("d/a"), &[3; 900_000], WriteOptions::default());
    assert!(matches!(over, Err(Error::NoSpace)), "{over:?}");
    assert_eq!(
        jail.read(&path("d/a"), 1 << 20).unwrap().bytes,
        [1; 200_000]
    );
    let hidden = std::fs::read_dir(&disk).unwrap().flatten();
    let hidden: Vec<_> = hidden
        .filter(|e| e.file_name().as_bytes().starts_with(b".warren"))
        .collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}
