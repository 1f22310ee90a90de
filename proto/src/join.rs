//! The join token: all that a machine needs to dial in and ask to become a node.
//!
//! Text form: `wjoin_` and base64url of JSON, then `_` and eight hex digits of a checksum, so that
//! a token cut while copying is told from one that control refuses.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{JoinTokenId, KeyId};

const PREFIX: &str = "wjoin_";
/// No token that we make comes near it.
const MAX_BYTES: usize = 64 * 1024;

/// What a join token carries.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// Row in control's table.
    pub id: JoinTokenId,
    /// Proves that the holder was given the token; control stores its SHA-256.
    pub secret: String,
    /// `nats://` or `tls://` URLs that reach the bus from outside.
    pub nats_urls: Vec<String>,
    /// PEM of the CA that the bus is pinned to; none on plain loopback.
    pub ca_pem: Option<String>,
    /// NATS user JWT that may call `enroll.v1.register` and nothing else.
    pub jwt: String,
    /// Seed of that user.
    pub seed: String,
    /// `https://…` where control takes the same call; none if it has no public address.
    pub control_url: Option<String>,
    /// SHA-256 of the public key behind control's certificate in hex, when it is self-signed.
    pub control_key_sha256: Option<String>,
    /// Control's command key.
    pub command_key: CommandKey,
}

/// The key that the node will pin.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandKey {
    /// Named in every signed command.
    pub id: KeyId,
    /// Ed25519 public key, base64url without padding.
    pub public_key: String,
}

/// The text is no join token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Does not start as one.
    #[error(
        "this is no join token: it does not start with {PREFIX}; copy the whole line from the panel"
    )]
    Prefix,
    /// Cut or changed on the way.
    #[error(
        "the join token is damaged (its checksum does not fit): copy the whole line from the panel again"
    )]
    Checksum,
    /// Whole, but not what we know.
    #[error("the join token can't be read ({0}): it may come from another version of Warren")]
    Content(String),
}

impl std::fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinToken")
            .field("id", &self.id)
            .field("secret", &"***")
            .finish_non_exhaustive()
    }
}

fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes())[..4]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

impl JoinToken {
    /// The text that the panel shows.
    #[must_use]
    pub fn encode(&self) -> String {
        // A struct of strings and lists always serialises.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let body = URL_SAFE_NO_PAD.encode(json);
        format!("{PREFIX}{body}_{}", checksum(&body))
    }

    /// Reads a token as it was copied; white space around it does not matter.
    /// # Errors
    /// [`InvalidToken`] says what to do.
    pub fn decode(text: &str) -> Result<Self, InvalidToken> {
        let text = text.trim();
        let rest = text.strip_prefix(PREFIX).ok_or(InvalidToken::Prefix)?;
        if rest.len() > MAX_BYTES {
            return Err(InvalidToken::Content("too long".into()));
        }
        let (body, sum) = rest.rsplit_once('_').ok_or(InvalidToken::Checksum)?;
        if checksum(body) != sum {
            return Err(InvalidToken::Checksum);
        }
        let json = URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|e| InvalidToken::Content(e.to_string()))?;
        serde_json::from_slice(&json).map_err(|e| InvalidToken::Content(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn token() -> JoinToken {
        JoinToken {
            id: JoinTokenId::new(),
            secret: "s3cret".into(),
            nats_urls: vec!["tls://panel.example.net:4222".into()],
            ca_pem: None,
            jwt: "a.b.c".into(),
            seed: "SU".into(),
            control_url: None,
            control_key_sha256: None,
            command_key: CommandKey {
                id: KeyId::new(),
                public_key: "AA".into(),
            },
        }
    }

    #[test]
    fn a_token_reads_back_as_it_was_made() {
        let token = token();
        assert_eq!(
            JoinToken::decode(&format!(" {}\n", token.encode())).unwrap(),
            token
        );
    }

    #[test]
    fn a_cut_token_says_so() {
        let text = token().encode();
        assert_eq!(
            JoinToken::decode(&text[..text.len() - 20]),
            Err(InvalidToken::Checksum)
        );
        assert_eq!(JoinToken::decode("hello"), Err(InvalidToken::Prefix));
    }

    #[test]
    fn a_token_in_a_log_does_not_show_its_secret() {
        assert!(!format!("{:?}", token()).contains("s3cret"));
    }
}
