//! Rows of nodes, as the API shows them.

use std::{collections::HashMap, net::IpAddr};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use warren_entity::{nodes, servers};
use warren_proto::state::State;

use super::dto::{
    ConditionInfo, HostInfo, Node, NodeLoad, NodeState, PortRange, Promised, ServerCount,
};
use crate::{
    egg::view::lenient,
    error::Result,
    http::{Stamp, Version},
    server::dto::Limits,
};

/// How a node stands.
#[must_use]
pub fn state(row: &nodes::Model) -> NodeState {
    state_of(
        row.revoked_at_ms.is_some(),
        row.quarantined_because.is_some(),
        row.online,
    )
}

/// How a node of these columns stands.
#[must_use]
pub fn state_of(revoked: bool, quarantined: bool, online: bool) -> NodeState {
    if revoked {
        NodeState::Revoked
    } else if quarantined {
        NodeState::Quarantined
    } else if online {
        NodeState::Online
    } else {
        NodeState::Offline
    }
}

fn is_usable(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok_and(|ip| match ip {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    })
}

fn is_public(text: &str) -> bool {
    let public = text.parse::<IpAddr>().is_ok_and(|ip| match ip {
        IpAddr::V4(v4) => !v4.is_private(),
        IpAddr::V6(v6) => !v6.is_unique_local(),
    });
    public && is_usable(text)
}

/// Which of these others can reach from anywhere, and which from the node's own network.
#[must_use]
pub fn reachable(addresses: Vec<String>) -> (Vec<String>, Vec<String>) {
    let usable = addresses.into_iter().filter(|a| is_usable(a));
    usable.partition(|a| is_public(a))
}

/// What players type, without port, where an admin set nothing: the first address that others can reach, else the
/// first one there is, else the host name.
#[must_use]
pub fn best_host(host: &HostInfo) -> Option<String> {
    let addresses = &host.addresses;
    addresses
        .iter()
        .find(|a| is_public(a))
        .or_else(|| addresses.iter().find(|a| is_usable(a)))
        .or_else(|| addresses.first())
        .cloned()
        .or_else(|| Some(host.hostname.clone()).filter(|name| !name.is_empty()))
}

/// The newest figures. Bytes per second come from two samples, so the first one has none.
fn load(row: &nodes::Model, rates: Option<(f64, f64)>) -> Option<NodeLoad> {
    let load = row.load.as_ref()?;
    let number = |name: &str| load.get(name).and_then(serde_json::Value::as_u64);
    let float = |name: &str| load.get(name).and_then(serde_json::Value::as_f64);
    let (rx, tx) = rates.unwrap_or_default();
    Some(NodeLoad {
        at: Stamp(load.get("at_ms").and_then(serde_json::Value::as_i64)?),
        cpu_percent: float("cpu_percent").unwrap_or_default(),
        memory_used_bytes: number("memory_used_bytes").unwrap_or_default(),
        memory_total_bytes: number("memory_total_bytes").unwrap_or_default(),
        disk_used_bytes: number("disk_used_bytes").unwrap_or_default(),
        disk_total_bytes: number("disk_total_bytes").unwrap_or_default(),
        rx_bytes_per_s: whole(rx),
        tx_bytes_per_s: whole(tx),
        load1: float("load1").unwrap_or_default(),
        containers: number("containers")
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or_default(),
    })
}

/// A rate as a whole number; what is negative or none counts as 0.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturating is what is wanted"
)]
pub fn whole(rate: f64) -> u64 {
    rate.max(0.0) as u64
}

/// Servers of nodes: how many, how many are up, and what they were promised.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tenants {
    count: ServerCount,
    promised: Promised,
}

/// Of each of these nodes.
/// # Errors
/// Database.
pub async fn tenants(
    db: &impl ConnectionTrait,
    nodes: &[String],
) -> Result<HashMap<String, Tenants>> {
    let rows: Vec<(String, String, serde_json::Value)> = servers::Entity::find()
        .filter(servers::Column::NodeId.is_in(nodes.iter().cloned()))
        .filter(servers::Column::DeletedAtMs.is_null())
        .select_only()
        .columns([
            servers::Column::NodeId,
            servers::Column::State,
            servers::Column::Limits,
        ])
        .into_tuple()
        .all(db)
        .await?;
    let mut tenants: HashMap<String, Tenants> = HashMap::new();
    for (node, state, limits) in rows {
        let entry = tenants.entry(node).or_default();
        let limits: Limits = lenient(&limits);
        entry.count.total += 1;
        entry.count.running += u64::from(state.parse::<State>().is_ok_and(State::is_up));
        entry.promised.memory_bytes = entry
            .promised
            .memory_bytes
            .saturating_add(limits.memory_bytes);
        entry.promised.disk_bytes = entry.promised.disk_bytes.saturating_add(limits.disk_bytes);
        entry.promised.cpu_percent += limits.cpu_percent;
    }
    Ok(tenants)
}

/// What an admin should know: in the node's own words, and in control's.
fn conditions(row: &nodes::Model, now_ms: i64) -> Vec<ConditionInfo> {
    let mut all: Vec<ConditionInfo> = lenient(&row.conditions);
    let muted = row.muted_until_ms.is_some_and(|until| until > now_ms);
    if let Some(because) = row.muted_because.as_ref().filter(|_| muted) {
        all.push(ConditionInfo {
            code: "muted".into(),
            message: because.clone(),
            level: "error".into(),
        });
    }
    all
}

/// A node with its tenants and network rates (received, sent).
#[must_use]
pub fn node(row: &nodes::Model, tenants: Tenants, rates: Option<(f64, f64)>, now_ms: i64) -> Node {
    let port = |port: i32| u16::try_from(port).unwrap_or_default();
    Node {
        version: Version::at(row.updated_at_ms),
        id: row.id.clone(),
        name: row.name.clone(),
        state: state(row),
        since: Stamp(row.online_since_ms),
        last_seen_at: row.last_seen_at_ms.map(Stamp),
        rtt_ms: row.rtt_ms,
        player_address: row.player_address.clone(),
        host: lenient(&row.host),
        conditions: conditions(row, now_ms),
        load: load(row, rates),
        servers: tenants.count,
        promised: tenants.promised,
        pending_changes: (row.rev - row.applied_rev).max(0),
        port_range: PortRange {
            first: port(row.port_first),
            last: port(row.port_last),
        },
        labels: lenient(&row.labels),
        location: row.location_id.clone(),
        created_at: Stamp(row.created_at_ms),
        quarantined_because: row.quarantined_because.clone(),
    }
}
