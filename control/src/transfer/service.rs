//! Transfers for people: begun, shown, told to go, called off. The worker does the rest.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    SqlErr, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{allocations, nodes, servers, transfers};
use warren_proto::ids::TransferId;

use super::{
    Phase, check,
    dto::{
        Transfer, TransferAsked, TransferCreate, TransferPlan, TransferState, TransferUpdate,
        TransferredPort,
    },
    store,
};
use crate::{
    access::Key,
    allocation::take,
    app::App,
    audit::Entry,
    auth::{NodeAccess, ServerAccess},
    db::Lane,
    egg::view::lenient,
    error::{Error, Result},
    http::Stamp,
    operation::dto::Named,
    wanted,
};

/// Ports that one ask may name.
const MOST_PORTS: usize = 64;

/// Where the secret of a transfer is sealed for.
pub(super) fn place(id: &str) -> String {
    format!("transfer.{id}")
}

/// Begins to move a server.
/// # Errors
/// 403 without the right on both nodes; 409 in words for what can't be moved now; 422.
pub async fn create(
    app: &App,
    access: &ServerAccess,
    req: TransferCreate,
) -> Result<TransferAsked> {
    let target = NodeAccess::load(app, access.caller.clone(), req.node).await?;
    target.require(Key::ServerTransfer)?;
    if req.ports.len() > MOST_PORTS {
        let text = format!("names at most {MOST_PORTS}");
        return Err(Error::field("ports", "too_many", text));
    }
    let now_ms = app.clock.now_ms();
    let id = TransferId::new().to_string();
    let tx = app.db.begin(Lane::People).await?;
    // Ports of that node are taken under its lock; in the order of ids, as where the owner changes.
    let mut both = [access.server.node_id.clone(), req.node.to_string()];
    both.sort();
    for node in &both {
        wanted::raise_rev(&*tx, node).await?;
    }
    let access = access.locked(&*tx, now_ms).await?;
    access.require(Key::ServerTransfer)?;
    let server = servers::Entity::find_by_id(&*access.server.id)
        .one(&*tx)
        .await?;
    let server = server.ok_or_else(|| Error::not_found("server"))?;
    let (from, to) = (
        node(&*tx, &server.node_id).await?,
        node(&*tx, &target.node.id).await?,
    );
    check::possible(&server, &from, &to, &*tx).await?;
    let warnings = check::warnings(&*tx, &server, &from).await?;
    let choices = check::choices(&*tx, &server.id, &to, &req.ports).await?;
    let (mut kept, mut ports) = (Vec::new(), Vec::new());
    for (from, choice, named) in choices {
        let port = choice.as_ref().map(|choice| choice.port);
        let reserved = take::reserve(&*tx, &to, &id, choice, now_ms).await;
        let (row, port) = match reserved {
            Err(Error::Conflict { .. }) if port.is_some() && !named => {
                (take::reserve(&*tx, &to, &id, None, now_ms).await?, None)
            }
            reserved => (reserved?, port),
        };
        kept.push(row);
        ports.push(TransferredPort { from, to: port });
    }
    let plan = TransferPlan {
        to: named(&to),
        ports,
        warnings: warnings.clone(),
    };
    if req.dry_run {
        // Nothing of it is kept: the transaction ends with what it has looked at.
        return Ok(TransferAsked {
            plan,
            transfer: None,
        });
    }
    let secret: [u8; 32] = rand::random();
    let sealed = app.keys.sealer.seal(&place(&id), &secret);
    let row = transfers::ActiveModel {
        id: Set(id.clone()),
        server_id: Set(server.id.clone()),
        from_node: Set(from.id.clone()),
        to_node: Set(to.id.clone()),
        phase: Set(Phase::Copying.as_str().to_owned()),
        active: Set(Some(server.id.clone())),
        tidied: Set(false),
        secret: Set(sealed.map_err(Error::internal)?),
        ports: Set(json!(kept)),
        warnings: Set(json!(warnings)),
        was_running: Set(false),
        waits: Set(req.wait),
        released: Set(false),
        pass: Set(1),
        tries: Set(0),
        operation_id: Set(None),
        generation: Set(0),
        step: Set(None),
        done_bytes: Set(0),
        total_bytes: Set(0),
        bytes_per_second: Set(0),
        files: Set(0),
        size_bytes: Set(0),
        skipped: Set(0),
        pass_ms: Set(None),
        expected_ms: Set(None),
        down_since_ms: Set(None),
        downtime_ms: Set(None),
        code: Set(None),
        message: Set(None),
        cancel_asked_at_ms: Set(None),
        actor: Set(Some(access.caller.actor.user.to_string())),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
        ended_at_ms: Set(None),
    };
    let row = row.insert(&*tx).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            let text = "this server is being moved already; wait for it or cancel it";
            Error::conflict("transfer_running", text)
        }
        _ => e.into(),
    })?;
    store::tell(&*tx, &row, Phase::Copying, now_ms).await?;
    Entry::of(Key::ServerTransfer, "server", &server.id)
        .on(access.id)
        .with(json!({"transfer": id, "from": from.id, "to": to.id, "wait": req.wait}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.outbox();
    app.nudges.transfers();
    let transfer = Some(shown(app, &row).await?);
    Ok(TransferAsked { plan, transfer })
}

async fn node(db: &impl ConnectionTrait, id: &str) -> Result<nodes::Model> {
    let row = nodes::Entity::find_by_id(id)
        .filter(nodes::Column::DeletedAtMs.is_null())
        .one(db)
        .await?;
    row.ok_or_else(|| Error::not_found("node"))
}

fn named(node: &nodes::Model) -> Named {
    Named {
        id: node.id.clone(),
        name: node.name.clone(),
    }
}

async fn newest(app: &App, access: &ServerAccess) -> Result<transfers::Model> {
    let row = store::newest(app.db.read(), &access.server.id).await?;
    row.ok_or_else(|| Error::not_found("transfer"))
}

/// The newest transfer of a server.
/// # Errors
/// 404 when it was never moved.
pub async fn get(app: &App, access: &ServerAccess) -> Result<Transfer> {
    shown(app, &newest(app, access).await?).await
}

/// Says that the game may be stopped once the files are copied, or that it may not.
/// # Errors
/// 409 when it has gone further already.
pub async fn update(app: &App, access: &ServerAccess, req: TransferUpdate) -> Result<Transfer> {
    let row = newest(app, access).await?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let mut changed = 0;
    for phase in [Phase::Ready, Phase::Copying] {
        changed += store::update(&row, phase, now_ms)
            .col_expr(transfers::Column::Waits, Expr::value(true))
            .col_expr(transfers::Column::Released, Expr::value(req.go))
            .exec(&*tx)
            .await?
            .rows_affected;
    }
    if changed == 0 {
        let text = "it has gone further already";
        return Err(Error::conflict("transfer_gone_further", text));
    }
    Entry::of(Key::ServerTransfer, "server", &access.server.id)
        .on(access.id)
        .with(json!({"transfer": row.id, "go": req.go}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.transfers();
    get(app, access).await
}

/// Calls it off: the server stays where it is.
/// # Errors
/// 409 once the new node has the server.
pub async fn cancel(app: &App, access: &ServerAccess) -> Result<Transfer> {
    let row = newest(app, access).await?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let revocable = Phase::ALL.into_iter().filter(|p| p.is_revocable());
    let asked = transfers::Entity::update_many()
        .col_expr(transfers::Column::CancelAskedAtMs, Expr::value(now_ms))
        .filter(transfers::Column::Id.eq(&*row.id))
        .filter(transfers::Column::Phase.is_in(revocable.map(Phase::as_str)))
        .exec(&*tx)
        .await?;
    if asked.rows_affected == 0 {
        let text = "the server is on its new node already, or the transfer is over";
        return Err(Error::conflict("transfer_gone_further", text));
    }
    Entry::of(Key::ServerTransfer, "server", &access.server.id)
        .on(access.id)
        .with(json!({"transfer": row.id, "cancel": true}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.transfers();
    get(app, access).await
}

async fn shown(app: &App, row: &transfers::Model) -> Result<Transfer> {
    let db = app.db.read();
    let name = async |id: &str| -> Result<Named> {
        let found = nodes::Entity::find_by_id(id).one(db).await?;
        Ok(Named {
            id: id.to_owned(),
            name: found.map(|node| node.name).unwrap_or_default(),
        })
    };
    let ids: Vec<String> = lenient(&row.ports);
    let found = allocations::Entity::find()
        .filter(allocations::Column::Id.is_in(ids.clone()))
        .all(db)
        .await?;
    let port = |id: &String| {
        let row = found.iter().find(|row| row.id == *id)?;
        u16::try_from(row.port).ok()
    };
    let phase = Phase::parse(&row.phase).unwrap_or(Phase::Failed);
    Ok(Transfer {
        id: row.id.clone(),
        from: name(&row.from_node).await?,
        to: name(&row.to_node).await?,
        state: state(phase),
        step: row.step.clone(),
        pass: row.pass,
        done_bytes: row.done_bytes,
        total_bytes: row.total_bytes,
        bytes_per_second: row.bytes_per_second,
        files: row.files,
        size_bytes: row.size_bytes,
        skipped: row.skipped,
        expected_downtime_ms: row.expected_ms,
        downtime_ms: row.downtime_ms,
        wait: row.waits && !row.released,
        cancellable: phase.is_revocable() && row.cancel_asked_at_ms.is_none(),
        cancel_asked: row.cancel_asked_at_ms.is_some(),
        ports: ids.iter().filter_map(port).collect(),
        warnings: lenient(&row.warnings),
        code: row.code.clone(),
        message: row.message.clone(),
        created_at: Stamp(row.created_at_ms),
        ended_at: row.ended_at_ms.map(Stamp),
    })
}

fn state(phase: Phase) -> TransferState {
    match phase {
        Phase::Copying => TransferState::Copying,
        Phase::Ready => TransferState::Ready,
        Phase::Stopping => TransferState::Stopping,
        Phase::Last => TransferState::Last,
        Phase::Placing => TransferState::Placing,
        Phase::Starting => TransferState::Starting,
        Phase::Undoing => TransferState::Undoing,
        Phase::Done => TransferState::Done,
        Phase::Failed => TransferState::Failed,
        Phase::Cancelled => TransferState::Cancelled,
    }
}
