//! Quotas of people.

use axum::extract::State;
use warren_proto::ids::UserId;

use super::{
    dto::{Quota, QuotaSet},
    service,
};
use crate::{
    access::{Key, Resource},
    app::App,
    auth::Caller,
    error::Result,
    http::{IfMatch, Json, Path, Tagged},
    problem::Problems,
};

/// What one's own servers may have together, and what they have.
#[utoipa::path(get, path = "/account/quota", tag = "account",
    responses((status = 200, body = Quota), Problems))]
pub async fn get_account_quota(State(app): State<App>, caller: Caller) -> Result<Json<Quota>> {
    service::get(&app, caller.actor.user).await.map(Json)
}

/// What somebody's servers may have together, and what they have.
#[utoipa::path(get, path = "/users/{user}/quota", tag = "people",
    params(("user" = String, Path, description = "User id")),
    responses((status = 200, body = Quota), Problems))]
pub async fn get_user_quota(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Tagged<Quota>> {
    caller.require(Key::PersonRead, Resource::Panel)?;
    service::get(&app, id).await.map(Tagged)
}

/// Sets all of somebody's quota; an empty one leaves the standard plan, if there is one. Servers that have more keep it and get no more.
#[utoipa::path(put, path = "/users/{user}/quota", tag = "people",
    params(("user" = String, Path, description = "User id"), IfMatch),
    responses((status = 200, body = Quota), Problems))]
pub async fn set_user_quota(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    if_match: IfMatch,
    Json(req): Json<QuotaSet>,
) -> Result<Tagged<Quota>> {
    caller.require(Key::PersonQuota, Resource::Panel)?;
    service::set(&app, &caller, id, &if_match, req)
        .await
        .map(Tagged)
}
