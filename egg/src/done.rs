//! Console bytes as lines of plain text, and the search for the one that says "the server is up".

use memchr::{memchr3, memmem};
use regex::bytes::Regex;

use crate::{DoneMarker, limits, pattern};

/// Turns console bytes into lines without ANSI sequences and carriage returns. Chunks may end anywhere.
/// A line longer than [`limits::LINE_BYTES`] is cut into pieces of that size.
#[derive(Debug, Default)]
pub struct LineView {
    line: Vec<u8>,
    state: Escape,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    Text,
    /// After ESC, intermediates included.
    Begun,
    /// `ESC [`, up to its final byte.
    Control,
    /// `ESC ]`, `P`, `X`, `^` or `_`: a text for the terminal, up to BEL or `ESC \`.
    Text7,
}

impl LineView {
    /// Takes a chunk; `line` is called for each line that ends in it, without its end.
    pub fn push(&mut self, chunk: &[u8], mut line: impl FnMut(&[u8])) {
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.state != Escape::Text {
                rest = self.skip(rest);
                continue;
            }
            let special = memchr3(b'\n', b'\r', 0x1b, rest).unwrap_or(rest.len());
            let (text, after) = rest.split_at(special);
            self.add(text, &mut line);
            let Some((first, after)) = after.split_first() else {
                return;
            };
            match first {
                b'\n' => {
                    line(&self.line);
                    self.line.clear();
                }
                0x1b => self.state = Escape::Begun,
                _ => {}
            }
            rest = after;
        }
    }

    /// The line that has not ended yet.
    pub fn open_line(&self) -> &[u8] {
        &self.line
    }

    fn add(&mut self, mut text: &[u8], line: &mut impl FnMut(&[u8])) {
        while self.line.len() + text.len() >= limits::LINE_BYTES {
            let (fits, more) = text.split_at(limits::LINE_BYTES - self.line.len());
            self.line.extend_from_slice(fits);
            line(&self.line);
            self.line.clear();
            text = more;
        }
        self.line.extend_from_slice(text);
    }

    /// Goes on through a sequence. A line end always ends it: a torn sequence must not swallow the log.
    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((first, after)) = bytes.split_first() else {
            return bytes;
        };
        self.state = match (self.state, first) {
            (_, b'\n') => {
                self.state = Escape::Text;
                return bytes;
            }
            (_, 0x1b) => Escape::Begun,
            // CAN and SUB abandon a sequence.
            (_, 0x18 | 0x1a) => Escape::Text,
            (Escape::Begun, b'[') => Escape::Control,
            (Escape::Begun, b']' | b'P' | b'X' | b'^' | b'_') => Escape::Text7,
            (Escape::Begun, 0x20..=0x2f) => Escape::Begun,
            (Escape::Begun, _) => Escape::Text,
            (Escape::Control, 0x40..=0x7e) => Escape::Text,
            (Escape::Control, _) => Escape::Control,
            (Escape::Text7, 0x07) => Escape::Text,
            (Escape::Text7, _) => Escape::Text7,
            (Escape::Text, _) => Escape::Text,
        };
        after
    }
}

/// Waits for the first line that any of an egg's markers matches.
///
/// Texts are also looked for in a line that has not ended: a prompt may never end. Patterns see whole lines only.
#[derive(Debug)]
pub struct DoneMatcher {
    texts: Vec<memmem::Finder<'static>>,
    patterns: Vec<Regex>,
    view: LineView,
    done: bool,
}

impl DoneMatcher {
    /// Without markers there is nothing to wait for: it is done from the start.
    pub fn new(markers: &[DoneMarker]) -> Self {
        let mut matcher = Self {
            texts: Vec::new(),
            patterns: Vec::new(),
            view: LineView::default(),
            done: markers.is_empty(),
        };
        for marker in markers {
            let compiled = match marker {
                DoneMarker::Contains(_) => None,
                DoneMarker::Regex(pattern) => pattern::ascii_classes(pattern, Default::default()),
            };
            match compiled {
                Some(pattern) => matcher.patterns.push(pattern),
                None => {
                    let text = memmem::Finder::new(marker.text().as_bytes()).into_owned();
                    matcher.texts.push(text);
                }
            }
        }
        matcher
    }

    /// Takes the next console bytes; true from the first match on.
    pub fn push(&mut self, chunk: &[u8]) -> bool {
        if self.done || chunk.is_empty() {
            return self.done;
        }
        let (texts, patterns) = (&self.texts, &self.patterns);
        let contains = |line: &[u8]| texts.iter().any(|text| text.find(line).is_some());
        let mut done = false;
        self.view.push(chunk, |line| {
            done = done || contains(line) || patterns.iter().any(|pattern| pattern.is_match(line));
        });
        self.done = done || contains(self.view.open_line());
        self.done
    }

    pub fn is_done(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(texts: &[&str]) -> DoneMatcher {
        let markers: Vec<_> = texts
            .iter()
            .map(|text| DoneMarker::from_text(text))
            .collect();
        DoneMatcher::new(&markers)
    }

    fn lines(chunks: &[&[u8]]) -> (Vec<String>, String) {
        let mut view = LineView::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            view.push(chunk, |line| {
                lines.push(String::from_utf8_lossy(line).into_owned())
            });
        }
        let open = String::from_utf8_lossy(view.open_line()).into_owned();
        (lines, open)
    }

    #[test]
    fn sequences_and_carriage_returns_vanish_wherever_chunks_end() {
        let raw = b"\x1b[31mred\x1b[0m\r\n\x1b]0;title\x07a\x1b(Bb\x1b]8;;x\x1b\\c\n\x1bP1q\x1b\\\x1b[?25l\x1b[2Ktail";
        let whole = lines(&[raw]);
        assert_eq!(
            whole,
            (vec!["red".to_owned(), "abc".to_owned()], "tail".to_owned())
        );
        for cut in 0..raw.len() {
            let (left, right) = raw.split_at(cut);
            assert_eq!(lines(&[left, right]), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = raw.chunks(1).collect();
        assert_eq!(lines(&bytes), whole);
    }

    #[test]
    fn a_torn_sequence_ends_with_its_line() {
        assert_eq!(
            lines(&[b"a\x1b]0;never closed\nb\x1b[12;\nc\n"]).0,
            ["a", "b", "c"]
        );
        assert_eq!(lines(&["ö\u{9b}ü\n".as_bytes()]).0, ["ö\u{9b}ü"]);
    }

    #[test]
    fn long_lines_are_cut_into_pieces() {
        let long = vec![b'x'; 3 * limits::LINE_BYTES + 5];
        let (pieces, open) = lines(&[&long]);
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.len() == limits::LINE_BYTES));
        assert_eq!(open.len(), 5);
    }

    #[test]
    fn a_text_is_found_across_chunks_and_colours() {
        let mut done = matcher(&[")! For help, type "]);
        assert!(!done.push(b"Done (1.2s\x1b[33m)! For"));
        assert!(!done.push(b" help, \x1b[0"));
        assert!(done.push(b"mtype \"help\""));
        assert!(done.push(b""));
    }

    #[test]
    fn case_and_trailing_spaces_count() {
        let mut done = matcher(&["Server tick complete! "]);
        assert!(!done.push(b"server tick complete! \nServer tick complete!\n"));
        assert!(done.push(b"Server tick complete! x\n"));
    }

    #[test]
    fn patterns_see_whole_lines() {
        let mut done = matcher(&[r"regex:^port \d+ open$"]);
        assert!(!done.push(b"port 25"));
        assert!(!done.push(b"565 opened\nport x open\n"));
        assert!(done.push(b"\x1b[1mport 25565 open\r\n"));
        let mut plain = matcher(&["regex:("]);
        assert!(!plain.push(b"(\n"));
        assert!(plain.push(b"regex:(\n"));
    }

    #[test]
    fn nothing_to_wait_for_is_done_and_an_empty_text_needs_any_output() {
        assert!(matcher(&[]).is_done());
        let mut empty = matcher(&[""]);
        assert!(!empty.is_done());
        assert!(!empty.push(b""));
        assert!(empty.push(b"x"));
    }

    #[test]
    fn a_flood_without_line_ends_stays_small() {
        let mut done = matcher(&["up"]);
        for _ in 0..64 {
            assert!(!done.push(&[b'.'; 16 * 1024]));
        }
        assert!(done.view.line.capacity() <= 2 * limits::LINE_BYTES);
        assert!(done.push(b"up"));
    }
}
