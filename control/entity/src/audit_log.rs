//! Who changed what. Never deleted.

use sea_orm::entity::prelude::*;

/// Who changed what. Never deleted.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// "user", "api_key", "node", "system".
    #[sea_orm(column_type = "Text")]
    pub actor_kind: String,
    /// Whose id.
    #[sea_orm(column_type = "Text", nullable)]
    pub actor_id: Option<String>,
    /// Permission key or fact kind.
    #[sea_orm(column_type = "Text")]
    pub action: String,
    /// server, node, egg, user ...
    #[sea_orm(column_type = "Text")]
    pub resource_kind: String,
    /// Which.
    #[sea_orm(column_type = "Text", nullable)]
    pub resource_id: Option<String>,
    /// The server it touches.
    #[sea_orm(column_type = "Text", nullable)]
    pub server_id: Option<String>,
    /// Remote address.
    #[sea_orm(column_type = "Text", nullable)]
    pub address: Option<String>,
    /// What changed.
    #[sea_orm(column_type = "Json", nullable)]
    pub diff: Option<Json>,
    /// Its place in the chain; none until it is sealed.
    pub seq: Option<i64>,
    /// Over this row and the seal before it.
    #[sea_orm(column_type = "Text", nullable)]
    pub seal: Option<String>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
