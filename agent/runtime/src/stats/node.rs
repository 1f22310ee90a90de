//! The node's own figures.

use std::path::{Path, PathBuf};

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, Networks, RefreshKind, System};

use crate::console::free_bytes;
use crate::runtime::{Error, Result};

/// The node at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NodeSample {
    /// Of all cores together since the sample before; 100 = one core.
    pub cpu_percent: f64,
    pub cpus: u32,
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
    pub swap_used_bytes: u64,
    pub swap_total_bytes: u64,
    /// Of the filesystem with the servers' data.
    pub disk_free_bytes: u64,
    pub disk_total_bytes: u64,
    /// Over all interfaces that are not virtual ones of ours, since boot.
    pub net_rx_bytes: u64,
    pub net_tx_bytes: u64,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    pub uptime_s: u64,
}

/// Keeps what is needed for rates between samples.
pub struct NodeSampler {
    system: System,
    networks: Networks,
    data: PathBuf,
}

impl NodeSampler {
    /// `data`: any path on the filesystem with the servers' data.
    /// # Errors
    /// `Unsupported` where `/proc` is closed to us.
    pub fn new(data: &Path) -> Result<Self> {
        let kinds = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_usage())
            .with_memory(MemoryRefreshKind::everything());
        let closed = |e: sysinfo::Error| Error::Unsupported(format!("figures of this node: {e}"));
        Ok(Self {
            system: System::new_with_specifics(kinds).map_err(closed)?,
            networks: Networks::new_with_refreshed_list().map_err(closed)?,
            data: data.to_owned(),
        })
    }

    /// CPU is since the call before; the first one after [`Self::new`] covers little.
    pub fn sample(&mut self) -> NodeSample {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.networks.refresh(true);
        let cpus = self.system.cpus().len();
        let load = System::load_average().map_or([0.0; 3], |l| [l.one, l.five, l.fifteen]);
        let (mut rx, mut tx) = (0, 0);
        for (name, network) in self.networks.iter() {
            // Physical interfaces have a device behind them; bridges and veths do not.
            let real = Path::new("/sys/class/net")
                .join(name)
                .join("device")
                .exists();
            if real {
                rx += network.total_received();
                tx += network.total_transmitted();
            }
        }
        NodeSample {
            cpu_percent: f64::from(self.system.global_cpu_usage()) * cpus as f64,
            cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
            memory_used_bytes: self.system.used_memory(),
            memory_total_bytes: self.system.total_memory(),
            swap_used_bytes: self.system.used_swap(),
            swap_total_bytes: self.system.total_swap(),
            disk_free_bytes: free_bytes(&self.data).unwrap_or(0),
            disk_total_bytes: total_bytes(&self.data),
            net_rx_bytes: rx,
            net_tx_bytes: tx,
            load,
            uptime_s: System::uptime().unwrap_or(0),
        }
    }
}

fn total_bytes(path: &Path) -> u64 {
    rustix::fs::statvfs(path).map_or(0, |s| s.f_blocks.saturating_mul(s.f_frsize))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_running_machine_has_figures() {
        let sample = NodeSampler::new(Path::new("/")).unwrap().sample();
        assert!(sample.cpus > 0 && sample.memory_used_bytes > 0);
        assert!(sample.disk_free_bytes > 0 && sample.disk_free_bytes <= sample.disk_total_bytes);
        assert!(sample.uptime_s > 0);
    }
}
