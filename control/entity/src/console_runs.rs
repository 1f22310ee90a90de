//! One run of a server's container, or of its install container.

use sea_orm::entity::prelude::*;

/// One run of a server's container, or of its install container.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "console_runs")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Server.
    #[sea_orm(column_type = "Text")]
    pub server_id: String,
    /// Where it ran.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node_id: String,
    /// "game" or "install".
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    /// Unix milliseconds.
    pub ended_at_ms: Option<i64>,
    /// Of the game.
    pub exit_code: Option<i32>,
    /// Ended by the OOM killer.
    pub oom: bool,
    /// OCI reference.
    #[sea_orm(column_type = "Text", nullable)]
    pub image: Option<String>,
    /// Length of the game stream, once ended.
    pub end_offset: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
