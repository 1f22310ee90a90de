//! What somebody's servers may have together. No row: as much as there is.

use sea_orm::entity::prelude::*;

/// What somebody's servers may have together; where there is no number, as much as there is.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quotas")]
pub struct Model {
    /// ULID of the owner.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub user_id: String,
    /// The numbers below count. Else those of the plan do, or of the standard one.
    pub own: bool,
    /// Put on this plan.
    #[sea_orm(column_type = "Text", nullable)]
    pub plan_id: Option<String>,
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
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
