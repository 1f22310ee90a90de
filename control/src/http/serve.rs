//! Listens: plain, with a certificate from files, or with one of its own making.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use axum::Extension;
use axum_server::Handle;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{first_bytes::Spoken, router, tls};
use crate::{app::App, auth::peer::OverTls};

/// Open requests may take so long to end when control stops.
const GRACE: Duration = Duration::from_secs(5);
/// A request's head must be there by then.
const HEAD: Duration = Duration::from_secs(30);
/// Longest head.
const HEAD_BYTES: usize = 64 * 1024;

/// Where control listens.
#[derive(Debug, Clone)]
pub struct Listening {
    /// As bound; port 0 is settled.
    pub address: SocketAddr,
    /// SHA-256 of the self-made certificate, hex in pairs.
    pub fingerprint: Option<String>,
}

/// Serves until `stop`; tells where once it listens.
/// # Errors
/// Names the address, file or key that can't be used.
pub async fn serve(
    app: App,
    stop: CancellationToken,
    told: Option<oneshot::Sender<Listening>>,
) -> Result<()> {
    let config = app.config.clone();
    let address: SocketAddr = config
        .http_listen
        .parse()
        .with_context(|| format!("configuration key `http_listen`: {}", config.http_listen))?;
    let listener = std::net::TcpListener::bind(address).with_context(|| {
        format!("configuration key `http_listen`: {address} can't be taken; is it in use?")
    })?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let tls = tls::load(&config, &app.clock).await?;
    let own = tls.as_ref().and_then(|tls| tls.own.clone());
    if let Some((_, pin)) = &own {
        app.door.pin.get_or_init(|| *pin);
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!(http.address = %address, "listening on {scheme}://{address}");
    if tls.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            "plain http beyond this machine: passwords can be read on the way; set tls.mode"
        );
    }
    let over_tls = OverTls(tls.is_some());
    if let Some(tls) = &tls {
        let (server, clock) = (tls.server.clone(), app.clock.clone());
        tokio::spawn(tls::keep_fresh(
            server,
            (*config).clone(),
            clock,
            stop.clone(),
        ));
    }
    let service = router(app)
        .layer(Extension(over_tls))
        .into_make_service_with_connect_info::<SocketAddr>();
    let handle = Handle::new();
    let stopping = handle.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        stopping.graceful_shutdown(Some(GRACE));
    });
    if let Some(told) = told {
        drop(told.send(Listening {
            address,
            fingerprint: own.map(|(fingerprint, _)| fingerprint),
        }));
    }
    match tls {
        Some(tls) => {
            let mut server = axum_server::from_tcp_rustls(listener, tls.server)?
                .handle(handle)
                .map(spoken);
            bound(server.http_builder());
            server.serve(service).await?;
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle).map(spoken);
            bound(server.http_builder());
            server.serve(service).await?;
        }
    }
    Ok(())
}

fn spoken<A>(inner: A) -> Spoken<A> {
    Spoken {
        inner,
        within: HEAD,
    }
}

/// A client that sends its head a byte at a time, or opens streams without end, holds nothing for long.
fn bound(builder: &mut hyper_util::server::conn::auto::Builder<TokioExecutor>) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(HEAD)
        .keep_alive_timeout(HEAD);
}
