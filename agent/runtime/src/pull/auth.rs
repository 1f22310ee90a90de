//! `WWW-Authenticate`: what a registry wants to see before it answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;

use crate::runtime::{ImageProblem, RegistryAuth};

/// What the registry asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

impl Challenge {
    /// The first challenge we can answer.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| parse(value.to_str().ok()?))
            .next()
    }
}

fn parse(text: &str) -> Option<Challenge> {
    let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut service) = (None, None);
    for (key, value) in Params(rest) {
        match key.to_ascii_lowercase().as_str() {
            "realm" => realm = Some(value),
            "service" => service = Some(value),
            _ => {}
        }
    }
    Some(Challenge::Bearer {
        realm: realm?,
        service,
    })
}

/// `key="value", key=value`; quoted values may contain commas.
struct Params<'a>(&'a str);

impl<'a> Iterator for Params<'a> {
    type Item = (&'a str, String);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_start_matches([' ', ',', '\t']);
        let (key, rest) = text.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        self.0 = rest;
        Some((key.trim(), value.trim().to_owned()))
    }
}

/// The header for basic authentication.
pub fn basic(username: &str, password: &str) -> Result<HeaderValue, ImageProblem> {
    secret(format!(
        "Basic {}",
        BASE64.encode(format!("{username}:{password}"))
    ))
}

/// The header for a bearer token.
pub fn bearer(token: &str) -> Result<HeaderValue, ImageProblem> {
    secret(format!("Bearer {token}"))
}

fn secret(text: String) -> Result<HeaderValue, ImageProblem> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| ImageProblem::Unauthorized("the credentials hold line ends".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// Asks the token server that a registry named. `plain` allows http.
pub async fn fetch_token(
    http: &reqwest::Client,
    (realm, service): (&str, Option<&str>),
    repository: &str,
    auth: &RegistryAuth,
    plain: bool,
) -> Result<HeaderValue, ImageProblem> {
    let mut url = reqwest::Url::parse(realm)
        .map_err(|_| ImageProblem::Unreachable("it names a token server that is no URL".into()))?;
    match url.scheme() {
        "https" => {}
        "http" if plain => {}
        _ => return Err(ImageProblem::Insecure(realm.to_owned())),
    }
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("scope", &format!("repository:{repository}:pull"));
        if let Some(service) = service {
            query.append_pair("service", service);
        }
    }
    let mut request = http.get(url.clone());
    if let RegistryAuth::Basic { username, password } = auth {
        request = request.header(reqwest::header::AUTHORIZATION, basic(username, password)?);
    }
    let answer = request.send().await;
    let answer = answer.map_err(|e| super::registry::unreachable(&url, &e))?;
    let status = answer.status();
    if !status.is_success() {
        // The body stays out: a hostile registry could name any URL here and have us read it aloud.
        let text = format!("its token server answered {status}");
        return Err(match status.as_u16() {
            400..=403 => ImageProblem::Unauthorized(text),
            429 => ImageProblem::RateLimited(text),
            _ => ImageProblem::Unreachable(text),
        });
    }
    let body = super::registry::bounded(answer, 1 << 20).await?;
    let answer: TokenAnswer = serde_json::from_slice(&body)
        .map_err(|_| ImageProblem::Unreachable("its token server sent no token".into()))?;
    match answer.token.or(answer.access_token) {
        Some(token) => bearer(&token),
        None => Err(ImageProblem::Unreachable(
            "its token server sent no token".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a:b:pull,push""#;
        assert_eq!(
            parse(hub),
            Some(Challenge::Bearer {
                realm: "https://auth.docker.io/token".into(),
                service: Some("registry.docker.io".into())
            })
        );
        assert_eq!(parse(r#"Basic realm="x""#), Some(Challenge::Basic));
        assert_eq!(parse("basic"), Some(Challenge::Basic));
        let bare = parse("Bearer service=s, realm=http://r/t");
        assert!(matches!(bare, Some(Challenge::Bearer { realm, .. }) if realm == "http://r/t"));
    }

    #[test]
    fn broken_challenges_are_no_challenge() {
        for text in [
            "",
            "Negotiate",
            "Bearer",
            r#"Bearer realm="open"#,
            "Bearer ====,,,\"\"",
        ] {
            assert!(!matches!(parse(text), Some(Challenge::Basic)), "{text}");
        }
        assert_eq!(parse("Bearer service=\"x\""), None);
    }
}
