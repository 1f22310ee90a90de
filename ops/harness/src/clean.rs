//! Removing everything that a tag stands for, also after a test was killed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::{Duration, SystemTime};

use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::process::{Tag, run, start_time};

/// Age at which a folder without a readable owner counts as left behind.
const STALE: Duration = Duration::from_secs(3600);

/// Removes what tests that died left behind: every tag whose owner process is gone, and every
/// ownerless one older than an hour. Runs once per process; every `start` calls it.
pub fn sweep_stale() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (tag, dir) in tags_on_disk() {
            if is_stale(&dir) {
                remove_tag(&tag);
            }
        }
    });
}

fn tags_on_disk() -> Vec<(Tag, PathBuf)> {
    let Ok(entries) = fs::read_dir("/tmp") else {
        return Vec::new();
    };
    let named = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        let tag = Tag::parse(name.to_str()?.strip_prefix("wh-")?)?;
        Some((tag, entry.path()))
    });
    named.collect()
}

fn is_stale(dir: &Path) -> bool {
    if let Ok(owner) = fs::read_to_string(dir.join("owner")) {
        let mut words = owner.split_whitespace();
        let pid: Option<u32> = words.next().and_then(|word| word.parse().ok());
        let since: Option<u64> = words.next().and_then(|word| word.parse().ok());
        if let (Some(pid), Some(since)) = (pid, since) {
            return start_time(pid) != Some(since);
        }
    }
    let made = dir.metadata().and_then(|meta| meta.modified());
    made.is_ok_and(|at| {
        SystemTime::now()
            .duration_since(at)
            .is_ok_and(|age| age > STALE)
    })
}

/// Removes every host object of a test's tag, and its folder.
pub(crate) fn remove_tag(tag: &Tag) {
    let dir = tag.dir();
    kill_daemons(&["nats-server"], &[&dir]);
    remove_host_objects(tag.as_str(), &[&dir]);
    drop(fs::remove_dir_all(&dir));
}

/// Removes every process, cgroup, mount, network namespace, link and nft table that carries `tag`
/// or lives below one of `dirs`; the files stay. Not nats-server: somebody may have started one of
/// their own with the configuration that lies there.
///
/// The order matters: daemon, shims, what is left in the cgroups (containers survive a shim that
/// dies after its daemon), cgroups, mounts, network objects.
pub fn remove_host_objects(tag: &str, dirs: &[&Path]) {
    kill_daemons(&DAEMONS, dirs);
    for _ in 0..50 {
        let groups = cgroups_of(tag);
        let pids: HashSet<i32> = groups.iter().flat_map(|group| procs_below(group)).collect();
        pids.into_iter().for_each(kill9);
        groups
            .iter()
            .for_each(|group| remove_tree_of_cgroups(group));
        if cgroups_of(tag).is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    dirs.iter().for_each(|dir| unmount_below(dir));
    remove_network(tag);
}

fn kill9(pid: i32) {
    // A process that is gone already needs no signal.
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
}

/// Daemons that may have been started for a folder. Others that merely name a path below it, such
/// as an editor, are not ours to kill.
const DAEMONS: [&str; 3] = ["containerd", "docker-registry", "warren-"];

/// Kills daemons whose command line names a path below one of `dirs`: containerd by its config,
/// shims by their `-address`; daemons before shims.
fn kill_daemons(names: &[&str], dirs: &[&Path]) {
    let needles: Vec<String> = dirs
        .iter()
        .map(|dir| format!("{}/", dir.display()))
        .collect();
    let me = std::process::id().cast_signed();
    let Ok(entries) = fs::read_dir("/proc") else {
        return;
    };
    let mut found: Vec<(bool, i32)> = Vec::new();
    for entry in entries.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        let program = line.split('\0').next().unwrap_or_default();
        let program = program.rsplit('/').next().unwrap_or_default();
        let is_daemon = names.iter().any(|name| program.starts_with(name));
        if pid != me && is_daemon && needles.iter().any(|needle| line.contains(needle)) {
            found.push((program.contains("shim"), pid));
        }
    }
    found.sort_unstable();
    found.into_iter().for_each(|(_, pid)| kill9(pid));
}

/// Top-level cgroups whose name carries the tag, in every v1 hierarchy and in the v2 one.
fn cgroups_of(tag: &str) -> Vec<PathBuf> {
    let root = PathBuf::from("/sys/fs/cgroup");
    let mut found = Vec::new();
    let mut look = vec![root.clone()];
    look.extend(dirs_in(&root));
    for hierarchy in look {
        found.extend(dirs_in(&hierarchy).into_iter().filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().contains(tag))
        }));
    }
    found
}

fn dirs_in(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let dirs = entries
        .flatten()
        .filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()));
    dirs.map(|entry| entry.path()).collect()
}

/// The group and all groups below it, parents first.
fn tree(group: &Path) -> Vec<PathBuf> {
    let mut all = vec![group.to_owned()];
    let mut at = 0;
    while at < all.len() {
        let below = dirs_in(&all[at]);
        all.extend(below);
        at += 1;
    }
    all
}

fn procs_below(group: &Path) -> Vec<i32> {
    let read = |dir: PathBuf| fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    let texts: Vec<String> = tree(group).into_iter().map(read).collect();
    texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.parse().ok())
        .collect()
}

fn remove_tree_of_cgroups(group: &Path) {
    tree(group)
        .iter()
        .rev()
        .for_each(|dir| drop(fs::remove_dir(dir)));
}

/// Unmounts lazily everything mounted below `dir`, deepest first.
fn unmount_below(dir: &Path) {
    let prefix = format!("{}/", dir.display());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut points: Vec<&str> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|point| point.starts_with(&prefix))
        .collect();
    points.sort_unstable_by_key(|point| std::cmp::Reverse(point.len()));
    for point in points {
        // Gone already is as good as unmounted now.
        let _ = umount2(point, MntFlags::MNT_DETACH);
    }
}

fn remove_network(tag: &str) {
    for netns in names_in("/run/netns", tag) {
        drop(run(Command::new("ip").args(["netns", "delete", &netns])));
    }
    for link in names_in("/sys/class/net", tag) {
        drop(run(Command::new("ip").args(["link", "delete", &link])));
    }
    let tables = run(Command::new("nft").args(["list", "tables"])).unwrap_or_default();
    for line in tables.lines().filter(|line| line.contains(tag)) {
        // A line reads `table inet warren_tabc12`.
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [_, family, name] = words.as_slice() {
            drop(run(
                Command::new("nft").args(["delete", "table", family, name])
            ));
        }
    }
}

fn names_in(dir: &str, tag: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.contains(tag)).collect()
}
