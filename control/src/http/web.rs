//! The web app: compiled in, or from a folder. Files with a hash in their name may be kept for ever, and
//! every address that is no file is the app's own.

use std::{borrow::Cow, path::Component};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::door;
use crate::{app::App, auth::secret, error::Error};

#[cfg(feature = "embed-web")]
#[derive(rust_embed::RustEmbed)]
#[folder = "../web/dist"]
struct Embedded;

/// Scripts and styles from here alone, none in line. The nonce is for the one style that a page may carry.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self' blob:; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

async fn load(app: &App, name: &str) -> Option<Cow<'static, [u8]>> {
    if app.config.web_dir.is_empty() {
        return embedded(name);
    }
    let relative = std::path::Path::new(name);
    let plain = relative
        .components()
        .all(|c| matches!(c, Component::Normal(_)));
    if !plain {
        return None;
    }
    let path = std::path::Path::new(&app.config.web_dir).join(relative);
    tokio::fs::read(path).await.ok().map(Cow::Owned)
}

#[cfg(feature = "embed-web")]
fn embedded(name: &str) -> Option<Cow<'static, [u8]>> {
    Embedded::get(name).map(|file| file.data)
}

#[cfg(not(feature = "embed-web"))]
fn embedded(_: &str) -> Option<Cow<'static, [u8]>> {
    None
}

/// `index-BqX3f9aZ.js`: what Vite names by content.
fn is_hashed(name: &str) -> bool {
    name.starts_with("assets/")
        && name
            .rsplit_once('.')
            .and_then(|(stem, _)| stem.rsplit_once('-'))
            .is_some_and(|(_, hash)| hash.len() >= 7)
}

fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .any(|v| {
            let mut parts = v.split(';');
            parts.next().is_some_and(|c| c.trim() == coding)
                && !parts.any(|q| matches!(q.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

/// Anything that no other route takes.
pub async fn asset(State(app): State<App>, request: Request) -> Response {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    if method != Method::GET && method != Method::HEAD {
        return door::not_found(method.clone()).await.into_response();
    }
    let name = uri.path().trim_start_matches('/');
    if name.is_empty() || name == "index.html" {
        return page(&app).await;
    }
    if let Some(response) = file(&app, name, headers).await {
        return response;
    }
    // A missing file must not look like a page, or a browser would run HTML as script.
    let last = name.rsplit('/').next().unwrap_or_default();
    if name.starts_with("assets/") || last.contains('.') {
        return Error::not_found("file").into_response();
    }
    page(&app).await
}

async fn file(app: &App, name: &str, headers: &HeaderMap) -> Option<Response> {
    let mut coding = None;
    let mut data = None;
    for (word, ending) in [("br", ".br"), ("gzip", ".gz")] {
        if data.is_none() && accepts(headers, word) {
            data = load(app, &format!("{name}{ending}")).await;
            coding = data.is_some().then_some(word);
        }
    }
    let data = match data {
        Some(data) => data,
        None => load(app, name).await?,
    };
    let digest = Sha256::digest(&data);
    let etag = format!("\"{}\"", hex::encode(&digest[..16]));
    let same = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|v| v.as_bytes() == etag.as_bytes());
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    let mime = match (mime.type_().as_str(), mime.subtype().as_str()) {
        ("text", _) | (_, "javascript") => format!("{}; charset=utf-8", mime.essence_str()),
        _ => mime.essence_str().to_owned(),
    };
    let keep = if is_hashed(name) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        axum::body::Bytes::from(data.into_owned()).into_response()
    };
    let out = response.headers_mut();
    let mut put = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            out.insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, &mime);
    put(header::CACHE_CONTROL, keep);
    put(header::ETAG, &etag);
    put(header::VARY, "accept-encoding");
    if let Some(coding) = coding {
        put(header::CONTENT_ENCODING, coding);
    }
    Some(response)
}

async fn page(app: &App) -> Response {
    let Some(data) = load(app, "index.html").await else {
        return Error::Unavailable {
            code: "no_web_app",
            detail: "this control was built without the web app; set `web_dir`, or use /api/docs"
                .into(),
        }
        .into_response();
    };
    let nonce = match secret::session_token() {
        Ok(token) => STANDARD.encode(token.expose()),
        Err(error) => return error.into_response(),
    };
    let text = String::from_utf8_lossy(&data).replace("__CSP_NONCE__", &nonce);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy(&nonce)),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_files_named_by_their_content_are_kept_for_ever() {
        assert!(is_hashed("assets/index-BqX3f9aZ.js"));
        assert!(!is_hashed("assets/logo.svg"));
        assert!(!is_hashed("favicon-12345678.ico"));
    }

    #[test]
    fn a_coding_is_used_only_where_it_is_taken() {
        let mut headers = HeaderMap::new();
        headers.insert("accept-encoding", "gzip, br;q=0".parse().unwrap());
        assert!(accepts(&headers, "gzip"));
        assert!(!accepts(&headers, "br"));
    }
}
