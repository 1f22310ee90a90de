//! Finds text in console history: in a view with ANSI and CR removed and lines cut at 8 KiB, also where a
//! line lies across two uploads. Reads from the end of a stream towards its beginning and stops at the limit.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use warren_entity::console_chunks;
use warren_proto::{
    ids::{RunId, ServerId},
    wire::ConsoleStream,
};

use super::{
    chunk::Times,
    history::{self, Piece, Place},
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
            let room = query.limit - hits.len();
            hits.extend(stream_hits(ground, &place, stream, (&query.text, room)).await?);
            if hits.len() >= query.limit {
                return Ok(hits);
            }
        }
    }
    Ok(hits)
}

/// Tells the thread that works for a search when nobody waits for it any more: the client went, or time is up.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// The newest first.
async fn stream_hits(
    ground: &Ground,
    place: &Place,
    stream: ConsoleStream,
    (text, room): (&str, usize),
) -> Result<Vec<Hit>, DbErr> {
    let stop = Stop(Arc::default());
    let mut found: Vec<RawHit> = Vec::new();
    let mut before = i64::MAX;
    let mut head = None;
    while found.len() < room {
        let mut rows = console_chunks::Entity::find()
            .filter(history::of(place, stream))
            .filter(console_chunks::Column::Start.lt(before))
            .order_by_desc(console_chunks::Column::Start)
            .limit(PAGE)
            .all(ground.db.bulk.read())
            .await?;
        let scan = Scan::new(text, room - found.len());
        let Some(first) = rows.last() else {
            found.extend(head.map(|head| scan.alone(head)).unwrap_or_default());
            break;
        };
        before = first.start;
        rows.reverse();
        let stopped = stop.0.clone();
        // Unpacking and scanning is work for a core, not for the reactor.
        let task = tokio::task::spawn_blocking(move || {
            let going_on = || !stopped.load(Relaxed);
            let pieces = rows.into_iter().take_while(|_| going_on());
            page(scan, pieces.map(history::open), head)
        });
        let (hits, its_head) = task
            .await
            .map_err(|e| DbErr::Custom(format!("search: {e}")))?;
        found.extend(hits);
        head = its_head;
    }
    found.truncate(room);
    let hit = |(offset, at_ms, line)| Hit {
        run: place.run_id.clone(),
        stream,
        offset,
        at_ms,
        line,
    };
    Ok(found.into_iter().map(hit).collect())
}

/// Offset, time and text of a line.
type RawHit = (u64, Option<i64>, String);

/// What a page begins with, up to its first line end: the end of a line that may begin on the page before.
struct Head {
    start: u64,
    at_ms: Option<i64>,
    line: Vec<u8>,
    /// Its end has been seen.
    ended: bool,
}

impl Head {
    fn of(piece: &Piece, data: &[u8]) -> (Self, usize) {
        let stop = data.iter().position(|b| *b == b'\n');
        let mut head = Self {
            start: piece.start,
            at_ms: piece.times.at(piece.start),
            line: Vec::new(),
            ended: stop.is_some(),
        };
        let end = stop.unwrap_or(data.len());
        head.push(&data[..end]);
        (head, end + usize::from(stop.is_some()))
    }

    fn push(&mut self, more: &[u8]) {
        let room = (4 * LINE_BYTES).saturating_sub(self.line.len());
        self.line.extend_from_slice(&more[..more.len().min(room)]);
    }

    /// Goes on with what begins a piece that follows; gives how much of it that is.
    fn grow(&mut self, piece: &Piece, data: &[u8]) -> usize {
        let (more, read) = Self::of(piece, data);
        self.push(&more.line);
        self.ended = more.ended;
        read
    }
}

/// One page in the order of its bytes, after which comes a page that begins with `after`. Gives the hits, the
/// newest first, and this page's own head.
fn page(
    mut scan: Scan,
    pieces: impl Iterator<Item = Piece>,
    after: Option<Head>,
) -> (Vec<RawHit>, Option<Head>) {
    let mut head: Option<Head> = None;
    let mut end = None;
    // Still within the line that the page begins with.
    let mut first = true;
    for piece in pieces {
        if end.is_some_and(|end| end != piece.start) {
            scan.hole();
            first = false;
        }
        end = Some(piece.end);
        let Some(data) = &piece.data else {
            scan.hole();
            first = false;
            continue;
        };
        let mut read = 0;
        if first {
            match &mut head {
                Some(head) => read = head.grow(&piece, data),
                None => {
                    let (begun, length) = Head::of(&piece, data);
                    head = Some(begun);
                    read = length;
                }
            }
            first = !head.as_ref().is_some_and(|head| head.ended);
        }
        scan.feed(piece.start + read as u64, &data[read..], &piece.times);
    }
    let follows = after.as_ref().is_some_and(|after| Some(after.start) == end);
    match (after, &mut head) {
        (Some(after), Some(head)) if follows && first => {
            // The whole page is the beginning of that line, or its middle.
            head.push(&after.line);
            head.ended = after.ended;
        }
        (Some(after), _) if follows && !scan.line.is_empty() => {
            scan.feed(after.start, &after.line, &Times::default());
            scan.hole();
        }
        (Some(after), _) => {
            scan.hole();
            scan.take_line(after);
        }
        (None, _) => scan.hole(),
    }
    (scan.newest_first(), head)
}

/// Reads a stream as lines and keeps the last `limit` that match. Pure.
struct Scan {
    needle: Vec<u8>,
    limit: usize,
    hits: std::collections::VecDeque<RawHit>,
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

    /// A head that no line goes on with.
    fn take_line(&mut self, head: Head) {
        (self.line, self.line_at, self.line_ms) = (head.line, head.start, head.at_ms);
        self.end_line();
    }

    fn alone(mut self, head: Head) -> Vec<RawHit> {
        self.take_line(head);
        self.newest_first()
    }

    fn newest_first(self) -> Vec<RawHit> {
        self.hits.into_iter().rev().collect()
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

    /// As `stream_hits` reads it: pages of `size` pieces from the end.
    fn backwards(text: &str, pieces: &[Piece], size: usize, limit: usize) -> Vec<(u64, String)> {
        let (mut hits, mut head) = (Vec::new(), None);
        for some in pieces.rchunks(size) {
            let (found, its) = page(Scan::new(text, limit), some.iter().cloned(), head);
            hits.extend(found);
            head = its;
        }
        hits.extend(
            head.map(|h| Scan::new(text, limit).alone(h))
                .unwrap_or_default(),
        );
        hits.into_iter().map(|(at, _, line)| (at, line)).collect()
    }

    #[test]
    fn from_the_end_the_same_is_found_wherever_pages_are_cut() {
        let mut seed = 7u32;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        for _ in 0..300 {
            let (mut pieces, mut at) = (Vec::new(), 100u64);
            let mut whole = Scan::new("ab", 1000);
            for _ in 0..random(12) + 1 {
                let kind = random(8);
                let length = random(9) as u64 + 1;
                // Sometimes bytes are missing: without a word, or with one.
                at += u64::from(kind == 0) * 5;
                let data: Vec<u8> = (0..length).map(|_| b"aab\n"[random(4)]).collect();
                let piece = Piece {
                    start: at,
                    end: at + length,
                    data: (kind != 1).then_some(data),
                    times: Times::default(),
                };
                if kind < 2 {
                    whole.hole();
                }
                if let Some(data) = &piece.data {
                    whole.feed(at, data, &piece.times);
                }
                at = piece.end;
                pieces.push(piece);
            }
            whole.hole();
            let mut sought: Vec<(u64, String)> =
                whole.hits.into_iter().map(|(at, _, l)| (at, l)).collect();
            sought.reverse();
            for size in 1..=pieces.len() {
                assert_eq!(
                    backwards("ab", &pieces, size, 1000),
                    sought,
                    "{size} {pieces:?}"
                );
            }
        }
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
