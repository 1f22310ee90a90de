//! The fingerprint of a certificate, read from the server that presents it.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// `AB:CD:…`, the SHA-256 of the certificate that the server on this loopback port presents.
///
/// # Errors
/// When no handshake comes about.
pub async fn fingerprint(port: u16) -> Result<String> {
    let seen = Arc::new(Recorder::default());
    let config = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Recorder>::clone(&seen))
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .context("connect")?;
    let name = ServerName::try_from("localhost").context("server name")?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .context("TLS handshake")?;
    let digest = seen
        .digest
        .lock()
        .map_err(|_| anyhow::anyhow!("poisoned"))?
        .clone();
    digest.context("the server presented no certificate")
}

/// Accepts any certificate and remembers its digest. It only looks: nothing is sent over the
/// connection.
#[derive(Debug, Default)]
struct Recorder {
    digest: Mutex<Option<String>>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let digest = Sha256::digest(end_entity.as_ref());
        let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        if let Ok(mut seen) = self.digest.lock() {
            *seen = Some(pairs.join(":"));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
