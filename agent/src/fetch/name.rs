//! What a fetched file is called where nobody said. The other side's words are words, and only their end counts.

use reqwest::Url;
use reqwest::header::{CONTENT_DISPOSITION, HeaderMap};

/// Bytes of a name; room for what a copy or an archive of it appends.
const MOST: usize = 200;
/// Where nothing is left of what they said.
const NAMELESS: &str = "download";

/// What it is called: as the answer says, else as the address that was typed ends, else as the last one does. A redirect
/// names a file only where nothing else does.
pub fn of(headers: &HeaderMap, typed: &Url, last: &Url) -> String {
    let said = headers.get(CONTENT_DISPOSITION).and_then(|value| {
        let text = match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => text.to_owned(),
            Err(_) => value.as_bytes().iter().map(|b| char::from(*b)).collect(),
        };
        disposition(&text)
    });
    let said = said.and_then(|name| tame(&name));
    said.or_else(|| end(typed))
        .or_else(|| end(last))
        .unwrap_or_else(|| NAMELESS.to_owned())
}

fn end(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    tame(&String::from_utf8_lossy(&unescaped(last)))
}

/// `filename*` before `filename`, as RFC 6266 has it.
fn disposition(text: &str) -> Option<String> {
    let mut plain = None;
    for (key, value) in parameters(text) {
        if key.eq_ignore_ascii_case("filename*") {
            let mut parts = value.splitn(3, '\'');
            let (charset, _, name) = (parts.next()?, parts.next(), parts.next());
            let Some(name) = name else { continue };
            let bytes = unescaped(name);
            let latin = charset.eq_ignore_ascii_case("iso-8859-1");
            return Some(match latin {
                true => bytes.into_iter().map(char::from).collect(),
                false => String::from_utf8_lossy(&bytes).into_owned(),
            });
        }
        if key.eq_ignore_ascii_case("filename") && plain.is_none() {
            plain = Some(value);
        }
    }
    plain
}

/// `; key=value` and `; key="va\"lue"`, what is before the first `;` left out.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.split_once(';').map_or("", |(_, rest)| rest);
    // More than any honest answer has.
    while let Some((key, after)) = rest.split_once('=').filter(|_| found.len() < 16) {
        let key = key.trim().trim_start_matches(';').trim().to_owned();
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => match after.split_once(';') {
                Some((value, left)) => (value.trim().to_owned(), left),
                None => (after.trim().to_owned(), ""),
            },
        };
        found.push((key, value));
        rest = left;
    }
    found
}

fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            // Nothing but a quote is escaped by those who send a path of Windows.
            '\\' => value.push(chars.next_if(|(_, c)| *c == '"').map_or('\\', |(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let value = pair
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match value {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

/// A plain name, or none: no path, nothing hidden, nothing that turns or hides what is read.
fn tame(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next()?;
    let shown = |c: &char| {
        let turns = matches!(*c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}');
        !c.is_control() && !turns
    };
    let clean: String = last.chars().filter(shown).collect();
    let clean = clean.trim_matches([' ', '.']);
    let mut clean = clean.to_owned();
    if clean.len() > MOST {
        // Its ending says what it is.
        let ending = clean.rfind('.').filter(|at| clean.len() - at <= 16);
        let ending = ending.map(|at| clean.split_off(at)).unwrap_or_default();
        clean.truncate(clean.floor_char_boundary(MOST - ending.len()));
        clean.push_str(&ending);
    }
    (!clean.is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn named(disposition: Option<&str>, typed: &str, last: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Some(text) = disposition {
            let value = reqwest::header::HeaderValue::from_bytes(text.as_bytes());
            headers.insert(CONTENT_DISPOSITION, value.unwrap());
        }
        of(
            &headers,
            &Url::parse(typed).unwrap(),
            &Url::parse(last).unwrap(),
        )
    }

    #[test]
    fn a_name_is_the_answers_or_the_end_of_the_address() {
        let plain = |text: &str| named(Some(text), "http://a/typed.jar", "http://b/last.jar");
        assert_eq!(
            plain("attachment; filename=\"paper-1.21.jar\""),
            "paper-1.21.jar"
        );
        assert_eq!(plain("attachment; filename=paper.jar; size=7"), "paper.jar");
        assert_eq!(plain("attachment; filename=\"a;b=c.jar\""), "a;b=c.jar");
        assert_eq!(plain("inline; FileName=\"a \\\"b\\\".jar\""), "a \"b\".jar");
        let both = "attachment; filename=\"x.jar\"; filename*=UTF-8''%e2%82%ac%20rates.jar";
        assert_eq!(plain(both), "€ rates.jar");
        assert_eq!(
            plain("attachment; filename*=iso-8859-1'en'%A3.txt"),
            "£.txt"
        );
        assert_eq!(plain("attachment"), "typed.jar");
        assert_eq!(plain(""), "typed.jar");
        assert_eq!(
            named(None, "http://a/x%20y.zip?token=1#z", "http://b/z"),
            "x y.zip"
        );
        assert_eq!(named(None, "http://a/", "http://b/last.jar"), "last.jar");
        assert_eq!(named(None, "http://a/latest/", "http://b/"), "download");
        // A redirect names no file where the address that was typed does.
        assert_eq!(
            named(None, "http://a/mod.jar", "http://b/.bashrc"),
            "mod.jar"
        );
    }

    #[test]
    fn no_name_is_a_path_or_hides_what_it_is() {
        let plain = |text: &str| {
            let text = format!("attachment; filename=\"{text}\"");
            named(Some(&text), "http://a/typed.jar", "http://b/")
        };
        for (said, is) in [
            ("../../etc/passwd", "passwd"),
            ("/etc/cron.d/x", "x"),
            ("C:\\Windows\\evil.dll", "evil.dll"),
            ("..\\..\\x", "x"),
            ("..", "typed.jar"),
            (".", "typed.jar"),
            ("a/", "typed.jar"),
            (".bashrc", "bashrc"),
            (".warren-01.partial", "warren-01.partial"),
            ("  x. . ", "x"),
            ("good\u{202e}gnp.exe", "goodgnp.exe"),
            ("ad\u{200b}min", "admin"),
            ("a\tb", "ab"),
        ] {
            assert_eq!(plain(said), is, "{said:?}");
        }
        let escaped = "attachment; filename*=UTF-8''..%2f..%2fx%00%0ay%5c.z";
        assert_eq!(named(Some(escaped), "http://a/t", "http://b/"), "z");
        assert_eq!(
            named(None, "http://a/%2e%2e%2f%2e%2e%2fx", "http://b/"),
            "x"
        );
        assert_eq!(
            named(None, "http://a/%ff%fe.bin", "http://b/"),
            "\u{fffd}\u{fffd}.bin"
        );
        assert_eq!(
            named(None, "http://a/100%25%zz%4", "http://b/"),
            "100%%zz%4"
        );
        let long = named(
            None,
            &format!("http://a/{}.tar.gz", "é".repeat(300)),
            "http://b/",
        );
        assert!(long.len() <= 255 && long.ends_with(".gz"), "{long}");
        for odd in [
            "attachment; filename=\"",
            "attachment; =",
            ";;;;=;=",
            "a; filename*=x",
            "a; filename*='",
        ] {
            assert_eq!(named(Some(odd), "http://a/t", "http://b/"), "t", "{odd}");
        }
    }
}
