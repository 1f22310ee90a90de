//! The systemd unit, where systemd is.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

const UNIT: &str = "/etc/systemd/system/warren-agent.service";

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

/// Ends and removes the unit; without one nothing happens.
pub fn remove() -> anyhow::Result<()> {
    if !is_here() || !Path::new(UNIT).exists() {
        return Ok(());
    }
    systemctl(&["disable", "--now", "warren-agent"])?;
    std::fs::remove_file(UNIT).with_context(|| format!("remove {UNIT}"))?;
    systemctl(&["daemon-reload"])
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
    use super::*;

    #[test]
    fn the_unit_never_ends_games() {
        let unit = unit(
            Path::new("/usr/local/bin/warren-agent"),
            Path::new("/c.toml"),
        );
        assert!(unit.contains("KillMode=process") && unit.contains("run --config /c.toml"));
    }
}
