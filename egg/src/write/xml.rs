//! XML: texts and attributes are patched where they stand; nothing is laid out anew.

use std::ops::Range;

use super::WriteError;
use super::lines::{end_of_text, with_ends};
use super::value::Choice;
use super::xml_read::{Document, Element};
use super::xml_step::{Condition, Step, is_name, steps};
use crate::model::FindValue;

pub(super) fn apply(text: &str, finds: &[(String, FindValue)]) -> Result<String, WriteError> {
    let mut text = text.to_owned();
    let mut document = Document::read(&text)?;
    let end = end_of_text(&text);
    let ascii = !carries_all(&text);
    for (key, value) in finds {
        let refuse = |message: &str| WriteError::Key {
            key: key.clone(),
            message: message.to_owned(),
        };
        let steps = steps(key).ok_or_else(|| refuse("it is no path of element names"))?;
        let choice = Choice::new(value);
        if document.root().is_none() && !choice.is_conditional() {
            let begun = begun(&text, &steps)
                .ok_or_else(|| refuse("its first part can't name an element"))?;
            text = with_ends(begun.replace("\r\n", "\n"), end);
            document = Document::read(&text)?;
        }
        let mut patches = document.patches(&text, &steps, &choice).map_err(refuse)?;
        for (_, new) in &mut patches {
            *new = with_ends(std::mem::take(new), end);
            if ascii {
                *new = as_ascii(new);
            }
        }
        if !patches.is_empty() {
            text = patched(&text, patches);
            document = Document::read(&text)?;
        }
    }
    Ok(text)
}

/// Whether the encoding that a document names can hold any character. It came to us as bytes of UTF-8, yet its reader
/// may go by the name.
fn carries_all(text: &str) -> bool {
    let prolog = text
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("?>"));
    let named = prolog
        .and_then(|(prolog, _)| prolog.split_once("encoding"))
        .map(|(_, name)| {
            name.trim_start_matches(|c: char| {
                c == '=' || c == '"' || c == '\'' || c.is_whitespace()
            })
        });
    named.is_none_or(|name| name.to_ascii_lowercase().starts_with("utf"))
}

fn as_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            c => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    out
}

impl Document {
    fn root(&self) -> Option<usize> {
        (!self.elements.is_empty()).then_some(0)
    }

    /// What must change for a key to have its value.
    fn patches(
        &self,
        text: &str,
        steps: &[Step],
        choice: &Choice,
    ) -> Result<Vec<(Range<usize>, String)>, &'static str> {
        let found = self.select(steps);
        if found.is_empty() {
            let any = steps.iter().any(|step| step.name == "*");
            return if any || choice.is_conditional() {
                Ok(Vec::new())
            } else {
                self.create(text, steps, choice)
            };
        }
        let mut patches = Vec::new();
        for element in found.iter().filter_map(|index| self.elements.get(*index)) {
            if let Some(new) = choice.pick(Some(&element.text)) {
                patches.extend(set(text, element, &new.to_string())?);
            }
        }
        Ok(patches)
    }

    /// Every element that the steps lead to, from the root on.
    fn select(&self, steps: &[Step]) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        for (level, step) in steps.iter().enumerate() {
            found = match level {
                0 => self.matching(&[0], step),
                _ => found
                    .iter()
                    .filter_map(|index| self.elements.get(*index))
                    .flat_map(|element| self.matching(&element.children, step))
                    .collect(),
            };
        }
        found
    }

    fn matching(&self, candidates: &[usize], step: &Step) -> Vec<usize> {
        let named = |index: &usize| {
            self.elements
                .get(*index)
                .is_some_and(|element| is_called(&element.name, &step.name))
        };
        let mut found: Vec<usize> = candidates.iter().copied().filter(named).collect();
        for condition in &step.conditions {
            match condition {
                Condition::Position(number) => {
                    found = found.get(number - 1).copied().into_iter().collect()
                }
                Condition::Attribute(name, value) => found.retain(|index| {
                    let attributes = self
                        .elements
                        .get(*index)
                        .map_or(&[][..], |element| &element.attributes);
                    attributes.iter().any(|attribute| {
                        attribute.name == *name
                            && value.as_ref().is_none_or(|value| attribute.value == *value)
                    })
                }),
            }
        }
        found
    }

    /// Adds what is missing below the deepest element that is there, along the first of each.
    fn create(
        &self,
        text: &str,
        steps: &[Step],
        choice: &Choice,
    ) -> Result<Vec<(Range<usize>, String)>, &'static str> {
        let Some(value) = choice.pick(None) else {
            return Ok(Vec::new());
        };
        let mut parent = None;
        let mut there = 0;
        for (level, step) in steps.iter().enumerate() {
            let candidates = match parent.and_then(|index: usize| self.elements.get(index)) {
                Some(element) => self.matching(&element.children, step),
                None => self.matching(&[0], step),
            };
            let Some(first) = candidates.first() else {
                break;
            };
            parent = Some(*first);
            there = level + 1;
        }
        // Another root element than the key names: nothing that the key speaks of is here.
        let Some(parent) = parent.and_then(|index| self.elements.get(index)) else {
            return Ok(Vec::new());
        };
        let missing = steps.get(there..).unwrap_or_default();
        Ok(vec![insert(
            text,
            parent,
            &self.elements,
            missing,
            &value.to_string(),
        )?])
    }
}

fn is_called(name: &str, wanted: &str) -> bool {
    wanted == "*"
        || name == wanted
        || (!wanted.contains(':') && name.rsplit(':').next() == Some(wanted))
}

/// Sets an element's text, or the attribute that a value like `[port='5']` names.
fn set(
    text: &str,
    element: &Element,
    value: &str,
) -> Result<Option<(Range<usize>, String)>, &'static str> {
    if let Some((name, value)) = attribute_form(value) {
        return Ok(
            match element
                .attributes
                .iter()
                .find(|attribute| attribute.name == name)
            {
                Some(attribute) if attribute.value == value => None,
                Some(attribute) => Some((attribute.at.clone(), escape(value, true))),
                None => {
                    let tag = text.get(element.open.clone()).unwrap_or_default();
                    let tail = if tag.ends_with("/>") { 2 } else { 1 };
                    let at = element.open.end.saturating_sub(tail);
                    let gap = if text[..at].ends_with(char::is_whitespace) {
                        ""
                    } else {
                        " "
                    };
                    Some((at..at, format!("{gap}{name}=\"{}\"", escape(value, true))))
                }
            },
        );
    }
    if element.text == value {
        return Ok(None);
    }
    if element.close.is_some() {
        return Ok(Some((
            element.open.end..element.text_end,
            escape(value, false),
        )));
    }
    let tag = text.get(element.open.clone()).unwrap_or_default();
    let start = tag.trim_end_matches('>').trim_end_matches('/').trim_end();
    Ok(Some((
        element.open.clone(),
        format!("{start}>{}</{}>", escape(value, false), element.name),
    )))
}

fn attribute_form(value: &str) -> Option<(&str, &str)> {
    let inner = value.strip_prefix('[')?.strip_suffix("']")?;
    let (name, value) = inner.split_once("='")?;
    let word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (word && is_name(name)).then_some((name, value))
}

/// What XML 1.0 cannot carry at all is left out.
fn escape(text: &str, attribute: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c if is_carried(c) => out.push(c),
            _ => {}
        }
    }
    out
}

fn is_carried(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// A new element below `parent`, behind its last child and indented like it.
fn insert(
    text: &str,
    parent: &Element,
    all: &[Element],
    missing: &[Step],
    value: &str,
) -> Result<(Range<usize>, String), &'static str> {
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |at| at + 1);
    let blank_before = |at: usize| {
        let line = text.get(line_start(at)..at).unwrap_or_default();
        line.chars()
            .all(|c| matches!(c, ' ' | '\t'))
            .then_some(line)
    };
    let base = blank_before(parent.open.start).unwrap_or_default();
    let last = parent.children.last().and_then(|index| all.get(*index));
    let pad = match last.map(|child| blank_before(child.open.start)) {
        Some(Some(pad)) => pad.to_owned(),
        // Children that share a line: so does the new one.
        Some(None) => String::new(),
        None => format!("{base}  "),
    };
    let spread = !pad.is_empty() || last.is_none();
    let new = chain(missing, value, &pad, spread)?;
    let end_of_last = last.map(|child| {
        child
            .close
            .as_ref()
            .map_or(child.open.end, |close| close.end)
    });
    Ok(match (end_of_last, &parent.close) {
        (Some(end), _) if spread => {
            let at = behind_comments(text, end);
            (at..at, format!("\n{pad}{new}"))
        }
        (Some(end), _) => (end..end, new),
        (None, Some(close)) if parent.text.trim().is_empty() => (
            parent.open.end..close.start,
            format!("\n{pad}{new}\n{base}"),
        ),
        (None, Some(close)) => (close.start..close.start, new),
        (None, None) => {
            let tag = text.get(parent.open.clone()).unwrap_or_default();
            let start = tag.trim_end_matches('>').trim_end_matches('/').trim_end();
            (
                parent.open.clone(),
                format!("{start}>\n{pad}{new}\n{base}</{}>", parent.name),
            )
        }
    })
}

/// A comment that goes on in the line of an element belongs to it.
fn behind_comments(text: &str, end: usize) -> usize {
    let mut at = end;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let after = &rest[blank..];
        let comment = after
            .strip_prefix("<!--")
            .and_then(|inner| inner.find("-->"));
        match comment {
            Some(length) => at += blank + "<!--".len() + length + "-->".len(),
            None if after.starts_with(['\r', '\n']) => return at,
            None => return end,
        }
    }
}

/// The elements of the steps, one in the other, the innermost with the value.
fn chain(steps: &[Step], value: &str, pad: &str, spread: bool) -> Result<String, &'static str> {
    let mut inner: Option<String> = None;
    for (level, step) in steps.iter().enumerate().rev() {
        let mut tag = step.name.clone();
        for condition in &step.conditions {
            match condition {
                Condition::Attribute(name, value) if is_name(name) => {
                    let value = value.as_deref().unwrap_or_default();
                    if !value.chars().all(is_carried) {
                        return Err("XML can't hold a character of an attribute in it");
                    }
                    tag.push_str(&format!(" {name}=\"{}\"", escape(value, true)));
                }
                Condition::Attribute(..) => return Err("an attribute's name is no name"),
                Condition::Position(1) => {}
                Condition::Position(_) => return Err("there is no element of that number"),
            }
        }
        let name = &step.name;
        let deeper = format!("{pad}{}", "  ".repeat(level + 1));
        let here = format!("{pad}{}", "  ".repeat(level));
        inner = Some(match inner {
            Some(inner) if spread => format!("<{tag}>\n{deeper}{inner}\n{here}</{name}>"),
            Some(inner) => format!("<{tag}>{inner}</{name}>"),
            None => match attribute_form(value) {
                Some((attribute, value)) => {
                    format!("<{tag} {attribute}=\"{}\"/>", escape(value, true))
                }
                None => format!("<{tag}>{}</{name}>", escape(value, false)),
            },
        });
    }
    inner.ok_or("it names nothing")
}

/// A document for an empty file: prolog and root.
fn begun(text: &str, steps: &[Step]) -> Option<String> {
    let root = &steps.first()?.name;
    if root == "*" {
        return None;
    }
    let prolog = if text.contains("<?xml") {
        ""
    } else {
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
    };
    let head = text.trim_end();
    let gap = if head.is_empty() { "" } else { "\n" };
    Some(format!("{prolog}{head}{gap}<{root}>\n</{root}>\n"))
}

fn patched(text: &str, mut patches: Vec<(Range<usize>, String)>) -> String {
    patches.sort_by_key(|(span, _)| span.start);
    let mut out = String::with_capacity(text.len() + 256);
    let mut at = 0;
    for (span, new) in &patches {
        // Of nested elements that are all to change, the outer one's text is before the inner one: no overlap.
        if let Some(kept) = text.get(at..span.start) {
            out.push_str(kept);
            out.push_str(new);
            at = span.end;
        }
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}
