//! Keys of XML: element names from the root on, joined by dots.

use crate::limits;

/// One part of a key: a name or `*`, with conditions in brackets.
pub(super) struct Step {
    pub name: String,
    pub conditions: Vec<Condition>,
}

pub(super) enum Condition {
    /// `[@name]` or `[@name='value']`
    Attribute(String, Option<String>),
    /// `[n]`, from 1.
    Position(usize),
}

/// Splits at dots outside brackets. `None`: not a path.
pub(super) fn steps(key: &str) -> Option<Vec<Step>> {
    let mut parts = vec![String::new()];
    let mut depth = 0_i32;
    for c in key.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            '.' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut()?.push(c);
    }
    if parts.len() > limits::DEPTH || depth != 0 {
        return None;
    }
    parts.iter().map(|part| step(part)).collect()
}

fn step(part: &str) -> Option<Step> {
    let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
    let mut conditions = Vec::new();
    while let Some(inner) = rest.strip_prefix('[') {
        let (inner, after) = inner.split_once(']')?;
        rest = after;
        conditions.push(match inner.strip_prefix('@') {
            Some(attribute) => match attribute.split_once('=') {
                Some((name, value)) => {
                    let value = value.strip_prefix(['\'', '"'])?.strip_suffix(['\'', '"'])?;
                    Condition::Attribute(name.to_owned(), Some(value.to_owned()))
                }
                None => Condition::Attribute(attribute.to_owned(), None),
            },
            None => Condition::Position(inner.parse().ok().filter(|number| *number > 0)?),
        });
    }
    (rest.is_empty() && (name == "*" || is_name(name))).then(|| Step {
        name: name.to_owned(),
        conditions,
    })
}

pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':'))
}
