//! The rules that eggs put on their variables: Laravel's, with Laravel's meaning for a text that a form sends.
//!
//! Rules bind the values of servers. An egg's own default may break them, and often does.

mod check;
mod input;
mod php;
mod url;

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

/// Checks a value that stands alone. Rules that are not known are passed over: [`unknown`] names them.
/// # Errors
/// The first rule, in the egg's order, that the value breaks.
pub fn validate(rules: &[String], value: &str) -> Result<(), RuleViolation> {
    validate_among(rules, value, &|_| None)
}

/// Checks a value beside those of the egg's other variables, which `required_if` and its kin ask for by name.
/// # Errors
/// The first rule, in the egg's order, that the value breaks.
pub fn validate_among(
    rules: &[String],
    value: &str,
    other: &dyn Fn(&str) -> Option<String>,
) -> Result<(), RuleViolation> {
    check::validate(&parsed(rules), value, other)
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
            name if (0..name.bounds()).any(|index| rule.bound(index).is_none()) => {
                Some("its bound is no number; any value passes it")
            }
            _ => None,
        }
    };
    rules
        .iter()
        .filter_map(|text| Some((text.as_str(), reason(text)?)))
        .collect()
}

/// Takes a text of rules apart at each `|`. A pattern goes on to its closing delimiter, whatever stands in it; Laravel
/// cuts it in two there and then fails on the halves.
pub fn split(text: &str) -> Vec<String> {
    let mut rules = Vec::new();
    let mut rest = text;
    loop {
        let within = pattern_length(rest).unwrap_or(0);
        let bar = rest.get(within..).and_then(|after| after.find('|'));
        let Some(end) = bar.map(|at| within + at) else {
            rules.push(rest.to_owned());
            return rules;
        };
        rules.push(rest[..end].to_owned());
        rest = &rest[end + 1..];
    }
}

/// How far the rule at the front must be read to be past its pattern; `None`: it has none, or none that ends.
fn pattern_length(text: &str) -> Option<usize> {
    let (name, pattern) = text.split_once(':')?;
    if name.contains('|') || !matches!(name_of(name), Name::Regex | Name::NotRegex) {
        return None;
    }
    let start = name.len() + 1 + (pattern.len() - pattern.trim_start().len());
    let (open, close) = delimiters(&text[start..])?;
    let (mut depth, mut escaped) = (0, false);
    for (at, c) in text[start..].char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == close && depth == 0 => return Some(start + at + 1),
            c if c == close => depth -= 1,
            c if c == open => depth += 1,
            _ => {}
        }
    }
    None
}

/// The delimiter that a pattern begins with, and the one that ends it.
fn delimiters(pattern: &str) -> Option<(char, char)> {
    let open = pattern.chars().next()?;
    let close = match open {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        same => same,
    };
    (open.is_ascii_punctuation() && open != '\\').then_some((open, close))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Required,
    RequiredIf,
    RequiredUnless,
    RequiredWith,
    RequiredWithAll,
    RequiredWithout,
    RequiredWithoutAll,
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
    DoesntStartWith,
    DoesntEndWith,
    Url,
    Ip,
    Ipv4,
    Ipv6,
    Json,
    /// Says how to go on checking, not what a value may be.
    Manner,
    Unknown,
}

impl Name {
    /// How many of the parameters must be numbers.
    fn bounds(self) -> usize {
        match self {
            Self::Min | Self::Max | Self::Size | Self::Digits => 1,
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => 1,
            Self::Between | Self::DigitsBetween => 2,
            _ => 0,
        }
    }
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

    /// A parameter as a number.
    fn bound(&self, index: usize) -> Option<php::Decimal> {
        php::numeric(self.parameter(index)?)
    }

    /// `/pattern/flags` compiled; any delimiter that PCRE takes.
    fn pattern(&self) -> Option<regex::bytes::Regex> {
        let text = self.parameter(0)?.trim_start();
        let (_, close) = delimiters(text)?;
        let (body, modifiers) = text.get(1..)?.rsplit_once(close)?;
        let mut flags = Flags::default();
        for modifier in modifiers.trim_end().chars() {
            match modifier {
                'i' => flags.ignore_case = true,
                'm' => flags.multi_line = true,
                's' => flags.dot_all = true,
                'x' => flags.extended = true,
                'u' => flags.unicode = true,
                'A' => flags.anchored = true,
                // Anchors and greediness of the engine: no difference for the question "does it match".
                'D' | 'S' | 'U' | 'J' | 'X' | 'n' => {}
                _ => return None,
            }
        }
        pattern::ascii_classes(body, flags)
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
        "requiredif" => Name::RequiredIf,
        "requiredunless" => Name::RequiredUnless,
        "requiredwith" => Name::RequiredWith,
        "requiredwithall" => Name::RequiredWithAll,
        "requiredwithout" => Name::RequiredWithout,
        "requiredwithoutall" => Name::RequiredWithoutAll,
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
        "doesntstartwith" => Name::DoesntStartWith,
        "doesntendwith" => Name::DoesntEndWith,
        "url" => Name::Url,
        "ip" => Name::Ip,
        "ipv4" => Name::Ipv4,
        "ipv6" => Name::Ipv6,
        "json" => Name::Json,
        "sometimes" | "bail" => Name::Manner,
        _ => Name::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_within_a_pattern_parts_no_rules() {
        let cases: &[(&str, &[&str])] = &[
            ("required|string|max:20", &["required", "string", "max:20"]),
            (
                "required|regex:/^(a|b)$/i|max:5",
                &["required", "regex:/^(a|b)$/i", "max:5"],
            ),
            ("regex:/a\\/|b/", &["regex:/a\\/|b/"]),
            (
                "not_regex:{a{1,2}|b}|size:1",
                &["not_regex:{a{1,2}|b}", "size:1"],
            ),
            ("regex: #x|y#|int", &["regex: #x|y#", "int"]),
            ("regex:/open|string", &["regex:/open", "string"]),
            ("string|", &["string", ""]),
            ("in:a,regex:/b|c", &["in:a,regex:/b", "c"]),
            ("", &[""]),
        ];
        for (text, rules) in cases {
            assert_eq!(split(text), *rules, "{text}");
        }
    }
}
