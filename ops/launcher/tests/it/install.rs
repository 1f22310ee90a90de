//! `install.sh` against a panel that serves it and an agent that notes how it was called. The real
//! ones meet in `ops/e2e/nat.mjs`, behind NAT.

use std::fs;
use std::path::{Path, PathBuf};
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

/// Serves the folder, over TLS where `cert.pem` and `key.pem` lie beside it.
const PANEL: &str = r#"
import http.server, os, ssl, sys
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)
if os.path.exists("../cert.pem"):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain("../cert.pem", "../key.pem")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"#;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../install/install.sh");

fn agent_file() -> String {
    format!("warren-agent-{}", std::env::consts::ARCH)
}

/// Makes `cert.pem` and `key.pem` and gives the key's pin.
fn make_certificate(dir: &Path) -> String {
    let make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 5 \
        -subj /CN=panel -keyout key.pem -out cert.pem 2>/dev/null && \
        openssl pkey -in key.pem -pubout -outform der | openssl dgst -sha256 -binary | base64";
    let made = Command::new("sh")
        .args(["-c", make])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", words(&made));
    format!("sha256//{}", String::from_utf8_lossy(&made.stdout).trim())
}

/// A folder with every program of the machine but `without`.
fn path_without(dir: &Path, without: &str) -> String {
    fs::create_dir_all(dir).unwrap();
    for bin in ["/usr/sbin", "/usr/bin", "/sbin", "/bin"] {
        for entry in fs::read_dir(bin).unwrap().flatten() {
            if entry.file_name() != without {
                // The same program may lie in two of them.
                drop(std::os::unix::fs::symlink(
                    entry.path(),
                    dir.join(entry.file_name()),
                ));
            }
        }
    }
    dir.display().to_string()
}

struct Machine {
    root: tempfile::TempDir,
    containerd: Containerd,
    port: u16,
    pin: Option<String>,
    _server: Process,
}

impl Machine {
    fn new() -> Self {
        Self::beside(tempfile::tempdir().unwrap(), None)
    }

    /// One whose panel has a certificate of its own making.
    fn with_tls() -> Self {
        let root = tempfile::tempdir().unwrap();
        let pin = make_certificate(root.path());
        Self::beside(root, Some(pin))
    }

    fn beside(root: tempfile::TempDir, pin: Option<String>) -> Self {
        let downloads = root.path().join("panel/download");
        fs::create_dir_all(&downloads).unwrap();
        fs::write(downloads.join(agent_file()), AGENT).unwrap();
        let port = free_port().unwrap();
        let mut command = Command::new("python3");
        command.args(["-c", PANEL, &port.to_string()]);
        command.current_dir(root.path().join("panel"));
        let mut server = Process::spawn("panel", command, &root.path().join("panel.log")).unwrap();
        let answers = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        server.wait_ready(Duration::from_secs(10), answers).unwrap();
        let containerd = Containerd::start().unwrap();
        let this = Self {
            root,
            containerd,
            port,
            pin,
            _server: server,
        };
        this.publish_digest();
        this
    }

    fn publish_digest(&self) {
        let binary = self.path("panel/download").join(agent_file());
        let output = Command::new("sha256sum").arg(&binary).output().unwrap();
        fs::write(format!("{}.sha256", binary.display()), output.stdout).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn install(&self, args: &[&str]) -> Output {
        self.install_with(SCRIPT, args).output().unwrap()
    }

    fn install_with(&self, script: &str, args: &[&str]) -> Command {
        let scheme = if self.pin.is_some() { "https" } else { "http" };
        let mut command = Command::new("sh");
        command
            .arg(script)
            .args(["--url", &format!("{scheme}://127.0.0.1:{}/", self.port)])
            .args(args)
            .env("WARREN_BINARY", self.path("bin/warren-agent"))
            .env("WARREN_CONFIG", self.path("etc/agent.toml"))
            .env("WARREN_DATA", self.path("data"))
            .env("WARREN_CONTAINERD", self.containerd.socket());
        command
    }

    /// The script as control serves it when it offers these agents.
    fn served(&self, agents: &str) -> String {
        let text = fs::read_to_string(SCRIPT).unwrap();
        let path = self.path("install.sh");
        fs::write(&path, text.replace("@WARREN_AGENTS@", agents)).unwrap();
        path.display().to_string()
    }

    /// Nothing at all was done to the machine.
    fn is_untouched(&self) -> bool {
        !self.path("bin").exists() && !self.path("etc").exists() && !self.path("data").exists()
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
    fs::write(machine.path("panel/download").join(agent_file()), newer).unwrap();
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

#[test]
fn a_pinned_panel_is_the_only_one_that_anything_is_fetched_from() {
    let machine = Machine::with_tls();
    let wrong = format!("sha256//{}=", "A".repeat(43));
    let without_curl = path_without(&machine.path("no-curl"), "curl");
    for path in [None, Some(&without_curl)] {
        let run = |args: &[&str]| {
            let mut command = machine.install_with(SCRIPT, args);
            if let Some(path) = path {
                command.env("PATH", path);
            }
            command.output().unwrap()
        };
        let unproven = run(&["good"]);
        assert!(!unproven.status.success(), "no authority vouches for it");
        let other = run(&["--pin", &wrong, "good"]);
        assert!(
            !other.status.success() && machine.is_untouched(),
            "{}",
            words(&other)
        );
        assert!(
            words(&other).contains("could not fetch"),
            "{}",
            words(&other)
        );
        assert!(
            words(&other).contains("pinned public key"),
            "{}",
            words(&other)
        );
        let pin = machine.pin.as_deref().unwrap();
        let right = run(&["--pin", pin, "good"]);
        assert!(right.status.success(), "{}", words(&right));
        let removed = run(&["--remove"]);
        assert!(removed.status.success(), "{}", words(&removed));
        // Of the data, which a real agent removes, the stand-in leaves a log.
        drop(fs::remove_dir_all(machine.path("data")));
        drop(fs::remove_dir_all(machine.path("bin")));
    }
}

#[test]
fn a_machine_that_no_agent_fits_is_told_so_before_anything_is_done() {
    let machine = Machine::new();
    let (arch, zeros) = (std::env::consts::ARCH, "0".repeat(64));
    for (agents, said) in [
        (
            format!("sparc:{zeros}:2.31"),
            format!("has no agent for it: put warren-agent-{arch}"),
        ),
        (
            format!("{arch}:{zeros}:9.99"),
            "needs glibc 9.99 or newer; this machine has".to_owned(),
        ),
    ] {
        let output = machine
            .install_with(&machine.served(&agents), &["good"])
            .output()
            .unwrap();
        assert!(!output.status.success() && machine.is_untouched());
        assert!(words(&output).contains(&said), "{}", words(&output));
    }
    // One that fits is the one whose digest counts.
    let agents = format!("sparc:{}:9.99 {arch}:{zeros}:2.3", "1".repeat(64));
    let output = machine
        .install_with(&machine.served(&agents), &["good"])
        .output()
        .unwrap();
    assert!(
        words(&output).contains(&format!("expected {zeros}")),
        "{}",
        words(&output)
    );
}

#[test]
fn half_a_script_does_nothing() {
    let machine = Machine::new();
    let text = fs::read_to_string(SCRIPT).unwrap();
    for share in [3, 6, 9] {
        let half = machine.path("half.sh");
        let mut end = text.len() * share / 10;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        fs::write(&half, &text[..end]).unwrap();
        let output = machine
            .install_with(&half.display().to_string(), &["good"])
            .output()
            .unwrap();
        assert!(
            !output.status.success() && machine.is_untouched(),
            "{}",
            words(&output)
        );
    }
}

/// The script with its own paths, over a copy of this machine's folders that vanishes with it.
const APART: &str = r#"
for dir in etc var/lib usr/local; do
    mkdir -p "$UPPER/$dir" "$UPPER/work/$dir"
    mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$UPPER/$dir,workdir=$UPPER/work/$dir" "/$dir"
done
mkdir -p /etc/cron.d /etc/systemd/system
if [ -n "$SYSTEMD" ]; then
    mount -t tmpfs none /run
    mkdir -p /run/systemd/system
    export PATH="$UPPER/fake:$PATH"
fi
sh "$SCRIPT" "$@"
if [ -n "$SYSTEMD" ] && [ -e /etc/systemd/system/warren-agent.service ]; then
    systemd-analyze verify --man=no --recursive-errors=no /etc/systemd/system/warren-agent.service
fi
"#;

impl Machine {
    fn install_apart(&self, systemd: bool, args: &[&str]) -> Output {
        let fake = self.path("upper/fake/systemctl");
        fs::create_dir_all(fake.parent().unwrap()).unwrap();
        let text =
            "#!/bin/sh\necho \"$*\" >>\"$(dirname \"$0\")/calls\"\n[ \"$1\" != is-active ]\n";
        fs::write(&fake, text).unwrap();
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
        Command::new("unshare")
            .args(["--mount", "sh", "-ec", APART, "apart"])
            .args(["--url", &format!("http://127.0.0.1:{}", self.port)])
            .args(args)
            .env("UPPER", self.path("upper"))
            .env("SYSTEMD", if systemd { "yes" } else { "" })
            .env(
                "SCRIPT",
                concat!(env!("CARGO_MANIFEST_DIR"), "/../install/install.sh"),
            )
            .env("WARREN_CONTAINERD", self.containerd.socket())
            .output()
            .unwrap()
    }

    fn made(&self, name: &str) -> Option<String> {
        let path = self.path("upper").join(name);
        let file = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file());
        file.then(|| fs::read_to_string(path).unwrap())
    }
}

#[test]
fn without_systemd_a_line_of_cron_starts_it_after_a_reboot_and_remove_takes_it_back() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    let output = machine.install_apart(false, &["good"]);
    assert!(output.status.success(), "{}", words(&output));
    let cron = machine.made("etc/cron.d/warren-agent").unwrap();
    assert!(
        cron.contains(
            "/usr/local/bin/warren-agent run --supervise --config /etc/warren/agent.toml"
        ),
        "{cron}"
    );
    let config = machine.path("upper/etc/warren/agent.toml");
    assert_eq!(
        config.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(
        machine
            .made("etc/systemd/system/warren-agent.service")
            .is_none()
    );
    let pid = machine.made("var/lib/warren/supervisor.pid").unwrap();
    let proc = PathBuf::from(format!("/proc/{}/cmdline", pid.trim()));
    assert!(proc.exists());
    let output = machine.install_apart(false, &["--remove"]);
    assert!(output.status.success(), "{}", words(&output));
    assert!(!proc.exists());
    for gone in [
        "etc/cron.d/warren-agent",
        "etc/warren/agent.toml",
        "usr/local/bin/warren-agent",
    ] {
        assert!(machine.made(gone).is_none(), "{gone}");
    }
}

#[test]
fn with_systemd_the_unit_is_one_that_systemd_takes() {
    let machine = Machine::new();
    let output = machine.install_apart(true, &["good"]);
    assert!(output.status.success(), "{}", words(&output));
    let unit = machine
        .made("etc/systemd/system/warren-agent.service")
        .unwrap();
    assert!(
        unit.contains("ExecStart=/usr/local/bin/warren-agent run --config /etc/warren/agent.toml")
    );
    assert!(machine.made("etc/cron.d/warren-agent").is_none());
    assert!(machine.made("var/lib/warren/supervisor.pid").is_none());
    let calls = machine.made("fake/calls").unwrap();
    for call in [
        "daemon-reload",
        "enable warren-agent",
        "restart warren-agent",
    ] {
        assert!(calls.contains(call), "no {call:?} in {calls}");
    }
    let output = machine.install_apart(true, &["--remove"]);
    assert!(output.status.success(), "{}", words(&output));
    let calls = machine.made("fake/calls").unwrap();
    assert!(
        calls.contains("stop warren-agent") && calls.contains("disable warren-agent"),
        "{calls}"
    );
    assert!(
        machine
            .made("etc/systemd/system/warren-agent.service")
            .is_none()
    );
}
