//! Places that backups are kept in.

use sea_orm::entity::prelude::*;

/// Places that backups are kept in.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_stores")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// What it is called.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Lower case, unique.
    #[sea_orm(column_type = "Text")]
    pub name_folded: String,
    /// "directory" or "s3".
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// Directory: one that the nodes' own settings allow; empty: each node's first.
    #[sea_orm(column_type = "Text")]
    pub path: String,
    /// S3: `https://host`.
    #[sea_orm(column_type = "Text")]
    pub endpoint: String,
    /// S3.
    #[sea_orm(column_type = "Text")]
    pub region: String,
    /// S3.
    #[sea_orm(column_type = "Text")]
    pub bucket: String,
    /// S3: before the names of repositories.
    #[sea_orm(column_type = "Text")]
    pub prefix: String,
    /// S3.
    #[sea_orm(column_type = "Text")]
    pub access_key: String,
    /// S3: its secret key, sealed for the place `backup_store.<id>`.
    pub secret: Option<Vec<u8>>,
    /// Ids of nodes that it is for; none: all.
    #[sea_orm(column_type = "Json")]
    pub nodes: Json,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
