//! Pictures of people, as they are sent: apart from the profiles, which are read far more often.

use sea_orm::entity::prelude::*;

/// Pictures of people, as they are sent: apart from the profiles, which are read far more often.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "avatars")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub user_id: String,
    /// WebP, 256 by 256.
    #[sea_orm(column_type = "Blob")]
    pub image: Vec<u8>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
