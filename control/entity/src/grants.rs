//! Roles that people were given, and over what.

use sea_orm::entity::prelude::*;

/// Roles that people were given, and over what.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "grants")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Who has it.
    #[sea_orm(column_type = "Text")]
    pub user_id: String,
    /// What they have.
    #[sea_orm(column_type = "Text")]
    pub role_id: String,
    /// `everything`, `location`, `node` or `server`.
    #[sea_orm(column_type = "Text")]
    pub reach: String,
    /// Which one; empty for everything, so that the unique index sees it.
    #[sea_orm(column_type = "Text")]
    pub reach_id: String,
    /// Counts for nothing from then on, Unix milliseconds.
    pub expires_at_ms: Option<i64>,
    /// User.
    #[sea_orm(column_type = "Text", nullable)]
    pub created_by: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// The log-in at another provider that it came with, and goes with.
    #[sea_orm(column_type = "Text", nullable)]
    pub login_id: Option<String>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
