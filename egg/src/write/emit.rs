//! Text for values that are put into JSON and YAML.

use super::value::Typed;
use crate::yaml::{Kind, Node, Style, scalar};
use serde_json::Value;

/// A node for a value, in no place yet.
pub(super) fn leaf(value: &Typed) -> Node {
    let (text, style) = match value {
        Typed::Text(text) => (text.clone(), Style::Double),
        Typed::Number(number) => (number.to_string(), Style::Plain),
        Typed::Bool(flag) => (flag.to_string(), Style::Plain),
    };
    bare(Kind::Scalar { text, style })
}

pub(super) fn bare(kind: Kind) -> Node {
    Node {
        span: 0..0,
        tag: None,
        anchor: 0,
        kind,
    }
}

pub(super) fn json_string(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// JSON over several lines. `indent` is one level; `level` is where the value stands.
pub(super) fn json(node: &Node, indent: &str, level: usize) -> String {
    let open = |level: usize| format!("\n{}", indent.repeat(level));
    let list = |items: Vec<String>, from: char, to: char| {
        if items.is_empty() {
            return format!("{from}{to}");
        }
        let inner = items.join(&format!(",{}", open(level + 1)));
        format!("{from}{}{inner}{}{to}", open(level + 1), open(level))
    };
    match &node.kind {
        Kind::Scalar {
            text,
            style: Style::Plain,
        } => text.clone(),
        Kind::Scalar { text, .. } => json_string(text),
        Kind::Alias(_) => "null".to_owned(),
        Kind::Seq { items, .. } => {
            let items = items
                .iter()
                .map(|item| json(item, indent, level + 1))
                .collect();
            list(items, '[', ']')
        }
        Kind::Map { entries, .. } => {
            let entry = |(key, value): &(Node, Node)| {
                format!(
                    "{}: {}",
                    json_string(key_text(key)),
                    json(value, indent, level + 1)
                )
            };
            list(entries.iter().map(entry).collect(), '{', '}')
        }
    }
}

/// YAML in braces, on one line.
pub(super) fn flow(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar { text, style } => with_tag(node, yaml_scalar(text, *style)),
        Kind::Alias(_) => "null".to_owned(),
        Kind::Seq { items, .. } => {
            let items: Vec<_> = items.iter().map(flow).collect();
            with_tag(node, format!("[{}]", items.join(", ")))
        }
        Kind::Map { entries, .. } => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", flow(key), flow(value)))
                .collect();
            with_tag(node, format!("{{{}}}", entries.join(", ")))
        }
    }
}

/// YAML behind a colon or dash: the blank or line end before it included. `indent` is that of the key.
pub(super) fn block(node: &Node, indent: usize) -> String {
    let tag = with_tag(node, String::new());
    let tag = tag.trim_end();
    let tag = if tag.is_empty() {
        String::new()
    } else {
        format!(" {tag}")
    };
    match &node.kind {
        Kind::Map { entries, .. } if !entries.is_empty() => {
            let pad = " ".repeat(indent + 2);
            let entry = |(key, value): &(Node, Node)| match &key.kind {
                Kind::Scalar { .. } => format!("\n{pad}{}:{}", flow(key), block(value, indent + 2)),
                _ => format!("\n{pad}? {}\n{pad}:{}", flow(key), block(value, indent + 2)),
            };
            format!("{tag}{}", entries.iter().map(entry).collect::<String>())
        }
        Kind::Seq { items, .. } if !items.is_empty() => {
            let pad = " ".repeat(indent + 2);
            let items: String = items
                .iter()
                .map(|item| format!("\n{pad}-{}", block(item, indent + 2)))
                .collect();
            format!("{tag}{items}")
        }
        _ => format!(" {}", flow(node)),
    }
}

fn with_tag(node: &Node, text: String) -> String {
    match &node.tag {
        Some(tag) => format!("{tag} {text}"),
        None => text,
    }
}

/// A scalar in the style it had, as far as the text allows.
pub(super) fn yaml_scalar(text: &str, style: Style) -> String {
    match style {
        Style::Plain if !text.contains('\n') => text.to_owned(),
        Style::Single if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        _ => double(text),
    }
}

/// Text for a value that replaces another of `style`.
pub(super) fn yaml_text(text: &str, style: Style) -> (String, Style) {
    match style {
        Style::Plain | Style::Block if is_plain(text) => (text.to_owned(), Style::Plain),
        Style::Plain if !text.chars().any(char::is_control) => {
            (yaml_scalar(text, Style::Single), Style::Single)
        }
        Style::Single if !text.chars().any(char::is_control) => {
            (yaml_scalar(text, Style::Single), Style::Single)
        }
        _ => (double(text), Style::Double),
    }
}

fn double(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// True for a text that no YAML reader, old or new, takes for anything else without quotes.
fn is_plain(text: &str) -> bool {
    let safe = |c: char| {
        c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | '+' | '@' | ' ' | '(' | ')')
    };
    let word = text.to_ascii_lowercase();
    text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '/' | '_'))
        && !text.ends_with(' ')
        && text.chars().all(safe)
        && !is_old_boolean(&word)
        && !matches!(word.as_str(), "null" | "true" | "false" | "y" | "n")
        && matches!(scalar(text, Style::Plain, None), Value::String(_))
}

/// What YAML 1.1 readers, such as Java's, take for booleans.
pub(super) fn is_old_boolean(text: &str) -> bool {
    ["yes", "no", "on", "off"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text))
}

/// The text that a key is found by.
pub(super) fn key_text(key: &Node) -> &str {
    match &key.kind {
        Kind::Scalar { text, .. } => text,
        _ => "",
    }
}
