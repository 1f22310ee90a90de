//! Which server sees which mount.

use sea_orm::entity::prelude::*;

/// A server that sees a mount.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mount_servers")]
pub struct Model {
    /// Which server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// Which mount.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub mount_id: String,
    /// Since when, Unix milliseconds.
    pub created_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
