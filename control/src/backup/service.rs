//! Makes, shows and removes backups: writes down what is wanted, and the server's node does it.

use std::{collections::HashMap, time::Duration};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{backup_repositories, backup_stores, backups, operations, servers};
use warren_proto::{
    ids::{BackupId, ServerId},
    subjects::down,
    wire::{self, job_ask},
};

use super::{
    dto::{
        Backup, BackupCreate, BackupEntries, BackupEntry, BackupFilesQuery, BackupKey,
        BackupKeyAsk, BackupKeys, BackupList, BackupState, BackupStoreChoice, BackupUpdate,
    },
    job::next_forget,
    repository, settings,
};
use crate::{
    access::Key,
    account::service::check_password,
    app::App,
    audit::Entry,
    auth::ServerAccess,
    backup_store::dto::Kind as StoreKind,
    db::Lane,
    egg::view::lenient,
    error::{Error, Fields, Result},
    http::Stamp,
    job::{
        Kind,
        begin::{NewOperation, begin},
    },
    operation::{
        dto::{Named, Operation},
        view as operation_view,
    },
    outbox::{self, Event},
    quota,
    server::dto::Limits,
    text::{tame, to_u64},
};

/// Backups of one server, whatever its limit; the list is one page.
pub const MOST: u64 = 500;
/// Opening a repository takes a moment, and one in an object store some more.
const LOOK: Duration = Duration::from_secs(22);

fn shown(row: backups::Model, store: &str, operation: Option<&operations::Model>) -> Backup {
    let count = to_u64;
    Backup {
        state: BackupState::parse(&row.state),
        store: Named {
            id: row.store_id,
            name: store.to_owned(),
        },
        total_bytes: count(row.total_bytes),
        added_bytes: count(row.added_bytes),
        files: count(row.files),
        skipped: count(row.skipped),
        warnings: row.warnings.as_ref().map(lenient).unwrap_or_default(),
        locked: row.locked,
        code: row.code,
        message: row.message,
        operation: operation.map(|o| operation_view::operation(o, None, None)),
        created_at: Stamp(row.created_at_ms),
        completed_at: row.completed_at_ms.map(Stamp),
        id: row.id,
        name: row.name,
    }
}

async fn named(db: &impl ConnectionTrait, rows: Vec<backups::Model>) -> Result<Vec<Backup>> {
    let ids = rows.iter().map(|row| row.store_id.clone());
    let stores = backup_stores::Entity::find()
        .filter(backup_stores::Column::Id.is_in(ids))
        .all(db)
        .await?;
    let stores: HashMap<String, String> = stores.into_iter().map(|s| (s.id, s.name)).collect();
    let ids = rows.iter().filter_map(|row| row.operation_id.clone());
    let open = operations::Entity::find()
        .filter(operations::Column::Id.is_in(ids))
        .filter(crate::operation::open())
        .all(db)
        .await?;
    let open: HashMap<String, operations::Model> =
        open.into_iter().map(|o| (o.id.clone(), o)).collect();
    Ok(rows
        .into_iter()
        .map(|row| {
            let store = stores.get(&row.store_id).cloned().unwrap_or_default();
            let operation = row.operation_id.as_ref().and_then(|id| open.get(id));
            shown(row, &store, operation)
        })
        .collect())
}

async fn one(db: &impl ConnectionTrait, row: backups::Model) -> Result<Backup> {
    let mut shown = named(db, vec![row]).await?;
    shown.pop().ok_or_else(|| Error::not_found("backup"))
}

fn of_server(server: &str) -> sea_orm::Select<backups::Entity> {
    backups::Entity::find().filter(backups::Column::ServerId.eq(server))
}

/// How many count against limits: those that failed hold nothing.
async fn counted(db: &impl ConnectionTrait, server: &str) -> Result<u64, DbErr> {
    of_server(server)
        .filter(backups::Column::State.ne(BackupState::Failed.as_str()))
        .count(db)
        .await
}

/// All of a server, the newest first, and what there is room for.
/// # Errors
/// Database.
pub async fn list(app: &App, access: &ServerAccess) -> Result<BackupList> {
    let db = app.db.read();
    let id = &*access.server.id;
    let rows = of_server(id)
        .order_by_desc(backups::Column::Id)
        .limit(MOST)
        .all(db)
        .await?;
    let limits: Option<serde_json::Value> = servers::Entity::find_by_id(id)
        .select_only()
        .column(servers::Column::Limits)
        .into_tuple()
        .one(db)
        .await?;
    let limits: Limits = limits.as_ref().map(lenient).unwrap_or_default();
    let bytes: Vec<i64> = backup_repositories::Entity::find()
        .filter(backup_repositories::Column::ServerId.eq(id))
        .select_only()
        .column(backup_repositories::Column::Bytes)
        .into_tuple()
        .all(db)
        .await?;
    let stores = repository::choices(db, &access.server.node_id).await?;
    let restore = operations::Entity::find()
        .filter(operations::Column::ServerId.eq(id))
        .filter(operations::Column::Kind.eq(Kind::Restore.as_str()))
        .filter(crate::operation::open())
        .one(db)
        .await?;
    Ok(BackupList {
        items: named(db, rows).await?,
        used: counted(db, id).await?,
        limit: limits.backups,
        bytes: bytes.iter().map(|b| to_u64(*b)).sum(),
        stores: stores
            .into_iter()
            .map(|store| BackupStoreChoice {
                kind: StoreKind::parse(&store.kind),
                id: store.id,
                name: store.name,
            })
            .collect(),
        restore: restore.map(|row| operation_view::operation(&row, None, None)),
    })
}

/// One of a server.
/// # Errors
/// 404.
pub async fn find(
    db: &impl ConnectionTrait,
    access: &ServerAccess,
    id: BackupId,
) -> Result<backups::Model> {
    of_server(&access.server.id)
        .filter(backups::Column::Id.eq(id.to_string()))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("backup"))
}

/// One, for people.
/// # Errors
/// 404.
pub async fn get(app: &App, access: &ServerAccess, id: BackupId) -> Result<Backup> {
    let row = find(app.db.read(), access, id).await?;
    one(app.db.read(), row).await
}

/// Says to all who look at the server that one of its backups is another.
pub(super) async fn say(
    db: &impl ConnectionTrait,
    server: ServerId,
    node: Option<&str>,
    backup: &str,
    state: &str,
    now_ms: i64,
) -> Result<(), DbErr> {
    let data = json!({"backup": backup, "state": state});
    let node = node.and_then(|n| n.parse().ok());
    let event = Event::of_server(server, node, "backup", now_ms, data);
    outbox::write(db, event).await
}

/// What is asked for a backup, checked.
pub(super) struct Wish {
    /// What it is called.
    pub name: String,
    /// Which store, if one was named.
    pub store: Option<String>,
    /// Rules besides the server's.
    pub ignore: Vec<String>,
    /// Whether retention leaves it.
    pub locked: bool,
}

fn wish(req: BackupCreate) -> Result<Wish> {
    let mut fields = Fields::new();
    let name = match req.name.as_deref().map(str::trim) {
        None | Some("") => String::new(),
        Some(name) => fields.line("name", name, 64),
    };
    let ignore = settings::rules(&mut fields, req.ignore);
    fields.finish()?;
    Ok(Wish {
        name,
        store: req.store.map(|id| id.to_string()),
        ignore,
        locked: req.locked,
    })
}

/// Writes a backup down that is to be made, and its operation. The server's row is locked.
pub(super) async fn enter(
    app: &App,
    db: &impl ConnectionTrait,
    access: &ServerAccess,
    server: &servers::Model,
    wish: Wish,
    now_ms: i64,
) -> Result<(backups::Model, operations::Model)> {
    let limits: Limits = lenient(&server.limits);
    let most = limits.backups.map_or(MOST, u64::from).min(MOST);
    let have = counted(db, &server.id).await?;
    if have >= most {
        let text = match most {
            0 => "this server may have no backups; its limits say so".to_owned(),
            _ => format!(
                "this server has {have} of the {most} backups that its limits give it; remove one, or let retention do so"
            ),
        };
        return Err(Error::conflict("backup_limit", text));
    }
    let (settings, _) = settings::of(db, &server.id).await?;
    let usable = repository::choices(db, &server.node_id).await?;
    let named = wish
        .store
        .or_else(|| settings.store.map(|id| id.to_string()));
    let store = match &named {
        Some(id) => usable.iter().find(|s| s.id == *id),
        None => usable.first(),
    };
    let store = store.ok_or_else(|| match named {
        Some(_) => Error::field("store", "unknown", "this server can't use such a store"),
        None => Error::conflict(
            "no_backup_store",
            "there is no place that this server could be backed up to; whoever runs the panel sets one up",
        ),
    })?;
    let store = crate::backup_store::store::locked(db, &store.id).await?;
    repository::ensure(app, db, &server.id, &store.id, now_ms).await?;
    let id = BackupId::new().to_string();
    let actor = access.caller.actor.user.to_string();
    let new = NewOperation {
        kind: Kind::Backup,
        server: &server.id,
        node: &server.node_id,
        generation: server.generation,
        wipe: false,
        body: Some(json!({"backup": id, "ignore": wish.ignore})),
        actor: Some(actor.clone()),
    };
    let operation = begin(db, new, now_ms).await?;
    let row = backups::ActiveModel {
        id: Set(id),
        server_id: Set(server.id.clone()),
        store_id: Set(store.id.clone()),
        name: Set(wish.name),
        state: Set(BackupState::Running.as_str().to_owned()),
        operation_id: Set(Some(operation.id.clone())),
        snapshot: Set(None),
        total_bytes: Set(0),
        added_bytes: Set(0),
        files: Set(0),
        skipped: Set(0),
        warnings: Set(None),
        locked: Set(wish.locked),
        code: Set(None),
        message: Set(None),
        actor: Set(Some(actor)),
        created_at_ms: Set(now_ms),
        completed_at_ms: Set(None),
    };
    let row = row.insert(db).await?;
    let kinds = [quota::Kind::Backups, quota::Kind::BackupBytes];
    quota::hold(db, &server.owner_id, &kinds, now_ms).await?;
    say(
        db,
        access.id,
        Some(&server.node_id),
        &row.id,
        &row.state,
        now_ms,
    )
    .await?;
    Ok((row, operation))
}

/// Makes one.
/// # Errors
/// 409 for what is full: server, owner's quota; 409 while another is made, or the server is suspended; 422.
pub async fn create(app: &App, access: &ServerAccess, req: BackupCreate) -> Result<Backup> {
    let wish = wish(req)?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (access, server) = access
        .locked_for(&*tx, &[Key::BackupCreate], now_ms)
        .await?;
    let (row, operation) = enter(app, &*tx, &access, &server, wish, now_ms).await?;
    Entry::of(Key::BackupCreate, "backup", &row.id)
        .on(access.id)
        .with(json!({"name": row.name, "store": row.store_id, "operation": operation.id}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    let shown = one(&*tx, row).await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    Ok(shown)
}

/// Names it, locks or unlocks it.
/// # Errors
/// 403 to unlock without the right to remove; 404; 422.
pub async fn update(
    app: &App,
    access: &ServerAccess,
    id: BackupId,
    req: BackupUpdate,
) -> Result<Backup> {
    let mut fields = Fields::new();
    let name = req.name.as_deref().map(str::trim).map(|name| match name {
        "" => String::new(),
        name => fields.line("name", name, 64),
    });
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let access = access.locked(&*tx, now_ms).await?;
    access.require(Key::BackupCreate)?;
    let before = find(&*tx, &access, id).await?;
    if before.locked && req.locked == Some(false) {
        // What is unlocked may be gone with the next backup.
        access.require(Key::BackupDelete)?;
    }
    let mut row: backups::ActiveModel = before.clone().into();
    row.name = Set(name.unwrap_or_else(|| before.name.clone()));
    row.locked = Set(req.locked.unwrap_or(before.locked));
    let row = row.update(&*tx).await?;
    Entry::word("backup.update", "backup", &row.id)
        .on(access.id)
        .with(json!({
            "name": {"from": before.name, "to": row.name},
            "locked": {"from": before.locked, "to": row.locked},
        }))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    let node = Some(&*access.server.node_id);
    say(&*tx, access.id, node, &row.id, &row.state, now_ms).await?;
    let shown = one(&*tx, row).await?;
    tx.commit().await?;
    app.nudges.outbox();
    Ok(shown)
}

/// Removes one. What other backups share with it stays.
/// # Errors
/// 404; 409 while it is locked or being made.
pub async fn delete(app: &App, access: &ServerAccess, id: BackupId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let access = access.locked(&*tx, now_ms).await?;
    access.require(Key::BackupDelete)?;
    let row = find(&*tx, &access, id).await?;
    if row.locked {
        let text = "this backup is locked; unlock it first";
        return Err(Error::conflict("backup_locked", text));
    }
    let node = Some(&*access.server.node_id);
    match BackupState::parse(&row.state) {
        BackupState::Running => {
            let text = "this backup is being made; cancel that first";
            return Err(Error::conflict("backup_running", text));
        }
        BackupState::Removing => return Ok(()),
        // Nothing of it is anywhere that a later prune would not take away.
        BackupState::Failed => {
            backups::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
            say(&*tx, access.id, node, &row.id, "removed", now_ms).await?;
        }
        BackupState::Done => {
            remove(&*tx, std::slice::from_ref(&row.id)).await?;
            let server = servers::Entity::find_by_id(&*access.server.id)
                .one(&*tx)
                .await?
                .ok_or_else(|| Error::not_found("server"))?;
            next_forget(&*tx, &server, now_ms).await?;
            say(&*tx, access.id, node, &row.id, "removing", now_ms).await?;
        }
    }
    Entry::of(Key::BackupDelete, "backup", &row.id)
        .on(access.id)
        .with(json!({"name": row.name, "snapshot": row.snapshot}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    Ok(())
}

/// Marks backups for removal.
pub(super) async fn remove(db: &impl ConnectionTrait, ids: &[String]) -> Result<(), DbErr> {
    let nothing = || Expr::value(None::<String>);
    backups::Entity::update_many()
        .col_expr(
            backups::Column::State,
            Expr::value(BackupState::Removing.as_str()),
        )
        .col_expr(backups::Column::Code, nothing())
        .col_expr(backups::Column::Message, nothing())
        .filter(backups::Column::Id.is_in(ids))
        .filter(backups::Column::State.eq(BackupState::Done.as_str()))
        .filter(backups::Column::Locked.eq(false))
        .exec(db)
        .await?;
    Ok(())
}

/// A directory of a backup, as its node reads it.
/// # Errors
/// 404; 409 while it is not there; 503 while the node is away.
pub async fn files(
    app: &App,
    access: &ServerAccess,
    id: BackupId,
    query: &BackupFilesQuery,
) -> Result<BackupEntries> {
    let row = find(app.db.read(), access, id).await?;
    let snapshot = snapshot_of(&row)?;
    let path = super::restore::path(query.path.as_deref().unwrap_or("/"))
        .ok_or_else(|| Error::field("path", "invalid", "is no path in a backup"))?;
    let limit = query.limit.unwrap_or(200).clamp(1, 500);
    let repository = repository::wire(app, app.db.read(), &row.server_id, &row.store_id).await?;
    let list = wire::SnapshotList {
        repository: Some(repository.ok_or_else(|| Error::not_found("backup"))?),
        snapshot,
        path,
        after: query.after.clone().unwrap_or_default(),
        limit,
    };
    let body = wire::JobAsk {
        ask: Some(job_ask::Ask::List(list)),
    };
    let found =
        crate::node::ask::<wire::SnapshotEntries>(app, access.node, down::JOBS, &body, LOOK)
            .await?;
    let items = found.entries.into_iter().take(limit as usize);
    Ok(BackupEntries {
        items: items
            .map(|entry| BackupEntry {
                name: tame(&entry.name, 1024),
                kind: match &*entry.kind {
                    "file" | "directory" | "symlink" => entry.kind,
                    _ => "other".into(),
                },
                size_bytes: entry.size_bytes,
                modified_at: Stamp(entry.modified_at_ms),
            })
            .collect(),
        next: (!found.next.is_empty()).then(|| tame(&found.next, 1024)),
    })
}

/// The snapshot of a backup that is there.
pub(super) fn snapshot_of(row: &backups::Model) -> Result<String> {
    let there = BackupState::parse(&row.state) == BackupState::Done;
    let snapshot = row.snapshot.clone().filter(|_| there);
    snapshot
        .ok_or_else(|| Error::conflict("backup_not_there", "this backup is not there, or not yet"))
}

/// What opens the server's repositories with restic. Who looked stands in the audit log.
/// # Errors
/// 403 with an API key; 422 for a wrong password, 429 after too many.
pub async fn keys(app: &App, access: &ServerAccess, req: &BackupKeyAsk) -> Result<BackupKeys> {
    access.caller.by_session()?;
    let now_ms = app.clock.now_ms();
    check_password(app, &access.caller, &req.current_password, now_ms).await?;
    let tx = app.db.begin(Lane::People).await?;
    let access = access.locked(&*tx, now_ms).await?;
    access.require(Key::BackupDownload)?;
    let rows = backup_repositories::Entity::find()
        .filter(backup_repositories::Column::ServerId.eq(&*access.server.id))
        .all(&*tx)
        .await?;
    let mut items = Vec::new();
    for row in rows {
        let store = backup_stores::Entity::find_by_id(&*row.store_id)
            .one(&*tx)
            .await?
            .ok_or_else(|| Error::not_found("backup store"))?;
        let repository = match StoreKind::parse(&store.kind) {
            StoreKind::S3 => {
                let prefix = store.prefix.trim_matches('/');
                let below = if prefix.is_empty() { "" } else { "/" };
                format!(
                    "s3:{}/{}{below}{prefix}/{}",
                    store.endpoint.trim_end_matches('/'),
                    store.bucket,
                    row.server_id
                )
            }
            StoreKind::Directory => {
                let dir = match store.path.is_empty() {
                    true => "/var/lib/warren/backups",
                    false => &*store.path,
                };
                format!("{dir}/{}", row.server_id)
            }
        };
        items.push(BackupKey {
            password: repository::password(app, &row)?,
            store: Named {
                id: store.id,
                name: store.name,
            },
            repository,
        });
    }
    Entry::word("backup.keys", "server", &access.server.id)
        .on(access.id)
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(BackupKeys { items })
}

/// For who began something on a server: its operation.
pub(super) fn operation(row: &operations::Model, access: &ServerAccess) -> Operation {
    let named = |id: &str| Named {
        id: id.to_owned(),
        name: String::new(),
    };
    operation_view::operation(
        row,
        Some(named(&access.server.id)),
        Some(named(&access.server.node_id)),
    )
}
