//! Downloads: a file or a part of it, and whole directories packed on the way.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use warren_proto::bus::CallError;
use warren_proto::wire::{BulkArchive, BulkClose, BulkOpen};

use super::guest::{Asked, Guest, bad};
use super::headers::{Wanted, disposition, harmless, names, wanted};
use super::problem::Problem;
use crate::bulk::{self, Chunks, RemoteFile};
use crate::edge::Edge;

/// `GET /transfer/{server}/file?path=`
pub async fn file(
    State(edge): State<Arc<Edge>>,
    Path(server): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Asked(query);
    let guest = Guest::admit(&edge, &server, &query, &headers)?;
    let path = query.path()?;
    let ask = BulkOpen {
        path: path.clone(),
        read: true,
        ..BulkOpen::default()
    };
    let file = Arc::new(RemoteFile::open(&guest.line, ask).await?);
    let stat = file.opened.stat.clone().unwrap_or_default();
    let (size, etag) = (stat.size_bytes, format!("\"{}\"", stat.etag));
    let conditions = (
        headers.get(header::IF_MATCH),
        headers.get(header::IF_NONE_MATCH),
    );
    if conditions.0.is_some() && !names(conditions.0, &etag) {
        let detail = "the file is another by now";
        return Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "file_changed",
            detail,
        ));
    }
    let mut head = HeaderMap::new();
    harmless(&mut head);
    let value = |text: String| HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    head.insert(header::ETAG, value(etag.clone()));
    head.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let name = path.rsplit('/').next().unwrap_or("file");
    head.insert(header::CONTENT_DISPOSITION, disposition(name));
    if conditions.1.is_some() && names(conditions.1, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    let (status, from, to) = match wanted(&headers, size, &etag) {
        Wanted::All => (StatusCode::OK, 0, size),
        Wanted::Part(from, to) => {
            let range = format!("bytes {from}-{}/{size}", to - 1);
            head.insert(header::CONTENT_RANGE, value(range));
            (StatusCode::PARTIAL_CONTENT, from, to)
        }
        Wanted::Nothing => {
            let detail = format!("the file has {size} bytes");
            let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", detail);
            return Err(problem.with("content-range", value(format!("bytes */{size}"))));
        }
    };
    head.insert(header::CONTENT_LENGTH, (to - from).into());
    let body = match method == Method::HEAD {
        true => Body::empty(),
        false => flow(guest, file.clone(), bulk::read(file, from, to)),
    };
    Ok((status, head, body).into_response())
}

/// `GET /transfer/{server}/archive?path=&name=…&format=`
pub async fn archive(
    State(edge): State<Arc<Edge>>,
    Path(server): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Asked(query);
    let guest = Guest::admit(&edge, &server, &query, &headers)?;
    let format = query.get("format").unwrap_or("zip").to_owned();
    if !matches!(format.as_str(), "zip" | "tar") {
        return Err(bad("`format` is zip or tar"));
    }
    let path = query.get("path").unwrap_or_default().to_owned();
    let names = query.all("name");
    let shown = match (names.as_slice(), path.trim_matches('/').rsplit('/').next()) {
        ([one], _) => one.clone(),
        (_, Some(dir)) if !dir.is_empty() => dir.to_owned(),
        _ => "files".to_owned(),
    };
    let ask = BulkOpen {
        path,
        read: true,
        archive: Some(BulkArchive {
            format: format.clone(),
            names,
        }),
        ..BulkOpen::default()
    };
    let file = Arc::new(RemoteFile::open(&guest.line, ask).await?);
    let mut head = HeaderMap::new();
    harmless(&mut head);
    head.insert(
        header::CONTENT_DISPOSITION,
        disposition(&format!("{shown}.{format}")),
    );
    let body = flow(guest, file.clone(), bulk::read_to_end(file));
    Ok((StatusCode::OK, head, body).into_response())
}

struct Flow {
    guest: Guest,
    file: Arc<RemoteFile>,
    chunks: Chunks,
    /// Keeps the ticket fresh; over when it can't be.
    keep: Pin<Box<dyn Future<Output = CallError> + Send>>,
}

/// A body that ends when its reader's log-in does. A broken one breaks the connection, so that nobody takes it for whole.
fn flow(guest: Guest, file: Arc<RemoteFile>, chunks: Chunks) -> Body {
    let (line, edge) = (guest.line.clone(), guest.edge.clone());
    let flow = Flow {
        guest,
        file,
        chunks,
        keep: Box::pin(async move { line.keep(&edge).await }),
    };
    Body::from_stream(futures_util::stream::unfold(Some(flow), |flow| async {
        let mut flow = flow?;
        match flow.next().await {
            Some(Ok(bytes)) => Some((Ok(bytes), Some(flow))),
            Some(Err(error)) => Some((Err(error), None)),
            None => {
                flow.close();
                None
            }
        }
    }))
}

impl Flow {
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let cut = self.guest.cut();
        let next = tokio::select! {
            biased;
            () = cut.cancelled() => return Some(Err(std::io::Error::other("the session has ended"))),
            error = &mut self.keep => Some(Err(error)),
            next = self.chunks.next() => next,
        };
        Some(match next? {
            Ok(bytes) => {
                let metrics = &self.guest.edge.metrics;
                metrics.bytes_down.add(bytes.len() as u64);
                Ok(bytes)
            }
            Err(error) => {
                tracing::debug!(%error, "a download broke off");
                Err(std::io::Error::other(error.to_string()))
            }
        })
    }

    fn close(&self) {
        let file = self.file.clone();
        // The last byte is out: nobody waits for this.
        tokio::spawn(async move { file.close(BulkClose::default()).await });
    }
}
