//! What using such a link takes.

use serde::Deserialize;
use utoipa::ToSchema;

/// Somebody shows that a mail has reached them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailByLink {
    /// What the link holds behind `token=`.
    #[schema(format = Password)]
    pub token: String,
}
