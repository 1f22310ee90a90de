//! Passkeys as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_entity::passkeys;

use crate::http::Stamp;

/// A passkey of one's own.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Passkey {
    /// ULID.
    pub id: String,
    /// What its owner calls it.
    #[schema(example = "Phone")]
    pub name: String,
    /// Name of the panel under which it is good.
    #[schema(example = "panel.example.net")]
    pub host: String,
    /// Its owner's devices share it; false: it lies on one device.
    pub synced: bool,
    /// When it was made.
    pub created_at: Stamp,
    /// Last log-in with it.
    pub last_used_at: Option<Stamp>,
}

impl From<passkeys::Model> for Passkey {
    fn from(row: passkeys::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            host: row.host,
            synced: row.synced,
            created_at: Stamp(row.created_at_ms),
            last_used_at: row.last_used_at_ms.map(Stamp),
        }
    }
}

/// Begins to make a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyBegin {
    /// The one that is good now.
    #[schema(format = Password)]
    pub current_password: String,
}

/// What the browser is to do. Good for five minutes, and once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PasskeyOffer {
    /// To be sent back as it is.
    pub state: String,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`, for `navigator.credentials`.
    #[schema(value_type = Object)]
    pub options: serde_json::Value,
}

/// A passkey that the browser made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyCreate {
    /// 1 to 64 characters.
    #[schema(example = "Phone", min_length = 1, max_length = 64)]
    pub name: String,
    /// Of the offer.
    pub state: String,
    /// `RegistrationResponseJSON`: what `toJSON()` of the credential gives.
    #[schema(value_type = Object)]
    pub credential: serde_json::Value,
}

/// Calls it something else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyPatch {
    /// 1 to 64 characters.
    #[schema(example = "Old phone", min_length = 1, max_length = 64)]
    pub name: String,
}

/// A log-in with a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyLogin {
    /// Of the offer.
    pub state: String,
    /// `AuthenticationResponseJSON`: what `toJSON()` of the credential gives.
    #[schema(value_type = Object)]
    pub credential: serde_json::Value,
}
