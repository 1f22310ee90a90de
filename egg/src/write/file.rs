//! Any text, by the beginnings of its lines: a line that starts with a key is replaced by the value.

use super::lines::{Line, end_of, split};
use super::value::Choice;
use crate::model::FindValue;

/// Of several keys that fit a line the longest decides (Wings writes all their values, one after the other, onto the
/// line). An empty key fits every line. Nothing is added for a key that fits none.
pub(super) fn apply(original: &[u8], finds: &[(String, FindValue)]) -> Vec<u8> {
    let lines = split(original);
    let end = end_of(&lines);
    let mut keys: Vec<(&[u8], String)> = finds
        .iter()
        .filter_map(|(key, value)| {
            // With a NUL in it the file would be no text any more.
            let value = Choice::new(value).first()?.to_string().replace('\0', "");
            Some((key.as_bytes(), value))
        })
        .collect();
    keys.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
    let mut out = Vec::with_capacity(original.len());
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        match keys.iter().find(|(key, _)| line.text.starts_with(key)) {
            Some((_, value)) => {
                at += put(&mut out, value, line, &lines[at..], end);
            }
            None => out.extend_from_slice(line.text),
        }
        // The last of a value's own lines ends as it did.
        let last = lines.get(at - 1).unwrap_or(line);
        out.extend_from_slice(last.end);
    }
    out
}

/// Writes a value; answers how many of the lines that follow are its own, from an earlier start: a value of several
/// lines would otherwise grow by them at each.
fn put(out: &mut Vec<u8>, value: &str, line: &Line, follow: &[Line], end: &[u8]) -> usize {
    let mut parts = value.split('\n');
    out.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    let more: Vec<&str> = parts.collect();
    for part in &more {
        out.extend_from_slice(if line.end.is_empty() { end } else { line.end });
        out.extend_from_slice(part.as_bytes());
    }
    let own = follow
        .iter()
        .zip(&more)
        .all(|(line, part)| line.text == part.as_bytes());
    if own && follow.len() >= more.len() {
        more.len()
    } else {
        0
    }
}
