//! How far control has one stream of one run.

use sea_orm::entity::prelude::*;

/// How far control has one stream of one run.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "console_streams")]
pub struct Model {
    /// Who uploaded it; another node can't write here.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node_id: String,
    /// Server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// Run.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub run_id: String,
    /// 0 game, 1 warren, 2 install.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: i32,
    /// Offset behind the last stored byte or gap.
    pub committed: i64,
    /// First offset that retention has left.
    pub first_kept: i64,
    /// On disk, compressed.
    pub stored_bytes: i64,
    /// Unix milliseconds.
    pub last_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
