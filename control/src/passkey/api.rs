//! One's own passkeys, and log-ins with one.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use warren_proto::ids::PasskeyId;

use super::{
    dto::{Passkey, PasskeyBegin, PasskeyCreate, PasskeyLogin, PasskeyOffer, PasskeyPatch},
    service,
};
use crate::{
    app::App,
    auth::{Caller, Peer},
    error::Result,
    http::{Json, Page, Path},
    problem::Problems,
    session::dto::LoggedIn,
};

/// One's own passkeys, the newest first.
#[utoipa::path(get, path = "/account/passkeys", tag = "account",
    responses((status = 200, body = Page<Passkey>), Problems))]
pub async fn list_passkeys(State(app): State<App>, caller: Caller) -> Result<Json<Page<Passkey>>> {
    caller.whole()?;
    service::list(&app, &caller).await.map(Json)
}

/// Begins to make a passkey: what the browser is to ask its owner for.
#[utoipa::path(post, path = "/account/passkeys/offer", tag = "account",
    responses((status = 200, body = PasskeyOffer), Problems))]
pub async fn offer_passkey(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<PasskeyBegin>,
) -> Result<Json<PasskeyOffer>> {
    caller.by_session()?;
    service::offer(&app, &caller, &req).await.map(Json)
}

/// Keeps a passkey that the browser made. From now on it logs in, without a password and without a code.
#[utoipa::path(post, path = "/account/passkeys", tag = "account",
    responses((status = 201, body = Passkey), Problems))]
pub async fn create_passkey(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<PasskeyCreate>,
) -> Result<(StatusCode, Json<Passkey>)> {
    caller.by_session()?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Calls a passkey something else.
#[utoipa::path(patch, path = "/account/passkeys/{id}", tag = "account",
    params(("id" = String, Path, description = "Passkey id")),
    responses((status = 200, body = Passkey), Problems))]
pub async fn update_passkey(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PasskeyId>,
    Json(req): Json<PasskeyPatch>,
) -> Result<Json<Passkey>> {
    caller.by_session()?;
    service::update(&app, &caller, id, &req).await.map(Json)
}

/// Removes a passkey. Log-ins that began with it go on.
#[utoipa::path(delete, path = "/account/passkeys/{id}", tag = "account",
    params(("id" = String, Path, description = "Passkey id")),
    responses((status = 204), Problems))]
pub async fn delete_passkey(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PasskeyId>,
) -> Result<StatusCode> {
    caller.by_session()?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins a log-in with a passkey: what the browser is to ask for. Whose passkey it is, it tells by itself.
#[utoipa::path(post, path = "/session/passkey/offer", tag = "session", security(()),
    responses((status = 200, body = PasskeyOffer), Problems))]
pub async fn offer_passkey_session(
    State(app): State<App>,
    peer: Peer,
) -> Result<Json<PasskeyOffer>> {
    service::offer_log_in(&app, &peer).map(Json)
}

/// Logs in with a passkey: the answer carries the session cookie.
#[utoipa::path(post, path = "/session/passkey", tag = "session", security(()),
    responses((status = 200, body = LoggedIn), Problems))]
pub async fn create_passkey_session(
    State(app): State<App>,
    peer: Peer,
    Json(req): Json<PasskeyLogin>,
) -> Result<impl IntoResponse> {
    let (cookie, user) = service::log_in(&app, &peer, req).await?;
    Ok((cookie, Json(LoggedIn { user })))
}
