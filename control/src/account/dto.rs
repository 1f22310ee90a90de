//! What a person changes about themselves.

use serde::Deserialize;
use utoipa::ToSchema;

/// Left-out members stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// Log-in name: 1 to 64 of letters, digits, `.`, `_`, `-`.
    pub username: Option<String>,
    /// E-mail address. Another one takes the current password: links to another password go there.
    pub email: Option<String>,
    /// The one that is good now.
    #[schema(format = Password)]
    pub current_password: Option<String>,
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
