//! NATS users that are refused, as the account claims list them.

use sea_orm::entity::prelude::*;

/// NATS users that are refused, as the account claims list them.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revoked_keys")]
pub struct Model {
    /// User nkey.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub public_key: String,
    /// "EDGE" or "READ".
    #[sea_orm(column_type = "Text")]
    pub account: String,
    /// Whose it was.
    #[sea_orm(column_type = "Text", nullable)]
    pub node_id: Option<String>,
    /// Unix seconds: JWTs issued up to then are refused.
    pub revoked_at_s: i64,
    /// When the last JWT for it ends by itself; then the row may go.
    pub expires_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
