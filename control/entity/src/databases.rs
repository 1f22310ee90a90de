//! Databases of game servers: what is wanted on their hosts, until it is so.

use sea_orm::entity::prelude::*;

/// Databases of game servers. A row outlives its server for as long as the database may be there.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "databases")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Whose it is; the server may be gone.
    #[sea_orm(column_type = "Text")]
    pub server_id: String,
    /// Where it is.
    #[sea_orm(column_type = "Text")]
    pub host_id: String,
    /// On the host: `w<random>_<chosen>`. Unique there, and never used again.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// On the host: `u<random>`. Unique there.
    #[sea_orm(column_type = "Text")]
    pub username: String,
    /// The host part of a MariaDB or MySQL account; `%` with PostgreSQL.
    #[sea_orm(column_type = "Text")]
    pub connections_from: String,
    /// Connections at a time; none: no limit.
    pub most_connections: Option<i64>,
    /// Its password, sealed for the place `database.<id>`.
    pub secret: Vec<u8>,
    /// While `rotating`: the password to be, sealed likewise.
    pub next_secret: Option<Vec<u8>>,
    /// `creating`, `ready`, `rotating`, `dropping`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// Tries in a row that went wrong.
    pub failures: i32,
    /// Stable word for what went wrong last.
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    /// The same for an admin, in the host's words.
    #[sea_orm(column_type = "Text", nullable)]
    pub problem_detail: Option<String>,
    /// Not worked on before.
    pub due_at_ms: i64,
    /// Who works on it.
    #[sea_orm(column_type = "Text", nullable)]
    pub leased_by: Option<String>,
    /// Nobody else works on it until then.
    pub leased_until_ms: i64,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
