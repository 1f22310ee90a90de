//! JSON and YAML: the text is patched where a value stands, then read again. Only if that gives something else than
//! what was meant, or if an anchor is in the way, the document is written anew from its values (without comments).

use std::collections::HashMap;

use super::emit::{self, bare, key_text, leaf};
use super::layout::indent_of;
use super::lines::{end_of_text, with_ends};
use super::node::{
    collect, expanded, has_alias, is_nothing, meets_anchor, present, same_all, same_kind,
};
use super::patches::Patches;
use super::path::{Step, steps};
use super::value::{Choice, Present, Typed, typed};
use super::{WriteError, json};
use crate::limits;
use crate::model::FindValue;
use crate::yaml::{self, Kind, Node, Style};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Json,
    Yaml,
}

pub(super) fn apply(
    dialect: Dialect,
    text: &str,
    finds: &[(String, FindValue)],
) -> Result<String, WriteError> {
    let mut editor = Editor::open(dialect, text)?;
    for (key, value) in finds {
        let steps = steps(key)?;
        editor
            .set(&steps, &Choice::new(value))
            .map_err(|error| match error {
                Stop::Key(message) => WriteError::Key {
                    key: key.clone(),
                    message: message.to_owned(),
                },
                Stop::Write(error) => error,
            })?;
    }
    editor.close()
}

/// Why a key could not be set.
enum Stop {
    Key(&'static str),
    Write(WriteError),
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

pub(super) struct Editor {
    pub(super) dialect: Dialect,
    pub(super) text: String,
    /// What is meant. Spans are those of `text` until something was changed.
    pub(super) documents: Vec<Node>,
    pub(super) patches: Patches,
    /// One level of indentation in the text.
    pub(super) indent: String,
    /// What ends its lines.
    pub(super) end: &'static str,
    /// Something new was put in: its place is known only after the text was read again.
    pub(super) grown: bool,
    /// True: patches can't say it; the text is written from `documents` at the end.
    pub(super) anew: bool,
    pub(super) has_aliases: bool,
}

fn read(dialect: Dialect, text: &str) -> Result<Vec<Node>, WriteError> {
    match dialect {
        Dialect::Json => Ok(json::load(text)?.into_iter().collect()),
        Dialect::Yaml => yaml::load(text).map_err(|error| WriteError::Syntax {
            format: "YAML",
            message: error.to_string(),
        }),
    }
}

impl Editor {
    fn open(dialect: Dialect, text: &str) -> Result<Self, WriteError> {
        let mut text = text.to_owned();
        let mut documents = read(dialect, &text)?;
        if documents.is_empty() && dialect == Dialect::Json {
            // Wings leaves an empty file empty, and the game then fails on it.
            // Behind a comment that ends with the file the document would be part of it.
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str("{}\n");
            documents = read(dialect, &text)?;
        }
        if documents.first().is_none_or(is_nothing) && dialect == Dialect::Yaml {
            let root = bare(Kind::Map {
                flow: false,
                entries: Vec::new(),
            });
            match documents.first_mut() {
                Some(first) => *first = root,
                None => documents.push(root),
            }
        }
        let indent = indent_of(&text);
        Ok(Self {
            has_aliases: documents.iter().any(has_alias),
            end: end_of_text(&text),
            dialect,
            text,
            documents,
            patches: Patches::default(),
            indent,
            grown: false,
            anew: false,
        })
    }

    fn set(&mut self, steps: &[Step], choice: &Choice) -> Result<(), Stop> {
        if self.has_aliases
            && !self.anew
            && self
                .documents
                .first()
                .is_some_and(|root| meets_anchor(root, steps))
        {
            self.flush()?;
            self.expand()?;
        }
        let mut root = match self.documents.first_mut() {
            Some(root) => std::mem::replace(root, bare(Kind::Alias(0))),
            None => return Ok(()),
        };
        let done = self.walk(&mut root, None, steps, choice);
        if let Some(first) = self.documents.first_mut() {
            *first = root;
        }
        done?;
        // Patches on one place can't be put together: the first is made before the second is thought of.
        if self.grown {
            self.flush()?;
        }
        Ok(())
    }

    /// `colon`: where the node's key ends, if it is a member of a map.
    fn walk(
        &mut self,
        node: &mut Node,
        colon: Option<usize>,
        steps: &[Step],
        choice: &Choice,
    ) -> Result<(), Stop> {
        let Some((step, rest)) = steps.split_first() else {
            return self.leaf(node, colon, choice);
        };
        if matches!(node.kind, Kind::Scalar { .. }) {
            return self.grow_scalar(node, colon, steps, choice);
        }
        match (&mut node.kind, step) {
            (Kind::Map { entries, .. }, Step::Every) => {
                for (key, value) in entries {
                    if rest.is_empty() || !matches!(value.kind, Kind::Scalar { .. }) {
                        self.walk(value, Some(key.span.end), rest, choice)?;
                    }
                }
                Ok(())
            }
            (Kind::Seq { items, .. }, Step::Every) => {
                for item in items {
                    if rest.is_empty() || !matches!(item.kind, Kind::Scalar { .. }) {
                        self.walk(item, None, rest, choice)?;
                    }
                }
                Ok(())
            }
            (Kind::Map { entries, .. }, Step::Name(name)) => {
                match entries.iter_mut().rfind(|(key, _)| key_text(key) == name) {
                    Some((key, value)) => self.walk(value, Some(key.span.end), rest, choice),
                    None => self.add(node, name, rest, choice),
                }
            }
            (Kind::Seq { items, .. }, step) => {
                let index = match step {
                    Step::Index(index) => Some(*index),
                    Step::Name(name) => name.parse().ok(),
                    Step::Every => None,
                };
                let count = items.len();
                match index.and_then(|index| items.get_mut(index)) {
                    Some(item) => self.walk(item, None, rest, choice),
                    None if count == 0 && index == Some(0) => self.grow(node, colon, steps, choice),
                    None if choice.is_conditional() => Ok(()),
                    None => Err(Stop::Key("the list has no item of that number")),
                }
            }
            (Kind::Map { .. }, Step::Index(_)) => match choice.is_conditional() {
                true => Ok(()),
                false => Err(Stop::Key("there is a map where the key expects a list")),
            },
            (Kind::Alias(_) | Kind::Scalar { .. }, _) => {
                Err(Stop::Key("something else is in its way"))
            }
        }
    }

    /// A scalar where the key expects more: null gives way, a value does not.
    fn grow_scalar(
        &mut self,
        node: &mut Node,
        colon: Option<usize>,
        steps: &[Step],
        choice: &Choice,
    ) -> Result<(), Stop> {
        if choice.is_conditional() || steps.first() == Some(&Step::Every) {
            return Ok(());
        }
        if !is_nothing(node) {
            return Err(Stop::Key("a value is in its way"));
        }
        self.grow(node, colon, steps, choice)
    }

    /// Puts what the rest of a key names in the place of a node.
    fn grow(
        &mut self,
        node: &mut Node,
        colon: Option<usize>,
        steps: &[Step],
        choice: &Choice,
    ) -> Result<(), Stop> {
        let Some(new) = build(self.dialect, steps, choice)? else {
            return Ok(());
        };
        let text = match self.dialect {
            Dialect::Json => emit::json(&new, &self.indent, self.level(node.span.start)),
            Dialect::Yaml => emit::flow(&new),
        };
        self.put(node, colon, new.kind, text);
        self.grown = true;
        Ok(())
    }

    fn leaf(&mut self, node: &mut Node, colon: Option<usize>, choice: &Choice) -> Result<(), Stop> {
        let (current, style) = match &node.kind {
            Kind::Scalar { text, style } => (Some(text.as_str()), *style),
            _ => (None, Style::Plain),
        };
        if choice.is_conditional() && current.is_none() {
            return Ok(());
        }
        let Some(literal) = choice.pick(current.or(Some(""))) else {
            return Ok(());
        };
        let value = typed(&literal, present(node));
        let (new, style) = match (&value, self.dialect) {
            (Typed::Text(text), Dialect::Json) => (emit::json_string(text), Style::Double),
            (Typed::Text(text), Dialect::Yaml) => emit::yaml_text(text, style),
            (Typed::Number(number), _) => (number.to_string(), Style::Plain),
            (Typed::Bool(flag), _) => (flag.to_string(), Style::Plain),
        };
        let kind = match leaf(&value).kind {
            Kind::Scalar { text, .. } => Kind::Scalar { text, style },
            other => other,
        };
        if same_kind(&node.kind, &kind, node.tag.as_deref()) {
            return Ok(());
        }
        self.put(node, colon, kind, new);
        Ok(())
    }

    /// Adds a member to a map.
    fn add(
        &mut self,
        node: &mut Node,
        name: &str,
        rest: &[Step],
        choice: &Choice,
    ) -> Result<(), Stop> {
        if choice.is_conditional() {
            return Ok(());
        }
        let Some(new) = build(self.dialect, rest, choice)? else {
            return Ok(());
        };
        if let Kind::Map { flow, entries } = &node.kind
            && !self.anew
        {
            match (self.dialect, flow) {
                (Dialect::Yaml, false) => self.add_block(entries, name, &new),
                _ => self.add_flow(&node.span, entries, name, &new),
            }
        }
        if let Kind::Map { entries, .. } = &mut node.kind {
            let text = name.to_owned();
            let (_, style) = emit::yaml_text(name, Style::Plain);
            entries.push((bare(Kind::Scalar { text, style }), new));
        }
        self.grown = true;
        Ok(())
    }

    /// Makes the patches and reads the text again: it must say what was meant.
    fn flush(&mut self) -> Result<(), WriteError> {
        self.grown = false;
        if self.anew || self.patches.is_empty() {
            return Ok(());
        }
        let Some(text) = std::mem::take(&mut self.patches).make(&self.text) else {
            self.anew = true;
            return Ok(());
        };
        match read(self.dialect, &text) {
            Ok(documents) if same_all(&documents, &self.documents) => {
                self.indent = indent_of(&text);
                self.text = text;
                self.documents = documents;
            }
            _ => self.anew = true,
        }
        Ok(())
    }

    /// Writes aliases out, so that one place can change without the others.
    fn expand(&mut self) -> Result<(), WriteError> {
        self.anew = true;
        let mut budget = limits::VALUES;
        for document in &mut self.documents {
            let mut anchors = HashMap::new();
            collect(document, &mut anchors);
            *document = expanded(document, &anchors, &mut budget, 0)
                .ok_or(WriteError::Unsafe { format: "YAML" })?;
        }
        self.has_aliases = false;
        Ok(())
    }

    fn close(mut self) -> Result<String, WriteError> {
        self.flush()?;
        if !self.anew {
            return Ok(self.text);
        }
        if self.has_aliases {
            self.expand()?;
        }
        let text = match self.dialect {
            Dialect::Json => {
                let indent = &self.indent;
                self.documents
                    .iter()
                    .map(|root| emit::json(root, indent, 0) + "\n")
                    .collect()
            }
            Dialect::Yaml => {
                let documents: Vec<_> = self.documents.iter().map(document).collect();
                documents.join("---\n")
            }
        };
        let text = with_ends(text, self.end);
        match read(self.dialect, &text) {
            Ok(documents) if same_all(&documents, &self.documents) => Ok(text),
            _ => Err(WriteError::Unsafe {
                format: match self.dialect {
                    Dialect::Json => "JSON",
                    Dialect::Yaml => "YAML",
                },
            }),
        }
    }
}

/// What a key and its value make where nothing stands. `None`: nothing, since there is no "every" of nothing.
fn build(dialect: Dialect, steps: &[Step], choice: &Choice) -> Result<Option<Node>, Stop> {
    let Some(literal) = choice.pick(None) else {
        return Ok(None);
    };
    let mut node = leaf(&typed(&literal, Present::Other));
    if let (
        Dialect::Yaml,
        Kind::Scalar {
            text,
            style: style @ Style::Double,
        },
    ) = (dialect, &mut node.kind)
    {
        *style = emit::yaml_text(text, Style::Plain).1;
    }
    for step in steps.iter().rev() {
        node = bare(match step {
            Step::Every => return Ok(None),
            Step::Name(name) => {
                let (_, style) = emit::yaml_text(name, Style::Plain);
                let key = Kind::Scalar {
                    text: name.clone(),
                    style,
                };
                Kind::Map {
                    flow: false,
                    entries: vec![(bare(key), node)],
                }
            }
            Step::Index(0) => Kind::Seq {
                flow: false,
                items: vec![node],
            },
            Step::Index(_) => return Err(Stop::Key("the list has no item of that number")),
        });
    }
    Ok(Some(node))
}

/// A YAML document of its own, from its values.
fn document(root: &Node) -> String {
    match &root.kind {
        Kind::Map { entries, .. } if !entries.is_empty() && root.tag.is_none() => entries
            .iter()
            .map(|(key, value)| match &key.kind {
                Kind::Scalar { .. } => format!("{}:{}\n", emit::flow(key), emit::block(value, 0)),
                _ => format!("? {}\n:{}\n", emit::flow(key), emit::block(value, 0)),
            })
            .collect(),
        _ => format!("{}\n", emit::flow(root)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~äß]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn list() -> impl Strategy<Value = Vec<(String, FindValue)>> {
        let value = prop_oneof![
            ".{0,8}".prop_map(Value::from),
            "[-a-z0-9:#'\"{}\\[\\],&*!|>% \n]{0,8}".prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            ("[a-z0-9]{0,2}|regex:[a-z]", "[$a-z0-9]{0,3}")
                .prop_map(|(when, then)| json!({ when: then })),
        ];
        let value = value.prop_map(|value| FindValue::from_json(&value).unwrap());
        prop::collection::vec(("[abcd](\\.[abcd*]|\\[[012]\\]){0,3}", value), 1..5)
    }

    fn said(dialect: Dialect, text: &str) -> Value {
        yaml::to_json(&read(dialect, text).unwrap()[0]).unwrap()
    }

    proptest! {
        /// JSON is YAML, and a document can be laid out in many ways: all come to the same values.
        #[test]
        fn every_layout_comes_to_the_same_values(document in document(), list in list()) {
            let node = json::load(&document.to_string()).unwrap().unwrap();
            let layouts = [
                (Dialect::Json, document.to_string()),
                (Dialect::Json, emit::json(&node, "\t", 0)),
                (Dialect::Yaml, document.to_string()),
                (Dialect::Yaml, emit::json(&node, "  ", 0)),
                (Dialect::Yaml, super::document(&node)),
            ];
            let results: Vec<_> = layouts
                .iter()
                .map(|(dialect, text)| match apply(*dialect, text, &list) {
                    Ok(after) => Some(said(*dialect, &after)),
                    Err(WriteError::Key { .. }) => None,
                    Err(error) => panic!("{text}: {error}"),
                })
                .collect();
            // An empty document is a map to YAML and a value to JSON.
            prop_assume!(!document.is_null());
            for (result, (_, text)) in results.iter().zip(&layouts) {
                prop_assert_eq!(result, &results[0], "{}", text);
            }
        }

        #[test]
        fn writing_once_more_changes_nothing(document in document(), list in list()) {
            let plain: Vec<_> = list.into_iter().filter(|(_, value)| matches!(value, FindValue::Set(_))).collect();
            let node = json::load(&document.to_string()).unwrap().unwrap();
            for (dialect, text) in [(Dialect::Json, document.to_string()), (Dialect::Yaml, super::document(&node))] {
                let mut last: Option<String> = None;
                for find in &plain {
                    let before = last.clone().unwrap_or_else(|| text.clone());
                    let Ok(once) = apply(dialect, &before, std::slice::from_ref(find)) else { break };
                    prop_assert_eq!(&apply(dialect, &once, std::slice::from_ref(find)).unwrap(), &once);
                    last = Some(once);
                }
            }
        }
    }
}
