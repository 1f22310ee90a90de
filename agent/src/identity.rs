//! Who this node is: `<data>/identity.json`, 0600. The seed never leaves it.
//!
//! While a key is being rotated both stand there: whoever is killed in between comes back with one
//! that control still takes.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use warren_proto::bus::keyring::Keyring;
use warren_proto::bus::{Creds, Seed};
use warren_proto::ids::NodeId;
use warren_proto::wire;

use crate::disk;

/// A key and what control has signed for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// Of a user nkey.
    pub seed: Seed,
    /// NATS user JWT.
    pub jwt: String,
}

/// One of control's public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// As control names it.
    pub id: String,
    /// `command` or `ticket`.
    pub purpose: String,
    /// Ed25519, base64.
    pub key: String,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Given by control, kept over a re-join.
    pub node: NodeId,
    /// What control knows us by.
    pub current: Credential,
    /// Since when it has this key, Unix milliseconds; 0: not known.
    #[serde(default)]
    pub key_since_ms: i64,
    /// A newer one that has not spoken yet.
    #[serde(default)]
    pub next: Option<Credential>,
    /// Where the bus is.
    pub nats_urls: Vec<String>,
    /// The CA that the bus is pinned to; none on plain loopback.
    #[serde(default)]
    pub nats_ca_pem: Option<String>,
    /// What commands and tickets are signed with.
    pub keys: Vec<Pinned>,
}

impl Credential {
    /// For the bus.
    pub fn creds(&self) -> anyhow::Result<Creds> {
        Creds::new(self.jwt.clone(), self.seed.clone()).context("the node's credential")
    }
}

impl Identity {
    /// Where it stands.
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("identity.json")
    }

    /// `None`: this machine has not joined.
    pub fn load(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = Self::path(data_dir);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).with_context(|| format!("read {}", path.display())),
        };
        let identity = serde_json::from_slice(&bytes);
        let hint = || format!("{} is damaged: join again with a new token", path.display());
        Ok(Some(identity.with_context(hint)?))
    }

    /// Writes it; survives a power cut after return.
    pub fn save(&self, data_dir: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(data_dir).map_err(disk::at("create", data_dir))?;
        disk::write_atomic(&Self::path(data_dir), &serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }

    /// The key to speak with: a newer one that control has signed goes before the one it knows us by. If it is
    /// refused, the other is tried.
    #[must_use]
    pub fn newest(&self) -> &Credential {
        let next = self.next.as_ref().filter(|next| !next.jwt.is_empty());
        next.unwrap_or(&self.current)
    }

    /// Whether its key has been used long enough for a new one. One on its way is seen through.
    #[must_use]
    pub fn rotates(&self, now_ms: i64, after_s: i64) -> bool {
        let old = now_ms.saturating_sub(self.key_since_ms) >= after_s.saturating_mul(1000);
        self.next.is_some() || (old && (self.key_since_ms > 0 || after_s == 0))
    }

    /// The pinned keys, ready to verify.
    pub fn keyring(&self) -> anyhow::Result<Keyring> {
        let keys: Result<Vec<_>, _> = self.keys.iter().map(Pinned::wire).collect();
        Ok(Keyring::of(&keys?)?)
    }

    /// What of these announced keys may be believed. What was pinned at enrolment counts: an answer on the bus is
    /// signed by nobody, and whoever holds the bus must not become able to command this machine. A purpose that
    /// has no key yet takes the first that it hears of.
    #[must_use]
    pub fn believed(&self, keys: &[wire::VerifyKey]) -> Vec<wire::VerifyKey> {
        let good = |key: &&wire::VerifyKey| {
            let key = Pinned::of(key);
            self.keys.contains(&key) || self.keys.iter().all(|k| k.purpose != key.purpose)
        };
        keys.iter().filter(good).cloned().collect()
    }

    /// Pins what control announced. Keys that are not named any more go.
    pub fn pin(&mut self, keys: &[wire::VerifyKey]) {
        self.keys = keys.iter().map(Pinned::of).collect();
    }
}

impl Pinned {
    /// From control.
    pub fn of(key: &wire::VerifyKey) -> Self {
        Self {
            id: key.id.clone(),
            purpose: key.r#use.clone(),
            key: STANDARD.encode(&key.public_key),
        }
    }

    fn wire(&self) -> anyhow::Result<wire::VerifyKey> {
        Ok(wire::VerifyKey {
            id: self.id.clone(),
            r#use: self.purpose.clone(),
            public_key: STANDARD.decode(&self.key).context("a pinned key")?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use warren_proto::bus::keyring::{Signer, Use};

    fn identity(keys: Vec<Pinned>) -> Identity {
        let key = nkeys::KeyPair::new_user();
        Identity {
            node: NodeId::new(),
            current: Credential {
                seed: Seed::of(&key).unwrap(),
                jwt: String::new(),
            },
            key_since_ms: 0,
            next: None,
            nats_urls: Vec::new(),
            nats_ca_pem: None,
            keys,
        }
    }

    #[test]
    fn a_key_is_changed_when_it_is_old_and_not_before() {
        let mut identity = identity(Vec::new());
        let year = 365 * 24 * 3600;
        let now_ms = 3 * year * 1000;
        assert!(!identity.rotates(now_ms, year), "since when is not known");
        assert!(identity.rotates(now_ms, 0));
        identity.key_since_ms = now_ms - year * 1000 + 1;
        assert!(!identity.rotates(now_ms, year));
        assert!(identity.rotates(now_ms + 1, year));
        identity.key_since_ms = now_ms;
        identity.next = Some(identity.current.clone());
        assert!(identity.rotates(now_ms, year), "what was begun is ended");
    }

    #[test]
    fn a_key_that_was_not_pinned_at_enrolment_is_not_believed() {
        let (command, ticket, stranger) = (Signer::create(), Signer::create(), Signer::create());
        let mut identity = identity(vec![Pinned::of(&command.announce(Use::Command))]);
        let first = [command.announce(Use::Command), ticket.announce(Use::Ticket)];
        assert_eq!(identity.believed(&first), first);
        identity.pin(&first);
        for purpose in [Use::Command, Use::Ticket] {
            let forged = [first[0].clone(), stranger.announce(purpose)];
            assert_eq!(identity.believed(&forged), first[..1]);
        }
    }
}
