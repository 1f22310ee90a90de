//! How machines become nodes over HTTPS: the install script, the agent's binary, and the twin of
//! `enroll.v1.register`.

use std::{collections::BTreeMap, path::PathBuf, time::SystemTime};

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
    problem::Problems,
};

const SCRIPT: &str = include_str!("../../../ops/install/install.sh");
const AGENT: &str = "warren-agent";
/// Architectures that a node can have, as `uname -m` says them.
const ARCHES: [&str; 2] = ["x86_64", "aarch64"];

/// An agent binary that a machine can have.
#[derive(Debug, Clone)]
struct Offer {
    path: PathBuf,
    /// Hex.
    sha256: String,
    /// The newest version of glibc that it asks for.
    glibc: Option<String>,
}

fn none_there(arch: &str) -> Error {
    Error::refused(
        404,
        "no_agent_binary",
        format!(
            "control has no agent binary for {arch}: put {AGENT}-{arch} into the folder of `install_dir` in its \
             configuration"
        ),
    )
}

/// `warren-agent-<arch>` or, for control's own architecture, the plain name that a build gives.
fn agent_path(app: &App, arch: &str) -> Option<PathBuf> {
    if app.config.install_dir.is_empty() {
        return None;
    }
    let dir = PathBuf::from(&app.config.install_dir);
    let named = dir.join(format!("{AGENT}-{arch}"));
    if named.exists() {
        return Some(named);
    }
    (arch == std::env::consts::ARCH).then(|| dir.join(AGENT))
}

/// The binary as it lies there now, read anew when the file changes.
async fn offer(app: &App, arch: &str) -> Result<Offer> {
    static KNOWN: tokio::sync::Mutex<BTreeMap<PathBuf, (u64, SystemTime, Offer)>> =
        tokio::sync::Mutex::const_new(BTreeMap::new());
    let path = agent_path(app, arch).ok_or_else(|| none_there(arch))?;
    let missing = |e: std::io::Error| {
        tracing::warn!(path = %path.display(), error = %e, "no agent binary");
        none_there(arch)
    };
    let meta = tokio::fs::metadata(&path).await.map_err(missing)?;
    let changed = meta.modified().map_err(Error::internal)?;
    let mut known = KNOWN.lock().await;
    if let Some((len, at, offer)) = known.get(&path)
        && (*len, *at) == (meta.len(), changed)
    {
        return Ok(offer.clone());
    }
    let offer = read(&path).await.map_err(Error::internal)?;
    known.insert(path, (meta.len(), changed, offer.clone()));
    Ok(offer)
}

async fn read(path: &std::path::Path) -> std::io::Result<Offer> {
    let mut file = tokio::fs::File::open(path).await?;
    let mut hash = Sha256::new();
    let mut glibc = Glibc::default();
    let mut part = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut part).await?;
        if n == 0 {
            break;
        }
        hash.update(&part[..n]);
        glibc.look(&part[..n]);
    }
    Ok(Offer {
        path: path.to_owned(),
        sha256: hex::encode(hash.finalize()),
        glibc: glibc
            .newest
            .map(|(major, minor)| format!("{major}.{minor}")),
    })
}

/// Finds the versions of glibc that a program's symbols ask for: they stand in it as `GLIBC_2.34`.
#[derive(Default)]
struct Glibc {
    /// The end of the part before, in which a word may have begun.
    tail: Vec<u8>,
    newest: Option<(u32, u32)>,
}

impl Glibc {
    fn look(&mut self, part: &[u8]) {
        const WORD: &[u8] = b"GLIBC_";
        const LONGEST: usize = 24;
        self.tail.extend_from_slice(part);
        for at in memchr::memmem::find_iter(&self.tail, WORD) {
            let rest = &self.tail[at + WORD.len()..];
            let end = rest.iter().position(|b| !b.is_ascii_digit() && *b != b'.');
            let text = std::str::from_utf8(&rest[..end.unwrap_or(rest.len())]);
            let version = text.ok().and_then(|text| text.split_once('.'));
            let minor = |text: &str| text.split('.').next().and_then(|text| text.parse().ok());
            let version = version.and_then(|(a, b)| Some((a.parse().ok()?, minor(b)?)));
            self.newest = self.newest.max(version);
        }
        let keep = self.tail.len().saturating_sub(LONGEST);
        self.tail.drain(..keep);
    }
}

/// `arch:sha256:glibc` of each binary that there is, for the script.
async fn offers(app: &App) -> String {
    let mut words = Vec::new();
    for arch in ARCHES {
        if let Ok(offer) = offer(app, arch).await {
            let glibc = offer.glibc.unwrap_or_default();
            words.push(format!("{arch}:{}:{glibc}", offer.sha256));
        }
    }
    words.join(" ")
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
    let pin = app.door.pin.get().map(super::Pin::option);
    let text = SCRIPT
        .replace("@WARREN_URL@", &url)
        .replace("@WARREN_AGENTS@", &offers(&app).await)
        .replace("@WARREN_PIN@", &pin.unwrap_or_default());
    Ok((routes::text("text/x-shellscript; charset=utf-8"), text).into_response())
}

/// `GET /download/warren-agent-x86_64` and its `.sha256`; without an architecture: control's own.
pub async fn download(State(app): State<App>, Path(file): Path<String>) -> Result<Response> {
    let (name, digest) = match file.strip_suffix(".sha256") {
        Some(name) => (name, true),
        None => (&*file, false),
    };
    let arch = match name.strip_prefix(AGENT) {
        Some("") => std::env::consts::ARCH,
        Some(rest) => ARCHES
            .into_iter()
            .find(|arch| rest.strip_prefix('-') == Some(arch))
            .ok_or_else(|| Error::not_found("file"))?,
        None => return Err(Error::not_found("file")),
    };
    let offer = offer(&app, arch).await?;
    if digest {
        let line = format!("{}  {name}\n", offer.sha256);
        return Ok((routes::text("text/plain; charset=utf-8"), line).into_response());
    }
    let file = tokio::fs::File::open(&offer.path)
        .await
        .map_err(Error::internal)?;
    let length = file.metadata().await.map_err(Error::internal)?.len();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::ETAG, format!("\"{}\"", offer.sha256)),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{AGENT}\""),
        ),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

/// Makes a machine with a join token a node.
///
/// For agents that can't reach the bus: the body is a `warren.v1.Register` message, the answer a
/// `warren.v1.Registered`, with the same rules as `enroll.v1.register`. The join token in it is the credential.
/// 403 `token_unknown`, `token_expired`, `token_used_up`, `bad_proof`, `node_revoked`, `rejoin_unproven`,
/// `token_for_other_node`; 409 `node_online`.
// A token's secret has 256 bits, so guesses need no limit of their own, and a hall of machines behind one
// address may join at once.
#[utoipa::path(post, path = "/enroll", tag = "nodes", security(()),
    request_body(content = Vec<u8>, content_type = "application/x-protobuf"),
    responses((status = 200, body = Vec<u8>, content_type = "application/x-protobuf"), Problems))]
pub async fn enroll_node(State(app): State<App>, request: Request) -> Result<Response> {
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
    fn the_newest_glibc_is_found_wherever_the_parts_are_cut() {
        let binary = b"\x7fELF\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_PRIVATE\0GLIBC_2.9\0";
        for size in [1, 3, 7, 64] {
            let mut glibc = Glibc::default();
            binary.chunks(size).for_each(|part| glibc.look(part));
            assert_eq!(glibc.newest, Some((2, 34)), "parts of {size}");
        }
        let mut glibc = Glibc::default();
        glibc.look(b"a static one");
        assert_eq!(glibc.newest, None);
    }

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
