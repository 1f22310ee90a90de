//! What a client signed to prove that it has an SSH key (RFC 4252, 7). Checked here and not by the gateway: it faces the
//! internet, and whoever takes it over must not be able to name any key as proved.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use sha2::{Digest, Sha256};
use warren_proto::wire;

/// A message of its own kind (RFC 4252, 6).
const USERAUTH_REQUEST: u8 = 50;
/// Of a hash of 256 bits, which is what our key exchanges have.
const SESSION_BYTES: usize = 32;
/// The owner touched the security key.
const PRESENT: u8 = 1;

/// It proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad;

/// Passes if `proof` is the signature of its key over a log-in as `login` on that connection.
/// # Errors
/// It is not.
pub fn verify(login: &str, proof: &wire::SshProof) -> Result<(), Bad> {
    let key = proof.key.as_ref().ok_or(Bad)?;
    if proof.session.len() != SESSION_BYTES {
        return Err(Bad);
    }
    let mut signed = Vec::with_capacity(512);
    put(&mut signed, &proof.session);
    signed.push(USERAUTH_REQUEST);
    put(&mut signed, login.as_bytes());
    put(&mut signed, b"ssh-connection");
    put(&mut signed, b"publickey");
    signed.push(1);
    put(&mut signed, key.algorithm.as_bytes());
    put(&mut signed, &key.blob);
    let mut blob = Parts(&key.blob);
    let kind = blob.string()?;
    let mut signature = Parts(&proof.signature);
    // The algorithm that was asked for is the one that signed: nothing is downgraded in between.
    if signature.string()? != key.algorithm.as_bytes() {
        return Err(Bad);
    }
    let same = kind == key.algorithm.as_bytes();
    match kind {
        b"ssh-ed25519" if same => {
            let public = blob.last()?;
            check(&ED25519, public, &signed, signature.last()?)
        }
        b"ecdsa-sha2-nistp256" if same => {
            let public = curve(&mut blob, b"nistp256")?;
            blob.end()?;
            let fixed = fixed::<32>(signature.last()?)?;
            check(&ECDSA_P256_SHA256_FIXED, public, &signed, &fixed)
        }
        b"ecdsa-sha2-nistp384" if same => {
            let public = curve(&mut blob, b"nistp384")?;
            blob.end()?;
            let fixed = fixed::<48>(signature.last()?)?;
            check(&ECDSA_P384_SHA384_FIXED, public, &signed, &fixed)
        }
        b"ssh-rsa" => rsa(&mut blob, &key.algorithm, &signed, signature.last()?),
        b"sk-ssh-ed25519@openssh.com" if same => {
            let (public, application) = (blob.string()?, blob.last()?);
            let raw = signature.string()?;
            let signed = touched(application, &mut signature, &signed)?;
            check(&ED25519, public, &signed, raw)
        }
        b"sk-ecdsa-sha2-nistp256@openssh.com" if same => {
            let public = curve(&mut blob, b"nistp256")?;
            let application = blob.last()?;
            let raw = fixed::<32>(signature.string()?)?;
            let signed = touched(application, &mut signature, &signed)?;
            check(&ECDSA_P256_SHA256_FIXED, public, &signed, &raw)
        }
        _ => Err(Bad),
    }
}

fn check(
    algorithm: &'static dyn ring::signature::VerificationAlgorithm,
    public: &[u8],
    signed: &[u8],
    signature: &[u8],
) -> Result<(), Bad> {
    UnparsedPublicKey::new(algorithm, public)
        .verify(signed, signature)
        .map_err(|_| Bad)
}

fn rsa(blob: &mut Parts<'_>, algorithm: &str, signed: &[u8], signature: &[u8]) -> Result<(), Bad> {
    let (e, n) = (number(blob.string()?), number(blob.string()?));
    blob.end()?;
    let by = match algorithm {
        "rsa-sha2-256" => &RSA_PKCS1_2048_8192_SHA256,
        "rsa-sha2-512" => &RSA_PKCS1_2048_8192_SHA512,
        // SHA-1 among them.
        _ => return Err(Bad),
    };
    // Some clients leave leading zeros out.
    let missing = n.len().checked_sub(signature.len()).ok_or(Bad)?;
    let mut whole = vec![0; missing];
    whole.extend_from_slice(signature);
    RsaPublicKeyComponents { n, e }
        .verify(by, signed, &whole)
        .map_err(|_| Bad)
}

/// What a security key signs in place of the message (OpenSSH's PROTOCOL.u2f).
fn touched(application: &[u8], rest: &mut Parts<'_>, signed: &[u8]) -> Result<Vec<u8>, Bad> {
    let &[flags, a, b, c, d] = rest.0 else {
        return Err(Bad);
    };
    if flags & PRESENT == 0 {
        return Err(Bad);
    }
    let mut all = Vec::with_capacity(69);
    all.extend_from_slice(&Sha256::digest(application));
    all.extend_from_slice(&[flags, a, b, c, d]);
    all.extend_from_slice(&Sha256::digest(signed));
    Ok(all)
}

fn curve<'a>(blob: &mut Parts<'a>, name: &[u8]) -> Result<&'a [u8], Bad> {
    if blob.string()? != name {
        return Err(Bad);
    }
    blob.string()
}

/// Two numbers of at most `N` bytes, each filled up to that.
fn fixed<const N: usize>(text: &[u8]) -> Result<Vec<u8>, Bad> {
    let mut parts = Parts(text);
    let mut all = Vec::with_capacity(2 * N);
    for _ in 0..2 {
        let number = number(parts.string()?);
        all.resize(all.len() + N.checked_sub(number.len()).ok_or(Bad)?, 0);
        all.extend_from_slice(number);
    }
    parts.end()?;
    Ok(all)
}

fn number(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// Adds an SSH string: its length and its bytes.
pub(super) fn put(all: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    all.extend_from_slice(&length.to_be_bytes());
    all.extend_from_slice(part);
}

/// SSH strings, read one after the other.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn string(&mut self) -> Result<&'a [u8], Bad> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or(Bad)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Bad)?;
        let (part, rest) = rest.split_at_checked(length).ok_or(Bad)?;
        self.0 = rest;
        Ok(part)
    }

    /// The last one: nothing stands behind it.
    fn last(mut self) -> Result<&'a [u8], Bad> {
        let part = self.string()?;
        self.end()?;
        Ok(part)
    }

    fn end(&self) -> Result<(), Bad> {
        self.0.is_empty().then_some(()).ok_or(Bad)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
    };

    use super::*;

    const LOGIN: &str = "ann.01k00000000000000000000000";

    fn joined(parts: &[&[u8]]) -> Vec<u8> {
        let mut all = Vec::new();
        parts.iter().for_each(|part| put(&mut all, part));
        all
    }

    fn message(session: &[u8], login: &str, algorithm: &str, blob: &[u8]) -> Vec<u8> {
        let mut all = joined(&[session]);
        all.push(50);
        all.extend(joined(&[login.as_bytes(), b"ssh-connection", b"publickey"]));
        all.push(1);
        all.extend(joined(&[algorithm.as_bytes(), blob]));
        all
    }

    fn proof(algorithm: &str, blob: &[u8], signature: Vec<u8>) -> wire::SshProof {
        wire::SshProof {
            key: Some(wire::SshKey {
                algorithm: algorithm.into(),
                blob: blob.to_vec().into(),
            }),
            session: vec![7; 32].into(),
            signature: signature.into(),
        }
    }

    fn ed25519() -> wire::SshProof {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
        let blob = joined(&[b"ssh-ed25519", pair.public_key().as_ref()]);
        let signed = pair.sign(&message(&[7; 32], LOGIN, "ssh-ed25519", &blob));
        let signature = joined(&[b"ssh-ed25519", signed.as_ref()]);
        proof("ssh-ed25519", &blob, signature)
    }

    #[test]
    fn a_signature_is_good_for_its_name_its_connection_and_its_key_alone() {
        let good = ed25519();
        assert_eq!(verify(LOGIN, &good), Ok(()));
        assert_eq!(verify("bob.01k00000000000000000000000", &good), Err(Bad));
        let mut other = good.clone();
        other.session = vec![8; 32].into();
        assert_eq!(verify(LOGIN, &other), Err(Bad));
        let mut other = good.clone();
        let pair = Ed25519KeyPair::from_seed_unchecked(&[4; 32]).unwrap();
        let blob = joined(&[b"ssh-ed25519", pair.public_key().as_ref()]);
        other.key.as_mut().unwrap().blob = blob.into();
        assert_eq!(verify(LOGIN, &other), Err(Bad));
        let mut other = good.clone();
        other.session = Vec::new().into();
        assert_eq!(verify(LOGIN, &other), Err(Bad));
    }

    #[test]
    fn a_curve_of_nist_proves_too() {
        let random = SystemRandom::new();
        let by = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(by, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(by, pkcs8.as_ref(), &random).unwrap();
        let kind = "ecdsa-sha2-nistp256";
        let blob = joined(&[kind.as_bytes(), b"nistp256", pair.public_key().as_ref()]);
        let signed = pair.sign(&random, &message(&[7; 32], LOGIN, kind, &blob));
        let raw = signed.unwrap();
        let (r, s) = raw.as_ref().split_at(32);
        // As the wire has numbers: none is negative.
        let unsigned = |n: &[u8]| [&[0], n].concat();
        let both = joined(&[&unsigned(r), &unsigned(s)]);
        let good = proof(kind, &blob, joined(&[kind.as_bytes(), &both]));
        assert_eq!(verify(LOGIN, &good), Ok(()));
        assert_eq!(verify("ann.x", &good), Err(Bad));
    }

    #[test]
    fn cut_or_foreign_bytes_prove_nothing_and_do_no_harm() {
        let good = ed25519();
        let blob = good.key.clone().unwrap().blob;
        for cut in 0..blob.len() {
            let mut bad = good.clone();
            bad.key.as_mut().unwrap().blob = blob.slice(..cut);
            assert_eq!(verify(LOGIN, &bad), Err(Bad));
        }
        for cut in 0..good.signature.len() {
            let mut bad = good.clone();
            bad.signature = good.signature.slice(..cut);
            assert_eq!(verify(LOGIN, &bad), Err(Bad));
        }
        let mut longer = good.clone();
        longer.signature = [&good.signature[..], b"x"].concat().into();
        assert_eq!(verify(LOGIN, &longer), Err(Bad));
        let sha1 = proof(
            "ssh-rsa",
            &joined(&[b"ssh-rsa", &[3], &[1; 256]]),
            joined(&[b"ssh-rsa", &[1; 256]]),
        );
        assert_eq!(verify(LOGIN, &sha1), Err(Bad));
    }
}
