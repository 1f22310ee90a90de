//! Packets under way (RFC 4253, 6; RFC 5647; OpenSSH's PROTOCOL and PROTOCOL.chacha20poly1305). Every cipher here also proves
//! that nobody changed what it hides, and nothing of a packet is looked at before that, but its length.

use aes::{Aes128, Aes256};
use bytes::{Buf, BytesMut};
use ctr::cipher::{KeyIvInit, StreamCipher};
use ring::{
    aead::{
        AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey,
        chacha20_poly1305_openssh as chacha,
    },
    hmac,
};

/// The longest packet that is taken: a chunk of a channel and what stands around it.
pub const MAX_PACKET: usize = super::CHANNEL_PACKET as usize + 1024;
const TAG: usize = 16;

pub const CIPHERS: [&str; 5] = [
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
];
pub const MACS: [&str; 2] = [
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
];

/// What came is not a packet of the other side's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("corrupt packet")]
pub struct Corrupt;

enum Stream {
    Short(Box<ctr::Ctr128BE<Aes128>>),
    Long(Box<ctr::Ctr128BE<Aes256>>),
}

impl Stream {
    fn apply(&mut self, bytes: &mut [u8]) {
        match self {
            Self::Short(cipher) => cipher.apply_keystream(bytes),
            Self::Long(cipher) => cipher.apply_keystream(bytes),
        }
    }
}

/// The counter of a packet under AES-GCM: 4 bytes that stay, 8 that count.
struct Counter([u8; 12]);

impl Counter {
    fn next(&mut self) -> Nonce {
        let nonce = Nonce::assume_unique_for_key(self.0);
        let mut count = [0; 8];
        count.copy_from_slice(&self.0[4..]);
        let count = u64::from_be_bytes(count).wrapping_add(1);
        self.0[4..].copy_from_slice(&count.to_be_bytes());
        nonce
    }
}

enum Kind {
    Clear,
    ChaChaOpen(Box<chacha::OpeningKey>),
    ChaChaSeal(Box<chacha::SealingKey>),
    Gcm(Box<LessSafeKey>, Counter),
    Ctr(Stream, Box<hmac::Key>),
}

/// One direction of a connection.
pub struct Cipher {
    kind: Kind,
    /// Number of the next packet.
    pub sequence: u32,
    /// Length of the packet that is coming in, once it is known.
    coming: Option<usize>,
}

/// How much of each key a direction takes: cipher key, start, and key of the proof.
pub struct Sizes {
    pub key: usize,
    pub start: usize,
    pub proof: usize,
}

/// Whether a cipher proves by itself that nobody changed a packet.
pub fn proves_itself(cipher: &str) -> bool {
    !cipher.ends_with("-ctr")
}

/// Of a cipher and a proof that were agreed on.
pub fn sizes(cipher: &str, mac: &str) -> Sizes {
    let (key, start) = match cipher {
        "chacha20-poly1305@openssh.com" => (64, 0),
        "aes256-gcm@openssh.com" => (32, 12),
        "aes128-gcm@openssh.com" => (16, 12),
        "aes256-ctr" => (32, 16),
        _ => (16, 16),
    };
    let proof = match (proves_itself(cipher), mac) {
        (true, _) => 0,
        (false, "hmac-sha2-512-etm@openssh.com") => 64,
        (false, _) => 32,
    };
    Sizes { key, start, proof }
}

impl Cipher {
    pub fn clear() -> Self {
        Self {
            kind: Kind::Clear,
            sequence: 0,
            coming: None,
        }
    }

    /// With keys of the right sizes; goes on counting packets where `sequence` stands.
    pub fn new(
        cipher: &str,
        seals: bool,
        (key, start, proof): (&[u8], &[u8], &[u8]),
        sequence: u32,
    ) -> Result<Self, Corrupt> {
        let kind = match cipher {
            "chacha20-poly1305@openssh.com" => {
                let key = key.try_into().map_err(|_| Corrupt)?;
                match seals {
                    true => Kind::ChaChaSeal(Box::new(chacha::SealingKey::new(key))),
                    false => Kind::ChaChaOpen(Box::new(chacha::OpeningKey::new(key))),
                }
            }
            "aes256-gcm@openssh.com" | "aes128-gcm@openssh.com" => {
                let by = if key.len() == 32 {
                    &AES_256_GCM
                } else {
                    &AES_128_GCM
                };
                let key = UnboundKey::new(by, key).map_err(|_| Corrupt)?;
                let start = start.try_into().map_err(|_| Corrupt)?;
                Kind::Gcm(Box::new(LessSafeKey::new(key)), Counter(start))
            }
            _ => {
                let stream = match key.len() {
                    32 => ctr::Ctr128BE::<Aes256>::new_from_slices(key, start)
                        .map(|c| Stream::Long(Box::new(c))),
                    _ => ctr::Ctr128BE::<Aes128>::new_from_slices(key, start)
                        .map(|c| Stream::Short(Box::new(c))),
                };
                let by = if proof.len() == 64 {
                    hmac::HMAC_SHA512
                } else {
                    hmac::HMAC_SHA256
                };
                let proof = Box::new(hmac::Key::new(by, proof));
                Kind::Ctr(stream.map_err(|_| Corrupt)?, proof)
            }
        };
        Ok(Self {
            kind,
            sequence,
            coming: None,
        })
    }

    fn tag(&self) -> usize {
        match &self.kind {
            Kind::Clear => 0,
            Kind::Ctr(_, proof) => proof.algorithm().digest_algorithm().output_len(),
            _ => TAG,
        }
    }

    fn block(&self) -> usize {
        match self.kind {
            Kind::Gcm(..) | Kind::Ctr(..) => 16,
            _ => 8,
        }
    }

    /// Whether the length in front is hidden and padded with the rest.
    fn length_counts(&self) -> bool {
        matches!(self.kind, Kind::Clear)
    }

    /// The next packet's payload, if all of it has come.
    /// # Errors
    /// Too long, changed on its way, or none.
    pub fn open(&mut self, from: &mut BytesMut) -> Result<Option<BytesMut>, Corrupt> {
        let length = match self.coming {
            Some(length) => length,
            None => {
                let Some(front) = from.first_chunk::<4>() else {
                    return Ok(None);
                };
                let shown = match &self.kind {
                    Kind::ChaChaOpen(key) => key.decrypt_packet_length(self.sequence, *front),
                    _ => *front,
                };
                let length = u32::from_be_bytes(shown) as usize;
                let padded = if self.length_counts() {
                    length + 4
                } else {
                    length
                };
                if !(5..=MAX_PACKET).contains(&length) || padded % self.block() != 0 {
                    return Err(Corrupt);
                }
                self.coming = Some(length);
                length
            }
        };
        let whole = 4 + length + self.tag();
        if from.len() < whole {
            from.reserve(whole - from.len());
            return Ok(None);
        }
        self.coming = None;
        let mut packet = from.split_to(whole);
        self.uncover(&mut packet, length)?;
        self.sequence = self.sequence.wrapping_add(1);
        packet.truncate(4 + length);
        packet.advance(4);
        let padding = usize::from(packet[0]);
        if padding < 4 || padding + 1 > length {
            return Err(Corrupt);
        }
        packet.truncate(length - padding);
        packet.advance(1);
        Ok(Some(packet))
    }

    fn uncover(&mut self, packet: &mut BytesMut, length: usize) -> Result<(), Corrupt> {
        let sequence = self.sequence;
        match &mut self.kind {
            Kind::Clear => Ok(()),
            Kind::ChaChaOpen(key) => {
                let (text, tag) = packet.split_at_mut(4 + length);
                let tag = (&*tag).try_into().map_err(|_| Corrupt)?;
                key.open_in_place(sequence, text, tag)
                    .map(drop)
                    .map_err(|_| Corrupt)
            }
            Kind::Gcm(key, counter) => {
                let (front, text) = packet.split_at_mut(4);
                key.open_in_place(counter.next(), Aad::from(&*front), text)
                    .map(drop)
                    .map_err(|_| Corrupt)
            }
            Kind::Ctr(stream, proof) => {
                let (text, tag) = packet.split_at_mut(4 + length);
                let mut seen = hmac::Context::with_key(proof);
                seen.update(&sequence.to_be_bytes());
                seen.update(text);
                let seen = seen.sign();
                // As long either way: a wrong tag tells nothing by its time.
                let same = seen.as_ref().len() == tag.len()
                    && seen
                        .as_ref()
                        .iter()
                        .zip(&*tag)
                        .fold(0, |d, (a, b)| d | (a ^ b))
                        == 0;
                if !same {
                    return Err(Corrupt);
                }
                stream.apply(&mut text[4..]);
                Ok(())
            }
            Kind::ChaChaSeal(_) => Err(Corrupt),
        }
    }

    /// Adds a packet; `write` writes its payload.
    pub fn seal(
        &mut self,
        to: &mut BytesMut,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<(), Corrupt> {
        let start = to.len();
        to.extend_from_slice(&[0; 5]);
        write(to);
        let payload = to.len() - start - 5;
        let block = self.block();
        let counted = payload + 1 + if self.length_counts() { 4 } else { 0 };
        let mut padding = block - counted % block;
        if padding < 4 {
            padding += block;
        }
        let filler: [u8; 32] = rand::random();
        to.extend_from_slice(filler.get(..padding).ok_or(Corrupt)?);
        let length = payload + 1 + padding;
        let front = u32::try_from(length).map_err(|_| Corrupt)?.to_be_bytes();
        to[start..start + 4].copy_from_slice(&front);
        to[start + 4] = u8::try_from(padding).map_err(|_| Corrupt)?;
        let tag = self.tag();
        to.resize(start + 4 + length + tag, 0);
        let (sequence, packet) = (self.sequence, &mut to[start..]);
        self.sequence = self.sequence.wrapping_add(1);
        match &mut self.kind {
            Kind::Clear => Ok(()),
            Kind::ChaChaSeal(key) => {
                let (text, tag) = packet.split_at_mut(4 + length);
                let tag = tag.try_into().map_err(|_| Corrupt)?;
                key.seal_in_place(sequence, text, tag);
                Ok(())
            }
            Kind::Gcm(key, counter) => {
                let (front, rest) = packet.split_at_mut(4);
                let (text, tag) = rest.split_at_mut(length);
                let made = key.seal_in_place_separate_tag(counter.next(), Aad::from(&*front), text);
                tag.copy_from_slice(made.map_err(|_| Corrupt)?.as_ref());
                Ok(())
            }
            Kind::Ctr(stream, proof) => {
                let (text, tag) = packet.split_at_mut(4 + length);
                stream.apply(&mut text[4..]);
                let mut made = hmac::Context::with_key(proof);
                made.update(&sequence.to_be_bytes());
                made.update(text);
                tag.copy_from_slice(made.sign().as_ref());
                Ok(())
            }
            Kind::ChaChaOpen(_) => Err(Corrupt),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pair(cipher: &str, mac: &str) -> (Cipher, Cipher) {
        let sizes = sizes(cipher, mac);
        let bytes: Vec<u8> = (0..64).collect();
        let keys = (
            &bytes[..sizes.key],
            &bytes[..sizes.start],
            &bytes[..sizes.proof],
        );
        let seal = Cipher::new(cipher, true, keys, 3).unwrap();
        (seal, Cipher::new(cipher, false, keys, 3).unwrap())
    }

    #[test]
    fn what_is_sealed_opens_in_its_order_and_unchanged_alone() {
        for cipher in CIPHERS {
            for mac in MACS {
                let (mut seal, mut open) = pair(cipher, mac);
                let mut wire = BytesMut::new();
                for n in 0..40_usize {
                    seal.seal(&mut wire, |out| out.extend_from_slice(&vec![7; n * n]))
                        .unwrap();
                }
                let whole = wire.clone();
                for n in 0..40_usize {
                    let payload = open.open(&mut wire).unwrap().unwrap();
                    assert_eq!(payload, vec![7; n * n], "{cipher} {mac}");
                }
                assert!(wire.is_empty());
                for at in [0, 4, 5, 20, 27] {
                    let (_, mut open) = pair(cipher, mac);
                    let mut changed = whole.clone();
                    changed[at] ^= 1;
                    // A changed length waits for more than there is, or is none.
                    let opened = open.open(&mut changed);
                    assert!(!matches!(opened, Ok(Some(_))), "{cipher} {mac} {at}");
                }
                let (_, mut later) = pair(cipher, mac);
                later.sequence += 1;
                let opened = later.open(&mut whole.clone());
                assert!(!matches!(opened, Ok(Some(_))) || cipher.ends_with("gcm@openssh.com"));
            }
        }
    }

    #[test]
    fn too_long_a_packet_is_refused_by_its_length() {
        let mut open = Cipher::clear();
        let mut wire = BytesMut::from(&[0x7f, 0xff, 0xff, 0xfc][..]);
        assert_eq!(open.open(&mut wire), Err(Corrupt));
        let mut wire = BytesMut::from(&[0, 0, 0, 1, 0][..]);
        assert_eq!(open.open(&mut wire), Err(Corrupt));
    }
}
