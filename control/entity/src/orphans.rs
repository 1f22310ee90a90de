//! A server that a node has and control does not know.

use sea_orm::entity::prelude::*;

/// A server that a node has and control does not know.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orphans")]
pub struct Model {
    /// Node.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node_id: String,
    /// Server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// As observed.
    pub generation: i64,
    /// As observed.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// Unix milliseconds.
    pub seen_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
