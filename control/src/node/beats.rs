//! Heartbeats: one look, one change and one commit for all that arrived together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, Statement, Value,
};
use serde_json::json;
use warren_entity::{node_cursors, nodes};
use warren_proto::{ids::NodeId, wire};

use super::{
    convert,
    presence::{Error, position},
    settle,
};
use crate::{
    app::Ground,
    db::Lane,
    outbox::{self, Event},
    text::{tame, to_i64},
    wanted,
};

/// A heartbeat and whose.
#[derive(Debug, Clone)]
pub struct Beat {
    /// Who.
    pub node: NodeId,
    /// What it said.
    pub beat: wire::Heartbeat,
}

/// What of a node's row a heartbeat is compared with, and what it changes.
#[derive(FromQueryResult)]
struct Standing {
    id: String,
    name: String,
    current_boot: Option<String>,
    ledger_id: Option<String>,
    rev: i64,
    applied_rev: i64,
    journal_bytes: i64,
    drops: serde_json::Value,
    load: Option<serde_json::Value>,
    online: bool,
    online_since_ms: i64,
}

/// Answers by the place that a beat came with.
pub type Answers = Vec<(usize, Result<wire::HeartbeatAnswer, Error>)>;

/// Stores many heartbeats in one transaction.
/// # Errors
/// Database: then none is stored.
pub async fn heartbeats(ground: &Ground, beats: Vec<(usize, Beat)>) -> Result<Answers, DbErr> {
    let now_ms = ground.clock.now_ms();
    let ids: BTreeSet<String> = beats.iter().map(|(_, b)| b.node.to_string()).collect();
    let tx = ground.db.begin(Lane::Machines).await?;
    let mut rows = standings(&*tx, &ids).await?;
    let cursors = cursors(&*tx, &ids).await?;
    let mut answers = Vec::with_capacity(beats.len());
    let mut changed = BTreeSet::new();
    let mut behind = Vec::new();
    let mut came_back = Vec::new();
    let mut confirmed = BTreeSet::new();
    let mut spoke = Vec::with_capacity(beats.len());
    for (place, Beat { node, beat }) in beats {
        let id = node.to_string();
        let Some(row) = rows.get_mut(&id) else {
            answers.push((place, Err(Error::Unknown)));
            continue;
        };
        let mut answer = wire::HeartbeatAnswer {
            control_time_ms: now_ms,
            ..Default::default()
        };
        if row.current_boot.as_deref() != Some(&*beat.boot) {
            // Another process speaks for this identity, or none has said hello since it joined.
            answer.say_hello = true;
            answers.push((place, Ok(answer)));
            continue;
        }
        let ledger = beat.ledger.as_ref();
        let applied = settle::beat(row.known(), ledger.map(|l| (&*l.id, to_i64(l.rev))));
        answer.say_hello = applied.is_none();
        spoke.push((answers.len(), node, beat.boot.clone()));
        if applied.is_some_and(|rev| rev > row.applied_rev) {
            confirmed.insert(id.clone());
        }
        row.note(&beat, applied);
        if row.applied_rev < row.rev || !row.online {
            behind.push(node);
        }
        if !row.online {
            row.online = true;
            row.online_since_ms = now_ms;
            came_back.push((node, row.name.clone()));
        }
        answer.next_fact = cursors.get(&id).map(position);
        changed.insert(id);
        answers.push((place, Ok(answer)));
    }
    let changed: Vec<&Standing> = changed.iter().filter_map(|id| rows.get(id)).collect();
    store(&*tx, &changed, now_ms).await?;
    for (node, name) in &came_back {
        let event = Event::of_node(*node, "online", now_ms, json!({"name": name}));
        outbox::write(&*tx, event).await?;
    }
    for row in confirmed.iter().filter_map(|id| rows.get(id)) {
        wanted::settle_orders(&*tx, &row.id, row.applied_rev, now_ms).await?;
    }
    tx.commit().await?;
    for (at, node, boot) in spoke {
        if let Some((_, Ok(answer))) = answers.get_mut(at) {
            answer.say_hello |= !ground.met.knows(node, &boot);
        }
    }
    if !came_back.is_empty() {
        ground.nudges.outbox();
    }
    for node in behind {
        ground.nudges.node(node);
    }
    Ok(answers)
}

/// The nodes' rows, locked in the order of ids, as everywhere.
async fn standings(
    db: &impl ConnectionTrait,
    ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, Standing>, DbErr> {
    let rows = nodes::Entity::find()
        .filter(nodes::Column::Id.is_in(ids.iter().cloned()))
        .filter(nodes::Column::DeletedAtMs.is_null())
        .filter(nodes::Column::RevokedAtMs.is_null())
        .select_only()
        .columns([
            nodes::Column::Id,
            nodes::Column::Name,
            nodes::Column::CurrentBoot,
            nodes::Column::LedgerId,
            nodes::Column::Rev,
            nodes::Column::AppliedRev,
            nodes::Column::JournalBytes,
            nodes::Column::Drops,
            nodes::Column::Load,
            nodes::Column::Online,
            nodes::Column::OnlineSinceMs,
        ])
        .order_by_asc(nodes::Column::Id)
        .lock_exclusive()
        .into_model::<Standing>()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

/// Only read: an upload that holds a cursor tells its node itself.
async fn cursors(
    db: &impl ConnectionTrait,
    ids: &BTreeSet<String>,
) -> Result<HashMap<String, node_cursors::Model>, DbErr> {
    let rows = node_cursors::Entity::find()
        .filter(node_cursors::Column::NodeId.is_in(ids.iter().cloned()))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|c| (c.node_id.clone(), c)).collect())
}

impl Standing {
    fn known(&self) -> settle::Known<'_> {
        settle::Known {
            ledger: self.ledger_id.as_deref(),
            rev: self.rev,
            applied: self.applied_rev,
        }
    }

    fn note(&mut self, beat: &wire::Heartbeat, applied: Option<i64>) {
        self.applied_rev = applied.unwrap_or(self.applied_rev);
        self.journal_bytes = to_i64(beat.journal_bytes);
        self.drops = drops(beat);
        if let Some(load) = &beat.load {
            self.load = Some(convert::load(load));
        }
    }
}

fn drops(beat: &wire::Heartbeat) -> serde_json::Value {
    let queues = beat.drops.iter().take(32);
    json!(
        queues
            .map(|(queue, n)| (tame(queue, 64), *n))
            .collect::<BTreeMap<_, _>>()
    )
}

/// Columns of a row of the list that [`store`] joins with.
const COLUMNS: usize = 7;

/// Writes all rows by one statement. Both databases call the columns of a VALUES list `column1` and so on.
async fn store(db: &impl ConnectionTrait, rows: &[&Standing], now_ms: i64) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let backend = db.get_database_backend();
    let mut values: Vec<Value> = vec![now_ms.into()];
    for row in rows {
        values.extend::<[Value; COLUMNS]>([
            row.id.clone().into(),
            row.applied_rev.into(),
            row.journal_bytes.into(),
            row.drops.clone().into(),
            row.load.clone().into(),
            row.online.into(),
            row.online_since_ms.into(),
        ]);
    }
    let place = |n: usize| match backend {
        DbBackend::Postgres => format!("${n}"),
        _ => format!("?{n}"),
    };
    let list: Vec<String> = (0..rows.len())
        .map(|row| {
            let first = 2 + row * COLUMNS;
            let places: Vec<String> = (first..first + COLUMNS).map(place).collect();
            format!("({})", places.join(", "))
        })
        .collect();
    let sql = format!(
        "UPDATE nodes SET last_seen_at_ms = {}, applied_rev = v.column2, journal_bytes = v.column3, \
         drops = v.column4, load = v.column5, online = v.column6, online_since_ms = v.column7 \
         FROM (VALUES {}) AS v WHERE nodes.id = v.column1",
        place(1),
        list.join(", ")
    );
    let update = Statement::from_sql_and_values(backend, sql, values);
    db.execute_raw(update).await?;
    Ok(())
}
