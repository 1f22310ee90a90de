//! Console bytes as they came: unpacked, checked, and cut to what lies behind a cursor. Pure.

use std::collections::HashSet;

use warren_proto::{
    ids::{NodeId, RunId, ServerId},
    wire::{self, ConsoleStream},
};

use crate::console::chunk::{self, Times};

/// Bytes of one range after decompression; an upload holds 256 KiB.
const MAX_RANGE: u32 = 1 << 20;
/// Bytes of all ranges of one upload after decompression: agents stop at 1 MiB and the range that crosses it.
/// Without it an upload of a thousand tiny bombs would be a gigabyte.
const MAX_UPLOAD: u64 = 4 << 20;
/// Ranges of one upload; agents stop at half of it.
const MOST_RANGES: usize = 1024;
/// Streams of one upload. Each costs statements under the one writer, which all nodes share.
const MOST_KEYS: usize = 512;

/// One stream of one run as its node names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Who uploads.
    pub node: NodeId,
    /// Which server.
    pub server: ServerId,
    /// Which run.
    pub run: RunId,
    /// 0 game, 1 warren, 2 install.
    pub stream: i32,
}

/// A range, parsed and unpacked.
#[derive(Debug, Clone)]
pub struct Piece {
    /// First byte.
    pub start: u64,
    /// Past the last.
    pub end: u64,
    /// None: a gap.
    pub data: Option<Vec<u8>>,
    /// When bytes were seen.
    pub times: Times,
}

fn malformed(message: impl std::fmt::Display) -> wire::Failure {
    wire::Failure {
        code: "malformed".into(),
        message: message.to_string(),
        retryable: false,
    }
}

fn parse(node: NodeId, range: &wire::ConsoleRange) -> Result<(Key, Piece), wire::Failure> {
    let stream = ConsoleStream::try_from(range.stream).map_err(malformed)?;
    let key = Key {
        node,
        server: range.server.parse().map_err(malformed)?,
        run: range.run.parse().map_err(malformed)?,
        stream: stream as i32,
    };
    if range.offset > i64::MAX as u64 / 2 || range.gap_to > i64::MAX as u64 / 2 {
        return Err(malformed("an offset beyond all bounds"));
    }
    let times = Times::of(&range.times);
    if range.gap_to > 0 {
        let piece = Piece {
            start: range.offset,
            end: range.gap_to.max(range.offset),
            data: None,
            times,
        };
        return Ok((key, piece));
    }
    if range.length > MAX_RANGE {
        return Err(malformed(format!(
            "a range of {} bytes; {MAX_RANGE} are possible",
            range.length
        )));
    }
    let data = if range.compressed {
        chunk::unpack(chunk::ZSTD, &range.data, range.length as usize).map_err(malformed)?
    } else {
        range.data.to_vec()
    };
    if data.len() != range.length as usize {
        return Err(malformed(format!(
            "a range of {} bytes that says {}",
            data.len(),
            range.length
        )));
    }
    let piece = Piece {
        start: range.offset,
        end: range.offset + data.len() as u64,
        data: Some(data),
        times,
    };
    Ok((key, piece))
}

/// All ranges of an upload.
/// # Errors
/// What no agent sends.
pub fn parse_all(
    node: NodeId,
    upload: &wire::ConsoleUpload,
) -> Result<Vec<(Key, Piece)>, wire::Failure> {
    let ranges = &upload.ranges;
    let bytes: u64 = ranges.iter().map(|r| u64::from(r.length)).sum();
    if ranges.len() > MOST_RANGES || bytes > MAX_UPLOAD {
        return Err(malformed(format!(
            "an upload of {} ranges and {bytes} bytes; {MOST_RANGES} and {MAX_UPLOAD} are possible",
            ranges.len()
        )));
    }
    let parsed = ranges
        .iter()
        .map(|r| parse(node, r))
        .collect::<Result<Vec<_>, _>>()?;
    let keys = parsed.iter().map(|(key, _)| key).collect::<HashSet<_>>();
    if keys.len() > MOST_KEYS {
        return Err(malformed(format!(
            "an upload of {} streams; {MOST_KEYS} are possible",
            keys.len()
        )));
    }
    Ok(parsed)
}

/// What of a piece lies behind the cursor.
#[must_use]
pub fn beyond(committed: u64, piece: Piece) -> Option<Piece> {
    if piece.end <= committed || piece.start > committed {
        // Had already; or what lies before it has not come yet: the answer says from where, and the node
        // sends it, or names as a gap what it has no more.
        return None;
    }
    if piece.start == committed {
        return Some(piece);
    }
    let cut = usize::try_from(committed - piece.start).ok()?;
    Some(Piece {
        start: committed,
        end: piece.end,
        data: piece.data.map(|d| d[cut..].to_vec()),
        times: piece.times.from(committed),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn piece(start: u64, text: &str) -> Piece {
        Piece {
            start,
            end: start + text.len() as u64,
            data: Some(text.as_bytes().to_vec()),
            times: Times::default(),
        }
    }

    #[test]
    fn only_bytes_beyond_the_cursor_are_stored() {
        let cut = beyond(3, piece(0, "abcdef")).unwrap();
        assert_eq!(
            (cut.start, cut.end, cut.data.unwrap()),
            (3, 6, b"def".to_vec())
        );
        assert!(beyond(6, piece(0, "abcdef")).is_none());
        assert!(
            beyond(3, piece(4, "x")).is_none(),
            "a hole must not be jumped"
        );
        assert_eq!(beyond(0, piece(0, "a")).unwrap().end, 1);
    }

    #[test]
    fn a_gap_says_what_is_lost_and_no_more() {
        let gap = |start, end| Piece {
            start,
            end,
            data: None,
            times: Times::default(),
        };
        let cut = beyond(5, gap(2, 9)).unwrap();
        assert_eq!((cut.start, cut.end), (5, 9));
        assert!(beyond(9, gap(2, 9)).is_none());
        assert!(
            beyond(5, gap(7, 9)).is_none(),
            "bytes 5 and 6 are not given up"
        );
    }

    #[test]
    fn many_small_bombs_are_refused_together() {
        let range = wire::ConsoleRange {
            server: ServerId::new().to_string(),
            run: RunId::new().to_string(),
            data: zstd::bulk::compress(&vec![0; 1 << 20], 1).unwrap().into(),
            compressed: true,
            length: 1 << 20,
            ..Default::default()
        };
        let of = |ranges: usize| wire::ConsoleUpload {
            ranges: vec![range.clone(); ranges],
            ..Default::default()
        };
        let node = NodeId::new();
        assert_eq!(parse_all(node, &of(2)).unwrap().len(), 2);
        assert!(parse_all(node, &of(5)).is_err());
    }

    #[test]
    fn an_upload_of_a_thousand_streams_is_refused() {
        let of = |streams: usize| wire::ConsoleUpload {
            ranges: (0..streams)
                .map(|_| wire::ConsoleRange {
                    server: ServerId::new().to_string(),
                    run: RunId::new().to_string(),
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        };
        let node = NodeId::new();
        assert_eq!(parse_all(node, &of(MOST_KEYS)).unwrap().len(), MOST_KEYS);
        assert!(parse_all(node, &of(MOST_KEYS + 1)).is_err());
    }

    #[test]
    fn a_bomb_and_a_lie_are_refused() {
        let node = NodeId::new();
        let mut range = wire::ConsoleRange {
            server: ServerId::new().to_string(),
            run: RunId::new().to_string(),
            data: zstd::bulk::compress(&vec![0; 8 << 20], 1).unwrap().into(),
            compressed: true,
            length: 8 << 20,
            ..Default::default()
        };
        assert!(parse(node, &range).is_err());
        range.length = 1000;
        assert!(parse(node, &range).is_err());
    }
}
