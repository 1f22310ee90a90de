//! Ports of a node.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
        }
    }
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
