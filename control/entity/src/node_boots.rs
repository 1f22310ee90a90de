//! One process start of a node's agent, in the order that control gave.

use sea_orm::entity::prelude::*;

/// One process start of a node's agent, in the order that control gave.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "node_boots")]
pub struct Model {
    /// Node.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node_id: String,
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub boot_id: String,
    /// Order of boots; facts are ordered by (ordinal, seq).
    pub ordinal: i64,
    /// As the boot's first fact names it.
    #[sea_orm(column_type = "Text", nullable)]
    pub previous_boot: Option<String>,
    /// Next fact that control expects of this boot.
    pub next_seq: i64,
    /// The machine had restarted before it.
    pub host_rebooted: bool,
    /// As reported.
    #[sea_orm(column_type = "Text")]
    pub agent_version: String,
    /// Unix milliseconds.
    pub first_seen_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
