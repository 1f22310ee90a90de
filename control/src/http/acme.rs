//! A certificate from an ACME authority (RFC 8555). Names are proved by TLS-ALPN on the port that control serves, so
//! nothing else has to listen. Until the authority has answered, and for whoever asks by another name, the self-made
//! certificate stands in: people get a page with a warning instead of none.

use std::{os::unix::fs::DirBuilderExt, sync::Arc};

use anyhow::{Context, Result};
use axum_server::tls_rustls::RustlsConfig;
use futures_util::StreamExt;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_acme::{
    AcmeConfig, AcmeState, EventOk, ResolvesServerCertAcme, acme::ACME_TLS_ALPN_NAME,
    caches::DirCache, is_tls_alpn_challenge,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_util::sync::CancellationToken;

use super::certificate::Own;
use crate::config::{Config, Error};

/// The names that the certificate is to have: `tls.acme_names`, else the one of `public_url`.
/// # Errors
/// Names what no authority can look up.
pub fn names(config: &Config) -> Result<Vec<String>, Error> {
    let bad = |problem| {
        Err(Error::Value {
            key: "tls.acme_names",
            problem,
        })
    };
    let mut names = config.tls.acme_names.clone();
    if names.is_empty()
        && let Some((_, rest)) = config.public_url.split_once("://")
    {
        let host = rest.split('/').next().unwrap_or_default();
        names.push(crate::auth::origin::name(host));
    }
    names.retain(|name| !name.is_empty());
    if names.is_empty() {
        return bad("mode = \"acme\" needs the panel's names, here or in public_url".into());
    }
    let is_name = |name: &str| {
        let label =
            |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        name.split('.').all(label) && name.parse::<std::net::IpAddr>().is_err()
    };
    if let Some(wrong) = names.iter().find(|name| !is_name(name)) {
        return bad(format!(
            "{wrong:?} is no name like panel.example.net; addresses and wildcards can't be proved this way"
        ));
    }
    Ok(names)
}

/// Begins to ask for a certificate, and to renew it in time, until `stop`. Gives what the listener serves with.
/// # Errors
/// Names the file or key that can't be used; an authority that can't be reached is tried again and logged.
pub fn start(config: &Config, own: &Own, stop: CancellationToken) -> Result<RustlsConfig> {
    let provider = Arc::new(ring::default_provider());
    let dir = config.data_dir.join("https").join("acme");
    // Account and keys lie here.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&dir)
        .with_context(|| format!("make {}", dir.display()))?;
    let contact = Some(&config.tls.acme_contact).filter(|mail| !mail.is_empty());
    let state = AcmeConfig::new_with_client_config(names(config)?, client(config, &provider)?)
        .contact(contact.map(|mail| format!("mailto:{}", mail.trim_start_matches("mailto:"))))
        .directory(&config.tls.acme_directory)
        .cache(DirCache::new(dir))
        .state();
    let resolver = Arc::new(Resolver {
        acme: state.resolver(),
        own: Arc::new(certified(own, &provider)?),
    });
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS versions")?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    server.alpn_protocols = vec![
        b"h2".to_vec(),
        b"http/1.1".to_vec(),
        ACME_TLS_ALPN_NAME.to_vec(),
    ];
    tokio::spawn(watch(state, config.tls.acme_directory.clone(), stop));
    Ok(RustlsConfig::from_config(Arc::new(server)))
}

async fn watch(mut state: AcmeState<std::io::Error>, directory: String, stop: CancellationToken) {
    loop {
        let event = tokio::select! {
            event = state.next() => event,
            () = stop.cancelled() => return,
        };
        match event {
            Some(Ok(EventOk::DeployedNewCert)) => {
                tracing::info!("took over a new certificate of {directory}");
            }
            Some(Ok(EventOk::DeployedCachedCert)) => {
                tracing::info!("serving the kept certificate of {directory}");
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::warn!(
                %error,
                "no certificate from {directory} yet; it is tried again, later each time. Its authority must reach \
                 this machine under every one of tls.acme_names on port 443"
            ),
            None => return,
        }
    }
}

/// Asks the authority over TLS: `tls.acme_ca` where it is a private one, else whom this machine trusts.
fn client(config: &Config, provider: &Arc<CryptoProvider>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let path = &config.tls.acme_ca;
    if path.is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        anyhow::ensure!(
            !roots.is_empty(),
            "this machine trusts no authority; install ca-certificates, or set tls.acme_ca"
        );
    } else {
        let named = || format!("configuration key `tls.acme_ca`: {path}");
        for cert in CertificateDer::pem_file_iter(path).with_context(named)? {
            roots.add(cert.with_context(named)?).with_context(named)?;
        }
        anyhow::ensure!(!roots.is_empty(), "{} holds no certificate", named());
    }
    let client = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .context("TLS versions")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(client))
}

fn certified(own: &Own, provider: &CryptoProvider) -> Result<CertifiedKey> {
    let read = || {
        let cert = CertificateDer::from_pem_slice(own.cert_pem.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes())?;
        anyhow::Ok(CertifiedKey::from_der(vec![cert], key, provider)?)
    };
    read().context("the self-made certificate")
}

#[derive(Debug)]
struct Resolver {
    acme: Arc<ResolvesServerCertAcme>,
    own: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A challenge is answered by its own certificate or by none.
        let challenge = is_tls_alpn_challenge(&hello);
        let found = self.acme.resolve(hello);
        found.or_else(|| (!challenge).then(|| self.own.clone()))
    }
}
