//! For load balancers and Prometheus.

use std::{convert::Infallible, sync::OnceLock, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sea_orm::ConnectionTrait;
use warren_proto::bus::{self, Link};

use super::routes;
use crate::{
    access::{Key, Resource},
    app::App,
    auth::{Caller, Peer, origin},
    error::{Error, Result},
    usage::prometheus::Servers,
};

/// The process is there.
pub async fn live() -> &'static str {
    "ok\n"
}

/// It can answer: the database does. Without the bus it still shows and takes what is wanted, so a second line
/// says how that is and the status stays; a server that is too old will never do, and that is an error.
pub async fn ready(State(app): State<App>) -> Response {
    if let Err(error @ bus::Error::ServerTooOld(_)) = app.bus.server_version() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response();
    }
    let asked = app.db.read().execute_unprepared("SELECT 1");
    match tokio::time::timeout(Duration::from_secs(2), asked).await {
        Ok(Ok(_)) => format!("ready\nbus: {}\n", bus(&app)).into_response(),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "database: error\n").into_response()
        }
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "database: no answer in 2 s\n",
        )
            .into_response(),
    }
}

fn bus(app: &App) -> String {
    match &*app.bus.link().borrow() {
        Link::Up => "connected".into(),
        Link::Down => "not connected, it is being tried".into(),
        Link::Refused { reason } => format!("refused, {reason}"),
        Link::Closed => "closed".into(),
    }
}

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts to count. Again: nothing happens.
pub fn install_recorder() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() {
        drop(RECORDER.set(handle));
    }
}

/// Prometheus' text form: to processes of this machine, and to those who hold the key for it. With the key the
/// servers' own series come too.
pub async fn metrics(State(app): State<App>, peer: Peer, request: Request) -> Result<Response> {
    // A page in a browser of this machine may have a name that points here; an address or localhost can't be faked.
    let name = origin::name(&peer.host);
    let by_address = name == "localhost" || name.parse::<std::net::IpAddr>().is_ok();
    let asked_with_key = request.headers().contains_key(header::AUTHORIZATION);
    let by_key = asked_with_key || !(peer.local && by_address);
    if by_key {
        let (mut parts, _) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, &app).await?;
        caller.require(Key::MetricsRead, Resource::Panel)?;
    }
    let Some(handle) = RECORDER.get() else {
        return Err(Error::Unavailable {
            code: "no_metrics",
            detail: "this process does not count".into(),
        });
    };
    metrics::counter!("warren_passwords_refused_total").absolute(app.door.passwords.refused());
    metrics::counter!("warren_searches_refused_total").absolute(app.door.searches.refused());
    for (database, refused) in app.db.refused() {
        metrics::counter!("warren_db_writers_refused_total", "database" => database)
            .absolute(refused);
    }
    for (what, count) in app.bus.counters().snapshot() {
        metrics::counter!("warren_bus_total", "what" => what).absolute(count);
    }
    handle.run_upkeep();
    let text = routes::text("text/plain; version=0.0.4; charset=utf-8");
    let own = Bytes::from(handle.render());
    if !by_key {
        // Servers' names and figures are for those who may see all of them, not for every process here.
        return Ok((text, own).into_response());
    }
    let servers = Servers::read(&app).await?.text();
    let parts = std::iter::once(own).chain(servers).map(Ok::<_, Infallible>);
    Ok((text, Body::from_stream(stream::iter(parts))).into_response())
}
