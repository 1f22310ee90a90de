//! Archives that we make are read by the programs that people have, and theirs are unpacked by us.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use warren_runtime::jail::{
    Budget, Denylist, Error, Existing, Extract, Format, Jail, Limits, Pack, Packed, RelPath, Tally,
};

use crate::jail::{Fixture, fixture, path, write};

const FORMATS: [&str; 7] = ["zip", "7z", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"];

fn budget() -> Budget {
    Budget::new(Instant::now() + Duration::from_secs(120), 10_000).bytes(1 << 30)
}

fn pack(
    jail: &Jail,
    paths: &[&str],
    format: &str,
    budget: &mut Budget,
    tally: &Tally,
) -> Result<Packed, Error> {
    let paths: Vec<RelPath> = paths.iter().map(|p| path(p)).collect();
    let to = path(&format!("out.{format}"));
    let ask = Pack {
        paths: &paths,
        to: &to,
        format: Format::parse(format).unwrap(),
        id: "01JOB",
        owner: Some((4242, 4242)),
    };
    jail.pack(&ask, budget, tally)
}

fn tree(f: &Fixture) {
    write(&f.jail, "s/world/level.dat", b"abc");
    write(&f.jail, "s/world/empty", b"");
    write(&f.jail, "s/world/region/r.0.0.mca", &noise(300_000));
    write(&f.jail, "s/ü \u{2603}.txt", b"snow");
    let long = format!("s/world/{}/{}", "d".repeat(200), "f".repeat(200));
    write(&f.jail, &long, b"long");
    let run = f.root.join("s/world/level.dat");
    std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o750)).unwrap();
    symlink("world/level.dat", f.root.join("s/link")).unwrap();
}

fn noise(n: usize) -> Vec<u8> {
    let mut x = 1_u32;
    let next = std::iter::repeat_with(|| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 24) as u8
    });
    next.take(n).collect()
}

fn run(dir: &Path, program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    assert!(out.status.success(), "{program} {arguments:?}: {said}");
    said
}

/// As another program has unpacked it.
fn same(root: &Path, out: &Path) {
    for name in [
        "world/level.dat",
        "world/empty",
        "world/region/r.0.0.mca",
        "ü \u{2603}.txt",
    ] {
        let ours = std::fs::read(root.join("s").join(name)).unwrap();
        assert_eq!(std::fs::read(out.join(name)).unwrap(), ours, "{name}");
    }
    let long = format!("world/{}/{}", "d".repeat(200), "f".repeat(200));
    assert_eq!(std::fs::read(out.join(long)).unwrap(), b"long");
}

#[test]
fn what_is_packed_is_read_by_other_programs() {
    for format in FORMATS {
        let f = fixture();
        tree(&f);
        let tally = Tally::default();
        let paths = ["s/world", "s/link", "s/ü \u{2603}.txt"];
        let packed = pack(&f.jail, &paths, format, &mut budget(), &tally).unwrap();
        assert_eq!((packed.entries, packed.skipped), (9, 0), "{format}");
        assert_eq!(
            (tally.read(), tally.total()),
            (300_011, 300_011),
            "{format}"
        );
        assert!(tally.written() >= packed.entry.size_bytes, "{format}");
        assert_eq!(packed.entry.uid, 4242);
        let out = f.outside.join(format);
        std::fs::create_dir(&out).unwrap();
        let archive = f.root.join(format!("out.{format}"));
        let archive = archive.to_str().unwrap();
        match format {
            "zip" => {
                run(
                    &out,
                    "python3",
                    &[
                        "-c",
                        "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.extractall('.')",
                        archive,
                    ],
                );
                same(&f.root, &out);
                let again = f.outside.join("unzip");
                std::fs::create_dir(&again).unwrap();
                run(&again, "7zz", &["x", "-y", archive]);
                same(&f.root, &again);
                // It has been told what is a link.
                let link = std::fs::read_link(again.join("link")).unwrap();
                assert_eq!(link, Path::new("world/level.dat"));
            }
            "7z" => {
                let said = run(&out, "7zz", &["t", archive]);
                assert!(said.contains("Everything is Ok"), "{said}");
                run(&out, "7zz", &["x", "-y", archive]);
                same(&f.root, &out);
                let link = std::fs::read_link(out.join("link")).unwrap();
                assert_eq!(link, Path::new("world/level.dat"));
            }
            _ => {
                run(&out, "tar", &["-xf", archive]);
                same(&f.root, &out);
                let link = std::fs::read_link(out.join("link")).unwrap();
                assert_eq!(link, Path::new("world/level.dat"));
                let mode = std::fs::metadata(out.join("world/level.dat")).unwrap();
                assert_eq!(mode.permissions().mode() & 0o777, 0o750);
            }
        }
        // And by ourselves, with what it says of times and bits.
        let done = unpack(&f, &format!("out.{format}"), "back").unwrap();
        assert_eq!(done, (9, 300_011), "{format}");
        same(&f.root, &f.root.join("back"));
        let (was, is) = (
            f.root.join("s/world/level.dat"),
            f.root.join("back/world/level.dat"),
        );
        let (was, is) = (
            std::fs::metadata(was).unwrap(),
            std::fs::metadata(is).unwrap(),
        );
        assert_eq!(
            is.permissions().mode(),
            was.permissions().mode(),
            "{format}"
        );
        let (was, is) = (was.modified().unwrap(), is.modified().unwrap());
        let apart = was.duration_since(is).unwrap_or_else(|e| e.duration());
        assert!(apart <= Duration::from_secs(2), "{format}: {apart:?}");
    }
}

/// Entries and bytes.
fn unpack(f: &Fixture, archive: &str, to: &str) -> Result<(u64, u64), Error> {
    let (archive, to) = (path(archive), path(to));
    let ask = Extract {
        archive: &archive,
        to: &to,
        only: &[],
        id: "01JOB",
        limits: Limits::default(),
        owner: None,
    };
    let unpacked = f.jail.unpack(&ask, &mut budget(), &Tally::default())?;
    let done = unpacked.put(&f.jail, &to, Existing::Fail, None)?;
    Ok((done.entries, done.bytes))
}

#[test]
fn what_other_programs_pack_is_unpacked() {
    let f = fixture();
    tree(&f);
    let source = f.root.join("s");
    let python = "import sys,tarfile,zipfile,os\n\
        for f in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):\n\
        \x20 t=tarfile.open('../py%d.tar'%f,'w',format=f); t.add('.'); t.close()\n\
        z=zipfile.ZipFile('../py.zip','w',zipfile.ZIP_DEFLATED)\n\
        for d,_,n in os.walk('.'):\n\
        \x20 for x in n: z.write(os.path.join(d,x))\n\
        z.close()";
    run(&source, "python3", &["-c", python]);
    for (ending, how) in [("gz", "-z"), ("bz2", "-j"), ("xz", "-J"), ("zst", "--zstd")] {
        let to = format!("../gnu.tar.{ending}");
        run(&source, "tar", &[how, "-cf", &to, "."]);
    }
    run(&source, "7zz", &["a", "-snl", "../lzma2.7z", "."]);
    run(&source, "7zz", &["a", "-m0=PPMd", "../ppmd.7z", "."]);
    run(
        &source,
        "7zz",
        &["a", "-m0=bzip2", "-ms=off", "../bzip2.7z", "."],
    );
    run(&source, "7zz", &["a", "../seven.zip", "."]);
    let all = [
        "py1.tar",
        "py2.tar",
        "py.zip",
        "gnu.tar.gz",
        "gnu.tar.bz2",
        "gnu.tar.xz",
        "gnu.tar.zst",
        "lzma2.7z",
        "ppmd.7z",
        "bzip2.7z",
        "seven.zip",
    ];
    for (n, archive) in all.into_iter().enumerate() {
        if !f.root.join(archive).exists() {
            panic!("{archive} was not made");
        }
        let to = format!("to{n}");
        unpack(&f, archive, &to).unwrap_or_else(|e| panic!("{archive}: {e}"));
        same(&f.root, &f.root.join(&to));
    }
    // What is encrypted is named and not unpacked.
    for (archive, how) in [("secret.7z", "-pword"), ("secret.zip", "-pword")] {
        run(&source, "7zz", &["a", how, &format!("../{archive}"), "."]);
        let done = unpack(&f, archive, "secret");
        assert!(
            matches!(done, Err(Error::BadEntry(_))),
            "{archive}: {done:?}"
        );
        assert!(!f.root.join("secret").exists());
        let seen = f
            .jail
            .archive_folder(&path(archive), &path("world"), None, 9, &mut budget());
        assert!(seen.unwrap().total >= 3, "{archive}");
    }
}

#[test]
fn what_may_not_be_read_or_is_no_file_is_left_out() {
    for format in FORMATS {
        let f = fixture();
        write(&f.jail, "s/ok", b"ok");
        write(&f.jail, "s/key.pem", b"secret");
        write(&f.jail, "s/deep/key.pem", b"secret");
        std::fs::write(f.outside.join("theirs"), "theirs").unwrap();
        symlink(&f.outside, f.root.join("s/out")).unwrap();
        symlink("../../outside/theirs", f.root.join("s/file")).unwrap();
        symlink("key.pem", f.root.join("s/in")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            f.root.join("s/fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        std::fs::write(f.root.join("s/.warren-00.partial"), "half").unwrap();
        let jail = Jail::open(&f.root).unwrap();
        let jail = jail.keeping_back(Denylist::new(&["*.pem".to_owned()]));
        let packed = pack(&jail, &["s"], format, &mut budget(), &Tally::default()).unwrap();
        // s, s/ok, s/in, s/deep
        assert_eq!((packed.entries, packed.skipped), (4, 5), "{format}");
        let bytes = std::fs::read(f.root.join(format!("out.{format}"))).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"secret" || w == b"theirs"));
        let denied = pack(
            &jail,
            &["s/key.pem"],
            "zip",
            &mut budget(),
            &Tally::default(),
        );
        assert!(
            matches!(denied, Err(Error::Denied(_) | Error::Exists(_))),
            "{denied:?}"
        );
        for root in ["", "s/.warren-00.partial"] {
            let refused = pack(&jail, &[root], "tar", &mut budget(), &Tally::default());
            assert!(matches!(refused, Err(Error::BadPath(_))));
        }
    }
}

#[test]
fn what_fails_or_is_called_off_leaves_nothing() {
    for format in FORMATS {
        let f = fixture();
        write(&f.jail, "s/noise", &noise(1 << 20));
        write(&f.jail, "s/more", b"x");
        let short = budget().bytes(100_000);
        let off = budget();
        off.cancelled
            .store(true, std::sync::atomic::Ordering::Relaxed);
        let few = Budget::new(Instant::now() + Duration::from_secs(60), 2);
        let late = Budget::new(Instant::now(), 100);
        for (mut budget, code) in [
            (short, "disk_limit"),
            (off, "cancelled"),
            (few, "too_many_entries"),
            (late, "took_too_long"),
        ] {
            let failed = pack(&f.jail, &["s"], format, &mut budget, &Tally::default());
            assert_eq!(failed.unwrap_err().code(), code, "{format}");
            assert_eq!(
                std::fs::read_dir(&f.root).unwrap().count(),
                1,
                "{format} {code}"
            );
        }
        write(&f.jail, &format!("out.{format}"), b"mine");
        let there = pack(&f.jail, &["s"], format, &mut budget(), &Tally::default());
        assert!(matches!(there, Err(Error::Exists(_))));
        let mine = f.jail.read(&path(&format!("out.{format}")), 9).unwrap();
        assert_eq!(mine.bytes, b"mine");
    }
}
