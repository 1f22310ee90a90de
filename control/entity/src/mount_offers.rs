//! Where, and to servers of which eggs, a mount is offered.

use sea_orm::entity::prelude::*;

/// A node, a location or an egg that a mount is offered to.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mount_offers")]
pub struct Model {
    /// Which mount.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub mount_id: String,
    /// `node`, `location` or `egg`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub kind: String,
    /// Its id; it may be gone.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub target_id: String,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
