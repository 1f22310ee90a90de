//! The front door: every request passes here, first in and last out.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use sha2::{Digest, Sha256};
use tracing::Instrument;
use warren_proto::ids::CommandId;

use super::{idempotency, proxy, rate::Left};
use crate::{
    app::App,
    auth::{Network, Peer, Scheme, cookie, origin},
    error::{Error, Result},
    problem::Pending,
};

/// A handler that has not begun to answer by then will not.
const PATIENCE: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// For what the API says, and for pages that need nothing else. Pages that hold scripts set their own.
pub const CSP_NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/// The id under which a request stands in the log.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Identifies, checks, limits and traces a request; finishes the answer.
pub async fn door(State(app): State<App>, mut request: Request, next: Next) -> Response {
    // Ours alone: one that a client chose could make two requests look like one.
    let id = CommandId::new().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let span =
        tracing::info_span!("request", request.id = %id, http.method = %method, http.path = %path);
    let began = std::time::Instant::now();
    let mut response = async {
        let response = inside(&app, request, next).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = response.status().as_u16();
        tracing::debug!(http.status = status, took_ms, "{method} {path} {status}");
        response
    }
    .instrument(span)
    .await;
    metrics::counter!("warren_http_requests_total", "status" => class(response.status()))
        .increment(1);
    metrics::histogram!("warren_http_request_seconds").record(began.elapsed().as_secs_f64());
    finish(&id, &mut response);
    response
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

async fn inside(app: &App, request: Request, next: Next) -> Response {
    let (request, left) = match admit(app, request) {
        Ok(admitted) => admitted,
        Err(error) => return error.into_response(),
    };
    let path = request.uri().path();
    // A transfer is answered when its last byte has gone through; the gateway watches over its pace.
    let patience = if path == "/transfer" || path.starts_with("/transfer/") {
        proxy::TRANSFER
    } else {
        PATIENCE
    };
    let work = async {
        if idempotency::is_asked(&request) {
            idempotency::run(app, request, next).await
        } else {
            next.run(request).await
        }
    };
    let work = AssertUnwindSafe(work).catch_unwind();
    let mut response = match tokio::time::timeout(patience, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Error::Internal(anyhow::anyhow!("a handler panicked")).into_response(),
        Err(_) => Error::Unavailable {
            code: "timeout",
            detail:
                "this took longer than 30 s and was given up; it may have happened all the same"
                    .into(),
        }
        .into_response(),
    };
    if let Some(left) = left {
        left.write(response.headers_mut());
    }
    response
}

/// What can be told from the head of a request.
fn admit(app: &App, mut request: Request) -> Result<(Request, Option<Left>)> {
    let peer = Peer::of(&request, &app.door.proxies)?;
    let path = request.uri().path();
    // Load balancers and monitors ask by whatever name they have.
    let anywhere = matches!(path, "/healthz" | "/readyz" | "/metrics");
    if !anywhere && !app.door.hosts.knows(&peer.host) {
        return Err(Error::refused(
            421,
            "unknown_host",
            "the panel is not known under this name; set `public_url`, `address` or \
             `allowed_hosts` in control's configuration",
        ));
    }
    let headers = request.headers();
    let upgrade = proxy::is_upgrade(headers);
    if !headers.contains_key(header::AUTHORIZATION) {
        origin::check(request.method(), headers, peer.scheme, &peer.host, upgrade)?;
    }
    let mut left = None;
    // A socket without a ticket costs descriptors here and at a gateway for some seconds.
    if path.starts_with("/api/") || upgrade {
        let now_us = app.clock.now_ms().saturating_mul(1000);
        let credential = credential(&request, peer.scheme);
        left = Some(
            app.door
                .rates
                .take(Network::of(peer.address), credential, now_us)?,
        );
    }
    request.extensions_mut().insert(peer);
    Ok((request, left))
}

/// What tells credentials apart, without looking any up.
fn credential(request: &Request, scheme: Scheme) -> Option<[u8; 16]> {
    let headers = request.headers();
    let digest = match headers.get(header::AUTHORIZATION) {
        Some(key) => Sha256::digest(key.as_bytes()),
        None => Sha256::digest(cookie::read(headers, scheme)?.as_bytes()),
    };
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    Some(key)
}

fn finish(id: &str, response: &mut Response) {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && response.extensions().get::<Pending>().is_none()
    {
        let allow = response.headers().get(header::ALLOW).cloned();
        *response = Error::refused(
            405,
            "method_not_allowed",
            "this address knows other methods; the `allow` header names them",
        )
        .into_response();
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if let Some(pending) = response.extensions_mut().remove::<Pending>() {
        pending.finish(id, response);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(CSP_NOTHING));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// What no route knows.
pub async fn not_found(method: Method) -> Error {
    if method == Method::GET || method == Method::HEAD {
        Error::not_found("what this address names was")
    } else {
        Error::not_found("an operation of this name was")
    }
}
