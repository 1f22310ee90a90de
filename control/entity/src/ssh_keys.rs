//! Public halves of people's SSH keys.

use sea_orm::entity::prelude::*;

/// Public halves of people's SSH keys.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ssh_keys")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// What its owner calls it.
    pub name: String,
    /// `ssh-ed25519` and the like.
    pub algorithm: String,
    /// `SHA256:…`; unique among one person's.
    pub fingerprint: String,
    /// Algorithm and key, without a comment.
    pub public_key: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds of the last log-in with it.
    pub last_used_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
