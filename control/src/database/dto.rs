//! Databases as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use warren_proto::ids::DatabaseHostId;

use crate::{database_host::dto::Engine, http::Stamp};

/// How far a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseState {
    /// It is being made.
    Creating,
    /// It can be used.
    Ready,
    /// It gets another password; whether the old one still counts is not known.
    Rotating,
    /// It is being removed.
    Dropping,
}

impl DatabaseState {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Ready => "ready",
            Self::Rotating => "rotating",
            Self::Dropping => "dropping",
        }
    }

    /// Reads the word in the database.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "creating" => Self::Creating,
            "rotating" => Self::Rotating,
            "dropping" => Self::Dropping,
            _ => Self::Ready,
        }
    }
}

/// Where a database is, as games reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DatabaseHostRef {
    /// ULID.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it speaks.
    pub engine: Engine,
    /// Host name or IP address.
    pub address: String,
    /// Port.
    pub port: u16,
}

/// A host on which a server may get a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DatabaseHostChoice {
    /// The host.
    #[serde(flatten)]
    pub host: DatabaseHostRef,
    /// It takes no more.
    pub full: bool,
    /// Connections to one database at a time at most; null: no limit.
    pub most_connections: Option<u32>,
}

/// What keeps a database from being as it is wanted. It is tried again by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DatabaseProblem {
    /// A word: `unreachable`, `timed_out`, `tls`, `wrong_engine`, `credentials`, `privileges`, `busy`, `refused`, `sealed`.
    pub code: String,
    /// For a person.
    pub detail: String,
    /// When it is tried again.
    pub retry_at: Stamp,
}

/// A database of a server, without its password.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Database {
    /// ULID.
    pub id: String,
    /// Its name on the host.
    #[schema(example = "w5k2p9x0tq3_shop")]
    pub name: String,
    /// The account that reaches it, and nothing else.
    #[schema(example = "u5k2p9x0tq3")]
    pub username: String,
    /// Where it is.
    pub host: DatabaseHostRef,
    /// From where the account may come, `%` is from anywhere; always so with PostgreSQL.
    pub connections_from: String,
    /// Connections at a time; null: no limit.
    pub most_connections: Option<u32>,
    /// How far it is.
    pub state: DatabaseState,
    /// What is in the way; null: nothing.
    pub problem: Option<DatabaseProblem>,
    /// When it was made.
    pub created_at: Stamp,
}

/// A database to be made.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseCreate {
    /// What its name ends with: 1 to 32 of `a-z`, `0-9` and `_`; left out, something random.
    #[serde(default)]
    #[schema(example = "shop", max_length = 32)]
    pub name: Option<String>,
    /// Database host id; left out, the one with the most room.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub host: Option<DatabaseHostId>,
    /// Without `host`: a host that speaks this.
    #[serde(default)]
    pub engine: Option<Engine>,
    /// From where its account may come, of MariaDB and MySQL: `10.0.0.5`, `10.0.%`, `10.0.0.0/255.255.0.0`; left out,
    /// from anywhere.
    #[serde(default)]
    #[schema(example = "%", max_length = 60)]
    pub connections_from: Option<String>,
    /// Connections at a time; left out, as many as the host allows one database.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub most_connections: Option<u32>,
}

/// Proof that it is meant.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DatabaseDelete {
    /// The database's name, as typed.
    pub name: String,
}

/// All that a game needs to connect. Never kept by who asks over the network: each look is in the audit log.
#[derive(Clone, Serialize, ToSchema)]
pub struct DatabaseConnection {
    /// What it speaks.
    pub engine: Engine,
    /// Host name or IP address.
    pub address: String,
    /// Port.
    pub port: u16,
    /// The database's name.
    pub database: String,
    /// The account.
    pub username: String,
    /// Its password.
    pub password: String,
    /// For Java: `jdbc:mariadb://…`.
    #[schema(
        example = "jdbc:mariadb://10.0.0.5:3306/w5k2p9x0tq3_shop?user=u5k2p9x0tq3&password=…"
    )]
    pub jdbc: String,
    /// For most others: `mysql://…`, `postgresql://…`.
    #[schema(example = "mysql://u5k2p9x0tq3:…@10.0.0.5:3306/w5k2p9x0tq3_shop")]
    pub url: String,
}
