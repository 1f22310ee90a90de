//! A port on a node, free or given to a server.

use sea_orm::entity::prelude::*;

/// A port on a node, free or given to a server.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "allocations")]
pub struct Model {
    /// ULID.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Node.
    #[sea_orm(column_type = "Text")]
    pub node_id: String,
    /// Address on the node to publish on; "0.0.0.0": all.
    #[sea_orm(column_type = "Text")]
    pub ip: String,
    /// 1 to 65535.
    pub port: i32,
    /// Who has it.
    #[sea_orm(column_type = "Text", nullable)]
    pub server_id: Option<String>,
    /// The server's first port.
    pub is_primary: bool,
    /// What players see instead of the address.
    #[sea_orm(column_type = "Text", nullable)]
    pub alias: Option<String>,
    /// What else holds the port on the node, as reported.
    #[sea_orm(column_type = "Text", nullable)]
    pub taken_by: Option<String>,
    /// Transfer that keeps it for a server which is on its way here.
    #[sea_orm(column_type = "Text", nullable)]
    pub reserved_for: Option<String>,
    /// Taken from the offer; without the row the port would count as free.
    pub withdrawn: bool,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
