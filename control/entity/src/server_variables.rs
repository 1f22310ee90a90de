//! Value of one variable on one server.

use sea_orm::entity::prelude::*;

/// Value of one variable on one server.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_variables")]
pub struct Model {
    /// Server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// Name in the environment.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub env: String,
    /// Value.
    #[sea_orm(column_type = "Text")]
    pub value: String,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
