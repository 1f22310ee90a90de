//! Where in a file a reader gave up: the field that a broken JSON or YAML text was in.

use crate::limits;

/// Parts of a field's name that are told; a hostile file may be nested without end.
const PARTS_MOST: usize = 12;

/// Where `line` and `column` (both from 1) stand, in bytes.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (before + column).min(text.len())
}

/// The field of a JSON text that the byte `end` belongs to, such as `variables[3].rules`; empty: none.
pub(super) fn in_json(text: &str, end: usize) -> String {
    let bytes = &text.as_bytes()[..end.min(text.len())];
    let mut open: Vec<Frame> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' if open.len() < limits::DEPTH => open.push(Frame::map()),
            b'[' if open.len() < limits::DEPTH => open.push(Frame::List(0)),
            b'}' | b']' => {
                open.pop();
            }
            b',' => match open.last_mut() {
                Some(Frame::Map { ended, .. }) => *ended = true,
                Some(Frame::List(index)) => *index += 1,
                None => {}
            },
            b'"' => {
                let start = at;
                at = string_end(bytes, at);
                let whole = bytes.get(start..=at).unwrap_or_default();
                if let Some(Frame::Map { name, ended }) = open.last_mut()
                    && *ended
                    && let Ok(next) = serde_json::from_slice(whole)
                {
                    (*name, *ended) = (next, false);
                }
            }
            _ => {}
        }
        at += 1;
    }
    written(&open)
}

enum Frame {
    /// The member that was begun last, and whether it is over: an error before the next one is told by its name.
    Map {
        name: String,
        ended: bool,
    },
    List(usize),
}

impl Frame {
    fn map() -> Self {
        Self::Map {
            name: String::new(),
            ended: true,
        }
    }
}

/// Where a text that begins at `start` ends: its closing quote, or past the end.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn written(open: &[Frame]) -> String {
    let mut field = String::new();
    for frame in open.iter().take(PARTS_MOST) {
        match frame {
            Frame::Map { name, .. } => {
                if !field.is_empty() && !name.is_empty() {
                    field.push('.');
                }
                field.extend(name.chars().take(80));
            }
            Frame::List(index) => field.push_str(&format!("[{index}]")),
        }
    }
    field
}

/// The outermost member of a YAML text that a line (from 1) belongs to; empty: none.
pub(super) fn in_yaml(text: &str, line: usize) -> String {
    let heading = |line: &str| {
        let (name, _) = line.split_once(':')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        (!name.is_empty() && name.len() <= 80 && name.chars().all(plain)).then(|| name.to_owned())
    };
    text.lines()
        .take(line)
        .filter_map(heading)
        .last()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_the_one_that_was_being_read() {
        let field = |text: &str| in_json(text, text.len());
        assert_eq!(field(r#"{"meta": {"version": "PTDL_v2"}, "na"#), "meta");
        assert_eq!(
            field(r#"{"name": "x", "config": {"files": "{\"a\": "#),
            "config.files"
        );
        assert_eq!(
            field(r#"{"variables": [{"a": 1}, {"rules": ["x", "#),
            "variables[1].rules[1]"
        );
        assert_eq!(field(r#"{"a": {"b": 1}, "c": 5"#), "c");
        assert_eq!(field(r#"{"a}\"": 1 x"#), "a}\"");
        assert_eq!(field(""), "");
        assert_eq!(field("\"\\"), "");
        assert!(field(&"[".repeat(500)).len() < 100);
    }

    #[test]
    fn a_line_of_yaml_belongs_to_the_heading_above() {
        let text = "meta:\n  version: x\nvariables:\n  - name: 'a\n";
        assert_eq!(in_yaml(text, 4), "variables");
        assert_eq!(in_yaml(text, 2), "meta");
        assert_eq!(in_yaml("- x\n", 1), "");
    }

    #[test]
    fn lines_and_columns_become_bytes() {
        assert_eq!(offset("ab\ncd\n", 2, 1), 4);
        assert_eq!(offset("ab", 9, 9), 2);
    }
}
