//! Extractors whose refusals name the field. Axum's own ones answer with plain text.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::PathRejection},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;

/// A JSON body, in and out.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split(';').next())
        .is_some_and(|v| {
            let v = v.trim().to_ascii_lowercase();
            v == "application/json" || v.ends_with("+json")
        })
}

/// Reads JSON and says where it is wrong.
/// # Errors
/// 400 for bytes that are no JSON, 422 with the path of the field for JSON of another shape.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
        let path = e.path().to_string();
        let cause = e.into_inner();
        if cause.is_data() {
            let message = cause.to_string();
            // "missing field `name` at line 1 column 2": the position means nothing to a form.
            let message = message
                .rsplit_once(" at line ")
                .map_or(message.clone(), |(m, _)| m.to_owned());
            let (path, code) = match message.strip_prefix("missing field `") {
                Some(rest) => {
                    let name = rest.trim_end_matches('`');
                    let path = if path == "." {
                        name.to_owned()
                    } else {
                        format!("{path}.{name}")
                    };
                    (path, "required")
                }
                None => (path, "invalid"),
            };
            Error::field(path, code, message)
        } else {
            Error::refused(400, "bad_json", format!("the body is no JSON: {cause}"))
        }
    })?;
    reader
        .end()
        .map_err(|e| Error::refused(400, "bad_json", format!("the body is no JSON: {e}")))?;
    Ok(value)
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        if !is_json(request.headers()) {
            return Err(Error::refused(
                415,
                "not_json",
                "send the body as JSON with content-type: application/json",
            ));
        }
        let bytes = read(request, state).await?;
        from_slice(&bytes).map(Self)
    }
}

/// Reads the whole body within the route's limit.
/// # Errors
/// 413 above the limit, 400 when the client broke off.
pub async fn read_body(request: Request) -> Result<Bytes, Error> {
    read(request, &()).await
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    Bytes::from_request(request, state).await.map_err(|e| {
        if e.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            Error::refused(413, "too_large", "the body is larger than this call takes")
        } else {
            Error::refused(400, "bad_body", e.body_text())
        }
    })
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A query string.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                let text = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                let (field, message) = text.split_once(": ").unwrap_or(("query", text));
                let missing = message.strip_prefix("missing field `");
                Err(match missing.map(|rest| rest.trim_end_matches('`')) {
                    Some(name) => Error::field(name, "required", "must be given in the address"),
                    None => Error::field(field, "invalid", message),
                })
            }
        }
    }
}

/// Path parameters. One that is no id names nothing that exists: 404.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(_)) => {
                Err(Error::not_found("what this address names was"))
            }
            Err(other) => Err(Error::Internal(anyhow::anyhow!(other.body_text()))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, dead_code)]
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Inner {
        memory_bytes: u64,
    }
    #[derive(Debug, Deserialize)]
    struct Outer {
        limits: Inner,
    }

    fn refused(text: &str) -> (String, String) {
        match from_slice::<Outer>(text.as_bytes()).unwrap_err() {
            Error::Invalid(errors) => (errors[0].field.clone(), errors[0].code.clone()),
            other => (other.code().to_owned(), String::new()),
        }
    }

    #[test]
    fn a_refusal_names_the_field() {
        assert_eq!(
            refused(r#"{"limits":{"memory_bytes":"much"}}"#),
            ("limits.memory_bytes".into(), "invalid".into())
        );
        assert_eq!(
            refused(r#"{"limits":{}}"#),
            ("limits.memory_bytes".into(), "required".into())
        );
        assert_eq!(refused("{}"), ("limits".into(), "required".into()));
        assert_eq!(refused("{").0, "bad_json");
        assert_eq!(refused(r#"{"limits":{"memory_bytes":1}} x"#).0, "bad_json");
    }
}
