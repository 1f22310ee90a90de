//! Passwords that are set by a link in a mail.

use axum::{extract::State, http::StatusCode};

use super::{
    dto::{PasswordByLink, PasswordForgotten},
    service,
};
use crate::{app::App, auth::Peer, error::Result, http::Json, problem::Problems};

/// Asks for a link with which to set another password. The answer is the same for names that nobody has.
#[utoipa::path(post, path = "/password-links", tag = "session", security(()),
    responses((status = 202), Problems))]
pub async fn request_password_link(
    State(app): State<App>,
    peer: Peer,
    Json(req): Json<PasswordForgotten>,
) -> Result<StatusCode> {
    service::forgotten(&app, &peer, &req)?;
    Ok(StatusCode::ACCEPTED)
}

/// Sets the password that a link is for. Each link is good once; all log-ins of the account end.
#[utoipa::path(put, path = "/password-links", tag = "session", security(()),
    responses((status = 204), Problems))]
pub async fn use_password_link(
    State(app): State<App>,
    peer: Peer,
    Json(req): Json<PasswordByLink>,
) -> Result<StatusCode> {
    service::set(&app, &peer, &req).await?;
    Ok(StatusCode::NO_CONTENT)
}
