//! Backups of a server.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::{BackupId, ServerId};

use super::{
    dto::{
        Backup, BackupCreate, BackupEntries, BackupFilesQuery, BackupKeyAsk, BackupKeys,
        BackupList, BackupRestore, BackupSettings, BackupSettingsUpdate, BackupUpdate,
    },
    restore, service, settings,
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::Result,
    http::{IfMatch, Json, Path, Query, Tagged},
    operation::dto::Operation,
    problem::Problems,
};

/// The server's backups, the newest first, and what there is room for.
#[utoipa::path(get, path = "/servers/{server}/backups", tag = "backups",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = BackupList), Problems))]
pub async fn list_backups(
    State(app): State<App>,
    access: ServerAccess,
) -> Result<Json<BackupList>> {
    access.require(Key::BackupRead)?;
    service::list(&app, &access).await.map(Json)
}

/// Begins a backup, also of a server that runs. `operation` says how far it is.
#[utoipa::path(post, path = "/servers/{server}/backups", tag = "backups",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 202, body = Backup), Problems))]
pub async fn create_backup(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<BackupCreate>,
) -> Result<(StatusCode, Json<Backup>)> {
    access.require(Key::BackupCreate)?;
    let made = service::create(&app, &access, req).await?;
    Ok((StatusCode::ACCEPTED, Json(made)))
}

/// One backup.
#[utoipa::path(get, path = "/servers/{server}/backups/{backup}", tag = "backups",
    params(("server" = String, Path, description = "Server id"),
        ("backup" = String, Path, description = "Backup id")),
    responses((status = 200, body = Backup), Problems))]
pub async fn get_backup(
    State(app): State<App>,
    access: ServerAccess,
    Path((_server, id)): Path<(ServerId, BackupId)>,
) -> Result<Json<Backup>> {
    access.require(Key::BackupRead)?;
    service::get(&app, &access, id).await.map(Json)
}

/// Names a backup, locks or unlocks it.
#[utoipa::path(patch, path = "/servers/{server}/backups/{backup}", tag = "backups",
    params(("server" = String, Path, description = "Server id"),
        ("backup" = String, Path, description = "Backup id")),
    responses((status = 200, body = Backup), Problems))]
pub async fn update_backup(
    State(app): State<App>,
    access: ServerAccess,
    Path((_server, id)): Path<(ServerId, BackupId)>,
    Json(req): Json<BackupUpdate>,
) -> Result<Json<Backup>> {
    access.require(Key::BackupCreate)?;
    service::update(&app, &access, id, req).await.map(Json)
}

/// Removes a backup. What other backups share with it stays.
#[utoipa::path(delete, path = "/servers/{server}/backups/{backup}", tag = "backups",
    params(("server" = String, Path, description = "Server id"),
        ("backup" = String, Path, description = "Backup id")),
    responses((status = 202), Problems))]
pub async fn delete_backup(
    State(app): State<App>,
    access: ServerAccess,
    Path((_server, id)): Path<(ServerId, BackupId)>,
) -> Result<StatusCode> {
    access.require(Key::BackupDelete)?;
    service::delete(&app, &access, id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Puts a backup back, all of it or some paths, into its own server or another one. The game is stopped for it; files
/// are switched when all of them are there, so that a failure leaves what there was.
#[utoipa::path(post, path = "/servers/{server}/backups/{backup}/restore", tag = "backups",
    params(("server" = String, Path, description = "Server id"),
        ("backup" = String, Path, description = "Backup id")),
    responses((status = 202, body = Operation), Problems))]
pub async fn restore_backup(
    State(app): State<App>,
    access: ServerAccess,
    Path((_server, id)): Path<(ServerId, BackupId)>,
    Json(req): Json<BackupRestore>,
) -> Result<(StatusCode, Json<Operation>)> {
    access.require(Key::BackupRestore)?;
    let begun = restore::restore(&app, &access, id, req).await?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

/// A directory of a backup.
#[utoipa::path(get, path = "/servers/{server}/backups/{backup}/files", tag = "backups",
    params(("server" = String, Path, description = "Server id"),
        ("backup" = String, Path, description = "Backup id"), BackupFilesQuery),
    responses((status = 200, body = BackupEntries), Problems))]
pub async fn list_backup_files(
    State(app): State<App>,
    access: ServerAccess,
    Path((_server, id)): Path<(ServerId, BackupId)>,
    Query(query): Query<BackupFilesQuery>,
) -> Result<Json<BackupEntries>> {
    access.require(Key::BackupRead)?;
    service::files(&app, &access, id, &query).await.map(Json)
}

/// Passwords of the server's repositories, for restic. Each look is in the audit log.
#[utoipa::path(post, path = "/servers/{server}/backup-keys", tag = "backups",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = BackupKeys), Problems))]
pub async fn get_backup_keys(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<BackupKeyAsk>,
) -> Result<Json<BackupKeys>> {
    access.require(Key::BackupDownload)?;
    service::keys(&app, &access, &req).await.map(Json)
}

/// How the server is backed up.
#[utoipa::path(get, path = "/servers/{server}/backup-settings", tag = "backups",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = BackupSettings), Problems))]
pub async fn get_backup_settings(
    State(app): State<App>,
    access: ServerAccess,
) -> Result<Tagged<BackupSettings>> {
    access.require(Key::BackupRead)?;
    settings::get(&app, &access).await.map(Tagged)
}

/// Sets all of how the server is backed up. What is typed into its game needs the right to type there; what goes by
/// itself, the right to remove backups.
#[utoipa::path(put, path = "/servers/{server}/backup-settings", tag = "backups",
    params(("server" = String, Path, description = "Server id"), IfMatch),
    responses((status = 200, body = BackupSettings), Problems))]
pub async fn set_backup_settings(
    State(app): State<App>,
    access: ServerAccess,
    if_match: IfMatch,
    Json(req): Json<BackupSettingsUpdate>,
) -> Result<Tagged<BackupSettings>> {
    access.require(Key::BackupCreate)?;
    settings::set(&app, &access, &if_match, req)
        .await
        .map(Tagged)
}
