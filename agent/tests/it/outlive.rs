//! Games outlive us, and nothing said is lost.

use std::time::Duration;

use warren_harness::FakeGame;
use warren_proto::wire::{self, fact::What};

use crate::rig::Rig;

/// Each numbered line once and in order.
fn check_lines(bytes: &[u8]) -> usize {
    let text = String::from_utf8_lossy(bytes);
    let mut next = 1;
    // The last line may still be on its way.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for line in whole.lines() {
        if let Some(number) = line.strip_prefix("line ") {
            let number: usize = number.trim().parse().unwrap();
            assert_eq!(number, next, "{line:?}");
            next += 1;
        }
    }
    next - 1
}

fn start_time(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    fields.skip(19).take(1).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_agent_and_bus_costs_no_byte_and_no_game() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::lines(500)).await;
    let id = server.to_string();
    let pid = rig.pid(server);
    let began = start_time(pid);
    for round in 0..3 {
        rig.bounce().await;
        let have = rig.control.bytes(&id, wire::ConsoleStream::Game).len();
        rig.until("more lines", |r| {
            r.control.bytes(&id, wire::ConsoleStream::Game).len() > have + 2000
        })
        .await;
        let result = rig
            .input(server, &format!("round {round}"), &format!("r{round}"))
            .await;
        assert_eq!(result, wire::InputResult::Written);
    }
    rig.nats.kill9();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let have = rig.control.bytes(&id, wire::ConsoleStream::Game).len();
    rig.nats.restart().unwrap();
    rig.until("lines after the bus came back", |r| {
        r.control.bytes(&id, wire::ConsoleStream::Game).len() > have + 2000
    })
    .await;
    assert_eq!(start_time(pid), began);
    assert_eq!(rig.pid(server), pid);
    let bytes = rig.control.bytes(&id, wire::ConsoleStream::Game);
    assert!(check_lines(&bytes) > 500);
    assert_eq!(rig.control.stored.lock().gaps, 0);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    for round in 0..3 {
        assert_eq!(text.matches(&format!("got: round {round}")).count(), 1);
    }
    let facts = rig.control.facts_of(&id);
    assert_eq!(
        facts
            .iter()
            .filter(|w| matches!(w, What::RunStarted(_)))
            .count(),
        1
    );
    assert_eq!(
        facts
            .iter()
            .filter(|w| matches!(w, What::StateChanged(_)))
            .count(),
        3
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_that_ends_while_nobody_looks_is_told_and_restarted() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    let pid = rig.pid(server);
    rig.kill();
    let target = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
    nix::sys::signal::kill(target, nix::sys::signal::Signal::SIGKILL).unwrap();
    rig.launch();
    rig.until("its end", |r| {
        let facts = r.control.facts_of(&server.to_string());
        facts
            .iter()
            .any(|w| matches!(w, What::RunEnded(e) if e.exit_code == 137))
    })
    .await;
    rig.until("another run", |r| r.pid(server) != pid).await;
    rig.until_state(server, wire::State::Running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_containerd_costs_nothing() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::lines(100)).await;
    let id = server.to_string();
    let (pid, began) = (rig.pid(server), start_time(rig.pid(server)));
    rig.containerd.kill9();
    let have = rig.control.bytes(&id, wire::ConsoleStream::Game).len();
    rig.until("lines without containerd", |r| {
        r.control.bytes(&id, wire::ConsoleStream::Game).len() > have + 1000
    })
    .await;
    rig.containerd.restart().unwrap();
    rig.order(server, wire::Power::Stop, rig.spec(&FakeGame::lines(100)))
        .await;
    assert_eq!((rig.pid(server), began.is_empty()), (pid, false));
    rig.until_state(server, wire::State::Stopped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_cut_off_arrives_once() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::lines(200)).await;
    let id = server.to_string();
    let pid = rig.pid(server);
    rig.nats.kill9();
    let target = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
    nix::sys::signal::kill(target, nix::sys::signal::Signal::SIGKILL).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    rig.nats.restart().unwrap();
    rig.until("the second run", |r| r.pid(server) != pid).await;
    rig.until_state(server, wire::State::Running).await;
    let facts = rig.control.facts_of(&id);
    assert_eq!(
        facts
            .iter()
            .filter(|w| matches!(w, What::RunEnded(_)))
            .count(),
        1
    );
    assert_eq!(rig.terminate(), Some(0));
}
