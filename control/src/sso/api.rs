//! Log-ins at other providers.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use warren_proto::ids::LinkedLoginId;

use super::{
    dto::{LinkBegin, LinkedLogin, SsoAway, SsoBegin, SsoProvider, SsoReturn},
    service,
};
use crate::{
    app::App,
    auth::{AnyCaller, Caller, Peer, SetCookie, cookie},
    error::{Error, Result},
    http::{Json, Page, Path, Query},
    problem::Problems,
};

/// Other providers through which one may log in.
#[utoipa::path(get, path = "/session/providers", tag = "session", security(()),
    responses((status = 200, body = Page<SsoProvider>), Problems))]
pub async fn list_providers(State(app): State<App>) -> Json<Page<SsoProvider>> {
    Json(service::providers(&app))
}

/// Begins a log-in at another provider: the browser goes to `url`, with the cookie that this answer sets.
#[utoipa::path(post, path = "/session/sso/{provider}", tag = "session", security(()),
    params(("provider" = String, Path, description = "Provider id")),
    responses((status = 200, body = SsoAway), Problems))]
pub async fn begin_sso_session(
    State(app): State<App>,
    peer: Peer,
    Path(provider): Path<String>,
    Json(req): Json<SsoBegin>,
) -> Result<impl IntoResponse> {
    let (cookie, away) = service::begin(&app, &peer, &provider, &req).await?;
    Ok((cookie, Json(away)))
}

/// Where a provider sends the browser back to. Goes on to a page: the one that was asked for, or one that says in `sso` what
/// went wrong.
#[utoipa::path(get, path = "/session/sso/{provider}/callback", tag = "session", security(()),
    params(("provider" = String, Path, description = "Provider id"), SsoReturn),
    responses((status = 303, description = "On to a page of the panel"), Problems))]
pub async fn finish_sso_session(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
    Path(provider): Path<String>,
    req: Result<Query<SsoReturn>, Error>,
    caller: Result<AnyCaller, Error>,
) -> Result<impl IntoResponse> {
    let token = cookie::read_away(&headers, peer.scheme);
    let caller = caller.ok().map(|AnyCaller(caller)| caller);
    // What can't be read has no state, and ends on the page that says so.
    let req = req.map(|Query(req)| req).unwrap_or_default();
    let back = service::finish(&app, &peer, &provider, token, caller, req).await?;
    let away = SetCookie::away(peer.scheme, "", 0)?;
    Ok((
        StatusCode::SEE_OTHER,
        back.ended.then_some(away),
        back.session,
        [(header::LOCATION, back.to)],
    ))
}

/// Log-ins at other providers that are connected with one's account, the newest first.
#[utoipa::path(get, path = "/account/logins", tag = "account",
    responses((status = 200, body = Page<LinkedLogin>), Problems))]
pub async fn list_linked_logins(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<LinkedLogin>>> {
    caller.whole()?;
    service::list(&app, &caller).await.map(Json)
}

/// Begins to connect one's account with a log-in at another provider.
#[utoipa::path(post, path = "/account/logins", tag = "account",
    responses((status = 200, body = SsoAway), Problems))]
pub async fn begin_linked_login(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<LinkBegin>,
) -> Result<impl IntoResponse> {
    caller.by_session()?;
    let (cookie, away) = service::link(&app, &caller, &req).await?;
    Ok((cookie, Json(away)))
}

/// Lets go of a log-in at another provider, and of the roles that came with it.
#[utoipa::path(delete, path = "/account/logins/{id}", tag = "account",
    params(("id" = String, Path, description = "Connected log-in id")),
    responses((status = 204), Problems))]
pub async fn delete_linked_login(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<LinkedLoginId>,
) -> Result<StatusCode> {
    caller.by_session()?;
    service::unlink(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
