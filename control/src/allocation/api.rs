//! Ports of a node.

use axum::{extract::State, http::StatusCode};

use super::{
    dto::{Allocation, AllocationCreate, AllocationPatch, AllocationQuery, AllocationsCreated},
    service,
};
use crate::{
    access::Key,
    app::App,
    auth::NodeAccess,
    error::Result,
    http::{Json, Page, Path, Query},
    problem::Problems,
};
use warren_proto::ids::{AllocationId, NodeId};

/// Ports that the node offers, by address and port.
#[utoipa::path(get, path = "/nodes/{node}/allocations", tag = "nodes",
    params(("node" = String, Path, description = "Node id"), AllocationQuery),
    responses((status = 200, body = Page<Allocation>), Problems))]
pub async fn list_allocations(
    State(app): State<App>,
    access: NodeAccess,
    Query(ask): Query<AllocationQuery>,
) -> Result<Json<Page<Allocation>>> {
    access.require(Key::NodeRead)?;
    service::list(&app, &access.node.id, &ask).await.map(Json)
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

/// Changes what players see of a port, or frees it of what held it.
#[utoipa::path(patch, path = "/nodes/{node}/allocations/{id}", tag = "nodes",
    params(("node" = String, Path, description = "Node id"),
        ("id" = String, Path, description = "Allocation id")),
    responses((status = 200, body = Allocation), Problems))]
pub async fn update_allocation(
    State(app): State<App>,
    access: NodeAccess,
    Path((_node, id)): Path<(NodeId, AllocationId)>,
    Json(req): Json<AllocationPatch>,
) -> Result<Json<Allocation>> {
    access.require(Key::NodeUpdate)?;
    service::update(&app, &access, id, req).await.map(Json)
}

/// Takes a free port from the offer; no server gets it until it is offered again.
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
