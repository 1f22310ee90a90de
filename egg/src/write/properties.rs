//! Java properties. Comments, order and the layout of untouched lines stay; a changed line becomes `key=value` with
//! everything outside ASCII as `\uXXXX`, which Java reads whatever encoding it expects.

use std::borrow::Cow;

use super::lines::{Line, close, end_of, split};
use super::value::Choice;
use crate::model::FindValue;

pub(super) fn apply(original: &[u8], finds: &[(String, FindValue)]) -> Vec<u8> {
    let lines = split(original);
    let end = end_of(&lines);
    let choices: Vec<_> = finds
        .iter()
        .map(|(key, value)| (key, Choice::new(value)))
        .collect();
    let mut seen = vec![false; choices.len()];
    let mut out = Vec::with_capacity(original.len());
    let mut at = 0;
    while at < lines.len() {
        let entry = &lines[at..at + logical(&lines[at..])];
        at += entry.len();
        let Some((key, value)) = read(entry) else {
            keep(&mut out, entry);
            continue;
        };
        // Of two finds with one key the later one counts.
        let found = choices.iter().rposition(|(known, _)| **known == key);
        let new = found.and_then(|index| {
            seen[index] = true;
            choices[index].1.pick(Some(&value))
        });
        match new.map(|new| new.to_string()) {
            Some(new) if new != value => {
                out.extend_from_slice(line(&key, &new).as_bytes());
                let last = entry.last().map_or(end, |line| line.end);
                out.extend_from_slice(if last.is_empty() { end } else { last });
            }
            _ => keep(&mut out, entry),
        }
    }
    for (index, (key, choice)) in choices.iter().enumerate() {
        let later = choices[index + 1..].iter().any(|(other, _)| other == key);
        if let (false, false, Some(value)) = (seen[index], later, choice.pick(None)) {
            close(&mut out, end);
            out.extend_from_slice(line(key, &value.to_string()).as_bytes());
            out.extend_from_slice(end);
        }
    }
    out
}

fn keep(out: &mut Vec<u8>, entry: &[Line]) {
    for line in entry {
        out.extend_from_slice(line.text);
        out.extend_from_slice(line.end);
    }
}

/// How many lines the entry at the front has: a backslash at a line's end goes on in the next one.
fn logical(lines: &[Line]) -> usize {
    let comment = lines.first().is_none_or(|line| {
        let start = line.text.trim_ascii_start();
        start.is_empty() || start.starts_with(b"#") || start.starts_with(b"!")
    });
    if comment {
        return 1;
    }
    let goes_on = |line: &Line| {
        line.text
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count()
            % 2
            == 1
    };
    let more = lines.iter().take_while(|line| goes_on(line)).count();
    (more + 1).min(lines.len())
}

/// Key and value of an entry, or `None` for a comment or blank line.
fn read(entry: &[Line]) -> Option<(String, String)> {
    let mut text = String::new();
    for (index, line) in entry.iter().enumerate() {
        let part = String::from_utf8_lossy(line.text);
        let part = part.trim_start_matches([' ', '\t', '\u{c}']);
        let whole = index + 1 == entry.len();
        text.push_str(if whole {
            part
        } else {
            &part[..part.len().saturating_sub(1)]
        });
    }
    if text.is_empty() || text.starts_with(['#', '!']) {
        return None;
    }
    let mut escaped = false;
    let key_end = text
        .char_indices()
        .find(|(_, c)| {
            let ends = !escaped && matches!(c, '=' | ':' | ' ' | '\t' | '\u{c}');
            escaped = !escaped && *c == '\\';
            ends
        })
        .map_or(text.len(), |(at, _)| at);
    let (key, rest) = text.split_at(key_end);
    let blank = [' ', '\t', '\u{c}'];
    let rest = rest.trim_start_matches(blank);
    let value = rest
        .strip_prefix(['=', ':'])
        .unwrap_or(rest)
        .trim_start_matches(blank);
    Some((unescape(key).into_owned(), unescape(value).into_owned()))
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    // UTF-16, since that is what \u speaks.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut buffer = [0; 2];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('f') => '\u{c}',
                Some('u') => {
                    let hex = chars.as_str().get(..4).unwrap_or_default();
                    if let Ok(unit) = u16::from_str_radix(hex, 16) {
                        units.push(unit);
                        chars = chars.as_str()[4..].chars();
                        continue;
                    }
                    'u'
                }
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut buffer));
    }
    Cow::Owned(String::from_utf16_lossy(&units))
}

fn line(key: &str, value: &str) -> String {
    let mut out = String::with_capacity(key.len() + value.len() + 1);
    for c in key.chars() {
        if matches!(c, ' ' | '=' | ':' | '#' | '!') {
            out.push('\\');
        }
        escape(c, &mut out);
    }
    out.push('=');
    for (index, c) in value.chars().enumerate() {
        // A reader skips blanks before a value.
        if index == 0 && c == ' ' {
            out.push('\\');
        }
        escape(c, &mut out);
    }
    out
}

fn escape(c: char, out: &mut String) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        ' '..='~' => out.push(c),
        other => {
            let mut buffer = [0; 2];
            for unit in other.encode_utf16(&mut buffer) {
                out.push_str(&format!("\\u{unit:04X}"));
            }
        }
    }
}
