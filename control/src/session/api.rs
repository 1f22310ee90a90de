//! Log-in and log-out.

use axum::{extract::State, http::StatusCode, response::IntoResponse};

use super::{
    dto::{CurrentSession, LoggedIn, LoginRequest},
    service,
};
use crate::{
    app::App,
    auth::{AnyCaller, Peer},
    error::Result,
    http::Json,
    problem::Problems,
};

/// Logs in: the answer carries the session cookie.
///
/// `__Host-warren` over https, `warren` over plain http; neither is taken for the other. Attempts are
/// limited per account and address (429).
#[utoipa::path(post, path = "/session", tag = "session", security(()),
    responses((status = 200, body = LoggedIn), Problems))]
pub async fn create_session(
    State(app): State<App>,
    peer: Peer,
    Json(req): Json<LoginRequest>,
) -> Result<impl IntoResponse> {
    let (cookie, user) = service::log_in(&app, &peer, req).await?;
    Ok((cookie, Json(LoggedIn { user })))
}

/// Who is logged in, what they may do on the panel, and facts about the panel.
#[utoipa::path(get, path = "/session", tag = "session",
    responses((status = 200, body = CurrentSession), Problems))]
pub async fn get_session(
    State(app): State<App>,
    peer: Peer,
    AnyCaller(caller): AnyCaller,
) -> Result<Json<CurrentSession>> {
    service::current(&app, &peer, &caller).await.map(Json)
}

/// Logs out.
#[utoipa::path(delete, path = "/session", tag = "session",
    responses((status = 204), Problems))]
pub async fn delete_session(
    State(app): State<App>,
    peer: Peer,
    AnyCaller(caller): AnyCaller,
) -> Result<impl IntoResponse> {
    let cookie = service::log_out(&app, &peer, &caller).await?;
    Ok((cookie, StatusCode::NO_CONTENT))
}
