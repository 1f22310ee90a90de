//! E-mail addresses that are shown to be somebody's by a link.

use axum::{extract::State, http::StatusCode};

use super::{dto::EmailByLink, service};
use crate::{app::App, auth::Caller, error::Result, http::Json, problem::Problems};

/// Sends a link to one's own address, to show that mail reaches it.
#[utoipa::path(post, path = "/account/email-link", tag = "account",
    responses((status = 202), Problems))]
pub async fn request_email_link(State(app): State<App>, caller: Caller) -> Result<StatusCode> {
    caller.by_session()?;
    service::own(&app, &caller).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Uses a link: the address that it was sent to is one's own from now on, and shown to be. Whoever gets a mail about an
/// account of somebody else can't be led to make their address that one's.
#[utoipa::path(put, path = "/account/email-link", tag = "account",
    responses((status = 204), Problems))]
pub async fn use_email_link(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<EmailByLink>,
) -> Result<StatusCode> {
    caller.by_session()?;
    service::set(&app, &caller, &req).await?;
    Ok(StatusCode::NO_CONTENT)
}
