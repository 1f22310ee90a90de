//! INI. Comments, order, duplicates, spacing and the spelling of untouched values stay.

use super::lines::{Line, end_of, split};
use super::value::Choice;
use crate::model::FindValue;

pub(super) fn apply(original: &[u8], finds: &[(String, FindValue)]) -> Vec<u8> {
    let split = split(original);
    let end = String::from_utf8_lossy(end_of(&split)).into_owned();
    let mut file = Ini {
        lines: split.iter().map(Entry::read).collect(),
        end: end.into_bytes(),
    };
    for (key, value) in finds {
        let (section, name) = path(key);
        file.set(&section, &name, &Choice::new(value));
    }
    file.lines.concat_bytes()
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
        let end = line.end.to_vec();
        let text = line.text.trim_ascii();
        let kind = match text.first() {
            None | Some(b';' | b'#') => EntryKind::Other(line.text.to_vec()),
            Some(b'[') => match text.iter().rposition(|byte| *byte == b']') {
                Some(close) => EntryKind::Section {
                    name: String::from_utf8_lossy(text[1..close].trim_ascii()).into_owned(),
                    text: line.text.to_vec(),
                },
                None => EntryKind::Other(line.text.to_vec()),
            },
            Some(_) => key_line(line.text),
        };
        Self { kind, end }
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

fn key_line(text: &[u8]) -> EntryKind {
    let find = |sign: u8| text.iter().position(|byte| *byte == sign);
    let Some(sign) = find(b'=').or_else(|| find(b':')) else {
        return EntryKind::Other(text.to_vec());
    };
    let head = text[..sign].trim_ascii_end();
    let after = &text[sign + 1..];
    let value_start = sign + 1 + (after.len() - after.trim_ascii_start().len());
    let rest = &text[value_start..];
    let comment = rest
        .windows(2)
        .position(|pair| pair[0].is_ascii_whitespace() && matches!(pair[1], b';' | b'#'))
        .unwrap_or(rest.len());
    let value = rest[..comment].trim_ascii_end();
    EntryKind::Key {
        head: head.to_vec(),
        name: String::from_utf8_lossy(head.trim_ascii_start()).into_owned(),
        sign: text[head.len()..value_start].to_vec(),
        value: value.to_vec(),
        tail: rest[value.len()..].to_vec(),
    }
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
    /// Sets the key wherever the section has it, or adds it.
    fn set(&mut self, section: &str, name: &str, choice: &Choice) {
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
                    name: key, value, ..
                } => {
                    any_style.get_or_insert(index);
                    if current != section {
                        continue;
                    }
                    place = Some(index + 1);
                    style = Some(index);
                    if key == name {
                        found = true;
                        replace(value, choice);
                    }
                }
                EntryKind::Other(_) => {}
            }
        }
        if let (false, Some(value)) = (found, choice.pick(None)) {
            let sign = style.or(any_style).and_then(|index| self.sign_at(index));
            let sign = sign.unwrap_or_else(|| b" = ".to_vec());
            self.add(section, name, sign, one_line(&value.to_string()), place);
        }
    }

    fn add(
        &mut self,
        section: &str,
        name: &str,
        sign: Vec<u8>,
        value: Vec<u8>,
        place: Option<usize>,
    ) {
        let key = Entry {
            kind: EntryKind::Key {
                head: one_line(name),
                name: name.to_owned(),
                sign,
                value,
                tail: Vec::new(),
            },
            end: self.end.clone(),
        };
        let place = match place {
            Some(place) => place,
            None if section.is_empty() => 0,
            None => {
                if !self.lines.is_empty() {
                    self.close(self.lines.len());
                    self.lines.push(self.other(String::new()));
                }
                let heading = Entry {
                    kind: EntryKind::Section {
                        text: one_line(&format!("[{section}]")),
                        name: section.to_owned(),
                    },
                    end: self.end.clone(),
                };
                self.lines.push(heading);
                self.lines.len()
            }
        };
        self.close(place);
        self.lines.insert(place, key);
    }

    fn sign_at(&self, index: usize) -> Option<Vec<u8>> {
        match &self.lines.get(index)?.kind {
            EntryKind::Key { sign, .. } => Some(sign.clone()),
            _ => None,
        }
    }

    fn other(&self, text: String) -> Entry {
        Entry {
            kind: EntryKind::Other(text.into_bytes()),
            end: self.end.clone(),
        }
    }

    /// The line before `place` gets an end if it was the last and had none.
    fn close(&mut self, place: usize) {
        let end = self.end.clone();
        if let Some(before) = place
            .checked_sub(1)
            .and_then(|index| self.lines.get_mut(index))
            && before.end.is_empty()
        {
            before.end = end;
        }
    }
}

fn replace(value: &mut Vec<u8>, choice: &Choice) {
    let current = String::from_utf8_lossy(value).into_owned();
    if let Some(new) = choice.pick(Some(&current)) {
        *value = one_line(&new.to_string());
    }
}

/// A line end in a value would start a line of its own, and with it any key.
fn one_line(text: &str) -> Vec<u8> {
    text.replace("\r\n", " ")
        .replace(['\r', '\n'], " ")
        .into_bytes()
}
