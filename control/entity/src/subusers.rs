//! What people may do on servers that are others'.

use sea_orm::entity::prelude::*;

/// What people may do on servers that are others'.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subusers")]
pub struct Model {
    /// Server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// User.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub user_id: String,
    /// [key], of the server set alone.
    #[sea_orm(column_type = "Json")]
    pub keys: Json,
    /// Counts for nothing from then on, Unix milliseconds.
    pub expires_at_ms: Option<i64>,
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
