//! Plans as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::{Stamp, Version},
    quota::dto::QuotaLimits,
};

/// A quota with a name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Plan {
    /// ULID.
    pub id: String,
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// What it is called.
    #[schema(example = "Starter")]
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Everybody is on it who is on no other plan and has no quota of their own.
    pub standard: bool,
    /// What somebody's servers may have together.
    pub limits: QuotaLimits,
    /// How many were put on it; those who are on the standard one for want of another are not counted.
    pub people: u64,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was changed last.
    pub updated_at: Stamp,
}

crate::http::versioned!(Plan);

/// A new plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanCreate {
    /// 1 to 64 characters.
    #[schema(example = "Starter", min_length = 1, max_length = 64)]
    pub name: String,
    /// At most 512 characters.
    #[serde(default)]
    pub description: String,
    /// Makes it the standard one, instead of another.
    #[serde(default)]
    pub standard: bool,
    /// What somebody's servers may have together.
    pub limits: QuotaLimits,
}

/// What changes of a plan. Left out: stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanPatch {
    /// 1 to 64 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// At most 512 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// True: it is the standard one from now on, instead of another. False: there is none.
    #[serde(default)]
    pub standard: Option<bool>,
    /// All of them.
    #[serde(default)]
    pub limits: Option<QuotaLimits>,
}
