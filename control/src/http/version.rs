//! Which state of a thing somebody has seen (RFC 9110, 8.8.3 and 13.1.1): `version` and `etag` out, `if-match` in. Of two who
//! change the same thing from the same state, the second learns of the first instead of undoing it.

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::Json;
use crate::error::{Error, Result};

/// One state of one thing. Another one after each change that somebody made; text without a meaning to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// Of what says when it was changed.
    #[must_use]
    pub fn at(updated_at_ms: i64) -> Self {
        Self(format!("{updated_at_ms:x}"))
    }

    /// Of a digest of all that can be changed.
    #[must_use]
    pub fn digest(digest: &[u8; 32]) -> Self {
        Self(hex::encode(&digest[..12]))
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl PartialSchema for Version {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl ToSchema for Version {}

/// When a thing counts as changed: later than before even within one millisecond, or its version would stay the same.
#[must_use]
pub fn later(before_ms: i64, now_ms: i64) -> i64 {
    now_ms.max(before_ms + 1)
}

/// The state that a change is meant for.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatch {
    /// `"<version>"` of the state that was seen: another one since then refuses the change (412 `changed_meanwhile`). Left out
    /// or `*`: any state.
    #[param(rename = "if-match")]
    #[expect(dead_code, reason = "stands for the header in the description")]
    if_match: Option<String>,
    #[param(ignore)]
    tags: Option<Vec<String>>,
}

impl IfMatch {
    /// Passes if the thing is as it was seen. To be called with its row locked.
    /// # Errors
    /// 412 `changed_meanwhile`.
    pub fn check(&self, now: &Version) -> Result<()> {
        match &self.tags {
            Some(tags) if !tags.contains(&now.0) => {
                let text =
                    "somebody else changed this since you looked; look again, and change it then";
                Err(Error::refused(412, "changed_meanwhile", text))
            }
            _ => Ok(()),
        }
    }

    /// Whether a state is named at all.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.tags.is_some()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let mut tags = Vec::new();
        for line in parts.headers.get_all(header::IF_MATCH) {
            for one in line.to_str().unwrap_or_default().split(',').map(str::trim) {
                if one == "*" {
                    return Ok(Self::default());
                }
                let tag = one.strip_prefix('"').and_then(|one| one.strip_suffix('"'));
                let Some(tag) = tag.filter(|tag| !tag.is_empty() && tag.len() <= 64) else {
                    let text = "`if-match` takes the quoted version of what was seen, or *";
                    return Err(Error::refused(400, "bad_if_match", text));
                };
                tags.push(tag.to_owned());
            }
        }
        let there = parts.headers.contains_key(header::IF_MATCH);
        Ok(Self {
            if_match: None,
            tags: there.then_some(tags),
        })
    }
}

/// What has a version of its own.
pub trait Versioned {
    /// Of the state that is shown.
    fn version(&self) -> &Version;
}

/// JSON with its version as `etag`.
#[derive(Debug, Clone)]
pub struct Tagged<T>(pub T);

impl<T: Serialize + Versioned> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = HeaderValue::from_str(&format!("\"{}\"", self.0.version().0));
        let mut response = Json(self.0).into_response();
        if let Ok(tag) = tag {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// Makes a thing with a member `version` one with a version.
macro_rules! versioned {
    ($($thing:ty),* $(,)?) => {
        $(impl $crate::http::Versioned for $thing {
            fn version(&self) -> &$crate::http::Version {
                &self.version
            }
        })*
    };
}
pub(crate) use versioned;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn read(lines: &[&str]) -> Result<IfMatch> {
        let mut request = axum::http::Request::builder();
        for line in lines {
            request = request.header(header::IF_MATCH, *line);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        IfMatch::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn a_change_is_for_the_states_that_are_named() {
        let now = Version::at(0x1f);
        for fits in [
            &[][..],
            &["*"],
            &["\"1f\""],
            &["\"2\", \"1f\""],
            &["\"2\"", "\"1f\""],
        ] {
            read(fits).await.unwrap().check(&now).unwrap();
        }
        for old in [&["\"1e\""][..], &["\"1\", \"f\""]] {
            assert!(read(old).await.unwrap().check(&now).is_err(), "{old:?}");
        }
        for bad in ["1f", "W/\"1f\"", "", "\"\"", "\"1f"] {
            assert!(read(&[bad]).await.is_err(), "{bad}");
        }
    }

    #[test]
    fn two_changes_within_a_millisecond_have_two_versions() {
        assert_eq!(later(5, 5), 6);
        assert_eq!(later(7, 5), 8);
        assert_eq!(later(5, 9), 9);
    }
}
