//! Moves of a server to another node.

use axum::{extract::State, http::StatusCode};

use super::{
    dto::{Transfer, TransferAsked, TransferCreate, TransferUpdate},
    service,
};
use crate::{
    access::Key, app::App, auth::ServerAccess, error::Result, http::Json, problem::Problems,
};

/// Moves the server to another node: its files are copied while it runs, then it is stopped for a short while. With
/// `dry_run` nothing is begun, and the answer says what it would mean.
#[utoipa::path(post, path = "/servers/{server}/transfer", tag = "servers",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 202, body = TransferAsked), (status = 200, body = TransferAsked), Problems))]
pub async fn create_transfer(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<TransferCreate>,
) -> Result<(StatusCode, Json<TransferAsked>)> {
    access.require(Key::ServerTransfer)?;
    let asked = service::create(&app, &access, req).await?;
    let status = match asked.transfer {
        Some(_) => StatusCode::ACCEPTED,
        None => StatusCode::OK,
    };
    Ok((status, Json(asked)))
}

/// The newest transfer of the server.
#[utoipa::path(get, path = "/servers/{server}/transfer", tag = "servers",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = Transfer), Problems))]
pub async fn get_transfer(State(app): State<App>, access: ServerAccess) -> Result<Json<Transfer>> {
    access.require(Key::ServerTransfer)?;
    service::get(&app, &access).await.map(Json)
}

/// Says whether the game may be stopped once its files are copied.
#[utoipa::path(patch, path = "/servers/{server}/transfer", tag = "servers",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = Transfer), Problems))]
pub async fn update_transfer(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<TransferUpdate>,
) -> Result<Json<Transfer>> {
    access.require(Key::ServerTransfer)?;
    service::update(&app, &access, req).await.map(Json)
}

/// Calls the transfer off: everything is as before soon. Not once the new node has the server.
#[utoipa::path(delete, path = "/servers/{server}/transfer", tag = "servers",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 202, body = Transfer), Problems))]
pub async fn cancel_transfer(
    State(app): State<App>,
    access: ServerAccess,
) -> Result<(StatusCode, Json<Transfer>)> {
    access.require(Key::ServerTransfer)?;
    let shown = service::cancel(&app, &access).await?;
    Ok((StatusCode::ACCEPTED, Json(shown)))
}
