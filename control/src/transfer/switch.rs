//! Two transactions of a transfer: the one that stops the game, and the one that changes the owner.

use anyhow::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{nodes, operations, servers, transfers};
use warren_proto::state::State;

use super::{Phase, check, store};
use crate::{
    allocation::take,
    app::App,
    audit::Entry,
    db::Lane,
    egg::view::lenient,
    error::Error,
    job::{
        Kind,
        begin::{NewOperation, begin},
    },
    outbox::{self, Event},
    server::{dto::CrashPolicyInfo, spec},
    sftp,
    wanted::{self, Bumped},
};

/// How long the node that a server has left keeps its files: in its trash, which is swept.
pub const KEPT_S: u32 = 86_400;

/// The longest that a node waits between a crash and the next start, and the way of its word; milliseconds.
const RETURNS_MS: i64 = 35_000;

/// The step that the node's job shows once nothing runs and nothing is written.
pub const HELD: &str = "held";

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// It is so.
    Done,
    /// Something else has to end first.
    Wait,
    /// It can't be.
    Refused {
        /// Stable.
        code: &'static str,
        /// For a person.
        message: String,
    },
}

impl Tried {
    fn refused(code: &'static str, message: &str) -> Self {
        Self::Refused {
            code,
            message: message.to_owned(),
        }
    }
}

/// Locks nodes in the order of their ids, by raising their revs, and then the server. Gives the revs in the order that was
/// asked for.
async fn lock(
    db: &impl ConnectionTrait,
    ids: &[&str],
    server: &str,
) -> Result<(Vec<i64>, Option<servers::Model>)> {
    let mut order: Vec<&str> = ids.to_vec();
    order.sort_unstable();
    let mut revs = std::collections::BTreeMap::new();
    for id in order {
        revs.insert(id.to_owned(), wanted::raise_rev(db, id).await?);
    }
    let row = servers::Entity::find_by_id(server)
        .filter(servers::Column::DeletedAtMs.is_null())
        .lock_exclusive()
        .one(db)
        .await?;
    let revs = ids.iter().filter_map(|id| revs.get(*id).copied()).collect();
    Ok((revs, row))
}

/// The row as it is now, if it still is in the phase in which it was read and nobody has called it off.
async fn still(
    db: &impl ConnectionTrait,
    row: &transfers::Model,
) -> Result<Option<transfers::Model>> {
    let now = transfers::Entity::find_by_id(&*row.id)
        .lock_exclusive()
        .one(db)
        .await?;
    Ok(now.filter(|now| now.phase == row.phase && now.cancel_asked_at_ms.is_none()))
}

/// The game is to stop, and a job keeps it down. From here on people are told that it is being moved.
/// # Errors
/// Database.
pub async fn stop(app: &App, row: &transfers::Model) -> Result<Tried> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::Machines).await?;
    let (revs, server) = lock(&*tx, &[&row.from_node], &row.server_id).await?;
    let (Some(server), Some(rev)) = (server, revs.first().copied()) else {
        return Ok(Tried::refused(
            "server_gone",
            "the server was deleted meanwhile",
        ));
    };
    if still(&*tx, row).await?.is_none() {
        return Ok(Tried::Wait);
    }
    let busy = operations::Entity::find()
        .filter(operations::Column::ServerId.eq(&*row.server_id))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .one(&*tx)
        .await?;
    if busy.is_some() {
        return Ok(Tried::Wait);
    }
    let policy: CrashPolicyInfo = lenient(&server.crash_policy);
    if is_about_to_return(&server.state, policy, server.state_since_ms, now_ms) && !server.suspended
    {
        return Ok(Tried::Wait);
    }
    let Some(to) = new_owner(&*tx, row).await? else {
        return Ok(gone());
    };
    // What it sees of its node may have become another meanwhile, and its game runs still.
    match check::mounts_there(&*tx, &server, &to).await {
        Err(Error::Conflict { code, detail }) => {
            return Ok(Tried::Refused {
                code,
                message: detail,
            });
        }
        looked => looked?,
    }
    let state = server.state.parse();
    let runs = matches!(state, Ok(State::Running | State::Starting)) || wants_to_run(&server);
    let generation = server.generation + 1;
    wanted::write(&*tx, &server.id, Bumped { generation, rev }).await?;
    let new = NewOperation {
        kind: Kind::Handover,
        server: &server.id,
        node: &row.from_node,
        generation,
        wipe: false,
        body: Some(json!({"transfer": row.id})),
        actor: row.actor.clone(),
    };
    let operation = match begin(&*tx, new, now_ms).await {
        Ok(operation) => operation,
        Err(Error::Conflict { .. }) => return Ok(Tried::Wait),
        Err(error) => return Err(error.into()),
    };
    servers::Entity::update_many()
        .col_expr(servers::Column::Power, Expr::value("stop"))
        .col_expr(servers::Column::PowerGeneration, Expr::value(generation))
        .col_expr(servers::Column::Intent, Expr::value(None::<String>))
        .col_expr(servers::Column::IntentAtMs, Expr::value(None::<i64>))
        .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(servers::Column::Id.eq(&*server.id))
        .exec(&*tx)
        .await?;
    spec::refresh(&*tx, &server.id).await?;
    transfers::Entity::update_many()
        .col_expr(
            transfers::Column::OperationId,
            Expr::value(operation.id.clone()),
        )
        .col_expr(transfers::Column::Generation, Expr::value(generation))
        .col_expr(transfers::Column::WasRunning, Expr::value(runs))
        .col_expr(
            transfers::Column::DownSinceMs,
            Expr::value(runs.then_some(now_ms)),
        )
        .col_expr(transfers::Column::Step, Expr::value(None::<String>))
        .filter(transfers::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    store::enter(&*tx, row, Phase::Stopping, now_ms).await?;
    tx.commit().await?;
    nudge(app, &[&row.from_node]);
    Ok(Tried::Done)
}

/// Crashed, and its node may be about to start it again: whether it runs is not known before that.
fn is_about_to_return(state: &str, policy: CrashPolicyInfo, since_ms: i64, now_ms: i64) -> bool {
    state == State::Crashed.as_str()
        && policy.restart
        // By the node's clock, which may be off.
        && (0..RETURNS_MS).contains(&(now_ms - since_ms))
}

/// The node that is to have the server, as long as there is one.
async fn new_owner(
    db: &impl ConnectionTrait,
    row: &transfers::Model,
) -> Result<Option<nodes::Model>> {
    Ok(nodes::Entity::find_by_id(&*row.to_node)
        .filter(nodes::Column::DeletedAtMs.is_null())
        .filter(nodes::Column::RevokedAtMs.is_null())
        .one(db)
        .await?)
}

/// Two machines claim to be one of its nodes: which of them keeps the game down, or would start it, an admin decides.
async fn is_contested(db: &impl ConnectionTrait, row: &transfers::Model) -> Result<bool> {
    let found = nodes::Entity::find()
        .filter(nodes::Column::Id.is_in([&*row.from_node, &*row.to_node]))
        .filter(nodes::Column::QuarantinedBecause.is_not_null())
        .one(db)
        .await?;
    Ok(found.is_some())
}

fn gone() -> Tried {
    Tried::refused("node_gone", "the node that it was to go to was removed")
}

/// A start was asked for and has not been settled.
fn wants_to_run(server: &servers::Model) -> bool {
    matches!(server.intent.as_deref(), Some("start" | "restart"))
}

fn nudge(app: &App, nodes: &[&str]) {
    for node in nodes.iter().filter_map(|node| node.parse().ok()) {
        app.nudges.node(node);
    }
    app.nudges.outbox();
}

/// The owner changes: the one transaction from which on the server is the new node's. Only while the old node holds the
/// game down by its job, which outlives whatever process of the agent; and nothing but this, or what takes the transfer
/// back, ends that job.
/// # Errors
/// Database.
pub async fn switch(app: &App, row: &transfers::Model) -> Result<Tried> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::Machines).await?;
    let both = [&*row.from_node, &*row.to_node];
    let (revs, server) = lock(&*tx, &both, &row.server_id).await?;
    let (Some(server), [old_rev, new_rev]) = (server, &revs[..]) else {
        return Ok(Tried::refused(
            "server_gone",
            "the server was deleted meanwhile",
        ));
    };
    let Some(now) = still(&*tx, row).await? else {
        return Ok(Tried::Wait);
    };
    if server.node_id != row.from_node {
        return Ok(Tried::refused(
            "server_elsewhere",
            "the server is not on the node that it was to leave",
        ));
    }
    if new_owner(&*tx, row).await?.is_none() {
        return Ok(gone());
    }
    if is_contested(&*tx, row).await? {
        return Ok(Tried::Wait);
    }
    let operation = now.operation_id.clone().unwrap_or_default();
    let held = operations::Entity::find_by_id(&*operation)
        .filter(operations::Column::State.eq("running"))
        .filter(operations::Column::Step.eq(HELD))
        .lock_exclusive()
        .one(&*tx)
        .await?;
    if held.is_none() {
        return Ok(Tried::refused(
            "not_held",
            "the node that it was to leave no longer keeps the game down",
        ));
    }
    let generation = server.generation + 1;
    let start = now.was_running && !server.suspended && server.power_generation == now.generation;
    let at = |rev: &i64| Bumped {
        generation,
        rev: *rev,
    };
    wanted::write(&*tx, &server.id, at(new_rev)).await?;
    let mut update = servers::Entity::update_many()
        .col_expr(servers::Column::NodeId, Expr::value(&*row.to_node))
        // By their word, which was that nothing runs; its fact may still be on its way.
        .col_expr(servers::Column::State, Expr::value(State::Stopped.as_str()))
        .col_expr(servers::Column::StateSinceMs, Expr::value(now_ms))
        .col_expr(servers::Column::StateReason, Expr::value("moved"))
        .col_expr(servers::Column::StateDetail, Expr::value(None::<String>))
        .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(servers::Column::Id.eq(&*server.id));
    if start {
        update = update
            .col_expr(servers::Column::Power, Expr::value("start"))
            .col_expr(servers::Column::PowerGeneration, Expr::value(generation))
            .col_expr(servers::Column::Intent, Expr::value(Some("start")))
            .col_expr(servers::Column::IntentAtMs, Expr::value(Some(now_ms)));
    }
    update.exec(&*tx).await?;
    wanted::bury(
        &*tx,
        &row.from_node,
        &server.id,
        at(old_rev),
        KEPT_S,
        now_ms,
    )
    .await?;
    let mine = take::of_server(&*tx, &server.id).await?;
    let mine: Vec<String> = mine.into_iter().map(|port| port.id).collect();
    take::give_back(&*tx, &server.id, &mine).await?;
    take::give_reserved(&*tx, &row.id, &server.id).await?;
    let ports: Vec<String> = lenient(&now.ports);
    if let Some(first) = ports.first() {
        take::make_primary(&*tx, &server.id, first).await?;
    }
    operations::Entity::update_many()
        .col_expr(operations::Column::State, Expr::value("done"))
        .col_expr(operations::Column::EndedAtMs, Expr::value(now_ms))
        .filter(operations::Column::Id.eq(&*operation))
        .exec(&*tx)
        .await?;
    spec::refresh(&*tx, &server.id).await?;
    sftp::end_of_server(&*tx, &server.id, now_ms).await?;
    transfers::Entity::update_many()
        .col_expr(transfers::Column::Generation, Expr::value(generation))
        .col_expr(transfers::Column::WasRunning, Expr::value(start))
        .col_expr(transfers::Column::Step, Expr::value(None::<String>))
        .filter(transfers::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    store::enter(&*tx, row, Phase::Starting, now_ms).await?;
    if let Ok(id) = server.id.parse() {
        let data = json!({"from": row.from_node, "to": row.to_node, "generation": generation});
        let event = Event::of_server(id, row.to_node.parse().ok(), "moved", now_ms, data);
        outbox::write(&*tx, event).await?;
        Entry::word("server.moved", "server", &server.id)
            .on(id)
            .with(json!({"transfer": row.id, "from": row.from_node, "to": row.to_node}))
            .by_panel(&*tx, now_ms)
            .await?;
    }
    tx.commit().await?;
    nudge(app, &both);
    app.nudges.revoked();
    Ok(Tried::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_game_that_crashes_is_waited_for_until_it_is_known_whether_it_runs() {
        let again = CrashPolicyInfo::default();
        let never = CrashPolicyInfo {
            restart: false,
            ..again
        };
        assert!(is_about_to_return("crashed", again, 1_000, 2_000));
        assert!(!is_about_to_return("crashed", never, 1_000, 2_000));
        assert!(!is_about_to_return("running", again, 1_000, 2_000));
        // Given up by its node, or by a clock that is off.
        assert!(!is_about_to_return("crashed", again, 1_000, 40_000));
        assert!(!is_about_to_return("crashed", again, 9_000, 1_000));
    }
}
