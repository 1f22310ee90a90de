//! Nodes as the API shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use warren_proto::ids::EggId;

use crate::http::{Sort, Stamp, Version};

/// How a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// Heard from within 30 s.
    Online,
    /// Not connected; its servers go on without us.
    Offline,
    /// Two machines claim its identity; an admin must pick one.
    Quarantined,
    /// Its key is refused.
    Revoked,
}

/// First and last port, both included.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PortRange {
    /// 1 to 65535.
    pub first: u16,
    /// Not below `first`.
    pub last: u16,
}

/// What the machine says about itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct HostInfo {
    /// Host name.
    pub hostname: String,
    /// Operating system.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// `x86_64`, `aarch64`.
    pub arch: String,
    /// Logical processors.
    pub cpus: u32,
    /// Memory of the machine.
    pub memory_bytes: u64,
    /// Size of the file system that holds the servers.
    pub disk_bytes: u64,
    /// Version of the agent.
    pub agent_version: String,
    /// Version of containerd.
    pub containerd_version: String,
    /// 1 or 2.
    pub cgroup_version: u32,
    /// Addresses on the machine's interfaces.
    pub addresses: Vec<String>,
    /// Directories below which the node's own settings allow mounts.
    pub allowed_mounts: Vec<String>,
}

/// Something that an admin should know about a node.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ConditionInfo {
    /// Stable: `forward_drop_docker`, `clock_off`, ...
    pub code: String,
    /// `info`, `warning` or `error`.
    pub level: String,
    /// One sentence.
    pub message: String,
}

/// The machine's figures at one moment.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct NodeLoad {
    /// When.
    pub at: Stamp,
    /// 100 = one core.
    pub cpu_percent: f64,
    /// Memory in use.
    pub memory_used_bytes: u64,
    /// Memory of the machine.
    pub memory_total_bytes: u64,
    /// Disk in use.
    pub disk_used_bytes: u64,
    /// Size of the disk.
    pub disk_total_bytes: u64,
    /// Received.
    pub rx_bytes_per_s: u64,
    /// Sent.
    pub tx_bytes_per_s: u64,
    /// Load average of one minute.
    pub load1: f64,
    /// Running containers of ours.
    pub containers: u32,
}

/// How many servers a node has.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct ServerCount {
    /// All.
    pub total: u64,
    /// In state starting, running or stopping.
    pub running: u64,
}

/// Sum of its servers' limits; those without limit are not in it.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct Promised {
    /// Memory.
    pub memory_bytes: u64,
    /// Disk.
    pub disk_bytes: u64,
    /// 100 = one core.
    pub cpu_percent: f64,
}

/// A machine that runs servers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Node {
    /// ULID.
    pub id: String,
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: NodeState,
    /// Since when it is online or offline.
    pub since: Stamp,
    /// Last word from it.
    pub last_seen_at: Option<Stamp>,
    /// How long its last answer took.
    pub rtt_ms: Option<i32>,
    /// What players type; null: the best of the host's addresses.
    pub player_address: Option<String>,
    /// Facts of the machine.
    pub host: HostInfo,
    /// What an admin should know.
    pub conditions: Vec<ConditionInfo>,
    /// Newest figures.
    pub load: Option<NodeLoad>,
    /// Its servers.
    pub servers: ServerCount,
    /// What they may use.
    pub promised: Promised,
    /// Wanted changes that it has not confirmed.
    pub pending_changes: i64,
    /// Where ports are taken from.
    pub port_range: PortRange,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Id of the location that it stands at.
    pub location: Option<String>,
    /// When it joined first.
    pub created_at: Stamp,
    /// Why it is quarantined.
    pub quarantined_because: Option<String>,
}

crate::http::versioned!(Node);

/// Which nodes.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NodeQuery {
    /// Part of the name, case does not matter; or an id.
    pub search: Option<String>,
    /// How they stand.
    #[param(inline)]
    pub state: Option<NodeState>,
    /// `name`, `-name`, `created_at` or `-created_at`; without it the oldest first.
    #[param(inline)]
    pub sort: Option<Sort>,
    /// Rows per page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// Left-out members stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodePatch {
    /// 1 to 64 characters, unique.
    pub name: Option<String>,
    /// IP address or host name that players use; an empty string clears it.
    pub player_address: Option<String>,
    /// Where ports are taken from; ports in use stay with their servers.
    pub port_range: Option<PortRange>,
    /// Id of the location that it stands at; an empty string: nowhere. For those who may change all nodes.
    pub location: Option<String>,
}

/// How to remove a node.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NodeDelete {
    /// Also when it still has servers; they are forgotten.
    #[serde(default)]
    #[param(required = false)]
    pub force: bool,
}

/// Which of two machines keeps the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdentityKeep {
    /// The one that control knew before.
    Current,
    /// The one that came later.
    Newcomer,
}

/// An admin's decision about a forked identity.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityRequest {
    /// Who keeps it.
    pub keep: IdentityKeep,
}

/// A server that a node has and control does not know.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Orphan {
    /// Server id.
    pub server: String,
    /// State as observed.
    pub state: String,
    /// When it was named last.
    pub seen_at: Stamp,
}

/// What becomes of an orphan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrphanAction {
    /// Take it back under control.
    Adopt,
    /// Remove it from the node; files are kept for 7 days.
    Delete,
}

/// What becomes of an orphan.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrphanRequest {
    /// What to do.
    pub action: OrphanAction,
    /// To adopt: the egg's id, where the one that the server was made from is not here under its old id.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub egg: Option<EggId>,
}

/// A stretch of time.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MetricsQuery {
    /// RFC 3339; one hour ago by default.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Stamp>,
    /// RFC 3339; now by default.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<Stamp>,
    /// Seconds between points; the nearest that is stored (15, 60, 3600) and gives at most 1500 points.
    pub step: Option<u32>,
}

/// Figures over time; each series is as long as `at`, null where nothing is known.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct MetricSeries {
    /// Seconds between points.
    pub step_s: u32,
    /// Unix seconds.
    pub at: Vec<i64>,
    /// By name: `cpu_percent`, `memory_bytes`, ...
    pub series: BTreeMap<String, Vec<Option<f64>>>,
}
