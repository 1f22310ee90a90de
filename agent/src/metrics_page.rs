//! `/metrics`, `/healthz`, `/readyz` on a loopback address, if one was given.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::node::Node;

/// Serves until `stop`.
pub async fn serve(node: Arc<Node>, at: SocketAddr, stop: CancellationToken) -> anyhow::Result<()> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    let page = {
        let node = node.clone();
        move || async move { page(&node, &handle) }
    };
    let ready = move || async move {
        match node.is_up() {
            true => (StatusCode::OK, "ready\n"),
            false => (
                StatusCode::SERVICE_UNAVAILABLE,
                "control has not answered\n",
            ),
        }
    };
    let router = Router::new()
        .route("/metrics", get(page))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready));
    let listener = tokio::net::TcpListener::bind(at).await;
    let listener = listener.with_context(|| format!("metrics_listen {at}"))?;
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await?;
    Ok(())
}

fn page(node: &Node, handle: &PrometheusHandle) -> String {
    let gauge = |name: &'static str, value: f64| metrics::gauge!(name).set(value);
    gauge("warren_agent_up", f64::from(u8::from(node.is_up())));
    gauge("warren_agent_servers", node.servers.all().len() as f64);
    gauge("warren_agent_sessions", node.sessions.count() as f64);
    gauge("warren_agent_bulk_handles", node.bulk.count() as f64);
    gauge(
        "warren_agent_bulk_uploads_kept",
        node.bulk.count_kept() as f64,
    );
    gauge(
        "warren_agent_journal_bytes",
        node.deps.journal.bytes() as f64,
    );
    gauge(
        "warren_agent_console_waiting_bytes",
        node.deps.consoles.waiting() as f64,
    );
    gauge(
        "warren_agent_live_dropped",
        node.deps.consoles.dropped() as f64,
    );
    handle.render()
}
