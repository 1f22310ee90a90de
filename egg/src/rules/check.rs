//! What each rule means.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::LazyLock;

use regex::Regex;

use super::php::{self, Decimal};
use super::url::is_url;
use super::{Name, Rule, RuleViolation};

pub(super) fn validate(
    rules: &[Rule],
    value: &str,
    other: &dyn Fn(&str) -> Option<String>,
) -> Result<(), RuleViolation> {
    let mut measure = Measure::of(rules);
    for rule in rules {
        let message = match is_asked_for(rule, other) {
            Some(true) => php::blank(value).then(|| FILL_IN.to_owned()),
            Some(false) => None,
            // Laravel asks a blank text for nothing but to be filled in: a form's null may pass wherever it stands.
            None if php::blank(value) => None,
            None => broken(rule, value, &mut measure),
        };
        if let Some(message) = message {
            return Err(violation(rule, message));
        }
    }
    Ok(())
}

/// Whether a rule of the `required` kind wants the value now; `None`: it is of another kind.
fn is_asked_for(rule: &Rule, other: &dyn Fn(&str) -> Option<String>) -> Option<bool> {
    let value_of = |name: &str| other(name.strip_prefix("environment.").unwrap_or(name));
    let filled = |name: &String| value_of(name).is_some_and(|value| !php::blank(&value));
    let is_any_of_the_rest = || {
        let value = rule.parameter(0).and_then(value_of);
        let rest = rule.parameters.get(1..).unwrap_or_default();
        let value = value.unwrap_or_default();
        rest.iter().any(|known| is_meant(known, &value))
    };
    let known = || rule.parameter(0).and_then(value_of).is_some();
    Some(match rule.name {
        Name::Required | Name::Filled => true,
        Name::RequiredIf => known() && is_any_of_the_rest(),
        Name::RequiredUnless => !is_any_of_the_rest(),
        Name::RequiredWith => rule.parameters.iter().any(filled),
        Name::RequiredWithAll => rule.parameters.iter().all(filled),
        Name::RequiredWithout => !rule.parameters.iter().all(filled),
        Name::RequiredWithoutAll => !rule.parameters.iter().any(filled),
        _ => return None,
    })
}

/// `null` stands for an empty value and, as with Laravel's `boolean`, `true` for `1`.
fn is_meant(known: &str, value: &str) -> bool {
    match known {
        "true" if value == "1" => true,
        "false" if value == "0" => true,
        known if known.eq_ignore_ascii_case("null") && value.is_empty() => true,
        known => php::loosely_equal(known, value),
    }
}

const FILL_IN: &str = "must be filled in";

fn violation(rule: &Rule, message: impl Into<String>) -> RuleViolation {
    RuleViolation {
        rule: rule.text.to_owned(),
        message: message.into(),
    }
}

/// Whether sizes are numbers or lengths. `gt` and its kin turn all rules after them to numbers, as in Laravel.
struct Measure {
    numeric: bool,
}

impl Measure {
    fn of(rules: &[Rule]) -> Self {
        Self {
            numeric: rules
                .iter()
                .any(|rule| matches!(rule.name, Name::Numeric | Name::Integer)),
        }
    }

    fn size(&self, value: &str) -> Decimal {
        match php::numeric(value) {
            Some(number) if self.numeric => number,
            _ => php::length(value),
        }
    }

    /// "20" or "20 characters long".
    fn words(&self, size: &str) -> String {
        match (self.numeric, size) {
            (true, _) => size.to_owned(),
            (false, "1") => "1 character long".to_owned(),
            (false, _) => format!("{size} characters long"),
        }
    }
}

/// What is wrong, or `None`.
fn broken(rule: &Rule, value: &str, measure: &mut Measure) -> Option<String> {
    match rule.name {
        Name::Required
        | Name::RequiredIf
        | Name::RequiredUnless
        | Name::RequiredWith
        | Name::RequiredWithAll
        | Name::RequiredWithout
        | Name::RequiredWithoutAll
        | Name::Filled
        | Name::Present
        | Name::Nullable
        | Name::String
        | Name::Manner
        | Name::Unknown => None,
        Name::Min | Name::Max | Name::Between | Name::Size => sized(rule, value, measure),
        Name::Gt | Name::Gte | Name::Lt | Name::Lte => compared(rule, value, measure),
        Name::Digits | Name::DigitsBetween => digits(rule, value),
        Name::Numeric => php::numeric(value)
            .is_none()
            .then(|| "must be a number".to_owned()),
        Name::Integer => (!php::integer(value)).then(|| "must be a whole number".to_owned()),
        Name::Boolean => {
            (!matches!(value, "0" | "1")).then(|| "must be 1 (yes) or 0 (no)".to_owned())
        }
        Name::In => {
            let any = rule
                .parameters
                .iter()
                .any(|known| php::loosely_equal(known, value));
            (!any).then(|| format!("must be {}", choice(&rule.parameters)))
        }
        Name::NotIn => {
            let any = rule
                .parameters
                .iter()
                .any(|known| php::loosely_equal(known, value));
            any.then(|| format!("must not be {}", choice(&rule.parameters)))
        }
        Name::Regex => {
            let misses = rule
                .pattern()
                .is_some_and(|pattern| !pattern.is_match(value.as_bytes()));
            misses.then(|| {
                format!(
                    "must have the form {}",
                    rule.parameter(0).unwrap_or_default()
                )
            })
        }
        Name::NotRegex => {
            let hits = rule
                .pattern()
                .is_some_and(|pattern| pattern.is_match(value.as_bytes()));
            hits.then(|| {
                format!(
                    "must not have the form {}",
                    rule.parameter(0).unwrap_or_default()
                )
            })
        }
        Name::Alpha => letters(rule, value, &ALPHA, "", "letters"),
        Name::AlphaNum => letters(rule, value, &ALPHA_NUM, "", "letters and digits"),
        Name::AlphaDash => letters(rule, value, &ALPHA_NUM, "_-", "letters, digits, - and _"),
        Name::StartsWith => {
            (!starts(rule, value)).then(|| format!("must start with {}", choice(&rule.parameters)))
        }
        Name::DoesntStartWith => {
            starts(rule, value).then(|| format!("must not start with {}", choice(&rule.parameters)))
        }
        Name::EndsWith => {
            (!ends(rule, value)).then(|| format!("must end with {}", choice(&rule.parameters)))
        }
        Name::DoesntEndWith => {
            ends(rule, value).then(|| format!("must not end with {}", choice(&rule.parameters)))
        }
        Name::Url => (!is_url(value, &rule.parameters))
            .then(|| "must be a web address, such as https://example.org".to_owned()),
        Name::Ip => not_an_address::<IpAddr>(value, "an IP address"),
        Name::Ipv4 => not_an_address::<Ipv4Addr>(value, "an IPv4 address"),
        Name::Ipv6 => not_an_address::<Ipv6Addr>(value, "an IPv6 address"),
        Name::Json => serde_json::from_str::<serde::de::IgnoredAny>(value)
            .is_err()
            .then(|| "must be JSON".to_owned()),
    }
}

fn starts(rule: &Rule, value: &str) -> bool {
    let mut known = rule.parameters.iter();
    known.any(|start| !start.is_empty() && value.starts_with(start.as_str()))
}

fn ends(rule: &Rule, value: &str) -> bool {
    let mut known = rule.parameters.iter();
    known.any(|end| !end.is_empty() && value.ends_with(end.as_str()))
}

fn not_an_address<T: FromStr>(value: &str, what: &str) -> Option<String> {
    T::from_str(value)
        .is_err()
        .then(|| format!("must be {what}"))
}

fn choice(options: &[String]) -> String {
    match options {
        [] => "nothing".to_owned(),
        [one] => format!("{one:?}"),
        many => {
            let quoted: Vec<_> = many.iter().map(|option| format!("{option:?}")).collect();
            format!("one of {}", quoted.join(", "))
        }
    }
}

/// Rules with a bound that is no number bind nothing: Laravel would fail with an error that is not the player's.
fn sized(rule: &Rule, value: &str, measure: &Measure) -> Option<String> {
    let size = measure.size(value);
    let (low_text, high_text) = match rule.name {
        Name::Min => (rule.parameter(0), None),
        Name::Max => (None, rule.parameter(0)),
        Name::Between => (rule.parameter(0), Some(rule.parameter(1)?)),
        _ => (rule.parameter(0), rule.parameter(0)),
    };
    let (low_text, high_text) = (low_text.map(str::trim), high_text.map(str::trim));
    let low = low_text.and_then(php::numeric);
    let high = high_text.and_then(php::numeric);
    let outside = low.is_some_and(|low| size < low) || high.is_some_and(|high| size > high);
    let words = |text: Option<&str>| measure.words(text.unwrap_or_default());
    outside.then(|| match rule.name {
        Name::Min => format!("must be at least {}", words(low_text)),
        Name::Max => format!("must be at most {}", words(high_text)),
        Name::Between => format!(
            "must be between {} and {}",
            low_text.unwrap_or_default(),
            words(high_text)
        ),
        _ => format!("must be exactly {}", words(low_text)),
    })
}

fn compared(rule: &Rule, value: &str, measure: &mut Measure) -> Option<String> {
    let bound_text = rule.parameter(0)?.trim();
    let bound = php::numeric(bound_text)?;
    measure.numeric = true;
    let Some(number) = php::numeric(value) else {
        return Some("must be a number".to_owned());
    };
    let (fits, words) = match rule.name {
        Name::Gt => (number > bound, "greater than"),
        Name::Gte => (number >= bound, "at least"),
        Name::Lt => (number < bound, "less than"),
        _ => (number <= bound, "at most"),
    };
    (!fits).then(|| format!("must be {words} {bound_text}"))
}

fn digits(rule: &Rule, value: &str) -> Option<String> {
    let count = |index| rule.parameter(index)?.trim().parse::<usize>().ok();
    let low = count(0)?;
    let high = if rule.name == Name::Digits {
        low
    } else {
        count(1)?
    };
    let fits =
        value.bytes().all(|byte| byte.is_ascii_digit()) && (low..=high).contains(&value.len());
    (!fits).then(|| match (low, high) {
        (1, 1) => "must be 1 digit".to_owned(),
        (low, high) if low == high => format!("must be {low} digits"),
        (low, high) => format!("must be {low} to {high} digits"),
    })
}

static ALPHA: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\pL\pM]$").ok());
static ALPHA_NUM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\pL\pM\pN]$").ok());

fn letters(
    rule: &Rule,
    value: &str,
    class: &LazyLock<Option<Regex>>,
    extra: &str,
    words: &str,
) -> Option<String> {
    let ascii = rule.parameter(0) == Some("ascii");
    let mut buffer = [0; 4];
    let fits = value.chars().all(|c| match c {
        c if extra.contains(c) => true,
        c if c.is_ascii() => class
            .as_ref()
            .is_some_and(|class| class.is_match(c.encode_utf8(&mut buffer))),
        c => {
            !ascii
                && class
                    .as_ref()
                    .is_some_and(|class| class.is_match(c.encode_utf8(&mut buffer)))
        }
    });
    (!fits).then(|| format!("must consist of {words} alone"))
}
