//! From an HTTP request to a bare socket: the frames that follow are written by whoever has them, so nothing
//! may stand between.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper_util::rt::TokioIo;
use nix::sys::socket::{setsockopt, sockopt};
use sha1::{Digest, Sha1};
use tokio::net::TcpStream;

use super::conn;
use crate::edge::Edge;

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// `GET /ws`.
pub async fn upgrade(
    State(edge): State<Arc<Edge>>,
    Extension(ConnectInfo(from)): Extension<ConnectInfo<SocketAddr>>,
    mut request: Request,
) -> Response {
    let client = edge.proxies.client(from.ip(), request.headers());
    let key = match accept(request.headers()) {
        Ok(key) => key,
        Err((status, why)) => return (status, why).into_response(),
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        match hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => start(edge, client, parts.io.into_inner(), parts.read_buf).await,
            Err(_) => tracing::error!("a connection is no plain TCP socket"),
        }
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, key)
        .body(Body::empty());
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Bytes that the kernel may hold for a browser that does not read. It would take megabytes, of each of thousands; what
/// is older than that is dropped here, and said.
const KERNEL: usize = 128 * 1024;

async fn start(edge: Arc<Edge>, client: IpAddr, stream: TcpStream, early: Bytes) {
    if let Err(error) = setsockopt(&stream, sockopt::SndBuf, &KERNEL) {
        tracing::debug!(%error, "a viewer's socket keeps the buffer that it has");
    }
    // A frame is written whole; waiting for more would only delay it.
    let _ = stream.set_nodelay(true);
    conn::run(edge, client, stream, early).await;
}

/// Checks the request and gives the accept key.
fn accept(headers: &HeaderMap) -> Result<String, (StatusCode, &'static str)> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    };
    let lists = |name, word: &str| {
        text(name)
            .split(',')
            .any(|w| w.trim().eq_ignore_ascii_case(word))
    };
    if !lists(header::CONNECTION, "upgrade") || !lists(header::UPGRADE, "websocket") {
        return Err((StatusCode::UPGRADE_REQUIRED, "this is a WebSocket"));
    }
    if text(header::SEC_WEBSOCKET_VERSION) != "13" {
        return Err((StatusCode::UPGRADE_REQUIRED, "only WebSocket version 13"));
    }
    let key = text(header::SEC_WEBSOCKET_KEY);
    if STANDARD.decode(key).map_or(0, |k| k.len()) != 16 {
        return Err((StatusCode::BAD_REQUEST, "no WebSocket key"));
    }
    if !same_origin(text(header::ORIGIN), text(header::HOST)) {
        return Err((StatusCode::FORBIDDEN, "another origin"));
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    Ok(STANDARD.encode(digest))
}

/// Browsers name the page that asks; it must be ours. Programs name none.
pub fn same_origin(origin: &str, host: &str) -> bool {
    if origin.is_empty() {
        return true;
    }
    let of = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    of.is_some_and(|of| of.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_key_is_answered_as_the_standard_says() {
        assert_eq!(
            accept(&headers(&[])).unwrap(),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn what_is_no_websocket_of_ours_is_refused() {
        for (name, value) in [
            ("upgrade", "h2c"),
            ("connection", "close"),
            ("sec-websocket-version", "8"),
            ("sec-websocket-key", "short"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            assert!(
                accept(&headers(&[(name, value)])).is_err(),
                "{name}: {value}"
            );
        }
        assert!(accept(&headers(&[("origin", "https://panel.example:8443")])).is_ok());
    }

    fn headers(over: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let base = [
            ("host", "panel.example:8443"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in base.iter().chain(over) {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }
}
