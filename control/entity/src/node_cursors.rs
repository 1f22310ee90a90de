//! Where control stands in a node's facts. Locked by whoever stores some.

use sea_orm::entity::prelude::*;

/// Where control stands in a node's facts. Locked by whoever stores some.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "node_cursors")]
pub struct Model {
    /// Node.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node_id: String,
    /// Boot whose facts are being read; none before the first.
    #[sea_orm(column_type = "Text", nullable)]
    pub boot_id: Option<String>,
    /// Of that boot.
    pub ordinal: i64,
    /// Next fact expected, from 1.
    pub next_seq: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
