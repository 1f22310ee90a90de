//! Keeps the agent running where no systemd does: starts it again within a second, then slower.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_secs(30);
/// Who ran so long has recovered.
const STEADY: Duration = Duration::from_secs(60);
/// A child that does not end when asked is killed after.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs the agent as a child until told to end. Games are nobody's children here: they stay.
pub async fn run(config: &Path) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("find the agent's own program")?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut wait = FIRST;
    loop {
        let since = Instant::now();
        let mut child = Command::new(&program)
            .arg("run")
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        info!("the agent runs as pid {}", child.id().unwrap_or(0));
        tokio::select! {
            ended = child.wait() => warn!("the agent ended: {}", ended?),
            _ = terminate.recv() => return end(child).await,
            _ = interrupt.recv() => return end(child).await,
        }
        if since.elapsed() > STEADY {
            wait = FIRST;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
        wait = (wait * 2).min(LAST);
    }
}

/// Ends the supervisor that `install.sh` started for this data directory, and its agent, if they run.
/// # Errors
/// Names the process that does not end.
pub async fn end_running(data_dir: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(data_dir.join("supervisor.pid")).unwrap_or_default();
    let Ok(pid) = text.trim().parse::<i32>() else {
        return Ok(());
    };
    // Pids come round again: it must be one of ours by its command line.
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|b| *b == 0);
    let ours = words.next().is_some_and(|w| w.ends_with(b"warren-agent"));
    if !ours || !words.any(|w| w == b"--supervise") {
        return Ok(());
    }
    let target = nix::unistd::Pid::from_raw(pid);
    let _ = nix::sys::signal::kill(target, nix::sys::signal::Signal::SIGTERM);
    let until = Instant::now() + PATIENCE + Duration::from_secs(5);
    while Path::new(&format!("/proc/{pid}/exe")).exists() {
        if Instant::now() > until {
            anyhow::bail!("the agent's supervisor (pid {pid}) does not end; end it by hand");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn end(mut child: Child) -> anyhow::Result<()> {
    if let Some(pid) = child.id().and_then(|p| i32::try_from(p).ok()) {
        let pid = nix::unistd::Pid::from_raw(pid);
        // Gone already is as good.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
    }
    if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
        warn!("the agent did not end; killing it");
        child.kill().await?;
    }
    Ok(())
}
