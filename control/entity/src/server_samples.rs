//! The newest metrics sample of a server.

use sea_orm::entity::prelude::*;

/// The newest metrics sample of a server.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_samples")]
pub struct Model {
    /// Server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// Unix milliseconds. By control's clock: when it was stored.
    pub at_ms: i64,
    /// As `node::convert::sample` makes it.
    #[sea_orm(column_type = "Json")]
    pub sample: Json,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
