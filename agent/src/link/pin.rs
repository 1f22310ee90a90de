//! TLS towards a panel that signed its own certificate: the join token says whose key is behind it.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest as _, Sha256};

#[derive(Debug)]
struct Pin {
    sha256: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

/// Trusts the certificates of exactly the public key with this SHA-256 (hex, over SubjectPublicKeyInfo),
/// whatever their names and dates: a panel may renew its certificate and keeps its key.
pub fn client_config(sha256_hex: &str) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let pin = Pin {
        sha256: hex::decode(sha256_hex.replace(':', ""))?,
        provider: provider.clone(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pin))
        .with_no_client_auth();
    Ok(config)
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        if Sha256::digest(key.as_ref()).as_slice() == self.sha256 {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let all = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, all)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let all = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, all)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};

    use super::*;

    fn certificate(key: &KeyPair, name: &str) -> CertificateDer<'static> {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.self_signed(key).unwrap().der().clone()
    }

    #[test]
    fn a_renewed_certificate_passes_and_another_key_does_not() {
        let (own, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let pin = Pin {
            sha256: Sha256::digest(own.subject_public_key_info()).to_vec(),
            provider: Arc::new(ring::default_provider()),
        };
        let passes = |cert: &CertificateDer<'_>| {
            let name = ServerName::try_from("panel.example").unwrap();
            pin.verify_server_cert(cert, &[], &name, &[], UnixTime::now())
                .is_ok()
        };
        assert!(passes(&certificate(&own, "panel.example")));
        assert!(passes(&certificate(&own, "renewed.example")));
        assert!(!passes(&certificate(&other, "panel.example")));
        assert!(!passes(&CertificateDer::from(b"no certificate".to_vec())));
    }
}
