//! Other providers of log-ins as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use warren_entity::linked_logins;

use crate::http::Stamp;

/// Somebody else who vouches for log-ins.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SsoProvider {
    /// Part of its addresses here.
    #[schema(example = "acme")]
    pub id: String,
    /// As people know it.
    #[schema(example = "Acme ID")]
    pub name: String,
}

/// Begins a log-in at another provider.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SsoBegin {
    /// The page to come back to, beginning with one `/`.
    #[serde(default)]
    #[schema(example = "/servers")]
    pub next: Option<String>,
}

/// Begins to connect one's account with a log-in at another provider.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkBegin {
    /// Provider id.
    #[schema(example = "acme")]
    pub provider: String,
    /// The one that is good now.
    #[schema(format = Password)]
    pub current_password: String,
}

/// Where the browser goes next.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SsoAway {
    /// Of the provider.
    #[schema(example = "https://id.example.net/authorize?client_id=warren")]
    pub url: String,
}

/// What a provider sends a browser back with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SsoReturn {
    /// To be changed for what it vouches for.
    pub code: Option<String>,
    /// As it was sent there.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who answers, where several could have been asked.
    pub iss: Option<String>,
}

/// A log-in at another provider that is connected with one's account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LinkedLogin {
    /// ULID.
    pub id: String,
    /// Which provider.
    #[schema(example = "acme")]
    pub provider: String,
    /// As people know it.
    #[schema(example = "Acme ID")]
    pub provider_name: String,
    /// What the provider calls the person.
    #[schema(example = "ann@example.net")]
    pub name: String,
    /// When it was connected.
    pub created_at: Stamp,
    /// Last log-in with it.
    pub last_used_at: Option<Stamp>,
}

impl LinkedLogin {
    pub(super) fn of(row: linked_logins::Model, provider_name: String) -> Self {
        Self {
            id: row.id,
            provider: row.provider,
            provider_name,
            name: row.name,
            created_at: Stamp(row.created_at_ms),
            last_used_at: row.last_used_at_ms.map(Stamp),
        }
    }
}
