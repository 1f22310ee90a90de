//! What control proves itself with: files of somebody's, or a certificate of its own making. Both are looked
//! at again while it serves, so that a renewal needs no restart.

use std::{os::unix::fs::MetadataExt, time::Duration};

use anyhow::{Context, Result};
use axum_server::tls_rustls::RustlsConfig;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::certificate::{self, Own, Pin};
use crate::{
    clock::Clock,
    config::{Config, TlsMode},
};

/// Files are looked at this often. Not by a watch: they may be links whose targets lie in any folder, and
/// two `stat` cost nothing.
const LOOK: Duration = Duration::from_secs(3);
/// The age of our own is looked at this often.
const AGE: Duration = Duration::from_secs(3600);

/// A certificate in use.
pub struct Tls {
    /// For the listener.
    pub server: RustlsConfig,
    /// What a self-made one is known by: fingerprint for people, pin for machines.
    pub own: Option<(String, Pin)>,
}

/// What the configuration asks for; nothing for plain http.
/// # Errors
/// Names the keys and files that can't be used.
pub async fn load(config: &Config, clock: &Clock) -> Result<Option<Tls>> {
    match config.tls.mode {
        TlsMode::Off => Ok(None),
        TlsMode::Files => {
            let (cert, key) = (&config.tls.cert, &config.tls.key);
            let server = RustlsConfig::from_pem_file(cert, key).await;
            let server = server.with_context(|| {
                format!("configuration keys `tls.cert` and `tls.key`: {cert}, {key}")
            })?;
            Ok(Some(Tls { server, own: None }))
        }
        TlsMode::SelfSigned => {
            let own = certificate::own(config, now(clock)?)?;
            let print = certificate::fingerprint(&own.cert_pem)?;
            let pin = own.pin;
            let (cert, key) = (own.cert_pem.into_bytes(), own.key_pem.into_bytes());
            let server = RustlsConfig::from_pem(cert, key).await;
            Ok(Some(Tls {
                server: server.context("the self-made certificate")?,
                own: Some((print, pin)),
            }))
        }
    }
}

fn now(clock: &Clock) -> Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(clock.now_s()).context("the clock")
}

/// Takes over what is renewed, until `stop`. What is open goes on with what it began with.
pub async fn keep_fresh(
    server: RustlsConfig,
    config: Config,
    clock: Clock,
    stop: CancellationToken,
) {
    let files = config.tls.mode == TlsMode::Files;
    let mut seen = stamp(&config);
    let mut timer = tokio::time::interval(if files { LOOK } else { AGE });
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => {}
        }
        if !files {
            renew(&server, &config, &clock).await;
            continue;
        }
        let now = stamp(&config);
        if now != seen {
            seen = now;
            reload(&server, &config).await;
        }
    }
}

/// Changes with either file: inode, size, and when its content, owner or mode was changed.
fn stamp(config: &Config) -> Vec<Option<(u64, u64, i64, i64)>> {
    [&config.tls.cert, &config.tls.key]
        .iter()
        .map(|path| std::fs::metadata(path).ok())
        .map(|meta| meta.map(|m| (m.ino(), m.len(), m.ctime(), m.ctime_nsec())))
        .collect()
}

async fn reload(server: &RustlsConfig, config: &Config) {
    let (cert, key) = (&config.tls.cert, &config.tls.key);
    match server.reload_from_pem_file(cert, key).await {
        Ok(()) => tracing::info!("took over the changed certificate {cert}"),
        // Between the two files being written they do not fit; the second one is a change of its own.
        Err(error) => tracing::warn!(
            %error,
            "{cert} and {key} have changed and can't be used; the certificate from before stays in use"
        ),
    }
}

async fn renew(server: &RustlsConfig, config: &Config, clock: &Clock) {
    let taken = async {
        let Own {
            cert_pem,
            key_pem,
            made,
            ..
        } = certificate::own(config, now(clock)?)?;
        if made {
            let print = certificate::fingerprint(&cert_pem)?;
            server
                .reload_from_pem(cert_pem.into_bytes(), key_pem.into_bytes())
                .await?;
            tracing::info!("renewed the self-made certificate; its fingerprint is now {print}");
        }
        anyhow::Ok(())
    };
    if let Err(error) = taken.await {
        tracing::warn!(
            error = format!("{error:#}"),
            "the self-made certificate could not be renewed; it is tried again"
        );
    }
}
