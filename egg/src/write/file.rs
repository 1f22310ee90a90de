//! Any text, by the beginnings of its lines: a line that starts with a key is replaced by the value.

use super::lines::{Line, end_of, split};
use super::value::Choice;
use crate::model::FindValue;

/// Lines of one value; of a longer one no earlier copy is looked for.
const VALUE_LINES: usize = 200;

/// Of several keys that fit a line the longest decides (Wings writes all their values, one after the other, onto the
/// line). An empty key fits every line. Nothing is added for a key that fits none.
pub(super) fn apply(original: &[u8], finds: &[(String, FindValue)]) -> Vec<u8> {
    let lines = split(original);
    let end = end_of(&lines);
    let mut keys: Vec<(&[u8], Vec<String>)> = finds
        .iter()
        .filter_map(|(key, value)| Some((key.as_bytes(), value_lines(value)?)))
        .collect();
    keys.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
    let mut out = Vec::with_capacity(original.len());
    for (at, line) in lines.iter().enumerate() {
        match keys.iter().find(|(key, _)| line.text.starts_with(key)) {
            Some((_, value)) if !stands_at(value, &lines, at) => put(&mut out, value, line, end),
            _ => out.extend_from_slice(line.text),
        }
        out.extend_from_slice(line.end);
    }
    out
}

/// With a NUL in it the file would be no text any more, and a mark at its beginning would be taken for the file's own.
fn value_lines(value: &FindValue) -> Option<Vec<String>> {
    let text = Choice::new(value).first()?.to_string();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.replace('\0', "");
    let text = text.trim_start_matches('\u{feff}');
    Some(text.split('\n').map(str::to_owned).collect())
}

/// Whether a line is part of the whole value, from an earlier start: one of several lines would otherwise grow by them
/// at each.
fn stands_at(value: &[String], lines: &[Line], at: usize) -> bool {
    let copy_from = |from: usize| {
        value
            .iter()
            .enumerate()
            .all(|(index, part)| match lines.get(from + index) {
                Some(line) => line.text == part.as_bytes(),
                // Behind the last line end there is no line of its own.
                None => part.is_empty() && index + 1 == value.len(),
            })
    };
    let parts = value.iter().enumerate().take(VALUE_LINES);
    let same = parts.filter(|(_, part)| part.as_bytes() == lines[at].text);
    same.filter_map(|(index, _)| at.checked_sub(index))
        .any(copy_from)
}

fn put(out: &mut Vec<u8>, value: &[String], line: &Line, end: &[u8]) {
    for (index, part) in value.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(if line.end.is_empty() { end } else { line.end });
        }
        out.extend_from_slice(part.as_bytes());
    }
}
