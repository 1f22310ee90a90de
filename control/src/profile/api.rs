//! Profiles and pictures.

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use warren_proto::ids::UserId;

use super::{
    dto::{Profile, ProfileSet, PublicProfile},
    service,
};
use crate::{
    app::App,
    auth::Caller,
    error::Result,
    http::{IfMatch, Json, Path, Tagged, read_body},
    problem::Problems,
};

pub use super::image::MOST_BYTES;

/// One's own profile.
#[utoipa::path(get, path = "/account/profile", tag = "account",
    responses((status = 200, body = Profile), Problems))]
pub async fn get_profile(State(app): State<App>, caller: Caller) -> Result<Tagged<Profile>> {
    caller.whole()?;
    service::get(&app, &caller).await.map(Tagged)
}

/// Says everything about oneself anew; what is left out is unsaid.
#[utoipa::path(put, path = "/account/profile", tag = "account", params(IfMatch),
    responses((status = 200, body = Profile), Problems))]
pub async fn set_profile(
    State(app): State<App>,
    caller: Caller,
    if_match: IfMatch,
    Json(req): Json<ProfileSet>,
) -> Result<Tagged<Profile>> {
    caller.whole()?;
    service::set(&app, &caller, &if_match, &req)
        .await
        .map(Tagged)
}

/// Another picture: PNG, JPEG or WebP of at most 2 MiB. It is cut to a square of 256 pixels; what else stood in the file is
/// left behind.
#[utoipa::path(put, path = "/account/avatar", tag = "account",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Profile), Problems))]
pub async fn set_avatar(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Json<Profile>> {
    caller.whole()?;
    let bytes = read_body(request).await?.to_vec();
    service::set_avatar(&app, &caller, bytes).await.map(Json)
}

/// Removes the picture.
#[utoipa::path(delete, path = "/account/avatar", tag = "account",
    responses((status = 204), Problems))]
pub async fn delete_avatar(State(app): State<App>, caller: Caller) -> Result<StatusCode> {
    caller.whole()?;
    service::delete_avatar(&app, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What somebody says about themselves, for those who have a server in common with them and those who see people.
#[utoipa::path(get, path = "/users/{user}/profile", tag = "people",
    params(("user" = String, Path, description = "User id")),
    responses((status = 200, body = PublicProfile), Problems))]
pub async fn get_user_profile(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Json<PublicProfile>> {
    service::of(&app, &caller, id).await.map(Json)
}

/// Somebody's picture, under the address that a profile tells.
#[utoipa::path(get, path = "/users/{user}/avatar", tag = "people",
    params(("user" = String, Path, description = "User id")),
    responses((status = 200, body = Vec<u8>, content_type = "image/webp"), Problems))]
pub async fn get_user_avatar(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<impl IntoResponse> {
    let image = service::avatar(&app, &caller, id).await?;
    // Each picture has an address of its own, but who may see it can change.
    let headers = [
        (header::CONTENT_TYPE, "image/webp"),
        (header::CACHE_CONTROL, "private, max-age=300"),
    ];
    Ok((headers, image))
}
