//! `agent.<node>.apply`: all rows in (from, to], until the node has them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
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

use crate::{
    app::{App, Ground},
    db::Lane,
    node::command::{self, AskError},
    registry::service::Known,
    text::{to_i64, to_u64},
};

/// One message carries rows of at most so many bytes; `max_payload` is 1 MiB.
const MOST_BYTES: usize = 512 * 1024;
/// Rows looked at for one message.
const MOST_ROWS: u64 = 500;
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
    // A snapshot is owed even when nothing is wanted: it tells what the node has besides.
    if row.applied_rev >= row.rev && row.rev > 0 {
        return Ok(None);
    }
    if row.rev == 0 {
        return Ok(None);
    }
    let from = row.applied_rev;
    // Every rev up to this one is committed: it was raised under the node's row lock.
    let (mut to, mut bytes) = (row.rev, 0);
    let mut wanted = Vec::new();
    let rows = servers::Entity::find()
        .filter(servers::Column::NodeId.eq(node.to_string()))
        .filter(servers::Column::DeletedAtMs.is_null())
        .filter(servers::Column::Rev.gt(from))
        .filter(servers::Column::Rev.lte(row.rev))
        .order_by_asc(servers::Column::Rev)
        .limit(MOST_ROWS)
        .all(ground.db.read())
        .await?;
    let stones = tombstones::Entity::find()
        .filter(tombstones::Column::NodeId.eq(node.to_string()))
        .filter(tombstones::Column::ConfirmedAtMs.is_null())
        .filter(tombstones::Column::Rev.gt(from))
        .filter(tombstones::Column::Rev.lte(row.rev))
        .order_by_asc(tombstones::Column::Rev)
        .limit(MOST_ROWS)
        .all(ground.db.read())
        .await?;
    // A full page says nothing of what comes after its last row.
    for (len, last) in [
        (rows.len(), rows.last().map(|r| r.rev)),
        (stones.len(), stones.last().map(|r| r.rev)),
    ] {
        if len as u64 == MOST_ROWS
            && let Some(last) = last
        {
            to = to.min(last);
        }
    }
    let registries = match rows.is_empty() {
        true => None,
        false => Some(Known::load(ground.db.read()).await?),
    };
    for server in rows.iter().filter(|r| r.rev <= to) {
        bytes += server.spec.len() + 256;
        if bytes > MOST_BYTES && !wanted.is_empty() {
            // Rows of one rev stay together: the cut lies below this row's rev.
            to = server.rev - 1;
            break;
        }
        let mut row = to_wire(server)?;
        if let Some(spec) = &mut row.spec {
            // Never part of the stored spec: a copy of the database must not hold it in the clear.
            let known = registries.as_ref();
            spec.registries =
                known.map_or_else(|| Ok(Vec::new()), |k| k.of_images(ground, spec))?;
        }
        wanted.push((server.rev, row));
    }
    let cut_to = to;
    let wanted: Vec<_> = wanted
        .into_iter()
        .filter(|(rev, _)| *rev <= cut_to)
        .map(|(_, w)| w)
        .collect();
    if to <= from {
        bail!("the rows of one rev of node {node} do not fit into one message");
    }
    Ok(Some(wire::Apply {
        ledger,
        from: to_u64(from),
        to: to_u64(to),
        servers: wanted,
        tombstones: stones
            .into_iter()
            .filter(|s| s.rev <= to)
            .map(|s| wire::Tombstone {
                server: s.server_id,
                generation: to_u64(s.generation),
                rev: to_u64(s.rev),
                keep_files_s: u32::try_from(s.keep_files_s).unwrap_or(u32::MAX),
            })
            .collect(),
        snapshot: from == 0 && to == row.rev,
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
    let Some(ledger) = answer.ledger.as_ref().filter(|l| l.id == sent.ledger) else {
        return Ok(false);
    };
    if ledger.rev < sent.to {
        return Ok(false);
    }
    let rev = to_i64(ledger.rev);
    let tx = ground.db.begin(Lane::Machines).await?;
    nodes::Entity::update_many()
        .col_expr(nodes::Column::AppliedRev, Expr::value(rev))
        .col_expr(nodes::Column::RttMs, Expr::value(rtt_ms))
        .filter(nodes::Column::Id.eq(node.to_string()))
        .filter(nodes::Column::LedgerId.eq(&*sent.ledger))
        .filter(nodes::Column::AppliedRev.lt(rev))
        .filter(nodes::Column::Rev.gte(rev))
        .exec(&*tx)
        .await?;
    note_orphans(&*tx, node, &answer.orphans, ground.clock.now_ms()).await?;
    tx.commit().await?;
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
