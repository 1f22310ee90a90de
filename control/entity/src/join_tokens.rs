//! Lets machines become nodes. The secret is stored as a hash alone.

use sea_orm::entity::prelude::*;

/// Lets machines become nodes. The secret is stored as a hash alone.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "join_tokens")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// For people; may be empty.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// SHA-256 of the secret, hex.
    #[sea_orm(column_type = "Text")]
    pub secret_hash: String,
    /// Public nkey of the enrolment credential, to revoke it with the token.
    #[sea_orm(column_type = "Text")]
    pub credential_key: String,
    /// How many machines it was made for.
    pub uses_total: i64,
    /// Never below 0: a constraint.
    pub uses_left: i64,
    /// Labels that the node gets: {key: value}.
    #[sea_orm(column_type = "Json")]
    pub labels: Json,
    /// First port of the node's range.
    pub port_first: i32,
    /// Last port of the node's range.
    pub port_last: i32,
    /// The one node that is taken back with it; none: it makes new ones.
    #[sea_orm(column_type = "Text", nullable)]
    pub node_id: Option<String>,
    /// User.
    #[sea_orm(column_type = "Text", nullable)]
    pub created_by: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub expires_at_ms: i64,
    /// Withdrawn.
    pub deleted_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
