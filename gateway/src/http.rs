//! The few pages of a gateway: the WebSocket, transfers of files, and what supervisors and Prometheus read.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::edge::Edge;
use crate::transfer;
use crate::ws::handshake;

pub fn router(edge: Arc<Edge>) -> Router {
    Router::new()
        .route("/ws", get(handshake::upgrade))
        .merge(transfer::routes())
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(edge)
}

/// Ready once tickets can be checked and agents reached.
async fn ready(State(edge): State<Arc<Edge>>) -> (StatusCode, &'static str) {
    match (edge.bus.is_up(), edge.keyed.load(Relaxed)) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "the bus is not connected"),
        (true, false) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "control has not told its ticket keys yet",
        ),
        (true, true) => (StatusCode::OK, "ready"),
    }
}

async fn metrics(State(edge): State<Arc<Edge>>) -> impl IntoResponse {
    let page = edge.metrics.render(&edge.bus.counters().snapshot());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], page)
}
