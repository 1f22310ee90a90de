//! Which servers have three characters one after the other in their name.

use sea_orm::entity::prelude::*;

/// Which servers have three characters one after the other in their name.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_grams")]
pub struct Model {
    /// Three characters of the folded name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub gram: String,
    /// Server.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub server_id: String,
}

/// What a search reads in the order of this index.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The server.
    #[sea_orm(
        belongs_to = "super::servers::Entity",
        from = "Column::ServerId",
        to = "super::servers::Column::Id"
    )]
    Server,
}

impl ActiveModelBehavior for ActiveModel {}
