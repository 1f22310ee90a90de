//! `down`: everything ends, games too, and nothing but the data stays.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::UnixStream;
use tokio::process::Command;

use crate::args::DownArgs;
use crate::instance::Instance;
use crate::stack::{containerd_program, find, text};
use crate::up::end_strays;

/// Longest time for the supervisor to end its parts in order.
const SUPERVISOR: Duration = Duration::from_secs(60);

/// What the agent may take to start, to kill what is left, and to write it down.
const HALT: Duration = Duration::from_secs(30);

/// Runs `down`.
///
/// # Errors
/// When there is no such instance, or names what could not be removed.
pub async fn run(args: &DownArgs) -> Result<()> {
    let instance = Instance::open(&args.data, false)?;
    if let Some(pid) = instance.supervisor() {
        println!("ending Warren (pid {pid})");
        end_process(Pid::from_raw(pid), SUPERVISOR).await;
    }
    end_strays(&instance);
    let games = end_games(&instance, args).await;
    let sockets = instance.sockets();
    warren_harness::remove_host_objects(&instance.claim.tag, &[&instance.data, &sockets]);
    drop(fs::remove_dir_all(&sockets));
    for name in ["supervisor.pid", "ready.json"] {
        drop(fs::remove_file(instance.data.join("run").join(name)));
    }
    games.context("remove the containers")?;
    let left = left_behind(&instance);
    if !left.is_empty() {
        bail!("could not remove: {}", left.join(", "));
    }
    println!(
        "Warren is down; its data stays in {}",
        instance.data.display()
    );
    Ok(())
}

async fn end_process(pid: Pid, limit: Duration) {
    // It may end by itself while we ask.
    let _ = kill(pid, Signal::SIGTERM);
    let since = Instant::now();
    while kill(pid, None).is_ok() {
        if since.elapsed() > limit {
            let _ = kill(pid, Signal::SIGKILL);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Ends the games and removes their containers from containerd's memory, which would otherwise
/// name them at the next start. An instance may have used its own containerd, somebody else's, or
/// both, one after the other.
async fn end_games(instance: &Instance, args: &DownArgs) -> Result<()> {
    if let Some(socket) = instance.given_containerd()? {
        let reached = UnixStream::connect(&socket).await;
        reached.with_context(|| {
            format!(
                "containerd at {} does not answer; start it and run ops/down again",
                socket.display()
            )
        })?;
        end_at(instance, args, &socket).await?;
    }
    end_private_games(instance, args).await
}

/// Those under one containerd. The agent knows how each game wants to be asked; whatever it leaves is
/// ended without asking.
async fn end_at(instance: &Instance, args: &DownArgs, socket: &Path) -> Result<()> {
    if let Err(error) = halt(instance, args).await {
        println!("games are sent SIGTERM instead of what their eggs say: {error:#}");
    }
    let grace = Duration::from_secs(args.grace);
    Ctr::of(instance, socket).end_all(grace).await
}

/// Those of the private containerd. The daemon ended with its supervisor, so a short-lived one is
/// used.
async fn end_private_games(instance: &Instance, args: &DownArgs) -> Result<()> {
    if !instance
        .data
        .join("containerd/io.containerd.metadata.v1.bolt/meta.db")
        .exists()
    {
        return Ok(());
    }
    let program = containerd_program(instance)?;
    let log = fs::File::options()
        .append(true)
        .create(true)
        .open(instance.log_file("containerd"));
    let mut daemon = Command::new(&program.binary)
        .args(&program.args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.map_or_else(|_| Stdio::null(), Stdio::from))
        .kill_on_drop(true)
        .spawn()
        .context("start containerd to remove containers")?;
    let socket = instance.private_containerd();
    let since = Instant::now();
    while UnixStream::connect(&socket).await.is_err() {
        if since.elapsed() > Duration::from_secs(20) {
            bail!(
                "containerd did not start; its log is {}",
                instance.log_file("containerd").display()
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let result = end_at(instance, args, &socket).await;
    if let Some(pid) = daemon.id().and_then(|pid| i32::try_from(pid).ok()) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    drop(tokio::time::timeout(Duration::from_secs(10), daemon.wait()).await);
    result
}

/// Has the agent end its games; it prints how far it is.
async fn halt(instance: &Instance, args: &DownArgs) -> Result<()> {
    if !instance.data.join("agent/joined").exists() {
        return Ok(());
    }
    let dir = match &args.bin_dir {
        Some(dir) => dir.clone(),
        None => std::env::current_exe()
            .context("find this program")?
            .with_file_name(""),
    };
    let agent = dir.join("warren-agent");
    let log = fs::File::options()
        .append(true)
        .create(true)
        .open(instance.log_file("agent"))
        .context("open the agent's log")?;
    let mut child = Command::new(&agent)
        .args(["halt", "--limit", &args.grace.to_string(), "--config"])
        .arg(instance.conf_file("agent.toml"))
        .stdin(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("run {}", agent.display()))?;
    let limit = Duration::from_secs(args.grace) + HALT;
    match tokio::time::timeout(limit, child.wait()).await {
        Ok(ended) if ended.as_ref().is_ok_and(std::process::ExitStatus::success) => Ok(()),
        Ok(ended) => bail!(
            "the agent could not end them ({}); see {}",
            ended.context("wait for it")?,
            instance.log_file("agent").display()
        ),
        Err(_) => bail!("the agent did not end within {limit:?}"),
    }
}

/// `ctr`, which comes with containerd, bound to one instance's namespace.
struct Ctr {
    socket: String,
    namespace: String,
}

impl Ctr {
    fn of(instance: &Instance, socket: &Path) -> Self {
        Self {
            socket: socket.display().to_string(),
            namespace: instance.namespace(),
        }
    }

    async fn end_all(&self, grace: Duration) -> Result<()> {
        let running = self.tasks("RUNNING").await?;
        if !running.is_empty() {
            println!("ending {} game server(s)", running.len());
        }
        for task in &running {
            // A game that ends by itself meanwhile is no error.
            drop(
                self.call(&["tasks", "kill", "--signal", "SIGTERM", task])
                    .await,
            );
        }
        let since = Instant::now();
        while since.elapsed() < grace && !self.tasks("RUNNING").await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for task in self.tasks("").await? {
            drop(
                self.call(&["tasks", "kill", "--all", "--signal", "SIGKILL", &task])
                    .await,
            );
            drop(self.call(&["tasks", "delete", "--force", &task]).await);
        }
        for container in self.call(&["containers", "ls", "-q"]).await?.lines() {
            self.call(&["containers", "rm", container]).await?;
        }
        Ok(())
    }

    /// Names of tasks whose row contains `state`.
    async fn tasks(&self, state: &str) -> Result<Vec<String>> {
        let table = self.call(&["tasks", "ls"]).await?;
        let rows = table.lines().skip(1).filter(|row| row.contains(state));
        Ok(rows
            .filter_map(|row| row.split_whitespace().next())
            .map(str::to_owned)
            .collect())
    }

    async fn call(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(find("ctr", "containerd")?);
        command
            .args(["-a", &self.socket, "-n", &self.namespace])
            .args(args);
        text(command).await
    }
}

/// What still carries the tag: nothing, unless something went wrong.
fn left_behind(instance: &Instance) -> Vec<String> {
    let tag = &instance.claim.tag;
    let mut left = HashSet::new();
    for dir in [
        "/run/netns",
        "/sys/class/net",
        "/sys/fs/cgroup",
        "/sys/fs/cgroup/memory",
    ] {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let named = entries.filter(|e| e.file_name().to_string_lossy().contains(tag.as_str()));
        left.extend(named.map(|entry| entry.path().display().to_string()));
    }
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let below = |dir: &Path| format!("{}/", dir.display());
    let roots = [below(&instance.data), below(&instance.sockets())];
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let ours = points.filter(|point| roots.iter().any(|root| point.starts_with(root)));
    left.extend(ours.map(|point| format!("mount {point}")));
    left.into_iter().collect()
}
