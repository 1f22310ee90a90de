//! How machines become nodes over HTTPS: the install script, the agent's binary, and the twin of
//! `enroll.v1.register`.

use std::path::PathBuf;

use axum::{
    body::Body,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use warren_proto::wire;

use super::{json::Path, read_body, routes};
use crate::{
    app::App,
    auth::Peer,
    error::{Error, Result},
    node::enroll as service,
};

const SCRIPT: &str = include_str!("../../../ops/install/install.sh");
const AGENT: &str = "warren-agent";

fn agent_path(app: &App) -> Result<PathBuf> {
    if app.config.install_dir.is_empty() {
        return Err(Error::refused(
            404,
            "no_agent_binary",
            "control has no agent binary to give; set `install_dir` in its configuration",
        ));
    }
    Ok(PathBuf::from(&app.config.install_dir).join(AGENT))
}

/// Digest of the binary as it lies there now, made anew when the file changes.
async fn digest(app: &App) -> Result<String> {
    static KNOWN: tokio::sync::Mutex<Option<(PathBuf, u64, std::time::SystemTime, String)>> =
        tokio::sync::Mutex::const_new(None);
    let path = agent_path(app)?;
    let missing = |e: std::io::Error| {
        tracing::warn!(path = %path.display(), error = %e, "no agent binary");
        Error::refused(
            404,
            "no_agent_binary",
            "control has no agent binary to give; look at `install_dir` in its configuration",
        )
    };
    let meta = tokio::fs::metadata(&path).await.map_err(missing)?;
    let changed = meta.modified().map_err(Error::internal)?;
    let mut known = KNOWN.lock().await;
    if let Some((p, len, at, digest)) = &*known
        && (p, *len, *at) == (&path, meta.len(), changed)
    {
        return Ok(digest.clone());
    }
    let mut file = tokio::fs::File::open(&path).await.map_err(missing)?;
    let mut hash = Sha256::new();
    let mut part = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut part).await.map_err(Error::internal)?;
        if n == 0 {
            break;
        }
        hash.update(&part[..n]);
    }
    let digest = hex::encode(hash.finalize());
    *known = Some((path, meta.len(), changed, digest.clone()));
    Ok(digest)
}

/// What stands between single quotes in a shell script must not end them.
fn quotable(text: &str) -> bool {
    text.bytes().all(|b| {
        b.is_ascii_alphanumeric()
            || matches!(
                b,
                b':' | b'/' | b'.' | b'-' | b'_' | b'[' | b']' | b'%' | b'~'
            )
    })
}

/// `GET /install.sh`, with the address that it was fetched from.
pub async fn script(State(app): State<App>, peer: Peer) -> Result<Response> {
    let url = if app.config.public_url.is_empty() {
        format!("{}://{}", peer.scheme.as_str(), peer.host)
    } else {
        app.config.public_url.trim_end_matches('/').to_owned()
    };
    if !quotable(&url) {
        return Err(Error::refused(
            400,
            "bad_host",
            "this host name can't stand in a script",
        ));
    }
    let digest = digest(&app).await.unwrap_or_default();
    let insecure = if app.door.certificate.get().is_some() {
        "yes"
    } else {
        ""
    };
    let text = SCRIPT
        .replace("@WARREN_URL@", &url)
        .replace("@WARREN_SHA256@", &digest)
        .replace("@WARREN_INSECURE@", insecure);
    Ok((routes::text("text/x-shellscript; charset=utf-8"), text).into_response())
}

/// `GET /download/warren-agent` and `GET /download/warren-agent.sha256`.
pub async fn download(State(app): State<App>, Path(file): Path<String>) -> Result<Response> {
    match file.as_str() {
        "warren-agent.sha256" => {
            let digest = digest(&app).await?;
            let line = format!("{digest}  {AGENT}\n");
            Ok((routes::text("text/plain; charset=utf-8"), line).into_response())
        }
        AGENT => {
            let digest = digest(&app).await?;
            let file = tokio::fs::File::open(agent_path(&app)?)
                .await
                .map_err(Error::internal)?;
            let length = file.metadata().await.map_err(Error::internal)?.len();
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_LENGTH, length.to_string()),
                (header::ETAG, format!("\"{digest}\"")),
                (
                    header::CONTENT_DISPOSITION,
                    format!("attachment; filename=\"{AGENT}\""),
                ),
            ];
            Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
        }
        _ => Err(Error::not_found("file")),
    }
}

/// `POST /api/v1/enroll`: the same bytes and rules as on the bus. A token's secret has 256 bits, so guesses need
/// no limit of their own, and a hall of machines behind one address may join at once.
pub async fn enroll(State(app): State<App>, request: Request) -> Result<Response> {
    let body = read_body(request).await?;
    let ask = wire::Register::decode(body).map_err(|e| {
        Error::refused(
            400,
            "bad_body",
            format!("the body is no Register message: {e}"),
        )
    })?;
    match service::register(&app, &ask).await {
        Ok(answer) => {
            let bytes = answer.encode_to_vec();
            Ok((routes::text("application/x-protobuf"), bytes).into_response())
        }
        Err(error @ (service::Error::Jwt(_) | service::Error::Database(_))) => {
            Err(Error::internal(error))
        }
        Err(error) => {
            let status = if error.retryable() { 409 } else { 403 };
            Err(Error::refused(status, error.code(), error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_can_not_break_out_of_the_script() {
        assert!(quotable("https://panel.example:8443"));
        assert!(quotable("http://[::1]:8080"));
        for bad in [
            "http://a';reboot;'",
            "http://a\nb",
            "http://$(id)",
            "http://`id`",
        ] {
            assert!(!quotable(bad), "{bad}");
        }
    }
}
