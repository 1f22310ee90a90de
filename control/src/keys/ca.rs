//! The CA that vouches for nats-server and, when self-signed, for control: made at set-up, pinned by join
//! tokens.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

const CA_LIFE: Duration = Duration::days(20 * 365);
const SERVER_LIFE: Duration = Duration::days(825);

/// Certificate and key, PEM.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ca {
    /// What others pin.
    pub cert_pem: String,
    key_pem: String,
}

/// A server's certificate and key, PEM.
pub struct Issued {
    /// The leaf and the CA behind it.
    pub cert_pem: String,
    /// Private key.
    pub key_pem: String,
}

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ca(***)")
    }
}

impl Ca {
    /// A new CA.
    /// # Errors
    /// Only if the platform gives no randomness.
    pub fn create() -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let cert = params()?.self_signed(&key)?;
        Ok(Self {
            cert_pem: cert.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    /// A server certificate for these host names and addresses.
    /// # Errors
    /// A name that can't stand in a certificate.
    pub fn issue(&self, names: &[String]) -> Result<Issued, rcgen::Error> {
        let issuer = Issuer::new(params()?, KeyPair::from_pem(&self.key_pem)?);
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name = named("Warren");
        let now = OffsetDateTime::now_utc();
        leaf.not_before = now - Duration::days(1);
        leaf.not_after = now + SERVER_LIFE;
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Members of a cluster show the same certificate to each other as clients.
        leaf.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let cert = leaf.signed_by(&key, &issuer)?;
        Ok(Issued {
            cert_pem: format!("{}{}", cert.pem(), self.cert_pem),
            key_pem: key.serialize_pem(),
        })
    }
}

fn params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = named("Warren CA");
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(1);
    params.not_after = now + CA_LIFE;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn named(name: &str) -> DistinguishedName {
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CommonName, name);
    dn
}
