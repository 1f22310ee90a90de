//! Whom an admin looks at the panel as.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_proto::ids::{RoleId, UserId};

/// One of both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewAs {
    /// As this person sees it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub user: Option<UserId>,
    /// As somebody sees it who has this role over everything, and nothing else.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub role: Option<RoleId>,
}

/// How it is looked at from now on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Viewing {
    /// To be sent as `x-view-as` with each GET.
    #[schema(example = "user:01h455vb4pex5vsknk084sn02q")]
    pub header: String,
    /// What the person or the role is called.
    pub name: String,
}
