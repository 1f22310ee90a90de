//! An XML document as elements that know where their parts stand. Entities are never expanded.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::WriteError;
use crate::limits;

#[derive(Default)]
pub(super) struct Element {
    pub name: String,
    /// The opening tag.
    pub open: Range<usize>,
    /// The closing tag; absent for `<a/>`.
    pub close: Option<Range<usize>>,
    /// Where the text right behind the opening tag ends.
    pub text_end: usize,
    pub text: String,
    pub children: Vec<usize>,
    pub attributes: Vec<Attribute>,
}

pub(super) struct Attribute {
    pub name: String,
    pub value: String,
    /// Of the value, without its quotes.
    pub at: Range<usize>,
}

/// All elements; the first is the root.
pub(super) struct Document {
    pub elements: Vec<Element>,
}
impl Document {
    pub fn read(text: &str) -> Result<Self, WriteError> {
        let syntax = |message: String| WriteError::Syntax {
            format: "XML",
            message,
        };
        let mut reader = Reader::from_str(text);
        let mut document = Self {
            elements: Vec::new(),
        };
        let mut open: Vec<usize> = Vec::new();
        // False once something else than text was met in the innermost element.
        let mut in_text = false;
        loop {
            let start = position(&reader, text);
            let event = reader
                .read_event()
                .map_err(|error| syntax(error.to_string()))?;
            let span = start..position(&reader, text);
            if !matches!(
                event,
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_)
            ) && in_text
            {
                in_text = false;
                if let Some(element) = open
                    .last()
                    .and_then(|index| document.elements.get_mut(*index))
                {
                    element.text_end = span.start;
                }
            }
            let current = open.last().copied();
            let mut add_text = |part: &str| {
                if let (true, Some(element)) = (
                    in_text,
                    current.and_then(|index| document.elements.get_mut(index)),
                ) {
                    element.text.push_str(part);
                }
            };
            match event {
                Event::Text(part) if open.is_empty() && !part.trim().is_empty() => {
                    return Err(syntax("there is text outside of any element".into()));
                }
                // A reader of XML sees no carriage return.
                Event::Text(part) => add_text(&part.replace("\r\n", "\n")),
                Event::CData(part) => add_text(&part.replace("\r\n", "\n")),
                Event::GeneralRef(part) => add_text(&reference(&part)),
                Event::Start(_) | Event::Empty(_) => {
                    let empty = matches!(event, Event::Empty(_));
                    if open.len() > limits::DEPTH {
                        return Err(syntax("it is nested too deep".into()));
                    }
                    if open.is_empty() && !document.elements.is_empty() {
                        return Err(syntax("it has two root elements".into()));
                    }
                    let index = document.elements.len();
                    if index >= limits::VALUES {
                        return Err(WriteError::TooLarge);
                    }
                    if let Some(parent) = current.and_then(|index| document.elements.get_mut(index))
                    {
                        parent.children.push(index);
                    }
                    let new = element(text, span, empty);
                    let new =
                        new.ok_or_else(|| syntax("an element's attributes are none".into()))?;
                    document.elements.push(new);
                    if !empty {
                        open.push(index);
                        in_text = true;
                    }
                }
                Event::End(_) => {
                    if let Some(element) = open
                        .pop()
                        .and_then(|index| document.elements.get_mut(index))
                    {
                        element.close = Some(span);
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        if !open.is_empty() {
            return Err(syntax("it ends within an element".into()));
        }
        Ok(document)
    }
}

fn position(reader: &Reader<&[u8]>, text: &str) -> usize {
    usize::try_from(reader.buffer_position())
        .unwrap_or(text.len())
        .min(text.len())
}

/// The five names of XML and numbers; any other entity stays as it is written.
fn reference(part: &BytesRef) -> String {
    if let Ok(Some(c)) = part.resolve_char_ref() {
        return c.to_string();
    }
    match &**part {
        "amp" => "&".into(),
        "lt" => "<".into(),
        "gt" => ">".into(),
        "quot" => "\"".into(),
        "apos" => "'".into(),
        other => format!("&{other};"),
    }
}

/// `None`: its attributes are none.
fn element(text: &str, open: Range<usize>, empty: bool) -> Option<Element> {
    let tag = text.get(open.clone())?;
    let inner = tag.strip_prefix('<')?.strip_suffix('>')?;
    let inner = if empty {
        inner.strip_suffix('/')?
    } else {
        inner
    };
    let name_end = inner
        .find(|c: char| c.is_whitespace())
        .unwrap_or(inner.len());
    Some(Element {
        name: inner[..name_end].to_owned(),
        text_end: open.end,
        attributes: attributes(inner, name_end, open.start + 1)?,
        open,
        ..Element::default()
    })
}

/// `offset`: where `tag` stands in the text. `None`: one has no value or no name, or two have the same.
fn attributes(tag: &str, mut at: usize, offset: usize) -> Option<Vec<Attribute>> {
    let mut found: Vec<Attribute> = Vec::new();
    while !tag[at..].trim_start().is_empty() {
        let equals = at + tag[at..].find('=')?;
        let name = tag[at..equals].trim();
        let after = &tag[equals + 1..];
        let value = after.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let start = equals + 2 + (after.len() - value.len());
        let end = start + tag[start..].find(quote)?;
        let is_new = found.iter().all(|known| known.name != name);
        if !is_new
            || name.is_empty()
            || name.contains(|c: char| c.is_whitespace() || "\"'<>/".contains(c))
        {
            return None;
        }
        found.push(Attribute {
            name: name.to_owned(),
            value: unescape(&tag[start..end]),
            at: offset + start..offset + end,
        });
        at = end + 1;
    }
    Some(found)
}

fn unescape(text: &str) -> String {
    quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), |text| text.into_owned())
}
