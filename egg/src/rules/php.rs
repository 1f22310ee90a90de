//! PHP's ideas of numbers, blanks and lists, where Laravel's rules rest on them.

use std::cmp::Ordering;

/// What PHP's `trim` takes away.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\0' | '\u{b}')
}

/// Nothing but what `trim` takes away.
pub fn blank(text: &str) -> bool {
    text.chars().all(is_blank)
}

/// `str_getcsv`: comma separated, `"` quotes, a doubled quote inside is one; a backslash and what follows it stay.
pub fn csv(text: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => {
                field.push(c);
                field.extend(chars.next());
            }
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' if quoted => quoted = false,
            '"' if blank(&field) => {
                field.clear();
                quoted = true;
            }
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}

/// A decimal number as `is_numeric` takes it, or `None`. Blanks around it are allowed, hexadecimal is not.
pub fn numeric(text: &str) -> Option<Decimal> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty()
        || digits.len() > 4_096
        || !digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let scale = exponent.saturating_add(i64::try_from(whole.len()).unwrap_or(0));
    let leading = digits.bytes().take_while(|byte| *byte == b'0').count();
    let significant = digits
        .trim_start_matches('0')
        .trim_end_matches('0')
        .to_owned();
    Some(Decimal {
        negative: negative && !significant.is_empty(),
        scale: scale.saturating_sub(i64::try_from(leading).unwrap_or(0)),
        significant,
    })
}

fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits
        .parse::<i64>()
        .unwrap_or(i64::MAX / 4)
        .min(i64::MAX / 4);
    Some(if text.starts_with('-') { -size } else { size })
}

/// An exact decimal: 0.`significant` times ten to the `scale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    scale: i64,
    significant: String,
}

impl Decimal {
    fn of(count: usize) -> Self {
        numeric(&count.to_string()).unwrap_or(Self {
            negative: false,
            scale: 0,
            significant: String::new(),
        })
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        match (self.significant.is_empty(), other.significant.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Without leading zeros the scale decides first; then digits compare like text.
            (false, false) => self
                .scale
                .cmp(&other.scale)
                .then_with(|| self.significant.cmp(&other.significant)),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
        }
    }
}

/// Characters, as `mb_strlen` counts them.
pub fn length(text: &str) -> Decimal {
    Decimal::of(text.chars().count())
}

/// `FILTER_VALIDATE_INT`: 64 bits, no leading zeros; blanks around it are allowed.
pub fn integer(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}']);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = digits == "0" || !digits.starts_with('0');
    plain && digits.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<i64>().is_ok()
}

/// PHP's `==` of two strings: as numbers if both are.
pub fn loosely_equal(left: &str, right: &str) -> bool {
    left == right
        || match (numeric(left), numeric(right)) {
            (Some(left), Some(right)) => left.cmp(&right) == Ordering::Equal,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn numbers_are_what_php_calls_numeric() {
        for text in [
            "0",
            "-1",
            "+5",
            "1.5",
            ".5",
            "5.",
            "1e5",
            "1E-3",
            " 7",
            "7 ",
            "007",
            "-0",
            "\u{c}1\u{b}",
        ] {
            assert!(numeric(text).is_some(), "{text}");
        }
        for text in [
            "", ".", "-", "0x1f", "1_000", "1 2", "e5", "1e", "abc", "1,5", "٧",
        ] {
            assert!(numeric(text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_compare_exactly() {
        let order = [
            "-10",
            "-2",
            "-0.5",
            "0",
            "0.5",
            "1",
            "1.05",
            "1.5",
            "2",
            "10",
            "9007199254740993e10",
            "1e30",
        ];
        for pair in order.windows(2) {
            assert!(numeric(pair[0]) < numeric(pair[1]), "{pair:?}");
        }
        assert!(numeric("9007199254740993") > numeric("9007199254740992"));
        assert!(loosely_equal("1e1", "10.0"));
        assert!(loosely_equal("-0", "0"));
        assert!(!loosely_equal("1a", "1"));
        assert!(numeric("1e99999999999999999999") > numeric("1e9999"));
    }

    #[test]
    fn integers_have_64_bits_and_no_leading_zeros() {
        for text in ["0", "-0", "+7", "9223372036854775807", " 12 "] {
            assert!(integer(text), "{text}");
        }
        for text in [
            "",
            "007",
            "1.0",
            "1e3",
            "9223372036854775808",
            "+-1",
            "- 1",
            "+",
            "5\0",
            "\u{c}5",
        ] {
            assert!(!integer(text), "{text}");
        }
    }

    #[test]
    fn lists_may_be_quoted() {
        assert_eq!(csv("a,b, c"), ["a", "b", " c"]);
        assert_eq!(csv(r#""a,b","say ""hi""",c"#), ["a,b", "say \"hi\"", "c"]);
        assert_eq!(csv(r#" "a\"b","c" d"#), [r#"a\"b"#, "c d"]);
        assert_eq!(csv(""), [""]);
    }
}
