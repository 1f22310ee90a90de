//! A value together with its place in the file, so that every complaint can name the field.

use serde_json::Value;

use super::{EggError, Format, Odd, brief};
use crate::limits;

/// What is collected while an egg is read.
pub(super) struct Ctx {
    pub format: Format,
    odd: Vec<Odd>,
}

/// More than anyone reads; a hostile egg shall not make a report larger than itself.
const ODD_MOST: usize = 500;

impl Ctx {
    pub fn new(format: Format) -> Self {
        Self {
            format,
            odd: Vec::new(),
        }
    }

    pub fn odd(
        &mut self,
        code: &'static str,
        field: impl Into<String>,
        message: impl Into<String>,
    ) {
        let odd = Odd {
            code,
            field: field.into(),
            message: brief(message.into()),
        };
        if self.odd.len() < ODD_MOST && !self.odd.contains(&odd) {
            self.odd.push(odd);
        }
    }

    pub fn into_odd(self) -> Vec<Odd> {
        self.odd
    }
}

pub(super) struct At<'a> {
    pub value: &'a Value,
    pub field: String,
}

/// What a value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

impl<'a> At<'a> {
    pub fn root(value: &'a Value) -> Self {
        Self {
            value,
            field: String::new(),
        }
    }

    pub fn new(value: &'a Value, field: impl Into<String>) -> Self {
        Self {
            value,
            field: field.into(),
        }
    }

    fn below(&self, name: &str) -> String {
        // Names come from the file: a long one would make every message as long.
        let name: String = name.chars().take(80).collect();
        if self.field.is_empty() {
            name
        } else {
            format!("{}.{name}", self.field)
        }
    }

    pub fn wrong(&self, expected: &str) -> EggError {
        EggError::new(
            "wrong_type",
            self.field.clone(),
            format!("{expected} expected, found {}", kind(self.value)),
        )
    }

    /// The member of that name unless it is absent or null.
    pub fn get(&self, name: &str) -> Option<At<'a>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(At {
            value,
            field: self.below(name),
        })
    }

    /// The member of that name if it is a map; absent, null and anything empty are none.
    pub fn map(&self, name: &str) -> Result<Option<At<'a>>, EggError> {
        match self.get(name) {
            Some(at) if at.value.is_object() => Ok(Some(at)),
            Some(at) if !at.is_empty_collection() => Err(at.wrong("a map")),
            _ => Ok(None),
        }
    }

    /// No text of an egg holds NUL: neither a process's arguments nor every database could carry it.
    pub fn refuse_nul(&self) -> Result<(), EggError> {
        let refused = |field: &str| {
            let message = "the text holds a NUL character; remove it";
            Err(EggError::new("bad_value", field, message))
        };
        match self.value {
            Value::String(text) if text.contains('\0') => refused(&self.field),
            Value::Array(items) => items.iter().enumerate().try_for_each(|(index, value)| {
                At::new(value, format!("{}[{index}]", self.field)).refuse_nul()
            }),
            Value::Object(members) => members.iter().try_for_each(|(name, value)| {
                if name.contains('\0') {
                    return refused(&self.field);
                }
                At::new(value, self.below(name)).refuse_nul()
            }),
            _ => Ok(()),
        }
    }

    /// PHP writes an empty map as `[]` and YAML dumpers an empty list as `{}`; some panels leave `""`.
    pub fn is_empty_collection(&self) -> bool {
        match self.value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        }
    }

    pub fn required_text(&self, name: &str) -> Result<&'a str, EggError> {
        let at = self
            .get(name)
            .ok_or_else(|| EggError::new("missing", self.below(name), "this field is missing"))?;
        match at.value {
            Value::String(text) => Ok(text),
            _ => Err(at.wrong("text")),
        }
    }

    /// Text of a member; absent or null is empty.
    pub fn text(&self, name: &str, ctx: &mut Ctx) -> Result<String, EggError> {
        match self.get(name) {
            Some(at) => at.as_text(ctx),
            None => Ok(String::new()),
        }
    }

    /// Text, or a number or boolean as text.
    pub fn as_text(&self, ctx: &mut Ctx) -> Result<String, EggError> {
        match self.value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => {
                ctx.odd(
                    "not_text",
                    self.field.clone(),
                    format!("the number {number} was taken as text"),
                );
                Ok(number.to_string())
            }
            Value::Bool(flag) => {
                ctx.odd(
                    "not_text",
                    self.field.clone(),
                    format!("the boolean {flag} was taken as text"),
                );
                Ok(flag.to_string())
            }
            Value::Array(_) | Value::Object(_) => Err(self.wrong("text")),
        }
    }

    /// A boolean, or what a form may have left of one.
    pub fn flag(&self, name: &str, ctx: &mut Ctx) -> Result<bool, EggError> {
        let Some(at) = self.get(name) else {
            return Ok(false);
        };
        if let Value::Bool(flag) = at.value {
            return Ok(*flag);
        }
        let text = match at.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(at.wrong("a boolean")),
        };
        let flag = match text.as_str() {
            "1" | "true" => true,
            "0" | "false" | "" => false,
            _ => return Err(at.wrong("a boolean")),
        };
        ctx.odd(
            "not_boolean",
            at.field.clone(),
            format!("{text:?} was taken as {flag}"),
        );
        Ok(flag)
    }

    /// A list of texts; anything empty is an empty list.
    pub fn texts(&self, name: &str, ctx: &mut Ctx) -> Result<Vec<String>, EggError> {
        let Some(at) = self.get(name) else {
            return Ok(Vec::new());
        };
        if at.is_empty_collection() {
            if !at.value.is_array() {
                ctx.odd(
                    "not_a_list",
                    at.field.clone(),
                    format!("{} stands for an empty list", at.value),
                );
            }
            return Ok(Vec::new());
        }
        at.items()?.iter().map(|item| item.as_text(ctx)).collect()
    }

    pub fn items(&self) -> Result<Vec<At<'a>>, EggError> {
        let Value::Array(items) = self.value else {
            return Err(self.wrong("a list"));
        };
        self.bound(items.len())?;
        let place = |(index, value)| At {
            value,
            field: format!("{}[{index}]", self.field),
        };
        Ok(items.iter().enumerate().map(place).collect())
    }

    /// Members in the file's order; anything empty is an empty map.
    pub fn entries(&self) -> Result<Vec<(&'a String, At<'a>)>, EggError> {
        if self.is_empty_collection() {
            return Ok(Vec::new());
        }
        let Value::Object(members) = self.value else {
            return Err(self.wrong("a map"));
        };
        self.bound(members.len())?;
        let place = |(name, value): (&'a String, &'a Value)| {
            let field = self.below(name);
            (name, At { value, field })
        };
        Ok(members.iter().map(place).collect())
    }

    fn bound(&self, count: usize) -> Result<(), EggError> {
        if count <= limits::ENTRIES {
            return Ok(());
        }
        let most = limits::ENTRIES;
        Err(EggError::new(
            "too_many",
            self.field.clone(),
            format!("{count} entries, at most {most} are taken"),
        ))
    }
}
