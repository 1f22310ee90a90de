//! Bytes that one viewer asks for: from the agent, or from control's database when the node does not have them
//! or is away.

use std::sync::Arc;

use warren_proto::bus::CallError;
use warren_proto::wire::console_ask::Ask;
use warren_proto::wire::{Chunks, HistoryAsk, RangeAsk};

use super::agent::{ASK, answer};
use super::frame::Kind;
use super::lane::Answer;
use super::{AgentLine, Sub};
use crate::edge::Edge;
use crate::ws::message::{self, Range};
use crate::ws::viewer::Mark;

/// What one question may cost: a viewer that wants more asks again.
const MAX_BYTES: u64 = 1024 * 1024;
const MAX_ROUNDS: usize = 16;

/// Sends `[from, to)` as frames of kind 2, with a gap where nobody has it. `req` is answered at the end.
pub async fn serve_range(edge: Arc<Edge>, sub: Arc<Sub>, range: Range, req: Option<u64>) {
    let open_end = range.to == u64::MAX;
    let to = if open_end {
        range.to
    } else {
        range.to.min(range.from.saturating_add(MAX_BYTES))
    };
    let mut next = range.from;
    for _ in 0..MAX_ROUNDS {
        if next >= to || next - range.from >= MAX_BYTES || sub.viewer.was_cut().is_some() {
            break;
        }
        let found = match fetch(
            &sub.line,
            Range {
                from: next,
                to,
                ..range
            },
        )
        .await
        {
            Ok(found) => found,
            Err(error) => {
                if let Some(req) = req {
                    let code = if error.retryable() {
                        "unavailable"
                    } else {
                        "refused"
                    };
                    sub.viewer.send_text(&message::error(
                        Some(sub.id),
                        Some(req),
                        code,
                        &error.to_string(),
                    ));
                    return;
                }
                break;
            }
        };
        let before = next;
        for piece in found.pieces.into_iter().filter(|p| p.run == range.run) {
            let Some(piece) = piece.from(next) else {
                continue;
            };
            if piece.offset >= to {
                break;
            }
            if piece.offset > next {
                gap(&edge, &sub, range, next, piece.offset);
            }
            next = piece.end();
            // A large answer goes as fast as this viewer reads it.
            sub.viewer.room().await;
            let mark = Mark {
                sub: sub.id,
                stream: range.stream,
                run: range.run,
                from: piece.offset,
                to: next,
            };
            sub.viewer.send_console(
                &piece.encode(Kind::Asked, range.stream, sub.line.server),
                mark,
            );
        }
        if let Some((_, end, _)) = found.gaps.iter().find(|g| g.0 <= next && g.1 > next) {
            let end = (*end).min(to);
            gap(&edge, &sub, range, next, end);
            next = end;
        }
        if next == before {
            break;
        }
    }
    if !open_end && next < to {
        gap(&edge, &sub, range, next, to);
    }
    if let Some(req) = req {
        sub.viewer.send_text(&message::range_done(sub.id, req));
    }
}

fn gap(edge: &Edge, sub: &Sub, range: Range, from: u64, to: u64) {
    edge.metrics.gaps.add(1);
    sub.viewer.send_text(&message::gap(
        sub.id,
        range.run,
        range.stream,
        from,
        to,
        "cap",
    ));
}

/// One answer to a range, bounded by the other side.
/// # Errors
/// The agent's, if control does not have it either.
pub async fn fetch(line: &AgentLine, range: Range) -> Result<Answer, CallError> {
    let ask = Ask::Range(RangeAsk {
        run: range.run.to_string(),
        stream: range.stream.wire().into(),
        from: range.from,
        to: range.to,
    });
    let from_agent = line.ask::<Chunks>(ask, ASK).await;
    let from_agent = from_agent.map(|chunks| answer(&chunks, range.stream));
    if let Ok(answer) = &from_agent
        && answer
            .pieces
            .iter()
            .any(|p| p.run == range.run && p.offset <= range.from && p.end() > range.from)
    {
        return from_agent;
    }
    // The node is away, or has freed these bytes because control has them.
    let ask = HistoryAsk {
        run: range.run.to_string(),
        stream: range.stream.wire().into(),
        from: range.from,
        to: if range.to == u64::MAX { 0 } else { range.to },
        ..HistoryAsk::default()
    };
    match line.history(ask).await {
        Ok(chunks) => {
            let stored = answer(&chunks, range.stream);
            if stored.pieces.is_empty() && stored.gaps.is_empty() {
                from_agent
            } else {
                Ok(stored)
            }
        }
        Err(from_control) => from_agent.map_err(|_| from_control),
    }
}
