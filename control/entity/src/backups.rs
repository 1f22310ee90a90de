//! Backups of servers: a snapshot each.

use sea_orm::entity::prelude::*;

/// Backups of servers: a snapshot each.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backups")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Whose it is.
    #[sea_orm(column_type = "Text")]
    pub server_id: String,
    /// Where it is.
    #[sea_orm(column_type = "Text")]
    pub store_id: String,
    /// What somebody calls it.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// "running", "done", "failed", "removing".
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// What makes or removes it.
    #[sea_orm(column_type = "Text", nullable)]
    pub operation_id: Option<String>,
    /// Id of the snapshot, 64 hex digits.
    #[sea_orm(column_type = "Text", nullable)]
    pub snapshot: Option<String>,
    /// Sum of its files.
    pub total_bytes: i64,
    /// What the repository grew by.
    pub added_bytes: i64,
    /// How many.
    pub files: i64,
    /// Entries that it does not hold.
    pub skipped: i64,
    /// Some of these, in words.
    #[sea_orm(column_type = "Json", nullable)]
    pub warnings: Option<Json>,
    /// Retention leaves it.
    pub locked: bool,
    /// Stable, when it failed.
    #[sea_orm(column_type = "Text", nullable)]
    pub code: Option<String>,
    /// For a person.
    #[sea_orm(column_type = "Text", nullable)]
    pub message: Option<String>,
    /// Who asked for it; none: Warren itself.
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub completed_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
