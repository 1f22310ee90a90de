//! Work that holds a server's files: to install it, again too, and to delete it.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use warren_entity::{operations, servers};
use warren_proto::state::State;

use super::{
    service::{begin_change, gone, node_name, say},
    spec,
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::ServerAccess,
    database,
    db::Lane,
    error::{Error, Result},
    ingest::effect::waits_for_install,
    job::{
        FILES, Kind,
        begin::{NewOperation, begin},
    },
    operation::{
        dto::{Named, Operation},
        view as operation_view,
    },
    sftp,
    transfer::{self, Phase},
    wanted,
};

/// The work that holds a server's files, if any.
pub(super) async fn active(
    db: &impl ConnectionTrait,
    server: &str,
) -> Result<Option<operations::Model>> {
    Ok(operations::Entity::find()
        .filter(operations::Column::ServerId.eq(server))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .filter(operations::Column::Lane.eq(FILES))
        .one(db)
        .await?)
}

pub(crate) fn shown(row: &operations::Model, server: &str, node: &str) -> Operation {
    let named = |id: &Option<String>, name: &str| {
        id.clone().map(|id| Named {
            id,
            name: name.to_owned(),
        })
    };
    operation_view::operation(
        row,
        named(&row.server_id, server),
        named(&row.node_id, node),
    )
}

/// Runs the install script again.
/// # Errors
/// 409 while another job holds the server.
pub async fn reinstall(app: &App, access: ServerAccess, wipe: bool) -> Result<Operation> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (row, generation) = begin_change(&*tx, &access).await?;
    if row.suspended {
        return Err(Error::suspended());
    }
    let new = NewOperation {
        kind: Kind::Reinstall,
        server: &row.id,
        node: &row.node_id,
        generation,
        wipe,
        body: None,
        actor: Some(access.caller.actor.user.to_string()),
    };
    let operation = begin(&*tx, new, now_ms).await?;
    // The job needs the files for itself: the game is stopped for it and not started again. Where none was ever
    // installed there is no game, and the start that its creation asked for comes when the files are there.
    let bare = matches!(
        row.state.parse(),
        Ok(State::New | State::Installing | State::Error)
    );
    let first = bare && waits_for_install(&row);
    let mut update = servers::Entity::update_many()
        .col_expr(
            servers::Column::Intent,
            Expr::value(first.then_some("start")),
        )
        .col_expr(
            servers::Column::IntentAtMs,
            Expr::value(first.then_some(now_ms)),
        )
        .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(servers::Column::Id.eq(&*row.id));
    if !first {
        update = update
            .col_expr(servers::Column::Power, Expr::value("stop"))
            .col_expr(servers::Column::PowerGeneration, Expr::value(generation));
    }
    update.exec(&*tx).await?;
    spec::refresh(&*tx, &row.id).await?;
    let data = json!({"operation": operation.id, "kind": "reinstall", "state": "pending"});
    say(&*tx, &access, "operation", now_ms, data).await?;
    Entry::of(Key::SettingsReinstall, "server", &row.id)
        .on(access.id)
        .with(json!({"wipe": wipe, "operation": operation.id}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    let node = node_name(app, &row.node_id).await?;
    Ok(shown(&operation, &row.name, &node))
}

/// Deletes a server: the row goes softly, its node gets a tombstone.
/// # Errors
/// 422 when the typed name is another.
pub async fn delete(app: &App, access: ServerAccess, name: &str) -> Result<Operation> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let keep_s = app.config.keep_files_s;
    let bumped = wanted::remove(&*tx, &access.server.id, keep_s, now_ms)
        .await
        .map_err(gone)?;
    let row = servers::Entity::find_by_id(&*access.server.id)
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    if row.name != name.trim() {
        return Err(Error::field(
            "name",
            "mismatch",
            "is not the server's name; type it as it stands",
        ));
    }
    let moves = transfer::store::active(&*tx, &row.id).await?;
    // What can't be called off any more may wait for a node that never comes back.
    if moves.is_some_and(|row| Phase::parse(&row.phase).is_none_or(Phase::is_revocable)) {
        transfer::stays(&*tx, &row.id).await?;
    }
    // Whatever worked on the files is pointless now; the node breaks it off when the tombstone arrives.
    operations::Entity::update_many()
        .col_expr(operations::Column::State, Expr::value("cancelled"))
        .col_expr(operations::Column::Code, Expr::value("server_deleted"))
        .col_expr(operations::Column::EndedAtMs, Expr::value(now_ms))
        .filter(operations::Column::ServerId.eq(&*row.id))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .exec(&*tx)
        .await?;
    database::service::drop_all(&*tx, &row.id, now_ms).await?;
    let new = NewOperation {
        kind: Kind::Delete,
        server: &row.id,
        node: &row.node_id,
        generation: bumped.generation,
        wipe: true,
        body: None,
        actor: Some(access.caller.actor.user.to_string()),
    };
    let operation = begin(&*tx, new, now_ms).await?;
    let data = json!({"operation": operation.id, "kind": "delete", "state": "pending"});
    say(&*tx, &access, "operation", now_ms, data).await?;
    Entry::of(Key::ServerDelete, "server", &row.id)
        .on(access.id)
        .with(json!({"name": row.name}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    sftp::end_of_server(&*tx, &row.id, now_ms).await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    app.nudges.databases();
    app.nudges.revoked();
    let node = node_name(app, &row.node_id).await?;
    Ok(shown(&operation, &row.name, &node))
}
