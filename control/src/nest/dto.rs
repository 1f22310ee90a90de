//! Nests as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_entity::nests;

use crate::http::Stamp;

/// A group of eggs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Nest {
    /// ULID.
    pub id: String,
    /// What it is called.
    #[schema(example = "Minecraft")]
    pub name: String,
    /// For people.
    pub description: String,
    /// Eggs that are in it.
    pub eggs: u64,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was changed last.
    pub updated_at: Stamp,
}

impl Nest {
    pub(super) fn of(row: nests::Model, eggs: u64) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            eggs,
            created_at: Stamp(row.created_at_ms),
            updated_at: Stamp(row.updated_at_ms),
        }
    }
}

/// A nest to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NestCreate {
    /// 1 to 64 characters, unique whatever the case.
    #[schema(example = "Minecraft", min_length = 1, max_length = 64)]
    pub name: String,
    /// At most 512 characters.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub description: String,
}

/// Left-out members stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NestPatch {
    /// 1 to 64 characters, unique whatever the case.
    #[schema(min_length = 1, max_length = 64)]
    pub name: Option<String>,
    /// At most 512 characters.
    #[schema(max_length = 512)]
    pub description: Option<String>,
}
