//! Join tokens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use warren_proto::ids::NodeId;

use crate::{http::Stamp, node::dto::PortRange};

/// A token to be made.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinTokenCreate {
    /// For people, at most 64 characters.
    pub name: Option<String>,
    /// How many machines may use it.
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    pub uses: Option<u32>,
    /// Seconds until it expires, at most 30 days.
    #[schema(minimum = 60, maximum = 2_592_000, default = 3600)]
    pub expires_in_s: Option<u32>,
    /// Labels that the nodes get.
    pub labels: Option<BTreeMap<String, String>>,
    /// Port range that the nodes get; 25565 to 25664 by default.
    pub port_range: Option<PortRange>,
    /// Takes this node back: for a machine that lost its key, or one that was revoked. Whoever joins with the
    /// token becomes this node, once; it keeps its labels and ports. Without it a token makes new nodes, and takes
    /// back those that prove their old key.
    #[schema(value_type = Option<String>)]
    pub node: Option<NodeId>,
}

/// How to make it.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JoinTokenQuery {
    /// For a node on this machine: a loopback address is fine.
    #[serde(default)]
    #[param(required = false)]
    pub local: bool,
}

/// The only time that the token is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct JoinTokenCreated {
    /// ULID.
    pub id: String,
    /// The token.
    pub token: String,
    /// For a machine that has the agent: `warren-agent join …`.
    pub command: String,
    /// For any machine: fetches and runs the install script. Null when control has no address that others reach.
    pub install_command: Option<String>,
    /// When it expires.
    pub expires_at: Stamp,
}

/// A token without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct JoinTokenInfo {
    /// ULID.
    pub id: String,
    /// For people.
    pub name: String,
    /// How many machines may still use it.
    pub uses_left: i64,
    /// The node that it takes back; null: it makes new ones.
    pub node: Option<String>,
    /// When it expires.
    pub expires_at: Stamp,
    /// When it was made.
    pub created_at: Stamp,
    /// Ids of the nodes that came with it.
    pub used_by: Vec<String>,
}
