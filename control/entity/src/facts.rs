//! What nodes said, in order, as they said it.

use sea_orm::entity::prelude::*;

/// What nodes said, in order, as they said it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "facts")]
pub struct Model {
    /// Node.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node_id: String,
    /// Of the boot.
    #[sea_orm(primary_key, auto_increment = false)]
    pub ordinal: i64,
    /// In the boot.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// Boot.
    #[sea_orm(column_type = "Text")]
    pub boot_id: String,
    /// As the fact names it; the node may not own it.
    #[sea_orm(column_type = "Text", nullable)]
    pub server_id: Option<String>,
    /// Stable word; "unknown" when it could not be understood.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// As the node had applied.
    pub generation: i64,
    /// Unix milliseconds. By the node's clock.
    pub at_ms: i64,
    /// Unix milliseconds.
    pub received_at_ms: i64,
    /// The fact (protobuf), as it came.
    #[sea_orm(column_type = "Blob")]
    pub body: Vec<u8>,
    /// Why it had no effect.
    #[sea_orm(column_type = "Text", nullable)]
    pub error: Option<String>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
