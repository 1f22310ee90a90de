//! Chance that can be repeated: everything random of a run comes from its seed.

use std::str::FromStr;

/// xorshift64*, seeded through splitmix so that neighbouring seeds differ.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// For a seed.
    pub fn new(seed: u64) -> Self {
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((z ^ (z >> 31)) | 1)
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to `n` - 1.
    pub fn below(&mut self, n: u64) -> u64 {
        (self.bits() >> 11) % n.max(1)
    }

    /// From `low` to `high`, both included.
    pub fn span(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).unsigned_abs()).cast_signed()
    }

    /// True so often of a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let n = usize::try_from(self.below(all.len() as u64)).unwrap_or(0);
        all.get(n)
    }

    /// A place in a list.
    pub fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// An id of any noun.
    pub fn id<T: FromStr>(&mut self) -> T {
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let (high, low) = (self.bits(), self.bits());
        let mut bits = (u128::from(high) << 64) | u128::from(low);
        let mut text = [b'0'; 26];
        for place in text.iter_mut().rev() {
            *place = DIGITS[usize::try_from(bits & 31).unwrap_or(0)];
            bits >>= 5;
        }
        match String::from_utf8_lossy(&text).parse() {
            Ok(id) => id,
            Err(_) => unreachable!("128 bits are a ULID"),
        }
    }
}
