//! Seals values under the key file: a stolen database dump mints nothing.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use rand::RngCore;
use sha2::Sha256;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Why a value can't be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No key file yet, or it was lost.
    #[error(
        "there is no sealing key: {0} does not exist and WARREN_CONTROL_KEY is not set. Run `warren-control \
         init`, or bring back the file that the secrets in this database were sealed with"
    )]
    Missing(PathBuf),
    /// The file or variable holds something else.
    #[error("{0} holds no sealing key: 64 hexadecimal digits belong there")]
    Malformed(String),
    /// Sealed under another key, or changed.
    #[error(
        "the secret {0} can't be opened: it was sealed with another key, or changed. Bring back the key file \
         (or WARREN_CONTROL_KEY) that belongs to this database"
    )]
    Wrong(String),
    /// Disk.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
}

/// The key that everything secret in the database lies under.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    /// For [`Sealer::mac`]: made from the same key, and of no use for the cipher.
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(***)")
    }
}

impl Sealer {
    /// From `WARREN_CONTROL_KEY`, else from the file.
    /// # Errors
    /// [`Error::Missing`], [`Error::Malformed`].
    pub fn load(variable: Option<&str>, path: &Path) -> Result<Self, Error> {
        if let Some(text) = variable {
            return Self::from_hex(text, crate::config::KEY_VARIABLE);
        }
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_hex(&text, &path.display().to_string()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::Missing(path.to_path_buf()))
            }
            Err(e) => Err(file(path, &e)),
        }
    }

    /// Makes a new key and its file (0600), synced before it is used.
    /// # Errors
    /// [`Error::File`]; a file that exists is never overwritten.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let mut key = [0u8; 32];
        rand::rng().fill_bytes(&mut key);
        let text = hex::encode(key);
        write_private(path, text.as_bytes()).map_err(|e| file(path, &e))?;
        Self::from_hex(&text, "")
    }

    fn from_hex(text: &str, whence: &str) -> Result<Self, Error> {
        let malformed = || Error::Malformed(whence.to_owned());
        let key = hex::decode(text.trim()).map_err(|_| malformed())?;
        let cipher = XChaCha20Poly1305::new_from_slice(&key).map_err(|_| malformed())?;
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key).map_err(|_| malformed())?;
        mac.update(b"warren: a key that vouches");
        let vouching = mac.finalize().into_bytes();
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(&vouching).map_err(|_| malformed())?;
        Ok(Self { cipher, mac })
    }

    /// Vouches for these parts, in this order and cut just so.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Seals `plain` for the place called `name`: it opens nowhere else.
    /// # Errors
    /// Only for values beyond what the cipher takes (256 GiB).
    pub fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0u8; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: name.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| Error::Wrong(name.to_owned()))?;
        Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Sealer::seal`] made for the same name.
    /// # Errors
    /// [`Error::Wrong`].
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let wrong = || Error::Wrong(name.to_owned());
        let rest = sealed.strip_prefix(&[VERSION]).ok_or_else(wrong)?;
        let (nonce, body) = rest.split_at_checked(NONCE_BYTES).ok_or_else(wrong)?;
        let payload = Payload {
            msg: body,
            aad: name.as_bytes(),
        };
        self.cipher
            .decrypt(XNonce::from_slice(nonce), payload)
            .map_err(|_| wrong())
    }
}

/// Writes a new file that only its owner reads, and syncs it.
pub(super) fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    out.write_all(content)?;
    out.sync_all()
}

fn file(path: &Path, cause: &std::io::Error) -> Error {
    Error::File {
        path: path.to_path_buf(),
        cause: cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_value_opens_only_in_its_place_and_under_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let sealer = Sealer::create(&path).unwrap();
        let sealed = sealer.seal("keys.realm", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        let again = Sealer::load(None, &path).unwrap();
        assert_eq!(again.open("keys.realm", &sealed).unwrap(), b"secret");
        assert!(again.open("keys.command", &sealed).is_err());
        let other = Sealer::create(&dir.path().join("other")).unwrap();
        assert!(other.open("keys.realm", &sealed).is_err());
        for cut in 0..sealed.len() {
            assert!(sealer.open("keys.realm", &sealed[..cut]).is_err());
        }
    }

    #[test]
    fn a_lost_key_file_says_what_to_do() {
        let error = Sealer::load(None, Path::new("/nowhere/control.key")).unwrap_err();
        assert!(error.to_string().contains("bring back"));
        assert!(Sealer::load(Some("zz"), Path::new("/nowhere")).is_err());
    }
}
