//! Backups as jobs of nodes: what the node is told, and what follows from the end.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use serde::Deserialize;
use serde_json::json;
use warren_entity::{backup_repositories, backups, operations, servers};
use warren_proto::wire::{self, job_ended::Made, job_start::Work};

use super::{
    dto::BackupState,
    repository,
    retention::{self, Kept},
    service::{remove, say},
    settings,
};
use crate::{
    app::App,
    error::{Error, Result},
    job::{
        BACKUPS, End, Kind, Ready,
        begin::{NewOperation, begin},
    },
    text::to_i64,
    wanted,
};

/// What a backup's operation needs to know.
#[derive(Debug, Default, Deserialize)]
struct BackupBody {
    backup: String,
    #[serde(default)]
    ignore: Vec<String>,
}

/// What a restore's does.
#[derive(Debug, Default, Deserialize)]
struct RestoreBody {
    backup: String,
    #[serde(default)]
    paths: Vec<String>,
    /// Operation that must have ended well before.
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    start: bool,
}

/// What a removal's does.
#[derive(Debug, Default, Deserialize)]
struct ForgetBody {
    backups: Vec<String>,
    store: String,
}

fn body<T: Default + for<'de> Deserialize<'de>>(job: &operations::Model) -> T {
    let body = job.body.clone().unwrap_or_default();
    serde_json::from_value(body).unwrap_or_default()
}

fn missing() -> Ready {
    Ready::refused("backup_gone", "the backup or its store is gone")
}

fn ready(work: Work) -> Ready {
    Ready::Work(Some(Box::new(work)))
}

async fn row(db: &impl ConnectionTrait, id: &str) -> Result<Option<backups::Model>, DbErr> {
    backups::Entity::find_by_id(id).one(db).await
}

/// What the node is told to do.
/// # Errors
/// Database; a secret that was sealed under another key.
pub async fn work(app: &App, kind: Kind, job: &operations::Model) -> Result<Ready> {
    let db = app.db.read();
    match kind {
        Kind::Backup => {
            let body: BackupBody = body(job);
            let Some(backup) = row(db, &body.backup).await? else {
                return Ok(missing());
            };
            let Some(repository) =
                repository::wire(app, db, &backup.server_id, &backup.store_id).await?
            else {
                return Ok(missing());
            };
            let (settings, _) = settings::of(db, &backup.server_id).await?;
            let hooks = settings.hooks;
            Ok(ready(Work::Backup(wire::BackupWork {
                repository: Some(repository),
                backup: backup.id,
                ignore: [settings.ignore, body.ignore].concat(),
                hooks: Some(wire::BackupHooks {
                    before: hooks.before,
                    after: hooks.after,
                    ready: hooks.ready,
                    wait_ms: hooks.wait_s.saturating_mul(1000),
                }),
            })))
        }
        Kind::Restore => {
            let body: RestoreBody = body(job);
            if let Some(after) = &body.after {
                let before = operations::Entity::find_by_id(after).one(db).await?;
                match before.as_ref().map(|b| &*b.state) {
                    Some("done") => {}
                    Some("pending" | "running") => return Ok(Ready::Wait),
                    _ => {
                        let text =
                            "what was there before could not be backed up, so nothing was put back";
                        return Ok(Ready::refused("safety_backup_failed", text));
                    }
                }
            }
            let Some(backup) = row(db, &body.backup).await? else {
                return Ok(missing());
            };
            let repository = repository::wire(app, db, &backup.server_id, &backup.store_id).await?;
            let (Some(repository), Some(snapshot)) = (repository, backup.snapshot) else {
                return Ok(missing());
            };
            Ok(ready(Work::Restore(wire::RestoreWork {
                repository: Some(repository),
                snapshot,
                paths: body.paths,
            })))
        }
        Kind::Forget => {
            let body: ForgetBody = body(job);
            let rows = backups::Entity::find()
                .filter(backups::Column::Id.is_in(body.backups))
                .all(db)
                .await?;
            let server = job.server_id.clone().unwrap_or_default();
            let Some(repository) = repository::wire(app, db, &server, &body.store).await? else {
                return Ok(missing());
            };
            Ok(ready(Work::Forget(wire::ForgetWork {
                repository: Some(repository),
                snapshots: rows.into_iter().filter_map(|row| row.snapshot).collect(),
                prune: true,
            })))
        }
        Kind::Install
        | Kind::Reinstall
        | Kind::Delete
        | Kind::Archive
        | Kind::Extract
        | Kind::Download
        | Kind::Handover => Ok(Ready::Work(None)),
    }
}

/// What follows from an end.
/// # Errors
/// Database.
pub async fn ended(
    db: &impl ConnectionTrait,
    kind: Kind,
    job: &operations::Model,
    end: End<'_>,
) -> Result<(), DbErr> {
    let server = job.server_id.as_deref().unwrap_or_default();
    let Some(server) = servers::Entity::find_by_id(server).one(db).await? else {
        return Ok(());
    };
    match kind {
        Kind::Backup => backup_ended(db, &server, job, end).await?,
        Kind::Forget => forget_ended(db, &server, job, end).await?,
        Kind::Restore => return restore_ended(db, &server, job, end).await,
        Kind::Install
        | Kind::Reinstall
        | Kind::Delete
        | Kind::Archive
        | Kind::Extract
        | Kind::Download
        | Kind::Handover => {
            return Ok(());
        }
    }
    if server.deleted_at_ms.is_some() {
        return Ok(());
    }
    next_forget(db, &server, end.at_ms).await.map_err(told)
}

fn told(error: Error) -> DbErr {
    DbErr::Custom(format!("backups: {error}"))
}

async fn tell(
    db: &impl ConnectionTrait,
    server: &servers::Model,
    backup: &str,
    state: &str,
    at_ms: i64,
) -> Result<(), DbErr> {
    let damaged = |e: warren_proto::ids::InvalidId| DbErr::Custom(format!("servers: {e}"));
    let id = server.id.parse().map_err(damaged)?;
    say(db, id, Some(&server.node_id), backup, state, at_ms).await
}

/// Restic's name of a snapshot, whoever says it.
fn is_snapshot(id: &str) -> bool {
    id.len() == 64
        && id
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

async fn backup_ended(
    db: &impl ConnectionTrait,
    server: &servers::Model,
    job: &operations::Model,
    end: End<'_>,
) -> Result<(), DbErr> {
    let made = end.fact.and_then(|fact| match &fact.made {
        Some(Made::Backup(made)) if is_snapshot(&made.snapshot) => Some(made),
        _ => None,
    });
    let body: BackupBody = body(job);
    let state = match (end.state, made) {
        ("done", Some(_)) => BackupState::Done,
        _ => BackupState::Failed,
    };
    let mut update = backups::Entity::update_many()
        .col_expr(backups::Column::State, Expr::value(state.as_str()))
        .col_expr(backups::Column::Code, Expr::value(end.code))
        .col_expr(backups::Column::Message, Expr::value(end.message))
        .filter(backups::Column::Id.eq(&*body.backup))
        .filter(backups::Column::ServerId.eq(&*server.id))
        // Counted as lost, and there after all.
        .filter(backups::Column::State.is_in(["running", "failed"]));
    if let Some(made) = made {
        let warnings = made.warnings.iter().take(20);
        let warnings: Vec<String> = warnings.map(|w| crate::text::tame(w, 300)).collect();
        update = update
            .col_expr(
                backups::Column::Snapshot,
                Expr::value(made.snapshot.clone()),
            )
            .col_expr(
                backups::Column::TotalBytes,
                Expr::value(to_i64(made.total_bytes)),
            )
            .col_expr(
                backups::Column::AddedBytes,
                Expr::value(to_i64(made.added_bytes)),
            )
            .col_expr(backups::Column::Files, Expr::value(to_i64(made.files)))
            .col_expr(backups::Column::Skipped, Expr::value(to_i64(made.skipped)))
            .col_expr(backups::Column::Warnings, Expr::value(json!(warnings)))
            .col_expr(backups::Column::CompletedAtMs, Expr::value(end.at_ms));
    }
    if update.exec(db).await?.rows_affected == 0 {
        return Ok(());
    }
    tell(db, server, &body.backup, state.as_str(), end.at_ms).await?;
    let (Some(made), Some(backup)) = (made, row(db, &body.backup).await?) else {
        return Ok(());
    };
    counted(db, &server.id, &backup.store_id, made.repository_bytes).await?;
    let (settings, _) = settings::of(db, &server.id).await?;
    let there = backups::Entity::find()
        .filter(backups::Column::ServerId.eq(&*server.id))
        .filter(backups::Column::State.eq(BackupState::Done.as_str()))
        .all(db)
        .await?;
    let kept: Vec<Kept> = there
        .into_iter()
        .map(|row| Kept {
            id: row.id,
            at_ms: row.created_at_ms,
            locked: row.locked,
        })
        .collect();
    let gone = retention::go(&kept, &settings.retention, end.at_ms);
    if !gone.is_empty() {
        remove(db, &gone).await?;
        for id in &gone {
            tell(db, server, id, BackupState::Removing.as_str(), end.at_ms).await?;
        }
    }
    Ok(())
}

async fn counted(
    db: &impl ConnectionTrait,
    server: &str,
    store: &str,
    bytes: u64,
) -> Result<(), DbErr> {
    backup_repositories::Entity::update_many()
        .col_expr(
            backup_repositories::Column::Bytes,
            Expr::value(to_i64(bytes)),
        )
        .filter(backup_repositories::Column::ServerId.eq(server))
        .filter(backup_repositories::Column::StoreId.eq(store))
        .exec(db)
        .await?;
    Ok(())
}

async fn forget_ended(
    db: &impl ConnectionTrait,
    server: &servers::Model,
    job: &operations::Model,
    end: End<'_>,
) -> Result<(), DbErr> {
    let body: ForgetBody = body(job);
    let theirs = |ids: &[String]| {
        sea_orm::Condition::all()
            .add(backups::Column::Id.is_in(ids))
            .add(backups::Column::ServerId.eq(&*server.id))
            .add(backups::Column::State.eq(BackupState::Removing.as_str()))
    };
    if end.state == "done" {
        backups::Entity::delete_many()
            .filter(theirs(&body.backups))
            .exec(db)
            .await?;
        if let Some(Made::Forgotten(left)) = end.fact.and_then(|fact| fact.made.as_ref()) {
            counted(db, &server.id, &body.store, left.repository_bytes).await?;
        }
        for id in &body.backups {
            tell(db, server, id, "removed", end.at_ms).await?;
        }
        return Ok(());
    }
    // Still there as far as anybody knows: whoever wants it gone asks again.
    let message = format!(
        "it could not be removed: {}",
        end.message.unwrap_or("the node does not say why")
    );
    backups::Entity::update_many()
        .col_expr(
            backups::Column::State,
            Expr::value(BackupState::Done.as_str()),
        )
        .col_expr(backups::Column::Code, Expr::value(end.code))
        .col_expr(backups::Column::Message, Expr::value(message))
        .filter(theirs(&body.backups))
        .exec(db)
        .await?;
    for id in &body.backups {
        tell(db, server, id, BackupState::Done.as_str(), end.at_ms).await?;
    }
    Ok(())
}

/// Begins to remove what is to go, if nothing works on the repositories now; whatever does begins it when it ends. The
/// server's row is locked.
/// # Errors
/// Database.
pub async fn next_forget(
    db: &impl ConnectionTrait,
    server: &servers::Model,
    now_ms: i64,
) -> Result<()> {
    let busy = operations::Entity::find()
        .filter(operations::Column::ServerId.eq(&*server.id))
        .filter(operations::Column::Lane.eq(BACKUPS))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .one(db)
        .await?;
    if busy.is_some() {
        return Ok(());
    }
    let going = backups::Entity::find()
        .filter(backups::Column::ServerId.eq(&*server.id))
        .filter(backups::Column::State.eq(BackupState::Removing.as_str()))
        .order_by_asc(backups::Column::Id)
        .all(db)
        .await?;
    let Some(store) = going.first().map(|row| row.store_id.clone()) else {
        return Ok(());
    };
    let ids: Vec<String> = going
        .into_iter()
        .filter(|row| row.store_id == store)
        .map(|row| row.id)
        .collect();
    let new = NewOperation {
        kind: Kind::Forget,
        server: &server.id,
        node: &server.node_id,
        generation: server.generation,
        wipe: false,
        body: Some(json!({"backups": ids, "store": store})),
        actor: None,
    };
    let operation = begin(db, new, now_ms).await?;
    backups::Entity::update_many()
        .col_expr(backups::Column::OperationId, Expr::value(operation.id))
        .filter(backups::Column::Id.is_in(ids))
        .exec(db)
        .await?;
    Ok(())
}

/// Starts the server again if that was wished, whether its files are the old ones or the new.
async fn restore_ended(
    db: &impl ConnectionTrait,
    server: &servers::Model,
    job: &operations::Model,
    end: End<'_>,
) -> Result<(), DbErr> {
    let body: RestoreBody = body(job);
    // Without a fact the node's row is not locked, and what became of the files is not known either.
    if !body.start || end.fact.is_none() || server.suspended || server.deleted_at_ms.is_some() {
        return Ok(());
    }
    let generation = wanted::bump(db, &server.id).await?.generation;
    servers::Entity::update_many()
        .col_expr(servers::Column::Power, Expr::value("start"))
        .col_expr(servers::Column::PowerGeneration, Expr::value(generation))
        .col_expr(servers::Column::Intent, Expr::value(Some("start")))
        .col_expr(servers::Column::IntentAtMs, Expr::value(Some(end.at_ms)))
        .filter(servers::Column::Id.eq(&*server.id))
        .exec(db)
        .await?;
    crate::server::spec::refresh(db, &server.id)
        .await
        .map_err(told)
}
