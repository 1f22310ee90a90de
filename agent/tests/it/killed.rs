//! The agent and its worker, killed at each step of putting files in their place: what comes of it is all or nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use warren_proto::ids::{JobId, ServerId};
use warren_proto::wire::fact::What;
use warren_proto::wire::job_start::Work;
use warren_proto::wire::{self, JobResult};

use crate::backups::{PASSWORD, noise, put, repository};
use crate::rig::{LIMIT, Rig};

/// Between two looks at an agent that is about to die.
const POLL: Duration = Duration::from_millis(10);
const FILES: [&str; 5] = ["a/one", "a/two", "b/deep/three", "four", "five"];

/// What all files say, or that they don't say the same.
fn said(root: &Path) -> String {
    let all = FILES.map(|name| std::fs::read_to_string(root.join(name)).unwrap_or_default());
    match all.iter().all(|text| *text == all[0]) {
        true => all[0].clone(),
        false => panic!("half of it: {all:?}"),
    }
}

fn all_say(root: &Path, text: &str) {
    for name in FILES {
        put(root, name, text);
    }
}

enum End {
    /// How it ended after all; none: it had not begun.
    Killed(Option<wire::JobEnded>),
    /// The agent was not killed. Its worker may have been.
    Untouched(wire::JobEnded),
}

impl Rig {
    /// A job under an agent that is killed as it begins its `n`th call of that name.
    async fn killed_at(
        &mut self,
        (call, n): (&str, u32),
        server: ServerId,
        kind: &str,
        work: Work,
    ) -> End {
        let hellos = |rig: &Self| rig.control.stored.lock().hellos;
        let before = hellos(self);
        self.kill();
        self.launch_killed_at(call, n);
        let (job, mut begun) = (JobId::new(), false);
        while !self.agent_has_ended() {
            if !begun && hellos(self) > before {
                // It may die before it answers; asked again it begins nothing anew.
                let asked = self.start_job_as(job, server, kind, work.clone()).await;
                begun = asked.is_ok();
            }
            if begun && self.has_told_the_end_of(server, job) {
                return End::Untouched(self.job_ended(server, job).await);
            }
            tokio::time::sleep(POLL).await;
        }
        self.forget_agent();
        let (before, until) = (hellos(self), Instant::now() + LIMIT);
        self.launch();
        while hellos(self) == before {
            assert!(Instant::now() < until, "no hello after {call} {n}");
            // As a service manager does: a child of the one before may hold its lock a moment longer.
            if self.agent_has_ended() {
                self.forget_agent();
                self.launch();
            }
            tokio::time::sleep(POLL).await;
        }
        let known = self.job_status(job).await;
        match begun || known.is_some_and(|s| s.state != "unknown") {
            true => End::Killed(Some(self.job_ended(server, job).await)),
            false => End::Killed(None),
        }
    }

    fn has_told_the_end_of(&self, server: ServerId, job: JobId) -> bool {
        let facts = self.control.facts_of(&server.to_string());
        facts.iter().any(|what| match what {
            What::JobEnded(ended) => ended.job == job.to_string(),
            _ => false,
        })
    }

    /// Tries `n` from one on until it is beyond the last call, or `most`: how often it was killed.
    async fn killed_at_each(
        &mut self,
        (call, most): (&str, u32),
        server: ServerId,
        kind: &str,
        work: Work,
    ) -> u32 {
        let root = self.files_of(server);
        for n in 1..=most {
            all_say(&root, "before");
            let end = self.killed_at((call, n), server, kind, work.clone()).await;
            let now = said(&root);
            let (ended, killed) = match end {
                End::Killed(ended) => (ended, true),
                End::Untouched(ended) => (Some(ended), false),
            };
            match ended.is_some_and(|ended| ended.result() == JobResult::Done) {
                true => assert_eq!(now, "new"),
                false => assert_eq!(now, "before"),
            }
            if !killed && now == "new" {
                return n - 1;
            }
            eprintln!("{kind} killed at {call} {n}: all is {now}");
            let stage = self.data().join("restore").join(server.to_string());
            assert!(!stage.exists(), "{kind} {call} {n}");
            let hidden = std::fs::read_dir(&root).unwrap().flatten();
            let hidden = hidden.filter(|e| e.file_name().to_string_lossy().starts_with(".warren-"));
            assert_eq!(hidden.count(), 0, "{kind} {call} {n}");
        }
        most
    }

    async fn restore_of(&mut self, server: ServerId, paths: &[&str]) -> Work {
        all_say(&self.files_of(server), "new");
        let made = self.backed_up(server).await;
        Work::Restore(wire::RestoreWork {
            repository: repository(server, PASSWORD),
            snapshot: made.snapshot,
            paths: paths.iter().map(|p| format!("/{p}")).collect(),
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_of_paths_that_is_killed_at_any_rename_is_all_or_nothing() {
    let mut rig = Rig::new().await;
    let server = rig.resting().await;
    let work = rig.restore_of(server, &FILES).await;
    let killed = rig.killed_at_each(("renameat2", 20), server, "restore", work);
    // Each away, and each in its place.
    assert_eq!(killed.await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_of_all_that_is_killed_anywhere_is_all_or_nothing() {
    let mut rig = Rig::new().await;
    let server = rig.resting().await;
    let work = rig.restore_of(server, &[]).await;
    let at = ("renameat2", 9);
    let killed = rig.killed_at_each(at, server, "restore", work.clone());
    assert_eq!(killed.await, 1);
    // While it is staged, in the worker; noted; cleared away.
    for at in [
        ("mkdirat", 2),
        ("fdatasync", 3),
        ("rename", 3),
        ("unlinkat", 3),
    ] {
        rig.killed_at_each(at, server, "restore", work.clone())
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_is_killed_at_any_rename_is_unpacked_whole_or_not() {
    let mut rig = Rig::new().await;
    let server = rig.resting().await;
    let root = rig.files_of(server);
    all_say(&root, "new");
    let packed = std::process::Command::new("tar")
        .args(["-cf", "new.tar"])
        .args(FILES)
        .current_dir(&root)
        .status();
    assert!(packed.unwrap().success());
    let work = Work::Extract(wire::ExtractWork {
        archive: "/new.tar".into(),
        to: "/".into(),
        existing: "replace".into(),
        only: Vec::new(),
    });
    let at = ("renameat2", 20);
    let killed = rig.killed_at_each(at, server, "extract", work.clone());
    assert_eq!(killed.await, 5);
    for at in [("mkdirat", 2), ("rename", 3), ("unlinkat", 2)] {
        rig.killed_at_each(at, server, "extract", work.clone())
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_in_a_restore_leaves_what_there_was() {
    let mut rig = Rig::new().await;
    let server = rig.resting().await;
    let root = rig.files_of(server);
    put(&root, "large", noise(48 << 20, 5));
    let work = rig.restore_of(server, &[]).await;
    all_say(&root, "before");
    let job = rig.start_job(server, "restore", work).await.unwrap();
    let stage = rig.data().join("restore").join(server.to_string());
    rig.until("files to be written", |_| {
        std::fs::metadata(stage.join("new/large")).is_ok_and(|m| m.len() > 1 << 20)
    })
    .await;
    let worker = rig.supervised_now().unwrap();
    nix::sys::signal::kill(worker, nix::sys::signal::Signal::SIGKILL).unwrap();
    let ended = rig.job_ended(server, job).await;
    assert_eq!(
        (ended.result(), &*ended.code),
        (JobResult::Failed, "worker")
    );
    assert_eq!(said(&root), "before");
    assert!(!stage.exists());
}
