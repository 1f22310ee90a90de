//! Uploads. tus 1.0 in what matters: the offset is asked for (HEAD), bytes are put behind it (PATCH), and a file appears
//! whole or not at all. Where it lies and how large it is stands in the address, because nothing is kept here.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use warren_proto::ids::UploadId;
use warren_proto::wire::{BulkClose, BulkOpen};

use super::guest::{Asked, Guest, bad};
use super::problem::Problem;
use crate::bulk::{RemoteFile, Writer};
use crate::edge::Edge;

/// Whoever sends nothing for so long comes again.
const SILENT: Duration = Duration::from_secs(60);

const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const TUS: [(HeaderName, HeaderValue); 2] = [
    (
        HeaderName::from_static("tus-resumable"),
        HeaderValue::from_static("1.0.0"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// What is sent, and where to.
struct Sent {
    path: String,
    size: Option<u64>,
    overwrite: bool,
    modified_at_ms: Option<i64>,
    sha256: Vec<u8>,
}

impl Sent {
    fn of(query: &Asked, headers: &HeaderMap) -> Result<Self, Problem> {
        let modified = query.number("modified")?;
        Ok(Self {
            path: query.path()?,
            size: query.number("size")?,
            overwrite: query.is_set("overwrite"),
            modified_at_ms: modified.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
            sha256: digest(headers)?,
        })
    }

    fn open(&self, upload: String) -> BulkOpen {
        BulkOpen {
            path: self.path.clone(),
            write: true,
            create: true,
            atomic: true,
            exclusive: !self.overwrite,
            parents: true,
            size_bytes: self.size,
            upload,
            ..BulkOpen::default()
        }
    }

    fn commit(&self) -> BulkClose {
        BulkClose {
            commit: true,
            size_bytes: self.size,
            sha256: self.sha256.clone(),
            modified_at_ms: self.modified_at_ms,
            ..BulkClose::default()
        }
    }
}

/// RFC 9530: `repr-digest: sha-256=:…:`, of the whole file.
fn digest(headers: &HeaderMap) -> Result<Vec<u8>, Problem> {
    let Some(value) = headers.get("repr-digest") else {
        return Ok(Vec::new());
    };
    let text = value.to_str().unwrap_or_default();
    let found = text
        .split(',')
        .filter_map(|one| one.trim().strip_prefix("sha-256=:")?.strip_suffix(':'))
        .find_map(|encoded| STANDARD.decode(encoded).ok())
        .filter(|digest| digest.len() == 32);
    found.ok_or_else(|| bad("`repr-digest` is understood as sha-256=:base64:"))
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|v| v.parse().ok());
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(bad(format!("`{name}` is no number"))),
    }
}

fn upload_of(text: &str) -> Result<String, Problem> {
    let id: UploadId = text.parse().map_err(|_| {
        let detail = "an upload's id is a ULID in small letters";
        Problem::new(StatusCode::NOT_FOUND, "upload_unknown", detail)
    })?;
    Ok(id.to_string())
}

/// `OPTIONS`: what of tus there is.
pub async fn options() -> impl IntoResponse {
    let about = [
        ("tus-version", "1.0.0"),
        ("tus-extension", "creation,termination"),
    ];
    (StatusCode::NO_CONTENT, TUS, about)
}

/// `POST …/uploads?path=&size=`: begins one, once all that can be told before the first byte is told.
pub async fn create(
    State(edge): State<Arc<Edge>>,
    Path(server): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Asked(query);
    let guest = Guest::admit(&edge, &server, &query, &headers)?;
    let mut sent = Sent::of(&query, &headers)?;
    sent.size = match number(&headers, &LENGTH)? {
        Some(length) => Some(length),
        None => sent.size,
    };
    let Some(size) = sent.size else {
        return Err(bad("say how large the file is, in `upload-length`"));
    };
    let id = UploadId::new().to_string();
    let file = RemoteFile::open(&guest.line, sent.open(id.clone())).await?;
    let close = match size {
        0 => sent.commit(),
        _ => BulkClose::default(),
    };
    file.close(close).await?;
    let mut location = form(&[("path", &sent.path), ("size", &size.to_string())]);
    for name in ["overwrite", "modified"] {
        if let Some(value) = query.get(name) {
            location = format!("{location}&{}", form(&[(name, value)]));
        }
    }
    let location = format!("/transfer/{server}/uploads/{id}?{location}");
    let headers = [(header::LOCATION, location), (OFFSET, "0".to_owned())];
    Ok((StatusCode::CREATED, TUS, headers).into_response())
}

fn form(pairs: &[(&str, &str)]) -> String {
    let all = pairs.iter().map(|(name, value)| {
        let mut text = format!("{name}=");
        for byte in value.bytes() {
            match byte {
                b if b.is_ascii_alphanumeric() || b"-._~/".contains(&b) => {
                    text.push(char::from(b));
                }
                b => text.push_str(&format!("%{b:02X}")),
            }
        }
        text
    });
    all.collect::<Vec<_>>().join("&")
}

/// `HEAD …/uploads/{upload}?path=`: how far it has come. All of that is on the node's disk.
pub async fn head(
    State(edge): State<Arc<Edge>>,
    Path((server, upload)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Asked(query);
    let guest = Guest::admit(&edge, &server, &query, &headers)?;
    let sent = Sent::of(&query, &headers)?;
    let ask = BulkOpen {
        resume: true,
        exclusive: false,
        size_bytes: None,
        ..sent.open(upload_of(&upload)?)
    };
    let file = RemoteFile::open(&guest.line, ask).await?;
    let offset = file.opened.offset;
    file.close(BulkClose::default()).await?;
    let mut response = (StatusCode::OK, TUS, [(OFFSET, offset.to_string())]).into_response();
    if let Some(size) = sent.size {
        response.headers_mut().insert(LENGTH, size.into());
    }
    Ok(response)
}

/// `DELETE …/uploads/{upload}?path=`: gives it up.
pub async fn delete(
    State(edge): State<Arc<Edge>>,
    Path((server, upload)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Asked(query);
    let guest = Guest::admit(&edge, &server, &query, &headers)?;
    let sent = Sent::of(&query, &headers)?;
    let ask = BulkOpen {
        resume: true,
        exclusive: false,
        size_bytes: None,
        ..sent.open(upload_of(&upload)?)
    };
    let file = RemoteFile::open(&guest.line, ask).await?;
    let close = BulkClose {
        discard: true,
        ..BulkClose::default()
    };
    file.close(close).await?;
    Ok((StatusCode::NO_CONTENT, TUS).into_response())
}

/// `PATCH …/uploads/{upload}?path=&size=`: bytes from `upload-offset` on. With the last one the file is in its place.
pub async fn patch(
    State(edge): State<Arc<Edge>>,
    Path((server, upload)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let query = Asked(query);
    let guest = Guest::admit(&edge, &server, &query, &headers)?;
    let sent = Sent::of(&query, &headers)?;
    let Some(from) = number(&headers, &OFFSET)? else {
        return Err(bad("say where these bytes belong, in `upload-offset`"));
    };
    let Some(size) = sent.size else {
        return Err(bad("say how large the file is, in `size`"));
    };
    if from > size {
        return Err(bad("these bytes would stand behind the end of the file"));
    }
    let ask = BulkOpen {
        fresh: from == 0,
        resume: from > 0,
        ..sent.open(upload_of(&upload)?)
    };
    let file = Arc::new(RemoteFile::open(&guest.line, ask).await?);
    let has = file.opened.offset;
    if has != from {
        file.close(BulkClose::default()).await?;
        let detail = format!("{has} bytes are here: go on from there");
        let problem = Problem::new(StatusCode::CONFLICT, "offset_differs", detail);
        return Err(problem.with("upload-offset", has));
    }
    let end = pour(&guest, &file, body, from, Some(size)).await?;
    let close = match end == size {
        true => sent.commit(),
        false => BulkClose::default(),
    };
    let closed = file.close(close).await?;
    let mut response = (StatusCode::NO_CONTENT, TUS, [(OFFSET, end.to_string())]).into_response();
    tag(&mut response, closed.stat.as_ref());
    Ok(response)
}

/// `PUT …/file?path=`: a file in one go. What breaks off leaves nothing.
pub async fn put(
    State(edge): State<Arc<Edge>>,
    Path(server): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let query = Asked(query);
    let guest = Guest::admit(&edge, &server, &query, &headers)?;
    let mut sent = Sent::of(&query, &headers)?;
    sent.size = match number(&headers, &header::CONTENT_LENGTH)? {
        Some(length) => Some(length),
        None => sent.size,
    };
    let file = Arc::new(RemoteFile::open(&guest.line, sent.open(String::new())).await?);
    let created = file.opened.created;
    pour(&guest, &file, body, 0, sent.size).await?;
    let closed = file.close(sent.commit()).await?;
    let status = match created {
        true => StatusCode::CREATED,
        false => StatusCode::NO_CONTENT,
    };
    let mut response = (status, TUS).into_response();
    tag(&mut response, closed.stat.as_ref());
    Ok(response)
}

fn tag(response: &mut Response, stat: Option<&warren_proto::wire::BulkStat>) {
    let etag = stat.filter(|s| !s.etag.is_empty());
    let value = etag.and_then(|s| HeaderValue::from_str(&format!("\"{}\"", s.etag)).ok());
    if let Some(value) = value {
        response.headers_mut().insert(header::ETAG, value);
    }
}

/// Writes a body from `from` on; gives the end. What was written stays written, whatever happens.
async fn pour(
    guest: &Guest,
    file: &Arc<RemoteFile>,
    body: Body,
    from: u64,
    size: Option<u64>,
) -> Result<u64, Problem> {
    let mut writer = Writer::new(file.clone(), from);
    let cut = guest.cut();
    let poured = tokio::select! {
        biased;
        () = cut.cancelled() => {
            let detail = "the session has ended";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "session_ended", detail))
        }
        error = guest.line.keep(&guest.edge) => Err(error.into()),
        poured = take(guest, &mut writer, body, size) => poured,
    };
    if let Err(problem) = &poured {
        tracing::debug!(code = problem.code(), "an upload broke off");
    }
    poured
}

async fn take(
    guest: &Guest,
    writer: &mut Writer,
    body: Body,
    size: Option<u64>,
) -> Result<u64, Problem> {
    let mut body = body.into_data_stream();
    loop {
        let next = tokio::time::timeout(SILENT, body.next()).await;
        let Ok(next) = next else {
            let detail = "nothing came for a minute; go on from where it broke off";
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "silent", detail));
        };
        match next {
            None => break,
            Some(Err(error)) => {
                // Half a chunk is better than none: it need not be sent again.
                writer.finish().await?;
                return Err(bad(format!("the request broke off: {error}")));
            }
            Some(Ok(bytes)) => {
                if size.is_some_and(|size| writer.end() + bytes.len() as u64 > size) {
                    let detail = "more bytes came than the file was to have";
                    return Err(Problem::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "size_differs",
                        detail,
                    ));
                }
                guest.edge.metrics.bytes_up.add(bytes.len() as u64);
                writer.push(bytes).await?;
            }
        }
    }
    Ok(writer.finish().await?)
}
