//! Work with an end and progress; the node's job.

use sea_orm::entity::prelude::*;

/// Work with an end and progress; the node's job.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "operations")]
pub struct Model {
    /// ULID; the job id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// See `control/src/job`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// Which server.
    #[sea_orm(column_type = "Text", nullable)]
    pub server_id: Option<String>,
    /// Where.
    #[sea_orm(column_type = "Text", nullable)]
    pub node_id: Option<String>,
    /// No two active operations of one server share it: "files" for those that own its files.
    #[sea_orm(column_type = "Text", nullable)]
    pub lane: Option<String>,
    /// What its kind needs to know; no secrets.
    #[sea_orm(column_type = "Json", nullable)]
    pub body: Option<Json>,
    /// pending, running, done, failed, cancelled, lost.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// 0 to 100.
    pub percent: Option<f64>,
    /// For a person.
    #[sea_orm(column_type = "Text", nullable)]
    pub step: Option<String>,
    /// Where it is counted in bytes.
    pub done_bytes: Option<i64>,
    /// Where it is counted in bytes.
    pub total_bytes: Option<i64>,
    /// Where it is counted in bytes.
    pub bytes_per_second: Option<i64>,
    /// Stable, when it failed.
    #[sea_orm(column_type = "Text", nullable)]
    pub code: Option<String>,
    /// For a person.
    #[sea_orm(column_type = "Text", nullable)]
    pub message: Option<String>,
    /// Generation that the job works from.
    pub generation: i64,
    /// Reinstall: remove all files first.
    pub wipe: bool,
    /// Run whose install stream is its log.
    #[sea_orm(column_type = "Text", nullable)]
    pub run_id: Option<String>,
    /// Of the install script.
    pub exit_code: Option<i32>,
    /// Who asked.
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// First time that the node accepted it.
    pub sent_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub started_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub ended_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub cancel_asked_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
