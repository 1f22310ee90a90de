//! A server's name, folded for searches.

use sea_orm::entity::prelude::*;

/// A server's name, folded for searches.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_names")]
pub struct Model {
    /// Server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// In lower case, of all scripts.
    #[sea_orm(column_type = "Text")]
    pub folded: String,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
