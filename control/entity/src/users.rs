//! A person who may log in.

use sea_orm::entity::prelude::*;

/// A person who may log in.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// As typed; log-in compares it without case.
    #[sea_orm(column_type = "Text")]
    pub username: String,
    /// Lower-case form that the unique index stands on.
    #[sea_orm(column_type = "Text")]
    pub username_folded: String,
    /// As typed.
    #[sea_orm(column_type = "Text")]
    pub email: String,
    /// Lower-case form that the unique index stands on.
    #[sea_orm(column_type = "Text")]
    pub email_folded: String,
    /// Its owner has shown that mail to it reaches them, or a provider has. Another address has to be shown anew.
    pub email_verified: bool,
    /// Argon2id PHC string.
    #[sea_orm(column_type = "Text")]
    pub password_hash: String,
    /// May do everything.
    pub admin: bool,
    /// Only session and password routes work until it has been changed.
    pub must_change_password: bool,
    /// A log-in takes a second step.
    pub second_factor: bool,
    /// Has ever been given a role: for all others no request looks for any.
    pub granted: bool,
    /// Has ever been given rights on another's server.
    pub shared: bool,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// Unix milliseconds. Set: no door is open to them.
    pub suspended_at_ms: Option<i64>,
    /// For them, as long as they are suspended.
    #[sea_orm(column_type = "Text", nullable)]
    pub suspended_reason: Option<String>,
    /// Set: deleted softly, name and address are free again.
    pub deleted_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
