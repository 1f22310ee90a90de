//! TOML, by way of toml_edit, which keeps comments, order and the spelling of what is not touched. Line ends it does
//! not keep: they are put back.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::WriteError;
use super::lines::end_of_text;
use super::path::{Step, steps};
use super::value::{Choice, Present, Typed, typed};
use crate::model::FindValue;

pub(super) fn apply(text: &str, finds: &[(String, FindValue)]) -> Result<String, WriteError> {
    let mut document: DocumentMut =
        text.parse()
            .map_err(|error: toml_edit::TomlError| WriteError::Syntax {
                format: "TOML",
                message: error.message().to_owned(),
            })?;
    let mut changed = false;
    for (key, value) in finds {
        let steps = steps(key)?;
        changed |=
            in_item(document.as_item_mut(), &steps, &Choice::new(value)).map_err(|message| {
                WriteError::Key {
                    key: key.clone(),
                    message: message.to_owned(),
                }
            })?;
    }
    // An unchanged document comes back byte by byte, line ends and all.
    if !changed {
        return Ok(text.to_owned());
    }
    let edited = with_ends_of(text, &document.to_string());
    match edited.parse::<DocumentMut>() {
        Ok(_) => Ok(edited),
        Err(_) => Err(WriteError::Unsafe { format: "TOML" }),
    }
}

/// Changed lines that may stand between two that are still found.
const AHEAD_MOST: usize = 64;

/// The lines of `edited`, each with the end that it has in `text`; new ones with that of the first line.
fn with_ends_of(text: &str, edited: &str) -> String {
    let usual = end_of_text(text);
    let bare = |line: &str| line.trim_end_matches(['\r', '\n']).len();
    let before: Vec<&str> = text.split_inclusive('\n').collect();
    let mixed = before.iter().any(|line| &line[bare(line)..] != usual);
    let mut from = 0;
    let mut out = String::with_capacity(edited.len() + 64);
    for line in edited.split_inclusive('\n') {
        let line = &line[..bare(line)];
        // Lines keep their order: the search goes on behind the last one found.
        let ahead = before
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take(AHEAD_MOST);
        let same = ahead
            .enumerate()
            .find(|(_, other)| mixed && other[..bare(other)] == *line);
        let end = same.map_or("", |(at, other)| {
            from += at + 1;
            &other[bare(other)..]
        });
        out.push_str(line);
        out.push_str(if end.is_empty() { usual } else { end });
    }
    if !text.is_empty() && !text.ends_with('\n') {
        out.truncate(bare(&out));
    }
    out
}

type Done = Result<bool, &'static str>;

const IN_THE_WAY: &str = "a value is in its way";
const NO_ITEM: &str = "the list has no item of that number";

fn in_item(item: &mut Item, steps: &[Step], choice: &Choice) -> Done {
    match item {
        Item::None => Ok(false),
        Item::Value(value) => in_value(value, steps, choice),
        Item::Table(table) => in_table(table, steps, choice),
        Item::ArrayOfTables(tables) => match steps.split_first() {
            None => Err("a list of tables is in its way"),
            Some((Step::Every, rest)) => {
                let mut changed = false;
                for table in tables.iter_mut() {
                    changed |= in_table(table, rest, choice)?;
                }
                Ok(changed)
            }
            Some((step, rest)) => match number(step).and_then(|index| tables.get_mut(index)) {
                Some(table) => in_table(table, rest, choice),
                None if choice.is_conditional() => Ok(false),
                None => Err(NO_ITEM),
            },
        },
    }
}

fn in_table(table: &mut Table, steps: &[Step], choice: &Choice) -> Done {
    let Some((step, rest)) = steps.split_first() else {
        return if choice.is_conditional() {
            Ok(false)
        } else {
            Err("a table is in its way")
        };
    };
    match step {
        Step::Every => {
            let mut changed = false;
            for (_, item) in table.iter_mut() {
                if rest.is_empty() || holds_more(item) {
                    changed |= in_item(item, rest, choice)?;
                }
            }
            Ok(changed)
        }
        Step::Index(_) => Err("there is a table where the key expects a list"),
        Step::Name(name) => match table.get_mut(name) {
            Some(item) if !item.is_none() => in_item(item, rest, choice),
            _ => Ok(match build(rest, choice)? {
                Some(item) => {
                    table.insert(name, item);
                    true
                }
                None => false,
            }),
        },
    }
}

fn in_value(value: &mut Value, steps: &[Step], choice: &Choice) -> Done {
    let Some((step, rest)) = steps.split_first() else {
        return Ok(leaf(value, choice));
    };
    match (value, step) {
        (Value::InlineTable(table), Step::Name(name)) => match table.get_mut(name) {
            Some(value) => in_value(value, rest, choice),
            None => Ok(match build_value(rest, choice)? {
                Some(value) => {
                    table.insert(name, value);
                    true
                }
                None => false,
            }),
        },
        (Value::InlineTable(table), Step::Every) => {
            let mut changed = false;
            for (_, value) in table.iter_mut() {
                if rest.is_empty() || is_collection(value) {
                    changed |= in_value(value, rest, choice)?;
                }
            }
            Ok(changed)
        }
        (Value::Array(array), Step::Every) => {
            let mut changed = false;
            for value in array.iter_mut() {
                if rest.is_empty() || is_collection(value) {
                    changed |= in_value(value, rest, choice)?;
                }
            }
            Ok(changed)
        }
        (Value::Array(array), step) => in_array(array, step, rest, choice),
        _ if choice.is_conditional() => Ok(false),
        _ => Err(IN_THE_WAY),
    }
}

fn in_array(array: &mut Array, step: &Step, rest: &[Step], choice: &Choice) -> Done {
    let index = number(step);
    if let Some(value) = index.and_then(|index| array.get_mut(index)) {
        return in_value(value, rest, choice);
    }
    if choice.is_conditional() {
        return Ok(false);
    }
    if !array.is_empty() || index != Some(0) {
        return Err(NO_ITEM);
    }
    let built = build_value(rest, choice)?;
    Ok(built.is_some_and(|value| {
        array.push(value);
        true
    }))
}

fn number(step: &Step) -> Option<usize> {
    match step {
        Step::Index(index) => Some(*index),
        Step::Name(name) => name.parse().ok(),
        Step::Every => None,
    }
}

fn holds_more(item: &Item) -> bool {
    match item {
        Item::Table(_) | Item::ArrayOfTables(_) => true,
        Item::Value(value) => is_collection(value),
        Item::None => false,
    }
}

fn is_collection(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::InlineTable(_))
}

/// Sets a value in its place; true if it is another one now.
fn leaf(value: &mut Value, choice: &Choice) -> bool {
    let (present, current) = match &*value {
        Value::String(text) => (Present::Text, text.value().clone()),
        Value::Integer(number) => (Present::Number, number.value().to_string()),
        Value::Float(number) => (Present::Number, number.value().to_string()),
        Value::Boolean(flag) => (Present::Bool, flag.value().to_string()),
        Value::Datetime(time) => (Present::Text, time.value().to_string()),
        Value::Array(_) | Value::InlineTable(_) => (Present::Other, String::new()),
    };
    if choice.is_conditional() && present == Present::Other {
        return false;
    }
    let Some(literal) = choice.pick(Some(&current)) else {
        return false;
    };
    // A date or time stays one if the new text is one.
    let new = match (&*value, literal.to_string().parse()) {
        (Value::Datetime(_), Ok(time)) => Value::Datetime(toml_edit::Formatted::new(time)),
        _ => alike(value, scalar(&typed(&literal, present))),
    };
    if same(value, &new) {
        return false;
    }
    let decor = value.decor().clone();
    *value = new;
    *value.decor_mut() = decor;
    true
}

/// The new value in the form of the old one: a float stays one (`5` becomes `5.0`), a text keeps its kind of quotes.
fn alike(old: &Value, new: Value) -> Value {
    let form = match (old, &new) {
        (Value::Float(_), Value::Integer(number)) => format!("{}.0", number.value()),
        (Value::String(old), Value::String(new)) => {
            let single = old
                .as_repr()
                .and_then(|repr| repr.as_raw().as_str())
                .is_some_and(|raw| raw.starts_with('\'') && !raw.starts_with("'''"));
            let fits = |c: char| c != '\'' && !c.is_control();
            if !single || !new.value().chars().all(fits) {
                return Value::from(new.value().as_str());
            }
            format!("'{}'", new.value())
        }
        _ => return new,
    };
    form.parse().unwrap_or(new)
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(a), Value::String(b)) => a.value() == b.value(),
        (Value::Integer(a), Value::Integer(b)) => a.value() == b.value(),
        (Value::Float(a), Value::Float(b)) => a.value() == b.value(),
        (Value::Boolean(a), Value::Boolean(b)) => a.value() == b.value(),
        (Value::Datetime(a), Value::Datetime(b)) => a.value() == b.value(),
        _ => false,
    }
}

fn scalar(value: &Typed) -> Value {
    match value {
        Typed::Text(text) => Value::from(text.as_str()),
        Typed::Bool(flag) => Value::from(*flag),
        // Read as TOML, so that `2.50` keeps its digits; what TOML can't say as a number is text.
        Typed::Number(number) => {
            let text = number.to_string();
            match text.parse::<Value>() {
                Ok(value @ (Value::Integer(_) | Value::Float(_))) => value,
                _ => Value::from(text),
            }
        }
    }
}

/// Tables for what is missing. `None`: nothing to add.
fn build(steps: &[Step], choice: &Choice) -> Result<Option<Item>, &'static str> {
    match steps.split_first() {
        Some((Step::Name(name), rest)) => Ok(build(rest, choice)?.map(|item| {
            let mut table = Table::new();
            // A table that only holds tables needs no heading.
            table.set_implicit(matches!(item, Item::Table(_)));
            table.insert(name, item);
            Item::Table(table)
        })),
        _ => Ok(build_value(steps, choice)?.map(Item::Value)),
    }
}

fn build_value(steps: &[Step], choice: &Choice) -> Result<Option<Value>, &'static str> {
    let Some(literal) = choice.pick(None) else {
        return Ok(None);
    };
    let mut value = scalar(&typed(&literal, Present::Other));
    for step in steps.iter().rev() {
        value = match step {
            Step::Every => return Ok(None),
            Step::Name(name) => {
                Value::InlineTable(InlineTable::from_iter([(name.as_str(), value)]))
            }
            Step::Index(0) => Value::Array(Array::from_iter([value])),
            Step::Index(_) => return Err(NO_ITEM),
        };
    }
    Ok(Some(value))
}
