//! The certificate that control makes for itself, and what others know it by.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::config::Config;

/// Browsers refuse leaf certificates of more than 825 days, self-signed or not, on some systems.
const LIFE: Duration = Duration::days(820);
/// Made anew when less is left.
const RENEW: Duration = Duration::days(30);

/// SHA-256 of a public key with its algorithm (SubjectPublicKeyInfo). It outlives the certificates that are
/// made for the key, so join lines and tokens carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    fn of(key: &KeyPair) -> Self {
        Self(Sha256::digest(key.subject_public_key_info()).into())
    }

    /// As join tokens carry it.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// As `--pinnedpubkey` of curl and wget takes it. Both check it even where no authority is asked.
    #[must_use]
    pub fn option(&self) -> String {
        format!("sha256//{}", STANDARD.encode(self.0))
    }
}

/// A certificate of control's own making.
pub struct Own {
    /// The certificate.
    pub cert_pem: String,
    /// Its private key.
    pub key_pem: String,
    /// What join lines know it by.
    pub pin: Pin,
    /// It was made just now.
    pub made: bool,
}

/// Reads it, or makes it where there is none, where a name is missing in it, or where 30 days are left. The
/// key stays.
/// # Errors
/// Names the file that can't be read or written, or the key that is none.
pub fn own(config: &Config, now: OffsetDateTime) -> Result<Own> {
    let dir = config.data_dir.join("https");
    std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    let key = own_key(&dir.join("key.pem"))?;
    let cert_path = dir.join("cert.pem");
    let names = names(config);
    let kept = std::fs::read_to_string(&cert_path)
        .ok()
        .filter(|cert| still_good(cert, &key, &names, now));
    let made = kept.is_none();
    let cert_pem = match kept {
        Some(cert) => cert,
        None => {
            let cert = sign(names, &key, now)?;
            private(&cert_path, &cert)?;
            cert
        }
    };
    Ok(Own {
        cert_pem,
        pin: Pin::of(&key),
        key_pem: key.serialize_pem(),
        made,
    })
}

fn own_key(path: &Path) -> Result<KeyPair> {
    if path.exists() {
        let pem = std::fs::read_to_string(path);
        let pem = pem.with_context(|| format!("read {}", path.display()))?;
        return KeyPair::from_pem(&pem).with_context(|| {
            format!(
                "{} holds no key; move it away, and a new one is made",
                path.display()
            )
        });
    }
    let key = KeyPair::generate().context("key of the self-made certificate")?;
    private(path, &key.serialize_pem())?;
    Ok(key)
}

fn names(config: &Config) -> Vec<String> {
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
        if !name.is_empty() {
            names.push(name);
        }
    }
    names.sort();
    names.dedup();
    names
}

fn still_good(pem: &str, key: &KeyPair, names: &[String], now: OffsetDateTime) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(pem.as_bytes()) else {
        return false;
    };
    let Ok((_, cert)) = X509Certificate::from_der(&der) else {
        return false;
    };
    let has = names_in(&cert);
    cert.public_key().raw == key.subject_public_key_info()
        && cert.validity().not_after.to_datetime() - now > RENEW
        && names.iter().all(|name| has.contains(name))
}

fn names_in(cert: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = cert.subject_alternative_name() else {
        return Vec::new();
    };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|ip| ip.to_string()),
        _ => None,
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(text)
        .collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(four.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

fn sign(names: Vec<String>, key: &KeyPair, now: OffsetDateTime) -> Result<String> {
    let mut params = CertificateParams::new(names).context("names of the self-made certificate")?;
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Warren (self-signed)");
    params.not_before = now - Duration::days(1);
    params.not_after = now + LIFE;
    let cert = params
        .self_signed(key)
        .context("the self-made certificate")?;
    Ok(cert.pem())
}

/// `AB:CD:…` over the certificate's DER, as browsers show it.
/// # Errors
/// Text that holds no certificate.
pub fn fingerprint(pem: &str) -> Result<String> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|e| anyhow::anyhow!("the certificate can't be read: {e}"))?;
    let digest = Sha256::digest(&der);
    let pairs: Vec<String> = digest.iter().map(|b| format!("{b:02X}")).collect();
    Ok(pairs.join(":"))
}

/// Whole or not at all, and readable by nobody else: half a key would stop the next start.
fn private(path: &Path, text: &str) -> Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let fresh = path.with_extension("new");
    let write = || {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    write().with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config(dir: &Path) -> Config {
        let set = |key: &str, value: &str| (format!("WARREN_CONTROL_{key}"), value.to_owned());
        let environment = [set("DATA_DIR", &dir.display().to_string())];
        Config::from_parts(None, environment.into_iter().collect()).unwrap()
    }

    fn at(days: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap() + Duration::days(days)
    }

    #[test]
    fn a_certificate_is_kept_until_thirty_days_are_left_and_its_key_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let first = own(&config, at(0)).unwrap();
        let later = own(&config, at(789)).unwrap();
        assert!(first.made && !later.made);
        assert_eq!(first.cert_pem, later.cert_pem);
        let renewed = own(&config, at(791)).unwrap();
        assert!(renewed.made);
        assert_ne!(renewed.cert_pem, first.cert_pem);
        assert_eq!(renewed.pin, first.pin);
        assert!(!own(&config, at(792)).unwrap().made);
    }

    #[test]
    fn an_address_that_came_later_gets_into_the_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        let first = own(&config, at(0)).unwrap();
        config.address = "panel.example.net".into();
        let renamed = own(&config, at(1)).unwrap();
        assert!(renamed.made && renamed.pin == first.pin);
        config.address = "2001:db8::7".into();
        assert!(own(&config, at(1)).unwrap().made);
        assert!(!own(&config, at(1)).unwrap().made);
        config.address.clear();
        assert!(
            !own(&config, at(1)).unwrap().made,
            "a name too many harms nobody"
        );
    }

    #[test]
    fn a_damaged_certificate_is_made_anew_and_a_damaged_key_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        own(&config, at(0)).unwrap();
        let https = dir.path().join("https");
        std::fs::write(https.join("cert.pem"), "half a certif").unwrap();
        assert!(own(&config, at(0)).unwrap().made);
        std::fs::write(https.join("key.pem"), "no key").unwrap();
        let error = own(&config, at(0)).err().unwrap();
        assert!(format!("{error:#}").contains("https/key.pem"), "{error:#}");
    }
}
