//! Servers from order to end.

use warren_harness::FakeGame;
use warren_proto::ids::ServerId;
use warren_proto::wire::{self, fact::What};

use crate::rig::Rig;

fn reasons(rig: &Rig, server: ServerId) -> Vec<String> {
    let facts = rig.control.facts_of(&server.to_string());
    let changes = facts.iter().filter_map(|w| match w {
        What::StateChanged(c) => Some(c.reason.clone()),
        _ => None,
    });
    changes.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_answers_and_stops() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    let id = server.to_string();
    assert_eq!(
        rig.input(server, "hello there", "i1").await,
        wire::InputResult::Written
    );
    assert_eq!(
        rig.input(server, "hello there", "i1").await,
        wire::InputResult::Written
    );
    rig.until("the answer in the database", |r| {
        let bytes = r.control.bytes(&id, wire::ConsoleStream::Game);
        String::from_utf8_lossy(&bytes).contains("got: hello there")
    })
    .await;
    let text = rig.control.bytes(&id, wire::ConsoleStream::Game);
    let text = String::from_utf8_lossy(&text).into_owned();
    assert_eq!(text.matches("got: hello there").count(), 1, "{text}");
    rig.order(server, wire::Power::Stop, rig.spec(&FakeGame::echo()))
        .await;
    rig.until_state(server, wire::State::Stopped).await;
    assert_eq!(rig.input(server, "x", "i2").await, wire::InputResult::Off);
    let facts = rig.control.facts_of(&id);
    assert_eq!(
        facts
            .iter()
            .filter(|w| matches!(w, What::InputTyped(_)))
            .count(),
        1
    );
    let said = rig.control.bytes(&id, wire::ConsoleStream::Warren);
    assert!(String::from_utf8_lossy(&said).contains("the game is up"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_typed_once_whichever_process_is_asked() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    let id = server.to_string();
    let said = |rig: &Rig| {
        let bytes = rig.control.bytes(&id, wire::ConsoleStream::Game);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    for line in ["first", "second"] {
        assert_eq!(
            rig.input(server, line, line).await,
            wire::InputResult::Written
        );
        rig.bounce().await;
        // The answer was lost with the agent, for all that its asker knows.
        for line in ["first", line] {
            let again = rig.input(server, line, line).await;
            assert_eq!(again, wire::InputResult::Written);
        }
    }
    rig.input(server, "last", "last").await;
    rig.until("the last line", |rig| said(rig).contains("got: last"))
        .await;
    for line in ["first", "second", "last"] {
        assert_eq!(said(&rig).matches(&format!("got: {line}")).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_is_told_with_its_code_and_restarted_until_the_policy_ends() {
    let mut rig = Rig::new().await;
    let server = ServerId::new();
    let spec = rig.spec(&FakeGame::crash(3, 0));
    rig.order(server, wire::Power::Start, spec).await;
    rig.until("four ends", |r| {
        let facts = r.control.facts_of(&server.to_string());
        let ends = facts
            .iter()
            .filter(|w| matches!(w, What::RunEnded(e) if e.exit_code == 3));
        ends.count() == 4
    })
    .await;
    rig.until_state(server, wire::State::Crashed).await;
    let policy = reasons(&rig, server)
        .into_iter()
        .filter(|r| r == "crash_policy");
    assert_eq!(policy.count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn installs_count_their_exit_code_and_keep_their_log() {
    let mut rig = Rig::new().await;
    let server = ServerId::new();
    let install = |script: &str, rig: &Rig| {
        let mut spec = rig.spec(&FakeGame::echo());
        spec.install = Some(wire::InstallSpec {
            image: rig.image.clone(),
            entrypoint: "/bin/sh".into(),
            script: script.into(),
            ..Default::default()
        });
        spec
    };
    let spec = install(
        "echo installing here\r\necho data > /mnt/server/world.txt\r\n",
        &rig,
    );
    rig.order(server, wire::Power::Unspecified, spec).await;
    rig.job(server, "install").await;
    rig.until_state(server, wire::State::Stopped).await;
    let id = server.to_string();
    rig.until("the log", |r| {
        let log = r.control.bytes(&id, wire::ConsoleStream::Install);
        String::from_utf8_lossy(&log).contains("installing here")
    })
    .await;
    use std::os::unix::fs::MetadataExt as _;
    let file = rig.data().join("servers").join(&id).join("world.txt");
    let owner = std::fs::metadata(&file).unwrap().uid();
    assert!(owner >= rig.containerd.uid_base(), "owned by {owner}");
    let spec = install("echo no; exit 7", &rig);
    rig.order(server, wire::Power::Unspecified, spec).await;
    rig.job(server, "reinstall").await;
    rig.until_state(server, wire::State::Error).await;
    let facts = rig.control.facts_of(&id);
    let code = facts.iter().rev().find_map(|w| match w {
        What::JobEnded(e) => e.exit_code,
        _ => None,
    });
    assert_eq!(code, Some(7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_leaves_nothing_behind() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    rig.stone(server).await;
    rig.until("removed", |r| {
        let facts = r.control.facts_of(&server.to_string());
        facts.iter().any(|w| matches!(w, What::Removed(_)))
    })
    .await;
    assert!(!rig.data().join("servers").join(server.to_string()).exists());
    let hello = rig.control.stored.lock().hellos;
    rig.bounce().await;
    assert!(rig.control.stored.lock().hellos > hello);
    let servers = rig.control.stored.lock().hello.clone().unwrap().servers;
    assert!(servers.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_image_and_a_taken_port_are_named() {
    let mut rig = Rig::new().await;
    let server = ServerId::new();
    let mut spec = rig.spec(&FakeGame::echo());
    spec.image = format!("{}-none", rig.image);
    rig.order(server, wire::Power::Start, spec).await;
    rig.until_state(server, wire::State::Error).await;
    assert_eq!(
        reasons(&rig, server).pop().as_deref(),
        Some("image_not_found")
    );
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut spec = rig.spec(&FakeGame::echo());
    spec.ports = vec![wire::PortBinding {
        host_ip: "127.0.0.1".into(),
        port: u32::from(held.local_addr().unwrap().port()),
        tcp: true,
        udp: false,
    }];
    rig.order(server, wire::Power::Start, spec).await;
    rig.until("port_taken", |r| {
        reasons(r, server).iter().any(|x| x == "port_taken")
    })
    .await;
    let facts = rig.control.facts_of(&server.to_string());
    let pid = std::process::id().to_string();
    assert!(
        facts
            .iter()
            .any(|w| matches!(w, What::PortTaken(t) if t.holder.contains(&pid)))
    );
    let port = u32::from(held.local_addr().unwrap().port());
    drop(held);
    rig.until("port_freed", |r| {
        let freed = |w: &What| matches!(w, What::PortFreed(f) if f.port == port);
        // It is the node's word, not the server's.
        r.control.facts_of("").iter().any(freed)
    })
    .await;
}
