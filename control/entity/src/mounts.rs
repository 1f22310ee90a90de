//! Directories of nodes that servers may see.

use sea_orm::entity::prelude::*;

/// A directory of nodes that servers may see.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mounts")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// As it was typed.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Lower case: two that differ in case alone are one too many.
    #[sea_orm(column_type = "Text")]
    pub name_folded: String,
    /// For people.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// On the node, absolute.
    #[sea_orm(column_type = "Text")]
    pub source: String,
    /// In the container, absolute.
    #[sea_orm(column_type = "Text")]
    pub target: String,
    /// The game can't change what is there.
    pub read_only: bool,
    /// Owners switch it on by themselves.
    pub self_service: bool,
    /// Offered on every node, whatever is in `mount_offers`.
    pub all_nodes: bool,
    /// Offered to servers of every egg, whatever is in `mount_offers`.
    pub all_eggs: bool,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
