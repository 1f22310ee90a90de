//! Regular expressions written for other engines, compiled within bounds.

mod translate;

use regex::bytes::{Regex, RegexBuilder};

use crate::limits;

/// Compiles a pattern written for Go's RE2 or for PCRE without the `u` flag: there `\d`, `\w` and `\s` are ASCII.
/// Patterns that need Unicode tables (`\p{L}`) get them. `None`: not a pattern, or too large once compiled.
pub(crate) fn ascii_classes(pattern: &str, flags: Flags) -> Option<Regex> {
    if flags.unicode {
        return build(pattern, flags);
    }
    build(pattern, flags).or_else(|| {
        build(
            pattern,
            Flags {
                unicode: true,
                ..flags
            },
        )
    })
}

/// The PCRE modifiers that eggs use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub ignore_case: bool,
    pub multi_line: bool,
    pub dot_all: bool,
    pub extended: bool,
    pub unicode: bool,
    /// Matches at the beginning alone (`A`).
    pub anchored: bool,
}

fn build(pattern: &str, flags: Flags) -> Option<Regex> {
    if pattern.len() > limits::PATTERN_BYTES {
        return None;
    }
    let pattern = translate::translate(pattern)?;
    let pattern = match flags.anchored {
        // A line end closes a comment that may stand last.
        true if flags.extended => format!("\\A(?:{pattern}\n)"),
        true => format!("\\A(?:{pattern})"),
        false => pattern,
    };
    RegexBuilder::new(&pattern)
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multi_line)
        .dot_matches_new_line(flags.dot_all)
        .ignore_whitespace(flags.extended)
        .unicode(flags.unicode)
        .size_limit(1 << 20)
        .dfa_size_limit(1 << 20)
        .nest_limit(50)
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn digits_are_ascii_unless_unicode_is_asked_for() {
        let digit = ascii_classes(r"^\d$", Flags::default()).unwrap();
        assert!(digit.is_match(b"7"));
        assert!(!digit.is_match("٧".as_bytes()));
        let letter = ascii_classes(r"^\p{L}+$", Flags::default()).unwrap();
        assert!(letter.is_match("größe".as_bytes()));
    }

    #[test]
    fn a_pattern_that_explodes_is_refused() {
        assert!(ascii_classes(r"((a{1,200}){1,200}){1,200}", Flags::default()).is_none());
        assert!(ascii_classes("(?=look)", Flags::default()).is_none());
    }
}
