//! Locations.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::LocationId;

use super::{
    dto::{Location, LocationCreate, LocationPatch},
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

/// All of them, by name.
#[utoipa::path(get, path = "/locations", tag = "nodes",
    responses((status = 200, body = Page<Location>), Problems))]
pub async fn list_locations(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<Location>>> {
    caller.require(Key::NodeRead, Resource::Panel)?;
    service::list(&app).await.map(Json)
}

/// Makes a location.
#[utoipa::path(post, path = "/locations", tag = "nodes",
    responses((status = 201, body = Location), Problems))]
pub async fn create_location(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<LocationCreate>,
) -> Result<(StatusCode, Json<Location>)> {
    caller.require(Key::LocationUpdate, Resource::Panel)?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Changes name or description.
#[utoipa::path(patch, path = "/locations/{location}", tag = "nodes",
    params(("location" = String, Path, description = "Location id"), IfMatch),
    responses((status = 200, body = Location), Problems))]
pub async fn update_location(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<LocationId>,
    if_match: IfMatch,
    Json(req): Json<LocationPatch>,
) -> Result<Tagged<Location>> {
    caller.require(Key::LocationUpdate, Resource::Panel)?;
    service::update(&app, &caller, id, &if_match, req)
        .await
        .map(Tagged)
}

/// Removes a location that no node stands at and no role is over.
#[utoipa::path(delete, path = "/locations/{location}", tag = "nodes",
    params(("location" = String, Path, description = "Location id")),
    responses((status = 204), Problems))]
pub async fn delete_location(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<LocationId>,
) -> Result<StatusCode> {
    caller.require(Key::LocationUpdate, Resource::Panel)?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
