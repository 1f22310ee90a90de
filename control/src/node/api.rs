//! Machines.

use axum::{extract::State, http::StatusCode};

use super::{
    dto::{
        IdentityRequest, MetricSeries, MetricsQuery, Node, NodeDelete, NodePatch, NodeQuery,
        Orphan, OrphanRequest,
    },
    service,
};
use crate::{
    access::Key,
    app::App,
    auth::{Caller, NodeAccess},
    error::Result,
    http::{IfMatch, Json, Page, Path, Query, Tagged},
    problem::Problems,
};
use warren_proto::ids::{NodeId, ServerId};

/// Nodes that one may see, the oldest first.
#[utoipa::path(get, path = "/nodes", tag = "nodes", params(NodeQuery),
    responses((status = 200, body = Page<Node>), Problems))]
pub async fn list_nodes(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<NodeQuery>,
) -> Result<Json<Page<Node>>> {
    service::list(&app, &caller, &query).await.map(Json)
}

/// One node.
#[utoipa::path(get, path = "/nodes/{node}", tag = "nodes",
    params(("node" = String, Path, description = "Node id")),
    responses((status = 200, body = Node), Problems))]
pub async fn get_node(State(app): State<App>, access: NodeAccess) -> Result<Tagged<Node>> {
    access.require(Key::NodeRead)?;
    service::get(&app, access.node).await.map(Tagged)
}

/// Changes name, players' address or port range.
#[utoipa::path(patch, path = "/nodes/{node}", tag = "nodes",
    params(("node" = String, Path, description = "Node id"), IfMatch),
    responses((status = 200, body = Node), Problems))]
pub async fn update_node(
    State(app): State<App>,
    access: NodeAccess,
    if_match: IfMatch,
    Json(req): Json<NodePatch>,
) -> Result<Tagged<Node>> {
    access.require(Key::NodeUpdate)?;
    service::update(&app, &access, &if_match, req)
        .await
        .map(Tagged)
}

/// Removes a node; its credential is revoked.
#[utoipa::path(delete, path = "/nodes/{node}", tag = "nodes",
    params(("node" = String, Path, description = "Node id"), NodeDelete),
    responses((status = 204), Problems))]
pub async fn delete_node(
    State(app): State<App>,
    access: NodeAccess,
    Query(query): Query<NodeDelete>,
) -> Result<StatusCode> {
    access.require(Key::NodeDelete)?;
    service::delete(&app, &access, query.force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Figures of a node over time.
#[utoipa::path(get, path = "/nodes/{node}/metrics", tag = "nodes",
    params(("node" = String, Path, description = "Node id"), MetricsQuery),
    responses((status = 200, body = MetricSeries), Problems))]
pub async fn get_node_metrics(
    State(app): State<App>,
    access: NodeAccess,
    Query(query): Query<MetricsQuery>,
) -> Result<Json<MetricSeries>> {
    access.require(Key::NodeRead)?;
    service::metrics(&app, &access.node.id, &query)
        .await
        .map(Json)
}

/// Refuses a node's credential from now on. Its games go on until the machine is cleaned.
#[utoipa::path(post, path = "/nodes/{node}/revoke", tag = "nodes",
    params(("node" = String, Path, description = "Node id")),
    responses((status = 202), Problems))]
pub async fn revoke_node(State(app): State<App>, access: NodeAccess) -> Result<StatusCode> {
    access.require(Key::NodeDelete)?;
    service::revoke(&app, &access).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Decides which of two machines keeps a forked identity.
#[utoipa::path(post, path = "/nodes/{node}/identity", tag = "nodes",
    params(("node" = String, Path, description = "Node id")),
    responses((status = 204), Problems))]
pub async fn decide_identity(
    State(app): State<App>,
    access: NodeAccess,
    Json(req): Json<IdentityRequest>,
) -> Result<StatusCode> {
    access.require(Key::NodeUpdate)?;
    service::decide_identity(&app, &access, req.keep).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Servers that the node has and control does not know.
#[utoipa::path(get, path = "/nodes/{node}/orphans", tag = "nodes",
    params(("node" = String, Path, description = "Node id")),
    responses((status = 200, body = Page<Orphan>), Problems))]
pub async fn list_orphans(
    State(app): State<App>,
    access: NodeAccess,
) -> Result<Json<Page<Orphan>>> {
    access.require(Key::NodeRead)?;
    service::orphans(&app, &access.node.id).await.map(Json)
}

/// Adopts or deletes an orphan. One that the panel has no record of is made anew from what its node runs.
#[utoipa::path(post, path = "/nodes/{node}/orphans/{server}", tag = "nodes",
    params(("node" = String, Path, description = "Node id"),
        ("server" = String, Path, description = "Server id")),
    responses((status = 204), Problems))]
pub async fn decide_orphan(
    State(app): State<App>,
    access: NodeAccess,
    Path((_node, server)): Path<(NodeId, ServerId)>,
    Json(req): Json<OrphanRequest>,
) -> Result<StatusCode> {
    access.require(Key::NodeUpdate)?;
    service::decide_orphan(&app, &access, server, req).await?;
    Ok(StatusCode::NO_CONTENT)
}
