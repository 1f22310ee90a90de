//! What the SSH server proves itself with: made once, sealed with the panel's other keys, handed to gateways when they start, so
//! that all of them and every restart show people the same fingerprint.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use warren_proto::wire;

use crate::{
    app::Ground,
    db::Lane,
    error::{Error, Result},
    keys,
};

const NAME: &str = "keys.ssh_host";
const ED25519: &str = "ssh-ed25519";
const ECDSA: &str = "ecdsa-sha2-nistp256";

/// PKCS#8 in hex, by kind.
#[derive(Serialize, Deserialize)]
struct Stored {
    ed25519: String,
    ecdsa: String,
}

/// The public half of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// `ssh-ed25519`.
    pub kind: &'static str,
    /// As it stands in `known_hosts`, base64.
    pub line: String,
    /// As `ssh` shows it: `SHA256:…`.
    pub fingerprint: String,
}

fn broken<E: std::fmt::Debug>(what: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::Internal(anyhow::anyhow!("{what}: {error:?}"))
}

fn make() -> Result<Stored> {
    let random = SystemRandom::new();
    let no = "make an SSH host key";
    let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).map_err(broken(no))?;
    let ecdsa = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
        .map_err(broken(no))?;
    Ok(Stored {
        ed25519: hex::encode(ed25519),
        ecdsa: hex::encode(ecdsa),
    })
}

async fn stored(ground: &Ground) -> Result<Stored> {
    let sealer = &ground.keys.sealer;
    if let Some(kept) = keys::find(ground.db.read(), sealer, NAME)
        .await
        .map_err(Error::internal)?
    {
        return Ok(kept);
    }
    let tx = ground.db.begin(Lane::People).await?;
    // Of two that come at once the first one's stays.
    keys::write(&*tx, sealer, NAME, &make()?, ground.clock.now_ms())
        .await
        .map_err(Error::internal)?;
    let kept = keys::find(&*tx, sealer, NAME)
        .await
        .map_err(Error::internal)?;
    tx.commit().await?;
    kept.ok_or_else(|| Error::Internal(anyhow::anyhow!("the SSH host key was not kept")))
}

fn secrets(stored: &Stored) -> Result<[(&'static str, Vec<u8>); 2]> {
    let read = |text: &str| hex::decode(text).map_err(broken("read an SSH host key"));
    Ok([
        (ED25519, read(&stored.ed25519)?),
        (ECDSA, read(&stored.ecdsa)?),
    ])
}

/// `gate.ask.hostkeys`.
/// # Errors
/// Database; a damaged value.
pub async fn tell(ground: &Ground) -> Result<wire::HostKeys> {
    let keys = secrets(&stored(ground).await?)?;
    let told = keys.into_iter().map(|(kind, secret)| wire::HostKey {
        kind: kind.into(),
        secret: secret.into(),
    });
    Ok(wire::HostKeys {
        keys: told.collect(),
        panel: ground.panel.now().name.clone(),
    })
}

/// What people are shown to compare with.
/// # Errors
/// Database; a damaged value.
pub async fn public(ground: &Ground) -> Result<Vec<Public>> {
    let [(_, ed25519), (_, ecdsa)] = secrets(&stored(ground).await?)?;
    let damaged = "a stored SSH host key is damaged";
    let pair = Ed25519KeyPair::from_pkcs8(&ed25519).map_err(broken(damaged))?;
    let first = blob(&[ED25519.as_bytes(), pair.public_key().as_ref()]);
    let pair = EcdsaKeyPair::from_pkcs8(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        &ecdsa,
        &SystemRandom::new(),
    )
    .map_err(broken(damaged))?;
    let second = blob(&[ECDSA.as_bytes(), b"nistp256", pair.public_key().as_ref()]);
    Ok(vec![shown(ED25519, &first), shown(ECDSA, &second)])
}

fn shown(kind: &'static str, blob: &[u8]) -> Public {
    use base64::engine::general_purpose::STANDARD;
    Public {
        kind,
        line: format!("{kind} {}", STANDARD.encode(blob)),
        fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))),
    }
}

/// SSH strings, one behind the other.
fn blob(parts: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::new();
    for part in parts {
        super::proof::put(&mut all, part);
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_made_reads_as_keys_that_ssh_knows() {
        let stored = make().unwrap();
        let [(_, ed25519), _] = secrets(&stored).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(&ed25519).unwrap();
        let line = shown(
            ED25519,
            &blob(&[ED25519.as_bytes(), pair.public_key().as_ref()]),
        );
        let read = ssh_key::PublicKey::from_openssh(&line.line).unwrap();
        assert_eq!(
            read.fingerprint(ssh_key::HashAlg::Sha256).to_string(),
            line.fingerprint
        );
    }
}
