//! Accepts sockets. A socket that says nothing, or its head a byte at a time, is let go: behind a proxy or not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::edge::Edge;

/// A request's head must be there by then.
const HEAD: Duration = Duration::from_secs(10);
/// Heads are small.
const HEAD_BYTES: usize = 32 * 1024;
/// Sockets that have not become a WebSocket, metrics scrapers among them. More are closed at once.
const PLAIN: usize = 2048;
/// Out of descriptors: others must end first.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Serves until the gateway stops.
pub async fn serve(listener: TcpListener, app: Router, edge: Arc<Edge>) {
    let room = Arc::new(Semaphore::new(PLAIN));
    loop {
        let accepted = tokio::select! {
            () = edge.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(EXHAUSTED).await;
                continue;
            }
        };
        let Ok(held) = room.clone().try_acquire_owned() else {
            edge.metrics.sockets_refused.add(1);
            continue;
        };
        let (app, edge) = (app.clone(), edge.clone());
        tokio::spawn(async move {
            one(stream, from, app, &edge).await;
            drop(held);
        });
    }
}

async fn one(stream: TcpStream, from: SocketAddr, app: Router, edge: &Edge) {
    // The protocol is told by the first bytes, and hyper waits for those without an end.
    // (Readiness alone may be told of a socket that has nothing.)
    if !matches!(timeout(HEAD, stream.peek(&mut [0])).await, Ok(Ok(1))) {
        edge.metrics.sockets_silent.add(1);
        return;
    }
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES);
    let service = TowerToHyperService::new(app.layer(axum::Extension(ConnectInfo(from))));
    let conn = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut conn = std::pin::pin!(conn);
    let ended = tokio::select! {
        ended = conn.as_mut() => ended,
        () = edge.stop.cancelled() => {
            conn.as_mut().graceful_shutdown();
            timeout(Duration::from_secs(2), conn).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
