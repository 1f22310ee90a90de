//! Bytes of a stream, or a hole in it.

use sea_orm::entity::prelude::*;

/// Bytes of a stream, or a hole in it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "console_chunks")]
pub struct Model {
    /// Who uploaded it.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub node_id: String,
    /// Server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
    /// Run.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub run_id: String,
    /// 0 game, 1 warren, 2 install.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: i32,
    /// Offset of the first byte.
    #[sea_orm(primary_key, auto_increment = false)]
    pub start: i64,
    /// Offset behind the last byte, or of the hole's end.
    pub end: i64,
    /// The bytes are lost for good.
    pub gap: bool,
    /// 0 as is, 1 zstd.
    pub encoding: i32,
    /// Bytes.
    #[sea_orm(column_type = "Blob")]
    pub data: Vec<u8>,
    /// TimeMarks (protobuf list).
    #[sea_orm(column_type = "Blob")]
    pub times: Vec<u8>,
    /// Of the last byte, Unix milliseconds.
    pub at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
