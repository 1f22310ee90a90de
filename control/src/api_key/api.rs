//! Personal API keys.

use axum::{extract::State, http::StatusCode};

use super::{
    dto::{ApiKey, ApiKeyCreate, ApiKeyCreated},
    service,
};
use crate::{
    app::App,
    auth::Caller,
    error::Result,
    http::{Json, Page, Path},
    problem::Problems,
};
use warren_proto::ids::ApiKeyId;

/// One's own keys, the newest first.
#[utoipa::path(get, path = "/account/api-keys", tag = "account",
    responses((status = 200, body = Page<ApiKey>), Problems))]
pub async fn list_api_keys(State(app): State<App>, caller: Caller) -> Result<Json<Page<ApiKey>>> {
    caller.whole()?;
    service::list(&app, &caller).await.map(Json)
}

/// Makes a key. It may do at most what its owner may at the moment of each request.
#[utoipa::path(post, path = "/account/api-keys", tag = "account",
    responses((status = 201, body = ApiKeyCreated), Problems))]
pub async fn create_api_key(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<ApiKeyCreate>,
) -> Result<(StatusCode, Json<ApiKeyCreated>)> {
    caller.by_session()?;
    let created = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// Revokes a key.
#[utoipa::path(delete, path = "/account/api-keys/{id}", tag = "account",
    params(("id" = String, Path, description = "API key id")),
    responses((status = 204), Problems))]
pub async fn delete_api_key(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode> {
    service::revoke(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
