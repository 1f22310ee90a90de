//! A move of a server from one node to another.

use sea_orm::entity::prelude::*;

/// A move of a server from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "transfers")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Server.
    #[sea_orm(column_type = "Text")]
    pub server_id: String,
    /// Node that it leaves.
    #[sea_orm(column_type = "Text")]
    pub from_node: String,
    /// Node that it goes to.
    #[sea_orm(column_type = "Text")]
    pub to_node: String,
    /// See `control/src/transfer`.
    #[sea_orm(column_type = "Text")]
    pub phase: String,
    /// The server's id while it is under way.
    #[sea_orm(column_type = "Text", nullable)]
    pub active: Option<String>,
    /// Both nodes have been told of the end.
    pub tidied: bool,
    /// Sealed: what the nodes know each other by.
    #[sea_orm(column_type = "Blob")]
    pub secret: Vec<u8>,
    /// Ids of the allocations that are kept for it, the first one first.
    #[sea_orm(column_type = "Json")]
    pub ports: Json,
    /// What does not come along, in words.
    #[sea_orm(column_type = "Json")]
    pub warnings: Json,
    /// Its game ran when it was stopped for this.
    pub was_running: bool,
    /// It is not stopped before somebody says so.
    pub waits: bool,
    /// Somebody has.
    pub released: bool,
    /// Number of the pass over the files.
    pub pass: i32,
    /// Passes that failed one after the other.
    pub tries: i32,
    /// Job that keeps the game down on the node that it leaves.
    #[sea_orm(column_type = "Text", nullable)]
    pub operation_id: Option<String>,
    /// Generation of the last change of the server by this.
    pub generation: i64,
    /// For a person.
    #[sea_orm(column_type = "Text", nullable)]
    pub step: Option<String>,
    /// Of this pass.
    pub done_bytes: i64,
    /// Of this pass.
    pub total_bytes: i64,
    /// Of this pass.
    pub bytes_per_second: i64,
    /// All files.
    pub files: i64,
    /// All files.
    pub size_bytes: i64,
    /// What can't come along: FIFOs, sockets, devices.
    pub skipped: i64,
    /// How long the last whole pass took.
    pub pass_ms: Option<i64>,
    /// How long the game is expected to be down.
    pub expected_ms: Option<i64>,
    /// When it was told to stop. Unix milliseconds.
    pub down_since_ms: Option<i64>,
    /// How long it was down.
    pub downtime_ms: Option<i64>,
    /// Stable, when it failed.
    #[sea_orm(column_type = "Text", nullable)]
    pub code: Option<String>,
    /// For a person.
    #[sea_orm(column_type = "Text", nullable)]
    pub message: Option<String>,
    /// Unix milliseconds.
    pub cancel_asked_at_ms: Option<i64>,
    /// Who asked.
    #[sea_orm(column_type = "Text", nullable)]
    pub actor: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// Unix milliseconds.
    pub ended_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
