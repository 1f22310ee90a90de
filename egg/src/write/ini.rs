//! INI. Comments, order, duplicates, spacing and the spelling of untouched values stay.

use super::WriteError;
use super::lines::{Line, end_of, split};
use super::value::Choice;
use crate::model::FindValue;

pub(super) fn apply(original: &[u8], finds: &[(String, FindValue)]) -> Result<Vec<u8>, WriteError> {
    let split = split(original);
    let end = String::from_utf8_lossy(end_of(&split)).into_owned();
    let mut file = Ini {
        lines: split.iter().map(Entry::read).collect(),
        end: end.into_bytes(),
    };
    for (key, value) in finds {
        let (section, name) = path(key);
        let (section, name) = (section.trim(), name.trim());
        file.set(section, name, &Choice::new(value))
            .ok_or_else(|| WriteError::Key {
                key: key.chars().take(200).collect(),
                message: "an INI file can't hold a section or key of that name".into(),
            })?;
    }
    Ok(file.lines.concat_bytes())
}

/// `section.key`: the first dot outside brackets splits, brackets around a section go, later dots are the key's.
/// Without a dot the key stands before the first section.
pub(super) fn path(key: &str) -> (String, String) {
    let mut depth = 0_i32;
    for (at, c) in key.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            '.' if depth <= 0 => {
                let section = key[..at].replace(['[', ']'], "");
                return (section, key[at + 1..].to_owned());
            }
            _ => {}
        }
    }
    (String::new(), key.to_owned())
}

struct Ini {
    lines: Vec<Entry>,
    end: Vec<u8>,
}

/// A line, taken apart as far as it can be; the parts put together are the line.
struct Entry {
    kind: EntryKind,
    end: Vec<u8>,
}

enum EntryKind {
    Other(Vec<u8>),
    Section {
        text: Vec<u8>,
        name: String,
    },
    Key {
        /// Indentation and key.
        head: Vec<u8>,
        name: String,
        /// The sign and the blanks around it.
        sign: Vec<u8>,
        value: Vec<u8>,
        /// Blanks and a comment.
        tail: Vec<u8>,
    },
}

impl Entry {
    fn read(line: &Line) -> Self {
        Self {
            kind: kind_of(line.text),
            end: line.end.to_vec(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match &self.kind {
            EntryKind::Other(text) | EntryKind::Section { text, .. } => out.extend_from_slice(text),
            EntryKind::Key {
                head,
                sign,
                value,
                tail,
                ..
            } => {
                for part in [head, sign, value, tail] {
                    out.extend_from_slice(part);
                }
            }
        }
        out.extend_from_slice(&self.end);
    }
}

fn kind_of(line: &[u8]) -> EntryKind {
    let text = line.trim_ascii();
    match text.first() {
        None | Some(b';' | b'#') => EntryKind::Other(line.to_vec()),
        Some(b'[') => match text.iter().rposition(|byte| *byte == b']') {
            Some(close) => EntryKind::Section {
                name: String::from_utf8_lossy(text[1..close].trim_ascii()).into_owned(),
                text: line.to_vec(),
            },
            None => EntryKind::Other(line.to_vec()),
        },
        Some(_) => key_line(line),
    }
}

fn key_line(text: &[u8]) -> EntryKind {
    let Some(sign) = sign_of(text) else {
        return EntryKind::Other(text.to_vec());
    };
    let head = text[..sign].trim_ascii_end();
    let after = &text[sign + 1..];
    let blanks = after.len() - after.trim_ascii_start().len();
    // Behind a blank a comment may stand where the value is missing: the blank is its own then.
    let empty = (1..after.len()).contains(&blanks) && value_of(&after[blanks - 1..]).is_empty();
    let value_start = sign + 1 + blanks - usize::from(empty);
    let rest = &text[value_start..];
    let value = value_of(rest);
    EntryKind::Key {
        head: head.to_vec(),
        name: String::from_utf8_lossy(head.trim_ascii_start()).into_owned(),
        sign: text[head.len()..value_start].to_vec(),
        value: value.to_vec(),
        tail: rest[value.len()..].to_vec(),
    }
}

/// `=`, or a `:` before it that has a blank behind it: `url: http://x?a=1`, but not `Bind:Key=1`.
fn sign_of(text: &[u8]) -> Option<usize> {
    let find = |sign: u8| text.iter().position(|byte| *byte == sign);
    match (find(b'='), find(b':')) {
        (Some(equals), Some(colon)) if colon < equals => {
            let parted = text.get(colon + 1).is_some_and(u8::is_ascii_whitespace);
            Some(if parted { colon } else { equals })
        }
        (equals, colon) => equals.or(colon),
    }
}

/// The value in what stands behind the sign: quotes hold all up to their end, and a comment has a blank before it.
/// A `#` has one behind it too, or every "Server #1" would lose its number.
fn value_of(rest: &[u8]) -> &[u8] {
    let from = match rest {
        [b'"', inner @ ..] => inner
            .iter()
            .position(|byte| *byte == b'"')
            .map_or(0, |at| at + 2),
        _ => 0,
    };
    let comment = |at: &usize| {
        let blank = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
        *at > 0
            && rest.get(at - 1).is_some_and(u8::is_ascii_whitespace)
            && match rest.get(*at) {
                Some(b';') => true,
                Some(b'#') => blank(rest.get(at + 1)),
                _ => false,
            }
    };
    let end = (from..rest.len()).find(comment).unwrap_or(rest.len());
    rest[..end].trim_ascii_end()
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for Vec<Entry> {
    fn concat_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.iter().for_each(|entry| entry.write(&mut out));
        out
    }
}

impl Ini {
    /// Sets the key wherever the section has it, or adds it. `None`: added, it would read back as something else.
    fn set(&mut self, section: &str, name: &str, choice: &Choice) -> Option<()> {
        let mut current = String::new();
        let mut found = false;
        // Where a new key would go: behind the last key of the section, or behind its heading.
        let mut place = None;
        let mut style = None;
        let mut any_style = None;
        for (index, entry) in self.lines.iter_mut().enumerate() {
            match &mut entry.kind {
                EntryKind::Section { name, .. } => {
                    current.clone_from(name);
                    if place.is_none() && current == section {
                        place = Some(index + 1);
                    }
                }
                EntryKind::Key {
                    name: key,
                    sign,
                    value,
                    tail,
                    ..
                } => {
                    any_style.get_or_insert(index);
                    if current != section {
                        continue;
                    }
                    place = Some(index + 1);
                    style = Some(index);
                    if key == name {
                        found = true;
                        replace(value, tail, choice);
                        stick(sign, value);
                    }
                }
                EntryKind::Other(_) => {}
            }
        }
        if let (false, Some(value)) = (found, choice.pick(None)) {
            let sign = style.or(any_style).and_then(|index| self.sign_at(index));
            let mut sign = sign.unwrap_or_else(|| b" = ".to_vec());
            let value = one_line(&value.to_string());
            stick(&mut sign, &value);
            self.add(section, name, sign, value, place)?;
        }
        Some(())
    }

    fn add(
        &mut self,
        section: &str,
        name: &str,
        sign: Vec<u8>,
        value: Vec<u8>,
        place: Option<usize>,
    ) -> Option<()> {
        let line = [name.as_bytes(), &sign, &value].concat();
        let reads_back =
            |kind: &EntryKind| matches!(kind, EntryKind::Key { name: read, .. } if read == name);
        if !reads_back(&kind_of(&line)) || !fits_a_line(name) {
            return None;
        }
        let key = EntryKind::Key {
            head: name.as_bytes().to_vec(),
            name: name.to_owned(),
            sign,
            value,
            tail: Vec::new(),
        };
        let place = match place {
            Some(place) => place,
            None if section.is_empty() => 0,
            None => {
                let text = format!("[{section}]").into_bytes();
                let heading = kind_of(&text);
                let reads_back =
                    matches!(&heading, EntryKind::Section { name, .. } if name == section);
                if !reads_back || !fits_a_line(section) {
                    return None;
                }
                if !self.lines.is_empty() {
                    self.insert(self.lines.len(), EntryKind::Other(Vec::new()));
                }
                self.insert(self.lines.len(), heading);
                self.lines.len()
            }
        };
        self.insert(place, key);
        Some(())
    }

    fn sign_at(&self, index: usize) -> Option<Vec<u8>> {
        match &self.lines.get(index)?.kind {
            EntryKind::Key { sign, .. } => Some(sign.clone()),
            _ => None,
        }
    }

    /// A new line. Behind a last line that had no end it has none either: that one gets it.
    fn insert(&mut self, place: usize, kind: EntryKind) {
        let mut end = self.end.clone();
        let before = place.checked_sub(1).and_then(|at| self.lines.get_mut(at));
        if let Some(before) = before {
            if before.end.is_empty() {
                std::mem::swap(&mut before.end, &mut end);
            } else if before.end == b"\r" && self.end != b"\r" {
                // Half a line end, of a file that was cut there.
                before.end.push(b'\n');
            }
        }
        self.lines.insert(place, Entry { kind, end });
    }
}

/// Puts a new value in, in quotes where the old one had them.
fn replace(value: &mut Vec<u8>, tail: &[u8], choice: &Choice) {
    let current = String::from_utf8_lossy(value).into_owned();
    let inner = current
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let quoted = inner.filter(|inner| !inner.contains('"'));
    let Some(new) = choice.pick(Some(quoted.unwrap_or(&current))) else {
        return;
    };
    let new = new.to_string();
    *value = match quoted {
        Some(inner) if inner == new => return,
        Some(_) if !new.contains('"') => one_line(&format!("\"{new}\"")),
        _ => one_line(&new),
    };
    // What holds a `;` of its own reads back as value and comment: that is still what was written.
    let before = [current.as_bytes(), tail].concat();
    let rest = before.strip_prefix(value.as_slice());
    if rest.is_some_and(|rest| value_of(&[b"x", rest].concat()) == b"x") {
        *value = current.into_bytes();
    }
}

/// No end of a line, and nothing that would make the file another kind of text.
fn fits_a_line(text: &str) -> bool {
    !text.contains(['\n', '\r', '\0', '\u{feff}'])
}

/// What would be a comment behind a blank is a value right behind the sign; a colon is a sign only before a blank.
fn stick(sign: &mut Vec<u8>, value: &[u8]) {
    if value.is_empty() {
        return;
    }
    let colon = sign.trim_ascii().ends_with(b":");
    if value_of(&[b" ", value].concat()).is_empty() {
        sign.truncate(sign.trim_ascii_end().len());
        if colon {
            sign.pop();
            sign.push(b'=');
        }
    } else if colon && sign.ends_with(b":") {
        sign.push(b' ');
    }
}

/// A line end in a value would start a line of its own, and with it any key. Blanks around it no reader keeps.
fn one_line(text: &str) -> Vec<u8> {
    let text = text.replace("\r\n", " ").replace(['\r', '\n'], " ");
    let text = text.replace('\0', "");
    text.trim().as_bytes().to_vec()
}
