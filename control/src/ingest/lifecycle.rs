//! Facts: taken in order under the node's cursor, each in a savepoint with its effect and its events, and
//! answered after the commit.

use std::collections::{BTreeSet, HashMap, HashSet};

use prost::Message;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};
use warren_entity::{facts, node_cursors, nodes};
use warren_proto::{
    ids::{BootId, NodeId},
    wire::{self, fact::What},
};

use super::{
    cursor::{Boot, Cursor, place},
    effect::{self, Refused},
};
use crate::{
    app::Ground,
    db::Lane,
    node::{
        hello::{cursor_of, leave_boot, store_cursor},
        presence::boots_of,
    },
    text::{to_i64, to_u64},
};

/// Facts taken from one upload at most; the answer names where the rest begins. A fact costs some statements
/// under the one writer, and an upload of many tiny ones must not keep everybody else waiting.
const MOST_FACTS: usize = 1000;
/// Facts that share a transaction, as near as may be: whoever waits for the next one waits no longer than that.
const FACTS_AT_ONCE: usize = 2000;
/// Of each upload some are taken, however many there are.
const FEWEST_FACTS: usize = 20;
/// Largest fact that is read: an agent's have a few kilobytes.
pub const MOST_FACT_BYTES: usize = 64 * 1024;
/// So much is kept of a larger one, to show what it was.
const KEPT_BYTES: usize = 4 * 1024;
/// A node's clock may be wrong; a time further ahead than this would outlive every rule of age.
const AHEAD_MS: i64 = 86_400_000;

/// `FactBatch` with its facts unread: what can't be understood is kept as it came.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RawBatch {
    /// Whose facts.
    #[prost(string, tag = "1")]
    pub boot: String,
    /// Each an encoded `Fact`.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub facts: Vec<Vec<u8>>,
    /// Who uploads them. Empty from agents that do not say.
    #[prost(string, tag = "3")]
    pub speaker: String,
}

/// A batch and its node.
#[derive(Debug, Clone)]
pub struct Upload {
    /// As the subject says.
    pub node: NodeId,
    /// What it sent.
    pub batch: RawBatch,
}

/// Answer to one upload.
pub type Answer = Result<wire::FactAnswer, wire::Failure>;

fn fail(code: &str, message: &str, retryable: bool) -> wire::Failure {
    wire::Failure {
        code: code.into(),
        message: message.into(),
        retryable,
    }
}

fn database() -> wire::Failure {
    fail(
        "database",
        "control's database did not take it; send it again",
        true,
    )
}

/// Stores many uploads in one transaction. A database error fails the upload it belongs to, or all of them;
/// it never moves a cursor.
pub async fn store(ground: &Ground, uploads: Vec<Upload>) -> Vec<Answer> {
    let mut order: Vec<usize> = (0..uploads.len()).collect();
    order.sort_by_key(|i| uploads[*i].node);
    match store_in_order(ground, &uploads, &order).await {
        Ok(answers) => answers,
        Err(error) => {
            tracing::error!(%error, uploads = uploads.len(), "facts could not be stored; nodes send them again");
            uploads.iter().map(|_| Err(database())).collect()
        }
    }
}

async fn store_in_order(
    ground: &Ground,
    uploads: &[Upload],
    order: &[usize],
) -> Result<Vec<Answer>, DbErr> {
    let now_ms = ground.clock.now_ms();
    let tx = ground.db.begin(Lane::Machines).await?;
    let ids: BTreeSet<String> = uploads.iter().map(|u| u.node.to_string()).collect();
    let rows = node_cursors::Entity::find()
        .filter(node_cursors::Column::NodeId.is_in(ids))
        .order_by_asc(node_cursors::Column::NodeId)
        .lock_exclusive()
        .all(&*tx)
        .await?;
    let mut cursors: HashMap<String, Cursor> = rows
        .iter()
        .map(|row| (row.node_id.clone(), cursor_of(row)))
        .collect();
    let most = (FACTS_AT_ONCE / uploads.len().max(1)).clamp(FEWEST_FACTS, MOST_FACTS);
    let read: Vec<Vec<Read>> = uploads.iter().map(|u| read_facts(u, most)).collect();
    lock_nodes(&tx, uploads, &read).await?;
    let mut answers: Vec<Answer> = uploads.iter().map(|_| Err(database())).collect();
    for &i in order {
        let node = uploads[i].node;
        let Some(cursor) = cursors.get(&node.to_string()).copied() else {
            answers[i] = Err(fail("unknown_node", "this node was removed", false));
            continue;
        };
        let savepoint = tx.begin().await?;
        match one(&savepoint, &uploads[i], &read[i], cursor, now_ms).await {
            Ok(Ok(after)) => {
                savepoint.commit().await?;
                cursors.insert(node.to_string(), after);
                answers[i] = Ok(wire::FactAnswer {
                    next: Some(wire::JournalPosition {
                        boot: after.boot.map(|b| b.to_string()).unwrap_or_default(),
                        seq: after.next_seq,
                        end: 0,
                    }),
                });
            }
            Ok(Err(refused)) => {
                savepoint.rollback().await?;
                answers[i] = Err(refused);
            }
            Err(error) => {
                savepoint.rollback().await?;
                tracing::error!(%error, node.id = %node, "facts of node {node} could not be stored; it sends them again");
            }
        }
    }
    tx.commit().await?;
    ground.nudges.outbox();
    for i in order {
        if read[*i].iter().any(|fact| concerns_work(&fact.fact)) {
            ground.nudges.node(uploads[*i].node);
        }
    }
    Ok(answers)
}

/// A fact with its bytes.
struct Read {
    fact: wire::Fact,
    raw: Vec<u8>,
    /// Why it could not be read.
    error: Option<String>,
}

/// What can't be decoded stands where its order says.
fn read_facts(upload: &Upload, most: usize) -> Vec<Read> {
    let mut next = None;
    let mut read: Vec<Read> = Vec::with_capacity(upload.batch.facts.len().min(most));
    for raw in upload.batch.facts.iter().take(most) {
        let (fact, error) = match read_fact(raw) {
            Ok(fact) => (fact, None),
            Err(error) => (
                wire::Fact {
                    seq: next.unwrap_or(0),
                    ..Default::default()
                },
                Some(error),
            ),
        };
        next = Some(fact.seq.saturating_add(1));
        let kept = match raw.len() > MOST_FACT_BYTES {
            true => &raw[..KEPT_BYTES],
            false => raw,
        };
        read.push(Read {
            fact,
            raw: kept.to_vec(),
            error,
        });
    }
    read
}

fn read_fact(raw: &[u8]) -> Result<wire::Fact, String> {
    if raw.len() > MOST_FACT_BYTES {
        return Err(format!(
            "too large: {} bytes, and a fact has at most {MOST_FACT_BYTES}; the first {KEPT_BYTES} are kept",
            raw.len()
        ));
    }
    wire::Fact::decode(raw).map_err(|e| e.to_string())
}

/// Nodes' rows are locked before any server's, in the order of ids.
async fn lock_nodes(
    db: &DatabaseTransaction,
    uploads: &[Upload],
    read: &[Vec<Read>],
) -> Result<(), DbErr> {
    let touched: BTreeSet<String> = uploads
        .iter()
        .zip(read)
        .filter(|(_, facts)| {
            facts.iter().any(|f| {
                matches!(
                    f.fact.what,
                    Some(
                        What::BootStarted(_)
                            | What::NodeCondition(_)
                            | What::PortFreed(_)
                            | What::FactGap(_)
                            | What::JobEnded(_)
                    )
                )
            })
        })
        .map(|(upload, _)| upload.node.to_string())
        .collect();
    if touched.is_empty() {
        return Ok(());
    }
    nodes::Entity::find()
        .filter(nodes::Column::Id.is_in(touched))
        .order_by_asc(nodes::Column::Id)
        .lock_exclusive()
        .all(db)
        .await?;
    Ok(())
}

fn concerns_work(fact: &wire::Fact) -> bool {
    matches!(
        fact.what,
        Some(What::JobEnded(_) | What::Removed(_) | What::Released(_))
    )
}

async fn one(
    db: &DatabaseTransaction,
    upload: &Upload,
    read: &[Read],
    cursor: Cursor,
    now_ms: i64,
) -> Result<Result<Cursor, wire::Failure>, DbErr> {
    let Ok(boot_id) = upload.batch.boot.parse::<BootId>() else {
        return Ok(Err(fail("malformed", "the batch names no boot", false)));
    };
    let node = nodes::Entity::find_by_id(upload.node.to_string())
        .one(db)
        .await?
        .filter(|n| n.deleted_at_ms.is_none() && n.revoked_at_ms.is_none());
    let Some(node) = node else {
        return Ok(Err(fail(
            "unknown_node",
            "this node was removed or revoked",
            false,
        )));
    };
    // The facts may be an earlier process': a machine that was kept brings those of the one that was not.
    let speaker = match &*upload.batch.speaker {
        "" => &*upload.batch.boot,
        speaker => speaker,
    };
    if node.quarantined_boot.as_deref() == Some(speaker) {
        return Ok(Err(fail(
            "quarantined",
            "another machine speaks for this identity; an admin has to pick one",
            true,
        )));
    }
    if !upload.batch.speaker.is_empty() && node.current_boot.as_deref() != Some(speaker) {
        return Ok(Err(super::not_speaking()));
    }
    let known = boots_of(db, upload.node, &HashSet::from([boot_id])).await?;
    let Some((_, ordinal)) = known.first() else {
        return Ok(Err(fail("unknown_boot", "say hello first", true)));
    };
    let boot = Boot {
        id: boot_id,
        ordinal: *ordinal,
    };
    let mut facts: Vec<wire::Fact> = read.iter().map(|r| r.fact.clone()).collect();
    if let Some(first) = read.first()
        && first.error.is_some()
    {
        // Its own number is unreadable; it stands where the next one is expected.
        facts[0].seq = if cursor.boot == Some(boot_id) {
            cursor.next_seq
        } else {
            1
        };
    }
    let placed = place(cursor, boot, &facts);
    let node_id = upload.node.to_string();
    leave_boot(db, &node_id, cursor, placed.cursor).await?;
    let (mut refused, mut first_refused) = (0, None);
    for &(n, seq) in &placed.rows {
        let fact = &mut facts[n];
        fact.seq = seq;
        fact.at_ms = fact.at_ms.clamp(0, now_ms.saturating_add(AHEAD_MS));
        if let Some(error) = take(db, upload.node, boot, &read[n], fact, now_ms).await? {
            refused += 1;
            first_refused.get_or_insert((seq, error));
        }
    }
    if let Some((seq, error)) = first_refused {
        ::metrics::counter!("warren_control_facts_without_effect_total").increment(refused);
        let node = upload.node;
        tracing::warn!(node.id = %node, seq, error, refused, "facts of node {node} have no effect, this one first");
    }
    if placed.cursor != cursor {
        store_cursor(db, &node_id, placed.cursor).await?;
    }
    Ok(Ok(placed.cursor))
}

/// One fact: row, effect and events, or row and error, which is given back.
async fn take(
    db: &DatabaseTransaction,
    node: NodeId,
    boot: Boot,
    read: &Read,
    fact: &wire::Fact,
    now_ms: i64,
) -> Result<Option<String>, DbErr> {
    let savepoint = db.begin().await?;
    let result = match &read.error {
        Some(error) => Err(Refused::Malformed(error.clone())),
        None => effect::apply(&savepoint, node, boot, fact, now_ms).await,
    };
    let error = match result {
        Ok(()) => {
            savepoint.commit().await?;
            None
        }
        Err(Refused::Database(error)) => match error.sql_err() {
            // A constraint says no to this fact, and will say so again: the node must not hang on it.
            Some(constraint) => {
                savepoint.rollback().await?;
                Some(constraint.to_string())
            }
            None => {
                savepoint.rollback().await?;
                return Err(error);
            }
        },
        Err(refused) => {
            savepoint.rollback().await?;
            Some(refused.to_string())
        }
    };
    insert(db, node, boot, read, fact, error.clone(), now_ms).await?;
    Ok(error)
}

async fn insert(
    db: &impl ConnectionTrait,
    node: NodeId,
    boot: Boot,
    read: &Read,
    fact: &wire::Fact,
    error: Option<String>,
    now_ms: i64,
) -> Result<(), DbErr> {
    let server = fact.server.parse::<warren_proto::ids::ServerId>().ok();
    let row = facts::ActiveModel {
        node_id: Set(node.to_string()),
        ordinal: Set(boot.ordinal),
        seq: Set(to_i64(fact.seq)),
        boot_id: Set(boot.id.to_string()),
        server_id: Set(server.map(|s| s.to_string())),
        kind: Set(effect::kind(fact).to_owned()),
        generation: Set(to_i64(fact.generation)),
        at_ms: Set(fact.at_ms),
        received_at_ms: Set(now_ms),
        body: Set(read.raw.clone()),
        error: Set(error.map(|e| crate::text::tame(&e, 500))),
    };
    facts::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The next fact expected of a node, for tests and pages.
/// # Errors
/// Database.
pub async fn expected(
    db: &impl ConnectionTrait,
    node: NodeId,
) -> Result<Option<(String, u64)>, DbErr> {
    let row = node_cursors::Entity::find_by_id(node.to_string())
        .one(db)
        .await?;
    Ok(row.and_then(|row| Some((row.boot_id?, to_u64(row.next_seq)))))
}
