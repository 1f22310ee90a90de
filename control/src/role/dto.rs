//! Roles as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_proto::ids::UserId;

use crate::{
    access::{Key, preset},
    http::{Stamp, Version},
    operation::dto::Named,
};

/// One thing that somebody may or may not do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Permission {
    /// `resource.action`.
    pub key: String,
    /// What it is about: `server`, `node`, `egg`, `person`, `role` or `admin`. Keys of `server` alone can be
    /// given to subusers.
    pub set: String,
    /// What it allows.
    pub description: String,
}

impl From<Key> for Permission {
    fn from(key: Key) -> Self {
        Self {
            key: key.as_str().into(),
            set: key.set().as_str().into(),
            description: key.description().into(),
        }
    }
}

/// What there is to be given.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Permissions {
    /// All keys, in the order of their sets.
    pub keys: Vec<Permission>,
    /// Sets of keys that subusers are often given.
    pub presets: Vec<Preset>,
}

/// A set of keys under a name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Preset {
    /// `viewer`, `operator`, `developer` or `admin`.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its keys.
    pub keys: Vec<String>,
}

impl From<preset::Preset> for Preset {
    fn from(preset: preset::Preset) -> Self {
        Self {
            name: preset.name.into(),
            description: preset.description.into(),
            keys: preset.keys.names(),
        }
    }
}

/// A named set of keys.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Role {
    /// ULID.
    pub id: String,
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// What it is called.
    pub name: String,
    /// For people.
    pub description: String,
    /// Its keys.
    pub keys: Vec<String>,
    /// Counts only for people whose log-in takes a second step.
    pub second_factor: bool,
    /// How many times it was given to somebody.
    pub grants: u64,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was last changed.
    pub updated_at: Stamp,
}

crate::http::versioned!(Role);

/// A role to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleCreate {
    /// 1 to 64 characters, unique whatever the case.
    #[schema(example = "Support", max_length = 64)]
    pub name: String,
    /// For people.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub description: String,
    /// Its keys, of those that one has oneself.
    #[schema(example = json!(["server.read", "control.console"]))]
    pub keys: Vec<String>,
    /// Counts only for people whose log-in takes a second step.
    #[serde(default)]
    pub second_factor: bool,
}

/// Left-out members stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolePatch {
    /// 1 to 64 characters, unique whatever the case.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// All of its keys from now on.
    pub keys: Option<Vec<String>>,
    /// Counts only for people whose log-in takes a second step.
    pub second_factor: Option<bool>,
}

/// What a role is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReachKind {
    /// The whole panel.
    Everything,
    /// All nodes that stand there, and what runs on them.
    Location,
    /// One node and what runs on it.
    Node,
    /// One server.
    Server,
}

/// A role that somebody has.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RoleGrant {
    /// ULID.
    pub id: String,
    /// Who has it.
    pub user: Named,
    /// What they have.
    pub role: Named,
    /// Over what.
    pub reach: ReachKind,
    /// Over which one; null for everything.
    pub target: Option<Named>,
    /// Counts for nothing from then on; null: never ends.
    pub expires_at: Option<Stamp>,
    /// Since when.
    pub created_at: Stamp,
}

/// A role to be given.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantCreate {
    /// To whom.
    #[schema(value_type = String)]
    pub user: UserId,
    /// Over what.
    pub reach: ReachKind,
    /// Id of the location, node or server; left out for everything.
    pub target: Option<String>,
    /// When it ends by itself; left out: never.
    pub expires_at: Option<Stamp>,
}
