//! The systemd unit, where systemd is.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

const UNIT: &str = "/etc/systemd/system/warren-agent.service";
/// What `install.sh` writes where no systemd is.
const CRON: &str = "/etc/cron.d/warren-agent";

/// systemd is what started this machine.
pub fn is_here() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Writes, enables and starts the unit.
pub fn install(config: &Path) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("find the agent's own program")?;
    std::fs::write(UNIT, unit(&program, config)).with_context(|| format!("write {UNIT}"))?;
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", "--now", "warren-agent"])
}

/// Ends and removes the unit, and the line of cron that stands in for one without systemd, if they run the agent with
/// these settings. Another node of this machine keeps its own.
pub fn remove(config: &Path) -> anyhow::Result<()> {
    if ours(Path::new(UNIT), config) {
        if is_here() {
            systemctl(&["disable", "--now", "warren-agent"])?;
        }
        std::fs::remove_file(UNIT).with_context(|| format!("remove {UNIT}"))?;
        if is_here() {
            systemctl(&["daemon-reload"])?;
        }
    }
    if ours(Path::new(CRON), config) {
        std::fs::remove_file(CRON).with_context(|| format!("remove {CRON}"))?;
    }
    Ok(())
}

/// A file that starts the agent with these settings.
fn ours(file: &Path, config: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let wanted = config.display().to_string();
    let mut words = text.split_whitespace();
    words.any(|w| w == "--config") && text.split_whitespace().any(|w| w == wanted)
}

fn unit(program: &Path, config: &Path) -> String {
    format!(
        "[Unit]
Description=Warren agent: runs this machine's game servers
Wants=network-online.target containerd.service
After=network-online.target containerd.service

[Service]
ExecStart={} run --config {}
Restart=always
RestartSec=1
# Games belong to containerd; ending the agent never ends them.
KillMode=process
LimitNOFILE=1048576
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
",
        program.display(),
        config.display()
    )
}

fn systemctl(args: &[&str]) -> anyhow::Result<()> {
    let out = Command::new("systemctl").args(args).output();
    let out = out.context("run systemctl")?;
    if !out.status.success() {
        let text = String::from_utf8_lossy(&out.stderr);
        bail!("systemctl {}: {}", args.join(" "), text.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_unit_never_ends_games() {
        let unit = unit(
            Path::new("/usr/local/bin/warren-agent"),
            Path::new("/c.toml"),
        );
        assert!(unit.contains("KillMode=process") && unit.contains("run --config /c.toml"));
    }

    #[test]
    fn the_installer_writes_the_same_unit() {
        let script = include_str!("../../ops/install/install.sh");
        let (_, rest) = script.split_once("<<UNIT\n").unwrap();
        let (theirs, _) = rest.split_once("\nUNIT\n").unwrap();
        let ours = unit(Path::new("$binary"), Path::new("$config"));
        assert_eq!(format!("{theirs}\n"), ours);
    }

    #[test]
    fn systemd_takes_the_unit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("warren-agent.service");
        let text = unit(Path::new("/bin/true"), Path::new("/etc/warren/agent.toml"));
        let verify = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let out = Command::new("systemd-analyze")
                .args(["verify", "--man=no", "--recursive-errors=no"])
                .arg(&path)
                .output()
                .unwrap_or_else(|e| panic!("systemd-analyze ({e}): apt-get install systemd"));
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            (out.status.success() && said.is_empty(), said)
        };
        let (good, said) = verify(&text);
        assert!(good, "{said}");
        let (good, _) = verify(&text.replace("KillMode=process", "KillMode=proces"));
        assert!(!good, "a slip is noticed");
    }

    #[test]
    fn only_what_runs_with_these_settings_is_ours() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("unit");
        let config = Path::new("/etc/warren/agent.toml");
        assert!(!ours(&file, config));
        std::fs::write(&file, unit(Path::new("/x"), config)).unwrap();
        assert!(ours(&file, config) && !ours(&file, Path::new("/etc/warren/agent")));
    }
}
