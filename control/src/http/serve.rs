//! Listens: plain, with a certificate from files, or with one of its own making.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, Result};
use axum::Extension;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rcgen::{CertificateParams, KeyPair};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::router;
use crate::{
    app::App,
    auth::peer::OverTls,
    config::{Config, TlsMode},
};

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
    let (tls, fingerprint) = tls(&config).await?;
    if let Some(fingerprint) = &fingerprint {
        drop(
            app.door
                .certificate
                .set(fingerprint.replace(':', "").to_lowercase()),
        );
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!(http.address = %address, "listening on {scheme}://{address}");
    if tls.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            "plain http beyond this machine: passwords can be read on the way; set tls.mode"
        );
    }
    let over_tls = OverTls(tls.is_some());
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
            fingerprint,
        }));
    }
    match tls {
        Some(tls) => {
            let mut server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle);
            bound(server.http_builder());
            server.serve(service).await?;
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle);
            bound(server.http_builder());
            server.serve(service).await?;
        }
    }
    Ok(())
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

async fn tls(config: &Config) -> Result<(Option<RustlsConfig>, Option<String>)> {
    match config.tls.mode {
        TlsMode::Off => Ok((None, None)),
        TlsMode::Files => {
            let (cert, key) = (&config.tls.cert, &config.tls.key);
            let tls = RustlsConfig::from_pem_file(cert, key).await;
            let tls = tls.with_context(|| {
                format!("configuration keys `tls.cert` and `tls.key`: {cert}, {key}")
            })?;
            Ok((Some(tls), None))
        }
        TlsMode::SelfSigned => {
            let (cert, key) = own_certificate(config)?;
            let fingerprint = fingerprint(&cert)?;
            let tls = RustlsConfig::from_pem(cert.into_bytes(), key.into_bytes())
                .await
                .context("the self-made certificate")?;
            Ok((Some(tls), Some(fingerprint)))
        }
    }
}

/// `AB:CD:…` over the certificate's DER, as browsers show it.
/// # Errors
/// Text that holds no certificate.
pub fn fingerprint(pem: &str) -> Result<String> {
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    let der = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|e| anyhow::anyhow!("the certificate can't be read: {e}"))?;
    let digest = Sha256::digest(&der);
    Ok(digest
        .iter()
        .map(|b| format!("{b:02X}"))
        .collect::<Vec<_>>()
        .join(":"))
}

/// Made once and kept: a fingerprint that somebody has checked stays good.
fn own_certificate(config: &Config) -> Result<(String, String)> {
    let dir = config.data_dir.join("https");
    let (cert_path, key_path) = (dir.join("cert.pem"), dir.join("key.pem"));
    if cert_path.exists() && key_path.exists() {
        let read = |path: &Path| {
            std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
        };
        return Ok((read(&cert_path)?, read(&key_path)?));
    }
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    let listen = config.http_listen.parse::<SocketAddr>();
    if let Ok(listen) = listen
        && !listen.ip().is_unspecified()
    {
        names.push(listen.ip().to_string());
    }
    for text in [&config.address, &config.public_url] {
        let name = text
            .split_once("://")
            .map_or(text.as_str(), |(_, rest)| rest);
        let name = crate::auth::origin::name(name.split('/').next().unwrap_or_default());
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    let mut params = CertificateParams::new(names).context("names of the self-made certificate")?;
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Warren (self-signed)");
    // Browsers refuse leaf certificates of more than 825 days, self-signed or not, on some systems.
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now - time::Duration::days(1);
    params.not_after = now + time::Duration::days(820);
    let key = KeyPair::generate().context("key of the self-made certificate")?;
    let cert = params
        .self_signed(&key)
        .context("the self-made certificate")?;
    std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    private(&key_path, &key.serialize_pem())?;
    private(&cert_path, &cert.pem())?;
    Ok((cert.pem(), key.serialize_pem()))
}

fn private(path: &Path, text: &str) -> Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("write {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(())
}
