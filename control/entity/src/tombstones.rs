//! A server that its node must remove; kept until the node confirms.

use sea_orm::entity::prelude::*;

/// A server that its node must remove; kept until the node confirms.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tombstones")]
pub struct Model {
    /// Server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// Who must remove it.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node_id: String,
    /// Generation of the removal.
    pub generation: i64,
    /// The node's rev it was written under.
    pub rev: i64,
    /// Seconds that files stay; 0: none.
    pub keep_files_s: i64,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// The node has said that it is gone.
    pub confirmed_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
