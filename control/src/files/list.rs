//! Lists of directories and what is known of single entries.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use warren_proto::wire::{self, files_ask::Ask};

use super::{
    ask::{LONG, WITHIN, ask, checked},
    dto::{
        ChecksumInfo, ChecksumQuery, FileInfo, FileOrder, FilePage, FileSort, ListQuery, StatQuery,
        UsageInfo,
    },
};
use crate::{
    app::App,
    auth::ServerAccess,
    error::{Error, Result},
    http::Stamp,
};

impl From<wire::FileEntry> for FileInfo {
    fn from(entry: wire::FileEntry) -> Self {
        Self {
            name: entry.name,
            kind: match entry.kind.as_str() {
                known @ ("file" | "directory" | "symlink") => known.to_owned(),
                _ => "other".to_owned(),
            },
            size_bytes: entry.size_bytes,
            modified_at: Stamp(entry.modified_at_ms),
            mode: entry.mode,
            etag: entry.etag,
            target: (!entry.target.is_empty()).then_some(entry.target),
            kept_back: entry.kept_back,
        }
    }
}

/// Where a list goes on: the last name that was shown, and how many were.
fn cursor(text: Option<&str>) -> Result<(String, u32)> {
    let Some(text) = text else {
        return Ok((String::new(), 0));
    };
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (shown, name) = text.split_once('/')?;
        let shown = shown.parse().ok()?;
        (!name.is_empty()).then(|| (name.to_owned(), shown))
    };
    read().ok_or_else(|| Error::field("cursor", "unknown", "is not a cursor of this list"))
}

/// What stands in a directory.
/// # Errors
/// As the node says; 503 when it is away.
pub async fn list(app: &App, access: &ServerAccess, query: &ListQuery) -> Result<FilePage> {
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
    let (after, offset) = cursor(query.cursor.as_deref())?;
    let sort = match query.sort.unwrap_or_default() {
        FileSort::Name => "name",
        FileSort::Size => "size",
        FileSort::Modified => "modified",
    };
    let list = Ask::List(wire::FileList {
        path,
        after,
        limit,
        sort: sort.to_owned(),
        descending: query.order == Some(FileOrder::Desc),
        mixed: query.mixed.unwrap_or_default(),
        offset,
    });
    let answer: wire::FileEntries = ask(app, access, list, WITHIN).await?;
    let next = format!("{}/{}", answer.shown, answer.next);
    Ok(FilePage {
        next: (!answer.next.is_empty()).then(|| URL_SAFE_NO_PAD.encode(next)),
        total: answer.total,
        truncated: answer.truncated,
        items: answer.entries.into_iter().map(FileInfo::from).collect(),
    })
}

/// One entry.
/// # Errors
/// As the node says.
pub async fn stat(app: &App, access: &ServerAccess, query: StatQuery) -> Result<FileInfo> {
    checked("path", &query.path, true)?;
    let stat = Ask::Stat(wire::FileStatAsk {
        path: query.path,
        follow: query.follow.unwrap_or_default(),
    });
    let entry: wire::FileEntry = ask(app, access, stat, WITHIN).await?;
    Ok(entry.into())
}

/// A file's checksum.
/// # Errors
/// As the node says.
pub async fn checksum(
    app: &App,
    access: &ServerAccess,
    query: ChecksumQuery,
) -> Result<ChecksumInfo> {
    checked("path", &query.path, false)?;
    let algorithm = query.algorithm.unwrap_or_default();
    let sum = Ask::Checksum(wire::FileChecksumAsk {
        path: query.path,
        algorithm: algorithm.name().to_owned(),
    });
    let sum: wire::FileChecksum = ask(app, access, sum, LONG).await?;
    Ok(ChecksumInfo {
        algorithm,
        digest: sum.digest,
        size_bytes: sum.size_bytes,
        etag: sum.etag,
    })
}

/// What a file or directory occupies.
/// # Errors
/// As the node says.
pub async fn usage(app: &App, access: &ServerAccess, path: String) -> Result<UsageInfo> {
    checked("path", &path, true)?;
    let usage = Ask::Usage(wire::FileUsageAsk { path });
    let usage: wire::FileUsage = ask(app, access, usage, LONG).await?;
    Ok(UsageInfo {
        disk_bytes: usage.disk_bytes,
        entries: usage.entries,
        complete: usage.complete,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_others_are_refused() {
        let text = URL_SAFE_NO_PAD.encode("17/a/b");
        assert_eq!(cursor(Some(&text)).unwrap(), ("a/b".to_owned(), 17));
        assert_eq!(cursor(None).unwrap(), (String::new(), 0));
        for bad in ["17", "x/y", "17/", "/y"] {
            assert!(cursor(Some(&URL_SAFE_NO_PAD.encode(bad))).is_err());
        }
        assert!(cursor(Some("?")).is_err());
    }
}
