//! Ports of a node.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A port on a node.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Allocation {
    /// ULID.
    pub id: String,
    /// Node.
    pub node: String,
    /// Address on the node; `0.0.0.0`: all.
    pub ip: String,
    /// Port.
    pub port: u16,
    /// Who has it.
    pub server: Option<String>,
    /// The server's first port.
    pub primary: bool,
    /// What players see instead of the address.
    pub alias: Option<String>,
    /// What else holds the port on the node.
    pub taken_by: Option<String>,
    /// Taken from the offer.
    pub withdrawn: bool,
}

impl From<warren_entity::allocations::Model> for Allocation {
    fn from(row: warren_entity::allocations::Model) -> Self {
        Self {
            id: row.id,
            node: row.node_id,
            ip: row.ip,
            port: u16::try_from(row.port).unwrap_or_default(),
            server: row.server_id,
            primary: row.is_primary,
            alias: row.alias,
            taken_by: row.taken_by,
            withdrawn: row.withdrawn,
        }
    }
}

/// Which ports.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AllocationQuery {
    /// Those that were taken from the offer instead of those that are in it.
    #[serde(default)]
    #[param(required = false)]
    pub withdrawn: bool,
    /// Rows per page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// Left-out members stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocationPatch {
    /// IP address or host name that players use for this port; an empty string clears it.
    pub alias: Option<String>,
    /// Forget what else held the port; the next start on it finds out.
    #[serde(default)]
    pub free: bool,
}

/// Ports to be offered.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocationCreate {
    /// Address on the node; `0.0.0.0` by default.
    pub ip: Option<String>,
    /// `25565-25600,27015`; at most 1000 ports.
    pub ports: String,
}

/// What was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AllocationsCreated {
    /// New ones.
    pub items: Vec<Allocation>,
    /// Ports that the node had already.
    pub already: Vec<u16>,
}
