//! Ports of a node.

use axum::{extract::State, http::StatusCode};

use super::{
    dto::{Allocation, AllocationCreate, AllocationsCreated},
    service,
};
use crate::{
    access::Key,
    app::App,
    auth::NodeAccess,
    error::Result,
    http::{Json, Page, PageQuery, Path, Query},
    problem::Problems,
};
use warren_proto::ids::{AllocationId, NodeId};

/// Ports that the node offers, by address and port.
#[utoipa::path(get, path = "/nodes/{node}/allocations", tag = "nodes",
    params(("node" = String, Path, description = "Node id"), PageQuery),
    responses((status = 200, body = Page<Allocation>), Problems))]
pub async fn list_allocations(
    State(app): State<App>,
    access: NodeAccess,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Allocation>>> {
    access.require(Key::NodeRead)?;
    service::list(&app, &access.node.id, &page).await.map(Json)
}

/// Offers more ports.
#[utoipa::path(post, path = "/nodes/{node}/allocations", tag = "nodes",
    params(("node" = String, Path, description = "Node id")),
    responses((status = 201, body = AllocationsCreated), Problems))]
pub async fn create_allocations(
    State(app): State<App>,
    access: NodeAccess,
    Json(req): Json<AllocationCreate>,
) -> Result<(StatusCode, Json<AllocationsCreated>)> {
    access.require(Key::NodeUpdate)?;
    let created = service::create(&app, &access, req).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// Takes a free port from the offer.
#[utoipa::path(delete, path = "/nodes/{node}/allocations/{id}", tag = "nodes",
    params(("node" = String, Path, description = "Node id"),
        ("id" = String, Path, description = "Allocation id")),
    responses((status = 204), Problems))]
pub async fn delete_allocation(
    State(app): State<App>,
    access: NodeAccess,
    Path((_node, id)): Path<(NodeId, AllocationId)>,
) -> Result<StatusCode> {
    access.require(Key::NodeUpdate)?;
    service::delete(&app, &access, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
