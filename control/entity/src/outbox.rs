//! Public events, written in the transaction of what they tell.

use sea_orm::entity::prelude::*;

/// Public events, written in the transaction of what they tell.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// Order of writing; gives per-server commit order because writers hold the server's row.
    #[sea_orm(primary_key)]
    pub ord: i64,
    /// ULID; the CloudEvents id.
    #[sea_orm(column_type = "Text")]
    pub id: String,
    /// Global sequence, given by the lease holder in commit order.
    pub seq: Option<i64>,
    /// NATS subject.
    #[sea_orm(column_type = "Text")]
    pub subject: String,
    /// Last word of the subject.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// About which server.
    #[sea_orm(column_type = "Text", nullable)]
    pub server_id: Option<String>,
    /// About or from which node.
    #[sea_orm(column_type = "Text", nullable)]
    pub node_id: Option<String>,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// CloudEvents data.
    #[sea_orm(column_type = "Json")]
    pub data: Json,
    /// Stored by the bus.
    pub published_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
