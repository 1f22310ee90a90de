//! What each rule means.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::LazyLock;

use regex::Regex;

use super::php::{self, Decimal};
use super::{Name, Rule, RuleViolation};

pub(super) fn validate(rules: &[Rule], value: &str) -> Result<(), RuleViolation> {
    // A form can't send null: an empty text is it, and passes wherever null may.
    if value.is_empty() && rules.iter().any(|rule| rule.name == Name::Nullable) {
        let required = rules.iter().find(|rule| rule.name == Name::Required);
        return required.map_or(Ok(()), |rule| Err(violation(rule, FILL_IN)));
    }
    let mut measure = Measure::of(rules);
    for rule in rules {
        if let Some(message) = broken(rule, value, &mut measure) {
            return Err(violation(rule, message));
        }
    }
    Ok(())
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
    if matches!(rule.name, Name::Required | Name::Filled) {
        return php::blank(value).then(|| FILL_IN.to_owned());
    }
    // Laravel asks a blank text for nothing but to be filled in.
    if php::blank(value) {
        return None;
    }
    match rule.name {
        Name::Required
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
            let any = rule
                .parameters
                .iter()
                .any(|start| !start.is_empty() && value.starts_with(start.as_str()));
            (!any).then(|| format!("must start with {}", choice(&rule.parameters)))
        }
        Name::EndsWith => {
            let any = rule
                .parameters
                .iter()
                .any(|end| !end.is_empty() && value.ends_with(end.as_str()));
            (!any).then(|| format!("must end with {}", choice(&rule.parameters)))
        }
        Name::Url => (!is_url(value, &rule.parameters))
            .then(|| "must be a web address, such as https://example.org".to_owned()),
        Name::Ip => value
            .parse::<IpAddr>()
            .is_err()
            .then(|| "must be an IP address".to_owned()),
    }
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

/// Laravel's pattern, with any scheme instead of its list of some 250 and the IPv6 address checked apart.
static URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?xi)^
        (?P<scheme>[a-z][a-z0-9.+-]*)://
        (?:(?:(?:[_.\pL\pN-]|%[0-9A-Fa-f]{2})+:)?(?:[_.\pL\pN-]|%[0-9A-Fa-f]{2})+@)?
        (?:[\pL\pN\pS\-_.]+\.?(?:[\pL\pN]|xn--[\pL\pN-]+)+\.?|\[(?P<v6>[0-9a-f:.]+)\])
        (?::[0-9]+)?
        (?:/(?:[\pL\pN\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*)*
        (?:\?(?:[\pL\pN\-._~!$&'\[\]()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?
        (?:\#(?:[\pL\pN\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?
        $",
    )
    .ok()
});

fn is_url(value: &str, schemes: &[String]) -> bool {
    let Some(found) = URL.as_ref().and_then(|pattern| pattern.captures(value)) else {
        return false;
    };
    let scheme = found.name("scheme").map_or("", |scheme| scheme.as_str());
    let v6 = found
        .name("v6")
        .is_none_or(|address| address.as_str().parse::<Ipv6Addr>().is_ok());
    v6 && (schemes.is_empty()
        || schemes
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::validate;

    fn rules(text: &str) -> Vec<String> {
        text.split('|').map(str::to_owned).collect()
    }

    fn passes(text: &str, values: &[&str]) {
        for value in values {
            assert_eq!(validate(&rules(text), value), Ok(()), "{text} {value:?}");
        }
    }

    fn fails(text: &str, values: &[&str]) {
        for value in values {
            assert!(validate(&rules(text), value).is_err(), "{text} {value:?}");
        }
    }

    fn message(text: &str, value: &str) -> String {
        validate(&rules(text), value).unwrap_err().message
    }

    #[test]
    fn required_wants_more_than_blanks_and_nullable_lets_nothing_pass() {
        fails("required|string|max:20", &["", "  ", "\n"]);
        passes("required|string|max:20", &["a", "0"]);
        passes("nullable|integer", &["", "5"]);
        passes("Nullable|string|size:32", &[""]);
        fails("nullable|integer", &["x"]);
        fails("required|nullable", &[""]);
        passes("present|integer", &[""]);
        passes("string|in:true,false", &["", "true"]);
        passes("required|string|", &["x"]);
    }

    #[test]
    fn sizes_are_lengths_unless_a_number_is_asked_for() {
        passes("string|max:3", &["abc", "äöü", "999"]);
        fails("string|max:3", &["abcd"]);
        passes("numeric|max:3", &["3", "-100", "2.9"]);
        fails("numeric|max:3", &["4", "3.0001"]);
        passes("required|string|min:0|max:65535", &["15"]);
        passes("integer|between:1,31", &["1", "31"]);
        fails("integer|between:1,31", &["0", "32"]);
        passes("alpha_num|between:1,6", &["latest"]);
        fails("alpha_num|between:1,6", &["1234567"]);
        passes("size:4", &["1234"]);
        fails("integer|size:4", &["1234"]);
        passes("int|size:4", &["4"]);
        assert_eq!(
            message("string|max:20", &"x".repeat(21)),
            "must be at most 20 characters long"
        );
        assert_eq!(
            message("numeric|between:1,8", "9"),
            "must be between 1 and 8"
        );
        assert_eq!(
            message("string|between:3,15", "x"),
            "must be between 3 and 15 characters long"
        );
    }

    #[test]
    fn greater_than_turns_later_sizes_to_numbers() {
        passes("gt:0", &["1", "0.5"]);
        fails("gt:0", &["0", "-1", "abc"]);
        passes("max:2|gt:0", &["15"]);
        fails("gt:0|max:2", &["15"]);
        assert_eq!(message("gt:0", "0"), "must be greater than 0");
    }

    #[test]
    fn numbers_and_booleans_are_phps() {
        passes("numeric", &["1e5", ".5", " 7", "007"]);
        fails("numeric", &["0x10", "1,5", "abc"]);
        passes("integer", &["0", "-5"]);
        fails("int", &["1.0", "007", "1e3"]);
        passes("required|boolean", &["0", "1"]);
        fails("required|boolean", &["true", "false", "2", "yes", ""]);
        assert_eq!(message("boolean", "true"), "must be 1 (yes) or 0 (no)");
    }

    #[test]
    fn lists_compare_as_php_does() {
        passes("in:true,false", &["true", "false"]);
        fails("in:true,false", &["True", "1", " true"]);
        passes("in:1,2", &["1.0", "2"]);
        passes("in:\"a,b\",c", &["a,b", "c"]);
        fails("not_in:root,admin", &["root"]);
        passes("not_in:root,admin", &["bob"]);
        assert_eq!(
            message("in:easy,hard", "x"),
            "must be one of \"easy\", \"hard\""
        );
        assert_eq!(message("in:2394010", "x"), "must be \"2394010\"");
    }

    #[test]
    fn digits_are_ascii_and_counted() {
        passes("digits:5", &["25565", "00001"]);
        fails("digits:5", &["2556", "-2556", "25.65"]);
        passes("numeric|digits_between:1,3", &["8", "255"]);
        fails("digits_between:1,3", &["1000", "1a"]);
        assert_eq!(
            message("digits_between:1,3", "1000"),
            "must be 1 to 3 digits"
        );
    }

    #[test]
    fn patterns_are_pcre_with_their_delimiters() {
        let jar = r"required|regex:/^([\w\d._-]+)(\.jar)$/";
        passes(jar, &["server.jar", "my_server-1.2.jar"]);
        fails(jar, &["server.zip", "a b.jar", "größe.jar", "x.jar\n"]);
        passes(r"regex:/^https?:\/\//i", &["HTTP://x"]);
        passes(r"regex:#^a/b$#", &["a/b"]);
        fails("not_regex:/[;&]/", &["a;b"]);
        passes("not_regex:/[;&]/", &["ab"]);
        // What can't be checked binds nobody.
        passes("regex:/(?=x)/", &["y"]);
        assert_eq!(
            super::super::unknown(&rules("regex:/(?=x)/|frobnicate:1|string")).len(),
            2
        );
        let list = vec!["regex:/^(a|b)$/".to_owned()];
        assert!(validate(&list, "b").is_ok() && validate(&list, "c").is_err());
    }

    #[test]
    fn letters_are_unicode_unless_ascii_is_asked_for() {
        passes("alpha_num", &["abc1", "größe2"]);
        fails("alpha_num", &["a-b", "a b"]);
        passes("alpha_dash", &["gm_flat-grass", "ä_1"]);
        fails("alpha_dash", &["a.b", "a/b"]);
        fails("alpha_dash:ascii", &["ä"]);
        passes("alpha", &["abc"]);
        fails("alpha", &["abc1"]);
    }

    #[test]
    fn addresses_look_like_addresses() {
        passes(
            "url",
            &[
                "https://example.org",
                "http://localhost:8080/a?b=c#d",
                "ftp://user:pw@10.0.0.1/x",
                "https://[::1]:443/",
                "https://münchen.example/ä",
                "steam://connect/1.2.3.4:27015",
            ],
        );
        fails(
            "url",
            &[
                "example.org",
                "https://",
                "http//x",
                "https://a b",
                "https://[zz]/",
                "https://[:::]/",
            ],
        );
        passes("url:http,https", &["https://example.org"]);
        fails("url:http,https", &["ftp://example.org"]);
        passes("ends_with:.zip,.tar", &["a.zip"]);
        fails("ends_with:.zip,.tar", &["a.rar"]);
        passes("ip", &["::1", "10.0.0.1"]);
    }
}
