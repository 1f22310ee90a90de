//! What a kind of game server needs.

use sea_orm::entity::prelude::*;

/// What a kind of game server needs.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "eggs")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Folder.
    #[sea_orm(column_type = "Text", nullable)]
    pub nest_id: Option<String>,
    /// For people.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// As the file says.
    #[sea_orm(column_type = "Text")]
    pub author: String,
    /// As the file says.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// Data URL or https URL.
    #[sea_orm(column_type = "Text", nullable)]
    pub icon: Option<String>,
    /// [text].
    #[sea_orm(column_type = "Json")]
    pub tags: Json,
    /// [{label, image}].
    #[sea_orm(column_type = "Json")]
    pub images: Json,
    /// "import" or "starter".
    #[sea_orm(column_type = "Text")]
    pub source: String,
    /// Which starter it came from.
    #[sea_orm(column_type = "Text", nullable)]
    pub starter_key: Option<String>,
    /// The egg as this version understands it; read by the egg room alone.
    #[sea_orm(column_type = "Json")]
    pub document: Json,
    /// What was odd at import.
    #[sea_orm(column_type = "Json")]
    pub report: Json,
    /// The file as it came.
    #[sea_orm(column_type = "Text")]
    pub raw: String,
    /// PTDL_v1 ... PLCN_v3.
    #[sea_orm(column_type = "Text")]
    pub format: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// Deleted softly.
    pub deleted_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
