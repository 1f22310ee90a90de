//! What a form can learn from rules.

use serde::Serialize;

use super::{Name, Rule, parsed};

/// How to ask for a value. A hint: what counts is [`super::validate`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Input {
    pub kind: InputKind,
    pub required: bool,
    /// True: a number must be whole.
    pub integer: bool,
    /// Least and greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// What can be chosen, for `select`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    Text,
    Number,
    /// The values are `1` and `0`.
    Bool,
    Select,
}

/// Reads the hint from rules.
pub fn input(rules: &[String]) -> Input {
    let rules = parsed(rules);
    let has = |names: &[Name]| rules.iter().any(|rule| names.contains(&rule.name));
    let number = has(&[
        Name::Numeric,
        Name::Integer,
        Name::Gt,
        Name::Gte,
        Name::Lt,
        Name::Lte,
    ]);
    let choice = rules.iter().find(|rule| rule.name == Name::In);
    let mut input = Input {
        kind: match choice {
            Some(_) => InputKind::Select,
            None if has(&[Name::Boolean]) => InputKind::Bool,
            None if number => InputKind::Number,
            None => InputKind::Text,
        },
        required: has(&[Name::Required, Name::Filled]),
        integer: has(&[Name::Integer]),
        min: None,
        max: None,
        min_length: None,
        max_length: None,
        options: choice.map_or_else(Vec::new, |rule| rule.parameters.clone()),
    };
    for rule in &rules {
        bound(&mut input, rule, number);
    }
    input
}

fn bound(input: &mut Input, rule: &Rule, number: bool) {
    let at = |index| {
        rule.parameter(index)?
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|bound| bound.is_finite())
    };
    let (low, high) = match rule.name {
        Name::Min | Name::Gte => (at(0), None),
        Name::Max | Name::Lte => (None, at(0)),
        Name::Between | Name::DigitsBetween => (at(0), at(1)),
        Name::Size | Name::Digits => (at(0), at(0)),
        _ => return,
    };
    let counted = !number || matches!(rule.name, Name::Digits | Name::DigitsBetween);
    if counted {
        input.min_length = length(low).or(input.min_length);
        input.max_length = length(high).or(input.max_length);
    } else {
        input.min = low.or(input.min);
        input.max = high.or(input.max);
    }
}

fn length(bound: Option<f64>) -> Option<u32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked against the range"
    )]
    bound
        .filter(|bound| (0.0..1e9).contains(bound))
        .map(|bound| bound as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Input {
        let rules: Vec<_> = text.split('|').map(str::to_owned).collect();
        input(&rules)
    }

    #[test]
    fn the_common_combinations_get_the_right_field() {
        let text = of("required|string|max:20");
        assert_eq!(
            (text.kind, text.required, text.max_length),
            (InputKind::Text, true, Some(20))
        );
        assert_eq!(of("nullable|string").kind, InputKind::Text);
        assert_eq!(of("required|boolean").kind, InputKind::Bool);
        let number = of("required|integer|between:1,31");
        assert_eq!(
            (number.kind, number.integer, number.min, number.max),
            (InputKind::Number, true, Some(1.0), Some(31.0))
        );
        let choice = of("required|string|in:true,false");
        assert_eq!(
            (choice.kind, choice.options.as_slice()),
            (
                InputKind::Select,
                &["true".to_owned(), "false".to_owned()][..]
            )
        );
        let digits = of("required|numeric|digits_between:1,3");
        assert_eq!(
            (digits.kind, digits.max, digits.max_length),
            (InputKind::Number, None, Some(3))
        );
        assert_eq!(of("string|max:1e300").max_length, None);
    }
}
