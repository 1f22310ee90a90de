//! Private image registries.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::RegistryId;

use super::{
    dto::{Registry, RegistryCreate, RegistryUpdate},
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

/// All of them, by host. Secrets are not shown.
#[utoipa::path(get, path = "/registries", tag = "registries",
    responses((status = 200, body = Page<Registry>), Problems))]
pub async fn list_registries(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<Registry>>> {
    caller.require(Key::RegistryRead, Resource::Panel)?;
    service::list(&app).await.map(Json)
}

/// Makes a registry's credential known. Servers whose images come from there use it from their next pull on.
#[utoipa::path(post, path = "/registries", tag = "registries",
    responses((status = 201, body = Registry), Problems))]
pub async fn create_registry(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<RegistryCreate>,
) -> Result<(StatusCode, Json<Registry>)> {
    caller.require(Key::RegistryUpdate, Resource::Panel)?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Replaces a registry's credential.
#[utoipa::path(put, path = "/registries/{id}", tag = "registries",
    params(("id" = String, Path, description = "Registry id"), IfMatch),
    responses((status = 200, body = Registry), Problems))]
pub async fn update_registry(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<RegistryId>,
    if_match: IfMatch,
    Json(req): Json<RegistryUpdate>,
) -> Result<Tagged<Registry>> {
    caller.require(Key::RegistryUpdate, Resource::Panel)?;
    service::update(&app, &caller, id, &if_match, req)
        .await
        .map(Tagged)
}

/// Forgets a registry's credential; nodes forget it with their servers' next rows.
#[utoipa::path(delete, path = "/registries/{id}", tag = "registries",
    params(("id" = String, Path, description = "Registry id")),
    responses((status = 204), Problems))]
pub async fn delete_registry(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<RegistryId>,
) -> Result<StatusCode> {
    caller.require(Key::RegistryUpdate, Resource::Panel)?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
