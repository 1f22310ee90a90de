//! Puts files of a backup back, into its own server or another one.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use warren_entity::{backup_stores, servers};
use warren_proto::{ids::BackupId, ids::ServerId, state::State};

use super::{
    dto::BackupRestore,
    service::{Wish, enter, find, operation, snapshot_of},
};
use crate::{
    access::{
        Key,
        load::{self, ServerKey},
    },
    app::App,
    audit::Entry,
    auth::ServerAccess,
    backup_store::dto::Kind as StoreKind,
    db::Lane,
    error::{Error, Fields, Result},
    job::{
        Kind,
        begin::{NewOperation, begin},
    },
    operation::dto::Operation,
    outbox::{self, Event},
    server::spec,
    wanted,
};

const MOST_PATHS: usize = 200;
const MOST_PATH: usize = 4096;

/// A path in a backup as it is kept: from the root, without `.` and `..`. None: it is none.
#[must_use]
pub fn path(text: &str) -> Option<String> {
    if text.len() > MOST_PATH || text.contains('\0') {
        return None;
    }
    let mut kept = String::new();
    for part in text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        if part == ".." {
            return None;
        }
        kept.push('/');
        kept.push_str(part);
    }
    if kept.is_empty() {
        kept.push('/');
    }
    Some(kept)
}

fn paths(asked: &[String]) -> Result<Vec<String>> {
    let mut fields = Fields::new();
    let text = format!("names at most {MOST_PATHS}; leave it out for all");
    fields.check(asked.len() <= MOST_PATHS, "paths", "too_many", text);
    let kept: Vec<String> = asked.iter().filter_map(|text| path(text)).collect();
    let good = kept.len() == asked.len() && kept.iter().all(|path| path != "/");
    let text = "are paths of files and directories in the backup: /world/level.dat";
    fields.check(good, "paths", "invalid", text);
    fields.finish()?;
    Ok(kept)
}

/// Another server as the same caller reaches it.
async fn other(app: &App, access: &ServerAccess, id: ServerId) -> Result<ServerAccess> {
    let now_ms = app.clock.now_ms();
    let server = load::servers_for(&access.caller.actor, now_ms)
        .filter(servers::Column::Id.eq(id.to_string()))
        .filter(servers::Column::DeletedAtMs.is_null())
        .into_model::<ServerKey>()
        .one(app.db.read())
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    let resource = server.resource()?;
    access.caller.require(Key::ServerRead, resource)?;
    Ok(ServerAccess {
        caller: access.caller.clone(),
        node: server.node_id.parse().map_err(Error::internal)?,
        server,
        id,
        resource,
    })
}

/// Puts it back. The server's game is stopped for it; a failure leaves the files as they were.
/// # Errors
/// 404; 409 while the backup is not there, another job holds the server, or it is suspended or not installed; 422.
pub async fn restore(
    app: &App,
    access: &ServerAccess,
    id: BackupId,
    req: BackupRestore,
) -> Result<Operation> {
    let paths = paths(&req.paths)?;
    let target = match req.server.filter(|id| *id != access.id) {
        Some(id) => {
            // Its files become readable in another place.
            access.require(Key::BackupDownload)?;
            other(app, access, id).await?
        }
        None => access.clone(),
    };
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    // Before the server's row, in the order of locks; also makes the node take the stop.
    target.require(Key::BackupRestore)?;
    let bumped = wanted::bump(&*tx, &target.server.id)
        .await
        .map_err(|error| match error {
            DbErr::RecordNotFound(_) => Error::not_found("server"),
            other => other.into(),
        })?;
    let (target, server) = target
        .locked_for(&*tx, &[Key::BackupRestore], now_ms)
        .await?;
    if req.start {
        target.require(Key::ControlStart)?;
    }
    let backup = find(&*tx, access, id).await?;
    let snapshot = snapshot_of(&backup)?;
    let store = backup_stores::Entity::find_by_id(&*backup.store_id)
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("backup store"))?;
    let kept_by_node = StoreKind::parse(&store.kind) == StoreKind::Directory;
    if kept_by_node && target.node != access.node {
        let text = "stands on another node, and this backup is kept on its own: choose one on the same node";
        return Err(Error::field("server", "conflict", text));
    }
    if matches!(server.state.parse(), Ok(State::New | State::Installing)) {
        let text = "this server is not installed yet; that comes first";
        return Err(Error::conflict("not_installed", text));
    }
    let safety = match req.safety_backup {
        true => {
            let wish = Wish {
                name: "before a restore".to_owned(),
                store: None,
                ignore: Vec::new(),
                locked: false,
            };
            target.require(Key::BackupCreate)?;
            Some(enter(app, &*tx, &target, &server, wish, now_ms).await?.1.id)
        }
        false => None,
    };
    let new = NewOperation {
        kind: Kind::Restore,
        server: &server.id,
        node: &server.node_id,
        generation: bumped.generation,
        wipe: paths.is_empty(),
        body: Some(json!({
            "backup": backup.id,
            "paths": paths,
            "after": safety,
            "start": req.start,
        })),
        actor: Some(target.caller.actor.user.to_string()),
    };
    let row = begin(&*tx, new, now_ms).await?;
    servers::Entity::update_many()
        .col_expr(servers::Column::Power, Expr::value("stop"))
        .col_expr(
            servers::Column::PowerGeneration,
            Expr::value(bumped.generation),
        )
        .col_expr(servers::Column::Intent, Expr::value(None::<String>))
        .col_expr(servers::Column::IntentAtMs, Expr::value(None::<i64>))
        .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(servers::Column::Id.eq(&*server.id))
        .exec(&*tx)
        .await?;
    spec::refresh(&*tx, &server.id).await?;
    let data = json!({"operation": row.id, "kind": "restore", "state": "pending"});
    let event = Event::of_server(target.id, Some(target.node), "operation", now_ms, data);
    outbox::write(&*tx, event).await?;
    Entry::of(Key::BackupRestore, "backup", &backup.id)
        .on(target.id)
        .with(json!({
            "from": backup.server_id,
            "snapshot": snapshot,
            "paths": paths,
            "safety_backup": safety,
            "operation": row.id,
        }))
        .by(&*tx, &target.caller, now_ms)
        .await?;
    let shown = operation(&row, &target);
    tx.commit().await?;
    app.nudges.node(target.node);
    app.nudges.outbox();
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_its_backup() {
        for (text, kept) in [
            ("", "/"),
            ("/", "/"),
            ("world", "/world"),
            ("/world//./a b\n", "/world/a b\n"),
        ] {
            assert_eq!(path(text).as_deref(), Some(kept), "{text:?}");
        }
        for bad in ["..", "/a/../../etc", "a\0b"] {
            assert_eq!(path(bad), None, "{bad:?}");
        }
        assert!(paths(&["/".to_owned()]).is_err());
        assert!(paths(&[]).is_ok());
    }
}
