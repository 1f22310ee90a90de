//! What makes, moves, marks and removes files.

use serde_json::json;
use warren_proto::wire::{self, files_ask::Ask};

use super::{
    ask::{LONG, WITHIN, ask, check_path, check_paths, checked, checked_pair, note},
    dto::FileCopiedInfo,
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::{Fields, Result},
};

/// Makes a directory.
/// # Errors
/// As the node says.
pub async fn mkdir(app: &App, access: &ServerAccess, path: String) -> Result<()> {
    checked("path", &path, false)?;
    let diff = json!({"directory": path});
    let exact = false;
    let mkdir = Ask::Mkdir(wire::FileMkdir { path, exact });
    let _: wire::Accepted = ask(app, access, mkdir, WITHIN).await?;
    note(app, access, Key::FileCreate, diff).await
}

/// Moves a file or directory.
/// # Errors
/// As the node says.
pub async fn rename(app: &App, access: &ServerAccess, from: String, to: String) -> Result<()> {
    checked_pair(&from, &to)?;
    let diff = json!({"from": from, "to": to});
    let replace = false;
    let rename = Ask::Rename(wire::FileRename { from, to, replace });
    let _: wire::Accepted = ask(app, access, rename, WITHIN).await?;
    note(app, access, Key::FileUpdate, diff).await
}

/// Copies a file or directory.
/// # Errors
/// As the node says.
pub async fn copy(
    app: &App,
    access: &ServerAccess,
    from: String,
    to: String,
) -> Result<FileCopiedInfo> {
    checked_pair(&from, &to)?;
    let mut diff = json!({"copy": from, "to": to});
    let copy = Ask::Copy(wire::FileCopy { from, to });
    let copied: wire::FileCopied = ask(app, access, copy, LONG).await?;
    diff["entries"] = json!(copied.entries);
    note(app, access, Key::FileCreate, diff).await?;
    Ok(FileCopiedInfo {
        entries: copied.entries,
        bytes: copied.bytes,
        skipped: copied.skipped,
    })
}

/// Sets permission bits.
/// # Errors
/// As the node says.
pub async fn chmod(app: &App, access: &ServerAccess, paths: Vec<String>, mode: u32) -> Result<()> {
    let mut fields = Fields::new();
    check_paths(&mut fields, &paths);
    fields.check(
        mode <= 0o777,
        "mode",
        "out_of_range",
        "is between 0 and 511, which is 0777",
    );
    fields.finish()?;
    let diff = json!({"chmod": paths, "mode": format!("{mode:04o}")});
    let chmod = Ask::Chmod(wire::FileChmod { paths, mode });
    let _: wire::Accepted = ask(app, access, chmod, WITHIN).await?;
    note(app, access, Key::FileUpdate, diff).await
}

/// Makes a symlink.
/// # Errors
/// As the node says; 422 `path_outside` for a target that leads out.
pub async fn symlink(app: &App, access: &ServerAccess, path: String, target: String) -> Result<()> {
    let mut fields = Fields::new();
    check_path(&mut fields, "path", &path, false);
    fields.check(
        !target.is_empty() && target.len() < 4096 && !target.contains('\0'),
        "target",
        "invalid",
        "is no path",
    );
    fields.finish()?;
    let diff = json!({"symlink": path, "target": target});
    let symlink = Ask::Symlink(wire::FileSymlink { path, target });
    let _: wire::Accepted = ask(app, access, symlink, WITHIN).await?;
    note(app, access, Key::FileCreate, diff).await
}
