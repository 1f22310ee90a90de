//! The second step of one's own log-in, and taking it from somebody who lost their app and codes.

use axum::{extract::State, http::StatusCode};

use super::{
    dto::{
        RecoveryCodes, SecondFactor, SecondFactorBegin, SecondFactorConfirm, SecondFactorOffer,
        SecondFactorProof,
    },
    service,
};
use crate::{
    access::{Key, Resource},
    app::App,
    auth::{AnyCaller, Caller},
    error::Result,
    http::{Json, Path},
    problem::Problems,
};
use warren_proto::ids::UserId;

/// Whether one's own log-in takes a second step.
#[utoipa::path(get, path = "/account/second-factor", tag = "account",
    responses((status = 200, body = SecondFactor), Problems))]
pub async fn get_second_factor(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
) -> Result<Json<SecondFactor>> {
    caller.whole()?;
    service::get(&app, &caller).await.map(Json)
}

/// Makes a secret for an authenticator app. It counts from the first code on that the app shows.
#[utoipa::path(post, path = "/account/second-factor", tag = "account",
    responses((status = 201, body = SecondFactorOffer), Problems))]
pub async fn begin_second_factor(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Json(req): Json<SecondFactorBegin>,
) -> Result<(StatusCode, Json<SecondFactorOffer>)> {
    caller.by_session()?;
    let offer = service::begin(&app, &caller, &req).await?;
    Ok((StatusCode::CREATED, Json(offer)))
}

/// Shows the first code of the app: from now on each log-in asks for one. All other sessions end.
#[utoipa::path(put, path = "/account/second-factor", tag = "account",
    responses((status = 200, body = RecoveryCodes), Problems))]
pub async fn confirm_second_factor(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Json(req): Json<SecondFactorConfirm>,
) -> Result<Json<RecoveryCodes>> {
    caller.by_session()?;
    service::confirm(&app, &caller, &req).await.map(Json)
}

/// New recovery codes; the earlier ones are good no longer.
#[utoipa::path(post, path = "/account/second-factor/recovery-codes", tag = "account",
    responses((status = 201, body = RecoveryCodes), Problems))]
pub async fn renew_recovery_codes(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<SecondFactorProof>,
) -> Result<(StatusCode, Json<RecoveryCodes>)> {
    caller.by_session()?;
    let codes = service::renew(&app, &caller, &req).await?;
    Ok((StatusCode::CREATED, Json(codes)))
}

/// Log-ins take no second step any more. Roles that count only with one count no longer.
#[utoipa::path(post, path = "/account/second-factor/off", tag = "account",
    responses((status = 204), Problems))]
pub async fn end_second_factor(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<SecondFactorProof>,
) -> Result<StatusCode> {
    caller.by_session()?;
    service::end(&app, &caller, &req).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the second step from somebody who has lost app and codes; all log-ins of theirs end.
#[utoipa::path(delete, path = "/users/{user}/second-factor", tag = "people",
    params(("user" = String, Path, description = "User id")),
    responses((status = 204), Problems))]
pub async fn delete_user_second_factor(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<StatusCode> {
    caller.require(Key::PersonUpdate, Resource::Panel)?;
    caller.by_session()?;
    service::remove(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
