//! Where new text goes: the patches that an editor makes to the text of a document.

use std::ops::Range;

use super::emit;
use super::lines::with_ends;
use super::tree::{Dialect, Editor};
use crate::limits;
use crate::yaml::{Kind, Node, Style};

impl Editor {
    pub(super) fn put(
        &mut self,
        node: &mut Node,
        colon: Option<usize>,
        kind: Kind,
        mut text: String,
    ) {
        let mut span = node.span.clone();
        let colon = colon.and_then(|key| Some(key + self.text.get(key..)?.find(':')? + 1));
        if let (true, Some(colon)) = (is_block(node), colon) {
            return self.put_for_block(node, colon, kind, text);
        }
        if span.is_empty() {
            // `key:` with nothing behind it: the value goes right behind the colon.
            match colon {
                Some(at) => {
                    span = at..at;
                    text.insert(0, ' ');
                }
                None => self.anew = true,
            }
        }
        let old = self.text.get(span.clone()).unwrap_or_default();
        if old.starts_with(['|', '>']) {
            // A comment beside the mark and blank lines behind the text are none of its words.
            let first = old.lines().next().unwrap_or_default();
            text.push_str(first.find(" #").map_or("", |at| &first[at..]));
            let words = old.trim_end().len();
            span.end = span.start
                + old[words..]
                    .find('\n')
                    .map_or(old.len(), |at| words + at + 1);
        }
        if old.ends_with('\n') {
            text.push('\n');
        }
        node.kind = kind;
        // A later key may name the same value: its word counts.
        let ended = with_ends(text.clone(), self.end);
        if !self.patches.replace(&span, &ended) {
            self.patch(span, text);
        }
    }

    /// In the place of a list or map on lines of its own: the value goes behind the colon, and the lines go.
    fn put_for_block(&mut self, node: &mut Node, colon: usize, kind: Kind, text: String) {
        let line = self
            .text
            .get(colon..node.span.start)
            .and_then(|rest| rest.find('\n'));
        let end = node.span.end;
        node.kind = kind;
        match line.map(|at| colon + at) {
            Some(line) => {
                let line = self.text[..line].trim_end_matches('\r').len();
                let words = self.text[line..end].trim_end().len();
                self.patch(colon..colon, format!(" {text}"));
                self.patch(line..line + words, String::new());
            }
            None => self.anew = true,
        }
        // A later key that names the same value must find it in its new place.
        self.grown = true;
    }

    pub(super) fn patch(&mut self, span: Range<usize>, text: String) {
        let text = with_ends(text, self.end);
        if !self.anew && !self.patches.add(span, text) {
            self.anew = true;
        }
    }

    pub(super) fn add_block(&mut self, entries: &[(Node, Node)], name: &str, new: &Node) {
        let (key, _) = emit::yaml_text(name, Style::Plain);
        let Some(((first, _), (last_key, last))) = entries.first().zip(entries.last()) else {
            let at = self.text.len();
            let line = format!("{key}:{}", emit::block(new, 0));
            return self.patch(at..at, self.line_at(at, line));
        };
        let indent = self.line_before(first.span.start).chars().count();
        let end = last.span.end.max(last_key.span.end).min(self.text.len());
        let line = match self.text[..end].ends_with('\n') && end > 0 {
            true => end,
            false => self.text[end..]
                .find('\n')
                .map_or(self.text.len(), |at| end + at + 1),
        };
        let pad = " ".repeat(indent);
        let new = format!("{pad}{key}:{}", emit::block(new, indent));
        self.patch(line..line, self.line_at(line, new));
    }

    /// A whole line for that place. Behind a last line that has no end it has none either.
    fn line_at(&self, at: usize, line: String) -> String {
        match self.text.get(..at).unwrap_or_default() {
            "" => format!("{line}\n"),
            before if before.ends_with('\n') => format!("{line}\n"),
            _ => format!("\n{line}"),
        }
    }

    pub(super) fn add_flow(
        &mut self,
        span: &Range<usize>,
        entries: &[(Node, Node)],
        name: &str,
        new: &Node,
    ) {
        let key = emit::json_string(name);
        let inside = self.text.get(span.clone()).unwrap_or_default();
        let spread = self.dialect == Dialect::Json || inside.contains('\n');
        let indent = self.indent.clone();
        let (level, value) = match self.dialect {
            Dialect::Json => {
                let level = self.level(span.start);
                (level, emit::json(new, &indent, level + 1))
            }
            Dialect::Yaml => (0, emit::flow(new)),
        };
        let pad = match (entries.first(), self.dialect) {
            (Some((first, _)), _) => self.pad_of(first.span.start),
            (None, Dialect::Json) => indent.repeat(level + 1),
            (None, Dialect::Yaml) => String::new(),
        };
        match entries.last() {
            Some((_, last)) => {
                let end = last.span.end;
                let tail = self.text.get(end..span.end).unwrap_or_default();
                // A comma that is there already serves; one in a comment shows when the text is read again.
                let comma = if tail.trim_start().starts_with(',') {
                    ""
                } else {
                    ","
                };
                let line_end = tail
                    .find('\n')
                    .filter(|_| inside_spread(inside))
                    .map(|at| end + tail[..at].trim_end_matches('\r').len());
                match line_end {
                    Some(line_end) => {
                        self.patch(end..end, comma.to_owned());
                        self.patch(line_end..line_end, format!("\n{pad}{key}: {value}"));
                    }
                    None => self.patch(end..end, format!(", {key}: {value}")),
                }
            }
            None if spread && !inside.contains('\n') => {
                let close = indent.repeat(level);
                let at = span.start + 1;
                self.patch(at..at, format!("\n{pad}{key}: {value}\n{close}"));
            }
            None if spread => self.patch(
                span.start + 1..span.start + 1,
                format!("\n{pad}{key}: {value}"),
            ),
            None => self.patch(span.start + 1..span.start + 1, format!("{key}: {value}")),
        }
    }

    /// What stands before a byte in its line. Of a line of megabytes only the end: it may be asked for every value.
    fn line_before(&self, at: usize) -> &str {
        let mut from = at.saturating_sub(4_096);
        while !self.text.is_char_boundary(from) {
            from += 1;
        }
        let before = self.text.get(from..at).unwrap_or_default();
        before.rsplit('\n').next().unwrap_or_default()
    }

    /// Blanks at the beginning of the line that holds a byte.
    pub(super) fn pad_of(&self, at: usize) -> String {
        let line = self.line_before(at);
        line.chars()
            .take_while(|c| matches!(c, ' ' | '\t'))
            .collect()
    }

    /// How many levels in the line of a byte stands.
    pub(super) fn level(&self, at: usize) -> usize {
        let indent = self.indent.len().max(1);
        (self.pad_of(at).len() / indent).min(limits::DEPTH)
    }
}

fn is_block(node: &Node) -> bool {
    match &node.kind {
        Kind::Map { flow, .. } | Kind::Seq { flow, .. } => !flow && !node.span.is_empty(),
        Kind::Scalar { .. } | Kind::Alias(_) => false,
    }
}

/// A map that has its first member on a line of its own.
fn inside_spread(inside: &str) -> bool {
    inside
        .trim_start_matches('{')
        .trim_start_matches([' ', '\t', '\r'])
        .starts_with(['\n', '/'])
}

/// One level of indentation, as a text has it; two blanks by default.
pub(super) fn indent_of(text: &str) -> String {
    let mut lines = text.lines().take(200).map(|line| {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        &line[..blank]
    });
    let first = lines.find(|blank| !blank.is_empty()).unwrap_or("  ");
    first.chars().take(16).collect()
}
