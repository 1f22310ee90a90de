//! What the machine allows, read once per connection: limits are fitted to it before they are asked
//! for, because runc's own messages about them help nobody.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::runtime::{CgroupVersion, Error, Result};

/// Facts about kernel and containerd.
#[derive(Debug, Clone)]
pub struct HostFacts {
    pub swap_accounting: bool,
    /// Some controller for io weights is there.
    pub io_weight: bool,
    pub online_cpus: BTreeSet<u32>,
    /// containerd's hard limit of open files; its children can't have more without the capability.
    pub nofile_hard: u64,
    pub can_raise_rlimits: bool,
    /// The lowest oom_score_adj that a container may be given.
    pub oom_score_floor: i32,
    /// Flags of a mount can be set for all that is mounted below it: mount_setattr, Linux 5.12.
    pub recursive_flags: bool,
}

const CAP_SYS_RESOURCE: u64 = 1 << 24;

impl HostFacts {
    /// `daemon` is containerd's pid; containers inherit from it, not from us.
    pub fn read(daemon: Option<u32>) -> Self {
        let daemon = daemon.filter(|pid| Path::new(&format!("/proc/{pid}/status")).exists());
        let of = daemon.map_or("self".to_owned(), |pid| pid.to_string());
        let status = fs::read_to_string(format!("/proc/{of}/status")).unwrap_or_default();
        let limits = fs::read_to_string(format!("/proc/{of}/limits")).unwrap_or_default();
        let score = fs::read_to_string(format!("/proc/{of}/oom_score_adj")).unwrap_or_default();
        let can_raise_rlimits = effective(&status) & CAP_SYS_RESOURCE != 0;
        let cgroup = cgroup_version();
        let v1 = |file: &str| Path::new("/sys/fs/cgroup").join(file).exists();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
        Self {
            swap_accounting: match cgroup {
                CgroupVersion::V1 => v1("memory/memory.memsw.limit_in_bytes"),
                // The root has no limits of its own; a child shows whether the kernel counts swap.
                CgroupVersion::V2 => swap_in_children(),
            },
            io_weight: match cgroup {
                CgroupVersion::V1 => v1("blkio/blkio.weight") || v1("blkio/blkio.bfq.weight"),
                CgroupVersion::V2 => controllers(cgroup).iter().any(|c| c == "io"),
            },
            online_cpus: cpus(online.trim()).unwrap_or_default(),
            nofile_hard: hard_nofile(&limits),
            can_raise_rlimits,
            recursive_flags: is_since(&release, (5, 12)),
            // The shim puts itself one above containerd.
            oom_score_floor: match can_raise_rlimits {
                true => 0,
                false => score.trim().parse::<i32>().map_or(0, |n| n + 1).max(0),
            },
        }
    }

    /// Open files that can be granted of `wanted`.
    pub fn clamp_nofile(&self, wanted: u64) -> u64 {
        match self.can_raise_rlimits {
            true => wanted.max(1024),
            false => wanted.max(1024).min(self.nofile_hard),
        }
    }

    pub fn clamp_oom_score(&self, wanted: u16) -> i32 {
        i32::from(wanted).clamp(self.oom_score_floor.min(1000), 1000)
    }

    /// The online part of a CPU list.
    /// # Errors
    /// `Invalid` if it is no list or nothing of it is online.
    pub fn clamp_cpuset(&self, wanted: &str) -> Result<String> {
        let bad = || Error::Invalid(format!("{wanted:?} is no list of CPUs such as 0-2,5"));
        let set = cpus(wanted).ok_or_else(bad)?;
        let usable: Vec<String> = set
            .intersection(&self.online_cpus)
            .map(u32::to_string)
            .collect();
        if usable.is_empty() {
            return Err(Error::Invalid(format!(
                "none of the CPUs {wanted} is online on this node"
            )));
        }
        Ok(usable.join(","))
    }
}

/// Whether a kernel that calls itself so is at least that old.
fn is_since(release: &str, since: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next()?.parse::<u32>().ok();
    matches!((next(), next()), (Some(major), Some(minor)) if (major, minor) >= since)
}

/// v2 only if it alone owns the hierarchy: on a hybrid machine the controllers sit in v1.
pub fn cgroup_version() -> CgroupVersion {
    match Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        true => CgroupVersion::V2,
        false => CgroupVersion::V1,
    }
}

/// Names of controllers that can be used.
pub fn controllers(version: CgroupVersion) -> Vec<String> {
    match version {
        CgroupVersion::V2 => fs::read_to_string("/sys/fs/cgroup/cgroup.controllers")
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        CgroupVersion::V1 => [
            "cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "freezer",
        ]
        .into_iter()
        // The directory alone may be what a hierarchy that is not mounted would be mounted on.
        .filter(|name| {
            let dir = Path::new("/sys/fs/cgroup").join(name);
            dir.join("cgroup.procs").exists()
        })
        .map(str::to_owned)
        .collect(),
    }
}

fn swap_in_children() -> bool {
    let Ok(entries) = fs::read_dir("/sys/fs/cgroup") else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| entry.path().join("memory.swap.max").exists())
}

fn effective(status: &str) -> u64 {
    let line = status.lines().find_map(|l| l.strip_prefix("CapEff:"));
    line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0)
}

fn hard_nofile(limits: &str) -> u64 {
    let line = limits
        .lines()
        .find_map(|l| l.strip_prefix("Max open files"));
    let hard = line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok());
    hard.unwrap_or(1024)
}

/// Reads the kernel's list format. Bounded: nobody has more CPUs than that.
fn cpus(text: &str) -> Option<BTreeSet<u32>> {
    let mut set = BTreeSet::new();
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u32, u32) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        if from > to || to >= 8192 {
            return None;
        }
        set.extend(from..=to);
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn facts() -> HostFacts {
        HostFacts {
            swap_accounting: true,
            io_weight: true,
            online_cpus: BTreeSet::from([0, 1, 2, 3]),
            nofile_hard: 20_000,
            can_raise_rlimits: false,
            oom_score_floor: 1,
            recursive_flags: true,
        }
    }

    #[test]
    fn cpu_lists_are_cut_to_what_is_online() {
        assert_eq!(facts().clamp_cpuset("1-2,9").unwrap(), "1,2");
        for bad in ["", "a", "3-1", "0-99999999", "9", "0;1"] {
            assert!(facts().clamp_cpuset(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn kernels_are_told_apart_by_number() {
        for (release, new) in [
            ("5.12.0", true),
            ("5.11.22-1", false),
            ("4.19", false),
            ("6.1.0-18-amd64", true),
            ("10", false),
            ("", false),
        ] {
            assert_eq!(is_since(release, (5, 12)), new, "{release}");
        }
    }

    #[test]
    fn limits_we_may_not_raise_are_lowered() {
        assert_eq!(facts().clamp_nofile(1 << 20), 20_000);
        assert_eq!(facts().clamp_oom_score(0), 1);
        let mut root = facts();
        root.can_raise_rlimits = true;
        assert_eq!(root.clamp_nofile(1 << 20), 1 << 20);
    }
}
