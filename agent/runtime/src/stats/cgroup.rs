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
    memory: File,
    memory_stat: Option<File>,
    memory_limit: Option<File>,
    pids: Option<File>,
    io: Option<File>,
}

impl Cgroup {
    pub fn of(pid: u32) -> Result<Self> {
        let listing = std::fs::read_to_string(format!("/proc/{pid}/cgroup"));
        let paths = parse(&listing.map_err(|_| gone(pid))?);
        match paths.get("memory") {
            Some(_) => Self::v1(pid, &paths),
            None => Self::v2(pid, &paths),
        }
    }

    fn v1(pid: u32, paths: &HashMap<String, PathBuf>) -> Result<Self> {
        let open = |controller: &str, file: &str| {
            let below = paths.get(controller)?;
            File::open(Path::new(ROOT).join(controller).join(below).join(file)).ok()
        };
        let io = "blkio.throttle.io_service_bytes";
        Ok(Self {
            v2: false,
            cpu: open("cpuacct", "cpuacct.usage"),
            memory: open("memory", "memory.usage_in_bytes").ok_or_else(|| gone(pid))?,
            memory_stat: open("memory", "memory.stat"),
            memory_limit: open("memory", "memory.limit_in_bytes"),
            pids: open("pids", "pids.current"),
            io: open("blkio", &format!("{io}_recursive")).or_else(|| open("blkio", io)),
        })
    }

    fn v2(pid: u32, paths: &HashMap<String, PathBuf>) -> Result<Self> {
        let below = paths.get("").ok_or_else(|| gone(pid))?;
        let open = |file: &str| File::open(Path::new(ROOT).join(below).join(file)).ok();
        Ok(Self {
            v2: true,
            cpu: open("cpu.stat"),
            memory: open("memory.current").ok_or_else(|| gone(pid))?,
            memory_stat: open("memory.stat"),
            memory_limit: open("memory.max"),
            pids: open("pids.current"),
            io: open("io.stat"),
        })
    }

    pub fn read(&self, buffer: &mut [u8]) -> Result<Usage> {
        let mut usage = Usage::default();
        let total = text(&self.memory, buffer).and_then(|t| t.trim().parse::<u64>().ok());
        // The directory is gone: reads of the open file answer ENODEV.
        let total = total.ok_or_else(|| Error::NotFound {
            what: "cgroup".into(),
        })?;
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
    let below = path.trim_start_matches('/');
    let v1 = format!("{ROOT}/memory/{below}/memory.oom_control");
    let v2 = format!("{ROOT}/{below}/memory.events");
    [v1, v2]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| field(&text, "oom_kill"))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

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
