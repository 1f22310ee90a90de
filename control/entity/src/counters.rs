//! Numbers raised by UPDATE in the transaction of what they count, so that their order is commit order.

use sea_orm::entity::prelude::*;

/// Numbers raised by UPDATE in the transaction of what they count, so that their order is commit order.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "counters")]
pub struct Model {
    /// What is counted.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    /// Last number given.
    pub value: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
