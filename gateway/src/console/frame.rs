//! Console bytes as a binary WebSocket frame: written once, the same for every viewer.

use bytes::Bytes;
use warren_proto::ids::{RunId, ServerId};

use crate::ws::frame;
use crate::ws::message::Stream;

/// Data in one frame, so that no viewer waits behind a large one.
pub const MAX_DATA: usize = 64 * 1024;
/// `kind | stream | server | run | offset | at` before the data.
const HEAD: usize = 1 + 1 + 26 + 26 + 8 + 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In order, following what came before.
    Live = 1,
    /// What was asked for: tail or range. May overlap with what the viewer has.
    Asked = 2,
}

/// Bytes of one run's stream. Offsets count from the run's first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub run: RunId,
    pub offset: u64,
    /// When they were seen, Unix milliseconds.
    pub at_ms: i64,
    pub data: Bytes,
}

impl Piece {
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.data.len() as u64)
    }

    /// What remains from `offset` on; `None` if that is nothing.
    pub fn from(mut self, offset: u64) -> Option<Self> {
        if offset > self.offset {
            let skip = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            if skip >= self.data.len() {
                return None;
            }
            self.data = self.data.slice(skip..);
            self.offset = offset;
        }
        (!self.data.is_empty()).then_some(self)
    }

    /// The same bytes in pieces that fit a frame.
    pub fn cut(self) -> impl Iterator<Item = Self> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let mut piece = rest.take()?;
            if piece.data.len() > MAX_DATA {
                let tail = piece.data.split_off(MAX_DATA);
                rest = Some(Self {
                    offset: piece.end(),
                    data: tail,
                    ..piece
                });
            }
            Some(piece)
        })
    }

    /// Little endian, ids as text: readable without a table in any language.
    pub fn encode(&self, kind: Kind, stream: Stream, server: ServerId) -> Bytes {
        let mut head = Vec::with_capacity(HEAD);
        head.extend([kind as u8, stream.number()]);
        head.extend_from_slice(server.to_string().as_bytes());
        head.extend_from_slice(self.run.to_string().as_bytes());
        head.extend(self.offset.to_le_bytes());
        head.extend(self.at_ms.to_le_bytes());
        frame::binary(&[&head, &self.data])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_frame_has_the_layout_that_browsers_read() {
        let (server, run) = (ServerId::new(), RunId::new());
        let frame = piece(run, 513, b"hi").encode(Kind::Live, Stream::Warren, server);
        let body = &frame[2..];
        assert_eq!(body.len(), HEAD + 2);
        assert_eq!((body[0], body[1]), (1, 1));
        assert_eq!(&body[2..28], server.to_string().as_bytes());
        assert_eq!(&body[28..54], run.to_string().as_bytes());
        assert_eq!(&body[54..62], &513u64.to_le_bytes());
        assert_eq!(&body[62..70], &7i64.to_le_bytes());
        assert_eq!(&body[70..], b"hi");
    }

    #[test]
    fn pieces_are_cut_without_loss() {
        let whole = piece(RunId::new(), 10, &vec![1; MAX_DATA * 2 + 5]);
        let cut: Vec<_> = whole.clone().cut().collect();
        assert_eq!(cut.len(), 3);
        assert_eq!(cut[2].offset, 10 + 2 * MAX_DATA as u64);
        assert_eq!(
            cut.iter().map(|p| p.data.len()).sum::<usize>(),
            whole.data.len()
        );
        assert_eq!(whole.clone().from(whole.end()), None);
        assert_eq!(whole.clone().from(12).unwrap().offset, 12);
        assert_eq!(whole.clone().from(3), Some(whole));
    }

    fn piece(run: RunId, offset: u64, data: &[u8]) -> Piece {
        Piece {
            run,
            offset,
            at_ms: 7,
            data: Bytes::copy_from_slice(data),
        }
    }
}
