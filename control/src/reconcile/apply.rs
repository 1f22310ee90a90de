//! `agent.<node>.apply`: all rows in (from, to], until the node has them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use prost::Message;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use warren_entity::{nodes, orphans, servers, tombstones};
use warren_proto::{
    ids::{NodeId, ServerId},
    subjects::down,
    wire,
};

use super::page;
use crate::{
    app::{App, Ground},
    db::Lane,
    node::{
        command::{self, AskError},
        hello,
    },
    registry::service::Known,
    text::{to_i64, to_u64},
    transfer, wanted,
};

/// What one message carries; `max_payload` is 1 MiB.
const BOUNDS: page::Bounds = page::Bounds {
    rows: 500,
    bytes: 512 * 1024,
};
/// A node that fsyncs many rows may take this long.
const ANSWER: Duration = Duration::from_secs(5);

/// Orphans of one answer; as many as a hello names.
const MOST_ORPHANS: usize = 1000;

/// Sends what the node lacks. A node that is away is left alone: its hello comes back here.
/// # Errors
/// No answer, or a refusal; called again.
pub async fn run(app: &App, node: NodeId) -> Result<()> {
    // Far more messages than a node can need; a node that answers nonsense must not keep this loop.
    for _ in 0..10_000 {
        let Some(apply) = next(app, node).await? else {
            return Ok(());
        };
        let began = Instant::now();
        let answer =
            command::ask::<wire::ApplyAnswer>(app, node, down::APPLY, &apply, ANSWER).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(AskError::Offline(_) | AskError::Unknown(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let rtt = i32::try_from(began.elapsed().as_millis()).unwrap_or(i32::MAX);
        if !applied(app, node, &apply, &answer, rtt).await? {
            bail!(
                "the node answered rev {:?} of ledger {}",
                answer.ledger,
                apply.ledger
            );
        }
    }
    bail!("the node takes rows without end")
}

/// The next message for a node; none when it has everything, or is not there.
/// # Errors
/// Database, or a stored row that is damaged.
pub async fn next(ground: &Ground, node: NodeId) -> Result<Option<wire::Apply>> {
    let row = nodes::Entity::find_by_id(node.to_string())
        .filter(nodes::Column::Online.eq(true))
        .filter(nodes::Column::DeletedAtMs.is_null())
        .filter(nodes::Column::RevokedAtMs.is_null())
        .one(ground.db.read())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let Some(ledger) = row.ledger_id else {
        return Ok(None);
    };
    if !page::is_due(row.applied_rev, row.rev) {
        return Ok(None);
    }
    let from = row.applied_rev;
    let rows = servers::Entity::find()
        .filter(servers::Column::NodeId.eq(node.to_string()))
        .filter(servers::Column::DeletedAtMs.is_null())
        .filter(servers::Column::Rev.gt(from))
        .filter(servers::Column::Rev.lte(row.rev))
        .order_by_asc(servers::Column::Rev)
        .limit(BOUNDS.rows as u64)
        .all(ground.db.read())
        .await?;
    let stones = tombstones::Entity::find()
        .filter(tombstones::Column::NodeId.eq(node.to_string()))
        .filter(tombstones::Column::ConfirmedAtMs.is_null())
        .filter(tombstones::Column::Rev.gt(from))
        .filter(tombstones::Column::Rev.lte(row.rev))
        .order_by_asc(tombstones::Column::Rev)
        .limit(BOUNDS.rows as u64)
        .all(ground.db.read())
        .await?;
    let sizes: Vec<page::Row> = rows
        .iter()
        .map(|row| page::Row {
            rev: row.rev,
            bytes: row.spec.len() + 256,
        })
        .collect();
    let revs: Vec<i64> = stones.iter().map(|stone| stone.rev).collect();
    let page = page::cut(from, row.rev, &sizes, &revs, BOUNDS)
        .with_context(|| format!("rows of node {node}"))?;
    let registries = match rows.is_empty() {
        true => None,
        false => Some(Known::load(ground.db.read()).await?),
    };
    let ids = rows.iter().map(|row| row.id.clone()).collect();
    let moved = transfer::store::moved_to(ground.db.read(), node, ids).await?;
    let mut wanted = Vec::with_capacity(rows.len());
    for server in rows.iter().filter(|r| r.rev <= page.to) {
        let mut row = to_wire(server)?;
        row.moved = moved.contains(&row.server);
        if let (Some(spec), Some(known)) = (&mut row.spec, &registries) {
            // Never part of the stored spec: a copy of the database must not hold it in the clear.
            spec.registries = known.of_images(ground, spec)?;
        }
        wanted.push(row);
    }
    Ok(Some(wire::Apply {
        ledger,
        from: to_u64(page.from),
        to: to_u64(page.to),
        servers: wanted,
        tombstones: stones
            .into_iter()
            .filter(|s| s.rev <= page.to)
            .map(|s| wire::Tombstone {
                server: s.server_id,
                generation: to_u64(s.generation),
                rev: to_u64(s.rev),
                keep_files_s: u32::try_from(s.keep_files_s).unwrap_or(u32::MAX),
            })
            .collect(),
        snapshot: page.snapshot,
    }))
}

fn to_wire(row: &servers::Model) -> Result<wire::WantedServer> {
    let power = match &*row.power {
        "start" => wire::Power::Start,
        "kill" => wire::Power::Kill,
        _ => wire::Power::Stop,
    };
    let spec = wire::ServerSpec::decode(row.spec.as_slice())
        .map_err(|e| anyhow::anyhow!("the stored spec of server {} is damaged: {e}", row.id))?;
    Ok(wire::WantedServer {
        server: row.id.clone(),
        generation: to_u64(row.generation),
        rev: to_u64(row.rev),
        power: Some(wire::PowerOrder {
            power: power.into(),
            generation: to_u64(row.power_generation),
            restarts: to_u64(row.restarts),
        }),
        suspended: row.suspended,
        spec: Some(spec),
        moved: false,
    })
}

/// Notes what the node has. False when it does not fit what was sent.
async fn applied(
    ground: &Ground,
    node: NodeId,
    sent: &wire::Apply,
    answer: &wire::ApplyAnswer,
    rtt_ms: i32,
) -> Result<bool, DbErr> {
    let Some(rev) = page::confirmed(sent, answer).map(to_i64) else {
        return Ok(false);
    };
    let tx = ground.db.begin(Lane::Machines).await?;
    let row = nodes::Entity::find_by_id(node.to_string())
        .filter(nodes::Column::LedgerId.eq(&*sent.ledger))
        .lock_exclusive()
        .one(&*tx)
        .await?;
    let Some(row) = row else {
        // Another ledger has spoken meanwhile.
        return Ok(false);
    };
    if rev > row.rev {
        // A restored database that the node has not said hello to yet, or that a hello from before has reached.
        let known = hello::known_of(&row);
        hello::compare_ledger(&*tx, node, known, &sent.ledger, rev, ground.clock.now_ms()).await?;
    }
    nodes::Entity::update_many()
        .col_expr(nodes::Column::AppliedRev, Expr::value(rev))
        .col_expr(nodes::Column::RttMs, Expr::value(rtt_ms))
        .filter(nodes::Column::Id.eq(node.to_string()))
        .filter(nodes::Column::LedgerId.eq(&*sent.ledger))
        .filter(nodes::Column::AppliedRev.lt(rev))
        .filter(nodes::Column::Rev.gte(rev))
        .exec(&*tx)
        .await?;
    let left_out = &answer.left_out[..answer.left_out.len().min(BOUNDS.rows)];
    hello::raise_left_out(&*tx, node, left_out).await?;
    wanted::settle_orders(&*tx, &node.to_string(), rev, ground.clock.now_ms()).await?;
    note_orphans(&*tx, node, &answer.orphans, ground.clock.now_ms()).await?;
    tx.commit().await?;
    ground.nudges.outbox();
    Ok(true)
}

/// A server that has a row is no orphan, whoever names it: its node owns it, and no other may claim it.
async fn note_orphans(
    db: &impl ConnectionTrait,
    node: NodeId,
    named: &[String],
    now_ms: i64,
) -> Result<(), DbErr> {
    let named: BTreeSet<String> = named
        .iter()
        .take(MOST_ORPHANS)
        .filter_map(|id| Some(id.parse::<ServerId>().ok()?.to_string()))
        .collect();
    let named: Vec<String> = named.into_iter().collect();
    for some in named.chunks(1000) {
        let known: Vec<String> = servers::Entity::find()
            .filter(servers::Column::Id.is_in(some))
            .select_only()
            .column(servers::Column::Id)
            .into_tuple()
            .all(db)
            .await?;
        let rows: Vec<orphans::ActiveModel> = some
            .iter()
            .filter(|id| !known.contains(*id))
            .map(|id| orphans::ActiveModel {
                node_id: Set(node.to_string()),
                server_id: Set(id.clone()),
                generation: Set(0),
                state: Set("unknown".into()),
                seen_at_ms: Set(now_ms),
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        let key = [orphans::Column::NodeId, orphans::Column::ServerId];
        orphans::Entity::insert_many(rows)
            .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}
