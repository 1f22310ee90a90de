//! One viewer's line to the agent: its ticket opened as a session there, and questions asked under it. The
//! gateway signs nothing; it can ask only what some viewer's ticket allows.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;
use warren_proto::bus::ticket::Ticket;
use warren_proto::bus::{Bus, CallError};
use warren_proto::ids::{NodeId, ServerId};
use warren_proto::subjects::{self, down, gate};
use warren_proto::wire::console_ask::Ask;
use warren_proto::wire::{Chunks, Close, ConsoleAsk, ConsoleRange, HistoryAsk, Open, Opened};

use super::frame::Piece;
use super::lane::Answer;
use crate::ws::message::Stream;

/// Answers come within 2 s; a node farther away than that is away.
pub const ASK: Duration = Duration::from_millis(2500);
/// Control may have to read from its database.
const HISTORY: Duration = Duration::from_secs(5);
/// A range is decompressed to no more than this, whatever it claims.
const MAX_RANGE: usize = 1024 * 1024;

pub struct AgentLine {
    bus: Bus,
    pub node: NodeId,
    pub server: ServerId,
    ticket: Mutex<(String, Ticket)>,
    session: Mutex<Option<String>>,
}

impl AgentLine {
    pub fn new(bus: Bus, node: NodeId, server: ServerId, text: String, ticket: Ticket) -> Self {
        Self {
            bus,
            node,
            server,
            ticket: Mutex::new((text, ticket)),
            session: Mutex::default(),
        }
    }

    pub fn ticket(&self) -> Ticket {
        self.ticket.lock().1.clone()
    }

    /// Goes on under a newer ticket; the next question opens it.
    pub fn renew(&self, text: String, ticket: Ticket) {
        *self.ticket.lock() = (text, ticket);
        self.end_session();
    }

    /// Asks under this viewer's session, opening it first where needed. A session that the agent has forgotten
    /// (it restarted) is opened once more.
    /// # Errors
    /// As [`Bus::call`].
    pub async fn ask<M: Message + Default>(
        &self,
        ask: Ask,
        within: Duration,
    ) -> Result<M, CallError> {
        let session = self.session(within).await?;
        match self.put(session, ask.clone(), within).await {
            Err(CallError::Failed { code, .. }) if code.contains("session") => {
                *self.session.lock() = None;
                let session = self.session(within).await?;
                self.put(session, ask, within).await
            }
            answer => answer,
        }
    }

    async fn session(&self, within: Duration) -> Result<String, CallError> {
        if let Some(session) = self.session.lock().clone() {
            return Ok(session);
        }
        // Two at once open two; the agent drops what is not used, and no lock is held meanwhile.
        let open = Open {
            ticket: self.ticket.lock().0.clone(),
        };
        let subject = subjects::to_node(self.node, down::OPEN);
        let opened: Opened = self
            .bus
            .call(subject, down::OPEN, Some(self.node), &open, within)
            .await?;
        *self.session.lock() = Some(opened.session.clone());
        Ok(opened.session)
    }

    async fn put<M: Message + Default>(
        &self,
        session: String,
        ask: Ask,
        within: Duration,
    ) -> Result<M, CallError> {
        let body = ConsoleAsk {
            session,
            server: self.server.to_string(),
            ask: Some(ask),
        };
        let subject = subjects::to_node(self.node, down::CONSOLE);
        self.bus
            .call(subject, down::CONSOLE, Some(self.node), &body, within)
            .await
    }

    /// What control's database has. `run` empty with `from = to = 0`: the last `tail_bytes` of each stream.
    /// # Errors
    /// As [`Bus::call`].
    pub async fn history(&self, ask: HistoryAsk) -> Result<Chunks, CallError> {
        let ask = HistoryAsk {
            ticket: self.ticket.lock().0.clone(),
            server: self.server.to_string(),
            ..ask
        };
        self.bus
            .call(
                subjects::gate_ask(gate::HISTORY),
                gate::HISTORY,
                None,
                &ask,
                HISTORY,
            )
            .await
    }

    /// Lets the agent forget the session, without waiting for it.
    pub fn end_session(&self) {
        let Some(session) = self.session.lock().take() else {
            return;
        };
        let (bus, node) = (self.bus.clone(), self.node);
        tokio::spawn(async move {
            let subject = subjects::to_node(node, down::CLOSE);
            let closed: Result<warren_proto::wire::Accepted, _> = bus
                .call(subject, down::CLOSE, Some(node), &Close { session }, ASK)
                .await;
            // The session ends with its ticket anyway.
            drop(closed);
        });
    }
}

/// Ranges of one stream, as a lane takes them. What does not hold is left out, and so becomes a gap.
pub fn answer(chunks: &Chunks, stream: Stream) -> Answer {
    let mut answer = Answer::default();
    for range in chunks
        .ranges
        .iter()
        .filter(|r| Stream::of(r.stream) == Some(stream))
    {
        if range.gap_to > range.offset {
            answer.gaps.push((range.offset, range.gap_to, "away"));
        } else if let Some(pieces) = pieces(range) {
            answer.pieces.extend(pieces);
        }
    }
    answer.pieces.sort_by_key(|p| (p.run, p.offset));
    answer.gaps.sort_unstable();
    answer
}

/// A range in pieces that fit a frame, each with the time of its first byte.
fn pieces(range: &ConsoleRange) -> Option<Vec<Piece>> {
    let run = range.run.parse().ok()?;
    let data = if range.compressed {
        let limit = (range.length as usize).min(MAX_RANGE);
        let mut data = Vec::new();
        let decoder = zstd::stream::read::Decoder::new(&range.data[..]).ok()?;
        decoder.take(limit as u64 + 1).read_to_end(&mut data).ok()?;
        if data.len() > limit {
            return None;
        }
        Bytes::from(data)
    } else {
        range.data.clone()
    };
    range.offset.checked_add(data.len() as u64)?;
    let whole = Piece {
        run,
        offset: range.offset,
        at_ms: 0,
        data,
    };
    let timed = whole.cut().filter(|p| !p.data.is_empty()).map(|piece| {
        let mark = range
            .times
            .iter()
            .rev()
            .find(|t| t.offset <= piece.offset)
            .or(range.times.first());
        Piece {
            at_ms: mark.map_or(0, |m| m.at_ms),
            ..piece
        }
    });
    Some(timed.collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use warren_proto::ids::RunId;
    use warren_proto::wire::TimeMark;

    use super::*;

    #[test]
    fn compressed_ranges_are_opened_within_their_length() {
        let run = RunId::new();
        let data = vec![b'x'; 200_000];
        let mut range = ConsoleRange {
            run: run.to_string(),
            offset: 100,
            data: zstd::encode_all(&data[..], 3).unwrap().into(),
            compressed: true,
            length: 200_000,
            times: vec![
                TimeMark {
                    offset: 100,
                    at_ms: 5,
                },
                TimeMark {
                    offset: 70_000,
                    at_ms: 6,
                },
            ],
            ..ConsoleRange::default()
        };
        let got = pieces(&range).unwrap();
        assert_eq!((got.len(), got[0].at_ms, got[3].at_ms), (4, 5, 6));
        assert_eq!(got.iter().map(|p| p.data.len()).sum::<usize>(), data.len());
        range.length = 10;
        assert_eq!(pieces(&range), None, "more than it claims");
        range.data = Bytes::from_static(b"no zstd");
        assert_eq!(pieces(&range), None);
    }

    #[test]
    fn other_streams_and_lost_bytes_are_told_apart() {
        let run = RunId::new().to_string();
        let range = |stream, offset, gap_to| ConsoleRange {
            run: run.clone(),
            stream,
            offset,
            gap_to,
            data: if gap_to == 0 {
                Bytes::from_static(b"ab")
            } else {
                Bytes::new()
            },
            ..ConsoleRange::default()
        };
        let chunks = Chunks {
            ranges: vec![
                range(0, 9, 0),
                range(0, 4, 9),
                range(1, 0, 0),
                range(77, 0, 0),
            ],
            ends: Vec::new(),
        };
        let game = answer(&chunks, Stream::Game);
        assert_eq!(
            (game.pieces.len(), game.gaps.clone()),
            (1, vec![(4, 9, "away")])
        );
        assert_eq!(answer(&chunks, Stream::Warren).pieces.len(), 1);
        assert_eq!(answer(&chunks, Stream::Install), Answer::default());
    }
}
