//! How large a file may be that people upload to a server.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use warren_entity::servers;

use super::dto::Limits;
use crate::{app::Ground, egg::view::lenient, panel::upload};

/// What holds for a server with these limits.
#[must_use]
pub fn of(ground: &Ground, limits: &serde_json::Value) -> Option<u64> {
    upload::holds(ground, lenient::<Limits>(limits).upload_bytes)
}

/// What holds for this server; of one that is gone, nothing of its own.
/// # Errors
/// Database.
pub async fn of_server(ground: &Ground, id: &str) -> Result<Option<u64>, DbErr> {
    let limits: Option<serde_json::Value> = servers::Entity::find()
        .select_only()
        .column(servers::Column::Limits)
        .filter(servers::Column::Id.eq(id))
        .into_tuple()
        .one(ground.db.read())
        .await?;
    Ok(of(ground, &limits.unwrap_or_default()))
}
