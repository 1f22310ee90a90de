//! Content of files, part by part. A path is only text for us; what it means is decided where the directory handle is.

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use serde_json::json;
use warren_proto::{
    ids::CommandId,
    wire::{self, files_ask::Ask},
};

use super::{
    MAX_BYTES,
    ask::{WITHIN, ask, checked, note},
    dto::FileWrittenInfo,
    reads,
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::{Error, Result},
};

/// Bytes of one message to or from a node.
const PART: usize = 512 * 1024;

/// A file's bytes.
pub struct Content {
    /// All of them.
    pub data: Vec<u8>,
    /// Changes with the content.
    pub etag: String,
}

fn too_large(bytes: u64) -> Error {
    Error::refused(
        413,
        "file_too_large",
        format!("the file has {bytes} bytes; at most {MAX_BYTES} are read here"),
    )
}

/// Reads a file, part by part.
/// # Errors
/// 413 `file_too_large`; 409 when it changes while it is read.
pub async fn read(app: &App, access: &ServerAccess, path: &str) -> Result<Content> {
    checked("path", path, false)?;
    let mut data: Vec<u8> = Vec::new();
    let mut etag = String::new();
    loop {
        let read = Ask::Read(wire::FileRead {
            path: path.to_owned(),
            offset: data.len() as u64,
            length: u32::try_from(PART).unwrap_or(u32::MAX),
        });
        let part: wire::FileContent = ask(app, access, read, WITHIN).await?;
        if part.size_bytes > MAX_BYTES as u64 {
            return Err(too_large(part.size_bytes));
        }
        if !data.is_empty() && part.etag != etag {
            return Err(Error::conflict(
                "changed_meanwhile",
                "the file was changed while it was read; read it again",
            ));
        }
        etag = part.etag;
        let ended = part.data.is_empty();
        data.extend_from_slice(&part.data);
        if ended || data.len() as u64 >= part.size_bytes {
            reads::note(app, access, path, data.len() as u64).await?;
            return Ok(Content { data, etag });
        }
        if data.len() > MAX_BYTES {
            return Err(too_large(data.len() as u64));
        }
    }
}

fn condition(headers: &HeaderMap) -> Result<String> {
    let text = |name: header::HeaderName| {
        headers
            .get(&name)
            .map(|v| v.to_str().unwrap_or_default().trim().to_owned())
    };
    let bad = |name: &str, message: &str| Error::field(name, "invalid", message);
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(String::new()),
        (Some(_), Some(_)) => Err(bad("if-match", "send if-match or if-none-match, not both")),
        (None, Some(star)) if star == "*" => Ok("-".into()),
        (None, Some(_)) => Err(bad("if-none-match", "only `*` is possible here")),
        (Some(star), None) if star == "*" => Ok("*".into()),
        (Some(etag), None) => {
            let bare = etag.trim_start_matches("W/").trim_matches('"').to_owned();
            if bare.is_empty() || bare.len() > 256 || matches!(&*bare, "*" | "-") {
                return Err(bad("if-match", "is no etag that was given here"));
            }
            Ok(bare)
        }
    }
}

/// Writes a file, whole or not at all.
/// # Errors
/// 412 `changed_meanwhile`; 413 above 1 MiB.
pub async fn write(
    app: &App,
    access: &ServerAccess,
    path: &str,
    headers: &HeaderMap,
    data: Bytes,
) -> Result<FileWrittenInfo> {
    checked("path", path, false)?;
    if data.len() > MAX_BYTES {
        return Err(too_large(data.len() as u64));
    }
    let if_match = condition(headers)?;
    let upload = CommandId::new().to_string();
    let mut offset = 0;
    let written = loop {
        let end = (offset + PART).min(data.len());
        let last = end == data.len();
        let part = Ask::Write(wire::FileWrite {
            path: path.to_owned(),
            data: data.slice(offset..end).to_vec(),
            if_match: if_match.clone(),
            upload: upload.clone(),
            offset: offset as u64,
            last,
        });
        let answer: wire::FileWritten = ask(app, access, part, WITHIN).await?;
        if last {
            break answer;
        }
        offset = end;
    };
    let diff = json!({"path": path, "bytes": data.len()});
    note(app, access, Key::FileUpdate, diff).await?;
    Ok(FileWrittenInfo {
        etag: written.etag,
        size_bytes: written.size_bytes,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn conditions_of_a_write_are_read_from_its_headers() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            condition(&headers)
        };
        assert_eq!(of(&[]).unwrap(), "");
        assert_eq!(of(&[("if-match", "\"abc\"")]).unwrap(), "abc");
        assert_eq!(of(&[("if-none-match", "*")]).unwrap(), "-");
        assert!(of(&[("if-none-match", "\"abc\"")]).is_err());
        assert!(of(&[("if-match", "\"-\"")]).is_err());
        assert!(of(&[("if-match", "\"a\""), ("if-none-match", "*")]).is_err());
    }
}
