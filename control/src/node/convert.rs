//! What nodes say of themselves, tamed, as the database and the API have it.

use serde_json::{Value, json};
use warren_proto::{mount, wire};

use crate::text::tame;

/// `nodes.host`.
#[must_use]
pub fn host(facts: &wire::HostFacts) -> Value {
    let addresses: Vec<String> = facts
        .addresses
        .iter()
        .take(32)
        .map(|a| tame(a, 64))
        .collect();
    let roots = facts.allowed_mounts.iter().take(64);
    let roots: Vec<&String> = roots.filter(|root| mount::source(root).is_ok()).collect();
    json!({
        "hostname": tame(&facts.hostname, 253),
        "os": tame(&facts.os, 100),
        "kernel": tame(&facts.kernel, 100),
        "arch": tame(&facts.arch, 32),
        "cpus": facts.cpus,
        "memory_bytes": facts.memory_bytes,
        "disk_bytes": facts.disk_bytes,
        "agent_version": tame(&facts.agent_version, 64),
        "containerd_version": tame(&facts.containerd_version, 64),
        "cgroup_version": facts.cgroup_version,
        "addresses": addresses,
        "allowed_mounts": roots,
    })
}

/// One condition.
#[must_use]
pub fn condition(condition: &wire::Condition) -> Value {
    let level = match &*condition.level {
        "info" => "info",
        "error" => "error",
        _ => "warning",
    };
    json!({
        "code": tame(&condition.code, 64),
        "message": tame(&condition.message, 500),
        "level": level,
    })
}

/// `nodes.conditions`: at most 32.
#[must_use]
pub fn conditions(conditions: &[wire::Condition]) -> Value {
    Value::Array(conditions.iter().take(32).map(condition).collect())
}

/// `nodes.load`.
#[must_use]
pub fn load(sample: &wire::NodeSample) -> Value {
    json!({
        "at_ms": sample.at_ms,
        "cpu_percent": finite(sample.cpu_percent),
        "memory_used_bytes": sample.memory_used_bytes,
        "memory_total_bytes": sample.memory_total_bytes,
        "disk_used_bytes": sample.disk_used_bytes,
        "disk_total_bytes": sample.disk_total_bytes,
        "rx_bytes": sample.rx_bytes,
        "tx_bytes": sample.tx_bytes,
        "load1": finite(sample.load1),
        "containers": sample.containers,
    })
}

/// `server_samples.sample`.
#[must_use]
pub fn sample(sample: &wire::ServerSample) -> Value {
    json!({
        "at_ms": sample.at_ms,
        "cpu_percent": finite(sample.cpu_percent),
        "memory_bytes": sample.memory_bytes,
        "memory_limit_bytes": sample.memory_limit_bytes,
        "rx_bytes": sample.rx_bytes,
        "tx_bytes": sample.tx_bytes,
        "disk_bytes": sample.disk_bytes,
        "io_read_bytes": sample.io_read_bytes,
        "io_write_bytes": sample.io_write_bytes,
        "pids": sample.pids,
        "uptime_ms": sample.uptime_ms,
    })
}

fn finite(n: f64) -> f64 {
    if n.is_finite() {
        (n * 100.0).round() / 100.0
    } else {
        0.0
    }
}
