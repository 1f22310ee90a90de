//! A game server: what is wanted of it, and what its node reports.

use sea_orm::entity::prelude::*;

/// A game server: what is wanted of it, and what its node reports.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "servers")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// For people; not unique.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// For people.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// User.
    #[sea_orm(column_type = "Text")]
    pub owner_id: String,
    /// The one node that owns it.
    #[sea_orm(column_type = "Text")]
    pub node_id: String,
    /// Egg.
    #[sea_orm(column_type = "Text")]
    pub egg_id: String,
    /// OCI reference.
    #[sea_orm(column_type = "Text")]
    pub image: String,
    /// Start command, raw.
    #[sea_orm(column_type = "Text")]
    pub startup: String,
    /// Limits, 0 = none.
    #[sea_orm(column_type = "Json")]
    pub limits: Json,
    /// Crash policy.
    #[sea_orm(column_type = "Json")]
    pub crash_policy: Json,
    /// Level: its node keeps it down.
    pub suspended: bool,
    /// Counts changes of the wanted state.
    pub generation: i64,
    /// The node's rev that the row was last written under.
    pub rev: i64,
    /// "start", "stop" or "kill": the last order.
    #[sea_orm(column_type = "Text")]
    pub power: String,
    /// Generation that the order was given in.
    pub power_generation: i64,
    /// Raised by every restart.
    pub restarts: i64,
    /// What people see while an order is under way: start, stop, restart, kill.
    #[sea_orm(column_type = "Text", nullable)]
    pub intent: Option<String>,
    /// When it was asked.
    pub intent_at_ms: Option<i64>,
    /// ServerSpec (protobuf) compiled from the row, its egg, variables and ports.
    #[sea_orm(column_type = "Blob")]
    pub spec: Vec<u8>,
    /// Observed; one of proto's states.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// Unix milliseconds. By the node's clock.
    pub state_since_ms: i64,
    /// Stable code.
    #[sea_orm(column_type = "Text", nullable)]
    pub state_reason: Option<String>,
    /// For a person.
    #[sea_orm(column_type = "Text", nullable)]
    pub state_detail: Option<String>,
    /// Generation that the node had applied at its last fact.
    pub observed_generation: i64,
    /// Current or last run.
    #[sea_orm(column_type = "Text", nullable)]
    pub run_id: Option<String>,
    /// Unix milliseconds.
    pub run_started_at_ms: Option<i64>,
    /// {code, oom, at}.
    #[sea_orm(column_type = "Json", nullable)]
    pub last_exit: Option<Json>,
    /// {result, at, exit_code, message, operation}.
    #[sea_orm(column_type = "Json", nullable)]
    pub install: Option<Json>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// Asked to go; the tombstone does it.
    pub deleted_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
