//! RFC 9457: the one place where an [`Error`] becomes an HTTP answer.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Error, FieldError};

/// Body of every answer that is no success.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// `/problems/<code>`: says the same as `code`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem, the same for every occurrence of `code`.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened here and what to do.
    pub detail: String,
    /// Stable; clients match on it.
    pub code: String,
    /// Id of this request, as in `x-request-id` and in the log.
    pub request_id: String,
    /// Which fields were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
}

/// The answers that every operation shares, for the API description.
pub struct Problems;

impl utoipa::IntoResponses for Problems {
    fn responses()
    -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
        let problem = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .build();
        let response = ResponseBuilder::new()
            .description("No success: `code` says why, `detail` what to do")
            .content("application/problem+json", problem)
            .build();
        [("default".to_owned(), response.into())].into()
    }
}

/// Left in the response for the outermost layer, which knows the request's id.
#[derive(Debug, Clone)]
pub struct Pending(Problem);

impl Pending {
    /// The finished answer, with its request id.
    pub fn finish(mut self, request_id: &str, response: &mut Response) {
        request_id.clone_into(&mut self.0.request_id);
        // A struct of strings always serialises.
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = body.into();
    }
}

fn title(status: StatusCode, code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => status.canonical_reason().unwrap_or("Error").to_owned(),
    }
}

impl Error {
    /// HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::Invalid(_) | Self::Document { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Refused { status, .. } => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST)
            }
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NodeOffline { .. } | Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Agent { code, .. } => agent_status(code),
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Stable code of the answer.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unauthenticated { code, .. }
            | Self::Forbidden { code, .. }
            | Self::Conflict { code, .. }
            | Self::Refused { code, .. }
            | Self::Document { code, .. }
            | Self::TooMany { code, .. }
            | Self::Unavailable { code, .. } => code,
            Self::NotFound { .. } => "not_found",
            Self::Invalid(_) => "invalid",
            Self::NodeOffline { .. } => "node_offline",
            Self::Agent { code, .. } => code,
            Self::Internal(_) => "internal",
        }
    }
}

/// What an agent's stable code means to an HTTP client.
fn agent_status(code: &str) -> StatusCode {
    match code {
        "file_not_found" | "not_found" | "unknown_server" => StatusCode::NOT_FOUND,
        "file_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "file_exists"
        | "directory_not_empty"
        | "is_a_directory"
        | "not_a_directory"
        | "not_a_file"
        | "busy"
        | "not_running"
        | "job_running"
        | "suspended"
        | "cancelled"
        | "trash_other_disk"
        | "stale" => StatusCode::CONFLICT,
        "file_denied" => StatusCode::FORBIDDEN,
        "path_outside" | "path_invalid" | "path_too_deep" | "too_many_entries"
        | "archive_unknown" | "archive_damaged" | "archive_entry" => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        "took_too_long" => StatusCode::GATEWAY_TIMEOUT,
        "disk_full" | "disk_limit" | "quota" => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::BAD_GATEWAY,
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Internal(cause) = &self {
            tracing::error!(error = format!("{cause:#}"), "request failed");
        }
        let detail = match &self {
            Self::Internal(_) => "Something went wrong on our side. The log has the cause under \
                                  this request's id; trying again may help."
                .to_owned(),
            Self::Invalid(errors) => errors
                .iter()
                .map(|e| format!("{}: {}", e.field, e.message))
                .collect::<Vec<_>>()
                .join("; "),
            other => other.to_string(),
        };
        let retry_after = match &self {
            Self::TooMany { retry_after_s, .. } => Some(*retry_after_s),
            Self::NodeOffline { .. } | Self::Unavailable { .. } => Some(5),
            _ => None,
        };
        let code = self.code().to_owned();
        let problem = Problem {
            kind: format!("/problems/{code}"),
            title: title(status, &code),
            status: status.as_u16(),
            detail,
            code,
            request_id: String::new(),
            errors: match self {
                Self::Invalid(errors) | Self::Document { errors, .. } => errors,
                _ => Vec::new(),
            },
        };
        let mut response = status.into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"warren\""),
            );
        }
        response.extensions_mut().insert(Pending(problem));
        response
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_cause_of_an_internal_error_never_leaves() {
        let error = Error::internal(anyhow::anyhow!("password is hunter2"));
        let response = error.into_response();
        let pending = response.extensions().get::<Pending>().unwrap();
        assert_eq!(pending.0.status, 500);
        assert!(!pending.0.detail.contains("hunter2"));
    }

    #[test]
    fn too_many_says_when_to_come_again() {
        let response = Error::TooMany {
            code: "too_many_attempts",
            detail: "wait".into(),
            retry_after_s: 17,
        }
        .into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "17");
    }

    #[test]
    fn a_title_is_readable() {
        assert_eq!(title(StatusCode::CONFLICT, "egg_in_use"), "Egg in use");
    }
}
