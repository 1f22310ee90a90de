//! Rows of backup stores, and what a node is told of one.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};
use warren_entity::{backup_repositories, backup_stores, backups};
use warren_proto::{
    ids::BackupStoreId,
    wire::{DirectoryStore, S3Store, repository},
};

use super::dto::Kind;
use crate::{
    app::App,
    egg::view::lenient,
    error::{Error, Result},
    text::to_u64,
};

/// Where the secret of a store is sealed for.
#[must_use]
pub fn place(id: &str) -> String {
    format!("backup_store.{id}")
}

/// One of them.
/// # Errors
/// 404; database.
pub async fn find(db: &impl ConnectionTrait, id: BackupStoreId) -> Result<backup_stores::Model> {
    backup_stores::Entity::find_by_id(id.to_string())
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("backup store"))
}

/// One of them, locked: no backup comes to it meanwhile.
/// # Errors
/// 404; database.
pub async fn locked(db: &impl ConnectionTrait, id: &str) -> Result<backup_stores::Model> {
    backup_stores::Entity::find_by_id(id)
        .lock_exclusive()
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("backup store"))
}

/// Backups in a store, and what its repositories take.
/// # Errors
/// Database.
pub async fn used(db: &impl ConnectionTrait, id: &str) -> Result<(u64, u64), DbErr> {
    let count = backups::Entity::find()
        .filter(backups::Column::StoreId.eq(id))
        .filter(backups::Column::State.ne("failed"))
        .count(db)
        .await?;
    let bytes: Vec<i64> = backup_repositories::Entity::find()
        .filter(backup_repositories::Column::StoreId.eq(id))
        .select_only()
        .column(backup_repositories::Column::Bytes)
        .into_tuple()
        .all(db)
        .await?;
    let sum = bytes
        .iter()
        .map(|b| to_u64(*b))
        .fold(0, u64::saturating_add);
    Ok((count, sum))
}

/// Whether a store is for the servers of a node.
#[must_use]
pub fn serves(store: &backup_stores::Model, node: &str) -> bool {
    let nodes: Vec<String> = lenient(&store.nodes);
    nodes.is_empty() || nodes.iter().any(|id| id == node)
}

/// What a node is told of it, with its secret: only in a signed command.
/// # Errors
/// A secret that was sealed under another key.
pub fn told(app: &App, store: &backup_stores::Model) -> Result<repository::Store> {
    Ok(match Kind::parse(&store.kind) {
        Kind::Directory => repository::Store::Directory(DirectoryStore {
            path: store.path.clone(),
        }),
        Kind::S3 => {
            let sealed = store.secret.as_deref().unwrap_or_default();
            let secret = app.keys.sealer.open(&place(&store.id), sealed);
            let secret = String::from_utf8(secret.map_err(Error::internal)?);
            repository::Store::S3(S3Store {
                endpoint: store.endpoint.clone(),
                region: store.region.clone(),
                bucket: store.bucket.clone(),
                prefix: store.prefix.clone(),
                access_key: store.access_key.clone(),
                secret_key: secret.map_err(Error::internal)?,
            })
        }
    })
}
