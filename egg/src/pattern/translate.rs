//! PCRE and RE2 spell some things in ways that our engine takes for something else, or not at all.

/// The same pattern in our engine's spelling; `None`: it has a part that our engine would read with another meaning.
pub(super) fn translate(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => escape(after, false, &mut out),
            '[' => class(after, &mut out),
            '{' => match repetition(after) {
                Some(length) => {
                    out.push('{');
                    out.push_str(&after[..length]);
                    possessive(&after[length..])?
                }
                None => literal('{', after, &mut out),
            },
            '}' => literal('}', after, &mut out),
            '*' | '+' | '?' => {
                out.push(c);
                // `(?` opens a group; there a + is no repetition.
                if out.ends_with("(?") {
                    after
                } else {
                    possessive(after)?
                }
            }
            other => {
                out.push(other);
                after
            }
        };
    }
    Some(out)
}

/// `a++` never gives back what it took; our engine would take it for `(a+)+`.
fn possessive(after: &str) -> Option<&str> {
    (!after.starts_with('+')).then_some(after)
}

fn literal<'a>(c: char, after: &'a str, out: &mut String) -> &'a str {
    out.push('\\');
    out.push(c);
    after
}

/// Length of `2}`, `2,}` or `2,5}` at the front; anything else behind a brace makes it a plain character.
fn repetition(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let (low, high) = text[..end].split_once(',').unwrap_or((&text[..end], ""));
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!low.is_empty() && number(low) && number(high)).then_some(end + 1)
}

/// What stands behind a backslash.
fn escape<'a>(after: &'a str, in_class: bool, out: &mut String) -> &'a str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[c.len_utf8()..];
    match (c, in_class) {
        ('h', false) => out.push_str("[ \\t]"),
        ('h', true) => out.push_str(" \\t"),
        ('R', false) => out.push_str("(?:\\r\\n|\\n|\\r)"),
        ('Z', false) => out.push_str("\\z"),
        ('e', _) => out.push_str("\\x1B"),
        ('b', true) => out.push_str("\\x08"),
        (' ', _) => out.push_str("\\x20"),
        // Word boundaries to our engine.
        ('<' | '>', _) => out.push(c),
        // `\p{L}` and `\x{e4}` take their braces along.
        ('p' | 'P' | 'x', _) if rest.starts_with('{') => {
            let end = rest.find('}').map_or(rest.len(), |at| at + 1);
            out.push('\\');
            out.push(c);
            out.push_str(&rest[..end]);
            return &rest[end..];
        }
        (c, _) if c.is_ascii() && !c.is_ascii_control() => {
            out.push('\\');
            out.push(c);
        }
        (c, _) => out.push(c),
    }
    rest
}

/// A class in brackets, from behind the opening one.
fn class<'a>(text: &'a str, out: &mut String) -> &'a str {
    out.push('[');
    let mut rest = text;
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    // Whether a `-` may make a range of what stood last.
    let mut can_begin = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let mut begins = true;
        rest = match c {
            ']' if !first => {
                out.push(']');
                return after;
            }
            '[' => match posix(rest) {
                Some(length) => {
                    out.push_str(&rest[..length]);
                    begins = false;
                    &rest[length..]
                }
                None => literal('[', after, out),
            },
            '-' if can_begin && !after.starts_with(']') && !is_class(after) => {
                out.push('-');
                let end = after.chars().next();
                begins = false;
                // The end of the range goes with it: a further `-` is a plain one.
                match end {
                    Some('\\') => escape(&after[1..], true, out),
                    Some(end @ ('[' | '-' | '&' | '~' | '#' | '^')) => {
                        literal(end, &after[1..], out)
                    }
                    Some(end) if end.is_ascii_whitespace() => blank(end, &after[1..], out),
                    Some(end) => {
                        out.push(end);
                        &after[end.len_utf8()..]
                    }
                    None => after,
                }
            }
            '\\' => {
                begins = !is_class(rest);
                escape(after, true, out)
            }
            // Our engine has set operators of these, and ignores blanks in extended patterns.
            ']' | '-' | '&' | '~' | '#' | '^' => literal(c, after, out),
            c if c.is_ascii_whitespace() => blank(c, after, out),
            other => {
                out.push(other);
                after
            }
        };
        can_begin = begins;
        first = false;
    }
    rest
}

fn blank<'a>(c: char, after: &'a str, out: &mut String) -> &'a str {
    out.push_str(&format!("\\x{:02X}", u32::from(c)));
    after
}

/// Length of `[:alpha:]` at the front.
fn posix(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("[:")?;
    let end = inner.find(":]")?;
    let name = inner[..end].trim_start_matches('^');
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(end + 4)
}

/// A backslash and a letter that stands for many characters.
fn is_class(text: &str) -> bool {
    let letter = text.strip_prefix('\\').and_then(|rest| rest.chars().next());
    letter.is_some_and(|c| "dDwWsShHpP".contains(c))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{Flags, ascii_classes};
    use super::*;

    #[track_caller]
    fn matches(pattern: &str, yes: &[&str], no: &[&str]) {
        let regex = ascii_classes(pattern, Flags::default())
            .unwrap_or_else(|| panic!("{pattern} -> {:?}", translate(pattern)));
        for text in yes {
            assert!(regex.is_match(text.as_bytes()), "{pattern} {text:?}");
        }
        for text in no {
            assert!(!regex.is_match(text.as_bytes()), "{pattern} {text:?}");
        }
    }

    #[test]
    fn classes_mean_what_pcre_means() {
        matches(r"^[\w-.]+$", &["a-b.c"], &["a b"]);
        matches(r"^[a-z-9]+$", &["a-9"], &["8"]);
        matches(r"^[-a]+$", &["-a"], &["b"]);
        matches(r"^[a-]+$", &["-a"], &["b"]);
        matches(r"^[]a]+$", &["]a"], &["b"]);
        matches(r"^[^]a]+$", &["b"], &["]"]);
        matches(r"^[[(]$", &["[", "("], &["]"]);
        matches(r"^[[:alpha:]_]+$", &["a_"], &["1"]);
        matches(r"^[a&&b]+$", &["a&b"], &["c"]);
        matches(r"^[+--]$", &["+", ",", "-"], &["."]);
        matches(r"^[\d\-/]+$", &["1-/"], &["a"]);
        matches(r"^[\\\]]+$", &["\\]"], &["a"]);
        matches(r"^[ -~]+$", &["a b"], &["\t"]);
        matches(r"^[\[-\]]+$", &["[\\]"], &["a"]);
    }

    #[test]
    fn plain_braces_and_needless_escapes_are_characters() {
        matches(r"^a{$", &["a{"], &["a"]);
        matches(r"^{x}$", &["{x}"], &["x"]);
        matches(r"^a{2}b{1,}$", &["aab"], &["ab"]);
        matches(r"^\<\>\/\-\_\@\ $", &["<>/-_@ "], &[""]);
        matches(r"^a\hb\Z", &["a b", "a\tb"], &["a\nb"]);
        matches("^\\ö$", &["ö"], &["o"]);
        matches(r"^\p{Lu}[\p{Ll}\x{41}]$", &["Ab", "AA"], &["ab"]);
    }

    #[test]
    fn what_never_gives_back_cannot_be_checked() {
        for pattern in ["a++b", "a*+", "a{2}+", "a?+", "(?>a)", r"(a)\1", "(?!a)"] {
            assert!(
                ascii_classes(pattern, Flags::default()).is_none(),
                "{pattern}"
            );
        }
        matches("^(?i)a+?b$", &["AAB"], &["c"]);
    }
}
