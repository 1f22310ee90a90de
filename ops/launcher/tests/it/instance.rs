//! One instance in a temporary folder, on free ports, with stand-ins for Warren's own programs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use warren_harness::{eventually, free_port};

const CONTROL: &str = r#"#!/bin/sh
# Stand-in for warren-control: knows init, first-run, token and serve.
set -eu
case "$1 ${2:-}" in
    init*)
        while [ $# -gt 0 ]; do
            case $1 in
                --data) data=$2 ;;
                --nats-dir) nats=$2 ;;
                --nats-listen) listen=$2 ;;
            esac
            shift
        done
        printf 'listen: "%s"\n' "$listen" >"$nats/nats.conf"
        printf '{"nats_conf":"%s/nats.conf","gateway_creds":"%s/g","key_file":"%s/k","ca":"%s/ca","nats_url":"nats://%s"}\n' \
            "$nats" "$nats" "$data" "$data" "$listen"
        ;;
    'admin first-run')
        if [ -e "$WARREN_DATA/control/admin" ]; then echo '{"created":false}'; exit 0; fi
        touch "$WARREN_DATA/control/admin"
        echo '{"created":true,"user":"admin","link":"x#once-only"}'
        ;;
    'token create') echo token-of-the-local-node ;;
    nats-check*)
        # What the real one finds out; here it is told by a file.
        if [ -e "$WARREN_DATA/bad-nats" ]; then cat "$WARREN_DATA/bad-nats" >&2; exit 1; fi
        ;;
    serve*) exec "$(dirname "$0")/listen" "$3" http_listen ;;
esac
"#;
const GATEWAY: &str = "#!/bin/sh\nexec \"$(dirname \"$0\")/listen\" \"$3\" listen\n";
const AGENT: &str = r#"#!/bin/sh
[ "$1" = join ] && exit 0
if [ "$1" = halt ]; then
    # Only while nothing else of the instance runs, and with a containerd that answers.
    ctr -a "$(sed -n 's/^containerd_address = "\(.*\)"/\1/p' "$5")" version >/dev/null || exit 3
    echo "stand-in: $*" && exit "$(cat "$(dirname "$0")/halt-status" 2>/dev/null || echo 0)"
fi
exec "$(dirname "$0")/listen" "$3" metrics_listen
"#;
/// Serves `/readyz` on the address under a key of a configuration file.
const LISTEN: &str = r#"#!/usr/bin/env python3
import http.server, re, sys
host, port = re.search(r'^%s = "(.*):(\d+)"' % sys.argv[2], open(sys.argv[1]).read(), re.M).groups()
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ready\nbus: connected\n")
    def log_message(self, *_):
        pass
http.server.HTTPServer.allow_reuse_address = True
http.server.HTTPServer((host, int(port)), Ready).serve_forever()
"#;

/// A folder with an instance; `down` runs when dropped.
pub struct Instance {
    root: tempfile::TempDir,
    ports: Vec<(&'static str, u16)>,
}

impl Instance {
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("wo-").tempdir().unwrap();
        let bin = root.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let programs = [
            ("warren-control", CONTROL),
            ("warren-gateway", GATEWAY),
            ("warren-agent", AGENT),
            ("listen", LISTEN),
        ];
        for (name, text) in programs {
            std::fs::write(bin.join(name), text).unwrap();
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(bin.join(name), mode).unwrap();
        }
        let options = ["--port", "--gateway-port", "--nats-port", "--agent-port"];
        let ports = options
            .map(|option| (option, free_port().unwrap()))
            .to_vec();
        Self { root, ports }
    }

    pub fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// The stand-ins for Warren's programs.
    pub fn bin(&self) -> PathBuf {
        self.root.path().join("bin")
    }

    pub fn port(&self, option: &str) -> u16 {
        self.ports
            .iter()
            .find(|(name, _)| *name == option)
            .unwrap()
            .1
    }

    pub fn up(&self, more: &[&str]) -> Output {
        let mut command = self.command("up");
        for (option, port) in &self.ports {
            command.arg(option).arg(port.to_string());
        }
        command.args(["--detach", "--bin-dir"]).arg(self.bin());
        command.args(more).output().unwrap()
    }

    pub fn down(&self) -> Output {
        self.command("down")
            .args(["--grace", "1", "--bin-dir"])
            .arg(self.bin())
            .output()
            .unwrap()
    }

    pub fn pid(&self, part: &str) -> Option<u32> {
        let path = self.data().join("run").join(format!("{part}.pid"));
        std::fs::read_to_string(path).ok()?.trim().parse().ok()
    }

    /// Another pid than `old` that lives.
    pub fn next_pid(&self, part: &str, old: u32) -> u32 {
        let alive = |pid: &u32| Path::new(&format!("/proc/{pid}")).exists();
        eventually(part, Duration::from_secs(5), || {
            self.pid(part).filter(|pid| *pid != old).filter(alive)
        })
        .unwrap()
    }

    /// The instance's tag, network and first uid.
    pub fn claim(&self) -> String {
        std::fs::read_to_string(self.data().join("instance.json")).unwrap()
    }

    fn command(&self, task: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warren-ops"));
        command.arg(task).env("WARREN_DATA", self.data());
        command
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.data().exists() {
            self.down();
        }
    }
}

/// Both outputs of a finished command.
pub fn words(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}
