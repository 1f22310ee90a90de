//! One's own account.

use axum::{extract::State, http::StatusCode};

use super::{
    dto::{AccountChanged, AccountPatch, PasswordChange},
    service,
};
use crate::{
    app::App,
    auth::{AnyCaller, Caller},
    error::Result,
    http::{Json, Page, Path},
    problem::Problems,
    session::dto::{SessionInfo, User},
};
use warren_proto::ids::SessionId;

/// One's own account.
#[utoipa::path(get, path = "/account", tag = "account",
    responses((status = 200, body = User), Problems))]
pub async fn get_account(State(app): State<App>, caller: Caller) -> Result<Json<User>> {
    service::get(&app, &caller).await.map(Json)
}

/// Changes name or e-mail address.
#[utoipa::path(patch, path = "/account", tag = "account",
    responses((status = 200, body = AccountChanged), Problems))]
pub async fn update_account(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<AccountPatch>,
) -> Result<Json<AccountChanged>> {
    caller.by_session()?;
    service::update(&app, &caller, req).await.map(Json)
}

/// Changes the password; all other sessions end.
#[utoipa::path(put, path = "/account/password", tag = "account",
    responses((status = 204), Problems))]
pub async fn update_password(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Json(req): Json<PasswordChange>,
) -> Result<StatusCode> {
    caller.by_session()?;
    service::change_password(&app, &caller, req).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Log-ins that have not ended, the newest first.
#[utoipa::path(get, path = "/account/sessions", tag = "account",
    responses((status = 200, body = Page<SessionInfo>), Problems))]
pub async fn list_sessions(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<SessionInfo>>> {
    caller.whole()?;
    service::sessions(&app, &caller).await.map(Json)
}

/// Ends one log-in, with all that it has open.
#[utoipa::path(delete, path = "/account/sessions/{id}", tag = "account",
    params(("id" = String, Path, description = "Session id")),
    responses((status = 204), Problems))]
pub async fn delete_account_session(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<SessionId>,
) -> Result<StatusCode> {
    caller.by_session()?;
    service::end_session(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
