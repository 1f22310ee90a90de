//! Authenticator apps, one for each person who has one.

use sea_orm::entity::prelude::*;

/// Authenticator apps, one for each person who has one.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "second_factors")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub user_id: String,
    /// Shared with the app; sealed.
    #[sea_orm(column_type = "Blob")]
    pub secret: Vec<u8>,
    /// Unix milliseconds. None: the app has not shown a code yet, and none is asked for.
    pub confirmed_at_ms: Option<i64>,
    /// Half minute (since 1970) of the newest code that was taken: none is good twice.
    pub last_step: i64,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
