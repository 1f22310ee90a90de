//! Ranges, names of files in headers, and what keeps a user's file from running in the panel's origin.

use axum::http::{HeaderMap, HeaderValue, header};

/// Which bytes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    All,
    /// From and up to, not included.
    Part(u64, u64),
    /// None of those that there are.
    Nothing,
}

/// RFC 9110, 14: one range; several are answered with the whole, as is allowed. A range under a condition that does not
/// hold any more is none.
pub fn wanted(headers: &HeaderMap, size: u64, etag: &str) -> Wanted {
    let text = |name| {
        headers
            .get(name)
            .and_then(|v: &HeaderValue| v.to_str().ok())
    };
    if text(header::IF_RANGE).is_some_and(|known| known != etag) {
        return Wanted::All;
    }
    let Some(range) = text(header::RANGE).and_then(|r| r.strip_prefix("bytes=")) else {
        return Wanted::All;
    };
    let Some((from, to)) = range.split_once('-').filter(|_| !range.contains(',')) else {
        return Wanted::All;
    };
    let (from, to) = (from.trim(), to.trim());
    let digits = |text: &str| text.is_empty() || text.bytes().all(|b| b.is_ascii_digit());
    if !digits(from) || !digits(to) {
        return Wanted::All;
    }
    match (from.parse::<u64>().ok(), to.parse::<u64>().ok()) {
        (None, None) => Wanted::All,
        (None, Some(0)) => Wanted::Nothing,
        (None, Some(_)) if size == 0 => Wanted::Nothing,
        (None, Some(last)) => Wanted::Part(size.saturating_sub(last), size),
        (Some(from), _) if from >= size => Wanted::Nothing,
        (Some(from), None) => Wanted::Part(from, size),
        (Some(from), Some(to)) if to < from => Wanted::All,
        (Some(from), Some(to)) => Wanted::Part(from, size.min(to.saturating_add(1))),
    }
}

/// Whether a condition names this version: `*`, or one of a list.
pub fn names(condition: Option<&HeaderValue>, etag: &str) -> bool {
    let list = condition.and_then(|v| v.to_str().ok()).unwrap_or_default();
    list.split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == etag)
}

/// RFC 6266: a plain name for old browsers, and the real one.
pub fn disposition(name: &str) -> HeaderValue {
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '/' | '%' => '_',
            c if c.is_ascii_graphic() || c == ' ' => c,
            _ => '_',
        })
        .collect();
    let mut exact = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            exact.push(char::from(byte));
        } else {
            exact.push_str(&format!("%{byte:02X}"));
        }
    }
    let text = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
}

/// On every answer with bytes of a user. Whatever they are, they are data.
pub fn harmless(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; frame-ancestors 'none'",
        ),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "private, no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_range_is_what_the_standard_says() {
        let of = |range: &str, if_range: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, range.parse().unwrap());
            if !if_range.is_empty() {
                headers.insert(header::IF_RANGE, if_range.parse().unwrap());
            }
            wanted(&headers, 100, "\"e\"")
        };
        assert_eq!(of("bytes=0-9", ""), Wanted::Part(0, 10));
        assert_eq!(of("bytes=90-", "\"e\""), Wanted::Part(90, 100));
        assert_eq!(of("bytes=90-", "\"old\""), Wanted::All);
        assert_eq!(of("bytes=-5", ""), Wanted::Part(95, 100));
        assert_eq!(of("bytes=-500", ""), Wanted::Part(0, 100));
        assert_eq!(of("bytes=0-18446744073709551615", ""), Wanted::Part(0, 100));
        assert_eq!(of("bytes=100-", ""), Wanted::Nothing);
        assert_eq!(of("bytes=-0", ""), Wanted::Nothing);
        for odd in [
            "bytes=5-1",
            "bytes=0-1,5-6",
            "bytes=-",
            "bytes=a-b",
            "lines=1-2",
            "bytes=+1-2",
        ] {
            assert_eq!(of(odd, ""), Wanted::All, "{odd}");
        }
    }

    #[test]
    fn a_name_can_not_leave_its_header() {
        let value = disposition("a\"; filename=evil.html\r\nx: y \u{fc}.txt");
        let text = value.to_str().unwrap();
        assert!(!text.contains('\r') && !text.contains('\n'));
        assert_eq!(text.matches('"').count(), 2);
        assert!(text.ends_with("%C3%BC.txt"), "{text}");
        assert_eq!(
            disposition("server.jar"),
            "attachment; filename=\"server.jar\"; filename*=UTF-8''server.jar"
        );
    }
}
