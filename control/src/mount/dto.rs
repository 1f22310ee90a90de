//! Mounts as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{http::Stamp, operation::dto::Named};

/// A directory of nodes that servers may see.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Mount {
    /// ULID.
    pub id: String,
    /// What it is called.
    #[schema(example = "Maps")]
    pub name: String,
    /// What is in it.
    pub description: String,
    /// On the node.
    #[schema(example = "/srv/games/maps")]
    pub source: String,
    /// In the container.
    #[schema(example = "/mnt/maps")]
    pub target: String,
    /// Games can't change what is there.
    pub read_only: bool,
    /// Whoever has `mount.use` on a server switches it on there; else it takes `admin.server.limits`.
    pub self_service: bool,
    /// Offered on every node.
    pub all_nodes: bool,
    /// Nodes that it is offered on.
    pub nodes: Vec<Named>,
    /// It is offered on all nodes that stand there.
    pub locations: Vec<Named>,
    /// Offered to servers of every egg.
    pub all_eggs: bool,
    /// It is offered to servers of these.
    pub eggs: Vec<Named>,
    /// Servers that have it switched on.
    pub servers: u64,
    /// Nodes that it is offered on and whose own settings (`allowed_mounts`) do not allow its source: no server starts with it
    /// there. At most 20 of them.
    pub refusing_nodes: Vec<Named>,
    /// How many those are.
    pub refusing: u64,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was changed last.
    pub updated_at: Stamp,
}

fn yes() -> bool {
    true
}

/// A mount to be made. Without `nodes`, `locations` or `all_nodes` it is offered nowhere; without `eggs` or `all_eggs` to no
/// server.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MountCreate {
    /// 1 to 64 characters, unique whatever the case.
    #[schema(example = "Maps", min_length = 1, max_length = 64)]
    pub name: String,
    /// At most 512 characters.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub description: String,
    /// Absolute path on the node, without `.`, `..` or symlinks. The node's own settings must allow it.
    #[schema(example = "/srv/games/maps", max_length = 512)]
    pub source: String,
    /// Absolute path in the container: neither the server's own files nor a directory of the system.
    #[schema(example = "/mnt/maps", max_length = 512)]
    pub target: String,
    /// Games can't change what is there.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub read_only: bool,
    /// Owners switch it on by themselves.
    #[serde(default)]
    pub self_service: bool,
    /// Offered on every node.
    #[serde(default)]
    pub all_nodes: bool,
    /// Ids of nodes that it is offered on.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// Ids of locations on whose nodes it is offered.
    #[serde(default)]
    pub locations: Vec<String>,
    /// Offered to servers of every egg.
    #[serde(default)]
    pub all_eggs: bool,
    /// Ids of eggs to whose servers it is offered.
    #[serde(default)]
    pub eggs: Vec<String>,
}

/// Left-out members stay; a list replaces the one that was.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MountPatch {
    /// 1 to 64 characters, unique whatever the case.
    #[schema(min_length = 1, max_length = 64)]
    pub name: Option<String>,
    /// At most 512 characters.
    #[schema(max_length = 512)]
    pub description: Option<String>,
    /// Absolute path on the node.
    #[schema(max_length = 512)]
    pub source: Option<String>,
    /// Absolute path in the container.
    #[schema(max_length = 512)]
    pub target: Option<String>,
    /// Games can't change what is there.
    pub read_only: Option<bool>,
    /// Owners switch it on by themselves. Where it is on, it stays on.
    pub self_service: Option<bool>,
    /// Offered on every node.
    pub all_nodes: Option<bool>,
    /// Ids of nodes that it is offered on.
    pub nodes: Option<Vec<String>>,
    /// Ids of locations on whose nodes it is offered.
    pub locations: Option<Vec<String>>,
    /// Offered to servers of every egg.
    pub all_eggs: Option<bool>,
    /// Ids of eggs to whose servers it is offered.
    pub eggs: Option<Vec<String>>,
}
