//! A log-in. The cookie's secret is stored as a hash alone.

use sea_orm::entity::prelude::*;

/// A log-in. The cookie's secret is stored as a hash alone.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// ULID; tickets carry it.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Whose.
    #[sea_orm(column_type = "Text")]
    pub user_id: String,
    /// SHA-256 of the cookie value, hex.
    #[sea_orm(column_type = "Text")]
    pub token_hash: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds. Written at most once a minute.
    pub last_seen_at_ms: i64,
    /// Unix milliseconds.
    pub expires_at_ms: i64,
    /// Logged out or revoked.
    pub ended_at_ms: Option<i64>,
    /// Of the log-in.
    #[sea_orm(column_type = "Text")]
    pub address: String,
    /// Of the log-in, cut at 256 characters.
    #[sea_orm(column_type = "Text")]
    pub user_agent: String,
    /// It took two steps by itself: password and code, a passkey, or a provider that asks for two.
    pub two_steps: bool,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
