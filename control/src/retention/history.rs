//! Operations and runs that ended long ago, and the streams of those runs.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use warren_entity::{console_runs, console_sizes, console_streams, operations, servers};

use crate::{app::Ground, db::Lane};

/// Rows of one transaction: people's writes get their turn in between.
const STEP: u64 = 256;

/// Operations that ended before they are kept.
/// # Errors
/// Database.
pub async fn operations(ground: &Ground) -> Result<u64, DbErr> {
    let before = ground.clock.now_ms() - ground.config.operations_keep_s.saturating_mul(1000);
    let mut gone = 0;
    loop {
        let ids: Vec<String> = operations::Entity::find()
            .filter(operations::Column::EndedAtMs.lt(before))
            .order_by_asc(operations::Column::EndedAtMs)
            .limit(STEP)
            .select_only()
            .column(operations::Column::Id)
            .into_tuple()
            .all(ground.db.read())
            .await?;
        if ids.is_empty() {
            return Ok(gone);
        }
        let tx = ground.db.begin(Lane::Machines).await?;
        let deleted = operations::Entity::delete_many()
            .filter(operations::Column::Id.is_in(ids))
            .exec(&*tx)
            .await?;
        tx.commit().await?;
        gone += deleted.rows_affected;
        if deleted.rows_affected == 0 {
            return Ok(gone);
        }
    }
}

/// Node, server and run.
type Place = (String, String, String);

/// Runs that ended before console history is kept, once none of it is left.
/// # Errors
/// Database.
pub async fn runs(ground: &Ground) -> Result<u64, DbErr> {
    let before = keep_from(ground);
    let mut gone = 0;
    let mut after: Option<(i64, String)> = None;
    loop {
        let mut query = console_runs::Entity::find()
            .filter(console_runs::Column::EndedAtMs.lt(before))
            .order_by_asc(console_runs::Column::EndedAtMs)
            .order_by_asc(console_runs::Column::Id)
            .limit(STEP);
        if let Some((at_ms, id)) = &after {
            // Those that still have bytes (uploaded late) are passed by until the next round.
            let later = Condition::any()
                .add(console_runs::Column::EndedAtMs.gt(*at_ms))
                .add(
                    Condition::all()
                        .add(console_runs::Column::EndedAtMs.eq(*at_ms))
                        .add(console_runs::Column::Id.gt(id)),
                );
            query = query.filter(later);
        }
        let old = query.all(ground.db.read()).await?;
        let Some(last) = old.last() else {
            return Ok(gone);
        };
        after = Some((last.ended_at_ms.unwrap_or(before), last.id.clone()));
        let places: Vec<Place> = old
            .into_iter()
            .map(|run| (run.node_id, run.server_id, run.id))
            .collect();
        let left = drop_streams(ground, &places, before).await?;
        let empty = places.iter().filter(|place| !left.contains(*place));
        let these = empty.fold(Condition::any(), |any, (node, _, run)| {
            any.add(
                Condition::all()
                    .add(console_runs::Column::Id.eq(run))
                    .add(console_runs::Column::NodeId.eq(node)),
            )
        });
        if these.is_empty() {
            continue;
        }
        let tx = ground.db.begin(Lane::Machines).await?;
        let deleted = console_runs::Entity::delete_many()
            .filter(these)
            .exec(&*tx)
            .await?;
        tx.commit().await?;
        gone += deleted.rows_affected;
    }
}

/// Streams whose run nobody knows: bytes that were sent under a name that was not the sender's to use, or of a
/// database that was restored. A run that goes on and is only quiet keeps its place.
/// # Errors
/// Database.
pub async fn stray_streams(ground: &Ground) -> Result<u64, DbErr> {
    let before = keep_from(ground);
    let mut gone = 0;
    let mut after: Option<(i64, String)> = None;
    loop {
        let mut query = console_streams::Entity::find()
            .filter(console_streams::Column::LastAtMs.lt(before))
            .order_by_asc(console_streams::Column::LastAtMs)
            .order_by_asc(console_streams::Column::RunId)
            .limit(STEP);
        if let Some((at_ms, run)) = &after {
            let later = Condition::any()
                .add(console_streams::Column::LastAtMs.gt(*at_ms))
                .add(
                    Condition::all()
                        .add(console_streams::Column::LastAtMs.eq(*at_ms))
                        .add(console_streams::Column::RunId.gt(run)),
                );
            query = query.filter(later);
        }
        let quiet = query.all(ground.db.bulk.read()).await?;
        let Some(last) = quiet.last() else {
            return Ok(gone);
        };
        after = Some((last.last_at_ms, last.run_id.clone()));
        let places: HashSet<Place> = quiet
            .into_iter()
            .map(|row| (row.node_id, row.server_id, row.run_id))
            .collect();
        let known = known(ground, &places).await?;
        let stray: Vec<Place> = places.into_iter().filter(|p| !known.contains(p)).collect();
        let left = drop_streams(ground, &stray, before).await?;
        gone += (stray.len() - left.len()) as u64;
    }
}

/// Sizes of servers that have nothing left.
/// # Errors
/// Database.
pub async fn empty_sizes(ground: &Ground) -> Result<u64, DbErr> {
    let tx = ground.db.bulk.begin(Lane::Machines).await?;
    let gone = console_sizes::Entity::delete_many()
        .filter(console_sizes::Column::Bytes.eq(0))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}

fn keep_from(ground: &Ground) -> i64 {
    ground.clock.now_ms() - ground.config.console_keep_s.saturating_mul(1000)
}

/// Those that control has a row of, or that a server names as its run.
async fn known(ground: &Ground, places: &HashSet<Place>) -> Result<HashSet<Place>, DbErr> {
    let runs = places.iter().map(|(_, _, run)| run.clone());
    let rows: Vec<(String, String, String)> = console_runs::Entity::find()
        .filter(console_runs::Column::Id.is_in(runs))
        .select_only()
        .columns([
            console_runs::Column::NodeId,
            console_runs::Column::ServerId,
            console_runs::Column::Id,
        ])
        .into_tuple()
        .all(ground.db.read())
        .await?;
    let mut known: HashSet<Place> = rows.into_iter().collect();
    let ids: HashSet<String> = places.iter().map(|(_, server, _)| server.clone()).collect();
    let current: Vec<(String, Option<String>)> = servers::Entity::find()
        .filter(servers::Column::Id.is_in(ids))
        .select_only()
        .columns([servers::Column::Id, servers::Column::RunId])
        .into_tuple()
        .all(ground.db.read())
        .await?;
    let current: HashMap<String, Option<String>> = current.into_iter().collect();
    let named = |(_, server, run): &&Place| {
        let names = current.get(server).and_then(Option::as_ref);
        names == Some(run)
    };
    known.extend(places.iter().filter(named).cloned());
    Ok(known)
}

/// Drops the streams of these runs that are quiet and hold nothing. Gives those that still have one.
async fn drop_streams(
    ground: &Ground,
    places: &[Place],
    before_ms: i64,
) -> Result<HashSet<Place>, DbErr> {
    let mut left = HashSet::new();
    for some in places.chunks(64) {
        let these = some
            .iter()
            .fold(Condition::any(), |any, (node, server, run)| {
                any.add(
                    Condition::all()
                        .add(console_streams::Column::NodeId.eq(node))
                        .add(console_streams::Column::ServerId.eq(server))
                        .add(console_streams::Column::RunId.eq(run)),
                )
            });
        let chunks = "EXISTS (SELECT 1 FROM console_chunks c WHERE c.node_id = console_streams.node_id AND \
             c.server_id = console_streams.server_id AND c.run_id = console_streams.run_id AND \
             c.stream = console_streams.stream)";
        let tx = ground.db.bulk.begin(Lane::Machines).await?;
        console_streams::Entity::delete_many()
            .filter(these.clone())
            .filter(console_streams::Column::LastAtMs.lt(before_ms))
            .filter(Expr::cust(chunks).not())
            .exec(&*tx)
            .await?;
        let rows: Vec<Place> = console_streams::Entity::find()
            .filter(these)
            .select_only()
            .columns([
                console_streams::Column::NodeId,
                console_streams::Column::ServerId,
                console_streams::Column::RunId,
            ])
            .into_tuple()
            .all(&*tx)
            .await?;
        tx.commit().await?;
        left.extend(rows);
    }
    Ok(left)
}
