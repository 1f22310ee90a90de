//! Subusers as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Stamp, Version};

/// Somebody who may do some things on a server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Subuser {
    /// User id.
    pub id: String,
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// Log-in name.
    pub username: String,
    /// E-mail address; null for those who may not see it.
    pub email: Option<String>,
    /// They were invited and have not come yet.
    pub invited: bool,
    /// What they may do.
    pub keys: Vec<String>,
    /// Counts for nothing from then on; null: never ends.
    pub expires_at: Option<Stamp>,
    /// Since when.
    pub created_at: Stamp,
}

crate::http::versioned!(Subuser);

/// Somebody to be given access.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubuserCreate {
    /// Log-in name or e-mail address of an account. Where the panel sends mail, the address of somebody without one invites them.
    #[schema(example = "ann@example.net", max_length = 254)]
    pub login: String,
    /// What they may do, of what one may oneself.
    #[schema(example = json!(["control.console", "control.start"]))]
    pub keys: Vec<String>,
    /// When it ends by itself; left out: never.
    pub expires_at: Option<Stamp>,
}

/// All of what they may do from now on.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubuserUpdate {
    /// What they may do, of what one may oneself.
    pub keys: Vec<String>,
    /// When it ends by itself; left out: never.
    pub expires_at: Option<Stamp>,
}
