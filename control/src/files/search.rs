//! Searching files by name and content.

use warren_proto::wire::{self, files_ask::Ask};

use super::{
    ask::{LONG, ask, check_path, rooted},
    dto::{FileMatchInfo, FileSearchRequest, SearchCut, SearchInfo},
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::{Error, Fields, Result},
};

/// Bytes of a name or of a text that is looked for.
const MOST_TEXT: usize = 1000;

/// Looks for files.
/// # Errors
/// 403 without the right to read content, if that is looked for; 422 for an expression that is none.
pub async fn search(
    app: &App,
    access: &ServerAccess,
    req: FileSearchRequest,
) -> Result<SearchInfo> {
    let (path, name) = (req.path.unwrap_or_default(), req.name.unwrap_or_default());
    let content = req.content.unwrap_or_default();
    if !content.is_empty() {
        access.require(Key::FileReadContent)?;
    }
    let mut fields = Fields::new();
    check_path(&mut fields, "path", &path, true);
    fields.check(
        !name.is_empty() || !content.is_empty(),
        "name",
        "required",
        "say a name or a content to look for",
    );
    for (field, text) in [("name", &name), ("content", &content)] {
        fields.check(
            text.len() <= MOST_TEXT,
            field,
            "too_long",
            format!("has at most {MOST_TEXT} bytes"),
        );
    }
    let limit = req.limit.unwrap_or(200);
    fields.check(
        (1..=500).contains(&limit),
        "limit",
        "out_of_range",
        "is between 1 and 500",
    );
    fields.finish()?;
    let search = Ask::Search(wire::FileSearch {
        path,
        name,
        content,
        regex: req.regex,
        case_sensitive: req.case_sensitive,
        limit,
    });
    let found = ask::<wire::FileMatches>(app, access, search, LONG).await;
    let found = found.map_err(|error| match error {
        Error::Agent { code, .. } if code == "unknown" => {
            let field = if req.regex { "content" } else { "name" };
            Error::field(field, "invalid", "is no pattern that can be looked for")
        }
        other => other,
    })?;
    Ok(SearchInfo {
        items: found.matches.into_iter().map(FileMatchInfo::from).collect(),
        files: found.files,
        bytes: found.bytes,
        skipped: found.skipped,
        cut: match found.cut.as_str() {
            "" => None,
            "matches" => Some(SearchCut::Matches),
            "entries" => Some(SearchCut::Entries),
            "bytes" => Some(SearchCut::Bytes),
            "depth" => Some(SearchCut::Depth),
            _ => Some(SearchCut::Time),
        },
    })
}

impl From<wire::FileMatch> for FileMatchInfo {
    fn from(found: wire::FileMatch) -> Self {
        let line = (found.line > 0).then_some(found.line);
        Self {
            path: rooted(&found.path),
            kind: found.kind,
            size_bytes: found.size_bytes,
            text: line.map(|_| found.text),
            line,
        }
    }
}
