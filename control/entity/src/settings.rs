//! One value each. Keys lie sealed.

use sea_orm::entity::prelude::*;

/// One value each. Keys lie sealed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "settings")]
pub struct Model {
    /// Name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub key: String,
    /// JSON, or sealed bytes.
    #[sea_orm(column_type = "Blob")]
    pub value: Vec<u8>,
    /// Encrypted under the key file.
    pub sealed: bool,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
