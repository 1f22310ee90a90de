//! Files: what is asked here is done by the node, inside the jail of the server's directory. A path is only
//! text for us; what it means is decided where the directory handle is.

use std::time::Duration;

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use warren_proto::{
    Message,
    ids::CommandId,
    subjects::down,
    wire::{self, files_ask::Ask},
};

use super::{
    MAX_BYTES,
    dto::{FileInfo, FileWrittenInfo, ListQuery},
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::ServerAccess,
    db::Lane,
    error::{Error, Fields, Result},
    http::{Page, Stamp},
    node,
};

/// Bytes of one message to or from a node.
const PART: usize = 512 * 1024;
/// Half a megabyte over a slow line takes a moment.
const WITHIN: Duration = Duration::from_secs(10);
/// Removing a large directory takes longer.
const DELETE_WITHIN: Duration = Duration::from_secs(25);
/// Linux' `PATH_MAX`.
const MOST_PATH: usize = 4096;

async fn ask<M: Message + Default>(
    app: &App,
    access: &ServerAccess,
    ask: Ask,
    within: Duration,
) -> Result<M> {
    let body = wire::FilesAsk {
        session: String::new(),
        server: access.id.to_string(),
        ask: Some(ask),
    };
    node::ask(app, access.node, down::FILES, &body, within)
        .await
        .map_err(|error| match error {
            // One code for a condition that failed, whoever found out.
            Error::Agent { code, message, .. } if code == "file_changed" => Error::refused(
                412,
                "changed_meanwhile",
                format!("{message}; read it again"),
            ),
            other => other,
        })
}

/// Refuses what can't be a path anywhere. The node refuses what leads out.
fn check_path(fields: &mut Fields, field: &str, path: &str, root_too: bool) {
    fields.check(
        path.len() <= MOST_PATH,
        field,
        "too_long",
        format!("has at most {MOST_PATH} bytes"),
    );
    fields.check(
        !path.contains('\0'),
        field,
        "invalid",
        "holds a zero byte; no file name can",
    );
    fields.check(
        path.split('/').all(|part| part != ".."),
        field,
        "invalid",
        "leads out by `..`; name the path from the server's root",
    );
    fields.check(
        root_too || path.split('/').any(|part| !part.is_empty() && part != "."),
        field,
        "required",
        "names the server's root; name something in it",
    );
}

fn checked(field: &str, path: &str, root_too: bool) -> Result<()> {
    let mut fields = Fields::new();
    check_path(&mut fields, field, path, root_too);
    fields.finish()
}

async fn note(app: &App, access: &ServerAccess, key: Key, diff: serde_json::Value) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    Entry::of(key, "server", &access.server.id)
        .on(access.id)
        .with(diff)
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// What stands in a directory.
/// # Errors
/// As the node says; 503 when it is away.
pub async fn list(app: &App, access: &ServerAccess, query: &ListQuery) -> Result<Page<FileInfo>> {
    let path = query.path.clone().unwrap_or_else(|| "/".into());
    checked("path", &path, true)?;
    let limit = query.limit.unwrap_or(200);
    if !(1..=1000).contains(&limit) {
        return Err(Error::field(
            "limit",
            "out_of_range",
            "is between 1 and 1000",
        ));
    }
    let after = match &query.cursor {
        None => String::new(),
        Some(cursor) => URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| Error::field("cursor", "unknown", "is not a cursor of this list"))?,
    };
    let list = Ask::List(wire::FileList { path, after, limit });
    let answer: wire::FileEntries = ask(app, access, list, WITHIN).await?;
    let entries = answer.entries.into_iter().map(|entry| FileInfo {
        name: entry.name,
        kind: match entry.kind.as_str() {
            known @ ("file" | "directory" | "symlink") => known.to_owned(),
            _ => "other".to_owned(),
        },
        size_bytes: entry.size_bytes,
        modified_at: Stamp(entry.modified_at_ms),
        mode: entry.mode,
    });
    Ok(Page {
        items: entries.collect(),
        next: (!answer.next.is_empty()).then(|| URL_SAFE_NO_PAD.encode(answer.next)),
    })
}

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

/// Makes a directory.
/// # Errors
/// As the node says.
pub async fn mkdir(app: &App, access: &ServerAccess, path: String) -> Result<()> {
    checked("path", &path, false)?;
    let diff = json!({"directory": path});
    let mkdir = Ask::Mkdir(wire::FileMkdir { path });
    let _: wire::Accepted = ask(app, access, mkdir, WITHIN).await?;
    note(app, access, Key::FileCreate, diff).await
}

/// Removes files and directories.
/// # Errors
/// As the node says.
pub async fn delete(app: &App, access: &ServerAccess, paths: Vec<String>) -> Result<()> {
    let mut fields = Fields::new();
    fields.check(
        (1..=100).contains(&paths.len()),
        "paths",
        "out_of_range",
        "names 1 to 100 paths",
    );
    for (n, path) in paths.iter().take(100).enumerate() {
        check_path(&mut fields, &format!("paths[{n}]"), path, false);
    }
    fields.finish()?;
    let diff = json!({"delete": paths});
    let delete = Ask::Delete(wire::FileDelete { paths });
    let _: wire::Accepted = ask(app, access, delete, DELETE_WITHIN).await?;
    note(app, access, Key::FileDelete, diff).await
}

/// Moves a file or directory.
/// # Errors
/// As the node says.
pub async fn rename(app: &App, access: &ServerAccess, from: String, to: String) -> Result<()> {
    let mut fields = Fields::new();
    check_path(&mut fields, "from", &from, false);
    check_path(&mut fields, "to", &to, false);
    fields.finish()?;
    let diff = json!({"from": from, "to": to});
    let rename = Ask::Rename(wire::FileRename { from, to });
    let _: wire::Accepted = ask(app, access, rename, WITHIN).await?;
    note(app, access, Key::FileUpdate, diff).await
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

    #[test]
    fn what_can_not_be_a_path_is_refused_before_anybody_is_asked() {
        for bad in ["", "/", ".", "../x", "a/../../b", "a\0b", &"x".repeat(5000)] {
            assert!(checked("path", bad, false).is_err(), "{bad:?}");
        }
        for good in ["a", "/world/level.dat", "a..b", "...", "mods/é"] {
            checked("path", good, false).unwrap();
        }
        checked("path", "/", true).unwrap();
    }
}
