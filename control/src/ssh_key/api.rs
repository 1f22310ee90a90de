//! One's own SSH keys.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::SshKeyId;

use super::{
    dto::{SshKey, SshKeyCreate, SshKeyPatch},
    service,
};
use crate::{
    app::App,
    auth::Caller,
    error::Result,
    http::{Json, Page, Path},
    problem::Problems,
};

/// One's own SSH keys, the newest first.
#[utoipa::path(get, path = "/account/ssh-keys", tag = "account",
    responses((status = 200, body = Page<SshKey>), Problems))]
pub async fn list_ssh_keys(State(app): State<App>, caller: Caller) -> Result<Json<Page<SshKey>>> {
    caller.whole()?;
    service::list(&app, &caller).await.map(Json)
}

/// Adds an SSH key: its owner logs in with it over SFTP.
#[utoipa::path(post, path = "/account/ssh-keys", tag = "account",
    responses((status = 201, body = SshKey), Problems))]
pub async fn create_ssh_key(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<SshKeyCreate>,
) -> Result<(StatusCode, Json<SshKey>)> {
    caller.by_session()?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Calls an SSH key something else.
#[utoipa::path(patch, path = "/account/ssh-keys/{id}", tag = "account",
    params(("id" = String, Path, description = "SSH key id")),
    responses((status = 200, body = SshKey), Problems))]
pub async fn update_ssh_key(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<SshKeyId>,
    Json(req): Json<SshKeyPatch>,
) -> Result<Json<SshKey>> {
    caller.by_session()?;
    service::update(&app, &caller, id, &req).await.map(Json)
}

/// Removes an SSH key.
#[utoipa::path(delete, path = "/account/ssh-keys/{id}", tag = "account",
    params(("id" = String, Path, description = "SSH key id")),
    responses((status = 204), Problems))]
pub async fn delete_ssh_key(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<SshKeyId>,
) -> Result<StatusCode> {
    caller.by_session()?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
