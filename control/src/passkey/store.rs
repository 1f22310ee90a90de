//! Rows of passkeys.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, SqlErr,
};
use serde_json::Value;
use warren_entity::passkeys::{self, Column, Entity, Model};
use webauthn_rs::prelude::Passkey;

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
        .ok_or_else(|| Error::not_found("passkey"))
}

/// By what a device calls it, under one name of the panel.
pub(super) async fn by_credential(
    db: &impl ConnectionTrait,
    host: &str,
    credential_id: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::CredentialId.eq(credential_id))
        .filter(Column::Host.eq(host))
        .one(db)
        .await
}

/// Keeps a new one.
/// # Errors
/// 409 `passkey_exists` for a device's key that is kept already, whoever has it.
pub(super) async fn keep(db: &impl ConnectionTrait, row: Model) -> Result<()> {
    let row = passkeys::ActiveModel {
        id: Set(row.id),
        user_id: Set(row.user_id),
        host: Set(row.host),
        name: Set(row.name),
        credential_id: Set(row.credential_id),
        credential: Set(row.credential),
        synced: Set(row.synced),
        created_at_ms: Set(row.created_at_ms),
        last_used_at_ms: Set(row.last_used_at_ms),
    };
    let kept = Entity::insert(row).exec_without_returning(db).await;
    kept.map(drop).map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::conflict("passkey_exists", "this passkey is kept already")
        }
        _ => error.into(),
    })
}

/// Notes that it was used, with what it told of itself; false when it is not there any more.
pub(super) async fn used(
    db: &impl ConnectionTrait,
    id: &str,
    key: &Passkey,
    now_ms: i64,
) -> Result<bool> {
    let (credential, synced) = stored(key)?;
    let row = passkeys::ActiveModel {
        credential: Set(credential),
        synced: Set(synced),
        last_used_at_ms: Set(Some(now_ms)),
        ..Default::default()
    };
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// As a row has it, and whether its owner's devices share it.
pub(super) fn stored(key: &Passkey) -> Result<(String, bool)> {
    let value = serde_json::to_value(key).map_err(Error::internal)?;
    let synced = value.pointer("/cred/backup_state").and_then(Value::as_bool);
    Ok((value.to_string(), synced.unwrap_or(false)))
}

/// Out of a row.
pub(super) fn read(row: &Model) -> Result<Passkey> {
    serde_json::from_str(&row.credential).map_err(Error::internal)
}

/// How many somebody has.
/// # Errors
/// Database.
pub async fn count(db: &impl ConnectionTrait, user: &str) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user))
        .count(db)
        .await
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
