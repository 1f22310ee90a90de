//! A data disk that is full or nearly so: what is refused says why, nothing is half done, and all goes on once there
//! is room.

use std::path::PathBuf;

use warren_harness::FakeGame;
use warren_proto::ids::ServerId;
use warren_proto::subjects::down;
use warren_proto::wire::{self, fact::What};
use warren_runtime::console::free_bytes;

use crate::rig::Rig;

const MIB: u64 = 1 << 20;

struct Filler(PathBuf);

impl Filler {
    /// Leaves so many bytes free.
    fn leave(rig: &Rig, bytes: u64) -> Self {
        let name = format!("filler-{}", ServerId::new());
        let path = rig.data().join(name);
        let free = free_bytes(&rig.data()).unwrap();
        let size = usize::try_from(free.saturating_sub(bytes)).unwrap();
        // A tmpfs takes what fits and says so at the end.
        let _ = std::fs::write(&path, vec![1; size]);
        Self(path)
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn condition(rig: &Rig, code: &str) -> Option<(String, bool)> {
    let stored = rig.control.stored.lock();
    stored.facts.iter().rev().find_map(|fact| match &fact.what {
        Some(What::NodeCondition(c)) => {
            let condition = c.condition.as_ref()?;
            (condition.code == code).then(|| (condition.message.clone(), c.cleared))
        }
        _ => None,
    })
}

fn failure(rig: &Rig, server: ServerId) -> Option<(String, String)> {
    let facts = rig.control.facts_of(&server.to_string());
    facts.iter().rev().find_map(|what| match what {
        What::StateChanged(c) if c.to() == wire::State::Error => {
            Some((c.reason.clone(), c.detail.clone()))
        }
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_the_floor_nothing_is_begun_and_the_node_says_so() {
    let mut rig = Rig::on_disk_of(64 * MIB, 16 * MIB).await;
    let filler = Filler::leave(&rig, 8 * MIB);
    let server = ServerId::new();
    let mut spec = rig.spec(&FakeGame::echo());
    spec.install = Some(wire::InstallSpec {
        image: rig.image.clone(),
        entrypoint: "/bin/sh".into(),
        script: "echo never".into(),
        ..Default::default()
    });
    rig.order(server, wire::Power::Unspecified, spec.clone())
        .await;
    rig.job(server, "install").await;
    rig.until_state(server, wire::State::Error).await;
    let (code, text) = failure(&rig, server).unwrap();
    assert_eq!(code, "disk_full");
    for word in ["16 MiB must stay free", "disk_floor_bytes", "free space"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    rig.until("the condition", |r| {
        condition(r, "disk_low").is_some_and(|(_, over)| !over)
    })
    .await;
    let (text, _) = condition(&rig, "disk_low").unwrap();
    assert!(text.contains(&rig.data().display().to_string()), "{text}");
    rig.order(server, wire::Power::Start, spec.clone()).await;
    rig.until("the start's refusal", |r| {
        let said = r
            .control
            .bytes(&server.to_string(), wire::ConsoleStream::Warren);
        String::from_utf8_lossy(&said).contains("could not be started: only ")
    })
    .await;
    drop(filler);
    rig.until("the condition is over", |r| {
        condition(r, "disk_low").is_some_and(|(_, over)| over)
    })
    .await;
    rig.job(server, "reinstall").await;
    rig.until_state(server, wire::State::Stopped).await;
    rig.order(server, wire::Power::Start, spec).await;
    rig.until_state(server, wire::State::Running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_eats_the_disk_is_ended_at_the_floor() {
    let mut rig = Rig::on_disk_of(96 * MIB, 32 * MIB).await;
    let server = ServerId::new();
    let mut spec = rig.spec(&FakeGame::echo());
    // Slow enough to be caught, endless if it is not.
    spec.install = Some(wire::InstallSpec {
        image: rig.image.clone(),
        entrypoint: "/bin/sh".into(),
        script: "n=0; while :; do n=$((n+1)); dd if=/dev/zero of=/mnt/server/big$n bs=1M count=4; \
                 usleep 200000; done"
            .into(),
        ..Default::default()
    });
    rig.order(server, wire::Power::Unspecified, spec).await;
    let job = rig.job(server, "install").await;
    rig.until_state(server, wire::State::Error).await;
    let facts = rig.control.facts_of(&server.to_string());
    let ended = facts.iter().find_map(|w| match w {
        What::JobEnded(e) if e.job == job.to_string() => Some(e.clone()),
        _ => None,
    });
    let ended = ended.unwrap();
    assert_eq!(ended.code, "disk_full");
    assert!(
        ended.message.contains("the install script was ended"),
        "{}",
        ended.message
    );
    assert!(free_bytes(&rig.data()).unwrap() > 4 * MIB, "the floor held");
    let found = rig
        .containerd
        .ctr()
        .unwrap()
        .args(["containers", "ls", "-q"])
        .output()
        .unwrap();
    assert!(found.stdout.is_empty(), "no container stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_games_print_on_orders_are_refused_and_nothing_is_lost_later() {
    let mut rig = Rig::on_disk_of(48 * MIB, 0).await;
    // More than what was set aside for its console is printed while the disk is full.
    let game = FakeGame::burst(512 << 10, 1);
    let server = rig.running_unmarked(&game).await;
    let id = server.to_string();
    let pid = rig.pid(server);
    let filler = Filler::leave(&rig, 0);
    let full = rig.control.bytes(&id, wire::ConsoleStream::Game).len();
    rig.until("four more MiB of output on a full disk", |r| {
        r.control.bytes(&id, wire::ConsoleStream::Game).len() > full + (4 << 20)
    })
    .await;
    // An order that can't be written down is not taken. It is larger than what a console gives back meanwhile.
    let ledger = rig
        .control
        .stored
        .lock()
        .hello
        .clone()
        .unwrap()
        .ledger
        .unwrap();
    let other = ServerId::new();
    let mut spec = rig.spec(&FakeGame::echo());
    spec.env.push(wire::EnvVar {
        name: "LARGE".into(),
        value: "x".repeat(900 << 10),
    });
    let row = wire::WantedServer {
        server: other.to_string(),
        generation: 1000,
        rev: 1000,
        spec: Some(spec),
        ..Default::default()
    };
    let apply = wire::Apply {
        ledger: ledger.id,
        from: 0,
        to: 1000,
        servers: vec![row],
        tombstones: Vec::new(),
        snapshot: false,
    };
    let more = Filler::leave(&rig, 0);
    let answer: Result<wire::ApplyAnswer, _> = rig.control.ask(down::APPLY, &apply).await;
    let refused = format!("{:?}", answer.unwrap_err());
    assert!(
        refused.contains("the ledger can't be written") && refused.contains("free space"),
        "{refused}"
    );
    assert!(
        !std::fs::read_dir(rig.data().join("ledger"))
            .unwrap()
            .flatten()
            .any(|e| { e.file_name().to_string_lossy().ends_with(".new") })
    );
    // Said at once where it can be, and to control as soon as facts can be written.
    rig.until("the condition", |r| r.log().contains("ledger_stuck"))
        .await;
    drop((filler, more));
    let again: wire::ApplyAnswer = rig.control.ask(down::APPLY, &apply).await.unwrap();
    assert_eq!(again.ledger.unwrap().rev, 1000);
    // What was said meanwhile comes, and the console was never wedged.
    rig.until("what stuck", |r| {
        condition(r, "ledger_stuck").is_some_and(|(_, over)| over)
    })
    .await;
    let after = rig.control.bytes(&id, wire::ConsoleStream::Game).len();
    rig.until("it prints on", |r| {
        r.control.bytes(&id, wire::ConsoleStream::Game).len() > after + (1 << 20)
    })
    .await;
    assert_eq!(rig.pid(server), pid);
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists());
}
