//! Offers of log-ins that somebody took up: none is good twice.

use sea_orm::entity::prelude::*;

/// Offers of log-ins that somebody took up: none is good twice.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "used_offers")]
pub struct Model {
    /// SHA-256 of the sealed offer, hex.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub offer_hash: String,
    /// Unix milliseconds: by then the offer is good no more anyway.
    pub expires_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
