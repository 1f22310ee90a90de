//! Database servers that databases of game servers are made on.

use sea_orm::entity::prelude::*;

/// Database servers that databases of game servers are made on.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "database_hosts")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// As it was typed.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Lower case. Unique.
    #[sea_orm(column_type = "Text", unique)]
    pub name_folded: String,
    /// `mariadb`, `mysql`, `postgresql`; never another one.
    #[sea_orm(column_type = "Text")]
    pub engine: String,
    /// Host name or IP address, as control reaches it.
    #[sea_orm(column_type = "Text")]
    pub address: String,
    /// Port, as control reaches it.
    pub port: i32,
    /// What games are told instead.
    #[sea_orm(column_type = "Text", nullable)]
    pub public_address: Option<String>,
    /// What games are told instead.
    pub public_port: Option<i32>,
    /// Who control is there.
    #[sea_orm(column_type = "Text")]
    pub username: String,
    /// Control's password there, sealed for the place `database_host.<id>`.
    pub secret: Vec<u8>,
    /// `off`, `require`, `verify`.
    #[sea_orm(column_type = "Text")]
    pub tls: String,
    /// Certificates that are trusted beside the system's.
    #[sea_orm(column_type = "Text", nullable)]
    pub ca_pem: Option<String>,
    /// How many databases; none: no limit.
    pub most_databases: Option<i64>,
    /// How many connections to one database at a time; none: no limit.
    pub most_connections: Option<i64>,
    /// Ids of nodes whose servers it is for; with no locations either, all.
    #[sea_orm(column_type = "Json")]
    pub nodes: Json,
    /// Ids of locations whose nodes' servers it is for.
    #[sea_orm(column_type = "Json")]
    pub locations: Json,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
