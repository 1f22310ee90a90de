//! What a person changes about themselves.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::session::dto::User;

/// Left-out members stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// Log-in name: 1 to 64 of letters, digits, `.`, `_`, `-`.
    pub username: Option<String>,
    /// E-mail address. Another one takes the current password: links to another password go there. Where the panel sends mail
    /// it counts once the link that is sent to it is used.
    pub email: Option<String>,
    /// The one that is good now.
    #[schema(format = Password)]
    pub current_password: Option<String>,
}

/// An account after a change.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccountChanged {
    /// As it is now.
    #[serde(flatten)]
    pub user: User,
    /// A link was sent to this address, which is the account's once the link is used. Null: what was asked for is done.
    pub email_pending: Option<String>,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The one that is good now.
    #[schema(format = Password)]
    pub current_password: String,
    /// 10 to 256 characters.
    #[schema(format = Password, min_length = 10, max_length = 256)]
    pub new_password: String,
}
