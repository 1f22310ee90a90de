//! Slow disks, deaf games, emptied firewalls, and scripts that must not outlive their job.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use warren_harness::FakeGame;
use warren_proto::ids::ServerId;
use warren_proto::subjects::down;
use warren_proto::wire::{self, fact::What};

use crate::rig::Rig;

/// Makes each `fdatasync` of the agent take that long, as a worn disk does, until dropped.
struct SlowSync(Child);

impl SlowSync {
    async fn of(rig: &Rig, each: Duration) -> Self {
        let pid = rig.agent_pid();
        let inject = format!("inject=fdatasync:delay_enter={}", each.as_micros());
        let tracer = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync"])
            .args(["-e", &inject, "-p", &pid.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .expect("strace is installed");
        let traced = || {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            !status.contains("TracerPid:\t0")
        };
        rig.until("the tracer", |_| traced()).await;
        Self(tracer)
    }
}

impl Drop for SlowSync {
    fn drop(&mut self) {
        // SIGTERM: strace lets go of what it traces.
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_a_slow_disk_takes_too_late_for_the_answer_reach_their_server() {
    let mut rig = Rig::new().await;
    let server = ServerId::new();
    let slow = SlowSync::of(&rig, Duration::from_secs(3)).await;
    let answer = rig
        .try_order(server, wire::Power::Start, rig.spec(&FakeGame::echo()))
        .await;
    assert!(answer.is_err(), "the disk was not slow: {answer:?}");
    drop(slow);
    rig.until_state(server, wire::State::Running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_reads_no_input_holds_up_nobody_else() {
    let mut rig = Rig::new().await;
    let deaf = rig.running(&FakeGame::stubborn()).await;
    let other = rig.running(&FakeGame::echo()).await;
    let gateway = rig.gateway().await;
    let session = rig.open(&gateway, deaf, &["control.console"]).await;
    let long = "x".repeat(4000);
    let mut typing = tokio::task::JoinSet::new();
    for n in 0..400 {
        let ask = wire::ConsoleAsk {
            session: session.clone(),
            server: deaf.to_string(),
            ask: Some(wire::console_ask::Ask::Input(wire::Input {
                line: long.clone().into(),
                id: format!("deaf-{n}"),
                actor: String::new(),
            })),
        };
        let (gateway, node) = (gateway.clone(), rig.control.node);
        typing.spawn(async move {
            let subject = warren_proto::subjects::to_node(node, down::CONSOLE);
            let limit = Duration::from_secs(20);
            let answer: Result<wire::InputAnswer, _> = gateway
                .call(subject, down::CONSOLE, Some(node), &ask, limit)
                .await;
            answer
        });
    }
    // Once the pipe is full, each line waits for two seconds, and so do those behind it.
    for n in 0..5 {
        let typed = rig.input(other, "still there", &format!("other-{n}")).await;
        assert_eq!(typed, wire::InputResult::Written);
        rig.order(other, wire::Power::Start, rig.spec(&FakeGame::echo()))
            .await;
    }
    let mut refused = 0;
    while let Some(answer) = typing.join_next().await {
        let answer = answer.unwrap();
        refused += usize::from(answer.is_err_and(|e| e.to_string().contains("busy")));
    }
    assert!(refused > 300, "only {refused} of 400 were told at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_come_back_when_the_firewall_was_emptied_while_the_agent_was_away() {
    let mut rig = Rig::new().await;
    let server = ServerId::new();
    let free = warren_harness::free_port().unwrap();
    let mut spec = rig.spec(&FakeGame::tcp_echo(free));
    let port = u32::from(free);
    spec.ports = vec![wire::PortBinding {
        host_ip: String::new(),
        port,
        tcp: true,
        udp: false,
    }];
    rig.order(server, wire::Power::Start, spec).await;
    rig.until_state(server, wire::State::Running).await;
    let address = SocketAddr::from(([127, 0, 0, 1], free));
    rig.until("the port to answer", |_| answers(address)).await;
    rig.kill();
    let table = format!("warren_{}", rig.containerd.tag());
    let gone = Command::new("nft")
        .args(["delete", "table", "inet", &table])
        .status()
        .unwrap();
    assert!(gone.success(), "table {table}");
    assert!(!answers(address));
    rig.launch();
    rig.until("the port to answer again", |_| answers(address))
        .await;
    assert_eq!(rig.pids(server).len(), 1, "the game was not started again");
}

fn answers(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_install_ends_only_when_its_script_has() {
    let mut rig = Rig::new().await;
    let server = ServerId::new();
    let mut spec = rig.spec(&FakeGame::echo());
    spec.install = Some(wire::InstallSpec {
        image: rig.image.clone(),
        entrypoint: "/bin/sh".into(),
        script: "echo begun; while :; do date >/mnt/server/beat; sleep 0.2; done".into(),
        ..Default::default()
    });
    rig.order(server, wire::Power::Unspecified, spec).await;
    let job = rig.job(server, "install").await;
    let beat = rig
        .data()
        .join("servers")
        .join(server.to_string())
        .join("beat");
    rig.until("the script", |_| beat.exists()).await;
    rig.containerd.kill9();
    let cancel = wire::JobAsk {
        ask: Some(wire::job_ask::Ask::Cancel(wire::JobCancel {
            job: job.to_string(),
        })),
    };
    let status: wire::JobStatus = rig.control.ask(down::JOBS, &cancel).await.unwrap();
    assert_eq!(status.state, "running");
    let ended = |r: &Rig| {
        let facts = r.control.facts_of(&server.to_string());
        facts.iter().find_map(|w| match w {
            What::JobEnded(e) => Some(e.result()),
            _ => None,
        })
    };
    let at = std::fs::metadata(&beat).unwrap().modified().unwrap();
    rig.until("the script to go on without containerd", |_| {
        std::fs::metadata(&beat).unwrap().modified().unwrap() > at
    })
    .await;
    assert_eq!(ended(&rig), None, "the script still writes");
    rig.containerd.restart().unwrap();
    rig.until("the job's end", |r| ended(r).is_some()).await;
    assert_eq!(ended(&rig), Some(wire::JobResult::Cancelled));
    let last = std::fs::read(&beat).unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(std::fs::read(&beat).unwrap(), last, "nothing writes now");
}
