//! A folder of eggs.

use sea_orm::entity::prelude::*;

/// A folder of eggs.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "nests")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Unique.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// For people.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
