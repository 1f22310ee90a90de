//! Personal API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{access::KeySet, http::Stamp};

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyCreate {
    /// What it is for, 1 to 64 characters.
    pub name: String,
    /// When it stops working; null: never.
    pub expires_at: Option<Stamp>,
    /// Permission keys that it is for; null: all that its owner has. It never has more than they have.
    #[schema(example = json!(["server.read", "control.start"]))]
    pub keys: Option<Vec<String>>,
    /// Addresses or networks that it may come from; null: from anywhere.
    #[schema(example = json!(["192.0.2.7", "2001:db8::/32"]))]
    pub addresses: Option<Vec<String>>,
    /// Requests that it may make in a minute, 1 to 3000; null: as many as any.
    #[schema(minimum = 1, maximum = 3000)]
    pub requests_per_minute: Option<i32>,
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
    /// Permission keys that it is for; null: all that its owner has.
    pub keys: Option<Vec<String>>,
    /// Addresses or networks that it may come from; null: from anywhere.
    pub addresses: Option<Vec<String>>,
    /// Null: as many as any.
    pub requests_per_minute: Option<i32>,
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
            keys: key.keys.as_ref().map(|keys| KeySet::stored(keys).names()),
            addresses: key.addresses.as_ref().map(addresses),
            requests_per_minute: key.per_minute,
        }
    }
}

/// What a table keeps of a key's addresses.
#[must_use]
pub fn addresses(stored: &serde_json::Value) -> Vec<String> {
    let texts = stored.as_array().into_iter().flatten();
    texts
        .filter_map(|t| t.as_str().map(str::to_owned))
        .collect()
}

/// The only time that the secret is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKeyCreated {
    /// The key.
    pub key: ApiKey,
    /// For `Authorization: Bearer`.
    pub secret: String,
}
