//! TLS that trusts one CA and nothing else.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A client configuration whose only root is in `pem`.
/// # Errors
/// Says what is wrong with the PEM.
pub fn trusting_only(pem: &str) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let cert = cert.map_err(|e| format!("nats_ca is no PEM certificate: {e}"))?;
        roots
            .add(cert)
            .map_err(|e| format!("nats_ca holds no usable certificate: {e}"))?;
    }
    if roots.is_empty() {
        return Err("nats_ca holds no certificate".into());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS: {e}"))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_named() {
        assert!(trusting_only("").is_err_and(|e| e.contains("no certificate")));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(trusting_only(broken).is_err_and(|e| e.contains("nats_ca")));
    }
}
