//! Nests.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::NestId;

use super::{
    dto::{Nest, NestCreate, NestPatch},
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

/// All nests, by name.
#[utoipa::path(get, path = "/nests", tag = "eggs",
    responses((status = 200, body = Page<Nest>), Problems))]
pub async fn list_nests(State(app): State<App>, caller: Caller) -> Result<Json<Page<Nest>>> {
    caller.require(Key::NestRead, Resource::Panel)?;
    service::list(&app).await.map(Json)
}

/// Makes a nest.
#[utoipa::path(post, path = "/nests", tag = "eggs",
    responses((status = 201, body = Nest), Problems))]
pub async fn create_nest(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<NestCreate>,
) -> Result<(StatusCode, Json<Nest>)> {
    caller.require(Key::NestCreate, Resource::Panel)?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// One nest.
#[utoipa::path(get, path = "/nests/{nest}", tag = "eggs",
    params(("nest" = String, Path, description = "Nest id")),
    responses((status = 200, body = Nest), Problems))]
pub async fn get_nest(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<NestId>,
) -> Result<Json<Nest>> {
    caller.require(Key::NestRead, Resource::Panel)?;
    service::get(&app, id).await.map(Json)
}

/// Changes name or description.
#[utoipa::path(patch, path = "/nests/{nest}", tag = "eggs",
    params(("nest" = String, Path, description = "Nest id")),
    responses((status = 200, body = Nest), Problems))]
pub async fn update_nest(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<NestId>,
    Json(req): Json<NestPatch>,
) -> Result<Json<Nest>> {
    caller.require(Key::NestUpdate, Resource::Panel)?;
    service::update(&app, &caller, id, req).await.map(Json)
}

/// Removes a nest that no egg is in.
#[utoipa::path(delete, path = "/nests/{nest}", tag = "eggs",
    params(("nest" = String, Path, description = "Nest id")),
    responses((status = 204), Problems))]
pub async fn delete_nest(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<NestId>,
) -> Result<StatusCode> {
    caller.require(Key::NestDelete, Resource::Panel)?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
