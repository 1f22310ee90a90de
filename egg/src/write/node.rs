//! Questions about the nodes of a document, and its anchors written out.

use std::collections::HashMap;

use super::emit::{self, key_text};
use super::path::Step;
use super::value::Present;
use crate::limits;
use crate::yaml::{Kind, Node, Style, scalar};

pub(super) fn is_nothing(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar { text, style } if scalar(text, *style, node.tag.as_deref()).is_null())
}

pub(super) fn present(node: &Node) -> Present {
    let Kind::Scalar { text, style } = &node.kind else {
        return Present::Other;
    };
    match scalar(text, *style, node.tag.as_deref()) {
        serde_json::Value::Bool(_) => Present::Bool,
        serde_json::Value::Number(_) => Present::Number,
        serde_json::Value::Null => Present::Other,
        _ if *style == Style::Plain && emit::is_old_boolean(text) => Present::Bool,
        _ => Present::Text,
    }
}

pub(super) fn has_alias(node: &Node) -> bool {
    match &node.kind {
        Kind::Alias(_) => true,
        Kind::Scalar { .. } => false,
        Kind::Seq { items, .. } => items.iter().any(has_alias),
        Kind::Map { entries, .. } => entries
            .iter()
            .any(|(key, value)| has_alias(key) || has_alias(value)),
    }
}

/// True if the way to what a key names leads through an anchor or alias.
pub(super) fn meets_anchor(node: &Node, steps: &[Step]) -> bool {
    if node.anchor != 0 || matches!(node.kind, Kind::Alias(_)) {
        return true;
    }
    let Some((step, rest)) = steps.split_first() else {
        return false;
    };
    match (&node.kind, step) {
        (Kind::Map { entries, .. }, Step::Every) => {
            entries.iter().any(|(_, value)| meets_anchor(value, rest))
        }
        (Kind::Seq { items, .. }, Step::Every) => items.iter().any(|item| meets_anchor(item, rest)),
        (Kind::Map { entries, .. }, Step::Name(name)) => {
            let found = entries.iter().rfind(|(key, _)| key_text(key) == name);
            found.is_some_and(|(_, value)| meets_anchor(value, rest))
        }
        (Kind::Seq { items, .. }, Step::Index(index)) => items
            .get(*index)
            .is_some_and(|item| meets_anchor(item, rest)),
        (Kind::Seq { items, .. }, Step::Name(name)) => {
            let item = name
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index));
            item.is_some_and(|item| meets_anchor(item, rest))
        }
        _ => false,
    }
}

pub(super) fn collect(node: &Node, anchors: &mut HashMap<usize, Node>) {
    if node.anchor != 0 {
        anchors.insert(node.anchor, node.clone());
    }
    match &node.kind {
        Kind::Seq { items, .. } => items.iter().for_each(|item| collect(item, anchors)),
        Kind::Map { entries, .. } => entries.iter().for_each(|(key, value)| {
            collect(key, anchors);
            collect(value, anchors);
        }),
        Kind::Scalar { .. } | Kind::Alias(_) => {}
    }
}

/// `None`: too large once written out.
pub(super) fn expanded(
    node: &Node,
    anchors: &HashMap<usize, Node>,
    budget: &mut usize,
    depth: usize,
) -> Option<Node> {
    *budget = budget.checked_sub(1)?;
    if depth > limits::DEPTH {
        return None;
    }
    let kind = match &node.kind {
        Kind::Alias(id) => return expanded(anchors.get(id)?, anchors, budget, depth + 1),
        Kind::Scalar { text, style } => Kind::Scalar {
            text: text.clone(),
            style: *style,
        },
        Kind::Seq { flow, items } => Kind::Seq {
            flow: *flow,
            items: items
                .iter()
                .map(|item| expanded(item, anchors, budget, depth + 1))
                .collect::<Option<_>>()?,
        },
        Kind::Map { flow, entries } => Kind::Map {
            flow: *flow,
            entries: entries
                .iter()
                .map(|(key, value)| {
                    Some((
                        expanded(key, anchors, budget, depth + 1)?,
                        expanded(value, anchors, budget, depth + 1)?,
                    ))
                })
                .collect::<Option<_>>()?,
        },
    };
    Some(Node {
        span: 0..0,
        tag: node.tag.clone(),
        anchor: 0,
        kind,
    })
}

pub(super) fn same_all(left: &[Node], right: &[Node]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| same(left, right))
}

/// Equal in what they say, wherever and however they stand.
pub(super) fn same(left: &Node, right: &Node) -> bool {
    left.tag == right.tag && same_kind(&left.kind, &right.kind, left.tag.as_deref())
}

pub(super) fn same_kind(left: &Kind, right: &Kind, tag: Option<&str>) -> bool {
    match (left, right) {
        (Kind::Scalar { text: a, style: s }, Kind::Scalar { text: b, style: t }) => {
            scalar(a, *s, tag) == scalar(b, *t, tag)
        }
        (Kind::Seq { items: a, .. }, Kind::Seq { items: b, .. }) => same_all(a, b),
        (Kind::Map { entries: a, .. }, Kind::Map { entries: b, .. }) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|((a_key, a_value), (b_key, b_value))| {
                    same(a_key, b_key) && same(a_value, b_value)
                })
        }
        (Kind::Alias(a), Kind::Alias(b)) => a == b,
        _ => false,
    }
}
