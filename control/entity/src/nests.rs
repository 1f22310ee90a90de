//! A folder of eggs.

use sea_orm::entity::prelude::*;

/// A folder of eggs.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "nests")]
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
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
