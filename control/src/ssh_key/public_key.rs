//! Reads a line as it stands in an `id_….pub` or in `authorized_keys`.

use ssh_key::{Algorithm, HashAlg, PublicKey, public::KeyData};

use crate::{error::Fields, text::tame};

/// A line longer than this is no public key that anybody uses (RSA of 16384 bits takes some 2,800).
const MOST_BYTES: usize = 8 * 1024;
/// Below it RSA is not safe any more (NIST SP 800-131A).
const RSA_BITS: u32 = 2048;

/// What was read, in the one form that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// `ssh-ed25519`, `ecdsa-sha2-nistp256`, …
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// Algorithm and key without the comment.
    pub line: String,
    /// What stood behind the key.
    pub comment: String,
}

/// Reads one, or says in `fields` why it is none that may be kept.
pub fn read(fields: &mut Fields, field: &str, text: &str) -> Option<Read> {
    match parse(text.trim()) {
        Ok(read) => Some(read),
        Err((code, why)) => {
            fields.refuse(field, code, why);
            None
        }
    }
}

fn parse(text: &str) -> Result<Read, (&'static str, String)> {
    let no = |code, why: &str| Err((code, why.to_owned()));
    if text.contains("PRIVATE KEY") || text.starts_with("PuTTY-User-Key-File") {
        let why = "is the private half, which never leaves its machine: paste the line of the file that ends in .pub. \
                   It was not kept; where it may have been seen, make another key";
        return no("private_key", why);
    }
    if text.is_empty() {
        return no("required", "is the line of the file that ends in .pub");
    }
    if text.len() > MOST_BYTES {
        return no("too_long", "is longer than any public key");
    }
    if text.lines().count() > 1 {
        return no("invalid", "has more than one line; add one key at a time");
    }
    if text
        .split_whitespace()
        .next()
        .is_some_and(|kind| kind.contains("-cert-v"))
    {
        return no("unsupported", "is a certificate; add the key that it is of");
    }
    let key = PublicKey::from_openssh(text).map_err(|error| {
        let why = format!("is no public key like \"ssh-ed25519 AAAAC3… name\": {error}");
        ("invalid", why)
    })?;
    match key.key_data() {
        KeyData::Dsa(_) => {
            return no(
                "weak",
                "is a DSA key, which nobody should use any more; make an Ed25519 key",
            );
        }
        KeyData::Rsa(rsa) => {
            let bits = bits(rsa.n.as_positive_bytes().unwrap_or_default());
            if bits < RSA_BITS {
                let why = format!(
                    "has {bits} bits; RSA needs {RSA_BITS} or more, or make an Ed25519 key"
                );
                return Err(("weak", why));
            }
        }
        KeyData::Ed25519(_)
        | KeyData::Ecdsa(_)
        | KeyData::SkEd25519(_)
        | KeyData::SkEcdsaSha2NistP256(_) => {}
        _ => {
            return no(
                "unsupported",
                "is of a kind that SFTP does not take here; make an Ed25519 key",
            );
        }
    }
    let comment = key.comment().to_owned();
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    let algorithm = kind(&key.algorithm());
    let bare = PublicKey::new(key.key_data().clone(), "");
    let line = bare.to_openssh().map_err(|e| ("invalid", e.to_string()))?;
    Ok(Read {
        algorithm,
        fingerprint,
        line,
        comment: tame(&comment, 64),
    })
}

fn kind(algorithm: &Algorithm) -> String {
    algorithm.as_str().to_owned()
}

/// Of a number without leading zero bytes.
fn bits(bytes: &[u8]) -> u32 {
    let Some(first) = bytes.first() else { return 0 };
    let rest = u32::try_from(bytes.len() - 1).unwrap_or(u32::MAX / 8);
    rest.saturating_mul(8) + (8 - first.leading_zeros())
}
