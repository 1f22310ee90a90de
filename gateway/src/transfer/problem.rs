//! What is told when something does not go: `application/problem+json`, with the codes that nodes use.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use warren_proto::bus::CallError;
use warren_proto::bus::ticket::Refused;

/// See the module.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: String,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            headers: Vec::new(),
        }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<HeaderValue>) -> Self {
        self.headers
            .push((HeaderName::from_static(name), value.into()));
        self
    }

    pub fn code(&self) -> &str {
        &self.code
    }
}

fn status_of(code: &str) -> StatusCode {
    match code {
        "file_not_found" | "upload_unknown" | "unknown_server" => StatusCode::NOT_FOUND,
        "path_outside" | "file_denied" | "ticket_right" | "ticket_scope" => StatusCode::FORBIDDEN,
        "file_exists" => StatusCode::CONFLICT,
        "file_changed" => StatusCode::PRECONDITION_FAILED,
        "disk_limit" | "file_too_large" | "upload_limit" => StatusCode::PAYLOAD_TOO_LARGE,
        "disk_full" => StatusCode::INSUFFICIENT_STORAGE,
        "busy" | "too_many_handles" | "timeout" | "out_of_order" => StatusCode::SERVICE_UNAVAILABLE,
        "session_unknown" | "session_ended" | "ticket_revoked" | "ticket_expired"
        | "ticket_malformed" | "ticket_unknown_key" | "ticket_signature" | "ticket_too_long"
        | "ticket_refused" => StatusCode::UNAUTHORIZED,
        "path_invalid" | "not_a_file" | "is_a_directory" | "not_a_directory" | "bad_message"
        | "path_too_deep" | "bad_offset" | "size_differs" | "checksum_differs" => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        _ => StatusCode::BAD_GATEWAY,
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed { code, message, .. } => Self::new(status_of(&code), &code, message),
            CallError::Bus(error) => {
                tracing::debug!(%error, "a node does not answer");
                let detail = "the node does not answer; try again when it is back";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "node_no_answer", detail)
            }
            CallError::Refused(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                "node_bad_answer",
                "the node answered something else than it was asked",
            ),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::new(
            status_of(refused.code()),
            refused.code(),
            refused.to_string(),
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers);
        response
    }
}
