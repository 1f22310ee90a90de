//! Opaque secrets: made here, shown once, stored as SHA-256 alone.

use std::fmt;

use rand::{TryRngCore, rngs::OsRng};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How personal API keys begin: secret scanners look for it.
pub const API_KEY_PREFIX: &str = "wrn_usr_";
const RANDOM: usize = 30;
const CHECKSUM: usize = 6;

/// A secret on its way to its owner. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// The text, for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Bytes from the system's random source.
/// # Errors
/// There is none.
pub fn fill(bytes: &mut [u8]) -> Result<()> {
    OsRng
        .try_fill_bytes(bytes)
        .map_err(|e| Error::Internal(anyhow::anyhow!("system random source: {e}")))
}

/// `len` characters of base62, each from the system's random source.
fn base62(len: usize) -> Result<String> {
    let mut text = String::with_capacity(len);
    let mut bytes = [0u8; 64];
    while text.len() < len {
        fill(&mut bytes)?;
        let missing = len - text.len();
        // 248 = 4 * 62: bytes above would make the first letters likelier.
        let good = bytes.iter().filter(|b| **b < 248).take(missing);
        text.extend(good.map(|b| char::from(BASE62[usize::from(b % 62)])));
    }
    Ok(text)
}

/// A session cookie's value: 256 bits.
/// # Errors
/// No system random source.
pub fn session_token() -> Result<Secret> {
    base62(43).map(Secret)
}

/// A personal API key: `wrn_usr_`, 30 random characters, 6 of checksum.
/// # Errors
/// No system random source.
pub fn api_key() -> Result<Secret> {
    let body = base62(RANDOM)?;
    let sum = checksum(&body);
    Ok(Secret(format!("{API_KEY_PREFIX}{body}{sum}")))
}

/// Without those that look like another one.
const READABLE: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
/// Characters of a recovery code: 79 bits.
pub const RECOVERY_CODE: usize = 16;

/// What stands in for a lost authenticator app, to be written down: four groups of four.
/// # Errors
/// No system random source.
pub fn recovery_code() -> Result<Secret> {
    let mut text = String::with_capacity(RECOVERY_CODE + 3);
    let mut bytes = [0u8; 64];
    let mut letters = 0;
    while letters < RECOVERY_CODE {
        fill(&mut bytes)?;
        // 248 = 8 * 31: bytes above would make the first letters likelier.
        for byte in bytes.iter().filter(|b| **b < 248) {
            if letters == RECOVERY_CODE {
                break;
            }
            if letters > 0 && letters % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(READABLE[usize::from(byte % 31)]));
            letters += 1;
        }
    }
    Ok(Secret(text))
}

/// A first password, meant to be typed once.
/// # Errors
/// No system random source.
pub fn first_password() -> Result<Secret> {
    base62(20).map(Secret)
}

/// The password of a database: 190 bits, and no character that SQL, a shell or an address would read as another.
/// # Errors
/// No system random source.
pub fn database_password() -> Result<Secret> {
    base62(32).map(Secret)
}

/// CRC-32 in base62: tells a mistyped key from a revoked one without asking the database.
fn checksum(body: &str) -> String {
    let mut left = crc32fast::hash(body.as_bytes());
    let mut text = [b'0'; CHECKSUM];
    for place in text.iter_mut().rev() {
        *place = BASE62[(left % 62) as usize];
        left /= 62;
    }
    text.iter().map(|b| char::from(*b)).collect()
}

/// Whether a text has the shape of one of our API keys.
#[must_use]
pub fn looks_like_api_key(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(API_KEY_PREFIX) else {
        return false;
    };
    if rest.len() != RANDOM + CHECKSUM || !rest.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return false;
    }
    let (body, sum) = rest.split_at(RANDOM);
    checksum(body) == sum
}

/// What is stored of a secret, and what it is looked up by.
#[must_use]
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_has_a_checksum_that_finds_typing_errors() {
        let key = api_key().unwrap();
        let text = key.expose();
        assert_eq!(text.len(), 8 + 30 + 6);
        assert!(looks_like_api_key(text));
        for at in 8..text.len() {
            let mut other = text.as_bytes().to_vec();
            other[at] = if other[at] == b'x' { b'y' } else { b'x' };
            assert!(!looks_like_api_key(std::str::from_utf8(&other).unwrap()));
        }
        assert!(!looks_like_api_key(&text[..text.len() - 1]));
        assert!(!looks_like_api_key("wrn_usr_é"));
    }

    #[test]
    fn no_two_secrets_are_alike_and_none_is_printed() {
        let (a, b) = (session_token().unwrap(), session_token().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.expose().len(), 43);
        assert_eq!(format!("{a:?}"), "***");
    }
}
