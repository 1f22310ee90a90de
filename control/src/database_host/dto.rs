//! Database hosts as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_proto::ids::{LocationId, NodeId};

use crate::{
    database::dto::DatabaseState,
    http::{Stamp, Version},
    operation::dto::Named,
};

/// What a database host speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DatabaseEngine)]
pub enum Engine {
    /// MariaDB 10.3 or newer.
    Mariadb,
    /// MySQL 5.7.8 or newer.
    Mysql,
    /// PostgreSQL 11 or newer.
    Postgresql,
}

impl Engine {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
            Self::Postgresql => "postgresql",
        }
    }

    /// Reads the word in the database.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "mariadb" => Self::Mariadb,
            "mysql" => Self::Mysql,
            _ => Self::Postgresql,
        }
    }
}

/// Whether control's connection to a host is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DatabaseTls)]
pub enum Tls {
    /// No.
    Off,
    /// Yes, whoever answers.
    Require,
    /// Yes, and what answers has a certificate for that address, of the system's authorities or of `ca_pem`.
    Verify,
}

impl Tls {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Require => "require",
            Self::Verify => "verify",
        }
    }

    /// Reads the word in the database.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "off" => Self::Off,
            "require" => Self::Require,
            _ => Self::Verify,
        }
    }
}

/// A database host without its password.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DatabaseHost {
    /// ULID.
    pub id: String,
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// What it is called.
    pub name: String,
    /// What it speaks.
    pub engine: Engine,
    /// Host name or IP address, as control reaches it.
    pub address: String,
    /// Port, as control reaches it.
    pub port: u16,
    /// What games are told instead; null: the same.
    pub public_address: Option<String>,
    /// What games are told instead; null: the same.
    pub public_port: Option<u16>,
    /// Who control is there.
    pub username: String,
    /// Whether control's connection is encrypted.
    pub tls: Tls,
    /// Certificates that are trusted beside the system's.
    pub ca_pem: Option<String>,
    /// Databases that fit; null: no limit.
    pub most_databases: Option<u32>,
    /// Connections to one database at a time; null: no limit.
    pub most_connections: Option<u32>,
    /// Ids of nodes whose servers it is for; with no locations either, it is for all.
    pub nodes: Vec<String>,
    /// Ids of locations whose nodes' servers it is for.
    pub locations: Vec<String>,
    /// Databases on it, also those that are being made or removed.
    pub databases: u64,
    /// Of these, those whose host did not do as it was told: `GET …/databases` says why.
    pub troubled: u64,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was changed last.
    pub updated_at: Stamp,
}

crate::http::versioned!(DatabaseHost);

/// A database host to be made known.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseHostCreate {
    /// What it speaks; never another one.
    pub engine: Engine,
    /// 1 to 64 characters, unique whatever the case.
    #[schema(example = "db-fra-1", max_length = 64)]
    pub name: String,
    /// Host name or IP address, as control reaches it.
    #[schema(example = "10.0.0.5", max_length = 253)]
    pub address: String,
    /// Port, as control reaches it.
    #[schema(example = 3306, minimum = 1)]
    pub port: u16,
    /// What games are told instead; null: the same.
    #[serde(default)]
    #[schema(max_length = 253)]
    pub public_address: Option<String>,
    /// What games are told instead; null: the same.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub public_port: Option<u16>,
    /// Who control is there: an account that may make databases and accounts.
    #[schema(max_length = 128)]
    pub username: String,
    /// Its password. Never shown again.
    #[schema(max_length = 1024)]
    pub password: String,
    /// Whether control's connection is encrypted.
    pub tls: Tls,
    /// Certificates that are trusted beside the system's; with `verify` alone.
    #[serde(default)]
    #[schema(max_length = 65536)]
    pub ca_pem: Option<String>,
    /// Databases that fit; null: no limit.
    #[serde(default)]
    pub most_databases: Option<u32>,
    /// Connections to one database at a time; null: no limit.
    #[serde(default)]
    pub most_connections: Option<u32>,
    /// Nodes whose servers it is for; with no locations either, it is for all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub nodes: Vec<NodeId>,
    /// Locations whose nodes' servers it is for.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub locations: Vec<LocationId>,
}

/// All of a database host, as it is from now on.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseHostUpdate {
    /// 1 to 64 characters, unique whatever the case.
    #[schema(example = "db-fra-1", max_length = 64)]
    pub name: String,
    /// Host name or IP address, as control reaches it.
    #[schema(example = "10.0.0.5", max_length = 253)]
    pub address: String,
    /// Port, as control reaches it.
    #[schema(example = 3306, minimum = 1)]
    pub port: u16,
    /// What games are told instead; null: the same.
    #[serde(default)]
    #[schema(max_length = 253)]
    pub public_address: Option<String>,
    /// What games are told instead; null: the same.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub public_port: Option<u16>,
    /// Who control is there: an account that may make databases and accounts.
    #[schema(max_length = 128)]
    pub username: String,
    /// Its password; left out, it stays. An address or account that is another takes it anew.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub password: Option<String>,
    /// Whether control's connection is encrypted.
    pub tls: Tls,
    /// Certificates that are trusted beside the system's; with `verify` alone.
    #[serde(default)]
    #[schema(max_length = 65536)]
    pub ca_pem: Option<String>,
    /// Databases that fit; null: no limit. What is there stays.
    #[serde(default)]
    pub most_databases: Option<u32>,
    /// Connections to one database at a time, for those that are made from now on; null: no limit.
    #[serde(default)]
    pub most_connections: Option<u32>,
    /// Nodes whose servers it is for; with no locations either, it is for all. What is there stays.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub nodes: Vec<NodeId>,
    /// Locations whose nodes' servers it is for.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub locations: Vec<LocationId>,
}

/// What a look at a host found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DatabaseHostTest {
    /// Databases can be made there.
    pub ok: bool,
    /// A word for why not: `unreachable`, `timed_out`, `tls`, `wrong_engine`, `credentials`, `privileges`, `busy`,
    /// `refused`, `sealed`; null: nothing is wrong.
    pub code: Option<String>,
    /// For a person.
    pub detail: String,
    /// What the server says it is.
    pub version: Option<String>,
    /// To be connected and logged in.
    pub connect_ms: Option<u64>,
    /// A question and its answer.
    pub latency_ms: Option<u64>,
    /// Privileges that the account lacks.
    pub missing: Vec<String>,
    /// What works, and should be looked at.
    pub warnings: Vec<String>,
}

/// A database, as those see it who look after its host.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HostedDatabase {
    /// ULID.
    pub id: String,
    /// Its name there.
    pub name: String,
    /// The account that reaches it.
    pub username: String,
    /// Whose it is; null: a server that is gone for good.
    pub server: Option<Named>,
    /// The server was deleted: nothing but the host keeps the database.
    pub orphaned: bool,
    /// How far it is.
    pub state: DatabaseState,
    /// A word for what went wrong last, as in a test of the host.
    pub problem: Option<String>,
    /// The same in the host's words.
    pub problem_detail: Option<String>,
    /// Tries in a row that went wrong.
    pub failures: u32,
    /// When it is tried again; null: nothing is to be done.
    pub retry_at: Option<Stamp>,
    /// When it was made.
    pub created_at: Stamp,
}
