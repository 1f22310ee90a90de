use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use warren_harness::eventually;

use crate::instance::{Instance, words};

const PARTS: [&str; 5] = ["nats", "containerd", "control", "gateway", "agent"];

fn kill9(pid: u32) {
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
}

fn lives(pid: u32) -> bool {
    // A zombie has no command line.
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

#[test]
fn a_killed_part_is_back_within_a_second_with_a_new_pid_file() {
    let instance = Instance::new();
    let up = instance.up(&[]);
    assert!(up.status.success(), "{}", words(&up));
    for part in PARTS {
        let old = instance.pid(part).unwrap();
        let killed = Instant::now();
        kill9(old);
        let new = instance.next_pid(part, old);
        assert!(
            killed.elapsed() < Duration::from_secs(1),
            "{part} took {:?}",
            killed.elapsed()
        );
        assert!(lives(new));
    }
    let log = std::fs::read_to_string(instance.data().join("log/supervisor.log")).unwrap();
    assert!(
        log.contains("control was ended by signal 9; starting it again in 100ms"),
        "{log}"
    );
}

#[test]
fn a_second_up_reuses_what_runs() {
    let instance = Instance::new();
    let first = words(&instance.up(&[]));
    assert!(
        first.contains("once-only") && first.contains("ssh -L"),
        "{first}"
    );
    let pids = PARTS.map(|part| instance.pid(part).unwrap());
    let since = Instant::now();
    let second = instance.up(&[]);
    assert!(second.status.success() && since.elapsed() < Duration::from_secs(2));
    assert!(
        words(&second).contains("was running already"),
        "{}",
        words(&second)
    );
    assert!(!words(&second).contains("once-only"));
    assert_eq!(pids, PARTS.map(|part| instance.pid(part).unwrap()));
    let mode = instance
        .data()
        .join("admin.json")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn down_leaves_no_process_and_no_socket() {
    let instance = Instance::new();
    assert!(instance.up(&[]).status.success());
    let pids = PARTS.map(|part| instance.pid(part).unwrap());
    let tag = tag(&instance);
    assert!(Path::new(&format!("/run/warren-{tag}")).exists());
    let down = instance.down();
    assert!(down.status.success(), "{}", words(&down));
    assert!(pids.iter().all(|pid| !lives(*pid)));
    assert!(!Path::new(&format!("/run/warren-{tag}")).exists());
    assert!(PARTS.iter().all(|part| instance.pid(part).is_none()));
    let again = instance.up(&[]);
    assert!(again.status.success(), "{}", words(&again));
    assert!(
        !words(&again).contains("once-only"),
        "the first password is printed once"
    );
}

#[test]
fn down_has_the_agent_end_the_games_and_says_when_it_could_not() {
    let instance = Instance::new();
    assert!(instance.up(&[]).status.success());
    let down = instance.down();
    assert!(down.status.success(), "{}", words(&down));
    let text = words(&down);
    assert!(text.contains("stand-in: halt --limit 1"), "{text}");
    assert!(!text.contains("SIGTERM"), "{text}");
    assert!(instance.up(&[]).status.success());
    std::fs::write(instance.bin().join("halt-status"), "7").unwrap();
    let down = instance.down();
    assert!(down.status.success(), "{}", words(&down));
    let text = words(&down);
    assert!(
        text.contains("sent SIGTERM instead") && text.contains("exit status: 7"),
        "{text}"
    );
}

#[test]
fn parts_of_a_killed_supervisor_end_and_the_next_up_works() {
    let instance = Instance::new();
    assert!(instance.up(&[]).status.success());
    let pids = PARTS.map(|part| instance.pid(part).unwrap());
    kill9(instance.pid("supervisor").unwrap());
    let ended = || pids.iter().all(|pid| !lives(*pid)).then_some(());
    eventually("parts to end", Duration::from_secs(10), ended).unwrap();
    let again = instance.up(&[]);
    assert!(again.status.success(), "{}", words(&again));
}

#[test]
fn taken_ports_are_all_named() {
    let instance = Instance::new();
    let bind = |option| TcpListener::bind(("127.0.0.1", instance.port(option))).unwrap();
    let held = [bind("--port"), bind("--nats-port")];
    let up = instance.up(&[]);
    assert!(!up.status.success());
    let text = words(&up);
    assert!(
        text.contains("for control is taken") && text.contains("--port"),
        "{text}"
    );
    assert!(
        text.contains("for nats-server is taken") && text.contains("--nats-port"),
        "{text}"
    );
    assert!(!Path::new(&format!("/run/warren-{}", tag(&instance))).exists());
    assert!(instance.pid("supervisor").is_none());
    drop(held);
    assert!(instance.up(&[]).status.success());
}

#[test]
fn two_instances_share_nothing() {
    let (one, two) = (Instance::new(), Instance::new());
    assert!(one.up(&[]).status.success() && two.up(&[]).status.success());
    let fields = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.contains(':'))
            .map(str::to_owned)
            .collect()
    };
    let (a, b) = (fields(&one.claim()), fields(&two.claim()));
    assert_eq!(a.len(), 3);
    assert!(a.iter().all(|field| !b.contains(field)), "{a:?} {b:?}");
}

fn tag(instance: &Instance) -> String {
    let claim = instance.claim();
    let tag = claim
        .lines()
        .find_map(|line| line.trim().strip_prefix("\"tag\": \""))
        .unwrap();
    tag.trim_end_matches("\",").to_owned()
}

#[test]
fn given_nats_servers_are_asked_first_and_used_instead() {
    let nats = warren_harness::Nats::start("listen: \"127.0.0.1:{{PORT}}\"\n").unwrap();
    let instance = Instance::new();
    std::fs::create_dir_all(instance.data()).unwrap();
    let bad = instance.data().join("bad-nats");
    std::fs::write(&bad, "it does not run in operator mode").unwrap();
    let url = nats.url();
    let up = instance.up(&["--nats", &url]);
    assert!(!up.status.success());
    let said = words(&up);
    assert!(
        said.contains("--nats") && said.contains("operator mode"),
        "{said}"
    );
    for part in PARTS {
        assert!(instance.pid(part).is_none(), "{part} was left behind");
    }
    std::fs::remove_file(&bad).unwrap();
    let up = instance.up(&["--nats", &url]);
    assert!(up.status.success(), "{}", words(&up));
    assert!(instance.pid("nats").is_none());
    for name in ["control", "gateway", "agent"] {
        let path = instance.data().join(format!("conf/{name}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&url), "{name}: {text}");
    }
}
