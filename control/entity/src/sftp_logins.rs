//! What a log-in by SFTP is of, besides its row in `sessions`: it ends with any of them.

use sea_orm::entity::prelude::*;

/// What a log-in by SFTP is of, besides its row in `sessions`: it ends with any of them.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sftp_logins")]
pub struct Model {
    /// The session's ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub session_id: String,
    /// The server whose files it reaches.
    #[sea_orm(column_type = "Text")]
    pub server_id: String,
    /// SSH key that proved it.
    #[sea_orm(column_type = "Text", nullable)]
    pub ssh_key_id: Option<String>,
    /// API key that proved it.
    #[sea_orm(column_type = "Text", nullable)]
    pub api_key_id: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
