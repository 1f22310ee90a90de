//! JSON with comments and trailing commas, as a tree that knows where each part stands.

use std::ops::Range;

use super::WriteError;
use crate::limits;
use crate::yaml::{Kind, Node, Style, number};

/// Reads a document; `None` if there is nothing but blanks and comments.
pub(super) fn load(text: &str) -> Result<Option<Node>, WriteError> {
    let mut reader = Reader {
        text,
        at: 0,
        budget: limits::VALUES,
    };
    reader.blanks()?;
    if reader.at == text.len() {
        return Ok(None);
    }
    let root = reader.value(0)?;
    reader.blanks()?;
    if reader.at < text.len() {
        return Err(reader.error("something follows the end"));
    }
    Ok(Some(root))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    budget: usize,
}

impl Reader<'_> {
    fn error(&self, message: &str) -> WriteError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        WriteError::Syntax {
            format: "JSON",
            message: format!("{message} (line {line})"),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Skips blanks and comments.
    fn blanks(&mut self) -> Result<(), WriteError> {
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            match rest {
                [b' ' | b'\t' | b'\r' | b'\n', ..] => self.at += 1,
                [b'/', b'/', ..] => {
                    self.at += rest
                        .iter()
                        .position(|byte| *byte == b'\n')
                        .unwrap_or(rest.len());
                }
                [b'/', b'*', ..] => {
                    let end = self.text[self.at + 2..].find("*/");
                    let end = end.ok_or_else(|| self.error("a comment does not end"))?;
                    self.at += end + 4;
                }
                _ => return Ok(()),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, WriteError> {
        if depth > limits::DEPTH {
            return Err(self.error("it is nested too deep"));
        }
        self.budget = self.budget.checked_sub(1).ok_or(WriteError::TooLarge)?;
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Kind::Scalar {
                text: self.string()?,
                style: Style::Double,
            },
            _ => self.word()?,
        };
        Ok(node(start..self.at, kind))
    }

    fn map(&mut self, depth: usize) -> Result<Kind, WriteError> {
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.blanks()?;
            if self.take(b'}') {
                return Ok(Kind::Map {
                    flow: true,
                    entries,
                });
            }
            if self.peek() != Some(b'"') {
                return Err(self.error("a name or } is missing"));
            }
            let start = self.at;
            let text = self.string()?;
            let key = node(
                start..self.at,
                Kind::Scalar {
                    text,
                    style: Style::Double,
                },
            );
            self.blanks()?;
            if !self.take(b':') {
                return Err(self.error("a colon is missing"));
            }
            self.blanks()?;
            entries.push((key, self.value(depth + 1)?));
            self.blanks()?;
            if !self.take(b',') && self.peek() != Some(b'}') {
                return Err(self.error("a comma or } is missing"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Kind, WriteError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks()?;
            if self.take(b']') {
                return Ok(Kind::Seq { flow: true, items });
            }
            items.push(self.value(depth + 1)?);
            self.blanks()?;
            if !self.take(b',') && self.peek() != Some(b']') {
                return Err(self.error("a comma or ] is missing"));
            }
        }
    }

    fn string(&mut self) -> Result<String, WriteError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        self.at += 1;
        loop {
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(self.error("a text does not end")),
            }
        }
        self.at += 1;
        let whole = self
            .text
            .get(start..self.at)
            .ok_or_else(|| self.error("a text does not end"))?;
        if let Ok(text) = serde_json::from_str(whole) {
            return Ok(text);
        }
        // Games write raw line ends and tabs into texts, which strict readers refuse.
        let tame = whole
            .replace('\t', "\\t")
            .replace('\n', "\\n")
            .replace('\r', "\\r");
        serde_json::from_str(&tame)
            .map_err(|_| self.error("a text has an escape that does not exist"))
    }

    /// A number or one of the three names.
    fn word(&mut self) -> Result<Kind, WriteError> {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        if !matches!(word, "true" | "false" | "null") && number(word).is_none() {
            return Err(self.error("a value is missing"));
        }
        self.at += end;
        Ok(Kind::Scalar {
            text: word.to_owned(),
            style: Style::Plain,
        })
    }
}

fn node(span: Range<usize>, kind: Kind) -> Node {
    Node {
        span,
        tag: None,
        anchor: 0,
        kind,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_taken() {
        let text = "// top\n{ \"a\": [1, 2.50,], /* b */ \"c\": \"x\ty\", }\n";
        let json = crate::yaml::to_json(&load(text).unwrap().unwrap()).unwrap();
        assert_eq!(json.to_string(), r#"{"a":[1,2.50],"c":"x\ty"}"#);
        assert!(load(" // nothing\n").unwrap().is_none());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "{", "{\"a\"}", "{\"a\":}", "[1 2]", "\"abc", "\"\\", "{} x", "{a:1}", "01", "/*",
            "\"\\x\"", "\"\\ö",
        ] {
            assert!(load(text).is_err(), "{text}");
        }
        assert!(load(&"[".repeat(10_000)).is_err());
    }
}
