//! The session cookie. Over https it is `__Host-warren`, over plain http `warren`; one is never taken where
//! the other belongs, and the stored hash covers the scheme, so renaming a cookie helps nobody.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponseParts, ResponseParts},
};

use super::secret;
use crate::error::{Error, Result};

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// TLS, ours or a trusted proxy's.
    Https,
    /// Plain.
    Http,
}

impl Scheme {
    /// Name of the cookie.
    #[must_use]
    pub fn cookie(self) -> &'static str {
        match self {
            Self::Https => "__Host-warren",
            Self::Http => "warren",
        }
    }

    /// Name of the cookie that a browser takes along to another provider and back.
    #[must_use]
    pub fn away_cookie(self) -> &'static str {
        match self {
            Self::Https => "__Host-warren-away",
            Self::Http => "warren-away",
        }
    }

    /// As in an address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// What is stored of a session's token.
    #[must_use]
    pub fn hash(self, token: &str) -> String {
        secret::hash(&format!("{}:{token}", self.as_str()))
    }
}

/// The session token of a request. Two cookies of that name are one too many: somebody planted one.
#[must_use]
pub fn read(headers: &HeaderMap, scheme: Scheme) -> Option<String> {
    named(headers, scheme.cookie())
}

/// The token of a browser that was sent to another provider.
#[must_use]
pub fn read_away(headers: &HeaderMap, scheme: Scheme) -> Option<String> {
    named(headers, scheme.away_cookie())
}

fn named(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value);
    let token = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let shaped = token.len() <= 128 && token.bytes().all(|b| b.is_ascii_alphanumeric());
    shaped.then(|| token.to_owned())
}

/// A `set-cookie` line.
#[derive(Debug, Clone)]
pub struct SetCookie(HeaderValue);

impl SetCookie {
    /// Carries a session's token; the session's real end is in the database.
    /// # Errors
    /// Never with our own tokens.
    pub fn new(scheme: Scheme, token: &str, max_age_s: i64) -> Result<Self> {
        Self::line(scheme, scheme.cookie(), token, max_age_s)
    }

    /// Ties what comes back from another provider to the browser that was sent there.
    /// # Errors
    /// Never with our own tokens.
    pub fn away(scheme: Scheme, token: &str, max_age_s: i64) -> Result<Self> {
        Self::line(scheme, scheme.away_cookie(), token, max_age_s)
    }

    fn line(scheme: Scheme, name: &str, token: &str, max_age_s: i64) -> Result<Self> {
        let secure = match scheme {
            Scheme::Https => "; Secure",
            Scheme::Http => "",
        };
        let line =
            format!("{name}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&line)
            .map(Self)
            .map_err(Error::internal)
    }

    /// Takes the cookie away.
    /// # Errors
    /// Never.
    pub fn clear(scheme: Scheme) -> Result<Self> {
        Self::new(scheme, "", 0)
    }
}

impl IntoResponseParts for SetCookie {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        let mut value = self.0;
        value.set_sensitive(true);
        parts.headers_mut().append(header::SET_COOKIE, value);
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn each_scheme_reads_its_own_cookie_alone() {
        let both = headers(&["warren=plain; __Host-warren=secure"]);
        assert_eq!(read(&both, Scheme::Https).as_deref(), Some("secure"));
        assert_eq!(read(&both, Scheme::Http).as_deref(), Some("plain"));
        assert_eq!(read(&headers(&["warren=plain"]), Scheme::Https), None);
        assert_ne!(Scheme::Https.hash("x"), Scheme::Http.hash("x"));
    }

    #[test]
    fn a_planted_second_cookie_or_odd_bytes_count_as_none() {
        assert_eq!(
            read(&headers(&["warren=a", "warren=b"]), Scheme::Http),
            None
        );
        assert_eq!(read(&headers(&["warren=a\"b"]), Scheme::Http), None);
        assert_eq!(read(&headers(&["xwarren=a"]), Scheme::Http), None);
    }

    #[test]
    fn the_cookie_has_every_guard_that_its_scheme_allows() {
        let https = SetCookie::new(Scheme::Https, "t", 60).unwrap().0;
        assert_eq!(
            https.to_str().unwrap(),
            "__Host-warren=t; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        let http = SetCookie::new(Scheme::Http, "t", 60).unwrap().0;
        assert!(!http.to_str().unwrap().contains("Secure"));
    }
}
