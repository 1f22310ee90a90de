//! Registries as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_entity::registries;

use crate::http::{Stamp, Version};

/// A registry without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Registry {
    /// ULID.
    pub id: String,
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// `ghcr.io`, `registry.example:5000`; `docker.io` is Docker's own.
    pub host: String,
    /// Empty for a bearer token.
    pub username: String,
    /// When it was made.
    pub created_at: Stamp,
    /// When its credential was last changed.
    pub updated_at: Stamp,
}

crate::http::versioned!(Registry);

impl From<registries::Model> for Registry {
    fn from(row: registries::Model) -> Self {
        Self {
            version: Version::at(row.updated_at_ms),
            id: row.id,
            host: row.host,
            username: row.username,
            created_at: Stamp(row.created_at_ms),
            updated_at: Stamp(row.updated_at_ms),
        }
    }
}

/// A registry to be made known.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryCreate {
    /// Host, with its port where it has one of its own; no scheme and no path.
    #[schema(example = "ghcr.io", max_length = 253)]
    pub host: String,
    /// Who we are there; empty for a bearer token.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub username: String,
    /// Password or token. Never shown again.
    #[schema(max_length = 4096)]
    pub password: String,
}

/// Another credential for a registry.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryUpdate {
    /// Who we are there; empty for a bearer token.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub username: String,
    /// Password or token. Never shown again.
    #[schema(max_length = 4096)]
    pub password: String,
}
