//! Backups: made and brought back by the agent's worker, read by stock restic.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use warren_harness::{FakeGame, eventually_async};
use warren_proto::bus::CallError;
use warren_proto::ids::{BackupId, ServerId};
use warren_proto::subjects::down;
use warren_proto::wire::job_ended::Made;
use warren_proto::wire::job_start::Work;
use warren_proto::wire::{self, job_ask::Ask, repository};

use crate::control::SOON;
use crate::rig::Rig;

pub const PASSWORD: &str = "correct horse battery staple";

pub fn repository(of: ServerId, password: &str) -> Option<wire::Repository> {
    Some(wire::Repository {
        store: Some(repository::Store::Directory(wire::DirectoryStore::default())),
        name: of.to_string(),
        password: password.into(),
    })
}

fn backup(of: ServerId) -> wire::BackupWork {
    wire::BackupWork {
        repository: repository(of, PASSWORD),
        backup: BackupId::new().to_string(),
        ignore: vec!["*.tmp".into()],
        hooks: None,
    }
}

impl Rig {
    fn repository(&self, server: ServerId) -> PathBuf {
        self.data().join("backups").join(server.to_string())
    }

    pub async fn backed_up(&self, server: ServerId) -> wire::BackupMade {
        // The end of the one before is told a moment before its place is free.
        let job = eventually_async("the place of the one before", SOON, || async {
            let work = Work::Backup(backup(server));
            match self.start_job(server, "backup", work).await {
                Err(CallError::Failed { code, .. }) if code == "busy" => None,
                begun => Some(begun),
            }
        })
        .await
        .unwrap()
        .unwrap();
        made(&self.job_ended(server, job).await)
    }

    /// A server that was up once, so that it has a directory of its own, and rests.
    pub async fn resting(&mut self) -> ServerId {
        let server = self.running(&FakeGame::echo()).await;
        let spec = self.spec(&FakeGame::echo());
        self.order(server, wire::Power::Stop, spec).await;
        self.until_state(server, wire::State::Stopped).await;
        server
    }

    fn restic(&self, server: ServerId, words: &[&str]) -> String {
        let out = Command::new("restic")
            .args(["--no-cache", "-r"])
            .arg(self.repository(server))
            .args(words)
            .env("RESTIC_PASSWORD", PASSWORD)
            .env("HOME", self.data())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        let errors = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{words:?}: {said} {errors}");
        said
    }
}

fn made(ended: &wire::JobEnded) -> wire::BackupMade {
    match &ended.made {
        Some(Made::Backup(made)) => made.clone(),
        _ => panic!("{ended:?}"),
    }
}

fn own(path: &Path, like: &Path) {
    let meta = std::fs::metadata(like).unwrap();
    std::os::unix::fs::lchown(path, Some(meta.uid()), Some(meta.gid())).unwrap();
}

pub fn put(root: &Path, name: impl AsRef<OsStr>, bytes: impl AsRef<[u8]>) {
    let path = root.join(name.as_ref());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    for path in path.ancestors().take_while(|p| *p != root) {
        own(path, root);
    }
}

/// Bytes that no compressor makes smaller, the same each time.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&next());
    }
    bytes.truncate(len);
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restic_reads_what_a_backup_of_a_running_game_wrote() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    let root = rig.files_of(server);
    let odd = OsStr::from_bytes(b"new\nline \xff");
    put(&root, "world/level.dat", noise(8 << 20, 7));
    put(&root, odd, "odd");
    put(&root, "left.tmp", "out");
    put(&root, "logs/one.log", "out");
    put(&root, ".pteroignore", "logs/\n");
    std::os::unix::fs::symlink("/etc/passwd", root.join("link")).unwrap();
    own(&root.join("link"), &root);
    nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let huge = std::fs::File::create(root.join("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    own(&root.join("huge"), &root);
    put(&root, "unreadable", "x");
    let none = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(root.join("unreadable"), none).unwrap();
    let work = wire::BackupWork {
        hooks: Some(wire::BackupHooks {
            before: vec!["save-all".into()],
            after: vec!["save-on".into()],
            ready: "got: save-all".into(),
            wait_ms: 20_000,
        }),
        ..backup(server)
    };
    let tag = work.backup.clone();
    let job = rig
        .start_job(server, "backup", Work::Backup(work))
        .await
        .unwrap();
    let first = made(&rig.job_ended(server, job).await);
    // The sparse one, the FIFO and the one that nobody may read.
    assert_eq!(first.skipped, 3, "{first:?}");
    assert!(first.added_bytes > 8 << 20 && first.total_bytes >= 8 << 20);
    rig.until("both lines in the console", |r| {
        let bytes = r
            .control
            .bytes(&server.to_string(), wire::ConsoleStream::Game);
        let said = String::from_utf8_lossy(&bytes).into_owned();
        let at = |text: &str| said.find(text);
        at("got: save-all") < at("got: save-on") && at("got: save-on").is_some()
    })
    .await;
    rig.restic(server, &["check", "--read-data"]);
    let snapshots = rig.restic(server, &["snapshots", "--json", "--tag", &tag]);
    assert!(snapshots.contains(&first.snapshot) && snapshots.contains(&server.to_string()));
    let out = tempfile::tempdir().unwrap();
    let target = out.path().to_str().unwrap();
    rig.restic(server, &["restore", &first.snapshot, "--target", target]);
    let level = std::fs::read(out.path().join("world/level.dat")).unwrap();
    assert_eq!(level, noise(8 << 20, 7));
    assert_eq!(std::fs::read(out.path().join(odd)).unwrap(), b"odd");
    let link = std::fs::read_link(out.path().join("link")).unwrap();
    assert_eq!(link, Path::new("/etc/passwd"));
    for left_out in ["left.tmp", "logs/one.log", "fifo", "huge"] {
        assert!(!out.path().join(left_out).exists(), "{left_out}");
    }
    // One per cent of it is another.
    let mut level = noise(8 << 20, 7);
    level[4 << 20..][..80 << 10].copy_from_slice(&noise(80 << 10, 9));
    put(&root, "world/level.dat", level);
    let second = rig.backed_up(server).await;
    assert!(
        second.added_bytes < first.added_bytes / 2,
        "{} after {}",
        second.added_bytes,
        first.added_bytes
    );
    // Its directories are listed a page at a time.
    let ask = |after: &str| wire::JobAsk {
        ask: Some(Ask::List(wire::SnapshotList {
            repository: repository(server, PASSWORD),
            snapshot: first.snapshot.clone(),
            path: "/".into(),
            after: after.into(),
            limit: 2,
        })),
    };
    let page: wire::SnapshotEntries = rig.control.ask(down::JOBS, &ask("")).await.unwrap();
    assert_eq!(page.entries.len(), 2);
    let next: wire::SnapshotEntries = rig.control.ask(down::JOBS, &ask(&page.next)).await.unwrap();
    let names = page.entries.iter().chain(&next.entries).map(|e| &*e.name);
    let names: Vec<&str> = names.collect();
    assert!(
        names.contains(&"link") && names.contains(&".pteroignore"),
        "{names:?}"
    );
    // Removed with all that only it needed.
    let work = Work::Forget(wire::ForgetWork {
        repository: repository(server, PASSWORD),
        snapshots: vec![first.snapshot.clone()],
        prune: true,
    });
    let job = rig.start_job(server, "forget", work).await.unwrap();
    let ended = rig.job_ended(server, job).await;
    assert_eq!(ended.result(), wire::JobResult::Done, "{ended:?}");
    let left: serde_json::Value =
        serde_json::from_str(&rig.restic(server, &["snapshots", "--json"])).unwrap();
    // By their ids: a later one names the earlier as its parent for ever.
    let ids = left.as_array().unwrap().iter().map(|s| s["id"].as_str());
    assert_eq!(ids.collect::<Vec<_>>(), [Some(&*second.snapshot)]);
    rig.restic(server, &["check", "--read-data"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_brings_back_what_was_and_a_failed_one_changes_nothing() {
    let mut rig = Rig::new().await;
    let server = rig.resting().await;
    let root = rig.files_of(server);
    put(&root, "world/level.dat", "before");
    put(&root, "config/a", "before");
    let made = rig.backed_up(server).await;
    put(&root, "world/level.dat", "after");
    put(&root, "world/new", "after");
    put(&root, "config/a", "after");
    let restore = |paths: &[&str], password: &str| {
        Work::Restore(wire::RestoreWork {
            repository: repository(server, password),
            snapshot: made.snapshot.clone(),
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        })
    };
    let read = |name: &str| std::fs::read_to_string(root.join(name)).ok();
    let job = rig
        .start_job(server, "restore", restore(&[], "wrong"))
        .await
        .unwrap();
    let ended = rig.job_ended(server, job).await;
    assert_eq!(
        (ended.result(), &*ended.code),
        (wire::JobResult::Failed, "wrong_password")
    );
    assert_eq!(read("world/new").as_deref(), Some("after"));
    let job = rig
        .start_job(server, "restore", restore(&["/missing"], PASSWORD))
        .await
        .unwrap();
    assert_eq!(rig.job_ended(server, job).await.code, "file_not_found");
    let job = rig
        .start_job(server, "restore", restore(&["/world"], PASSWORD))
        .await
        .unwrap();
    let ended = rig.job_ended(server, job).await;
    assert_eq!(ended.result(), wire::JobResult::Done, "{ended:?}");
    assert_eq!(read("world/level.dat").as_deref(), Some("before"));
    assert_eq!(
        (read("world/new"), read("config/a").as_deref()),
        (None, Some("after"))
    );
    let owner = std::fs::metadata(&root).unwrap().uid();
    assert_eq!(
        std::fs::metadata(root.join("world/level.dat"))
            .unwrap()
            .uid(),
        owner
    );
    let job = rig
        .start_job(server, "restore", restore(&[], PASSWORD))
        .await
        .unwrap();
    let ended = rig.job_ended(server, job).await;
    assert_eq!(ended.result(), wire::JobResult::Done, "{ended:?}");
    assert_eq!(read("config/a").as_deref(), Some("before"));
    assert_eq!(std::fs::metadata(&root).unwrap().uid(), owner);
    // And the game finds them.
    let spec = rig.spec(&FakeGame::echo());
    rig.order(server, wire::Power::Start, spec).await;
    rig.until_state(server, wire::State::Running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_of_the_agent_ends_a_job_with_one_fact_and_the_game_may_save_again() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    let root = rig.files_of(server);
    put(&root, "world/level.dat", noise(64 << 20, 3));
    let work = wire::BackupWork {
        hooks: Some(wire::BackupHooks {
            before: vec!["save-off".into()],
            after: vec!["save-on".into()],
            // Never said: the kill comes while it is waited for.
            ready: "no such words".into(),
            wait_ms: 60_000,
        }),
        ..backup(server)
    };
    let job = rig
        .start_job(server, "backup", Work::Backup(work.clone()))
        .await
        .unwrap();
    let said = |rig: &Rig, text: &str| {
        let bytes = rig
            .control
            .bytes(&server.to_string(), wire::ConsoleStream::Game);
        String::from_utf8_lossy(&bytes).contains(text)
    };
    rig.until("the hook", |r| said(r, "got: save-off")).await;
    // No second one at once.
    let again = rig.start_job(server, "backup", Work::Backup(work)).await;
    assert!(matches!(again, Err(CallError::Failed { code, .. }) if code == "busy"));
    rig.bounce().await;
    let ended = rig.job_ended(server, job).await;
    assert_eq!(
        (ended.result(), &*ended.code),
        (wire::JobResult::Failed, "interrupted")
    );
    rig.until("the game to be told", |r| said(r, "got: save-on"))
        .await;
    // And one that is cancelled.
    let job = rig
        .start_job(server, "backup", Work::Backup(backup(server)))
        .await
        .unwrap();
    let cancel = wire::JobAsk {
        ask: Some(Ask::Cancel(wire::JobCancel {
            job: job.to_string(),
        })),
    };
    let _: wire::JobStatus = rig.control.ask(down::JOBS, &cancel).await.unwrap();
    let ended = rig.job_ended(server, job).await;
    assert_eq!(ended.result(), wire::JobResult::Cancelled, "{ended:?}");
    // What they left is no harm.
    rig.backed_up(server).await;
    rig.restic(server, &["check"]);
}

/// Rounds of backups and restores under a race: each meets every directory.
fn rounds() -> usize {
    let asked = std::env::var("WARREN_RACE_ATTEMPTS");
    let attempts: usize = asked.ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    (attempts / 5000).clamp(3, 100)
}

/// Directories are swapped for symlinks to a secret of the machine for as long as backups are made and brought back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_outside_is_met_while_links_are_swapped_under_backups_and_restores() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    const SECRET: &str = "SECRET OF THE MACHINE";
    let mut rig = Rig::new().await;
    let server = rig.resting().await;
    let root = rig.files_of(server);
    let outside = tempfile::tempdir().unwrap();
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(outside.path(), everybody).unwrap();
    std::fs::write(outside.path().join("secret"), SECRET).unwrap();
    for at in 0..200 {
        put(&root, format!("d{at}/secret"), "own");
    }
    let first = rig.backed_up(server).await;
    std::os::unix::fs::symlink(outside.path(), root.join("link")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let racer = {
        let (root, stop) = (root.clone(), stop.clone());
        std::thread::spawn(move || {
            let (mut at, link) = (0_u64, root.join("link"));
            while !stop.load(Ordering::Relaxed) {
                let dir = root.join(format!("d{}", at % 200));
                for _ in 0..2 {
                    let _ = renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE);
                }
                at += 1;
            }
            at
        })
    };
    let mut done = 0;
    for round in 0..rounds() {
        let work = Work::Backup(backup(server));
        let job = rig.start_job(server, "backup", work).await.unwrap();
        rig.job_ended(server, job).await;
        rig.job_has_left(job).await;
        let some = (0..50).map(|n| format!("/d{}/secret", (round + n * 4) % 200));
        let work = Work::Restore(wire::RestoreWork {
            repository: repository(server, PASSWORD),
            snapshot: first.snapshot.clone(),
            paths: some.collect(),
        });
        let job = rig.start_job(server, "restore", work).await.unwrap();
        let ended = rig.job_ended(server, job).await;
        let refused = matches!(&*ended.code, "path_blocked");
        assert!(
            ended.result() == wire::JobResult::Done || refused,
            "{ended:?}"
        );
        done += u32::from(!refused);
    }
    stop.store(true, Ordering::Relaxed);
    let swaps = racer.join().unwrap();
    eprintln!(
        "{} rounds, {done} restores went through, {swaps} swaps",
        rounds()
    );
    assert!(swaps > 1000);
    let theirs = std::fs::read_to_string(outside.path().join("secret")).unwrap();
    assert_eq!(theirs, SECRET);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    let out = tempfile::tempdir().unwrap();
    let snapshots: serde_json::Value =
        serde_json::from_str(&rig.restic(server, &["snapshots", "--json"])).unwrap();
    for (at, snapshot) in snapshots.as_array().unwrap().iter().enumerate() {
        let target = out.path().join(at.to_string());
        let id = snapshot["id"].as_str().unwrap();
        rig.restic(
            server,
            &["restore", id, "--target", target.to_str().unwrap()],
        );
        let found = Command::new("grep")
            .args(["-r", SECRET])
            .arg(&target)
            .output()
            .unwrap();
        // What a link leads to here is no part of the backup; grep -r follows none.
        assert!(
            found.stdout.is_empty(),
            "{}",
            String::from_utf8_lossy(&found.stdout)
        );
    }
}
