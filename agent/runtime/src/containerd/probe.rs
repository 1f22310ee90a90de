//! What this machine is, and what is odd about it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::Plugin;
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
    let nft_refusal = match nft {
        Some(_) => refusal("nft", &["list", "tables"]).await,
        None => None,
    };
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
    if let Some(said) = nft_refusal {
        warnings.push(Warning {
            code: "nftables_missing",
            message: format!(
                "nft does not work here ({said}): ports can't be published and servers can't be kept apart. It takes a kernel with nf_tables (modprobe nf_tables) and an agent that runs as root with CAP_NET_ADMIN"
            ),
            blocking: true,
        });
    }
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
    warnings.extend(judge_snapshotter(&client.snapshotter, &plugins.plugins));
    Ok(())
}

fn judge_snapshotter(wanted: &str, plugins: &[Plugin]) -> Option<Warning> {
    let good = plugins.iter().filter(|p| p.init_err.is_none());
    let good: Vec<&str> = good.map(|p| p.id.as_str()).collect();
    if good.contains(&wanted) {
        return None;
    }
    let broken = plugins.iter().find(|p| p.id == wanted);
    let said = broken.and_then(|p| p.init_err.as_ref());
    let why = match said {
        Some(said) => format!(
            "it says: {}",
            said.message.chars().take(200).collect::<String>()
        ),
        None => "it was built or configured without it".into(),
    };
    Some(Warning {
        code: "snapshotter_missing",
        message: format!(
            "containerd has no working snapshotter {wanted:?} ({why}; it has: {}): images can't be unpacked. It takes a kernel with overlayfs (modprobe overlay) and containerd's root on ext4, or xfs with ftype=1; then restart containerd",
            good.join(", ")
        ),
        blocking: true,
    })
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
        "the kernel has no openat2, or something forbids it: files of servers can't be served safely and nothing is \
         started. Upgrade to Linux 5.6 or newer; in a container, let its seccomp profile pass openat2",
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
        "runc or the kernel was built without seccomp: containers would see every system call. Take the \
         distribution's runc and a kernel with CONFIG_SECCOMP_FILTER",
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
        "no memory cgroup: memory limits do not hold. Boot with cgroup_enable=memory, or mount it",
    );
    warn(
        !has(&["cpu"]),
        "cgroup_cpu_missing",
        false,
        "no cpu cgroup: CPU limits do not hold. Use a kernel with CONFIG_CFS_BANDWIDTH, or mount it",
    );
    warn(
        !has(&["pids"]),
        "cgroup_pids_missing",
        true,
        "no pids cgroup: a fork bomb takes the node. Use a kernel with CONFIG_CGROUP_PIDS, or mount it",
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

/// What a tool says against it, or `None` if it works.
async fn refusal(program: &str, args: &[&str]) -> Option<String> {
    let run = Command::new(program).args(args).kill_on_drop(true).output();
    let Ok(run) = tokio::time::timeout(Duration::from_secs(5), run).await else {
        return Some("it does not answer".into());
    };
    let output = run.ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().lines().next().unwrap_or("no reason given");
    (!output.status.success()).then(|| said.chars().take(200).collect())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    fn good() -> (Probe, HostFacts) {
        let probe = Probe {
            containerd_version: "1.6.20".into(),
            snapshotter: "overlayfs".into(),
            engine_root: None,
            runc_version: Some("1.1.5".into()),
            kernel: "6.1".into(),
            cgroup: CgroupVersion::V2,
            controllers: ["cpu", "memory", "pids", "io"].map(str::to_owned).to_vec(),
            openat2: true,
            seccomp: true,
            nft_version: Some("v1.0.6".into()),
            ip_forward: true,
            can_raise_rlimits: true,
            nofile_hard: 1 << 20,
            cpus: 4,
            memory_bytes: 1 << 30,
            swap_bytes: 0,
            warnings: Vec::new(),
        };
        let host = HostFacts {
            swap_accounting: true,
            io_weight: true,
            online_cpus: BTreeSet::from([0]),
            nofile_hard: 1 << 20,
            can_raise_rlimits: true,
            oom_score_floor: 0,
            recursive_flags: true,
        };
        (probe, host)
    }

    /// Codes for what `harm` took away.
    fn codes(harm: impl FnOnce(&mut Probe)) -> Vec<&'static str> {
        let (mut probe, host) = good();
        harm(&mut probe);
        let mut warnings = Vec::new();
        judge(&probe, &host, &mut warnings);
        assert!(
            warnings.iter().all(|w| w.message.len() <= 500),
            "control cuts there"
        );
        warnings.iter().map(|w| w.code).collect()
    }

    #[test]
    fn each_lack_has_one_name() {
        assert_eq!(codes(|_| {}), Vec::<&str>::new());
        assert_eq!(codes(|p| p.openat2 = false), ["openat2_missing"]);
        assert_eq!(codes(|p| p.nft_version = None), ["nft_missing"]);
        assert_eq!(codes(|p| p.seccomp = false), ["seccomp_missing"]);
        assert_eq!(codes(|p| p.runc_version = None), ["runc_missing"]);
        for (controller, code) in [
            ("memory", "cgroup_memory_missing"),
            ("cpu", "cgroup_cpu_missing"),
            ("pids", "cgroup_pids_missing"),
        ] {
            assert_eq!(codes(|p| p.controllers.retain(|c| c != controller)), [code]);
        }
    }

    #[test]
    fn a_broken_snapshotter_is_told_with_its_own_words() {
        let plugin = |id: &str, error: Option<&str>| Plugin {
            id: id.into(),
            init_err: error.map(|message| containerd_client::google::rpc::Status {
                message: message.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let fine = [plugin("overlayfs", None), plugin("native", None)];
        assert_eq!(judge_snapshotter("overlayfs", &fine), None);
        let broken = [
            plugin("overlayfs", Some("no such device")),
            plugin("native", None),
        ];
        let warning = judge_snapshotter("overlayfs", &broken).unwrap();
        assert!(warning.blocking && warning.message.contains("no such device"));
        assert!(warning.message.contains("native") && warning.message.len() <= 500);
        let none = judge_snapshotter("overlayfs", &fine[1..]).unwrap();
        assert!(none.message.contains("without it"), "{}", none.message);
    }
}
