//! Operations.

use axum::extract::State;

use super::{
    dto::{Operation, OperationQuery},
    service,
};
use crate::{
    app::App,
    auth::Caller,
    error::Result,
    http::{Json, Page, Path, Query},
    problem::Problems,
};
use warren_proto::ids::JobId;

/// Operations on servers that one may see, the newest first.
#[utoipa::path(get, path = "/operations", tag = "operations", params(OperationQuery),
    responses((status = 200, body = Page<Operation>), Problems))]
pub async fn list_operations(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<OperationQuery>,
) -> Result<Json<Page<Operation>>> {
    service::list(&app, &caller, &query).await.map(Json)
}

/// One operation.
#[utoipa::path(get, path = "/operations/{id}", tag = "operations",
    params(("id" = String, Path, description = "Operation id")),
    responses((status = 200, body = Operation), Problems))]
pub async fn get_operation(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<Json<Operation>> {
    service::get(&app, &caller, id).await.map(Json)
}

/// Asks the node to break off an operation.
#[utoipa::path(post, path = "/operations/{id}/cancel", tag = "operations",
    params(("id" = String, Path, description = "Operation id")),
    responses((status = 202, body = Operation), Problems))]
pub async fn cancel_operation(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<(axum::http::StatusCode, Json<Operation>)> {
    let operation = service::cancel(&app, &caller, id).await?;
    Ok((axum::http::StatusCode::ACCEPTED, Json(operation)))
}
