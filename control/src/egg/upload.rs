//! The egg's bytes, from a plain body or from a form.

use axum::{
    body::Bytes,
    extract::{FromRequest, Multipart, Request},
    http::header,
};
use utoipa::ToSchema;

use crate::{
    error::{Error, Result},
    http::read_body,
};

/// A form with one file.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the form; the parts are read as they come"
)]
pub struct EggForm {
    /// The egg.
    #[schema(format = Binary)]
    file: String,
}

/// Reads it.
/// # Errors
/// 413 above the limit; a form without exactly one file.
pub async fn read(request: Request) -> Result<Bytes> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let form = kind
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.to_ascii_lowercase().starts_with("multipart/form-data"));
    if !form {
        let body = read_body(request).await?;
        if body.is_empty() {
            return Err(Error::field(
                "file",
                "required",
                "the body is empty; send the egg's JSON or YAML",
            ));
        }
        return Ok(body);
    }
    let broken = |e: axum::extract::multipart::MultipartError| {
        if e.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            Error::refused(413, "too_large", "an egg file has at most 4 MiB")
        } else {
            Error::refused(400, "bad_form", e.body_text())
        }
    };
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|e| Error::refused(400, "bad_form", e.body_text()))?;
    let mut file = None;
    while let Some(part) = form.next_field().await.map_err(broken)? {
        if part.file_name().is_none() && part.name() != Some("file") {
            continue;
        }
        let bytes = part.bytes().await.map_err(broken)?;
        if file.replace(bytes).is_some() {
            return Err(Error::field(
                "file",
                "too_many",
                "send one egg at a time, so that each gets its own report",
            ));
        }
    }
    file.ok_or_else(|| Error::field("file", "required", "the form holds no file"))
}
