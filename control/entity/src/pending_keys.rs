//! Keys that nodes rotate to and have not spoken with yet.

use sea_orm::entity::prelude::*;

/// Keys that nodes rotate to and have not spoken with yet.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_keys")]
pub struct Model {
    /// Node; one such key each.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node_id: String,
    /// User nkey. Counts only while it is `nodes.pending_key`.
    #[sea_orm(column_type = "Text")]
    pub public_key: String,
    /// When it was asked for.
    pub since_ms: i64,
    /// Of its newest JWT.
    pub expires_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
