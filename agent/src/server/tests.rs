//! Actors on an engine in memory. "Killing the agent" drops everything but the disk and the engine.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use warren_proto::ids::{BootId, JobId, ServerId};
use warren_proto::{state::State, wire};
use warren_runtime::net::fake::FakeNetwork;
use warren_runtime::runtime::fake::Fake;

use super::Servers;
use super::deps::{Deps, DiskPolicy, Settings};
use crate::console::{Bounds, Consoles, Live};
use crate::journal::Journal;
use crate::ledger::Ledger;

const IMAGE: &str = "example.com/game:1";
const INSTALLER: &str = "example.com/installer:1";

struct Rig {
    dir: tempfile::TempDir,
    engine: Fake,
    agent: Agent,
    server: ServerId,
    generation: u64,
    rev: u64,
}

struct Agent {
    deps: Arc<Deps>,
    servers: Arc<Servers>,
    stop: CancellationToken,
    _live: mpsc::Receiver<Live>,
}

fn agent(dir: &Path, engine: &Fake, host_boot: &str) -> Agent {
    let ledger = Arc::new(Ledger::open(&dir.join("ledger")).unwrap());
    let journal = Journal::open(&dir.join("journal"), BootId::new(), |_, _| {
        wire::Fact::default()
    });
    let journal = journal.unwrap();
    let stop = CancellationToken::new();
    let (live, live_rx) = mpsc::channel(64);
    let consoles = Consoles::open(
        &dir.join("console"),
        Bounds::default(),
        journal.clone(),
        live,
        stop.clone(),
    );
    let deps = Arc::new(Deps {
        settings: Settings {
            servers_dir: dir.join("servers"),
            trash_dir: dir.join("trash"),
            deleted_dir: dir.join("deleted"),
            deleted_limits: crate::config::Config::default().deleted_limits(),
            run_dir: dir.join("run"),
            uid_base: 700_000,
            resolvers: Vec::new(),
            bridge_address: "10.0.0.1".into(),
            tmp_bytes: 0,
            host_boot: host_boot.into(),
            disk_policy: DiskPolicy::Stop,
            disk_floor_bytes: 0,
            registry_logins: std::collections::BTreeMap::new(),
            allowed_mounts: Vec::new(),
            download_allow: Vec::new(),
            restore_dir: dir.join("restore"),
            transfer_dir: dir.join("transfers"),
            backup_dirs: vec![dir.join("backups")],
            worker_exe: "/nonexistent".into(),
            cgroup_parent: "/warren-test".into(),
        },
        runtime: Arc::new(engine.clone()),
        network: Arc::new(FakeNetwork::default()),
        ledger,
        journal,
        consoles: consoles.unwrap(),
        watched_ports: Default::default(),
        jobs: crate::job::Jobs::open(dir.join("jobs")).unwrap(),
    });
    Agent {
        servers: Servers::start(deps.clone(), false, stop.clone()).unwrap(),
        deps,
        stop,
        _live: live_rx,
    }
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = Fake::new();
        engine.offer(IMAGE);
        engine.offer(INSTALLER);
        Self {
            agent: agent(dir.path(), &engine, "boot-1"),
            dir,
            engine,
            server: ServerId::new(),
            generation: 0,
            rev: 0,
        }
    }

    async fn restart_agent(&mut self, meanwhile: impl FnOnce(&Fake)) {
        self.restart(meanwhile, "boot-1").await;
    }

    async fn restart(&mut self, meanwhile: impl FnOnce(&Fake), host_boot: &str) {
        self.agent.stop.cancel();
        // An actor that has not ended yet would see what happens meanwhile and write it down.
        for handle in self.agent.servers.all().values() {
            handle.tx.closed().await;
        }
        self.agent.deps.journal.stop().await;
        meanwhile(&self.engine);
        self.agent = agent(self.dir.path(), &self.engine, host_boot);
    }

    fn spec(&self) -> wire::ServerSpec {
        wire::ServerSpec {
            image: IMAGE.into(),
            tty: true,
            stop: Some(wire::Stop {
                how: Some(wire::stop::How::Signal(15)),
                grace_ms: 300,
            }),
            done: vec![wire::DoneMarker {
                pattern: Some(wire::done_marker::Pattern::Contains("ready".into())),
            }],
            crash: Some(wire::CrashPolicy {
                restart: true,
                max_restarts: 3,
                window_s: 60,
                clean_exit_is_crash: false,
            }),
            ..Default::default()
        }
    }

    fn order(&mut self, power: wire::Power, change: impl FnOnce(&mut wire::WantedServer)) {
        self.generation += 1;
        let mut row = wire::WantedServer {
            server: self.server.to_string(),
            generation: self.generation,
            power: Some(wire::PowerOrder {
                power: power.into(),
                generation: self.generation,
                restarts: 0,
            }),
            spec: Some(self.spec()),
            ..Default::default()
        };
        change(&mut row);
        self.apply(vec![row], Vec::new());
    }

    fn apply(&mut self, servers: Vec<wire::WantedServer>, tombstones: Vec<wire::Tombstone>) {
        let ledger = &self.agent.deps.ledger;
        let apply = wire::Apply {
            ledger: ledger.position().id,
            from: self.rev,
            to: self.rev + 1,
            servers,
            tombstones,
            snapshot: false,
        };
        self.rev += 1;
        let applied = ledger.apply(&apply).unwrap();
        assert!(applied.taken);
        self.agent.servers.applied(&applied);
    }

    fn state(&self) -> Option<State> {
        let handle = self.agent.servers.get(self.server)?;
        let state = handle.status.lock().state;
        Some(state)
    }

    async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        for _ in 0..500 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!(
            "in vain: {what}; state {:?}, facts {:?}",
            self.state(),
            self.reasons()
        );
    }

    async fn until_state(&self, state: State) {
        self.until(&format!("state {state}"), |r| r.state() == Some(state))
            .await;
    }

    fn id(&self) -> String {
        self.server.to_string()
    }

    fn facts(&self) -> Vec<wire::fact::What> {
        let (mut all, mut from) = (Vec::new(), None);
        while let Some(batch) = self.agent.deps.journal.read(from, 1 << 20).unwrap() {
            all.extend(batch.wire.facts.into_iter().filter_map(|f| f.what));
            from = Some(batch.next);
        }
        all
    }

    fn reasons(&self) -> Vec<String> {
        let changes = self.facts().into_iter().filter_map(|w| match w {
            wire::fact::What::StateChanged(c) => {
                let to = State::try_from(c.to()).unwrap();
                Some(format!("{to}:{}", c.reason))
            }
            _ => None,
        });
        changes.collect()
    }

    fn count(&self, what: impl Fn(&wire::fact::What) -> bool) -> usize {
        self.facts().iter().filter(|w| what(w)).count()
    }

    async fn running(&mut self) {
        self.order(wire::Power::Start, |_| {});
        self.until("a container", |r| r.engine.spec(&r.id()).is_some())
            .await;
        self.until_state(State::Starting).await;
        self.engine.print(&self.id(), b"getting ready\r\n").unwrap();
        self.until_state(State::Running).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_order_comes_to_running_by_its_marker() {
    let mut rig = Rig::new();
    rig.running().await;
    assert_eq!(
        rig.reasons(),
        ["stopped:installed", "starting:asked", "running:done_marker"]
    );
    assert_eq!(
        rig.count(|w| matches!(w, wire::fact::What::RunStarted(_))),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_outlives_the_agent_and_nothing_is_told_twice() {
    let mut rig = Rig::new();
    rig.running().await;
    rig.restart_agent(|_| {}).await;
    rig.until_state(State::Running).await;
    assert_eq!(rig.engine.signals(&rig.id()), Vec::<i32>::new());
    assert_eq!(
        rig.count(|w| matches!(w, wire::fact::What::RunStarted(_))),
        1
    );
    assert_eq!(rig.reasons().len(), 3);
    rig.order(wire::Power::Stop, |_| {});
    rig.until_state(State::Stopped).await;
    assert_eq!(rig.engine.signals(&rig.id()), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_while_the_agent_was_dead_is_told_and_answered_by_policy() {
    let mut rig = Rig::new();
    rig.running().await;
    let id = rig.id();
    rig.restart_agent(|engine| engine.exit(&id, 3, false)).await;
    rig.until("the policy", |r| {
        r.reasons().iter().any(|x| x == "starting:crash_policy")
    })
    .await;
    let ended = rig.facts().into_iter().find_map(|w| match w {
        wire::fact::What::RunEnded(e) => Some(e.exit_code),
        _ => None,
    });
    assert_eq!(ended, Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_before_a_reboot_starts_without_control() {
    let mut rig = Rig::new();
    rig.running().await;
    rig.restart(|engine| engine.reboot(), "boot-2").await;
    rig.until("a start", |r| {
        r.reasons().iter().any(|x| x == "starting:host_reboot")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stubborn_game_is_killed_after_its_grace() {
    let mut rig = Rig::new();
    rig.running().await;
    rig.order(wire::Power::Stop, |_| {});
    rig.until_state(State::Stopped).await;
    let last = rig.reasons().pop();
    assert_eq!(last.as_deref(), Some("stopped:asked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_image_is_an_error_in_words() {
    let mut rig = Rig::new();
    rig.order(wire::Power::Start, |row| {
        row.spec.as_mut().unwrap().image = "example.com/none:1".into();
    });
    rig.until_state(State::Error).await;
    assert_eq!(
        rig.reasons().pop().as_deref(),
        Some("error:image_not_found")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_while_containerd_is_away() {
    let mut rig = Rig::new();
    rig.engine.containerd(Some("restarting"));
    rig.order(wire::Power::Start, |_| {});
    tokio::time::sleep(Duration::from_millis(50)).await;
    rig.engine.containerd(None);
    rig.until("a container", |r| r.engine.spec(&r.id()).is_some())
        .await;
}

fn installable(row: &mut wire::WantedServer) {
    row.spec.as_mut().unwrap().install = Some(wire::InstallSpec {
        image: INSTALLER.into(),
        entrypoint: "bash".into(),
        script: "echo hi\r\n".into(),
        ..Default::default()
    });
}

impl Rig {
    async fn install(&mut self) -> JobId {
        self.order(wire::Power::Unspecified, installable);
        let job = JobId::new();
        let ask = wire::JobStart {
            job: job.to_string(),
            server: self.id(),
            kind: "install".into(),
            generation: self.generation,
            wipe: false,
            work: None,
        };
        let status = self.agent.servers.job_start(ask).await.unwrap();
        assert_eq!(status.state, "running");
        let id = format!("{}.install", self.server);
        self.until("the installer", |r| r.engine.spec(&id).is_some())
            .await;
        job
    }

    fn job_ended(&self) -> Option<wire::JobEnded> {
        self.facts().into_iter().find_map(|w| match w {
            wire::fact::What::JobEnded(e) => Some(e),
            _ => None,
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_install_counts_its_exit_code() {
    let mut rig = Rig::new();
    let job = rig.install().await;
    rig.engine
        .exit(&format!("{}.install", rig.server), 0, false);
    rig.until_state(State::Stopped).await;
    assert_eq!(rig.job_ended().unwrap().result(), wire::JobResult::Done);
    assert_eq!(
        rig.agent.servers.job_status(&job.to_string()).state,
        "ended"
    );
    let mut rig = Rig::new();
    rig.install().await;
    rig.engine
        .exit(&format!("{}.install", rig.server), 7, false);
    rig.until_state(State::Error).await;
    let ended = rig.job_ended().unwrap();
    assert_eq!(
        (ended.result(), ended.exit_code),
        (wire::JobResult::Failed, Some(7))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_install_goes_on_after_the_agent_was_killed() {
    let mut rig = Rig::new();
    rig.install().await;
    let id = format!("{}.install", rig.server);
    rig.restart_agent(|_| {}).await;
    rig.until("adoption", |r| !r.agent.servers.jobs().is_empty())
        .await;
    rig.engine.exit(&id, 0, false);
    rig.until_state(State::Stopped).await;
    let starts = rig
        .engine
        .calls()
        .into_iter()
        .filter(|c| *c == format!("start {id}"));
    assert_eq!(starts.count(), 1);
    let mut rig = Rig::new();
    rig.install().await;
    let id = format!("{}.install", rig.server);
    rig.restart_agent(|engine| engine.exit(&id, 9, false)).await;
    rig.until_state(State::Error).await;
    assert_eq!(rig.job_ended().unwrap().exit_code, Some(9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_install_ends_its_script() {
    let mut rig = Rig::new();
    let job = rig.install().await;
    rig.until("the script", |r| {
        r.agent
            .servers
            .job_status(&job.to_string())
            .step
            .contains("script")
    })
    .await;
    rig.agent
        .servers
        .job_cancel(&job.to_string())
        .await
        .unwrap();
    rig.until_state(State::Error).await;
    assert_eq!(
        rig.job_ended().unwrap().result(),
        wire::JobResult::Cancelled
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_leaves_nothing_but_the_trash() {
    let mut rig = Rig::new();
    rig.running().await;
    let stone = wire::Tombstone {
        server: rig.id(),
        generation: rig.generation + 1,
        rev: 0,
        keep_files_s: 3600,
    };
    rig.apply(Vec::new(), vec![stone]);
    rig.until("its end", |r| r.state().is_none()).await;
    assert!(rig.engine.spec(&rig.id()).is_none());
    assert_eq!(
        std::fs::read_dir(rig.dir.path().join("trash"))
            .unwrap()
            .count(),
        1
    );
    assert_eq!(rig.count(|w| matches!(w, wire::fact::What::Removed(_))), 1);
    assert!(rig.agent.deps.ledger.rows().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_no_ledger_knows_is_adopted_not_killed() {
    let mut rig = Rig::new();
    rig.running().await;
    rig.agent.stop.cancel();
    rig.agent.deps.journal.stop().await;
    std::fs::remove_dir_all(rig.dir.path().join("ledger")).unwrap();
    rig.agent = agent(rig.dir.path(), &rig.engine, "boot-1");
    rig.until("adoption", |r| r.state().is_some_and(State::is_up))
        .await;
    assert!(rig.engine.signals(&rig.id()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owed_facts_reach_the_journal_once_and_before_anything_is_adopted() {
    let mut rig = Rig::new();
    rig.running().await;
    // Killed after the memory was written and after its fact was, but before that was noted.
    let handle = rig.agent.servers.get(rig.server).unwrap();
    rig.agent.stop.cancel();
    handle.tx.closed().await;
    rig.agent.deps.journal.stop().await;
    let (mut all, mut from) = (Vec::new(), None);
    while let Some(batch) = rig.agent.deps.journal.read(from, 1 << 20).unwrap() {
        all.extend(batch.wire.facts);
        from = Some(batch.next);
    }
    let mut last = all.pop().unwrap();
    last.seq = 0;
    let unknown = wire::Fact {
        at_ms: last.at_ms + 1,
        ..last.clone()
    };
    let row = rig.agent.deps.ledger.rows().unwrap().remove(&rig.server);
    let mut memory = super::memory::Memory::decode(&row.unwrap().memory.unwrap()).unwrap();
    let end = from.unwrap();
    let since = crate::journal::Position {
        seq: end.seq - 1,
        ..end
    };
    memory.owe(&[last, unknown], since);
    rig.agent
        .deps
        .ledger
        .remember(rig.server, &memory.encode())
        .unwrap();
    let before = rig.facts().len();
    // containerd does not answer for now: nothing is adopted.
    rig.engine.containerd(Some("restarting"));
    rig.agent = agent(rig.dir.path(), &rig.engine, "boot-1");
    rig.until("what is owed to be written", |r| r.facts().len() > before)
        .await;
    assert_eq!(
        rig.facts().len(),
        before + 1,
        "one was there already, the other was not"
    );
}
