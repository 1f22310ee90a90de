//! Control groups, version 1 and 2.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{gone, number, text};
use crate::runtime::{Error, Result};

const ROOT: &str = "/sys/fs/cgroup";

#[derive(Debug, Default)]
pub struct Usage {
    pub cpu_ns: u64,
    pub memory_bytes: u64,
    pub memory_limit_bytes: Option<u64>,
    pub pids: u64,
    pub io_read_bytes: u64,
    pub io_write_bytes: u64,
}

/// Open files of one cgroup. A controller that is missing reads as zero.
#[derive(Debug)]
pub struct Cgroup {
    v2: bool,
    cpu: Option<File>,
    memory: Option<File>,
    memory_stat: Option<File>,
    memory_limit: Option<File>,
    pids: Option<File>,
    io: Option<File>,
    /// Readable for as long as the cgroup is there.
    alive: File,
}

impl Cgroup {
    pub fn of(pid: u32) -> Result<Self> {
        let listing = std::fs::read_to_string(format!("/proc/{pid}/cgroup"));
        Self::listed(Path::new(ROOT), pid, &listing.map_err(|_| gone(pid))?)
    }

    /// `listing` is what `/proc/<pid>/cgroup` holds, `root` where the hierarchies are mounted.
    fn listed(root: &Path, pid: u32, listing: &str) -> Result<Self> {
        let paths = parse(listing);
        match paths.get("memory") {
            Some(_) => Self::v1(root, pid, &paths),
            None => Self::v2(root, pid, &paths),
        }
    }

    fn v1(root: &Path, pid: u32, paths: &HashMap<String, PathBuf>) -> Result<Self> {
        let open = |controller: &str, file: &str| {
            let below = paths.get(controller)?;
            File::open(root.join(controller).join(below).join(file)).ok()
        };
        let io = "blkio.throttle.io_service_bytes";
        Ok(Self {
            v2: false,
            cpu: open("cpuacct", "cpuacct.usage"),
            memory: open("memory", "memory.usage_in_bytes"),
            memory_stat: open("memory", "memory.stat"),
            memory_limit: open("memory", "memory.limit_in_bytes"),
            pids: open("pids", "pids.current"),
            io: open("blkio", &format!("{io}_recursive")).or_else(|| open("blkio", io)),
            alive: open("memory", "memory.usage_in_bytes").ok_or_else(|| gone(pid))?,
        })
    }

    fn v2(root: &Path, pid: u32, paths: &HashMap<String, PathBuf>) -> Result<Self> {
        let below = paths.get("").ok_or_else(|| gone(pid))?;
        let open = |file: &str| File::open(root.join(below).join(file)).ok();
        Ok(Self {
            v2: true,
            cpu: open("cpu.stat"),
            memory: open("memory.current"),
            memory_stat: open("memory.stat"),
            memory_limit: open("memory.max"),
            pids: open("pids.current"),
            io: open("io.stat"),
            // In every cgroup, whichever controllers are on.
            alive: open("cgroup.procs").ok_or_else(|| gone(pid))?,
        })
    }

    pub fn read(&self, buffer: &mut [u8]) -> Result<Usage> {
        let mut usage = Usage::default();
        // The directory is gone: reads of the open file answer ENODEV.
        text(&self.alive, buffer).ok_or_else(|| Error::NotFound {
            what: "cgroup".into(),
        })?;
        let total = self.memory.as_ref().map_or(0, |file| number(file, buffer));
        let cache_key = if self.v2 {
            "inactive_file"
        } else {
            "total_inactive_file"
        };
        let cache = self.stat(&self.memory_stat, cache_key, buffer);
        usage.memory_bytes = total.saturating_sub(cache);
        if let Some(file) = &self.memory_limit {
            // v2 says `max`; v1 the largest page-aligned number.
            let limit = text(file, buffer).and_then(|t| t.trim().parse::<u64>().ok());
            usage.memory_limit_bytes = limit.filter(|n| *n < 1 << 60);
        }
        usage.pids = self.pids.as_ref().map_or(0, |file| number(file, buffer));
        usage.cpu_ns = match (self.v2, &self.cpu) {
            (true, file) => self.stat(file, "usage_usec", buffer).saturating_mul(1000),
            (false, Some(file)) => number(file, buffer),
            (false, None) => 0,
        };
        if let Some(text) = self.io.as_ref().and_then(|file| text(file, buffer)) {
            (usage.io_read_bytes, usage.io_write_bytes) = io(text);
        }
        Ok(usage)
    }

    fn stat(&self, file: &Option<File>, key: &str, buffer: &mut [u8]) -> u64 {
        let text = file.as_ref().and_then(|file| text(file, buffer));
        text.map_or(0, |text| field(text, key))
    }
}

/// Controller -> path below its mount; the unified one under the empty name.
fn parse(listing: &str) -> HashMap<String, PathBuf> {
    let mut paths = HashMap::new();
    for line in listing.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(names), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        for name in names.split(',') {
            let below = path.trim_start_matches('/');
            paths.insert(name.to_owned(), PathBuf::from(below));
        }
    }
    paths
}

/// `key value` per line.
fn field(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        (name == key).then_some(value)
    });
    line.and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

/// Bytes read and written over all devices, in either version's format.
fn io(text: &str) -> (u64, u64) {
    let (mut read, mut written) = (0_u64, 0_u64);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [_, kind, count] = words.as_slice()
            && let Ok(count) = count.parse::<u64>()
        {
            match *kind {
                "Read" => read += count,
                "Write" => written += count,
                _ => {}
            }
        }
        for word in words {
            if let Some(count) = word.strip_prefix("rbytes=") {
                read += count.parse::<u64>().unwrap_or(0);
            } else if let Some(count) = word.strip_prefix("wbytes=") {
                written += count.parse::<u64>().unwrap_or(0);
            }
        }
    }
    (read, written)
}

/// How often the kernel killed something in a cgroup for memory. Zero if it is gone.
pub(crate) fn oom_kills(path: &str) -> u64 {
    oom_kills_below(Path::new(ROOT), path)
}

fn oom_kills_below(root: &Path, path: &str) -> u64 {
    let below = path.trim_start_matches('/');
    let v1 = root.join("memory").join(below).join("memory.oom_control");
    let v2 = root.join(below).join("memory.events");
    [v1, v2]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| field(&text, "oom_kill"))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write as _;

    use super::*;

    /// Files of a container under a kernel with the unified hierarchy alone.
    const V2: [(&str, &str); 7] = [
        ("cgroup.procs", "4242\n"),
        ("cpu.stat", include_str!("v2/cpu.stat")),
        ("memory.current", "157286400\n"),
        ("memory.stat", include_str!("v2/memory.stat")),
        ("memory.max", "268435456\n"),
        ("pids.current", "17\n"),
        ("io.stat", include_str!("v2/io.stat")),
    ];

    fn v2_container(root: &Path) -> PathBuf {
        let dir = root.join("warren-main/01j9");
        std::fs::create_dir_all(&dir).unwrap();
        for (name, text) in V2 {
            std::fs::write(dir.join(name), text).unwrap();
        }
        dir
    }

    #[test]
    fn a_container_of_the_unified_hierarchy_is_read_whole() {
        let root = tempfile::tempdir().unwrap();
        let dir = v2_container(root.path());
        let listing = "0::/warren-main/01j9\n";
        let usage = Cgroup::listed(root.path(), 1, listing).unwrap();
        let mut buffer = vec![0; 16 << 10];
        let usage = usage.read(&mut buffer).unwrap();
        assert_eq!(usage.cpu_ns, 8_643_210_000);
        assert_eq!(
            usage.memory_bytes,
            157_286_400 - 41_943_040,
            "file cache is not the game's"
        );
        assert_eq!(usage.memory_limit_bytes, Some(268_435_456));
        assert_eq!(usage.pids, 17);
        assert_eq!(
            (usage.io_read_bytes, usage.io_write_bytes),
            (53_248_000 + 4096, 1_310_720)
        );
        std::fs::write(dir.join("memory.max"), "max\n").unwrap();
        let open = Cgroup::listed(root.path(), 1, listing).unwrap();
        assert_eq!(open.read(&mut buffer).unwrap().memory_limit_bytes, None);
        std::fs::write(dir.join("memory.events"), include_str!("v2/memory.events")).unwrap();
        assert_eq!(oom_kills_below(root.path(), "/warren-main/01j9"), 2);
    }

    /// What this kernel itself says of a cgroup of version 2, wherever that is mounted.
    #[test]
    fn a_real_cgroup_of_version_2_is_read_and_its_end_is_noticed() {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let mount = mounts.lines().find_map(|line| {
            let mut words = line.split(' ').skip(1);
            let place = words.next()?;
            (words.next()? == "cgroup2").then(|| PathBuf::from(place))
        });
        let mount = mount.unwrap();
        let name = format!("warren-v2-{}", std::process::id());
        let dir = mount.join(&name);
        std::fs::create_dir(&dir).unwrap();
        let mut busy = std::process::Command::new("sh")
            .args([
                "-c",
                "read go || exit; i=0; while [ $i -lt 20000000 ]; do i=$((i + 1)); done",
            ])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::fs::write(dir.join("cgroup.procs"), busy.id().to_string()).unwrap();
        let listing = std::fs::read_to_string(format!("/proc/{}/cgroup", busy.id())).unwrap();
        let unified = listing.lines().find(|l| l.starts_with("0::")).unwrap();
        assert_eq!(unified, format!("0::/{name}"));
        let cgroup = Cgroup::listed(&mount, busy.id(), unified).unwrap();
        busy.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let mut buffer = vec![0; 16 << 10];
        let started = std::time::Instant::now();
        while cgroup.read(&mut buffer).unwrap().cpu_ns < 10_000_000 {
            assert!(started.elapsed().as_secs() < 20, "it counts no CPU time");
            std::thread::yield_now();
        }
        busy.kill().unwrap();
        busy.wait().unwrap();
        while std::fs::remove_dir(&dir).is_err() {
            assert!(started.elapsed().as_secs() < 30, "the cgroup stays");
            std::thread::yield_now();
        }
        assert!(cgroup.read(&mut buffer).is_err());
    }

    #[test]
    fn both_listings_are_understood() {
        let v1 = parse("8:pids:/w/a\n4:memory:/w/a\n3:cpu,cpuacct:/w/a\n0::/\n");
        assert_eq!(v1["cpuacct"], PathBuf::from("w/a"));
        assert_eq!(parse("0::/w/b\n")[""], PathBuf::from("w/b"));
    }

    #[test]
    fn io_of_both_versions_is_summed_over_devices() {
        let v1 = "254:0 Read 10\n254:0 Write 20\n254:0 Sync 5\n7:0 Read 1\nTotal 36\n";
        assert_eq!(io(v1), (11, 20));
        let v2 = "254:0 rbytes=10 wbytes=20 rios=1\n7:0 rbytes=1 wbytes=0\n";
        assert_eq!(io(v2), (11, 20));
    }

    #[test]
    fn fields_are_matched_whole() {
        let text = "inactive_file_x 9\ninactive_file 7\n";
        assert_eq!(field(text, "inactive_file"), 7);
        assert_eq!(
            field("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill"),
            3
        );
    }
}
