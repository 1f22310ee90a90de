//! Backup stores.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::BackupStoreId;

use super::{
    dto::{BackupStore, BackupStoreCreate, BackupStoreTest, BackupStoreTestAsk, BackupStoreUpdate},
    service,
};
use crate::{
    access::{Key, Resource},
    app::App,
    auth::Caller,
    error::Result,
    http::{IfMatch, Json, Page, Path, Tagged},
    problem::Problems,
};

/// All of them, by name. Secrets are not shown.
#[utoipa::path(get, path = "/backup-stores", tag = "backups",
    responses((status = 200, body = Page<BackupStore>), Problems))]
pub async fn list_backup_stores(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<BackupStore>>> {
    caller.require(Key::BackupStoreRead, Resource::Panel)?;
    service::list(&app).await.map(Json)
}

/// Makes a place known that backups are kept in, without asking it anything.
#[utoipa::path(post, path = "/backup-stores", tag = "backups",
    responses((status = 201, body = BackupStore), Problems))]
pub async fn create_backup_store(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<BackupStoreCreate>,
) -> Result<(StatusCode, Json<BackupStore>)> {
    caller.require(Key::BackupStoreCreate, Resource::Panel)?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// One of them.
#[utoipa::path(get, path = "/backup-stores/{backup_store}", tag = "backups",
    params(("backup_store" = String, Path, description = "Backup store id")),
    responses((status = 200, body = BackupStore), Problems))]
pub async fn get_backup_store(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<BackupStoreId>,
) -> Result<Tagged<BackupStore>> {
    caller.require(Key::BackupStoreRead, Resource::Panel)?;
    service::get(&app, id).await.map(Tagged)
}

/// Changes all of it.
#[utoipa::path(put, path = "/backup-stores/{backup_store}", tag = "backups",
    params(("backup_store" = String, Path, description = "Backup store id"), IfMatch),
    responses((status = 200, body = BackupStore), Problems))]
pub async fn update_backup_store(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<BackupStoreId>,
    if_match: IfMatch,
    Json(req): Json<BackupStoreUpdate>,
) -> Result<Tagged<BackupStore>> {
    caller.require(Key::BackupStoreUpdate, Resource::Panel)?;
    service::update(&app, &caller, id, &if_match, req)
        .await
        .map(Tagged)
}

/// Forgets a store that no backup is in.
#[utoipa::path(delete, path = "/backup-stores/{backup_store}", tag = "backups",
    params(("backup_store" = String, Path, description = "Backup store id")),
    responses((status = 204), Problems))]
pub async fn delete_backup_store(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<BackupStoreId>,
) -> Result<StatusCode> {
    caller.require(Key::BackupStoreDelete, Resource::Panel)?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has a node write, read and remove a small file there.
#[utoipa::path(post, path = "/backup-stores/{backup_store}/test", tag = "backups",
    params(("backup_store" = String, Path, description = "Backup store id")),
    responses((status = 200, body = BackupStoreTest), Problems))]
pub async fn test_backup_store(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<BackupStoreId>,
    Json(ask): Json<BackupStoreTestAsk>,
) -> Result<Json<BackupStoreTest>> {
    // Not with the right to read: whoever tests, lets a node knock at an address.
    caller.require(Key::BackupStoreUpdate, Resource::Panel)?;
    service::test(&app, &caller, id, &ask).await.map(Json)
}
