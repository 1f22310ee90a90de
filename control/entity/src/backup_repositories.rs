//! Repositories: one per server and store. They outlive their servers.

use sea_orm::entity::prelude::*;

/// Repositories: one per server and store. They outlive their servers.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_repositories")]
pub struct Model {
    /// Whose it is; the server may be gone.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// Where it is.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub store_id: String,
    /// Its password, sealed for the place `backup_repository.<server>.<store>`.
    pub secret: Vec<u8>,
    /// What it takes in its store, as last told.
    pub bytes: i64,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
