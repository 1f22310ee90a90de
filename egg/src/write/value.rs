//! Which value a key gets, and of which type.

use regex::{Regex, RegexBuilder};
use serde_json::Number;

use crate::limits;
use crate::model::{FindValue, Literal};
use crate::yaml::number;

/// A value with its conditions compiled.
pub(super) enum Choice<'a> {
    Always(&'a Literal),
    /// The first condition that the present value meets decides.
    When(Vec<(Condition<'a>, &'a Literal)>),
}

pub(super) enum Condition<'a> {
    Equals(&'a str),
    Matches(Regex),
    /// A pattern that is none matches nothing.
    Never,
}

impl<'a> Choice<'a> {
    pub fn new(value: &'a FindValue) -> Self {
        match value {
            FindValue::Set(literal) => Self::Always(literal),
            FindValue::When(pairs) => Self::When(
                pairs
                    .iter()
                    .map(|(when, then)| (Condition::new(when), then))
                    .collect(),
            ),
        }
    }

    /// True: only what is there already can be changed.
    pub fn is_conditional(&self) -> bool {
        matches!(self, Self::When(_))
    }

    /// What to set where `current` stands (`None`: nothing does), or `None` to leave it.
    pub fn pick(&self, current: Option<&str>) -> Option<Literal> {
        match self {
            Self::Always(literal) => Some((*literal).clone()),
            Self::When(pairs) => {
                let current = current?;
                pairs
                    .iter()
                    .find_map(|(condition, then)| condition.replace(current, then))
            }
        }
    }

    /// The value for formats that know no conditions.
    pub fn first(&self) -> Option<&Literal> {
        match self {
            Self::Always(literal) => Some(literal),
            Self::When(pairs) => pairs.first().map(|(_, then)| *then),
        }
    }
}

impl<'a> Condition<'a> {
    fn new(when: &'a str) -> Self {
        let Some(pattern) = when.strip_prefix("regex:") else {
            return Self::Equals(when);
        };
        let regex = RegexBuilder::new(pattern)
            .size_limit(1 << 20)
            .dfa_size_limit(1 << 20)
            .nest_limit(50)
            .build();
        match regex {
            Ok(regex) if pattern.len() <= limits::PATTERN_BYTES => Self::Matches(regex),
            _ => Self::Never,
        }
    }

    fn replace(&self, current: &str, then: &Literal) -> Option<Literal> {
        match self {
            Self::Equals(when) => (*when == current).then(|| then.clone()),
            Self::Matches(regex) => regex.is_match(current).then(|| match then {
                Literal::Text(template) => {
                    Literal::Text(regex.replace_all(current, template).into_owned())
                }
                other => other.clone(),
            }),
            Self::Never => None,
        }
    }
}

/// The type of what stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Present {
    Text,
    Number,
    Bool,
    /// Null, a list, a map or nothing at all.
    Other,
}

/// A value for formats that tell text from numbers and booleans.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Typed {
    Text(String),
    Number(Number),
    Bool(bool),
}

/// The type that stands there already is kept where the value fits it; else a whole number becomes a number, as eggs
/// of Pterodactyl expect. A boolean of the egg stays one. `007` and `+5` stay text: as numbers they would change.
pub(super) fn typed(literal: &Literal, present: Present) -> Typed {
    if let Literal::Bool(flag) = literal {
        return Typed::Bool(*flag);
    }
    let text = literal.to_string();
    let fits = match (present, text.as_str()) {
        (Present::Bool, "true" | "1") => Some(Typed::Bool(true)),
        (Present::Bool, "false" | "0") => Some(Typed::Bool(false)),
        (Present::Number, _) => number(&text).map(Typed::Number),
        (Present::Other, _) if matches!(literal, Literal::Number(_)) || is_whole(&text) => {
            number(&text).map(Typed::Number)
        }
        _ => None,
    };
    fits.unwrap_or(Typed::Text(text))
}

fn is_whole(text: &str) -> bool {
    text.parse::<i64>()
        .is_ok_and(|number| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn text(text: &str) -> Literal {
        Literal::Text(text.into())
    }

    #[test]
    fn what_stands_there_gives_the_type() {
        assert_eq!(typed(&text("5"), Present::Text), Typed::Text("5".into()));
        assert_eq!(
            typed(&text("5.50"), Present::Number),
            Typed::Number("5.50".parse().unwrap())
        );
        assert_eq!(
            typed(&text("five"), Present::Number),
            Typed::Text("five".into())
        );
        assert_eq!(typed(&text("true"), Present::Bool), Typed::Bool(true));
        assert_eq!(typed(&text("0"), Present::Bool), Typed::Bool(false));
        assert_eq!(
            typed(&text("true"), Present::Text),
            Typed::Text("true".into())
        );
        assert_eq!(
            typed(&Literal::Bool(true), Present::Text),
            Typed::Bool(true)
        );
    }

    #[test]
    fn where_nothing_stands_whole_numbers_are_numbers() {
        assert_eq!(
            typed(&text("25565"), Present::Other),
            Typed::Number(25_565.into())
        );
        for kept in ["007", "+5", "1.5", "true", "", "99999999999999999999"] {
            assert_eq!(
                typed(&text(kept), Present::Other),
                Typed::Text(kept.into()),
                "{kept}"
            );
        }
    }
}
