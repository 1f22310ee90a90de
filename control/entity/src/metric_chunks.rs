//! Packed samples of one server or node.

use sea_orm::entity::prelude::*;

/// Packed samples of one server or node.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "metric_chunks")]
pub struct Model {
    /// Server or node.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub subject_id: String,
    /// 15, 60 or 3600.
    #[sea_orm(primary_key, auto_increment = false)]
    pub step_s: i32,
    /// Unix seconds of the chunk's begin.
    #[sea_orm(primary_key, auto_increment = false)]
    pub start_s: i64,
    /// Of the newest sample: an upload that comes twice adds nothing.
    pub last_at_ms: i64,
    /// How many.
    pub samples: i32,
    /// All of it is in the next step.
    pub averaged: bool,
    /// Packed.
    #[sea_orm(column_type = "Blob")]
    pub data: Vec<u8>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
