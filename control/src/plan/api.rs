//! Plans.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::PlanId;

use super::{
    dto::{Plan, PlanCreate, PlanPatch},
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

/// All plans, by name.
#[utoipa::path(get, path = "/plans", tag = "people",
    responses((status = 200, body = Page<Plan>), Problems))]
pub async fn list_plans(State(app): State<App>, caller: Caller) -> Result<Json<Page<Plan>>> {
    caller.require(Key::PlanRead, Resource::Panel)?;
    service::list(&app).await.map(Json)
}

/// Makes a plan.
#[utoipa::path(post, path = "/plans", tag = "people",
    responses((status = 201, body = Plan), Problems))]
pub async fn create_plan(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<PlanCreate>,
) -> Result<(StatusCode, Json<Plan>)> {
    caller.require(Key::PlanCreate, Resource::Panel)?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// One plan.
#[utoipa::path(get, path = "/plans/{plan}", tag = "people",
    params(("plan" = String, Path, description = "Plan id")),
    responses((status = 200, body = Plan), Problems))]
pub async fn get_plan(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PlanId>,
) -> Result<Tagged<Plan>> {
    caller.require(Key::PlanRead, Resource::Panel)?;
    service::get(&app, id).await.map(Tagged)
}

/// Changes a plan; it counts at once for everybody who is on it. Servers that have more keep it and get no more.
#[utoipa::path(patch, path = "/plans/{plan}", tag = "people",
    params(("plan" = String, Path, description = "Plan id"), IfMatch),
    responses((status = 200, body = Plan), Problems))]
pub async fn update_plan(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PlanId>,
    if_match: IfMatch,
    Json(req): Json<PlanPatch>,
) -> Result<Tagged<Plan>> {
    caller.require(Key::PlanUpdate, Resource::Panel)?;
    service::update(&app, &caller, id, &if_match, req)
        .await
        .map(Tagged)
}

/// Removes a plan that nobody is on.
#[utoipa::path(delete, path = "/plans/{plan}", tag = "people",
    params(("plan" = String, Path, description = "Plan id")),
    responses((status = 204), Problems))]
pub async fn delete_plan(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PlanId>,
) -> Result<StatusCode> {
    caller.require(Key::PlanDelete, Resource::Panel)?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
