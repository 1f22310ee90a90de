//! Named sets of permission keys.

use sea_orm::entity::prelude::*;

/// Named sets of permission keys.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "roles")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// As typed.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Lower-case form that the unique index stands on.
    #[sea_orm(column_type = "Text", unique)]
    pub name_folded: String,
    /// For people.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// [key]. A key that this control does not know counts for nothing.
    #[sea_orm(column_type = "Json")]
    pub keys: Json,
    /// Counts only for people whose log-in takes a second step.
    pub second_factor: bool,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
