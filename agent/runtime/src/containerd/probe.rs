//! What this machine is, and what is odd about it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use containerd_client::services::v1 as api;
use tokio::process::Command;

use super::Shared;
use super::client::Client;
use super::client::{QUICK, call};
use super::host::{HostFacts, cgroup_version, controllers};
use crate::jail::Jail;
use crate::runtime::{CgroupVersion, Error, Probe, Result, Warning};

/// Pid of the process behind containerd's socket.
pub fn daemon_pid(socket: &Path) -> Option<u32> {
    let stream = std::os::unix::net::UnixStream::connect(socket).ok()?;
    let credentials = rustix::net::sockopt::socket_peercred(&stream).ok()?;
    u32::try_from(credentials.pid.as_raw_nonzero().get()).ok()
}

pub async fn probe(shared: &Shared) -> Result<Probe> {
    let client = &shared.client;
    let mut version = client.version();
    let version = call(
        "ask for its version",
        QUICK,
        version.version(client.request(())),
    )
    .await?;
    let mut warnings = Vec::new();
    snapshotter(client, &mut warnings).await?;
    let host = HostFacts::read(daemon_pid(client.socket()));
    let runc = output("runc", &["--version"]).await;
    let nft = output("nft", &["--version"]).await;
    let info = sysinfo::System::new_with_specifics(
        sysinfo::RefreshKind::nothing().with_memory(sysinfo::MemoryRefreshKind::everything()),
    );
    let cgroup = cgroup_version();
    let probe = Probe {
        containerd_version: version.version,
        snapshotter: client.snapshotter.clone(),
        engine_root: shared.room.root().await.map(Path::to_owned),
        runc_version: runc.as_deref().and_then(word_after("runc version ")),
        kernel: sysinfo::System::kernel_version().unwrap_or_default(),
        cgroup,
        controllers: controllers(cgroup),
        openat2: Jail::probe().is_ok(),
        seccomp: runc
            .as_deref()
            .is_some_and(|text| text.contains("libseccomp"))
            && Path::new("/proc/sys/kernel/seccomp/actions_avail").exists(),
        nft_version: nft.as_deref().and_then(word_after("nftables ")),
        ip_forward: read("/proc/sys/net/ipv4/ip_forward") == "1",
        can_raise_rlimits: host.can_raise_rlimits,
        nofile_hard: host.nofile_hard,
        cpus: u32::try_from(host.online_cpus.len()).unwrap_or(u32::MAX),
        memory_bytes: info.as_ref().map_or(0, |i| i.total_memory()),
        swap_bytes: info.as_ref().map_or(0, |i| i.total_swap()),
        warnings: Vec::new(),
    };
    judge(&probe, &host, &mut warnings);
    if probe.nft_version.is_some() {
        warnings.extend(crate::net::foreign_drops().await);
    }
    Ok(Probe { warnings, ..probe })
}

async fn snapshotter(client: &Client, warnings: &mut Vec<Warning>) -> Result<()> {
    let request = client.request(api::PluginsRequest {
        filters: vec!["type==io.containerd.snapshotter.v1".into()],
    });
    let plugins = call(
        "list plugins",
        QUICK,
        client.introspection().plugins(request),
    )
    .await?;
    let mut good = Vec::new();
    for plugin in &plugins.plugins {
        if plugin.init_err.is_none() {
            good.push(plugin.id.as_str());
        }
    }
    if !good.contains(&client.snapshotter.as_str()) {
        warnings.push(Warning {
            code: "snapshotter_missing",
            message: format!(
                "containerd has no working snapshotter {:?} (it has: {}): images can't be unpacked",
                client.snapshotter,
                good.join(", ")
            ),
            blocking: true,
        });
    }
    Ok(())
}

fn judge(probe: &Probe, host: &HostFacts, warnings: &mut Vec<Warning>) {
    let mut warn = |bad: bool, code, blocking, message: &str| {
        if bad {
            warnings.push(Warning {
                code,
                message: message.to_owned(),
                blocking,
            });
        }
    };
    warn(
        !probe.openat2,
        "openat2_missing",
        true,
        "the kernel has no openat2 (Linux 5.6): files of servers can't be served safely",
    );
    warn(
        probe.runc_version.is_none(),
        "runc_missing",
        true,
        "runc is not found: install the package runc",
    );
    warn(
        probe.runc_version.is_some() && !probe.seccomp,
        "seccomp_missing",
        true,
        "runc or the kernel was built without seccomp: containers would see every system call",
    );
    warn(
        probe.nft_version.is_none(),
        "nft_missing",
        true,
        "nft is not found: install the package nftables, ports can't be published without it",
    );
    warn(
        !probe.ip_forward,
        "ip_forward_off",
        false,
        "net.ipv4.ip_forward is 0: it is switched on when the first server gets its network",
    );
    warn(
        !probe.can_raise_rlimits,
        "no_sys_resource",
        false,
        &format!(
            "containerd lacks CAP_SYS_RESOURCE: games get at most {} open files",
            probe.nofile_hard
        ),
    );
    let has = |names: &[&str]| {
        let mut all = probe.controllers.iter();
        all.any(|c| names.contains(&c.as_str()))
    };
    warn(
        !has(&["memory"]),
        "cgroup_memory_missing",
        true,
        "no memory cgroup: limits do not hold",
    );
    warn(
        !has(&["cpu"]),
        "cgroup_cpu_missing",
        false,
        "no cpu cgroup: limits do not hold",
    );
    warn(
        !has(&["pids"]),
        "cgroup_pids_missing",
        true,
        "no pids cgroup: a fork bomb takes the node",
    );
    warn(
        probe.swap_bytes > 0 && !host.swap_accounting,
        "swap_accounting_off",
        false,
        "the kernel does not count swap: servers may swap without limit (boot with swapaccount=1)",
    );
    let hybrid = Path::new("/sys/fs/cgroup/unified/cgroup.controllers").exists();
    warn(
        hybrid && probe.cgroup == CgroupVersion::V1,
        "cgroup_hybrid",
        false,
        "cgroups are hybrid: version 1 is used",
    );
}

fn read(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().to_owned()
}

fn word_after<'a>(prefix: &'a str) -> impl Fn(&str) -> Option<String> + 'a {
    move |text| {
        let (_, rest) = text.split_once(prefix)?;
        rest.split_whitespace().next().map(str::to_owned)
    }
}

/// What a tool prints, or `None` if it is missing or does not answer.
async fn output(program: &str, args: &[&str]) -> Option<String> {
    let run = Command::new(program).args(args).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(5), run)
        .await
        .ok()?;
    let output = output.map_err(Error::io(program)).ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
