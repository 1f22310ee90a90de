//! Requests that may be sent again under one key, with what they were answered.

use sea_orm::entity::prelude::*;

/// Requests that may be sent again under one key, with what they were answered.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotent_requests")]
pub struct Model {
    /// SHA-256 of credential and key, hex.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Log-in or API key that sent it.
    #[sea_orm(column_type = "Text")]
    pub whose: String,
    /// SHA-256 of method, address and body, hex.
    #[sea_orm(column_type = "Text")]
    pub request: String,
    /// Of the answer. None: it is being worked on, or was broken off.
    pub status: Option<i32>,
    /// Of the answer.
    #[sea_orm(column_type = "Text", nullable)]
    pub content_type: Option<String>,
    /// Of the answer, sealed: it may hold a secret that is shown once.
    #[sea_orm(column_type = "Blob", nullable)]
    pub body: Option<Vec<u8>>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
