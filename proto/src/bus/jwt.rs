//! Signs and reads NATS JWTs (version 2). Ours and short, because this is the code that decides who may
//! speak: it has to be readable in one sitting. Only the fields that nats-server 2.9.10 knows are written.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::{KeyPair, KeyPairType};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha512_256};

/// The only header that nats-server takes for its own JWTs.
const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("key can not sign: {0}")]
    Key(#[from] nkeys::error::Error),
    #[error("claims can not be written: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("not a NATS JWT: {0}")]
    Malformed(&'static str),
    #[error("{what} `{value}` may not be put into a credential: {why}")]
    Refused {
        what: &'static str,
        value: String,
        why: &'static str,
    },
}

/// What every NATS JWT carries. Times are Unix seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims<N> {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub jti: String,
    pub iat: i64,
    pub iss: String,
    pub name: String,
    pub sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    pub nats: N,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operator {
    pub system_account: String,
    /// Keys besides the root that may sign account JWTs, so that the root can stay offline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signing_keys: Vec<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub version: u8,
}

/// `-1` is "no limit". The JetStream four are left out where an account has none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limits {
    pub subs: i64,
    pub data: i64,
    pub payload: i64,
    pub imports: i64,
    pub exports: i64,
    pub wildcards: bool,
    pub conn: i64,
    pub leaf: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem_storage: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_storage: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    Stream,
    Service,
}

/// How many answers a service may give to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answers {
    Singleton,
    Stream,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Export {
    pub name: String,
    pub subject: String,
    #[serde(rename = "type")]
    pub flow: Flow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_type: Option<Answers>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Import {
    pub name: String,
    pub subject: String,
    pub account: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_subject: Option<String>,
    #[serde(rename = "type")]
    pub flow: Flow,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Subjects {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

impl Subjects {
    pub fn allow<S: Into<String>>(subjects: impl IntoIterator<Item = S>) -> Self {
        Self {
            allow: subjects.into_iter().map(Into::into).collect(),
            deny: Vec::new(),
        }
    }

    pub fn deny_all() -> Self {
        Self {
            allow: Vec::new(),
            deny: vec![">".into()],
        }
    }
}

/// A right to answer what was asked, without any right on the answer's subject. `ttl` in nanoseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Respond {
    pub max: i64,
    pub ttl: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Permissions {
    #[serde(rename = "pub")]
    pub publish: Subjects,
    #[serde(rename = "sub")]
    pub subscribe: Subjects,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Template {
    #[serde(rename = "pub")]
    pub publish: Subjects,
    #[serde(rename = "sub")]
    pub subscribe: Subjects,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resp: Option<Respond>,
    pub subs: i64,
    pub data: i64,
    pub payload: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_connection_types: Vec<String>,
}

/// A signing key that can mint only users with exactly this template's rights.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scope {
    pub kind: String,
    pub key: String,
    pub role: String,
    pub template: Template,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<Import>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<Export>,
    pub limits: Limits,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signing_keys: Vec<Scope>,
    /// User public key (or `*`) to Unix seconds: whatever was issued up to then is dead.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revocations: BTreeMap<String, i64>,
    pub default_permissions: Permissions,
    #[serde(rename = "type")]
    pub kind: String,
    pub version: u8,
}

/// A user under a scoped key carries no rights of its own; nats-server refuses it otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub issuer_account: String,
    #[serde(rename = "pub", default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Subjects>,
    #[serde(rename = "sub", default, skip_serializing_if = "Option::is_none")]
    pub subscribe: Option<Subjects>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subs: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub version: u8,
}

/// Signs claims as nats-server expects: `jti` is the base32 SHA-512/256 of the claims without it, the
/// signature covers `header.body`.
/// # Errors
/// [`Error::Key`] if `issuer` holds no seed.
pub fn sign<N: Serialize>(issuer: &KeyPair, mut claims: Claims<N>) -> Result<String, Error> {
    claims.iss = issuer.public_key();
    claims.jti = String::new();
    let digest = Sha512_256::digest(serde_json::to_vec(&claims)?);
    claims.jti = data_encoding::BASE32_NOPAD.encode(&digest);
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(HEADER),
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims)?)
    );
    let signature = issuer.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Reads a JWT and checks its signature against the issuer that it names. Whether that issuer is to be
/// trusted is the caller's question, and so is expiry.
/// # Errors
/// [`Error::Malformed`] with the part that does not hold.
pub fn read<N: DeserializeOwned>(jwt: &str) -> Result<Claims<N>, Error> {
    let (signed, signature) = jwt
        .rsplit_once('.')
        .ok_or(Error::Malformed("no signature"))?;
    let (header, body) = signed.split_once('.').ok_or(Error::Malformed("no body"))?;
    let header = decode(header, "header is not base64url")?;
    let header: Header =
        serde_json::from_slice(&header).map_err(|_| Error::Malformed("header is not JSON"))?;
    if header.alg != "ed25519-nkey" {
        return Err(Error::Malformed("another algorithm than ed25519-nkey"));
    }
    let body = decode(body, "body is not base64url")?;
    let claims: Claims<N> =
        serde_json::from_slice(&body).map_err(|_| Error::Malformed("claims of another shape"))?;
    let signature = decode(signature, "signature is not base64url")?;
    KeyPair::from_public_key(&claims.iss)
        .map_err(|_| Error::Malformed("issuer is no public key"))?
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| Error::Malformed("signature does not fit its issuer"))?;
    Ok(claims)
}

/// A public user key as a stranger sends it: the type byte and the checksum are checked.
/// # Errors
/// [`Error::Refused`] for anything else, an account's or operator's key included.
pub fn user_key(text: &str) -> Result<String, Error> {
    let refused = |why| Error::Refused {
        what: "user key",
        value: text.chars().take(64).collect(),
        why,
    };
    if text.len() != 56 || !text.is_ascii() {
        return Err(refused("it is no nkey"));
    }
    let key = KeyPair::from_public_key(text).map_err(|_| refused("it is no nkey"))?;
    if key.key_pair_type() != KeyPairType::User {
        return Err(refused("it is not a user's key"));
    }
    // `from_public_key` is forgiving about what it decodes; only the canonical text goes on.
    if key.public_key() != text {
        return Err(refused("it is not in canonical form"));
    }
    Ok(text.to_owned())
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

fn decode(part: &str, why: &'static str) -> Result<Vec<u8>, Error> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Error::Malformed(why))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn what_was_signed_reads_back() {
        let key = KeyPair::new_account();
        let jwt = sign(&key, user("A")).unwrap();
        let claims: Claims<User> = read(&jwt).unwrap();
        assert_eq!(claims.iss, key.public_key());
        assert_eq!(claims.nats.issuer_account, "A");
        assert_eq!(claims.jti.len(), 52);
    }

    #[test]
    fn a_changed_byte_anywhere_is_refused() {
        let jwt = sign(&KeyPair::new_account(), user("A")).unwrap();
        for at in 0..jwt.len() {
            let mut bytes = jwt.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last symbol of an unpadded group may carry unused bits; the decoder refuses those too.
            assert!(read::<User>(&changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn another_algorithm_is_refused() {
        let jwt = sign(&KeyPair::new_account(), user("A")).unwrap();
        let (_, rest) = jwt.split_once('.').unwrap();
        let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none"}"#);
        assert!(read::<User>(&format!("{none}.{rest}")).is_err());
    }

    #[test]
    fn only_a_user_key_is_a_user_key() {
        assert!(user_key(&KeyPair::new_user().public_key()).is_ok());
        assert!(user_key(&KeyPair::new_account().public_key()).is_err());
        for text in ["", "*", ">", "U", "UAAAA", "é"] {
            assert!(user_key(text).is_err(), "{text}");
        }
    }

    fn user(account: &str) -> Claims<User> {
        Claims {
            jti: String::new(),
            iat: 1,
            iss: String::new(),
            name: "n".into(),
            sub: KeyPair::new_user().public_key(),
            exp: None,
            nats: User {
                issuer_account: account.into(),
                publish: None,
                subscribe: None,
                subs: None,
                data: None,
                payload: None,
                tags: Vec::new(),
                kind: "user".into(),
                version: 2,
            },
        }
    }
}
