//! S3 and what speaks it: the four requests that a repository needs, signed by hand (AWS Signature Version 4).

use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use reqwest::{Method, StatusCode};
use sha2::{Digest as _, Sha256};
use warren_proto::ids::ServerId;
use warren_proto::wire;

use super::super::frame::{FileKind, FileName, MOST_BODY};
use crate::server::start::Failure;

/// Nothing came for so long.
const IDLE: Duration = Duration::from_secs(60);
/// A pack at 300 kB/s.
const LONGEST: Duration = Duration::from_secs(600);
/// Words of a refusing store that are shown.
const MOST_WORDS: usize = 300;
/// Pages of a list: a million packs of 16 MiB.
const MOST_PAGES: usize = 1000;

/// See the module.
pub struct S3 {
    http: reqwest::Client,
    /// `https://host[:port]`
    endpoint: String,
    host: String,
    region: String,
    bucket: String,
    /// `prefix/server/`
    prefix: String,
    access_key: String,
    secret_key: String,
}

impl S3 {
    /// Checks what an admin has typed; asks nothing yet.
    /// # Errors
    /// The endpoint is no address, or something is missing.
    pub fn open(at: &wire::S3Store, name: ServerId) -> Result<Self, Failure> {
        let invalid = |text: &str| Failure::new("store_invalid", text);
        let endpoint = at.endpoint.trim_end_matches('/');
        let url: reqwest::Url = endpoint
            .parse()
            .map_err(|_| invalid("the endpoint is no address such as https://s3.example.com"))?;
        if !matches!(url.scheme(), "https" | "http") || url.path() != "/" || url.query().is_some() {
            return Err(invalid("the endpoint is no plain http or https address"));
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        if host.is_empty() || at.bucket.is_empty() || at.access_key.is_empty() {
            return Err(invalid("endpoint, bucket and access key are needed"));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(IDLE)
            .timeout(LONGEST)
            // A signature is for one host; another one is not sent there.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Failure::new("internal", e))?;
        let prefix = at.prefix.trim_matches('/');
        let prefix = match prefix.is_empty() {
            true => format!("{name}/"),
            false => format!("{prefix}/{name}/"),
        };
        let region = match at.region.is_empty() {
            true => "us-east-1".to_owned(),
            false => at.region.clone(),
        };
        Ok(Self {
            http,
            endpoint: endpoint.to_owned(),
            host,
            region,
            bucket: at.bucket.clone(),
            prefix,
            access_key: at.access_key.clone(),
            secret_key: at.secret_key.clone(),
        })
    }

    pub(super) async fn list(&self, kind: FileKind) -> Result<Vec<(String, u32)>, Failure> {
        let below = match kind {
            FileKind::Config => format!("{}config", self.prefix),
            kind => format!("{}{}/", self.prefix, kind.dir()),
        };
        let (mut found, mut token) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let mut query = vec![("list-type", "2".to_owned()), ("prefix", below.clone())];
            if let Some(token) = &token {
                query.push(("continuation-token", token.clone()));
            }
            query.sort();
            let ask = Request {
                method: Method::GET,
                key: "",
                query: &query,
                range: None,
                body: Bytes::new(),
            };
            let (status, body) = self.ask(ask).await?;
            if status != StatusCode::OK {
                return Err(refused("list", status, &body));
            }
            let page = Page::read(&body)?;
            for (key, size) in page.objects {
                let name = key.rsplit('/').next().unwrap_or_default();
                let name = if kind == FileKind::Config { "" } else { name };
                if FileName::new(kind, name).is_ok_and(|f| self.key(&f) == key) {
                    found.push((name.to_owned(), size));
                }
            }
            token = page.next;
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(Failure::new("store", "the store's list has no end"))
    }

    pub(super) async fn read(
        &self,
        file: &FileName,
        part: Option<(u32, u32)>,
    ) -> Result<Bytes, Failure> {
        if part.is_some_and(|(_, length)| length == 0) {
            return Ok(Bytes::new());
        }
        let key = self.key(file);
        let ask = Request {
            method: Method::GET,
            key: &key,
            query: &[],
            range: part,
            body: Bytes::new(),
        };
        let (status, body) = self.ask(ask).await?;
        match (status, part) {
            (StatusCode::OK, None) | (StatusCode::PARTIAL_CONTENT, Some(_)) => Ok(body),
            // All of it, from one that knows no ranges.
            (StatusCode::OK, Some((offset, length))) => {
                let end = (offset as usize).saturating_add(length as usize);
                match body.len() >= end {
                    true => Ok(body.slice(offset as usize..end)),
                    false => Ok(body.slice(..0)),
                }
            }
            _ => Err(refused(&format!("read {key}"), status, &body)),
        }
    }

    pub(super) async fn write(&self, file: &FileName, bytes: Bytes) -> Result<(), Failure> {
        let key = self.key(file);
        // The config is the one file whose name is not its content: the first one made stays.
        if file.kind() == FileKind::Config && !self.list(FileKind::Config).await?.is_empty() {
            return Ok(());
        }
        let ask = Request {
            method: Method::PUT,
            key: &key,
            query: &[],
            range: None,
            body: bytes,
        };
        let (status, body) = self.ask(ask).await?;
        match status.is_success() {
            true => Ok(()),
            false => Err(refused(&format!("write {key}"), status, &body)),
        }
    }

    pub(super) async fn remove(&self, file: &FileName) -> Result<(), Failure> {
        let key = self.key(file);
        let ask = Request {
            method: Method::DELETE,
            key: &key,
            query: &[],
            range: None,
            body: Bytes::new(),
        };
        let (status, body) = self.ask(ask).await?;
        match status.is_success() || status == StatusCode::NOT_FOUND {
            true => Ok(()),
            false => Err(refused(&format!("remove {key}"), status, &body)),
        }
    }

    fn key(&self, file: &FileName) -> String {
        format!("{}{}", self.prefix, file.path())
    }

    async fn ask(&self, ask: Request<'_>) -> Result<(StatusCode, Bytes), Failure> {
        let away = |e: reqwest::Error| Failure {
            // The address of a request names no secret; where it failed helps.
            passing: true,
            ..Failure::new(
                "store_away",
                format!("the store does not answer: {}", chain(&e)),
            )
        };
        let path = format!("/{}/{}", self.bucket, ask.key);
        let path = encode(path.trim_end_matches('/'), true);
        let query: Vec<String> = ask
            .query
            .iter()
            .map(|(k, v)| format!("{k}={}", encode(v, false)))
            .collect();
        let query = query.join("&");
        let now = time::OffsetDateTime::now_utc();
        let format =
            time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
        let stamp = now
            .format(&format)
            .map_err(|e| Failure::new("internal", e))?;
        let hash = hex::encode(Sha256::digest(&ask.body));
        let signed = Signed {
            method: ask.method.as_str(),
            path: &path,
            query: &query,
            host: &self.host,
            stamp: &stamp,
            hash: &hash,
        };
        let authorization = self.authorization(&signed);
        let mut url = format!("{}{path}", self.endpoint);
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        let mut request = self
            .http
            .request(ask.method, url)
            .header("host", &self.host)
            .header("x-amz-date", &stamp)
            .header("x-amz-content-sha256", &hash)
            .header("authorization", authorization);
        if let Some((offset, length)) = ask.range {
            let last = u64::from(offset) + u64::from(length) - 1;
            request = request.header("range", format!("bytes={offset}-{last}"));
        }
        let mut response = request.body(ask.body).send().await.map_err(away)?;
        let status = response.status();
        let mut body = bytes::BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            if body.len() + chunk.len() > MOST_BODY {
                return Err(Failure::new(
                    "store_damaged",
                    "the store's answer has no end",
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body.freeze()))
    }

    fn authorization(&self, of: &Signed<'_>) -> String {
        let day = of.stamp.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let headers = "host;x-amz-content-sha256;x-amz-date";
        let canonical = format!(
            "{}\n{}\n{}\nhost:{}\nx-amz-content-sha256:{}\nx-amz-date:{}\n\n{headers}\n{}",
            of.method, of.path, of.query, of.host, of.hash, of.stamp, of.hash
        );
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
            of.stamp,
            hex::encode(Sha256::digest(canonical))
        );
        let mut key = mac(format!("AWS4{}", self.secret_key).as_bytes(), day);
        for part in [&*self.region, "s3", "aws4_request"] {
            key = mac(&key, part);
        }
        let signature = hex::encode(mac(&key, &text));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={headers}, Signature={signature}",
            self.access_key
        )
    }
}

struct Request<'a> {
    method: Method,
    key: &'a str,
    query: &'a [(&'static str, String)],
    range: Option<(u32, u32)>,
    body: Bytes,
}

struct Signed<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    host: &'a str,
    stamp: &'a str,
    hash: &'a str,
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // Keys of any length are taken.
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        Err(_) => Vec::new(),
    }
}

/// As the signature wants it: everything but the unreserved characters of RFC 3986.
fn encode(text: &str, path: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match plain || (path && byte == b'/') {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A page of ListObjectsV2.
#[derive(Debug, Default)]
struct Page {
    objects: Vec<(String, u32)>,
    next: Option<String>,
}

impl Page {
    fn read(xml: &[u8]) -> Result<Self, Failure> {
        use quick_xml::events::Event;
        let damaged = |e: &dyn std::fmt::Display| {
            Failure::new("store", format!("the store's list can't be read: {e}"))
        };
        let xml = std::str::from_utf8(xml).map_err(|e| damaged(&e))?;
        let mut reader = quick_xml::Reader::from_str(xml);
        let (mut page, mut at, mut text) = (Self::default(), Vec::new(), String::new());
        let (mut key, mut size) = (String::new(), 0_u32);
        loop {
            match reader.read_event().map_err(|e| damaged(&e))? {
                Event::Start(tag) => {
                    at.push(tag.local_name().as_ref().to_owned());
                    text.clear();
                }
                Event::Text(part) => text.push_str(&part),
                // Keys of ours hold nothing to escape; others' are passed over.
                Event::GeneralRef(_) => text.push('\u{fffd}'),
                Event::End(_) => {
                    let name = at.pop().unwrap_or_default();
                    let within = at.last().is_some_and(|l| l == "Contents");
                    match (&*name, within) {
                        ("Key", true) => key = std::mem::take(&mut text),
                        ("Size", true) => size = text.trim().parse().unwrap_or(u32::MAX),
                        ("Contents", _) => page.objects.push((std::mem::take(&mut key), size)),
                        ("NextContinuationToken", _) => page.next = Some(text.clone()),
                        _ => {}
                    }
                    text.clear();
                }
                Event::Eof => return Ok(page),
                _ => {}
            }
        }
    }
}

fn refused(what: &str, status: StatusCode, body: &[u8]) -> Failure {
    let words = String::from_utf8_lossy(body);
    let words: String = words
        .chars()
        .filter(|c| !c.is_control())
        .take(MOST_WORDS)
        .collect();
    let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    let code = match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => "store_refused",
        StatusCode::NOT_FOUND => "store_missing",
        _ if passing => "store_away",
        _ => "store",
    };
    Failure {
        passing,
        ..Failure::new(code, format!("{what}: the store answered {status} {words}"))
    }
}

/// An error with what is behind it, without addresses.
fn chain(e: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(e);
    while let Some(e) = next {
        next = e.source();
        if next.is_none() {
            text = e.to_string();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The example of the documentation of AWS ("GET Bucket (List Objects)").
    #[test]
    fn a_signature_is_that_of_the_documentation() {
        // Whoever was first in this process has done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let at = wire::S3Store {
            endpoint: "https://examplebucket.s3.amazonaws.com".into(),
            region: "us-east-1".into(),
            bucket: "x".into(),
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            ..Default::default()
        };
        let s3 = S3::open(&at, ServerId::new()).unwrap();
        let signed = Signed {
            method: "GET",
            path: "/",
            query: "max-keys=2&prefix=J",
            host: "examplebucket.s3.amazonaws.com",
            stamp: "20130524T000000Z",
            hash: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        };
        let text = s3.authorization(&signed);
        let expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn a_page_is_read_and_strange_keys_are_no_harm() {
        let xml = b"<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Name>b</Name><Contents><Key>a/keys/1</Key><Size>12</Size></Contents>\
            <Contents><Key>a&amp;b</Key><Size>99999999999</Size><Owner><ID>o</ID></Owner></Contents>\
            <IsTruncated>true</IsTruncated><NextContinuationToken>t==</NextContinuationToken></ListBucketResult>";
        let page = Page::read(xml).unwrap();
        assert_eq!(page.objects[0], ("a/keys/1".into(), 12));
        assert_eq!(page.objects[1].1, u32::MAX);
        assert_eq!(page.next.as_deref(), Some("t=="));
        assert!(Page::read(b"<a><b></a>").is_err());
    }
}
