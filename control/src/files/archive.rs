//! Archives: a look into one, and the jobs that pack and unpack them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use serde::{Deserialize, Serialize};
use serde_json::json;
use warren_entity::operations;
use warren_proto::wire::{self, files_ask::Ask, job_ended::Made, job_start::Work};

use super::{
    archive_dto::{
        ArchiveCreate, ArchiveEntryInfo, ArchiveExisting, ArchiveExtract, ArchivePage, ArchiveQuery,
    },
    ask::{LONG, ask, check_path, check_paths, rooted},
    begin::{Asked, begin_job},
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::{Fields, Result},
    http::Stamp,
    job::{End, Kind, Ready},
    operation::dto::Operation,
};

/// What the operation of an archive needs to know.
#[derive(Debug, Default, Serialize, Deserialize)]
struct PackBody {
    paths: Vec<String>,
    to: String,
    format: String,
}

/// What the operation of an extraction does.
#[derive(Debug, Default, Serialize, Deserialize)]
struct ExtractBody {
    archive: String,
    to: String,
    existing: String,
    #[serde(default)]
    only: Vec<String>,
}

/// What stands in a directory of an archive.
/// # Errors
/// 422 for what is no archive, or a damaged one; as the node says.
pub async fn browse(app: &App, access: &ServerAccess, query: ArchiveQuery) -> Result<ArchivePage> {
    let inside = query.inside.unwrap_or_default();
    let limit = query.limit.unwrap_or(200);
    let mut fields = Fields::new();
    check_path(&mut fields, "path", &query.path, false);
    check_path(&mut fields, "inside", &inside, true);
    let in_range = (1..=1000).contains(&limit);
    fields.check(in_range, "limit", "out_of_range", "is between 1 and 1000");
    let after = query.cursor.as_deref().map(cursor);
    let known = after.as_ref().is_none_or(Option::is_some);
    fields.check(known, "cursor", "unknown", "is not a cursor of this list");
    fields.finish()?;
    let list = Ask::ArchiveList(wire::ArchiveList {
        path: query.path,
        inside,
        after: after.flatten().unwrap_or_default(),
        limit,
    });
    let answer: wire::ArchiveEntries = ask(app, access, list, LONG).await?;
    Ok(ArchivePage {
        format: answer.format,
        total: answer.total,
        entries: answer.all,
        next: (!answer.next.is_empty()).then(|| URL_SAFE_NO_PAD.encode(&answer.next)),
        items: answer
            .entries
            .into_iter()
            .map(ArchiveEntryInfo::from)
            .collect(),
    })
}

fn cursor(text: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let name = text.strip_prefix("d/").or(text.strip_prefix("f/"))?;
    (!name.is_empty()).then(|| text.clone())
}

impl From<wire::ArchiveEntry> for ArchiveEntryInfo {
    fn from(entry: wire::ArchiveEntry) -> Self {
        let about = (!entry.about.is_empty()).then_some(entry.about);
        let known = ["file", "directory", "symlink", "hardlink"];
        let is_link = matches!(&*entry.kind, "symlink" | "hardlink");
        let kind = match known.contains(&&*entry.kind) {
            true => entry.kind,
            false => "refused".to_owned(),
        };
        let (target, why) = if is_link {
            (about, None)
        } else {
            (None, about)
        };
        Self {
            name: entry.name,
            kind,
            size_bytes: entry.size_bytes,
            modified_at: (entry.modified_at_ms > 0).then_some(Stamp(entry.modified_at_ms)),
            target,
            refused: why,
        }
    }
}

/// Begins to pack files.
/// # Errors
/// 409 while another archive of this server is worked on, or it is suspended; 422.
pub async fn create(app: &App, access: &ServerAccess, req: ArchiveCreate) -> Result<Operation> {
    let mut fields = Fields::new();
    check_paths(&mut fields, &req.paths);
    check_path(&mut fields, "to", &req.to, false);
    fields.finish()?;
    let body = PackBody {
        paths: req.paths.iter().map(|path| rooted(path)).collect(),
        to: rooted(&req.to),
        format: req.format.as_str().to_owned(),
    };
    let diff = json!({"archive": body.to, "paths": body.paths, "format": body.format});
    enter(
        app,
        access,
        Kind::Archive,
        &[Key::FileArchive],
        json!(body),
        diff,
    )
    .await
}

/// Begins to unpack an archive.
/// # Errors
/// As [`create`]; 403 to replace files without the right to change them.
pub async fn extract(app: &App, access: &ServerAccess, req: ArchiveExtract) -> Result<Operation> {
    let to = req.to.unwrap_or_default();
    let mut fields = Fields::new();
    check_path(&mut fields, "archive", &req.archive, false);
    check_path(&mut fields, "to", &to, true);
    let few = req.only.len() <= 100;
    fields.check(few, "only", "out_of_range", "names at most 100 entries");
    for (n, path) in req.only.iter().take(100).enumerate() {
        check_path(&mut fields, &format!("only[{n}]"), path, false);
    }
    fields.finish()?;
    let keys = match req.existing {
        // What is replaced is gone, as by a write.
        ArchiveExisting::Replace => &[Key::FileArchive, Key::FileUpdate][..],
        ArchiveExisting::Refuse | ArchiveExisting::Skip => &[Key::FileArchive],
    };
    let body = ExtractBody {
        archive: rooted(&req.archive),
        to: rooted(&to),
        existing: req.existing.as_str().to_owned(),
        only: req.only,
    };
    let diff = json!({
        "extract": body.archive,
        "to": body.to,
        "existing": body.existing,
        "only": body.only,
    });
    enter(app, access, Kind::Extract, keys, json!(body), diff).await
}

async fn enter(
    app: &App,
    access: &ServerAccess,
    kind: Kind,
    keys: &[Key],
    body: serde_json::Value,
    diff: serde_json::Value,
) -> Result<Operation> {
    let asked = Asked {
        kind,
        keys,
        body,
        word: Key::FileArchive.as_str(),
        diff,
    };
    begin_job(app, access, asked).await
}

/// What the node is told to do.
#[must_use]
pub fn work(kind: Kind, job: &operations::Model) -> Ready {
    let body = job.body.clone().unwrap_or_default();
    let work = match kind {
        Kind::Archive => serde_json::from_value::<PackBody>(body).map(|body| {
            Work::Pack(wire::PackWork {
                paths: body.paths,
                to: body.to,
                format: body.format,
            })
        }),
        _ => serde_json::from_value::<ExtractBody>(body).map(|body| {
            Work::Extract(wire::ExtractWork {
                archive: body.archive,
                to: body.to,
                existing: body.existing,
                only: body.only,
            })
        }),
    };
    match work {
        Ok(work) => Ready::Work(Some(Box::new(work))),
        Err(_) => Ready::refused("internal", "what was to be done is not written down"),
    }
}

/// Says what was left out, to whoever asks for the operation.
/// # Errors
/// Database.
pub async fn ended(
    db: &impl ConnectionTrait,
    job: &operations::Model,
    end: End<'_>,
) -> Result<(), DbErr> {
    let made = end.fact.and_then(|fact| fact.made.as_ref());
    let (skipped, text) = match made {
        Some(Made::Packed(made)) => (
            made.skipped,
            "left out: what is no file, what can't be read, what the egg keeps back",
        ),
        Some(Made::Unpacked(made)) => (made.skipped, "left as they were, or kept back by the egg"),
        _ => return Ok(()),
    };
    if end.state != "done" || skipped == 0 {
        return Ok(());
    }
    operations::Entity::update_many()
        .col_expr(operations::Column::Code, Expr::value("left_out"))
        .col_expr(
            operations::Column::Message,
            Expr::value(format!("entries {text}: {skipped}")),
        )
        .filter(operations::Column::Id.eq(&*job.id))
        .exec(db)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_others_are_refused() {
        let of = |text: &str| cursor(&URL_SAFE_NO_PAD.encode(text));
        assert_eq!(of("d/a/b").as_deref(), Some("d/a/b"));
        assert_eq!(of("f/x").as_deref(), Some("f/x"));
        for bad in ["", "x", "d/", "x/y"] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(cursor("?"), None);
    }
}
