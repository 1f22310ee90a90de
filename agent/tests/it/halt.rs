//! A node that is taken down, left, or kept up by its own supervisor.

use std::time::{Duration, Instant};

use warren_harness::{FakeGame, eventually};
use warren_proto::wire::{self, fact::What};

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn games_of_a_node_that_is_taken_down_are_asked_as_their_eggs_say_and_come_back() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    let deaf = rig.running(&FakeGame::stubborn()).await;
    let pid = rig.pid(deaf);
    let (early, _) = rig.command(&["halt"]);
    assert!(early.contains("another agent"), "{early}");
    assert_eq!(rig.terminate(), Some(0));
    let since = Instant::now();
    let (said, ok) = rig.command(&["halt", "--limit", "4"]);
    assert!(ok, "{said}");
    assert!(
        since.elapsed() < Duration::from_secs(25),
        "{:?}",
        since.elapsed()
    );
    assert_eq!(said.matches("stopping test").count(), 2, "{said}");
    assert_eq!(said.matches("has ended").count(), 2, "{said}");
    assert_eq!(
        said.matches("did not end within 4 s: killing it").count(),
        1,
        "{said}"
    );
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    let again = rig.command(&["halt"]);
    assert!(again.1, "nothing runs any more: {}", again.0);
    let before = rig.control.facts_of(&server.to_string()).len();
    rig.launch();
    rig.until("they are back", |r| {
        let up = |s| r.state(s) == Some(wire::State::Running);
        up(server) && up(deaf) && r.control.facts_of(&server.to_string()).len() > before + 3
    })
    .await;
    let facts = rig.control.facts_of(&server.to_string());
    let news: Vec<(String, Option<i32>)> = facts[before..]
        .iter()
        .filter_map(|what| match what {
            What::StateChanged(c) => Some((c.reason.clone(), c.exit_code)),
            _ => None,
        })
        .collect();
    // The egg's stop command was typed: the game ended by itself, with 0.
    assert_eq!(news[0], ("node_down".into(), None));
    assert_eq!(news[1], ("node_down".into(), Some(0)));
    assert_eq!(news[2].0, "node_up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_supervisor_brings_a_killed_agent_back_slower_each_time_and_ends_when_asked() {
    let mut rig = Rig::bare().await;
    rig.join("secret").await;
    rig.launch_as(&["run", "--supervise"]);
    rig.greeted().await;
    let server = rig.running(&FakeGame::lines(100)).await;
    let game = rig.pid(server);
    let mut waits = Vec::new();
    for _ in 0..2 {
        let child = rig.supervised();
        let hellos = rig.control.stored.lock().hellos;
        nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL).unwrap();
        let killed = Instant::now();
        let next = eventually("another child", Duration::from_secs(10), || {
            Some(rig.supervised_now()?).filter(|pid| *pid != child)
        });
        next.unwrap();
        waits.push(killed.elapsed());
        rig.until("hello", |r| r.control.stored.lock().hellos > hellos)
            .await;
    }
    assert!(waits[0] > Duration::from_millis(900), "{waits:?}");
    assert!(waits[1] > Duration::from_millis(1900), "{waits:?}");
    let child = rig.supervised();
    assert_eq!(rig.terminate(), Some(0));
    assert!(
        nix::sys::signal::kill(child, None).is_err(),
        "the child has ended too"
    );
    assert!(
        std::path::Path::new(&format!("/proc/{game}")).exists(),
        "the game has not"
    );
    assert!(
        rig.log().contains("the agent ended: signal: 9"),
        "{}",
        rig.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_takes_everything_along_but_the_files_that_people_made() {
    let mut rig = Rig::bare().await;
    rig.join("secret").await;
    rig.launch_as(&["run", "--supervise"]);
    rig.greeted().await;
    let server = rig.running(&FakeGame::echo()).await;
    let game = rig.pid(server);
    let files = rig.data().join("servers").join(server.to_string());
    std::fs::write(files.join("world"), "kept").unwrap();
    assert!(rig.host_objects().len() >= 3, "{:?}", rig.host_objects());
    // An agent that nobody told us of is not ended behind its back.
    let (said, ok) = rig.command(&["leave"]);
    assert!(!ok && said.contains("another agent"), "{said}");
    // The supervisor that install.sh started is.
    let supervisor = rig.agent_pid().to_string();
    std::fs::write(rig.data().join("supervisor.pid"), supervisor).unwrap();
    let (said, ok) = rig.command(&["leave"]);
    assert!(ok, "{said}");
    rig.forget_agent();
    assert!(!std::path::Path::new(&format!("/proc/{game}")).exists());
    assert_eq!(rig.host_objects(), Vec::<String>::new());
    let left = std::fs::read_dir(rig.data()).unwrap().flatten();
    let mut left: Vec<String> = left.map(|e| e.file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["lock", "servers"]);
    assert_eq!(
        std::fs::read_to_string(files.join("world")).unwrap(),
        "kept"
    );
    let (said, ok) = rig.command(&["run"]);
    assert!(!ok && said.contains("has not joined"), "{said}");
    let (said, ok) = rig.command(&["leave", "--delete-files"]);
    assert!(ok, "twice is as good as once: {said}");
    assert!(!rig.data().exists());
}
