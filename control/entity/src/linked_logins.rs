//! Log-ins at other providers, each of one person here.

use sea_orm::entity::prelude::*;

/// Log-ins at other providers, each of one person here.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "linked_logins")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// Name of the provider in the configuration when it was last used.
    pub provider: String,
    /// Who vouches for the subject: the provider's own address for itself.
    pub issuer: String,
    /// Who somebody is to the issuer; never given to another.
    pub subject: String,
    /// What the provider calls the person.
    pub name: String,
    /// The provider's word about an address made it, and not its owner with their password.
    pub by_address: bool,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds of the last log-in with it.
    pub last_used_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
