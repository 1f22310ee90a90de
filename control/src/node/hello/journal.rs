//! Boots and the journal: which fact is expected next, and which will never come.

use std::collections::{HashMap, HashSet};

use prost::Message;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use warren_entity::{facts, node_boots, node_cursors, nodes};
use warren_proto::{
    ids::{BootId, NodeId},
    wire,
};

use super::super::{
    presence::boots_of,
    settle::{self},
};
use super::{ROWS, said::Said};
use crate::{
    ingest::cursor::{Boot, Cursor, Held, Lost, TO_ITS_END, regained, rejoin, reposition},
    outbox::{self, Event},
    text::{to_i64, to_u64},
};

/// Why facts are lost that no node told of.
const LOST: &str = "the node has freed what this database does not know (restored from a backup?)";
/// Boots of one node that control remembers: twice what a hello may name.
const MOST_BOOTS: i64 = 2 * 4096;

/// Gives every boot that control has not met its ordinal, oldest first. Gives all of the list's.
pub async fn order_boots(
    db: &impl ConnectionTrait,
    row: &nodes::Model,
    said: &Said,
    now_ms: i64,
) -> Result<HashMap<BootId, i64>, DbErr> {
    let node: NodeId = row
        .id
        .parse()
        .map_err(|_| DbErr::Custom("a node's id is damaged".into()))?;
    let mut listed: HashSet<BootId> = said.boots.iter().copied().collect();
    listed.extend(said.journal.iter().map(|j| j.boot));
    let mut known: HashMap<BootId, i64> = boots_of(db, node, &listed).await?.into_iter().collect();
    let journal: Vec<BootId> = said.journal.iter().map(|j| j.boot).collect();
    let new = settle::order(&known, &said.boots, &journal, row.next_ordinal);
    let next = row.next_ordinal + to_i64(new.len() as u64);
    let mut fresh = Vec::with_capacity(new.len());
    for (boot, ordinal) in new {
        fresh.push(node_boots::ActiveModel {
            node_id: Set(row.id.clone()),
            boot_id: Set(boot.to_string()),
            ordinal: Set(ordinal),
            previous_boot: Set(None),
            next_seq: Set(1),
            host_rebooted: Set(false),
            agent_version: Set(if boot == said.boot {
                said.agent_version.clone()
            } else {
                String::new()
            }),
            first_seen_at_ms: Set(now_ms),
        });
        known.insert(boot, ordinal);
    }
    if next != row.next_ordinal {
        for some in fresh.chunks(ROWS) {
            node_boots::Entity::insert_many(some.to_vec())
                .exec_without_returning(db)
                .await?;
        }
        nodes::Entity::update_many()
            .col_expr(nodes::Column::NextOrdinal, Expr::value(next))
            .filter(nodes::Column::Id.eq(&*row.id))
            .exec(db)
            .await?;
        node_boots::Entity::delete_many()
            .filter(node_boots::Column::NodeId.eq(&*row.id))
            .filter(node_boots::Column::Ordinal.lt(next - MOST_BOOTS))
            .exec(db)
            .await?;
    }
    Ok(known)
}

/// The journal as the pure part has it, in the order of boots.
pub fn held(said: &Said, boots: &HashMap<BootId, i64>) -> Vec<Held> {
    let mut journal: Vec<Held> = said
        .journal
        .iter()
        .filter_map(|j| {
            let ordinal = *boots.get(&j.boot)?;
            Some(Held {
                boot: Boot {
                    id: j.boot,
                    ordinal,
                },
                seq: j.seq,
                end: j.end,
            })
        })
        .collect();
    journal.sort_by_key(|held| held.boot.ordinal);
    journal
}

/// Moves the cursor to what the node still has, and writes down what is lost for good.
pub async fn settle_journal(
    db: &impl ConnectionTrait,
    node: NodeId,
    row: node_cursors::Model,
    boots: &HashMap<BootId, i64>,
    journal: &[Held],
    now_ms: i64,
) -> Result<node_cursors::Model, DbErr> {
    let before = cursor_of(&row);
    let ours = left_at(db, &row.node_id, boots).await?;
    let listed: Vec<Boot> = ours.iter().map(|(boot, _)| *boot).collect();
    let (after, lost) = reposition(rejoin(before, &ours), journal, &listed);
    for lost in lost {
        record_loss(db, node, lost, now_ms).await?;
    }
    if after == before {
        return Ok(row);
    }
    regain(db, node, after, journal, now_ms).await?;
    leave_boot(db, &row.node_id, before, after).await?;
    store_cursor(db, &row.node_id, after).await?;
    Ok(node_cursors::Model {
        node_id: row.node_id,
        boot_id: after.boot.map(|b| b.to_string()),
        ordinal: after.ordinal,
        next_seq: to_i64(after.next_seq),
    })
}

/// Takes back what was written down as lost and is expected again: its facts get the numbers that the note of their loss
/// stands under.
async fn regain(
    db: &impl ConnectionTrait,
    node: NodeId,
    after: Cursor,
    journal: &[Held],
    now_ms: i64,
) -> Result<(), DbErr> {
    let rows = facts::Entity::find()
        .filter(facts::Column::NodeId.eq(node.to_string()))
        .filter(facts::Column::Ordinal.is_in(journal.iter().map(|held| held.boot.ordinal)))
        .filter(facts::Column::Kind.eq("fact_gap"))
        .filter(facts::Column::Error.eq(LOST))
        .all(db)
        .await?;
    let said: Vec<Lost> = rows.iter().filter_map(loss_of).collect();
    for (lost, left) in regained(after, journal, &said) {
        tracing::info!(node.id = %node, "facts of node {node} that were noted as lost are there after all");
        facts::Entity::delete_many()
            .filter(facts::Column::NodeId.eq(node.to_string()))
            .filter(facts::Column::Ordinal.eq(lost.boot.ordinal))
            .filter(facts::Column::Seq.eq(to_i64(lost.from_seq)))
            .exec(db)
            .await?;
        if let Some(left) = left {
            record_loss(db, node, left, now_ms).await?;
        }
    }
    Ok(())
}

fn loss_of(row: &facts::Model) -> Option<Lost> {
    let fact = wire::Fact::decode(row.body.as_slice()).ok()?;
    let Some(wire::fact::What::FactGap(gap)) = fact.what else {
        return None;
    };
    Some(Lost {
        boot: Boot {
            id: row.boot_id.parse().ok()?,
            ordinal: row.ordinal,
        },
        from_seq: gap.from_seq,
        to_seq: gap.to_seq,
    })
}

/// Boots of a process, and what was expected of each when the cursor left it.
async fn left_at(
    db: &impl ConnectionTrait,
    node_id: &str,
    boots: &HashMap<BootId, i64>,
) -> Result<Vec<(Boot, u64)>, DbErr> {
    let rows: Vec<(String, i64, i64)> = node_boots::Entity::find()
        .filter(node_boots::Column::NodeId.eq(node_id))
        .filter(node_boots::Column::BootId.is_in(boots.keys().map(ToString::to_string)))
        .select_only()
        .columns([
            node_boots::Column::BootId,
            node_boots::Column::Ordinal,
            node_boots::Column::NextSeq,
        ])
        .into_tuple()
        .all(db)
        .await?;
    let boot = |(id, ordinal, next_seq): (String, i64, i64)| {
        let id = id.parse().ok()?;
        Some((Boot { id, ordinal }, to_u64(next_seq)))
    };
    Ok(rows.into_iter().filter_map(boot).collect())
}

/// The stored cursor as the pure part has it.
pub fn cursor_of(row: &node_cursors::Model) -> Cursor {
    Cursor {
        boot: row.boot_id.as_deref().and_then(|b| b.parse().ok()),
        ordinal: row.ordinal,
        next_seq: to_u64(row.next_seq).max(1),
    }
}

/// A boot that the cursor leaves keeps its end, for the next boot's first fact to be compared with: before that fact
/// is judged.
pub async fn leave_boot(
    db: &impl ConnectionTrait,
    node_id: &str,
    before: Cursor,
    cursor: Cursor,
) -> Result<(), DbErr> {
    if let Some(left) = before.boot.filter(|b| Some(*b) != cursor.boot) {
        node_boots::Entity::update_many()
            .col_expr(
                node_boots::Column::NextSeq,
                Expr::value(to_i64(before.next_seq)),
            )
            .filter(node_boots::Column::NodeId.eq(node_id))
            .filter(node_boots::Column::BootId.eq(left.to_string()))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Stores a cursor.
pub async fn store_cursor(
    db: &impl ConnectionTrait,
    node_id: &str,
    cursor: Cursor,
) -> Result<(), DbErr> {
    node_cursors::Entity::update_many()
        .col_expr(
            node_cursors::Column::BootId,
            Expr::value(cursor.boot.map(|b| b.to_string())),
        )
        .col_expr(node_cursors::Column::Ordinal, Expr::value(cursor.ordinal))
        .col_expr(
            node_cursors::Column::NextSeq,
            Expr::value(to_i64(cursor.next_seq)),
        )
        .filter(node_cursors::Column::NodeId.eq(node_id))
        .exec(db)
        .await?;
    Ok(())
}

/// Writes down facts that will never come.
pub async fn record_loss(
    db: &impl ConnectionTrait,
    node: NodeId,
    lost: Lost,
    now_ms: i64,
) -> Result<(), DbErr> {
    let gap = wire::FactGap {
        boot: lost.boot.id.to_string(),
        from_seq: lost.from_seq,
        to_seq: lost.to_seq,
    };
    let fact = wire::Fact {
        seq: lost.from_seq,
        at_ms: now_ms,
        what: Some(wire::fact::What::FactGap(gap)),
        ..Default::default()
    };
    let row = facts::ActiveModel {
        node_id: Set(node.to_string()),
        ordinal: Set(lost.boot.ordinal),
        seq: Set(to_i64(lost.from_seq)),
        boot_id: Set(lost.boot.id.to_string()),
        server_id: Set(None),
        kind: Set("fact_gap".into()),
        generation: Set(0),
        at_ms: Set(now_ms),
        received_at_ms: Set(now_ms),
        body: Set(fact.encode_to_vec()),
        error: Set(Some(LOST.into())),
    };
    facts::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([
                facts::Column::NodeId,
                facts::Column::Ordinal,
                facts::Column::Seq,
            ])
            .do_nothing()
            .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    let to_seq = (lost.to_seq != TO_ITS_END).then_some(lost.to_seq);
    let data = json!({"code": "facts_lost", "boot": lost.boot.id.to_string(), "from_seq": lost.from_seq, "to_seq": to_seq, "level": "error"});
    outbox::write(db, Event::of_node(node, "condition", now_ms, data)).await?;
    tracing::error!(node.id = %node, from = lost.from_seq, to = lost.to_seq, "facts of node {node} are lost");
    Ok(())
}
