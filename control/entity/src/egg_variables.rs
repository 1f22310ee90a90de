//! A variable of an egg, in the egg's order.

use sea_orm::entity::prelude::*;

/// A variable of an egg, in the egg's order.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "egg_variables")]
pub struct Model {
    /// Egg.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub egg_id: String,
    /// Name in the environment.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub env: String,
    /// Order, from 0.
    pub position: i32,
    /// For people.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// For people.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// Value when none is given.
    #[sea_orm(column_type = "Text")]
    pub default_value: String,
    /// People without admin rights see it.
    pub user_viewable: bool,
    /// ... and change it.
    pub user_editable: bool,
    /// [text], as the egg says.
    #[sea_orm(column_type = "Json")]
    pub rules: Json,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
