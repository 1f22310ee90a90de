//! Java properties. Comments, order and layout stay; a new value has everything outside ASCII as `\uXXXX`, which Java
//! reads whatever encoding it expects.

use std::borrow::Cow;

use super::lines::{Line, append, end_of, split};
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
                match head(entry) {
                    Some(head) => out.extend_from_slice(head),
                    None => out.extend_from_slice(key_text(&key).as_bytes()),
                }
                // Behind a blank, which is a sign too, the value's own would be taken for it.
                let signed =
                    out.trim_ascii_end().ends_with(b"=") || out.trim_ascii_end().ends_with(b":");
                if !signed && new.starts_with(['=', ':']) {
                    out.push(b'\\');
                }
                out.extend_from_slice(value_text(&new).as_bytes());
                out.extend_from_slice(entry.last().map_or(end, |line| line.end));
            }
            _ => keep(&mut out, entry),
        }
    }
    for (index, (key, choice)) in choices.iter().enumerate() {
        let later = choices[index + 1..].iter().any(|(other, _)| other == key);
        if let (false, false, Some(value)) = (seen[index], later, choice.pick(None)) {
            if lines.last().is_some_and(goes_on) {
                // A blank line ends what would go on in ours.
                let open = !out.ends_with(end);
                out.extend_from_slice(end);
                if open {
                    out.extend_from_slice(end);
                }
            }
            let line = key_text(key) + &value_text(&value.to_string());
            append(&mut out, line.as_bytes(), end);
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
    let more = lines.iter().take_while(|line| goes_on(line)).count();
    (more + 1).min(lines.len())
}

fn goes_on(line: &Line) -> bool {
    let slashes = line.text.iter().rev().take_while(|byte| **byte == b'\\');
    slashes.count() % 2 == 1
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
    let (key, rest) = text.split_at(key_end(text.as_bytes()));
    let blank = [' ', '\t', '\u{c}'];
    let rest = rest.trim_start_matches(blank);
    let value = rest
        .strip_prefix(['=', ':'])
        .unwrap_or(rest)
        .trim_start_matches(blank);
    Some((unescape(key).into_owned(), unescape(value).into_owned()))
}

/// Where a key ends: at the first sign or blank that is not escaped.
fn key_end(text: &[u8]) -> usize {
    let mut escaped = false;
    let ends = |byte: &u8| {
        let ends = !escaped && matches!(byte, b'=' | b':' | b' ' | b'\t' | 0xc);
        escaped = !escaped && *byte == b'\\';
        ends
    };
    text.iter().position(ends).unwrap_or(text.len())
}

/// What stands before the value of an entry, as it is written: indentation, key, sign and the blanks around it.
/// `None`: there is no sign yet, or the key goes on in the next line.
fn head<'a>(entry: &[Line<'a>]) -> Option<&'a [u8]> {
    let text = entry.first()?.text;
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | 0xc);
    let start = text.iter().position(|byte| !blank(byte))?;
    let after_key = start + key_end(&text[start..]);
    let mut at = after_key
        + text[after_key..]
            .iter()
            .take_while(|byte| blank(byte))
            .count();
    if matches!(text.get(at), Some(b'=' | b':')) {
        at += 1;
        at += text[at..].iter().take_while(|byte| blank(byte)).count();
    }
    (at > after_key).then(|| &text[..at])
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

/// A new key with its sign.
fn key_text(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 1);
    for c in key.chars() {
        if matches!(c, ' ' | '=' | ':' | '#' | '!') {
            out.push('\\');
        }
        escape(c, &mut out);
    }
    out.push('=');
    out
}

fn value_text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
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
