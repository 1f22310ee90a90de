//! Deleting, and thinking better of it.

use serde_json::json;
use warren_proto::wire::{self, files_ask::Ask};

use super::{
    ask::{LONG, WITHIN, ask, check_paths, checked, note, rooted},
    dto::{
        FileRestore, FileRestoredInfo, FilesDelete, FilesDeletedInfo, TrashEmptyRequest, TrashItem,
        TrashPage, TrashQuery,
    },
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::{Error, Fields, Result},
    http::Stamp,
};

/// Rows of a page of the trash.
const MOST: u32 = 200;

impl From<wire::TrashItem> for TrashItem {
    fn from(item: wire::TrashItem) -> Self {
        Self {
            id: item.id,
            path: rooted(&item.path),
            deleted_at: Stamp(item.deleted_at_ms),
            until: Stamp(item.until_ms),
            kind: item.kind,
            disk_bytes: item.disk_bytes,
            entries: item.entries,
        }
    }
}

/// Removes files and directories.
/// # Errors
/// As the node says.
pub async fn delete(
    app: &App,
    access: &ServerAccess,
    req: FilesDelete,
) -> Result<FilesDeletedInfo> {
    let mut fields = Fields::new();
    check_paths(&mut fields, &req.paths);
    fields.finish()?;
    let diff = json!({"delete": req.paths, "permanent": req.permanent});
    let delete = Ask::Delete(wire::FileDelete {
        paths: req.paths,
        permanent: req.permanent,
    });
    let done: wire::FilesTrashed = ask(app, access, delete, LONG).await?;
    note(app, access, Key::FileDelete, diff).await?;
    Ok(FilesDeletedInfo {
        trashed: done.items.into_iter().map(TrashItem::from).collect(),
    })
}

/// What can be had back.
/// # Errors
/// As the node says.
pub async fn list_trash(app: &App, access: &ServerAccess, query: TrashQuery) -> Result<TrashPage> {
    let limit = query.limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return Err(Error::field(
            "limit",
            "out_of_range",
            "is between 1 and 200",
        ));
    }
    let after = query.cursor.unwrap_or_default();
    let known = after.len() <= 64 && after.bytes().all(|b| b.is_ascii_alphanumeric());
    if !known {
        return Err(Error::field(
            "cursor",
            "unknown",
            "is not a cursor of this list",
        ));
    }
    let list = Ask::TrashList(wire::TrashList { after, limit });
    let page: wire::TrashItems = ask(app, access, list, WITHIN).await?;
    Ok(TrashPage {
        items: page.items.into_iter().map(TrashItem::from).collect(),
        next: (!page.next.is_empty()).then_some(page.next),
        total: page.total,
        disk_bytes: page.disk_bytes,
    })
}

/// Puts something back.
/// # Errors
/// 409 `file_exists` where something is, unless another name will do.
pub async fn restore(
    app: &App,
    access: &ServerAccess,
    req: FileRestore,
) -> Result<FileRestoredInfo> {
    if let Some(to) = &req.to {
        checked("to", to, false)?;
    }
    check_ids(std::slice::from_ref(&req.id), "id")?;
    let restore = Ask::TrashRestore(wire::TrashRestore {
        id: req.id,
        to: req.to.unwrap_or_default(),
        rename: req.rename,
    });
    let done: wire::TrashRestored = ask(app, access, restore, LONG).await?;
    let path = rooted(&done.path);
    let diff = json!({"restore": path});
    note(app, access, Key::FileDelete, diff).await?;
    Ok(FileRestoredInfo { path })
}

/// Deletes for good.
/// # Errors
/// As the node says.
pub async fn empty_trash(app: &App, access: &ServerAccess, req: TrashEmptyRequest) -> Result<()> {
    check_ids(&req.ids, "ids")?;
    let diff = match req.ids.len() {
        0 => json!({"trash_emptied": true}),
        n => json!({"trash_emptied": n}),
    };
    let empty = Ask::TrashEmpty(wire::TrashEmpty { ids: req.ids });
    let _: wire::Accepted = ask(app, access, empty, LONG).await?;
    note(app, access, Key::FileDelete, diff).await
}

fn check_ids(ids: &[String], field: &str) -> Result<()> {
    let good = |id: &String| {
        !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let mut fields = Fields::new();
    fields.check(
        ids.len() <= 500 && ids.iter().all(good),
        field,
        "unknown",
        "is no id of something in the trash",
    );
    fields.finish()
}
