//! People as the API shows them to those who look after them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use warren_proto::ids::{NodeId, ServerId};

use crate::{
    http::{Sort, Stamp, Version},
    operation::dto::Named,
};

/// Somebody with an account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Person {
    /// ULID.
    pub id: String,
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// Log-in name.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// May do everything.
    pub admin: bool,
    /// Has not chosen a password of their own yet.
    pub must_change_password: bool,
    /// Their log-in takes a second step.
    pub second_factor: bool,
    /// Null: they are not suspended.
    pub suspended: Option<Suspension>,
    /// Servers that they own.
    pub servers: u64,
    /// Roles that they have, each once.
    pub roles: Vec<Named>,
    /// Last request of a log-in that has not ended, to the minute.
    pub last_seen_at: Option<Stamp>,
    /// When the account was made.
    pub created_at: Stamp,
}

crate::http::versioned!(Person);

/// Since when somebody may do nothing, and why.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Suspension {
    /// Since when.
    pub since: Stamp,
    /// As they are told at a log-in; may be empty.
    pub reason: String,
}

/// Somebody is to be suspended.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspensionAsk {
    /// Told to them at a log-in.
    #[serde(default)]
    #[schema(example = "Unpaid since October", max_length = 512)]
    pub reason: String,
}

/// Which people.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PersonQuery {
    /// How the name or the address begins, case does not matter; or an id.
    pub search: Option<String>,
    /// `name`, `-name`, `created_at` or `-created_at`; without it the oldest first.
    #[param(inline)]
    pub sort: Option<Sort>,
    /// Rows per page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// An account to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonCreate {
    /// 1 to 64 of: letters, digits, dot, underscore, hyphen.
    #[schema(example = "ann", max_length = 64)]
    pub username: String,
    /// Unique whatever the case.
    #[schema(example = "ann@example.net", max_length = 254)]
    pub email: String,
    /// Left out: one is made up, shown once, and must be changed at the first log-in.
    #[schema(format = Password)]
    pub password: Option<String>,
    /// May do everything. Only an admin makes one.
    #[serde(default)]
    pub admin: bool,
    /// Sends them a link by mail with which they choose a password within a week. Needs mail (409 `mail_off`).
    #[serde(default)]
    pub invite: bool,
}

/// The only time that a made-up password is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PersonCreated {
    /// The account.
    pub user: Person,
    /// Good until it is changed at the first log-in; null when it was given or they choose one.
    pub password: Option<String>,
}

/// The only time that it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FirstPassword {
    /// Good until it is changed at the next log-in.
    pub password: String,
}

/// Left-out members stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonPatch {
    /// 1 to 64 of: letters, digits, dot, underscore, hyphen.
    pub username: Option<String>,
    /// Unique whatever the case.
    pub email: Option<String>,
    /// May do everything. Only an admin changes it.
    pub admin: Option<bool>,
}

/// What is asked about somebody's rights.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhyQuery {
    /// Permission key.
    pub key: String,
    /// On this server.
    #[param(value_type = Option<String>)]
    pub server: Option<ServerId>,
    /// On this node. With neither: on the panel.
    #[param(value_type = Option<String>)]
    pub node: Option<NodeId>,
}

/// Why somebody may or may not do something at this moment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Why {
    /// What was asked.
    pub key: String,
    /// The answer of the one function that all doors ask.
    pub allowed: bool,
    /// All that lead to it, each enough by itself; empty when it is not allowed.
    pub because: Vec<Reason>,
}

/// One thing that gives a right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reason {
    /// `admin`, `owner`, `share`, `role` or `sees` (whoever has any right on a server sees it); `role_waits` for one that
    /// allows it once their log-in takes a second step.
    pub kind: String,
    /// For a person.
    pub text: String,
    /// The role.
    pub role: Option<Named>,
}

/// Asks for an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// Log-in name that one would like: 1 to 64 of letters, digits, `.`, `_`, `-`. One that is taken gets a number behind it.
    #[schema(example = "ann")]
    pub username: String,
    /// Where the link goes.
    #[schema(example = "ann@example.net")]
    pub email: String,
}
