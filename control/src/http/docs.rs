//! The built-in API page. Three small files of our own: nothing is fetched from anywhere else, and the
//! policy forbids scripts and styles in line.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use super::{json::Path, routes};
use crate::error::{Error, Result};

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /api/docs`.
pub async fn page() -> Response {
    (
        routes::text("text/html; charset=utf-8"),
        [(header::CONTENT_SECURITY_POLICY, CSP)],
        include_str!("docs/index.html"),
    )
        .into_response()
}

/// `GET /api/docs/{file}`.
pub async fn asset(Path(file): Path<String>) -> Result<Response> {
    let (mime, text) = match file.as_str() {
        "docs.js" => (
            "text/javascript; charset=utf-8",
            include_str!("docs/docs.js"),
        ),
        "docs.css" => ("text/css; charset=utf-8", include_str!("docs/docs.css")),
        _ => return Err(Error::not_found("file")),
    };
    Ok((routes::text(mime), text).into_response())
}
