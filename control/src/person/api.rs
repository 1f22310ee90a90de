//! People with an account.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::UserId;

use super::{
    dto::{
        FirstPassword, Person, PersonCreate, PersonCreated, PersonPatch, PersonQuery, SignUp,
        SuspensionAsk, Why, WhyQuery,
    },
    service, sign_up, suspension, why,
};
use crate::{
    access::{Key, Resource},
    app::App,
    auth::{Caller, Peer},
    error::Result,
    http::{IfMatch, Json, Page, Path, Query, Tagged},
    problem::Problems,
};

/// People, the oldest account first.
#[utoipa::path(get, path = "/users", tag = "people", params(PersonQuery),
    responses((status = 200, body = Page<Person>), Problems))]
pub async fn list_users(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PersonQuery>,
) -> Result<Json<Page<Person>>> {
    caller.require(Key::PersonRead, Resource::Panel)?;
    service::list(&app, &query).await.map(Json)
}

/// Makes an account.
#[utoipa::path(post, path = "/users", tag = "people",
    responses((status = 201, body = PersonCreated), Problems))]
pub async fn create_user(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<PersonCreate>,
) -> Result<(StatusCode, Json<PersonCreated>)> {
    caller.require(Key::PersonCreate, Resource::Panel)?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// One person.
#[utoipa::path(get, path = "/users/{user}", tag = "people",
    params(("user" = String, Path, description = "User id")),
    responses((status = 200, body = Person), Problems))]
pub async fn get_user(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Tagged<Person>> {
    caller.require(Key::PersonRead, Resource::Panel)?;
    service::get(&app, id).await.map(Tagged)
}

/// Changes an account. Nobody changes one that has more than they have.
#[utoipa::path(patch, path = "/users/{user}", tag = "people",
    params(("user" = String, Path, description = "User id"), IfMatch),
    responses((status = 200, body = Person), Problems))]
pub async fn update_user(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    if_match: IfMatch,
    Json(req): Json<PersonPatch>,
) -> Result<Tagged<Person>> {
    caller.require(Key::PersonUpdate, Resource::Panel)?;
    service::update(&app, &caller, id, &if_match, req)
        .await
        .map(Tagged)
}

/// Makes up another password, to be changed at the next log-in; all log-ins and API keys of theirs end.
#[utoipa::path(post, path = "/users/{user}/password", tag = "people",
    params(("user" = String, Path, description = "User id")),
    responses((status = 201, body = FirstPassword), Problems))]
pub async fn reset_user_password(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<(StatusCode, Json<FirstPassword>)> {
    caller.require(Key::PersonUpdate, Resource::Panel)?;
    let made = service::reset_password(&app, &caller, id).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Suspends somebody: no log-in, key or ticket of theirs is good, within a second, until it is lifted. Their servers go on.
#[utoipa::path(put, path = "/users/{user}/suspension", tag = "people",
    params(("user" = String, Path, description = "User id")),
    responses((status = 200, body = Person), Problems))]
pub async fn suspend_user(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(req): Json<SuspensionAsk>,
) -> Result<Json<Person>> {
    caller.require(Key::PersonSuspend, Resource::Panel)?;
    suspension::suspend(&app, &caller, id, &req).await.map(Json)
}

/// Lifts a suspension.
#[utoipa::path(delete, path = "/users/{user}/suspension", tag = "people",
    params(("user" = String, Path, description = "User id")),
    responses((status = 200, body = Person), Problems))]
pub async fn lift_suspension(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Json<Person>> {
    caller.require(Key::PersonSuspend, Resource::Panel)?;
    suspension::lift(&app, &caller, id).await.map(Json)
}

/// Removes an account that owns no server; all that it opened closes within a second.
#[utoipa::path(delete, path = "/users/{user}", tag = "people",
    params(("user" = String, Path, description = "User id")),
    responses((status = 204), Problems))]
pub async fn delete_user(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<StatusCode> {
    caller.require(Key::PersonDelete, Resource::Panel)?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why somebody may do something, or that they may not.
#[utoipa::path(get, path = "/users/{user}/why", tag = "people",
    params(("user" = String, Path, description = "User id"), WhyQuery),
    responses((status = 200, body = Why), Problems))]
pub async fn explain_user(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Query(query): Query<WhyQuery>,
) -> Result<Json<Why>> {
    caller.require(Key::PersonRead, Resource::Panel)?;
    why::explain(&app, &caller, id, &query).await.map(Json)
}

/// Asks for an account, where the panel lets anybody. The answer is the same whether or not there is one: what comes is a
/// mail.
#[utoipa::path(post, path = "/sign-up", tag = "session", security(()),
    responses((status = 202), Problems))]
pub async fn sign_up(
    State(app): State<App>,
    peer: Peer,
    Json(req): Json<SignUp>,
) -> Result<StatusCode> {
    sign_up::ask(&app, &peer, &req)?;
    Ok(StatusCode::ACCEPTED)
}
