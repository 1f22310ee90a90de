//! Whether a node is there: hello, heartbeat, a connection that ended, and silence.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use parking_lot::Mutex;
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde_json::json;
use warren_entity::{console_streams, node_boots, node_cursors, nodes};
use warren_proto::{
    ids::{BootId, NodeId, RunId, ServerId},
    wire,
};

use super::{conduct, hello, settle};
use crate::{
    app::Ground,
    db::Lane,
    outbox::{self, Event},
    text::to_u64,
};

/// Silence after which a node counts as away.
pub const SILENCE_MS: i64 = 15_000;
/// Runs that one query asks for.
const RUNS: usize = 200;

/// Why a node's word was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Removed or revoked.
    #[error("this node was removed or revoked")]
    Unknown,
    /// Not what a hello or heartbeat may hold.
    #[error("{0}")]
    Malformed(String),
    /// Database.
    #[error("presence: {0}")]
    Database(#[from] DbErr),
}

impl Error {
    /// The wire form.
    #[must_use]
    pub fn failure(&self) -> wire::Failure {
        let (code, retryable) = match self {
            Self::Unknown => ("unknown_node", false),
            Self::Malformed(_) => ("malformed", false),
            Self::Database(_) => ("database", true),
        };
        wire::Failure {
            code: code.into(),
            message: match self {
                Self::Database(_) => "control's database did not take it; try again".into(),
                other => other.to_string(),
            },
            retryable,
        }
    }
}

/// Whose hello this process has stored. Until then it asks for one with every heartbeat: its database may be another
/// than the one that the node remembers, and a single ask could be lost on its way.
#[derive(Debug, Clone, Default)]
pub struct Met(Arc<Mutex<HashMap<NodeId, String>>>);

impl Met {
    /// Whether that process of the node has said hello to this one.
    #[must_use]
    pub fn knows(&self, node: NodeId, boot: &str) -> bool {
        self.0.lock().get(&node).is_some_and(|known| known == boot)
    }

    /// Its hello is stored.
    pub fn greet(&self, node: NodeId, boot: &str) {
        self.0.lock().insert(node, boot.to_owned());
    }
}

/// The next fact that control expects, as nodes hear it.
#[must_use]
pub fn position(cursor: &node_cursors::Model) -> wire::JournalPosition {
    wire::JournalPosition {
        boot: cursor.boot_id.clone().unwrap_or_default(),
        seq: to_u64(cursor.next_seq),
        end: 0,
    }
}

/// `ask.hello`: after every (re)connect. Settles identity, ledger, journal and orphans in one transaction. `alive` is
/// what [`super::alive::other`] said.
/// # Errors
/// [`Error`].
pub async fn hello(
    ground: &Ground,
    node: NodeId,
    ask: &wire::Hello,
    alive: Option<BootId>,
) -> Result<wire::HelloAnswer, Error> {
    let said = hello::Said::read(ask)?;
    let now_ms = ground.clock.now_ms();
    let tx = ground.db.begin(Lane::Machines).await?;
    let cursor = node_cursors::Entity::find_by_id(node.to_string())
        .lock_exclusive()
        .one(&*tx)
        .await?
        .ok_or(Error::Unknown)?;
    let row = nodes::Entity::find_by_id(node.to_string())
        .filter(nodes::Column::DeletedAtMs.is_null())
        .filter(nodes::Column::RevokedAtMs.is_null())
        .lock_exclusive()
        .one(&*tx)
        .await?
        .ok_or(Error::Unknown)?;
    let mut answer = wire::HelloAnswer {
        control_time_ms: now_ms,
        keys: ground.keys.announced(),
        ..Default::default()
    };
    if let Some(because) = hello::quarantine(&*tx, node, &row, &said, alive, now_ms).await? {
        tx.commit().await?;
        ground.nudges.outbox();
        answer.quarantined_because = because;
        return Ok(answer);
    }
    let claimed = said.ledger.map_or(0, |(_, rev)| rev);
    let sentence = match settle::is_absurd(row.rev, claimed) {
        true => {
            let because = "it claims to have more changes than were ever made";
            let now = Instant::now();
            ground.conduct.strike(node, conduct::GRAVE, because, now)
        }
        false => None,
    };
    let boots = hello::order_boots(&*tx, &row, &said, now_ms).await?;
    let journal = hello::held(&said, &boots);
    let cursor = hello::settle_journal(&*tx, node, cursor, &boots, &journal, now_ms).await?;
    hello::settle_ledger(&*tx, node, &row, &boots, &said, now_ms).await?;
    hello::settle_servers(&*tx, node, &said, now_ms).await?;
    if settle::caught_up(hello::cursor_of(&cursor), &journal) {
        hello::confirm_stones(&*tx, node, &said, now_ms).await?;
        hello::lose_jobs(&*tx, node, &said, now_ms).await?;
        hello::trust_states(&*tx, node, &said, now_ms).await?;
    }
    hello::greet(&*tx, node, &row, &said, now_ms).await?;
    tx.commit().await?;
    if let Some(sentence) = sentence {
        conduct::tell(ground, &sentence).await?;
    }
    ground.met.greet(node, &ask.boot);
    ground.nudges.outbox();
    ground.nudges.node(node);
    answer.next_fact = Some(position(&cursor));
    answer.console = positions(ground, node, &said.runs()).await?;
    Ok(answer)
}

/// What control has of these runs. Of a stream that it does not know (a restored database) it has nothing, and says
/// so: the node believes that it was stored.
async fn positions(
    ground: &Ground,
    node: NodeId,
    runs: &[(ServerId, RunId)],
) -> Result<Vec<wire::ConsolePosition>, DbErr> {
    let mut rows = Vec::new();
    for some in runs.chunks(RUNS) {
        // Server and run, pair by pair: with runs alone all streams that the node ever had are looked through.
        let these = some.iter().fold(Condition::any(), |any, (server, run)| {
            any.add(
                Condition::all()
                    .add(console_streams::Column::NodeId.eq(node.to_string()))
                    .add(console_streams::Column::ServerId.eq(server.to_string()))
                    .add(console_streams::Column::RunId.eq(run.to_string())),
            )
        });
        let found = console_streams::Entity::find().filter(these);
        rows.extend(found.all(ground.db.bulk.read()).await?);
    }
    let known: HashMap<(&str, i32), u64> = rows
        .iter()
        .map(|row| ((&*row.run_id, row.stream), to_u64(row.committed)))
        .collect();
    let streams = [
        wire::ConsoleStream::Game,
        wire::ConsoleStream::Warren,
        wire::ConsoleStream::Install,
    ];
    let mut all = Vec::with_capacity(runs.len() * streams.len());
    for (server, run) in runs {
        let (server, run) = (server.to_string(), run.to_string());
        for stream in streams {
            let stream = i32::from(stream);
            all.push(wire::ConsolePosition {
                server: server.clone(),
                run: run.clone(),
                stream,
                committed: known.get(&(&*run, stream)).copied().unwrap_or(0),
            });
        }
    }
    Ok(all)
}

/// Marks a node as away. Says whether it counted as there until now.
/// # Errors
/// Database.
pub async fn gone(ground: &Ground, node: NodeId, silent_before_ms: i64) -> Result<bool, DbErr> {
    let now_ms = ground.clock.now_ms();
    let tx = ground.db.begin(Lane::Machines).await?;
    let left = nodes::Entity::update_many()
        .col_expr(nodes::Column::Online, Expr::value(false))
        .col_expr(nodes::Column::OnlineSinceMs, Expr::value(now_ms))
        .filter(nodes::Column::Id.eq(node.to_string()))
        .filter(nodes::Column::Online.eq(true))
        .filter(nodes::Column::LastSeenAtMs.lte(silent_before_ms))
        .exec(&*tx)
        .await?;
    if left.rows_affected == 0 {
        return Ok(false);
    }
    outbox::write(&*tx, Event::of_node(node, "offline", now_ms, json!({}))).await?;
    tx.commit().await?;
    ground.nudges.outbox();
    tracing::warn!(node.id = %node, "node {node} is away");
    Ok(true)
}

/// Marks every node as away that has been silent for 30 s.
/// # Errors
/// Database.
pub async fn sweep(ground: &Ground) -> Result<(), DbErr> {
    let before = ground.clock.now_ms() - SILENCE_MS;
    let silent: Vec<String> = nodes::Entity::find()
        .filter(nodes::Column::Online.eq(true))
        .filter(nodes::Column::LastSeenAtMs.lt(before))
        .order_by_asc(nodes::Column::Id)
        .select_only()
        .column(nodes::Column::Id)
        .into_tuple()
        .all(ground.db.read())
        .await?;
    for node in silent.iter().filter_map(|id| id.parse().ok()) {
        gone(ground, node, before).await?;
    }
    Ok(())
}

/// What an admin decided about a forked identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The process that speaks now; the newcomer stays shut out until it joins anew.
    Current,
    /// The newcomer; the other is quarantined when it says its next word.
    Newcomer,
}

/// Who speaks for an identity from now on, and who does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Kept.
    pub winner: Option<String>,
    /// Shut out until it joins anew.
    pub loser: Option<String>,
}

/// Settles the quarantine of a node whose row is locked; none when there is nothing to settle. Nudge `outbox`
/// and call [`super::command::tell_identity`] after the commit.
/// # Errors
/// Database.
pub async fn decide_in(
    db: &impl sea_orm::ConnectionTrait,
    row: &nodes::Model,
    keep: Keep,
    now_ms: i64,
) -> Result<Option<Decided>, DbErr> {
    let Ok(node) = row.id.parse::<NodeId>() else {
        return Ok(None);
    };
    if row.quarantined_boot.is_none() || row.quarantined_because.is_none() {
        return Ok(None);
    }
    let (winner, loser) = match keep {
        Keep::Current => (row.current_boot.clone(), row.quarantined_boot.clone()),
        Keep::Newcomer => (row.quarantined_boot.clone(), row.current_boot.clone()),
    };
    let mut update = nodes::Entity::update_many()
        .col_expr(
            nodes::Column::QuarantinedBecause,
            Expr::value(Option::<String>::None),
        )
        .col_expr(nodes::Column::CurrentBoot, Expr::value(winner.clone()))
        .col_expr(nodes::Column::QuarantinedBoot, Expr::value(loser.clone()))
        .filter(nodes::Column::Id.eq(&*row.id));
    if keep == Keep::Newcomer {
        // An unknown ledger makes the next heartbeat ask for a hello, which compares everything.
        update = update.col_expr(nodes::Column::LedgerId, Expr::value(Option::<String>::None));
    }
    update.exec(db).await?;
    let data = json!({"code": "identity_settled", "level": "info"});
    outbox::write(db, Event::of_node(node, "condition", now_ms, data)).await?;
    Ok(Some(Decided { winner, loser }))
}

/// Boots of a node with their order.
/// # Errors
/// Database.
pub async fn boots_of(
    db: &impl sea_orm::ConnectionTrait,
    node: NodeId,
    among: &HashSet<BootId>,
) -> Result<Vec<(BootId, i64)>, DbErr> {
    let rows: Vec<(String, i64)> = node_boots::Entity::find()
        .filter(node_boots::Column::NodeId.eq(node.to_string()))
        .filter(node_boots::Column::BootId.is_in(among.iter().map(ToString::to_string)))
        .select_only()
        .column(node_boots::Column::BootId)
        .column(node_boots::Column::Ordinal)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(boot, ordinal)| Some((boot.parse().ok()?, ordinal)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_hello_and_by_no_ask_for_one() {
        let (met, node) = (Met::default(), NodeId::new());
        assert!(!met.knows(node, "a") && !met.knows(node, "a"));
        met.greet(node, "a");
        assert!(met.knows(node, "a") && !met.knows(node, "b"));
    }
}
