//! Averages finished hours into minutes, finished days into hours, and drops what is old.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use warren_entity::{metric_chunks, server_samples};

use super::codec::{self, Row};
use crate::{
    app::Ground,
    db::{Lane, Tx},
};

/// As uploaded.
pub const RAW_S: i32 = 15;
/// First average.
pub const MINUTE_S: i32 = 60;
/// Second average.
pub const HOUR_S: i32 = 3600;

/// Seconds that a chunk of a step spans.
#[must_use]
pub fn span_s(step_s: i32) -> i64 {
    match step_s {
        RAW_S => 3600,
        MINUTE_S => 86_400,
        _ => 30 * 86_400,
    }
}

/// First second of the chunk that holds `at_ms`.
#[must_use]
pub fn start_of(step_s: i32, at_ms: i64) -> i64 {
    let span = span_s(step_s);
    at_ms.div_euclid(1000).div_euclid(span) * span
}

/// Adds rows to the chunks of a step; rows not newer than the newest are had already.
/// # Errors
/// Database.
pub async fn add(tx: &Tx, subject: &str, step_s: i32, rows: &[Row]) -> Result<(), DbErr> {
    merge(tx, subject, step_s, rows, |all, now| {
        let newest = all.last().map_or(i64::MIN, |r| r.at_ms);
        let before = all.len();
        all.extend(now.iter().filter(|r| r.at_ms > newest).cloned());
        all.len() > before
    })
    .await
}

/// Puts averages in their places; one that samples came late for takes the place of the one before.
async fn renew(tx: &Tx, subject: &str, step_s: i32, averages: &[Row]) -> Result<(), DbErr> {
    merge(tx, subject, step_s, averages, |all, now| {
        let mut changed = false;
        for row in now {
            match all.binary_search_by_key(&row.at_ms, |r| r.at_ms) {
                Ok(at) if all[at] == *row => continue,
                Ok(at) => all[at] = row.clone(),
                Err(at) => all.insert(at, row.clone()),
            }
            changed = true;
        }
        changed
    })
    .await
}

/// Changes the chunks that `rows` fall into; `change` gets what a chunk holds and the rows that are for it, and tells
/// whether it made a difference.
async fn merge(
    tx: &Tx,
    subject: &str,
    step_s: i32,
    rows: &[Row],
    change: impl Fn(&mut Vec<Row>, &[Row]) -> bool,
) -> Result<(), DbErr> {
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let start = start_of(step_s, first.at_ms);
        let count = rest
            .iter()
            .take_while(|r| start_of(step_s, r.at_ms) == start)
            .count();
        let (now, later) = rest.split_at(count);
        rest = later;
        let key = (subject.to_owned(), step_s, start);
        let found = metric_chunks::Entity::find_by_id(key)
            .lock_exclusive()
            .one(&**tx)
            .await?;
        let mut all = found
            .as_ref()
            .map(|c| codec::unpack(&c.data))
            .unwrap_or_default();
        // Another version's columns can't share a chunk.
        let columns = now[0].values.len();
        all.retain(|r| r.values.len() == columns);
        let now: Vec<Row> = now
            .iter()
            .filter(|r| r.values.len() == columns)
            .cloned()
            .collect();
        if !change(&mut all, &now) {
            continue;
        }
        let row = metric_chunks::ActiveModel {
            subject_id: Set(subject.to_owned()),
            step_s: Set(step_s),
            start_s: Set(start),
            last_at_ms: Set(all.last().map_or(0, |r| r.at_ms)),
            // Hours are the last step.
            averaged: Set(step_s == HOUR_S),
            samples: Set(i32::try_from(all.len()).unwrap_or(i32::MAX)),
            data: Set(codec::pack(&all)),
        };
        let key = [
            metric_chunks::Column::SubjectId,
            metric_chunks::Column::StepS,
            metric_chunks::Column::StartS,
        ];
        let replace = OnConflict::columns(key)
            .update_columns([
                metric_chunks::Column::LastAtMs,
                metric_chunks::Column::Samples,
                metric_chunks::Column::Averaged,
                metric_chunks::Column::Data,
            ])
            .to_owned();
        metric_chunks::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(&**tx)
            .await?;
    }
    Ok(())
}

/// Averages rows to one per `step_s`, at the step's begin; counters keep their last value.
#[must_use]
pub fn average(rows: &[Row], step_s: i32, counters: &[usize]) -> Vec<Row> {
    let step_ms = i64::from(step_s) * 1000;
    let mut out: Vec<Row> = Vec::new();
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let at = first.at_ms.div_euclid(step_ms) * step_ms;
        let count = rest
            .iter()
            .take_while(|r| r.at_ms.div_euclid(step_ms) * step_ms == at)
            .count()
            .max(1);
        let (now, later) = rest.split_at(count);
        rest = later;
        let columns = first.values.len();
        let values = (0..columns)
            .map(|column| {
                let all = now.iter().filter_map(|r| r.values.get(column));
                if counters.contains(&column) {
                    all.copied().next_back().unwrap_or(0)
                } else {
                    let sum: i128 = all.map(|v| i128::from(*v)).sum();
                    i64::try_from(sum / count as i128).unwrap_or(i64::MAX)
                }
            })
            .collect();
        out.push(Row { at_ms: at, values });
    }
    out
}

/// Which columns count up instead of measuring.
#[must_use]
pub fn counters_of(columns: usize) -> &'static [usize] {
    if columns == codec::NODE.len() {
        &[5, 6]
    } else {
        &[3, 4, 6, 7, 9]
    }
}

/// Chunks averaged in one transaction: uploads get their turn in between.
const STEP: u64 = 64;

/// One round: finished chunks with samples that are not in the next step yet are averaged into it. A subject
/// that was idle costs nothing. Gives how many.
/// # Errors
/// Database.
pub async fn sweep(ground: &Ground) -> Result<u64, DbErr> {
    let now_s = ground.clock.now_s();
    let mut averaged = 0;
    for (from, to) in [(RAW_S, MINUTE_S), (MINUTE_S, HOUR_S)] {
        let finished = now_s - span_s(from);
        loop {
            let keys: Vec<(String, i64)> = metric_chunks::Entity::find()
                .filter(metric_chunks::Column::StepS.eq(from))
                .filter(metric_chunks::Column::StartS.lte(finished))
                .filter(Expr::cust("NOT averaged"))
                .order_by_asc(metric_chunks::Column::StartS)
                .limit(STEP)
                .select_only()
                .columns([
                    metric_chunks::Column::SubjectId,
                    metric_chunks::Column::StartS,
                ])
                .into_tuple()
                .all(ground.db.bulk.read())
                .await?;
            if keys.is_empty() {
                break;
            }
            averaged += keys.len() as u64;
            average_all(ground, keys, from, to).await?;
        }
    }
    Ok(averaged)
}

async fn average_all(
    ground: &Ground,
    mut keys: Vec<(String, i64)>,
    from: i32,
    to: i32,
) -> Result<(), DbErr> {
    // Uploads lock subjects in this order too.
    keys.sort_unstable();
    let tx = ground.db.bulk.begin(Lane::Machines).await?;
    for (subject, start) in keys {
        // Locked, so that no sample comes in between the look and the mark.
        let found = metric_chunks::Entity::find_by_id((subject.clone(), from, start))
            .lock_exclusive()
            .one(&*tx)
            .await?;
        let rows = found.map(|c| codec::unpack(&c.data)).unwrap_or_default();
        let columns = rows.first().map_or(0, |r| r.values.len());
        let averages = average(&rows, to, counters_of(columns));
        renew(&tx, &subject, to, &averages).await?;
        metric_chunks::Entity::update_many()
            .col_expr(metric_chunks::Column::Averaged, Expr::value(true))
            .filter(metric_chunks::Column::SubjectId.eq(subject))
            .filter(metric_chunks::Column::StepS.eq(from))
            .filter(metric_chunks::Column::StartS.eq(start))
            .exec(&*tx)
            .await?;
    }
    tx.commit().await
}

/// The newest sample of a server that sends none is kept so long.
const SAMPLE_MS: i64 = 86_400_000;

/// Drops what is older than it is kept.
/// # Errors
/// Database.
pub async fn forget(ground: &Ground) -> Result<u64, DbErr> {
    let now_s = ground.clock.now_s();
    let mut gone = 0;
    let keep = [
        (RAW_S, ground.config.metrics_keep_s),
        (MINUTE_S, ground.config.metrics_minutes_keep_s),
        (HOUR_S, ground.config.metrics_hours_keep_s),
    ];
    for (step_s, keep_s) in keep {
        let tx = ground.db.bulk.begin(Lane::Machines).await?;
        let dropped = metric_chunks::Entity::delete_many()
            .filter(metric_chunks::Column::StepS.eq(step_s))
            .filter(metric_chunks::Column::StartS.lt(now_s - keep_s - span_s(step_s)))
            .exec(&*tx)
            .await?;
        tx.commit().await?;
        gone += dropped.rows_affected;
    }
    let tx = ground.db.bulk.begin(Lane::Machines).await?;
    let idle = server_samples::Entity::delete_many()
        .filter(server_samples::Column::AtMs.lt(ground.clock.now_ms() - SAMPLE_MS))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(gone + idle.rows_affected)
}
