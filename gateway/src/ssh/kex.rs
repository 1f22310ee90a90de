//! Agreeing on keys (RFC 4253, 7 and 8; RFC 5656; RFC 8731; OpenSSH's strict key exchange).

use bytes::{BufMut, Bytes, BytesMut};
use ring::{
    agreement::{self, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral},
    rand::{SecureRandom, SystemRandom},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use sha2::{Digest, Sha256};

use super::{
    cipher::{self, CIPHERS, Cipher, MACS},
    msg,
    wire::{Malformed, Put, Reader},
};

const KEX: [&str; 3] = [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
];
const STRICT_SERVER: &str = "kex-strict-s-v00@openssh.com";
const STRICT_CLIENT: &str = "kex-strict-c-v00@openssh.com";
const EXT_INFO: &str = "ext-info-c";

/// What the server proves itself with.
pub struct HostKeys {
    ed25519: Ed25519KeyPair,
    ecdsa: EcdsaKeyPair,
}

const HOST_KEYS: [&str; 2] = ["ssh-ed25519", "ecdsa-sha2-nistp256"];

impl HostKeys {
    /// From PKCS#8.
    pub fn new(ed25519: &[u8], ecdsa: &[u8]) -> Option<Self> {
        let by = &ECDSA_P256_SHA256_FIXED_SIGNING;
        Some(Self {
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519).ok()?,
            ecdsa: EcdsaKeyPair::from_pkcs8(by, ecdsa, &SystemRandom::new()).ok()?,
        })
    }

    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub fn made_up() -> Self {
        let (by, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ecdsa = EcdsaKeyPair::generate_pkcs8(by, &random).unwrap();
        Self::new(ed25519.as_ref(), ecdsa.as_ref()).unwrap()
    }

    fn public(&self, kind: &str) -> Vec<u8> {
        let mut blob = Vec::new();
        blob.string(kind.as_bytes());
        if kind == HOST_KEYS[0] {
            blob.string(self.ed25519.public_key().as_ref());
        } else {
            blob.string(b"nistp256");
            blob.string(self.ecdsa.public_key().as_ref());
        }
        blob
    }

    fn sign(&self, kind: &str, text: &[u8]) -> Option<Vec<u8>> {
        let mut blob = Vec::new();
        blob.string(kind.as_bytes());
        if kind == HOST_KEYS[0] {
            blob.string(self.ed25519.sign(text).as_ref());
        } else {
            let signed = self.ecdsa.sign(&SystemRandom::new(), text).ok()?;
            let (r, s) = signed.as_ref().split_at_checked(32)?;
            let mut both = Vec::new();
            both.mpint(r);
            both.mpint(s);
            blob.string(&both);
        }
        Some(blob)
    }
}

/// Nothing was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    #[error("no common {0}")]
    NothingCommon(&'static str),
    #[error("malformed key exchange")]
    Malformed,
}

impl From<Malformed> for Failed {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Our offer, with a fresh cookie.
pub fn offer() -> Option<Vec<u8>> {
    let mut offer = vec![msg::KEXINIT];
    let mut cookie = [0; 16];
    SystemRandom::new().fill(&mut cookie).ok()?;
    offer.extend_from_slice(&cookie);
    let kex = [&KEX[..], &[STRICT_SERVER]].concat().join(",");
    let (ciphers, macs) = (CIPHERS.join(","), MACS.join(","));
    for list in [
        &kex,
        &HOST_KEYS.join(","),
        &ciphers,
        &ciphers,
        &macs,
        &macs,
        "none",
        "none",
        "",
        "",
    ] {
        offer.string(list.as_bytes());
    }
    offer.extend_from_slice(&[0; 5]);
    Some(offer)
}

/// What both sides take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    kex: &'static str,
    host_key: &'static str,
    in_cipher: &'static str,
    out_cipher: &'static str,
    in_mac: &'static str,
    out_mac: &'static str,
    /// The client asked for a strict exchange. Counts in the first one alone.
    pub strict: bool,
    /// The client wants to hear what signatures are taken.
    pub ext_info: bool,
    /// The packet that follows is a wrong guess.
    pub skip: bool,
}

fn list(reader: &mut Reader) -> Result<Vec<String>, Failed> {
    let text = reader.text()?;
    Ok(text.split(',').map(str::to_owned).collect())
}

fn first(
    theirs: &[String],
    ours: &[&'static str],
    what: &'static str,
) -> Result<&'static str, Failed> {
    let common = theirs
        .iter()
        .find_map(|name| ours.iter().find(|our| *our == name));
    common.copied().ok_or(Failed::NothingCommon(what))
}

/// Reads the client's offer.
pub fn agree(offer: &Bytes) -> Result<Agreed, Failed> {
    let mut reader = Reader(offer.clone());
    reader.skip(17)?;
    let kex = list(&mut reader)?;
    let host_keys = list(&mut reader)?;
    let ciphers = [list(&mut reader)?, list(&mut reader)?];
    let macs = [list(&mut reader)?, list(&mut reader)?];
    let compression = [list(&mut reader)?, list(&mut reader)?];
    for _ in 0..2 {
        reader.bytes()?;
    }
    let follows = reader.bool()?;
    for way in &compression {
        first(way, &["none"], "compression")?;
    }
    let mac = |cipher: &str, theirs: &[String]| match cipher::proves_itself(cipher) {
        true => Ok(""),
        false => first(theirs, &MACS, "MAC"),
    };
    let in_cipher = first(&ciphers[0], &CIPHERS, "cipher")?;
    let out_cipher = first(&ciphers[1], &CIPHERS, "cipher")?;
    let agreed = Agreed {
        kex: first(&kex, &KEX, "key exchange")?,
        host_key: first(&host_keys, &HOST_KEYS, "host key")?,
        in_cipher,
        out_cipher,
        in_mac: mac(in_cipher, &macs[0])?,
        out_mac: mac(out_cipher, &macs[1])?,
        strict: kex.iter().any(|name| name == STRICT_CLIENT),
        ext_info: kex.iter().any(|name| name == EXT_INFO),
        skip: false,
    };
    let guessed = kex.first().is_some_and(|name| name == KEX[0])
        && host_keys.first().is_some_and(|name| name == HOST_KEYS[0]);
    Ok(Agreed {
        skip: follows && !guessed,
        ..agreed
    })
}

/// What both sides have said, which the exchange's hash is over.
pub struct Said<'a> {
    pub client_version: &'a [u8],
    pub server_version: &'a [u8],
    pub client_offer: &'a [u8],
    pub server_offer: &'a [u8],
}

/// The end of an exchange.
pub struct Done {
    pub reply: Vec<u8>,
    pub hash: [u8; 32],
    secret: Vec<u8>,
}

/// Answers the client's half.
pub fn answer(
    agreed: &Agreed,
    keys: &HostKeys,
    said: &Said<'_>,
    init: &Bytes,
) -> Result<Done, Failed> {
    let mut reader = Reader(init.clone());
    reader.u8()?;
    let theirs = reader.bytes()?;
    reader.end()?;
    let by: &'static agreement::Algorithm = match agreed.kex {
        "ecdh-sha2-nistp256" => &ECDH_P256,
        _ => &X25519,
    };
    let random = SystemRandom::new();
    let own = EphemeralPrivateKey::generate(by, &random).map_err(|_| Failed::Malformed)?;
    let ours = own.compute_public_key().map_err(|_| Failed::Malformed)?;
    let secret = agree_ephemeral(own, &UnparsedPublicKey::new(by, &theirs), |secret| {
        let mut number = Vec::new();
        number.mpint(secret);
        number
    });
    let secret = secret.map_err(|_| Failed::Malformed)?;
    let host_key = keys.public(agreed.host_key);
    let mut text = Vec::with_capacity(4096);
    for part in [
        said.client_version,
        said.server_version,
        said.client_offer,
        said.server_offer,
        &host_key,
        &theirs,
        ours.as_ref(),
    ] {
        text.string(part);
    }
    text.extend_from_slice(&secret);
    let hash: [u8; 32] = Sha256::digest(&text).into();
    let signature = keys.sign(agreed.host_key, &hash).ok_or(Failed::Malformed)?;
    let mut reply = vec![msg::KEX_ECDH_REPLY];
    reply.string(&host_key);
    reply.string(ours.as_ref());
    reply.string(&signature);
    Ok(Done {
        reply,
        hash,
        secret,
    })
}

impl Done {
    fn key(&self, letter: u8, session: &[u8; 32], length: usize) -> Vec<u8> {
        let mut key = Vec::with_capacity(96);
        let first = Sha256::new()
            .chain_update(&self.secret)
            .chain_update(self.hash)
            .chain_update([letter])
            .chain_update(session);
        key.extend_from_slice(&first.finalize());
        while key.len() < length {
            let more = Sha256::new()
                .chain_update(&self.secret)
                .chain_update(self.hash)
                .chain_update(&key);
            let more = more.finalize();
            key.extend_from_slice(&more);
        }
        key.truncate(length);
        key
    }

    /// What comes in from now on.
    pub fn incoming(&self, agreed: &Agreed, session: &[u8; 32], sequence: u32) -> Option<Cipher> {
        let sizes = cipher::sizes(agreed.in_cipher, agreed.in_mac);
        let key = self.key(b'C', session, sizes.key);
        let start = self.key(b'A', session, sizes.start);
        let proof = self.key(b'E', session, sizes.proof);
        Cipher::new(agreed.in_cipher, false, (&key, &start, &proof), sequence).ok()
    }

    /// What goes out from now on.
    pub fn outgoing(&self, agreed: &Agreed, session: &[u8; 32], sequence: u32) -> Option<Cipher> {
        let sizes = cipher::sizes(agreed.out_cipher, agreed.out_mac);
        let key = self.key(b'D', session, sizes.key);
        let start = self.key(b'B', session, sizes.start);
        let proof = self.key(b'F', session, sizes.proof);
        Cipher::new(agreed.out_cipher, true, (&key, &start, &proof), sequence).ok()
    }
}

/// Which signatures of people's keys are taken (RFC 8308).
pub fn ext_info(out: &mut BytesMut) {
    out.put_u8(msg::EXT_INFO);
    out.put_u32(1);
    out.string(b"server-sig-algs");
    out.string(super::auth::SIGNATURES.join(",").as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn theirs(kex: &str, host: &str, cipher: &str, mac: &str, compression: &str) -> Bytes {
        let mut offer = vec![msg::KEXINIT];
        offer.extend_from_slice(&[0; 16]);
        for list in [
            kex,
            host,
            cipher,
            cipher,
            mac,
            mac,
            compression,
            compression,
            "",
            "",
        ] {
            offer.string(list.as_bytes());
        }
        offer.extend_from_slice(&[1, 0, 0, 0, 0]);
        offer.into()
    }

    #[test]
    fn nothing_old_is_agreed_on() {
        let good = theirs(
            "sntrup761x25519-sha512@openssh.com,curve25519-sha256,kex-strict-c-v00@openssh.com",
            "rsa-sha2-512,ssh-ed25519",
            "3des-cbc,aes256-ctr",
            "hmac-md5,hmac-sha2-512-etm@openssh.com",
            "none,zlib@openssh.com",
        );
        let agreed = agree(&good).unwrap();
        assert_eq!(agreed.kex, "curve25519-sha256");
        assert_eq!(
            (agreed.in_cipher, agreed.in_mac),
            ("aes256-ctr", "hmac-sha2-512-etm@openssh.com")
        );
        assert!(agreed.strict && agreed.skip && !agreed.ext_info);
        let no = |offer: Bytes| agree(&offer).unwrap_err();
        let (kex, host, cipher, mac) = ("curve25519-sha256", "ssh-ed25519", "aes128-ctr", MACS[0]);
        assert_eq!(
            no(theirs(
                "diffie-hellman-group14-sha1",
                host,
                cipher,
                mac,
                "none"
            )),
            Failed::NothingCommon("key exchange")
        );
        assert_eq!(
            no(theirs(kex, "ssh-rsa", cipher, mac, "none")),
            Failed::NothingCommon("host key")
        );
        assert_eq!(
            no(theirs(kex, host, "aes128-cbc", mac, "none")),
            Failed::NothingCommon("cipher")
        );
        assert_eq!(
            no(theirs(kex, host, cipher, "hmac-sha1", "none")),
            Failed::NothingCommon("MAC")
        );
        assert_eq!(
            no(theirs(kex, host, cipher, mac, "zlib")),
            Failed::NothingCommon("compression")
        );
        assert_eq!(no(good.slice(..40)), Failed::Malformed);
    }
}
