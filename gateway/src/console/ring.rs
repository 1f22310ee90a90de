//! The last bytes of one stream, as frames that are ready to be sent: who comes later begins with these, and
//! the agent is not asked again.

use std::collections::VecDeque;

use bytes::Bytes;
use warren_proto::ids::{RunId, ServerId};

use super::frame::{Kind, Piece};
use crate::ws::message::Stream;
use crate::ws::viewer::{Mark, Viewer};

/// Bytes kept per stream.
const KEEP: usize = 256 * 1024;

#[derive(Default)]
pub struct Ring {
    pieces: VecDeque<(Piece, Bytes)>,
    bytes: usize,
}

impl Ring {
    /// Keeps a piece and gives its frame.
    pub fn push(&mut self, piece: Piece, stream: Stream, server: ServerId) -> Bytes {
        // What was before a new run or behind a gap is not followed by this piece.
        let follows = self
            .pieces
            .back()
            .is_none_or(|(p, _)| p.run == piece.run && p.end() == piece.offset);
        if !follows {
            self.pieces.clear();
            self.bytes = 0;
        }
        let frame = piece.encode(Kind::Live, stream, server);
        self.bytes += piece.data.len();
        // The data is kept as part of the frame, not twice.
        let kept = Piece {
            data: frame.slice(frame.len() - piece.data.len()..),
            ..piece
        };
        self.pieces.push_back((kept, frame.clone()));
        while self.bytes > KEEP && self.pieces.len() > 1 {
            if let Some((old, _)) = self.pieces.pop_front() {
                self.bytes -= old.data.len();
            }
        }
        frame
    }

    pub fn run(&self) -> Option<RunId> {
        self.pieces.back().map(|(p, _)| p.run)
    }

    /// First byte kept.
    pub fn start(&self) -> Option<u64> {
        self.pieces.front().map(|(p, _)| p.offset)
    }

    /// Where the last `bytes` begin.
    pub fn tail(&self, bytes: u64) -> Option<u64> {
        let end = self.pieces.back()?.0.end();
        Some(end.saturating_sub(bytes).max(self.start()?))
    }

    /// Sends everything from `from` on.
    pub fn replay(&self, viewer: &Viewer, sub: u32, stream: Stream, server: ServerId, from: u64) {
        for (piece, frame) in &self.pieces {
            if piece.end() <= from {
                continue;
            }
            let mark = |p: &Piece| Mark {
                sub,
                stream,
                run: p.run,
                from: p.offset,
                to: p.end(),
            };
            if piece.offset >= from {
                viewer.send_console(frame, mark(piece));
            } else if let Some(rest) = piece.clone().from(from) {
                viewer.send_console(&rest.encode(Kind::Live, stream, server), mark(&rest));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_last_bytes_of_one_unbroken_stretch() {
        let (run, server) = (RunId::new(), ServerId::new());
        let mut ring = Ring::default();
        let mut push = |run, offset: u64, length: usize| {
            let data = Bytes::from(vec![1; length]);
            ring.push(
                Piece {
                    run,
                    offset,
                    at_ms: 0,
                    data,
                },
                Stream::Game,
                server,
            );
            (ring.start(), ring.tail(10), ring.bytes)
        };
        assert_eq!(push(run, 0, 100), (Some(0), Some(90), 100));
        assert_eq!(push(run, 100, 5), (Some(0), Some(95), 105));
        assert_eq!(push(run, 200, 5), (Some(200), Some(200), 5));
        let next = RunId::new();
        assert_eq!(push(next, 0, 5), (Some(0), Some(0), 5));
        let mut offset = 5;
        for _ in 0..10 {
            push(next, offset, 60_000);
            offset += 60_000;
        }
        assert!(ring.bytes <= KEEP && ring.bytes > KEEP - 60_000);
        assert_eq!(ring.run(), Some(next));
    }
}
