//! The public keys that a program pins: what control signs commands and tickets with.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::ids::KeyId;
use crate::wire;

/// What a key may vouch for. A command key says nothing about tickets, and the reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Use {
    Command,
    Ticket,
}

impl Use {
    pub fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Ticket => "ticket",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("unknown key")]
    Unknown,
    #[error("signature does not fit")]
    Signature,
    #[error("not an Ed25519 key")]
    Malformed,
}

/// Signs under a named key. Prints no secret.
#[derive(Clone)]
pub struct Signer {
    id: KeyId,
    key: SigningKey,
}

impl Signer {
    pub fn create() -> Self {
        Self::restore(KeyId::new(), rand::random())
    }

    /// From the 32 secret bytes that [`Signer::secret`] gave.
    pub fn restore(id: KeyId, secret: [u8; 32]) -> Self {
        Self {
            id,
            key: SigningKey::from_bytes(&secret),
        }
    }

    pub fn id(&self) -> KeyId {
        self.id
    }

    /// For a sealed setting and nothing else.
    pub fn secret(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    pub fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The public key as a join token carries it.
    pub fn public_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public())
    }

    /// What control tells others of this key.
    pub fn announce(&self, purpose: Use) -> wire::VerifyKey {
        wire::VerifyKey {
            id: self.id.to_string(),
            r#use: purpose.word().into(),
            public_key: self.public().to_vec(),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({}, ***)", self.id)
    }
}

/// Pinned keys by use and id.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: HashMap<(Use, KeyId), VerifyingKey>,
}

impl Keyring {
    /// # Errors
    /// [`KeyError::Malformed`] if the bytes are no curve point.
    pub fn pin(&mut self, purpose: Use, id: KeyId, public: &[u8]) -> Result<(), KeyError> {
        let bytes: &[u8; 32] = public.try_into().map_err(|_| KeyError::Malformed)?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Malformed)?;
        self.keys.insert((purpose, id), key);
        Ok(())
    }

    /// As [`Keyring::pin`], from a join token's text.
    /// # Errors
    /// As [`Keyring::pin`].
    pub fn pin_text(&mut self, purpose: Use, id: KeyId, public: &str) -> Result<(), KeyError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(public)
            .map_err(|_| KeyError::Malformed)?;
        self.pin(purpose, id, &bytes)
    }

    /// All keys of an announcement; unknown uses are skipped, so that a newer control can add one.
    /// # Errors
    /// [`KeyError::Malformed`] for a key that is none.
    pub fn of(announced: &[wire::VerifyKey]) -> Result<Self, KeyError> {
        let mut ring = Self::default();
        for key in announced {
            let purpose = match key.r#use.as_str() {
                "command" => Use::Command,
                "ticket" => Use::Ticket,
                _ => continue,
            };
            let id = key.id.parse().map_err(|_| KeyError::Malformed)?;
            ring.pin(purpose, id, &key.public_key)?;
        }
        Ok(ring)
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub fn knows(&self, purpose: Use, id: KeyId) -> bool {
        self.keys.contains_key(&(purpose, id))
    }

    pub(super) fn verify(
        &self,
        purpose: Use,
        id: KeyId,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        let key = self.keys.get(&(purpose, id)).ok_or(KeyError::Unknown)?;
        let signature = Signature::from_slice(signature).map_err(|_| KeyError::Signature)?;
        // Strict: refuses small-order keys and malleable signatures.
        key.verify_strict(message, &signature)
            .map_err(|_| KeyError::Signature)
    }
}
