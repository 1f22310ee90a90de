//! Credentials of private image registries, one per host.

use sea_orm::entity::prelude::*;

/// Credentials of private image registries, one per host.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "registries")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// `host` or `host:port`, lower case. Unique.
    #[sea_orm(column_type = "Text", unique)]
    pub host: String,
    /// Empty: the secret is a bearer token.
    #[sea_orm(column_type = "Text")]
    pub username: String,
    /// Password or token, sealed for the place `registry.<host>`.
    pub secret: Vec<u8>,
    /// User.
    #[sea_orm(column_type = "Text", nullable)]
    pub created_by: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
