//! What the console of a server takes, all runs together.

use sea_orm::entity::prelude::*;

/// What the console of a server takes, all runs together.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "console_sizes")]
pub struct Model {
    /// Who uploaded it.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node_id: String,
    /// Server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// On disk, compressed: the sum of the streams' `stored_bytes`.
    pub bytes: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
