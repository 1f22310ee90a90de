//! Figures of servers and of the node, from files that are kept open.

use std::collections::HashMap;
use std::path::Path;

use parking_lot::Mutex;
use warren_proto::ids::ServerId;
use warren_proto::wire;
use warren_runtime::stats::{NodeSampler, Sample, Sampler};

use crate::clock;
use crate::server::status::Status;

struct One {
    pid: u32,
    sampler: Sampler,
    /// For each reader the sample before: a rate is between two samples of the same reader.
    before: [Option<Sample>; 2],
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Each second, for viewers.
    Live,
    /// Every 15 s, for control.
    Batch,
}

/// See the module.
pub struct Stats {
    servers: Mutex<HashMap<ServerId, One>>,
    node: Mutex<Option<NodeSampler>>,
}

impl Stats {
    /// `data`: a path on the disk with the servers' files.
    pub fn new(data: &Path) -> Self {
        let node = NodeSampler::new(data);
        if let Err(e) = &node {
            tracing::warn!("{e}");
        }
        Self {
            servers: Mutex::default(),
            node: Mutex::new(node.ok()),
        }
    }

    /// A server now. Without a container only the disk is known.
    pub fn server(&self, server: ServerId, status: &Status, reader: Reader) -> wire::ServerSample {
        let now = clock::wall_ms();
        let mut out = wire::ServerSample {
            server: server.to_string(),
            at_ms: now,
            disk_bytes: status.disk_bytes,
            ..Default::default()
        };
        let mut servers = self.servers.lock();
        let Some(up) = &status.up else {
            servers.remove(&server);
            return out;
        };
        if servers.get(&server).is_none_or(|o| o.pid != up.pid) {
            match Sampler::open(up.pid, up.veth.as_deref()) {
                Ok(sampler) => {
                    let one = One {
                        pid: up.pid,
                        sampler,
                        before: [None, None],
                    };
                    servers.insert(server, one);
                }
                // It ended a moment ago.
                Err(_) => return out,
            }
        }
        let Some(one) = servers.get_mut(&server) else {
            return out;
        };
        let Ok(sample) = one.sampler.sample() else {
            servers.remove(&server);
            return out;
        };
        let before = &mut one.before[reader as usize];
        out.cpu_percent = before.map_or(0.0, |b| sample.cpu_percent_since(&b));
        *before = Some(sample);
        out.memory_bytes = sample.memory_bytes;
        out.memory_limit_bytes = sample.memory_limit_bytes.unwrap_or(0);
        out.rx_bytes = sample.net_rx_bytes;
        out.tx_bytes = sample.net_tx_bytes;
        out.io_read_bytes = sample.io_read_bytes;
        out.io_write_bytes = sample.io_write_bytes;
        out.pids = u32::try_from(sample.pids).unwrap_or(u32::MAX);
        out.uptime_ms = (now - up.started_at_ms).max(0).unsigned_abs();
        out
    }

    /// Forgets servers that are not to be kept, with the files that are held open for them.
    pub fn keep(&self, keep: impl Fn(ServerId) -> bool) {
        self.servers.lock().retain(|server, _| keep(*server));
    }

    /// The node now. CPU is since the call before.
    pub fn node(&self, containers: usize) -> wire::NodeSample {
        let mut node = self.node.lock();
        let sample = node.as_mut().map(NodeSampler::sample).unwrap_or_default();
        wire::NodeSample {
            at_ms: clock::wall_ms(),
            cpu_percent: sample.cpu_percent,
            memory_used_bytes: sample.memory_used_bytes,
            memory_total_bytes: sample.memory_total_bytes,
            disk_used_bytes: sample
                .disk_total_bytes
                .saturating_sub(sample.disk_free_bytes),
            disk_total_bytes: sample.disk_total_bytes,
            rx_bytes: sample.net_rx_bytes,
            tx_bytes: sample.net_tx_bytes,
            load1: sample.load[0],
            containers: u32::try_from(containers).unwrap_or(u32::MAX),
        }
    }
}
