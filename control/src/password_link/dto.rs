//! What asking for a link and using it takes.

use serde::Deserialize;
use utoipa::ToSchema;

/// Somebody forgot their password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordForgotten {
    /// User name or e-mail address; case does not matter.
    #[schema(example = "ann@example.net", max_length = 254)]
    pub login: String,
}

/// Somebody sets a password by a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordByLink {
    /// What the link holds behind `token=`.
    #[schema(format = Password)]
    pub token: String,
    /// 10 to 256 characters.
    #[schema(format = Password, min_length = 10, max_length = 256)]
    pub new_password: String,
}
