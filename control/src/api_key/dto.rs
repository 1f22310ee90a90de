//! Personal API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Stamp;

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyCreate {
    /// What it is for, 1 to 64 characters.
    pub name: String,
    /// When it stops working; null: never.
    pub expires_at: Option<Stamp>,
}

/// A key without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKey {
    /// ULID.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// How the secret begins, to tell keys apart.
    pub prefix: String,
    /// When it was made.
    pub created_at: Stamp,
    /// To the minute; null: never.
    pub last_used_at: Option<Stamp>,
    /// Null: never.
    pub expires_at: Option<Stamp>,
}

impl From<warren_entity::api_keys::Model> for ApiKey {
    fn from(key: warren_entity::api_keys::Model) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            created_at: Stamp(key.created_at_ms),
            last_used_at: key.last_used_at_ms.map(Stamp),
            expires_at: key.expires_at_ms.map(Stamp),
        }
    }
}

/// The only time that the secret is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKeyCreated {
    /// The key.
    pub key: ApiKey,
    /// For `Authorization: Bearer`.
    pub secret: String,
}
