//! What people say about themselves, and how they like the panel. No row: nothing was said.

use sea_orm::entity::prelude::*;

/// What people say about themselves, and how they like the panel. No row: nothing was said.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "profiles")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub user_id: String,
    /// What others call them; empty: the user name.
    pub display_name: String,
    /// About themselves.
    pub bio: String,
    /// Addresses of pages of theirs: JSON list of text.
    pub links: Json,
    /// BCP 47 tag of one of the panel's languages.
    pub language: Option<String>,
    /// IANA name.
    pub time_zone: Option<String>,
    /// `dark`, `light`, `contrast`.
    pub theme: Option<String>,
    /// Mail at a log-in from a new place.
    pub mail_log_in: bool,
    /// Mail when somebody shares a server.
    pub mail_shared: bool,
    /// Those who have a server in common see name, picture and text.
    pub shown: bool,
    /// Unix milliseconds: when the picture was changed. None: there is none.
    pub avatar_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
