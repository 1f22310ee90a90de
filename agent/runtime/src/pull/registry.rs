//! Talking to one registry about one image.
//!
//! On reqwest rather than on oci-client's own calls: those read manifests of any size into memory,
//! follow redirects out of sight and swallow why a token was refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RANGE};
use reqwest::{Response, StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::auth::{self, Challenge};
use super::manifest::MANIFEST_TYPES;
use crate::runtime::{self, Error, ImageProblem, ImageRef, RegistryAuth};

type Result<T> = std::result::Result<T, ImageProblem>;

const MANIFEST_LIMIT: usize = 4 << 20;
const REDIRECTS: usize = 5;

/// A client for all pulls of this process, which trusts the CAs in these PEM files besides the machine's own.
/// # Errors
/// `Invalid` names the file that can't be used.
pub fn http(ca_files: &[PathBuf]) -> runtime::Result<reqwest::Client> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Someone else being first is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let mut extra = Vec::new();
    for path in ca_files {
        extra.extend(certificates(path)?);
    }
    let client = reqwest::Client::builder()
        .tls_certs_merge(extra)
        .user_agent(concat!("warren-agent/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(30))
        // By hand, see `follow`: who gets the Authorization header must be seen in one place.
        .redirect(reqwest::redirect::Policy::none())
        .build();
    client.map_err(|e| Error::Invalid(format!("registries: {}", reason(&e))))
}

fn certificates(path: &Path) -> runtime::Result<Vec<reqwest::Certificate>> {
    let bad = |why: String| {
        Error::Invalid(format!(
            "registry_ca_files: {} is no PEM file with certificates ({why})",
            path.display()
        ))
    };
    let pem = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| bad(reason(&e)))?;
    if found.is_empty() {
        return Err(bad("there is none in it".into()));
    }
    Ok(found)
}

/// One image at its registry, with the authorisation that was obtained so far.
pub struct Session {
    http: reqwest::Client,
    image: ImageRef,
    credentials: RegistryAuth,
    plain: bool,
    header: Mutex<Option<HeaderValue>>,
}

/// A manifest as it came, checked against its digest.
pub struct RawManifest {
    pub bytes: Bytes,
    pub digest: String,
    pub media_type: Option<String>,
}

/// A blob from some offset on.
pub struct BlobBody {
    /// Where the bytes begin: zero if the registry ignored the range.
    pub offset: u64,
    pub stream: BoxStream<'static, reqwest::Result<Bytes>>,
}

impl Session {
    /// `insecure` lists registries that are spoken to over plain http; loopback always is.
    pub fn new(
        http: reqwest::Client,
        image: ImageRef,
        credentials: RegistryAuth,
        insecure: &[String],
    ) -> Self {
        let registry = image.registry();
        let plain = is_loopback(registry) || insecure.iter().any(|host| host == registry);
        Self {
            http,
            image,
            credentials,
            plain,
            header: Mutex::new(None),
        }
    }

    /// Fetches a manifest or index by tag or digest.
    pub async fn manifest(&self, version: &str) -> Result<RawManifest> {
        let url = self.url(&format!("manifests/{version}"))?;
        let answer = self
            .get(url, Some(&MANIFEST_TYPES.join(", ")), None)
            .await?;
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let media_type = header(CONTENT_TYPE.as_str());
        let claimed = header("docker-content-digest");
        let bytes = bounded(answer, MANIFEST_LIMIT).await?;
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        let named = version.starts_with("sha256:").then(|| version.to_owned());
        for wanted in [named, claimed].into_iter().flatten() {
            if wanted.starts_with("sha256:") && wanted != digest {
                return Err(ImageProblem::Corrupt(format!(
                    "the manifest has digest {digest}, not {wanted}"
                )));
            }
        }
        Ok(RawManifest {
            bytes,
            digest,
            media_type,
        })
    }

    /// Opens a blob at `offset`.
    pub async fn blob(&self, digest: &str, offset: u64) -> Result<BlobBody> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let answer = self.get(url, None, (offset > 0).then_some(offset)).await?;
        let offset = match answer.status() {
            StatusCode::PARTIAL_CONTENT => offset,
            _ => 0,
        };
        Ok(BlobBody {
            offset,
            stream: answer.bytes_stream().boxed(),
        })
    }

    fn url(&self, rest: &str) -> Result<Url> {
        let scheme = if self.plain { "http" } else { "https" };
        let (registry, repository) = (self.image.registry(), self.image.repository());
        let text = format!("{scheme}://{registry}/v2/{repository}/{rest}");
        Url::parse(&text).map_err(|e| ImageProblem::BadName(format!("{text}: {e}")))
    }

    async fn get(&self, url: Url, accept: Option<&str>, from: Option<u64>) -> Result<Response> {
        let mut known = self.header.lock().await.clone();
        let mut answered = false;
        loop {
            let answer = self
                .follow(url.clone(), accept, from, known.as_ref())
                .await?;
            let status = answer.status();
            if status == StatusCode::UNAUTHORIZED && !answered {
                answered = true;
                let challenge = Challenge::from_headers(answer.headers());
                let header = self.answer(challenge).await?;
                *self.header.lock().await = Some(header.clone());
                known = Some(header);
                continue;
            }
            if status.is_success() {
                return Ok(answer);
            }
            return Err(refusal(status, answer).await);
        }
    }

    /// What convinces the registry, given what it asked for.
    async fn answer(&self, challenge: Option<Challenge>) -> Result<HeaderValue> {
        match (challenge, &self.credentials) {
            (_, RegistryAuth::Bearer(token)) => auth::bearer(token),
            (Some(Challenge::Basic), RegistryAuth::Basic { username, password }) => {
                auth::basic(username, password)
            }
            (Some(Challenge::Basic), RegistryAuth::Anonymous) => Err(ImageProblem::Unauthorized(
                "it wants a user name and a password".into(),
            )),
            (Some(Challenge::Bearer { realm, service }), credentials) => {
                let token_server = (realm.as_str(), service.as_deref());
                let repository = self.image.repository();
                auth::fetch_token(
                    &self.http,
                    token_server,
                    repository,
                    credentials,
                    self.plain,
                )
                .await
            }
            (None, _) => Err(ImageProblem::Unauthorized(
                "it answered 401 without saying what it wants".into(),
            )),
        }
    }

    /// Sends a request and follows redirects. The Authorization header goes to the registry's own
    /// origin and nowhere else: blobs live on other people's hosts.
    async fn follow(
        &self,
        mut url: Url,
        accept: Option<&str>,
        from: Option<u64>,
        header: Option<&HeaderValue>,
    ) -> Result<Response> {
        let home = url.origin();
        for _ in 0..=REDIRECTS {
            let mut request = self.http.get(url.clone());
            if let (Some(header), true) = (header, url.origin() == home) {
                request = request.header(AUTHORIZATION, header.clone());
            }
            if let Some(accept) = accept {
                request = request.header(ACCEPT, accept);
            }
            if let Some(from) = from {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            let answer = request.send().await;
            let answer = answer.map_err(|e| unreachable(&url, &e))?;
            if !answer.status().is_redirection() {
                return Ok(answer);
            }
            let next = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok());
            let next = next.and_then(|l| url.join(l).ok());
            let Some(next) = next else {
                return Err(ImageProblem::Unreachable(
                    "it redirects without saying where to".into(),
                ));
            };
            if next.scheme() != "https" && !(self.plain && next.scheme() == "http") {
                return Err(ImageProblem::Insecure(host(&next)));
            }
            url = next;
        }
        Err(ImageProblem::Unreachable(format!(
            "it redirects more than {REDIRECTS} times"
        )))
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or("an unnamed host").to_owned()
}

async fn refusal(status: StatusCode, answer: Response) -> ImageProblem {
    let place = host(answer.url());
    // Bounded and quoted: it is text that the registry chose.
    let body = bounded(answer, 64 << 10).await.unwrap_or_default();
    let said = serde_json::from_slice::<serde_json::Value>(&body)
        .ok()
        .and_then(|v| v.pointer("/errors/0/message")?.as_str().map(str::to_owned))
        .map(|m| format!(": {:?}", m.chars().take(200).collect::<String>()))
        .unwrap_or_default();
    let text = format!("{place} answered {status}{said}");
    match status.as_u16() {
        401 | 403 => {
            ImageProblem::Unauthorized(format!("{text} (the name may be wrong, or it is private)"))
        }
        404 => ImageProblem::NotFound(text),
        429 => ImageProblem::RateLimited(text),
        _ => ImageProblem::Unreachable(text),
    }
}

/// A body of at most `limit` bytes.
pub(super) async fn bounded(answer: Response, limit: usize) -> Result<Bytes> {
    let mut stream = answer.bytes_stream();
    let mut all = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|e| ImageProblem::Unreachable(reason(&e)))?;
        if all.len() + piece.len() > limit {
            return Err(ImageProblem::Unsupported(format!(
                "an answer larger than {limit} bytes"
            )));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.into())
}

/// An error with its causes: reqwest's own text stops before "connection refused".
pub(super) fn reason(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

/// Why nobody answered at `url`. What TLS says against it is for a person to mend; the rest may pass.
pub(super) fn unreachable(url: &Url, error: &reqwest::Error) -> ImageProblem {
    let place = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or("an unnamed host").to_owned(),
    };
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(why)) => ImageProblem::Untrusted {
            host: place,
            detail: why.to_string(),
        },
        Some(rustls::Error::InvalidMessage(_)) => ImageProblem::NoTls(place),
        _ => ImageProblem::Unreachable(reason(error)),
    }
}

/// What rustls said, however deep it is wrapped: an I/O error names what it carries not as its source.
fn tls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    let carried = error
        .downcast_ref::<std::io::Error>()
        .and_then(|e| e.get_ref());
    let carried = carried.and_then(|e| tls_error(e));
    carried.or_else(|| tls_error(error.source()?))
}

/// `localhost`, `127.0.0.0/8` and `::1`, with or without a port.
pub fn is_loopback(registry: &str) -> bool {
    let host = match registry.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => registry.rsplit_once(':').map_or(registry, |(h, _)| h),
    };
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_loopback() {
        for good in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "127.9.9.9",
            "[::1]:5000",
        ] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "localhost.evil.org",
            "10.0.0.1:5000",
            "127.0.0.1.nip.io:80",
            "docker.io",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
