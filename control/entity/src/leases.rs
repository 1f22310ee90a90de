//! Who does what only one may do.

use sea_orm::entity::prelude::*;

/// Who does what only one may do.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub struct Model {
    /// What.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    /// Process (ULID).
    #[sea_orm(column_type = "Text")]
    pub holder: String,
    /// Raised at every takeover.
    pub fence: i64,
    /// Unix milliseconds. By the database host's or control's clock.
    pub expires_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
