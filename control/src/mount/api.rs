//! Mounts.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::MountId;

use super::{
    dto::{Mount, MountCreate, MountPatch},
    service,
};
use crate::{
    access::{Key, Resource},
    app::App,
    auth::Caller,
    error::Result,
    http::{Json, Page, Path},
    problem::Problems,
};

/// All mounts, by name.
#[utoipa::path(get, path = "/mounts", tag = "mounts",
    responses((status = 200, body = Page<Mount>), Problems))]
pub async fn list_mounts(State(app): State<App>, caller: Caller) -> Result<Json<Page<Mount>>> {
    caller.require(Key::MountRead, Resource::Panel)?;
    service::list(&app).await.map(Json)
}

/// Makes a mount. No server sees it before it is switched on there.
#[utoipa::path(post, path = "/mounts", tag = "mounts",
    responses((status = 201, body = Mount), Problems))]
pub async fn create_mount(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<MountCreate>,
) -> Result<(StatusCode, Json<Mount>)> {
    caller.require(Key::MountCreate, Resource::Panel)?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// One mount.
#[utoipa::path(get, path = "/mounts/{mount}", tag = "mounts",
    params(("mount" = String, Path, description = "Mount id")),
    responses((status = 200, body = Mount), Problems))]
pub async fn get_mount(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<MountId>,
) -> Result<Json<Mount>> {
    caller.require(Key::MountRead, Resource::Panel)?;
    service::get(&app, id).await.map(Json)
}

/// Changes a mount. Servers that have it switched on see the change with their next start.
///
/// 409 `mount_in_use` where it would no longer be offered to a server that has it switched on, `mount_target_taken` where
/// another mount of such a server is in the way.
#[utoipa::path(patch, path = "/mounts/{mount}", tag = "mounts",
    params(("mount" = String, Path, description = "Mount id")),
    responses((status = 200, body = Mount), Problems))]
pub async fn update_mount(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<MountId>,
    Json(req): Json<MountPatch>,
) -> Result<Json<Mount>> {
    caller.require(Key::MountUpdate, Resource::Panel)?;
    service::update(&app, &caller, id, req).await.map(Json)
}

/// Removes a mount that no server has switched on. What is in the directory stays.
#[utoipa::path(delete, path = "/mounts/{mount}", tag = "mounts",
    params(("mount" = String, Path, description = "Mount id")),
    responses((status = 204), Problems))]
pub async fn delete_mount(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<MountId>,
) -> Result<StatusCode> {
    caller.require(Key::MountDelete, Resource::Panel)?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
