//! How bytes and their times lie in a chunk.

use prost::Message;
use warren_proto::wire::TimeMark;

/// Bytes as they are.
pub const RAW: i32 = 0;
/// zstd.
pub const ZSTD: i32 = 1;
/// Fast enough to compress a growing chunk every second.
const LEVEL: i32 = 1;
/// Marks of one chunk at most.
const MARKS: usize = 2048;

/// A chunk that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bytes can't be unpacked: {0}")]
pub struct Damaged(String);

/// Compresses where that helps.
#[must_use]
pub fn pack(data: &[u8]) -> (i32, Vec<u8>) {
    match zstd::bulk::compress(data, LEVEL) {
        Ok(packed) if packed.len() < data.len() => (ZSTD, packed),
        _ => (RAW, data.to_vec()),
    }
}

/// The bytes again; at most `most` of them.
/// # Errors
/// [`Damaged`], also for more than `most`.
pub fn unpack(encoding: i32, data: &[u8], most: usize) -> Result<Vec<u8>, Damaged> {
    match encoding {
        RAW if data.len() <= most => Ok(data.to_vec()),
        RAW => Err(Damaged("more than there may be".into())),
        ZSTD => zstd::bulk::decompress(data, most).map_err(|e| Damaged(e.to_string())),
        other => Err(Damaged(format!("unknown encoding {other}"))),
    }
}

#[derive(Clone, PartialEq, Message)]
struct Marks {
    #[prost(message, repeated, tag = "1")]
    marks: Vec<TimeMark>,
}

/// When bytes were seen, ascending by offset.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Times(Vec<TimeMark>);

impl Times {
    /// From an upload; out of order or too many are left out.
    #[must_use]
    pub fn of(marks: &[TimeMark]) -> Self {
        let mut kept: Vec<TimeMark> = Vec::with_capacity(marks.len().min(MARKS));
        for mark in marks.iter().take(MARKS) {
            if kept.last().is_none_or(|last| last.offset < mark.offset) {
                kept.push(*mark);
            }
        }
        Self(kept)
    }

    /// From a stored chunk; damaged times are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        Self(Marks::decode(bytes).map(|m| m.marks).unwrap_or_default())
    }

    /// For a chunk.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let marks = self.0.iter().take(MARKS).copied().collect();
        Marks { marks }.encode_to_vec()
    }

    /// The marks themselves.
    #[must_use]
    pub fn marks(&self) -> &[TimeMark] {
        &self.0
    }

    /// What holds from `offset` on.
    #[must_use]
    pub fn from(self, offset: u64) -> Self {
        let first = self.0.partition_point(|m| m.offset <= offset);
        let mut kept = self.0[first..].to_vec();
        // The mark that covers the first byte goes with it.
        if let Some(covering) = first.checked_sub(1).map(|i| self.0[i]) {
            kept.insert(
                0,
                TimeMark {
                    offset,
                    at_ms: covering.at_ms,
                },
            );
        }
        Self(kept)
    }

    /// These, then `later`.
    #[must_use]
    pub fn and_then_all(mut self, later: Self) -> Self {
        self.0.extend(later.0);
        Self::of(&self.0)
    }

    /// The time of the byte at `offset`.
    #[must_use]
    pub fn at(&self, offset: u64) -> Option<i64> {
        let after = self.0.partition_point(|m| m.offset <= offset);
        after.checked_sub(1).map(|i| self.0[i].at_ms)
    }

    /// Of the first mark.
    #[must_use]
    pub fn first_ms(&self) -> Option<i64> {
        self.0.first().map(|m| m.at_ms)
    }

    /// Of the last mark.
    #[must_use]
    pub fn last_ms(&self) -> Option<i64> {
        self.0.last().map(|m| m.at_ms)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bytes_come_back_and_bombs_do_not() {
        let data = b"line\n".repeat(1000);
        let (encoding, packed) = pack(&data);
        assert_eq!(encoding, ZSTD);
        assert_eq!(unpack(encoding, &packed, 5000).unwrap(), data);
        assert!(unpack(encoding, &packed, 4999).is_err());
        assert_eq!(pack(b"x"), (RAW, b"x".to_vec()));
    }

    #[test]
    fn a_cut_keeps_the_time_of_its_first_byte() {
        let mark = |offset, at_ms| TimeMark { offset, at_ms };
        let times = Times::of(&[mark(0, 10), mark(5, 20), mark(9, 30)]);
        assert_eq!(times.at(6), Some(20));
        assert_eq!(times.clone().from(6), Times(vec![mark(6, 20), mark(9, 30)]));
        assert_eq!(Times::decode(&times.encode()), times);
    }
}
