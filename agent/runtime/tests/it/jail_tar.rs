//! Tars as GNU's own program writes them: sparse files of each kind, sizes that no old header holds.

use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::process::Command;
use std::time::{Duration, Instant};

use warren_runtime::jail::{Budget, Error, Existing, Extracted, Limits};

use crate::jail::{Fixture, fixture, path, write};
use crate::jail_archive::{file, hidden, tar_of, unpack};
use crate::jail_corpus::pax;

fn budget() -> Budget {
    Budget::new(Instant::now() + Duration::from_secs(60), 10_000).bytes(64 << 20)
}

fn extract(f: &Fixture, name: &str) -> Result<Extracted, Error> {
    unpack(
        &f.jail,
        name,
        Existing::Fail,
        Limits::default(),
        &mut budget(),
    )
}

/// A quarter of a gigabyte with little in it, as worlds are laid out: more parts than one header has room for.
fn hollow(f: &Fixture) -> u64 {
    std::fs::create_dir(f.root.join("w")).unwrap();
    let file = std::fs::File::create(f.root.join("w/region")).unwrap();
    for n in 0..60 {
        file.write_all_at(&[n + 1; 5000], u64::from(n) << 22)
            .unwrap();
    }
    let size = (1 << 28) + 123;
    file.set_len(size).unwrap();
    std::fs::write(f.root.join("w/after"), "after").unwrap();
    size
}

#[test]
fn sparse_files_of_every_kind_come_out_with_their_holes() {
    let kinds: [(&str, &[&str]); 4] = [
        ("old", &["--format=gnu"]),
        ("0.0", &["--format=posix", "--sparse-version=0.0"]),
        ("0.1", &["--format=posix", "--sparse-version=0.1"]),
        ("1.0", &["--format=posix", "--sparse-version=1.0"]),
    ];
    for (kind, words) in kinds {
        let f = fixture();
        let size = hollow(&f);
        let packed = Command::new("tar")
            .arg("-S")
            .args(words)
            .args(["-cf", "a.tar", "w/region", "w/after"])
            .current_dir(&f.root)
            .output()
            .unwrap();
        assert!(packed.status.success(), "{packed:?}");
        let archive = std::fs::metadata(f.root.join("a.tar")).unwrap().len();
        assert!(archive < 4 << 20, "{kind}: {archive} bytes");
        let seen = f
            .jail
            .archive_folder(&path("a.tar"), &path("w"), None, 9, &mut budget())
            .unwrap();
        let seen: Vec<_> = seen
            .entries
            .iter()
            .map(|e| (&*e.path, e.size_bytes))
            .collect();
        assert_eq!(seen, [("after", 5), ("region", size)], "{kind}");
        let done = extract(&f, "a.tar").unwrap();
        assert_eq!(done.entries, 2, "{kind}");
        let (was, is) = (f.root.join("w/region"), f.root.join("to/w/region"));
        let same = Command::new("cmp").args([&was, &is]).status().unwrap();
        assert!(same.success(), "{kind}");
        let held = std::fs::metadata(&is).unwrap().blocks() * 512;
        assert!(held < 4 << 20, "{kind}: {held} bytes");
        let after = f.jail.read(&path("to/w/after"), 9).unwrap().bytes;
        assert_eq!(after, b"after", "{kind}");
        // Only what is no hole counts, and it does.
        let mut few = budget().bytes(300_000);
        std::fs::remove_dir_all(f.root.join("to")).unwrap();
        let done = unpack(
            &f.jail,
            "a.tar",
            Existing::Fail,
            Limits::default(),
            &mut few,
        );
        assert!(matches!(done, Err(Error::Quota)), "{kind}: {done:?}");
        // Cut within the map or the data it is refused.
        let bytes = std::fs::read(f.root.join("a.tar")).unwrap();
        for cut in [600, 1200, 1700, 2300, 100_000] {
            write(&f.jail, "a.tar", &bytes[..cut]);
            let done = extract(&f, "a.tar");
            assert!(
                matches!(done, Err(Error::Damaged(_))),
                "{kind} {cut}: {done:?}"
            );
        }
        assert_eq!(hidden(&f), 0, "{kind}");
        assert!(!f.root.join("to/w").exists(), "{kind}");
    }
}

#[test]
fn a_size_of_a_pax_header_is_the_one_that_counts() {
    let mut tar = pax("size=5", &file("a", "hello"));
    // As where the old field is too small: its own size is nothing.
    let at = 1024;
    let mut header = tar::Header::from_byte_slice(&tar[at..at + 512]).clone();
    header.set_size(0);
    header.set_cksum();
    tar[at..at + 512].copy_from_slice(header.as_bytes());
    let end = tar.len() - 1024;
    tar.truncate(end);
    tar.extend(tar_of(&[file("b", "behind")]));
    let f = fixture();
    write(&f.jail, "a.tar", &tar);
    extract(&f, "a.tar").unwrap();
    assert_eq!(f.jail.read(&path("to/a"), 9).unwrap().bytes, b"hello");
    assert_eq!(f.jail.read(&path("to/b"), 9).unwrap().bytes, b"behind");
    for lie in ["size=9000000000", "size=18446744073709551615"] {
        write(&f.jail, "a.tar", &pax(lie, &file("c", "hello")));
        let done = extract(&f, "a.tar");
        assert!(matches!(done, Err(Error::Damaged(_))), "{lie}: {done:?}");
    }
    assert!(!f.root.join("to/c").exists() && hidden(&f) == 0);
}

#[test]
fn maps_that_lie_are_refused() {
    let f = fixture();
    let block = "x".repeat(512);
    for map in [
        // Over one another, backwards, beyond the end, more or less than there is, without an end.
        "0,512,256,512",
        "4096,512,0,512",
        "0,1024,18446744073709551615,2",
        "0,1024,4096,512",
        "0,512",
        "0",
        "",
        "a,b",
        "0,100,4096,924",
    ] {
        let mut tar = pax(
            &format!("GNU.sparse.map={map}"),
            &file("s", &format!("{block}{block}")),
        );
        let size = pax("GNU.sparse.size=1000000", &file("none", ""));
        tar.splice(0..0, size[..1024].iter().copied());
        write(&f.jail, "a.tar", &tar);
        let done = extract(&f, "a.tar");
        assert!(matches!(done, Err(Error::BadEntry(_))), "{map}: {done:?}");
    }
    for inside in [
        "999999999\n",
        "1\n0\n",
        "x",
        "\n",
        "-1\n",
        "99999999999999999999999\n",
    ] {
        let mut data = inside.to_owned();
        while data.len() < 1024 {
            data.push('\0');
        }
        let mut tar = pax("GNU.sparse.major=1", &file("s", &data));
        for record in ["GNU.sparse.realsize=5", "GNU.sparse.name=s"] {
            let head = pax(record, &file("none", ""));
            tar.splice(0..0, head[..1024].iter().copied());
        }
        write(&f.jail, "a.tar", &tar);
        let done = extract(&f, "a.tar");
        assert!(
            matches!(done, Err(Error::BadEntry(_))),
            "{inside}: {done:?}"
        );
    }
    // The name that counts is judged, not the one in the header.
    let mut tar = pax("GNU.sparse.name=../../out", &file("s", &block));
    for record in ["GNU.sparse.map=0,512", "GNU.sparse.size=512"] {
        let head = pax(record, &file("none", ""));
        tar.splice(0..0, head[..1024].iter().copied());
    }
    write(&f.jail, "a.tar", &tar);
    let done = extract(&f, "a.tar");
    assert!(matches!(done, Err(Error::BadEntry(_))), "{done:?}");
    // Larger than any file.
    let mut tar = pax("GNU.sparse.size=99999999999999999", &file("s", &block));
    let head = pax("GNU.sparse.map=0,512", &file("none", ""));
    tar.splice(0..0, head[..1024].iter().copied());
    write(&f.jail, "a.tar", &tar);
    let done = extract(&f, "a.tar");
    assert!(matches!(done, Err(Error::BadEntry(_))), "{done:?}");
    assert_eq!(hidden(&f), 0);
    assert!(!f.root.join("to").exists());
}
