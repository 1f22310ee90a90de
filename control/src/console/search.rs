//! Finds text in console history: in a view with ANSI and CR removed and lines cut at 8 KiB, also where a
//! line lies across two uploads.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use warren_entity::console_chunks;
use warren_proto::{
    ids::{RunId, ServerId},
    wire::ConsoleStream,
};

use super::{
    chunk::Times,
    history::{self, Place},
};
use crate::app::Ground;

/// Lines are cut here.
pub const LINE_BYTES: usize = 8 * 1024;
/// Chunks read at a time.
const PAGE: u64 = 64;
/// Runs looked at when none is named.
const RUNS: u64 = 200;

/// A line that holds what was sought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Which run.
    pub run: String,
    /// Which stream.
    pub stream: ConsoleStream,
    /// Offset of the line's first byte in its stream.
    pub offset: u64,
    /// Unix milliseconds, as far as known.
    pub at_ms: Option<i64>,
    /// The line as people see it.
    pub line: String,
}

/// What is sought.
#[derive(Debug, Clone)]
pub struct Query {
    /// Text, compared without ASCII case.
    pub text: String,
    /// One run; none: all that are kept, newest first.
    pub run: Option<RunId>,
    /// Hits at most.
    pub limit: usize,
}

/// Searches the history of a server: newest run first, within a run from its end.
/// # Errors
/// Database.
pub async fn search(ground: &Ground, server: ServerId, query: &Query) -> Result<Vec<Hit>, DbErr> {
    let places: Vec<Place> = match query.run {
        Some(run) => history::place(ground, server, Some(run))
            .await?
            .into_iter()
            .collect(),
        None => history::runs(ground, server, None, RUNS)
            .await?
            .into_iter()
            .map(|row| Place {
                node_id: row.node_id,
                server_id: row.server_id,
                run_id: row.id,
            })
            .collect(),
    };
    let mut hits = Vec::new();
    for place in places {
        for known in history::streams(ground, &place).await? {
            let Ok(stream) = ConsoleStream::try_from(known.stream) else {
                continue;
            };
            let mut found = stream_hits(ground, &place, stream, query).await?;
            found.reverse();
            found.truncate(query.limit - hits.len());
            hits.extend(found);
            if hits.len() >= query.limit {
                return Ok(hits);
            }
        }
    }
    Ok(hits)
}

async fn stream_hits(
    ground: &Ground,
    place: &Place,
    stream: ConsoleStream,
    query: &Query,
) -> Result<Vec<Hit>, DbErr> {
    let mut scan = Scan::new(&query.text, query.limit);
    let mut after = -1;
    loop {
        let rows = console_chunks::Entity::find()
            .filter(history::of(place, stream))
            .filter(console_chunks::Column::Start.gt(after))
            .order_by_asc(console_chunks::Column::Start)
            .limit(PAGE)
            .all(ground.db.bulk.read())
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.start;
        // Unpacking and scanning is work for a core, not for the reactor.
        let task = tokio::task::spawn_blocking(move || {
            for row in rows {
                let piece = history::open(row);
                match &piece.data {
                    Some(data) => scan.feed(piece.start, data, &piece.times),
                    None => scan.hole(),
                }
            }
            scan
        });
        scan = task
            .await
            .map_err(|e| DbErr::Custom(format!("search: {e}")))?;
    }
    scan.hole();
    Ok(scan
        .hits
        .into_iter()
        .map(|(offset, at_ms, line)| Hit {
            run: place.run_id.clone(),
            stream,
            offset,
            at_ms,
            line,
        })
        .collect())
}

/// Reads a stream as lines and keeps the last `limit` that match. Pure.
struct Scan {
    needle: Vec<u8>,
    limit: usize,
    hits: std::collections::VecDeque<(u64, Option<i64>, String)>,
    /// The line that has not ended yet, raw.
    line: Vec<u8>,
    line_at: u64,
    line_ms: Option<i64>,
}

impl Scan {
    fn new(text: &str, limit: usize) -> Self {
        Self {
            needle: text.as_bytes().to_ascii_lowercase(),
            limit: limit.max(1),
            hits: std::collections::VecDeque::new(),
            line: Vec::new(),
            line_at: 0,
            line_ms: None,
        }
    }

    fn feed(&mut self, start: u64, data: &[u8], times: &Times) {
        let mut at = 0;
        while at < data.len() {
            if self.line.is_empty() {
                self.line_at = start + at as u64;
                self.line_ms = None;
            }
            let rest = &data[at..];
            let stop = rest.iter().position(|b| *b == b'\n');
            let part = &rest[..stop.unwrap_or(rest.len())];
            if self.line.is_empty() && stop.is_some() {
                // A whole line inside one chunk: looked at where it lies.
                if may_hold(part, &self.needle) {
                    self.judge_bytes(part, times.at(self.line_at));
                }
            } else {
                if self.line.is_empty() {
                    self.line_ms = times.at(self.line_at);
                }
                let room = (4 * LINE_BYTES).saturating_sub(self.line.len());
                self.line.extend_from_slice(&part[..part.len().min(room)]);
                if stop.is_some() {
                    self.end_line();
                }
            }
            at += part.len() + usize::from(stop.is_some());
        }
    }

    /// Bytes are missing here: what follows is no continuation.
    fn hole(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if may_hold(&line, &self.needle) {
            self.judge_bytes(&line, self.line_ms);
        }
    }

    fn judge_bytes(&mut self, raw: &[u8], at_ms: Option<i64>) {
        let seen = plain(raw);
        if contains(&seen, &self.needle) {
            if self.hits.len() == self.limit {
                self.hits.pop_front();
            }
            let line = String::from_utf8_lossy(&seen).into_owned();
            self.hits.push_back((self.line_at, at_ms, line));
        }
    }
}

/// Whether the raw line can hold the needle at all: without escapes the raw bytes decide. A terminal ends every
/// line with CR, which decides nothing.
fn may_hold(raw: &[u8], needle: &[u8]) -> bool {
    let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
    contains(raw, needle) || raw.iter().any(|b| matches!(b, 0x1b | b'\r'))
}

fn contains(line: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else {
        return true;
    };
    let upper = first.to_ascii_uppercase();
    let mut from = 0;
    while let Some(found) = line[from..].iter().position(|b| b == first || *b == upper) {
        let after = from + found + 1;
        if line.len() - after < rest.len() {
            return false;
        }
        if line[after..after + rest.len()].eq_ignore_ascii_case(rest) {
            return true;
        }
        from = after;
    }
    false
}

/// A line without ANSI sequences and CR, cut at 8 KiB.
#[must_use]
pub fn plain(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len().min(LINE_BYTES));
    let mut rest = raw;
    while out.len() < LINE_BYTES {
        let clean = rest
            .iter()
            .position(|b| is_special(*b))
            .unwrap_or(rest.len());
        let room = LINE_BYTES - out.len();
        out.extend_from_slice(&rest[..clean.min(room)]);
        let Some((special, after)) = rest[clean..].split_first() else {
            break;
        };
        rest = if *special == 0x1b {
            after_escape(after)
        } else {
            after
        };
    }
    out
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, 0x07 | b'\t'..=0x0c | 0x1c..) || byte == b'\r'
}

/// What follows an escape sequence; `rest` stands behind its ESC.
fn after_escape(rest: &[u8]) -> &[u8] {
    let Some((kind, body)) = rest.split_first() else {
        return rest;
    };
    let skip = match kind {
        // CSI: up to its final byte.
        b'[' => body
            .iter()
            .position(|b| (0x40..=0x7e).contains(b))
            .map(|i| i + 1),
        // OSC and other strings: up to BEL or ST.
        b']' | b'P' | b'_' | b'^' | b'X' => body
            .iter()
            .position(|b| matches!(b, 0x07 | 0x1b))
            .map(|i| i + if body[i] == 0x1b { 2 } else { 1 }),
        // Charset and the like: one byte more.
        b'(' | b')' | b'*' | b'+' | b'#' | b'%' | b' ' => Some(1),
        _ => Some(0),
    };
    // A sequence without an end swallows the line, as a terminal would.
    body.get(skip.unwrap_or(body.len())..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str, parts: &[&str]) -> Vec<(u64, String)> {
        let mut scan = Scan::new(text, 100);
        let mut at = 0;
        for part in parts {
            scan.feed(at, part.as_bytes(), &Times::default());
            at += part.len() as u64;
        }
        scan.hole();
        scan.hits
            .into_iter()
            .map(|(offset, _, line)| (offset, line))
            .collect()
    }

    #[test]
    fn a_word_across_two_uploads_is_found_at_its_line() {
        let hits = scan(
            "hello world",
            &["one\ntwo Hel", "lo Wor", "ld three\nfour\n"],
        );
        assert_eq!(hits, [(4, "two Hello World three".to_owned())]);
    }

    #[test]
    fn colours_do_not_hide_a_word() {
        let hits = scan(
            "error",
            &["\x1b[31mEr\x1b[0mror\x1b]0;title\x07!\r\n", "fine\n"],
        );
        assert_eq!(hits, [(0, "Error!".to_owned())]);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let long = "x".repeat(100_000);
        let hits = scan("x", &[&long, &long]);
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].1.len(), LINE_BYTES);
    }

    #[test]
    fn the_newest_hits_are_kept() {
        let mut scan = Scan::new("a", 2);
        scan.feed(0, b"a1\na2\na3\n", &Times::default());
        let lines: Vec<_> = scan.hits.iter().map(|h| h.2.as_str()).collect();
        assert_eq!(lines, ["a2", "a3"]);
    }
}
