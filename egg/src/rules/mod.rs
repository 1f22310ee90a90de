//! The rules that eggs put on their variables: Laravel's, with Laravel's meaning for a text that a form sends.
//!
//! Rules bind the values of servers. An egg's own default may break them, and often does.

mod check;
mod input;
mod php;

use crate::pattern::{self, Flags};

pub use input::{Input, InputKind, input};

/// The first rule that a value breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleViolation {
    /// As the egg spells it, such as `max:20`.
    pub rule: String,
    /// Goes on from the variable's name: "must be at most 20 characters long".
    pub message: String,
}

/// Checks a value. Rules that are not known are passed over: [`unknown`] names them.
/// # Errors
/// The first rule, in the egg's order, that the value breaks.
pub fn validate(rules: &[String], value: &str) -> Result<(), RuleViolation> {
    check::validate(&parsed(rules), value)
}

/// The rules that are not known or cannot be checked, with the reason.
pub fn unknown(rules: &[String]) -> Vec<(&str, &'static str)> {
    let reason = |text: &String| {
        let rule = Rule::parse(text)?;
        match rule.name {
            Name::Unknown => Some("this rule is not known; it is not checked"),
            Name::Regex | Name::NotRegex if rule.pattern().is_none() => {
                Some("this pattern cannot be checked; any value passes it")
            }
            _ => None,
        }
    };
    rules
        .iter()
        .filter_map(|text| Some((text.as_str(), reason(text)?)))
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Required,
    Present,
    Filled,
    Nullable,
    String,
    Numeric,
    Integer,
    Boolean,
    Min,
    Max,
    Between,
    Size,
    Gt,
    Gte,
    Lt,
    Lte,
    Digits,
    DigitsBetween,
    In,
    NotIn,
    Regex,
    NotRegex,
    Alpha,
    AlphaNum,
    AlphaDash,
    StartsWith,
    EndsWith,
    Url,
    Ip,
    /// Says how to go on checking, not what a value may be.
    Manner,
    Unknown,
}

struct Rule<'a> {
    text: &'a str,
    name: Name,
    parameters: Vec<String>,
}

fn parsed(rules: &[String]) -> Vec<Rule<'_>> {
    rules.iter().filter_map(|text| Rule::parse(text)).collect()
}

impl<'a> Rule<'a> {
    /// `None`: an empty rule, as in `required|string|`.
    fn parse(text: &'a str) -> Option<Self> {
        let (name, parameter) = match text.split_once(':') {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (text, None),
        };
        if text.trim().is_empty() {
            return None;
        }
        let name = name_of(name);
        let parameters = match (name, parameter) {
            (_, None) => Vec::new(),
            (Name::Regex | Name::NotRegex, Some(pattern)) => vec![pattern.to_owned()],
            (_, Some(list)) => php::csv(list),
        };
        Some(Self {
            text,
            name,
            parameters,
        })
    }

    fn parameter(&self, index: usize) -> Option<&str> {
        self.parameters.get(index).map(String::as_str)
    }

    /// `/pattern/flags` compiled; any delimiter that PCRE takes.
    fn pattern(&self) -> Option<regex::bytes::Regex> {
        let text = self.parameter(0)?.trim_start();
        let open = text
            .chars()
            .next()
            .filter(|c| c.is_ascii_punctuation() && *c != '\\')?;
        let close = match open {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            '<' => '>',
            same => same,
        };
        let (body, modifiers) = text.get(1..)?.rsplit_once(close)?;
        let mut flags = Flags::default();
        for modifier in modifiers.trim_end().chars() {
            match modifier {
                'i' => flags.ignore_case = true,
                'm' => flags.multi_line = true,
                's' => flags.dot_all = true,
                'x' => flags.extended = true,
                'u' => flags.unicode = true,
                // Anchors and greediness of the engine: no difference for the question "does it match".
                'D' | 'S' | 'U' | 'J' | 'X' => {}
                _ => return None,
            }
        }
        // Within the delimiters PCRE sees the escaped delimiter as that character.
        let body = if open == '/' {
            body.replace("\\/", "/")
        } else {
            body.to_owned()
        };
        pattern::ascii_classes(&body, flags)
    }
}

/// Laravel turns names into StudlyCase: case, `_` and `-` make no difference, and `int` is `integer`.
fn name_of(name: &str) -> Name {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match plain.as_str() {
        "required" => Name::Required,
        "present" => Name::Present,
        "filled" => Name::Filled,
        "nullable" => Name::Nullable,
        "string" => Name::String,
        "numeric" => Name::Numeric,
        "integer" | "int" => Name::Integer,
        "boolean" | "bool" => Name::Boolean,
        "min" => Name::Min,
        "max" => Name::Max,
        "between" => Name::Between,
        "size" => Name::Size,
        "gt" => Name::Gt,
        "gte" => Name::Gte,
        "lt" => Name::Lt,
        "lte" => Name::Lte,
        "digits" => Name::Digits,
        "digitsbetween" => Name::DigitsBetween,
        "in" => Name::In,
        "notin" => Name::NotIn,
        "regex" => Name::Regex,
        "notregex" => Name::NotRegex,
        "alpha" => Name::Alpha,
        "alphanum" => Name::AlphaNum,
        "alphadash" => Name::AlphaDash,
        "startswith" => Name::StartsWith,
        "endswith" => Name::EndsWith,
        "url" => Name::Url,
        "ip" => Name::Ip,
        "sometimes" | "bail" => Name::Manner,
        _ => Name::Unknown,
    }
}
