//! Subusers of a server.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::{ServerId, UserId};

use super::{
    dto::{Subuser, SubuserCreate, SubuserUpdate},
    service,
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::Result,
    http::{IfMatch, Json, Page, Path, Tagged},
    problem::Problems,
};

/// Who may do what on this server beside its owner.
#[utoipa::path(get, path = "/servers/{server}/users", tag = "servers",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = Page<Subuser>), Problems))]
pub async fn list_subusers(
    State(app): State<App>,
    access: ServerAccess,
) -> Result<Json<Page<Subuser>>> {
    access.require(Key::UserRead)?;
    service::list(&app, &access).await.map(Json)
}

/// Gives somebody access, within what one has oneself.
#[utoipa::path(post, path = "/servers/{server}/users", tag = "servers",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 201, body = Subuser), Problems))]
pub async fn create_subuser(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<SubuserCreate>,
) -> Result<(StatusCode, Json<Subuser>)> {
    access.require(Key::UserCreate)?;
    let made = service::create(&app, &access, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Changes what somebody may do; what is taken away is gone at once.
#[utoipa::path(put, path = "/servers/{server}/users/{user}", tag = "servers",
    params(("server" = String, Path, description = "Server id"), ("user" = String, Path, description = "User id"), IfMatch),
    responses((status = 200, body = Subuser), Problems))]
pub async fn update_subuser(
    State(app): State<App>,
    access: ServerAccess,
    Path((_server, user)): Path<(ServerId, UserId)>,
    if_match: IfMatch,
    Json(req): Json<SubuserUpdate>,
) -> Result<Tagged<Subuser>> {
    access.require(Key::UserUpdate)?;
    service::update(&app, &access, user, &if_match, req)
        .await
        .map(Tagged)
}

/// Takes somebody's access away. Everybody may give up their own.
#[utoipa::path(delete, path = "/servers/{server}/users/{user}", tag = "servers",
    params(("server" = String, Path, description = "Server id"), ("user" = String, Path, description = "User id")),
    responses((status = 204), Problems))]
pub async fn delete_subuser(
    State(app): State<App>,
    access: ServerAccess,
    Path((_server, user)): Path<(ServerId, UserId)>,
) -> Result<StatusCode> {
    // With a key for some permissions alone, that permission has to be among them.
    if user != access.caller.actor.user || access.caller.narrowed {
        access.require(Key::UserDelete)?;
    }
    service::delete(&app, &access, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
