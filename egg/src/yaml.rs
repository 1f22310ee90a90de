//! YAML as a tree that knows where in the text each part stands. Eggs are read through it, and config files
//! are edited through it without losing what stands around the edited value.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};
use serde_json::{Map, Number, Value};

use crate::limits;

#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Bytes of the text, properties (`&anchor`, `!tag`) not included.
    pub span: Range<usize>,
    pub tag: Option<String>,
    /// 0: none.
    pub anchor: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar {
        text: String,
        style: Style,
    },
    Map {
        flow: bool,
        entries: Vec<(Node, Node)>,
    },
    Seq {
        flow: bool,
        items: Vec<Node>,
    },
    /// Stands for the node with that anchor.
    Alias(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Single,
    Double,
    /// Literal or folded.
    Block,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum YamlError {
    #[error("{message} (line {line}, column {column})")]
    Syntax {
        message: String,
        line: usize,
        column: usize,
    },
    #[error("it is nested deeper than {} levels", limits::DEPTH)]
    Deep,
    #[error("it has more than {} values", limits::VALUES)]
    Large,
}

/// Reads all documents of a text.
pub(crate) fn load(text: &str) -> Result<Vec<Node>, YamlError> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut budget = limits::VALUES;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError::Syntax {
            message: error.to_string(),
            line: error.marker().line(),
            column: error.marker().col() + 1,
        })?;
        let at = span.byte_range().unwrap_or(0..0);
        let done = match event {
            Event::Scalar(value, style, anchor, tag) => Node {
                span: match style_of(style) {
                    Style::Block => {
                        block_start(text, at.start).map_or(at.clone(), |from| from..at.end)
                    }
                    _ => at,
                },
                tag: tag.map(|tag| tag.original()),
                anchor,
                kind: Kind::Scalar {
                    text: value.into_owned(),
                    style: style_of(style),
                },
            },
            Event::Alias(id) => Node {
                span: at,
                tag: None,
                anchor: 0,
                kind: Kind::Alias(id),
            },
            Event::MappingStart(style, anchor, tag) => {
                let tag = tag.map(|tag| tag.original());
                open_up(&mut open, Open::new(true, style, anchor, tag, at))?;
                continue;
            }
            Event::SequenceStart(style, anchor, tag) => {
                let tag = tag.map(|tag| tag.original());
                open_up(&mut open, Open::new(false, style, anchor, tag, at))?;
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => match open.pop() {
                Some(collection) => collection.close(at),
                None => continue,
            },
            _ => continue,
        };
        budget = budget.checked_sub(1).ok_or(YamlError::Large)?;
        match open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => documents.push(done),
        }
    }
    Ok(documents)
}

fn open_up(open: &mut Vec<Open>, collection: Open) -> Result<(), YamlError> {
    if open.len() >= limits::DEPTH {
        return Err(YamlError::Deep);
    }
    open.push(collection);
    Ok(())
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    }
}

/// The parser tells where the lines of a block text begin; its `|` or `>` stands at the end of the line before them.
fn block_start(text: &str, content: usize) -> Option<usize> {
    let before = text.get(..content)?;
    let head = before
        .get(..before.rfind('\n')?)?
        .trim_end_matches(['\n', '\r', ' ', '\t']);
    let line = head.rfind('\n').map_or(0, |at| at + 1);
    let is_header = |(at, mark): (usize, &str)| {
        let rest = head[at + mark.len()..]
            .trim_start_matches(|c: char| c.is_ascii_digit() || "+-".contains(c));
        let blank = |text: &str| text.is_empty() || text.starts_with([' ', '\t']);
        let after = rest.trim_start();
        let last = after.is_empty() || (blank(rest) && after.starts_with('#'));
        let parted = head[..at]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace);
        (last && parted).then_some(at)
    };
    head[line..]
        .match_indices(['|', '>'])
        .map(|(at, mark)| (line + at, mark))
        .find_map(is_header)
}

struct Open {
    map: bool,
    flow: bool,
    anchor: usize,
    tag: Option<String>,
    start: Range<usize>,
    children: Vec<Node>,
}

impl Open {
    fn new(
        map: bool,
        style: StructureStyle,
        anchor: usize,
        tag: Option<String>,
        start: Range<usize>,
    ) -> Self {
        Self {
            map,
            flow: style == StructureStyle::Flow,
            anchor,
            tag,
            start,
            children: Vec::new(),
        }
    }

    fn close(self, end: Range<usize>) -> Node {
        let last = self
            .children
            .last()
            .map_or(self.start.end, |node| node.span.end);
        // A block collection has no closing mark: it ends with its last child.
        let end = if self.flow { end.end } else { last };
        let kind = if self.map {
            let mut entries = Vec::with_capacity(self.children.len() / 2);
            let mut children = self.children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push((key, value));
            }
            Kind::Map {
                flow: self.flow,
                entries,
            }
        } else {
            Kind::Seq {
                flow: self.flow,
                items: self.children,
            }
        };
        Node {
            span: self.start.start..end.max(self.start.start),
            tag: self.tag,
            anchor: self.anchor,
            kind,
        }
    }
}

/// The document as JSON, aliases written out. Keys become texts; of equal keys the last one counts.
pub(crate) fn to_json(root: &Node) -> Result<Value, YamlError> {
    let mut anchors = HashMap::new();
    collect_anchors(root, &mut anchors);
    let mut budget = limits::VALUES;
    json_of(root, &anchors, &mut budget, 0)
}

fn collect_anchors<'a>(node: &'a Node, anchors: &mut HashMap<usize, &'a Node>) {
    if node.anchor != 0 {
        anchors.insert(node.anchor, node);
    }
    match &node.kind {
        Kind::Map { entries, .. } => {
            for (key, value) in entries {
                collect_anchors(key, anchors);
                collect_anchors(value, anchors);
            }
        }
        Kind::Seq { items, .. } => items.iter().for_each(|item| collect_anchors(item, anchors)),
        Kind::Scalar { .. } | Kind::Alias(_) => {}
    }
}

fn json_of(
    node: &Node,
    anchors: &HashMap<usize, &Node>,
    budget: &mut usize,
    depth: usize,
) -> Result<Value, YamlError> {
    *budget = budget.checked_sub(1).ok_or(YamlError::Large)?;
    // An alias inside its own anchor is a circle: depth ends it.
    if depth > limits::DEPTH {
        return Err(YamlError::Deep);
    }
    Ok(match &node.kind {
        Kind::Scalar { text, style } => scalar(text, *style, node.tag.as_deref()),
        Kind::Alias(id) => match anchors.get(id) {
            Some(target) => json_of(target, anchors, budget, depth + 1)?,
            None => Value::Null,
        },
        Kind::Seq { items, .. } => items
            .iter()
            .map(|item| json_of(item, anchors, budget, depth + 1))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Kind::Map { entries, .. } => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = match json_of(key, anchors, budget, depth + 1)? {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                map.insert(key, json_of(value, anchors, budget, depth + 1)?);
            }
            Value::Object(map)
        }
    })
}

/// YAML 1.2's core schema. Numbers that JSON can't spell the same way (`007`, `0x1f`, `.5`) stay texts.
pub(crate) fn scalar(text: &str, style: Style, tag: Option<&str>) -> Value {
    if style != Style::Plain || matches!(tag, Some("!" | "!!str")) {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

/// The text as a JSON number with all its digits, if it is one.
pub(crate) fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) || text.len() > 1_000
    {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn json(text: &str) -> Value {
        to_json(&load(text).unwrap()[0]).unwrap()
    }

    #[test]
    fn scalars_get_their_json_types_and_keep_their_digits() {
        let value =
            json("a: 007\nb: 12345678901234567890123\nc: true\nd: ~\ne: 'true'\nf: yes\n7: x\n");
        assert_eq!(
            value.to_string(),
            r#"{"a":"007","b":12345678901234567890123,"c":true,"d":null,"e":"true","f":"yes","7":"x"}"#
        );
    }

    #[test]
    fn aliases_are_written_out_within_bounds() {
        assert_eq!(
            json("a: &x [1]\nb: *x\n").to_string(),
            r#"{"a":[1],"b":[1]}"#
        );
        let mut bomb = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for level in 1..9 {
            let before = format!("*a{},", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
        }
        let bomb = load(&bomb).unwrap();
        assert!(matches!(to_json(&bomb[0]), Err(YamlError::Large)));
        let circle = load("&a [*a]").unwrap();
        assert!(to_json(&circle[0]).is_err());
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(load(&"[".repeat(5_000)).is_err());
        assert!(load(&format!("{}x", "- ".repeat(500))).is_err());
    }

    #[test]
    fn spans_cover_the_scalars_own_text() {
        let text = "key: value # note\nö: \"quoted\"\n";
        let Kind::Map { entries, .. } = &load(text).unwrap()[0].kind else {
            panic!("a map")
        };
        let spans: Vec<_> = entries
            .iter()
            .map(|(_, value)| &text[value.span.clone()])
            .collect();
        assert_eq!(spans, ["value", "\"quoted\""]);
    }

    #[test]
    fn the_span_of_a_block_text_begins_at_its_mark() {
        for (text, span) in [
            ("a: |\n  one\nb: 1\n", "|\n  one\n"),
            ("a | b: >- # | >\n\n  one\n", ">- # | >\n\n  one\n"),
            ("a: !!str |2\n    one\n", "|2\n    one\n"),
            ("? x\n: |\r\n  one\r\n", "|\r\n  one\r\n"),
            ("a: |\n  x | y\n", "|\n  x | y\n"),
        ] {
            let Kind::Map { entries, .. } = &load(text).unwrap()[0].kind else {
                panic!("a map")
            };
            assert_eq!(&text[entries[0].1.span.clone()], span);
        }
    }
}
