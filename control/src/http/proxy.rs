//! Passes `/ws` and `/transfer` through to a gateway, so that a browser sees one origin. After an upgrade
//! it is a splice of bytes. Our own credentials stay here: a gateway works with tickets alone.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    app::App,
    auth::Peer,
    error::{Error, Result},
};

const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(20);
/// The longest that one transfer may take.
pub const TRANSFER: Duration = Duration::from_secs(6 * 3600);

/// Only for one hop (RFC 9110, 7.6.1), and what must not leave control.
const NOT_PASSED_ON: [HeaderName; 11] = [
    header::CONNECTION,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::COOKIE,
    header::AUTHORIZATION,
    HeaderName::from_static("x-forwarded-for"),
];

/// Whether a request asks to switch to WebSocket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn unavailable(cause: &dyn std::fmt::Display) -> Error {
    tracing::warn!(%cause, "no gateway");
    Error::Unavailable {
        code: "gateway_unavailable",
        detail: "no gateway answers at this moment; live views come back by themselves".into(),
    }
}

fn outgoing(request: &mut Request, peer: &Peer) -> Result<Request> {
    let upgrade = is_upgrade(request.headers());
    let mut headers = request.headers().clone();
    for name in NOT_PASSED_ON {
        headers.remove(name);
    }
    let value = |text: &str| HeaderValue::from_str(text).map_err(Error::internal);
    headers.insert("x-forwarded-for", value(&peer.address.to_string())?);
    headers.insert("x-forwarded-proto", value(peer.scheme.as_str())?);
    headers.insert("x-forwarded-host", value(&peer.host)?);
    headers.insert(header::HOST, value(&peer.host)?);
    if upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let mut out = Request::builder()
        .method(request.method().clone())
        .uri(path)
        .body(std::mem::take(request.body_mut()))
        .map_err(Error::internal)?;
    *out.headers_mut() = headers;
    Ok(out)
}

/// Hands a request to the gateway, and its bytes after an upgrade.
pub async fn splice(State(app): State<App>, peer: Peer, mut request: Request) -> Result<Response> {
    let upstream = &app.config.gateway_upstream;
    if upstream.is_empty() {
        return Err(unavailable(&"`gateway_upstream` is not set"));
    }
    let stream = timeout(CONNECT, TcpStream::connect(upstream.as_str()))
        .await
        .map_err(|e| unavailable(&e))?
        .map_err(|e| unavailable(&e))?;
    // Frames are small and live: waiting to fill a packet would be felt.
    stream.set_nodelay(true).map_err(|e| unavailable(&e))?;
    let (mut sender, connection) = http1::handshake::<_, Body>(TokioIo::new(stream))
        .await
        .map_err(|e| unavailable(&e))?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "the connection to a gateway ended");
        }
    });
    let within = if is_upgrade(request.headers()) {
        ANSWER
    } else {
        TRANSFER
    };
    let out = outgoing(&mut request, &peer)?;
    let mut answer = timeout(within, sender.send_request(out))
        .await
        .map_err(|e| unavailable(&e))?
        .map_err(|e| unavailable(&e))?;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        let far = hyper::upgrade::on(&mut answer);
        let near = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (near, far) = match tokio::try_join!(near, far) {
                Ok(both) => both,
                Err(error) => return tracing::debug!(%error, "an upgrade did not complete"),
            };
            let (mut near, mut far) = (TokioIo::new(near), TokioIo::new(far));
            // Ends with either side; pings of the gateway find the dead ones.
            if let Err(error) = tokio::io::copy_bidirectional(&mut near, &mut far).await {
                tracing::debug!(%error, "a spliced connection broke");
            }
        });
        let (head, _) = answer.into_parts();
        return Ok(Response::from_parts(head, Body::empty()));
    }
    let (mut head, body) = answer.into_parts();
    for name in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::SET_COOKIE,
    ] {
        head.headers.remove(name);
    }
    Ok(Response::from_parts(head, Body::new(body)).into_response())
}
