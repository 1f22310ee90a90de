//! `install.sh` against a panel that serves it and an agent that notes how it was called. The real
//! ones meet in `ops/e2e/nat.mjs`, behind NAT.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use warren_harness::{Containerd, Process, eventually, free_port};

use crate::instance::words;

const AGENT: &str = r#"#!/bin/sh
echo "$*" >>"$(dirname "$0")/calls"
case $1 in
    --version) echo 'warren-agent 0.1.0' ;;
    join) [ "$2" = good ] || { echo 'the token is not known' >&2; exit 1; } ;;
    run) while :; do sleep 0.2; done ;;
esac
"#;

struct Machine {
    root: tempfile::TempDir,
    containerd: Containerd,
    port: u16,
    _server: Process,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let downloads = root.path().join("panel/download");
        fs::create_dir_all(&downloads).unwrap();
        fs::write(downloads.join("warren-agent"), AGENT).unwrap();
        let port = free_port().unwrap();
        let mut command = Command::new("python3");
        command.args([
            "-m",
            "http.server",
            "--bind",
            "127.0.0.1",
            &port.to_string(),
        ]);
        command.current_dir(root.path().join("panel"));
        let mut server = Process::spawn("panel", command, &root.path().join("panel.log")).unwrap();
        let answers = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        server.wait_ready(Duration::from_secs(10), answers).unwrap();
        let containerd = Containerd::start().unwrap();
        let this = Self {
            root,
            containerd,
            port,
            _server: server,
        };
        this.publish_digest();
        this
    }

    fn publish_digest(&self) {
        let binary = self.root.path().join("panel/download/warren-agent");
        let output = Command::new("sha256sum").arg(&binary).output().unwrap();
        fs::write(binary.with_extension("sha256"), output.stdout).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn install(&self, args: &[&str]) -> Output {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../install/install.sh");
        Command::new("sh")
            .arg(script)
            .args(["--url", &format!("http://127.0.0.1:{}/", self.port)])
            .args(args)
            .env("WARREN_BINARY", self.path("bin/warren-agent"))
            .env("WARREN_CONFIG", self.path("etc/agent.toml"))
            .env("WARREN_DATA", self.path("data"))
            .env("WARREN_CONTAINERD", self.containerd.socket())
            .output()
            .unwrap()
    }

    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("bin/calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn supervisor(&self) -> Option<u32> {
        fs::read_to_string(self.path("data/supervisor.pid"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(pid) = self.supervisor() {
            drop(Command::new("kill").args(["-9", &pid.to_string()]).output());
        }
    }
}

#[test]
fn one_line_makes_a_node_and_running_it_again_changes_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    let first = machine.install(&["good"]);
    assert!(first.status.success(), "{}", words(&first));
    let config = machine.path("etc/agent.toml");
    assert_eq!(
        config.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let started = || {
        machine
            .calls()
            .iter()
            .any(|call| call.starts_with("run --supervise"))
            .then_some(())
    };
    eventually("the agent to run", Duration::from_secs(5), started).unwrap();
    let pid = machine.supervisor().unwrap();

    let again = machine.install(&[]);
    assert!(again.status.success(), "{}", words(&again));
    assert_eq!(machine.supervisor(), Some(pid));
    let joins = machine
        .calls()
        .iter()
        .filter(|call| call.starts_with("join"))
        .count();
    assert_eq!(joins, 1);
}

#[test]
fn a_new_agent_is_taken_over_and_restarted() {
    let machine = Machine::new();
    assert!(machine.install(&["good"]).status.success());
    let pid = machine.supervisor().unwrap();
    let newer = AGENT.replace("0.1.0", "0.2.0");
    fs::write(machine.path("panel/download/warren-agent"), newer).unwrap();
    machine.publish_digest();
    let again = machine.install(&[]);
    assert!(again.status.success(), "{}", words(&again));
    assert_ne!(machine.supervisor(), Some(pid));
    assert!(
        fs::read_to_string(machine.path("bin/warren-agent"))
            .unwrap()
            .contains("0.2.0")
    );
}

#[test]
fn a_wrong_digest_installs_nothing() {
    let machine = Machine::new();
    let output = machine.install(&["--sha256", &"0".repeat(64), "good"]);
    assert!(!output.status.success());
    assert!(
        words(&output).contains("nothing was installed"),
        "{}",
        words(&output)
    );
    assert!(!machine.path("bin/warren-agent").exists());
}

#[test]
fn a_refused_token_leaves_no_settings_behind() {
    let machine = Machine::new();
    let output = machine.install(&["stale"]);
    assert!(!output.status.success());
    assert!(
        words(&output).contains("the token is not known"),
        "{}",
        words(&output)
    );
    assert!(!machine.path("etc/agent.toml").exists());
    let none = machine.install(&[]);
    assert!(
        words(&none).contains("a join token is missing"),
        "{}",
        words(&none)
    );
}

#[test]
fn remove_leaves_the_panel_and_takes_everything_along() {
    let machine = Machine::new();
    assert!(machine.install(&["good"]).status.success());
    let pid = machine.supervisor().unwrap();
    let output = machine.install(&["--remove"]);
    assert!(output.status.success(), "{}", words(&output));
    assert!(machine.calls().iter().any(|call| call.starts_with("leave")));
    assert!(!machine.path("bin/warren-agent").exists() && !machine.path("etc").exists());
    assert!(!PathBuf::from(format!("/proc/{pid}/cmdline")).exists());
}
