//! Locations as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_entity::locations;

use crate::http::{Stamp, Version};

/// A place that nodes stand at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Location {
    /// ULID.
    pub id: String,
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// What it is called.
    pub name: String,
    /// For people.
    pub description: String,
    /// Nodes that stand there.
    pub nodes: u64,
    /// When it was made.
    pub created_at: Stamp,
}

crate::http::versioned!(Location);

impl Location {
    pub(super) fn of(row: locations::Model, nodes: u64) -> Self {
        Self {
            version: Version::at(row.updated_at_ms),
            id: row.id,
            name: row.name,
            description: row.description,
            nodes,
            created_at: Stamp(row.created_at_ms),
        }
    }
}

/// A location to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationCreate {
    /// 1 to 64 characters, unique whatever the case.
    #[schema(example = "fra-1", max_length = 64)]
    pub name: String,
    /// For people.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub description: String,
}

/// Left-out members stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationPatch {
    /// 1 to 64 characters, unique whatever the case.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
}
