//! Join tokens: how machines become nodes.

use axum::{extract::State, http::StatusCode};

use super::{
    dto::{JoinTokenCreate, JoinTokenCreated, JoinTokenInfo, JoinTokenQuery},
    service,
};
use crate::{
    access::{Key, Resource},
    app::App,
    auth::{Caller, NodeAccess},
    error::Result,
    http::{Json, Page, PageQuery, Path, Query},
    problem::Problems,
};
use warren_proto::ids::JoinTokenId;

/// Makes a token.
///
/// 409 `no_public_address` while control only knows loopback addresses, unless `local=true`.
#[utoipa::path(post, path = "/nodes/tokens", tag = "nodes", params(JoinTokenQuery),
    responses((status = 201, body = JoinTokenCreated), Problems))]
pub async fn create_join_token(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<JoinTokenQuery>,
    Json(req): Json<JoinTokenCreate>,
) -> Result<(StatusCode, Json<JoinTokenCreated>)> {
    caller.require(Key::NodeCreate, Resource::Panel)?;
    if let Some(node) = req.node {
        // One that is not there is named below to those who may change any.
        match NodeAccess::load(&app, caller.clone(), node).await {
            Ok(there) => there.require(Key::NodeUpdate)?,
            Err(_) => caller.require(Key::NodeUpdate, Resource::Panel)?,
        }
    }
    let created = service::create(&app, &caller, req, query.local).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// Tokens that have neither expired nor been withdrawn, and used ones of the last days.
#[utoipa::path(get, path = "/nodes/tokens", tag = "nodes", params(PageQuery),
    responses((status = 200, body = Page<JoinTokenInfo>), Problems))]
pub async fn list_join_tokens(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<JoinTokenInfo>>> {
    caller.require(Key::NodeCreate, Resource::Panel)?;
    service::list(&app, &page).await.map(Json)
}

/// Withdraws a token.
#[utoipa::path(delete, path = "/nodes/tokens/{id}", tag = "nodes",
    params(("id" = String, Path, description = "Join token id")),
    responses((status = 204), Problems))]
pub async fn delete_join_token(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JoinTokenId>,
) -> Result<StatusCode> {
    caller.require(Key::NodeCreate, Resource::Panel)?;
    service::withdraw(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
