//! Sessions and users whose tickets end, by the counter that gateways follow.

use sea_orm::entity::prelude::*;

/// Sessions and users whose tickets end, by the counter that gateways follow.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revocations")]
pub struct Model {
    /// From counters.revocations.
    #[sea_orm(primary_key, auto_increment = false)]
    pub counter: i64,
    /// "session" or "user".
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// Id.
    #[sea_orm(column_type = "Text")]
    pub subject_id: String,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
