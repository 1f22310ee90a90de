//! Quotas with a name, that people are on.

use sea_orm::entity::prelude::*;

/// Quotas with a name, that people are on; where there is no number, as much as there is.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plans")]
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
    /// What it is for.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// Everybody is on it who is on no other and has no quota of their own. One at most.
    pub standard: bool,
    /// How many.
    pub servers: Option<i64>,
    /// Memory and swap.
    pub memory_bytes: Option<i64>,
    /// Disk.
    pub disk_bytes: Option<i64>,
    /// 100 is one core.
    pub cpu_percent: Option<i64>,
    /// Ports, the first one of each server too.
    pub ports: Option<i64>,
    /// Shares with others, counted once for each server.
    pub subusers: Option<i64>,
    /// Databases of all servers.
    pub databases: Option<i64>,
    /// Backups of all servers.
    pub backups: Option<i64>,
    /// What their repositories take.
    pub backup_bytes: Option<i64>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
