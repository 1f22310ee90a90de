//! A personal API key.

use sea_orm::entity::prelude::*;

/// A personal API key.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Whose rights it has at most.
    #[sea_orm(column_type = "Text")]
    pub user_id: String,
    /// For people.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// First characters of the secret, to tell keys apart.
    #[sea_orm(column_type = "Text")]
    pub prefix: String,
    /// SHA-256 of the secret, hex.
    #[sea_orm(column_type = "Text")]
    pub secret_hash: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub last_used_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub expires_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub revoked_at_ms: Option<i64>,
    /// [permission key] that it is for; none: all that its owner has.
    #[sea_orm(column_type = "Json", nullable)]
    pub keys: Option<Json>,
    /// [address or network] that it may come from; none: from anywhere.
    #[sea_orm(column_type = "Json", nullable)]
    pub addresses: Option<Json>,
    /// Requests; none: as many as any credential.
    pub per_minute: Option<i32>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
