//! Passkeys: keys that somebody's devices hold, each good under one name of the panel.

use sea_orm::entity::prelude::*;

/// Passkeys: keys that somebody's devices hold, each good under one name of the panel.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passkeys")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// Name of the panel that it was made for, without port.
    pub host: String,
    /// What its owner calls it.
    pub name: String,
    /// What the device calls it: base64url.
    pub credential_id: String,
    /// Public key, counter and flags: JSON of the library that checks it.
    pub credential: String,
    /// Its owner's devices share it.
    pub synced: bool,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds of the last log-in with it.
    pub last_used_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
