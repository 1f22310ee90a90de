//! What archives take of memory: the peak of a process of its own for each, beside that of one that does nothing. By hand:
//! `cargo nextest run --workspace --run-ignored only -E 'test(peaks_of_archives)' --no-capture`

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use warren_runtime::jail::{Budget, Existing, Extract, Format, Jail, Limits, Pack, Tally};

use crate::jail::path;

const TASK: &str = "WARREN_MEMORY_TASK";
const MIB: u64 = 1 << 20;
/// Larger than any dictionary that is taken.
const LARGE: u64 = 160 * MIB;

fn budget() -> Budget {
    Budget::new(Instant::now() + Duration::from_secs(900), 400_000)
}

/// In KiB.
fn peak_of_this() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "a part of the one below"]
fn one_task() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let (root, task) = task.split_once(' ').unwrap();
    let jail = Jail::open(Path::new(root)).unwrap();
    let limits = Limits {
        ratio: u64::MAX,
        ..Limits::default()
    };
    match task.split_once(' ').unwrap() {
        ("none", _) => {}
        ("look", name) => {
            let seen = jail.archive_folder(&path(name), &path(""), None, 1000, &mut budget());
            eprintln!("{:?}", seen.map(|s| s.all));
        }
        ("unpack", name) => {
            let (archive, to) = (path(name), path("to"));
            let ask = Extract {
                archive: &archive,
                to: &to,
                only: &[],
                id: "1",
                limits,
                owner: None,
            };
            let all = jail.unpack(&ask, &mut budget(), &Tally::default()).unwrap();
            all.put(&jail, &to, Existing::Fail, None).unwrap();
        }
        (format, name) => {
            let (paths, to) = ([path(name)], path("packed"));
            let ask = Pack {
                paths: &paths,
                to: &to,
                format: Format::parse(format).unwrap(),
                id: "1",
                owner: None,
            };
            jail.pack(&ask, &mut budget(), &Tally::default()).unwrap();
        }
    }
    println!("peak {}", peak_of_this());
}

fn peak(root: &Path, task: &str) -> u64 {
    let out = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "jail_memory::one_task",
            "--ignored",
            "--nocapture",
        ])
        .env(TASK, format!("{} {task}", root.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let peak = said.lines().find_map(|line| line.split_once("peak "));
    let Some((_, peak)) = peak else {
        panic!("{task}: {said} {}", String::from_utf8_lossy(&out.stderr));
    };
    for made in ["to", "packed"] {
        let at = root.join(made);
        let _ = std::fs::remove_dir_all(&at);
        let _ = std::fs::remove_file(&at);
    }
    peak.trim().parse::<u64>().unwrap() / 1024
}

fn sh(root: &Path, script: &str) {
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir(root);
    let out = command.output().unwrap();
    assert!(out.status.success(), "{script}: {out:?}");
}

fn world() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    // Not of the same bytes, so that what is packed is looked for everywhere.
    let part: Vec<u8> = (0..MIB).map(|n| ((n * n) >> 9) as u8).collect();
    let mut large = std::fs::File::create(root.join("large")).unwrap();
    for _ in 0..LARGE / MIB {
        std::io::Write::write_all(&mut large, &part).unwrap();
    }
    (dir, root)
}

#[test]
#[ignore = "takes minutes: run by hand"]
fn peaks_of_archives() {
    let (_dir, root) = world();
    let none = peak(&root, "none x");
    println!("a process that does nothing: {none} MiB");
    let beside = |task: &str| peak(&root, task).saturating_sub(none);
    for (name, script) in [
        ("a.tar", "tar -cf a.tar large"),
        ("a.tar.gz", "tar -c large | gzip -9 > a.tar.gz"),
        ("a.tar.bz2", "tar -c large | bzip2 -9 > a.tar.bz2"),
        ("a.tar.xz", "tar -c large | xz -9 > a.tar.xz"),
        (
            "a.tar.zst",
            "tar -c large | zstd -q --ultra -22 --long=27 > a.tar.zst",
        ),
        ("a.zip", "7zz a a.zip large >&2"),
        ("a.7z", "7zz a -mx=9 -md=64m a.7z large >&2"),
        ("p.7z", "7zz a -m0=ppmd:mem=128m p.7z large >&2"),
        ("a.gz", "gzip -9 < large > a.gz"),
        (
            "list.zip",
            "python3 -c \"import zipfile; z = zipfile.ZipFile('list.zip', 'w'); [z.writestr('%0100d' % n, '') for n in range(160000)]; z.close()\"",
        ),
        (
            "list.7z",
            "mkdir many && cd many && seq 15000 | xargs touch && 7zz a ../list.7z . >&2",
        ),
    ] {
        sh(&root, script);
        let (look, unpack) = (
            beside(&format!("look {name}")),
            beside(&format!("unpack {name}")),
        );
        println!("{name}: looked into {look} MiB, unpacked {unpack} MiB");
        let most = 300;
        assert!(look <= most && unpack <= most, "{name}");
        std::fs::remove_file(root.join(name)).unwrap();
    }
    for format in ["zip", "7z", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"] {
        let packed = beside(&format!("{format} large"));
        println!("packed as {format}: {packed} MiB");
        assert!(packed <= 150, "{format}");
    }
}
