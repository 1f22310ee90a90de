//! A new operation's row.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, SqlErr};
use warren_entity::operations;
use warren_proto::ids::JobId;

use super::{ARCHIVES, BACKUPS, DOWNLOADS, Kind};
use crate::{
    error::{Error, Result},
    transfer,
};

/// What is to be done.
pub struct NewOperation<'a> {
    /// What.
    pub kind: Kind,
    /// With which server.
    pub server: &'a str,
    /// Where.
    pub node: &'a str,
    /// Generation that the node must have.
    pub generation: i64,
    /// Reinstall: remove all files first.
    pub wipe: bool,
    /// What the kind needs to know; no secrets.
    pub body: Option<serde_json::Value>,
    /// Who asked; none: Warren itself.
    pub actor: Option<String>,
}

/// Writes it down as pending. Nudge the node after the commit.
/// # Errors
/// 409 while another of its lane is active.
pub async fn begin(
    db: &impl ConnectionTrait,
    new: NewOperation<'_>,
    now_ms: i64,
) -> Result<operations::Model> {
    let reads_or_writes = match new.kind {
        Kind::Install
        | Kind::Reinstall
        | Kind::Backup
        | Kind::Restore
        | Kind::Archive
        | Kind::Extract
        | Kind::Download => true,
        // Part of it, or of no file of the server. Whoever deletes has looked how far it is.
        Kind::Handover | Kind::Forget | Kind::Delete => false,
    };
    if reads_or_writes {
        transfer::stays(db, new.server).await?;
    }
    let row = operations::ActiveModel {
        id: Set(JobId::new().to_string()),
        kind: Set(new.kind.as_str().to_owned()),
        server_id: Set(Some(new.server.to_owned())),
        node_id: Set(Some(new.node.to_owned())),
        lane: Set(new.kind.lane().map(str::to_owned)),
        body: Set(new.body),
        state: Set("pending".to_owned()),
        percent: Set(None),
        step: Set(None),
        done_bytes: Set(None),
        total_bytes: Set(None),
        bytes_per_second: Set(None),
        code: Set(None),
        message: Set(None),
        generation: Set(new.generation),
        wipe: Set(new.wipe),
        run_id: Set(None),
        exit_code: Set(None),
        actor: Set(new.actor),
        created_at_ms: Set(now_ms),
        sent_at_ms: Set(None),
        started_at_ms: Set(None),
        ended_at_ms: Set(None),
        cancel_asked_at_ms: Set(None),
    };
    // At most one active operation per server and lane is a unique index.
    row.insert(db).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => match new.kind.lane() {
            Some(BACKUPS) => Error::conflict(
                "backup_running",
                "a backup of this server is being made or removed; wait for it or cancel it",
            ),
            Some(ARCHIVES) => Error::conflict(
                "archive_running",
                "an archive of this server is being made or unpacked; wait for it or cancel it",
            ),
            Some(DOWNLOADS) => Error::conflict(
                "download_running",
                "a file is being downloaded to this server; wait for it or cancel it",
            ),
            _ => Error::conflict(
                "job_running",
                "an install or another job works on this server's files; wait for it or cancel it",
            ),
        },
        _ => e.into(),
    })
}
