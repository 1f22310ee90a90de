//! What kind of machine this is.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use warren_proto::wire;
use warren_runtime::runtime::{CgroupVersion, Probe};

use crate::ledger::{Place, Process};

/// The kernel's id of this start of the machine.
pub fn boot() -> String {
    read("/proc/sys/kernel/random/boot_id")
}

/// This process on this start of this machine.
pub fn place() -> Place {
    Place {
        host_boot: boot(),
        process: this_process(),
    }
}

fn this_process() -> Option<Process> {
    let namespace = std::fs::metadata("/proc/self/ns/pid").ok()?.ino();
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    Some(Process {
        namespace,
        pid: std::process::id(),
        started: fields(&stat)?.1,
    })
}

/// Whether that process, of this pid namespace and this start of the machine, is no more.
pub fn is_over(process: &Process) -> bool {
    // A pid is free again only after its process: another start under it is another process.
    match std::fs::read_to_string(format!("/proc/{}/stat", process.pid)) {
        Ok(stat) => fields(&stat)
            .is_some_and(|(state, at)| matches!(state, "Z" | "X") || at != process.started),
        Err(e) => e.kind() == std::io::ErrorKind::NotFound,
    }
}

/// State and start of `/proc/<pid>/stat`; the name before them may hold spaces and brackets.
fn fields(stat: &str) -> Option<(&str, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?, fields.nth(18)?.parse().ok()?))
}

fn read(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.trim().to_owned()
}

/// The machine's name.
pub fn hostname() -> String {
    read("/proc/sys/kernel/hostname")
}

/// Resolvers of this machine that a server can reach: one on loopback is not among them.
pub fn resolvers() -> Vec<IpAddr> {
    // systemd-resolved shows a loopback stub in the first and the real ones in the second.
    for path in ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let found: Vec<IpAddr> = text
            .lines()
            .filter_map(|l| l.trim().strip_prefix("nameserver"))
            .filter_map(|a| a.trim().parse().ok())
            .filter(|a: &IpAddr| !a.is_loopback() && a.is_ipv4())
            .take(3)
            .collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Facts that need no containerd; the probe's are added if there is one.
pub fn facts(data_dir: &Path, probe: Option<&Probe>, bridge: &str) -> wire::HostFacts {
    let memory = sysinfo::System::new().map(|mut system| {
        system.refresh_memory();
        system.total_memory()
    });
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let os = release.lines().find_map(|l| l.strip_prefix("PRETTY_NAME="));
    wire::HostFacts {
        hostname: hostname(),
        os: os
            .map(|o| o.trim_matches('"').to_owned())
            .unwrap_or_default(),
        kernel: read("/proc/sys/kernel/osrelease"),
        arch: std::env::consts::ARCH.into(),
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        memory_bytes: memory.unwrap_or(0),
        disk_bytes: disk_bytes(data_dir),
        agent_version: env!("CARGO_PKG_VERSION").into(),
        containerd_version: probe
            .map(|p| p.containerd_version.clone())
            .unwrap_or_default(),
        cgroup_version: match probe.map(|p| p.cgroup) {
            Some(CgroupVersion::V1) => 1,
            Some(CgroupVersion::V2) => 2,
            None => 0,
        },
        addresses: addresses(bridge),
        conditions: Vec::new(),
        allowed_mounts: Vec::new(),
    }
}

fn disk_bytes(dir: &Path) -> u64 {
    let at = dir
        .ancestors()
        .find(|d| d.exists())
        .unwrap_or(Path::new("/"));
    let stat = rustix::fs::statvfs(at);
    stat.map_or(0, |s| s.f_blocks.saturating_mul(s.f_frsize))
}

/// Addresses that a player could use: of real interfaces, not of bridges that others or we made.
fn addresses(bridge: &str) -> Vec<String> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    let ours = bridge.parse::<warren_runtime::net::Ipv4Net>().ok();
    let mut found: Vec<String> = Vec::new();
    for interface in all {
        let foreign = ["docker", "br-", "veth", "virbr", "cni"];
        if foreign
            .iter()
            .any(|f| interface.interface_name.starts_with(f))
        {
            continue;
        }
        let address = interface.address.as_ref().and_then(|a| a.as_sockaddr_in());
        let Some(address) = address.map(|a: &nix::sys::socket::SockaddrIn| a.ip()) else {
            continue;
        };
        let ip: Ipv4Addr = address;
        let skip = ip.is_loopback() || ip.is_link_local() || ours.is_some_and(|n| n.contains(ip));
        if !skip && !found.contains(&ip.to_string()) {
            found.push(ip.to_string());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_process_is_over_when_it_is_dead_or_its_pid_anothers() {
        let own = this_process().unwrap();
        assert!(!is_over(&own));
        let started = own.started + 1;
        assert!(is_over(&Process { started, ..own }));
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let stat = |pid| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let its = Process {
            pid: child.id(),
            started: fields(&stat(child.id())).unwrap().1,
            ..own
        };
        assert!(!is_over(&its));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_over(&its));
    }

    #[test]
    fn a_machine_knows_itself() {
        let facts = facts(Path::new("/nonexistent/x"), None, "10.213.0.0/16");
        assert!(facts.cpus > 0 && facts.memory_bytes > 0 && facts.disk_bytes > 0);
        assert_eq!(boot().len(), 36);
        assert!(!facts.kernel.is_empty());
    }
}
