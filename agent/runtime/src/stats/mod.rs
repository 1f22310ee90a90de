//! What servers and the node use. Files are opened once per start and read by `pread`: a sample costs
//! microseconds, no call to containerd and no process.

pub(crate) mod cgroup;
mod net;
mod node;

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Instant;

pub use node::{NodeSample, NodeSampler};

use crate::runtime::{Error, Result};
use cgroup::Cgroup;

/// Counters of one container. Rates are the caller's: two samples and the time between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub at: Instant,
    /// CPU time used since the start, in nanoseconds.
    pub cpu_ns: u64,
    /// Memory that can't be reclaimed by dropping file cache.
    pub memory_bytes: u64,
    /// `None`: no limit.
    pub memory_limit_bytes: Option<u64>,
    pub pids: u64,
    pub io_read_bytes: u64,
    pub io_write_bytes: u64,
    /// Into the server.
    pub net_rx_bytes: u64,
    /// Out of the server.
    pub net_tx_bytes: u64,
}

impl Sample {
    /// CPU between two samples in percent of one core.
    pub fn cpu_percent_since(&self, earlier: &Self) -> f64 {
        let elapsed = self.at.saturating_duration_since(earlier.at).as_nanos();
        if elapsed == 0 {
            return 0.0;
        }
        let used = self.cpu_ns.saturating_sub(earlier.cpu_ns);
        used as f64 * 100.0 / elapsed as f64
    }
}

/// Kept-open files of one running container.
#[derive(Debug)]
pub struct Sampler {
    cgroup: Cgroup,
    veth: Option<String>,
    buffer: Vec<u8>,
}

impl Sampler {
    /// Finds the cgroups of a container's first process. `veth` is the host's end of its link.
    /// # Errors
    /// `NotFound` if the process is gone.
    pub fn open(pid: u32, veth: Option<&str>) -> Result<Self> {
        Ok(Self {
            cgroup: Cgroup::of(pid)?,
            veth: veth.map(str::to_owned),
            buffer: vec![0; 16 << 10],
        })
    }

    /// Reads all counters now.
    /// # Errors
    /// `NotFound` once the container is gone.
    pub fn sample(&mut self) -> Result<Sample> {
        let buffer = &mut self.buffer;
        let usage = self.cgroup.read(buffer)?;
        let network = self.veth.as_deref().and_then(net::counters);
        let (from, to) = network.unwrap_or((0, 0));
        Ok(Sample {
            at: Instant::now(),
            cpu_ns: usage.cpu_ns,
            memory_bytes: usage.memory_bytes,
            memory_limit_bytes: usage.memory_limit_bytes,
            pids: usage.pids,
            io_read_bytes: usage.io_read_bytes,
            io_write_bytes: usage.io_write_bytes,
            // What the host's end receives, the server sent.
            net_rx_bytes: to,
            net_tx_bytes: from,
        })
    }
}

fn number(file: &File, buffer: &mut [u8]) -> u64 {
    text(file, buffer)
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

/// The file's content now, as far as it fits.
fn text<'b>(file: &File, buffer: &'b mut [u8]) -> Option<&'b str> {
    let len = file.read_at(buffer, 0).ok()?;
    std::str::from_utf8(buffer.get(..len)?).ok()
}

fn gone(pid: u32) -> Error {
    Error::NotFound {
        what: format!("process {pid}"),
    }
}
