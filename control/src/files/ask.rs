//! Asking the node, and what every ask has in common: paths that can be some, and the row of what was changed.

use std::time::Duration;

use warren_proto::{
    Message,
    subjects::down,
    wire::{self, files_ask::Ask},
};

use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::ServerAccess,
    db::Lane,
    error::{Error, Fields, Result},
    node,
};

/// Half a megabyte over a slow line takes a moment.
pub const WITHIN: Duration = Duration::from_secs(10);
/// What goes through whole directories takes longer.
pub const LONG: Duration = Duration::from_secs(25);
/// Linux' `PATH_MAX`.
const MOST_PATH: usize = 4096;
/// Paths of one call.
const MOST_PATHS: usize = 100;

/// Asks the server's node.
pub async fn ask<M: Message + Default>(
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

/// A path as it is told: from the server's root, as people and links write it.
pub(super) fn rooted(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}

/// Refuses what can't be a path anywhere. The node refuses what leads out.
pub fn check_path(fields: &mut Fields, field: &str, path: &str, root_too: bool) {
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

/// [`check_path`] of the only field there is.
pub fn checked(field: &str, path: &str, root_too: bool) -> Result<()> {
    let mut fields = Fields::new();
    check_path(&mut fields, field, path, root_too);
    fields.finish()
}

/// [`check_path`] of both ends.
pub fn checked_pair(from: &str, to: &str) -> Result<()> {
    let mut fields = Fields::new();
    check_path(&mut fields, "from", from, false);
    check_path(&mut fields, "to", to, false);
    fields.finish()
}

/// [`check_path`] of 1 to 100 of them.
pub fn check_paths(fields: &mut Fields, paths: &[String]) {
    fields.check(
        (1..=MOST_PATHS).contains(&paths.len()),
        "paths",
        "out_of_range",
        format!("names 1 to {MOST_PATHS} paths"),
    );
    for (n, path) in paths.iter().take(MOST_PATHS).enumerate() {
        check_path(fields, &format!("paths[{n}]"), path, false);
    }
}

/// Writes down what was done.
pub async fn note(
    app: &App,
    access: &ServerAccess,
    key: Key,
    diff: serde_json::Value,
) -> Result<()> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
