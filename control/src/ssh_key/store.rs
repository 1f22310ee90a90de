//! Rows of SSH keys.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use warren_entity::ssh_keys::{Column, Entity, Model};

use crate::error::{Error, Result};

/// One somebody's, the newest first.
pub(super) async fn of(
    db: &impl ConnectionTrait,
    user: &str,
    most: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user))
        .order_by_desc(Column::Id)
        .limit(most)
        .all(db)
        .await
}

/// One of somebody's own.
pub(super) async fn own(db: &impl ConnectionTrait, user: &str, id: &str) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(Column::UserId.eq(user))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("SSH key"))
}

/// Takes all of somebody's away.
/// # Errors
/// Database.
pub async fn forget(db: &impl ConnectionTrait, user: &str) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user))
        .exec(db)
        .await
        .map(drop)
}
