//! A credential of account READ.

use sea_orm::entity::prelude::*;

/// A credential of account READ.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_consumers")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// For people.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// User nkey.
    #[sea_orm(column_type = "Text")]
    pub public_key: String,
    /// [server id]; none: all.
    #[sea_orm(column_type = "Json", nullable)]
    pub servers: Option<Json>,
    /// [ULID]: JetStream consumers that it pulls from.
    #[sea_orm(column_type = "Json")]
    pub durables: Json,
    /// User.
    #[sea_orm(column_type = "Text", nullable)]
    pub created_by: Option<String>,
    /// The API key that it was made with, and ends with; none: made in a browser.
    #[sea_orm(column_type = "Text", nullable)]
    pub api_key_id: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub expires_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub revoked_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
