//! Numbers and publishes outbox rows while this process holds the lease.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, Result};
use async_nats::{HeaderMap, jetstream};
use futures_util::future::join_all;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use tokio_util::sync::CancellationToken;
use warren_entity::{outbox, settings};

use super::{cloud_event, lease, lease::Lease, stream, wave};
use crate::{app::App, db::Lane, wanted};

const BATCH: u64 = 256;
/// Rows among which those of a batch are chosen: one server with much to tell keeps no other waiting.
const IN_SIGHT: u64 = 4096;
/// Of one server in a batch: each waits for the one before.
const OF_ONE: usize = 16;
/// Looks without a nudge this often: another control may have written.
const LOOK: Duration = Duration::from_millis(500);
/// The stream is looked at this often while nothing fails.
const CHECK_STREAM: Duration = Duration::from_secs(10);
pub(super) const SEQUENCE: &str = "outbox";
const CREATED: &str = "outbox.stream_created_ms";
/// A word among controls: rows were committed by one that has not the lease.
const NUDGE: &str = "control.nudge.outbox";

/// Runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let lease = Lease::new(&app, "outbox", app.id);
    let mut held = false;
    let mut timer = tokio::time::interval(lease::RENEW);
    let mut checked: Option<tokio::time::Instant> = None;
    let mut more = false;
    let mut nudged = app.bus.subscribe(NUDGE.into(), 16).await.ok();
    let jetstream = stream::context(&app);
    loop {
        let mut told = false;
        tokio::select! {
            () = stop.cancelled() => break,
            _ = timer.tick() => {
                held = lease.hold().await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the lease of the outbox could not be renewed");
                    false
                });
            }
            () = app.nudges.outbox_due() => told = true,
            Some(_) = next(&mut nudged) => {}
            () = tokio::time::sleep(if more { Duration::ZERO } else { LOOK }), if held => {}
        }
        if !held {
            if told && let Err(error) = app.bus.publish(NUDGE.into(), bytes::Bytes::new()).await {
                tracing::debug!(%error, "no nudge to the holder of the outbox; it looks by itself");
            }
            continue;
        }
        if let Err(error) = number(&app).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "outbox rows could not be numbered"
            );
            continue;
        }
        if !app.bus.is_up() {
            checked = None;
            continue;
        }
        if checked.is_none_or(|at| at.elapsed() > CHECK_STREAM) {
            match refill(&app, &jetstream).await {
                Ok(()) => checked = Some(tokio::time::Instant::now()),
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the stream of events is not ready"
                    );
                    continue;
                }
            }
        }
        more = publish(&app, &jetstream).await.unwrap_or_else(|error| {
            checked = None;
            tracing::warn!(
                error = format!("{error:#}"),
                "events could not be published; they are sent again"
            );
            false
        });
    }
    drop(lease.let_go().await);
}

async fn next(nudged: &mut Option<warren_proto::bus::Subscription>) -> Option<()> {
    match nudged {
        Some(subscription) => subscription.next().await.map(drop),
        None => std::future::pending().await,
    }
}

/// Gives every committed row its number, in the order of writing. A row that commits late gets a later
/// number; rows of one server are written under its lock and so keep their order.
async fn number(app: &App) -> Result<()> {
    loop {
        let waiting = outbox::Entity::find()
            .filter(outbox::Column::Seq.is_null())
            .limit(1)
            .one(app.db.read())
            .await?;
        if waiting.is_none() {
            return Ok(());
        }
        let tx = app.db.begin(Lane::Machines).await?;
        let rows: Vec<i64> = outbox::Entity::find()
            .filter(outbox::Column::Seq.is_null())
            .order_by_asc(outbox::Column::Ord)
            .limit(BATCH)
            .select_only()
            .column(outbox::Column::Ord)
            .into_tuple()
            .all(&*tx)
            .await?;
        let count = i64::try_from(rows.len()).unwrap_or(0);
        if count == 0 {
            return Ok(());
        }
        let last = wanted::count(&*tx, SEQUENCE, count).await?;
        for (seq, ord) in (last - count + 1..).zip(&rows) {
            // A second holder (clocks apart) must not number a row twice.
            let numbered = outbox::Entity::update_many()
                .col_expr(outbox::Column::Seq, Expr::value(seq))
                .filter(outbox::Column::Ord.eq(*ord))
                .filter(outbox::Column::Seq.is_null())
                .exec(&*tx)
                .await?;
            if numbered.rows_affected != 1 {
                tx.rollback().await?;
                return Ok(());
            }
        }
        tx.commit().await?;
    }
}

/// A stream that is not the one published to before gets everything that it should hold.
async fn refill(app: &App, jetstream: &jetstream::Context) -> Result<()> {
    let created = stream::ensure(app, jetstream).await?;
    let known = settings::Entity::find_by_id(CREATED)
        .one(app.db.read())
        .await?;
    let known: Option<i64> = known.and_then(|row| serde_json::from_slice(&row.value).ok());
    if known == Some(created) {
        return Ok(());
    }
    crate::consumer::restore(app).await?;
    let now = app.clock.now_ms();
    let since = now - i64::try_from(app.config.event_keep_s)?.saturating_mul(1000);
    let tx = app.db.begin(Lane::Machines).await?;
    let again = outbox::Entity::update_many()
        .col_expr(
            outbox::Column::PublishedAtMs,
            Expr::value(Option::<i64>::None),
        )
        .filter(outbox::Column::AtMs.gt(since))
        .exec(&*tx)
        .await?;
    let row = settings::ActiveModel {
        key: Set(CREATED.into()),
        value: Set(serde_json::to_vec(&created)?),
        sealed: Set(false),
        updated_at_ms: Set(now),
    };
    let replace = OnConflict::column(settings::Column::Key)
        .update_columns([settings::Column::Value, settings::Column::UpdatedAtMs])
        .to_owned();
    settings::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(&*tx)
        .await?;
    tx.commit().await?;
    tracing::info!(
        events = again.rows_affected,
        "filled a new stream of events"
    );
    Ok(())
}

/// Whose events have an order among each other.
type Teller = (Option<String>, Option<String>);

fn teller(server: &Option<String>, node: &Option<String>) -> Teller {
    let node = node.clone().filter(|_| server.is_none());
    (server.clone(), node)
}

/// A batch; whether there may be more. What is numbered meanwhile, and the lease, have their turn in between.
async fn publish(app: &App, jetstream: &jetstream::Context) -> Result<bool> {
    let (batch, more) = choose(app).await?;
    if batch.is_empty() {
        return Ok(false);
    }
    let rows = outbox::Entity::find()
        .filter(outbox::Column::Ord.is_in(batch))
        .order_by_asc(outbox::Column::Seq)
        .all(app.db.read())
        .await?;
    // Waves of at most one event per server, each acknowledged before the next: an event that has to be
    // sent again can't fall behind a later one of the same server.
    let mut rest = rows;
    while !rest.is_empty() {
        let (wave, later) = wave(rest, |row| teller(&row.server_id, &row.node_id));
        rest = later;
        let sent = join_all(wave.iter().map(|row| send(jetstream, row))).await;
        let stored: Vec<i64> = wave
            .iter()
            .zip(&sent)
            .filter(|(_, result)| result.is_ok())
            .map(|(row, _)| row.ord)
            .collect();
        if !stored.is_empty() {
            mark(app, stored).await?;
        }
        sent.into_iter().collect::<Result<Vec<()>>>()?;
    }
    Ok(more)
}

/// Rows of the next batch: the first of each server, and no more than some of one. Whether others wait.
async fn choose(app: &App) -> Result<(Vec<i64>, bool)> {
    let waiting: Vec<(i64, Option<String>, Option<String>)> = outbox::Entity::find()
        .filter(outbox::Column::Seq.is_not_null())
        .filter(outbox::Column::PublishedAtMs.is_null())
        .order_by_asc(outbox::Column::Seq)
        .limit(IN_SIGHT)
        .select_only()
        .columns([
            outbox::Column::Ord,
            outbox::Column::ServerId,
            outbox::Column::NodeId,
        ])
        .into_tuple()
        .all(app.db.read())
        .await?;
    let mut of_each: HashMap<Teller, usize> = HashMap::new();
    let mut chosen = Vec::new();
    for (ord, server, node) in &waiting {
        let count = of_each.entry(teller(server, node)).or_default();
        *count += 1;
        if *count <= OF_ONE && (chosen.len() as u64) < BATCH {
            chosen.push(*ord);
        }
    }
    let more = chosen.len() < waiting.len() || waiting.len() as u64 == IN_SIGHT;
    Ok((chosen, more))
}

async fn send(jetstream: &jetstream::Context, row: &outbox::Model) -> Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", row.id.as_str());
    headers.insert("Content-Type", "application/cloudevents+json");
    let body = serde_json::to_vec(&cloud_event(row))?;
    let ack = jetstream
        .publish_with_headers(row.subject.clone(), headers, body.into())
        .await
        .with_context(|| format!("publish event {}", row.id))?;
    ack.await
        .with_context(|| format!("store event {}", row.id))?;
    Ok(())
}

async fn mark(app: &App, stored: Vec<i64>) -> Result<()> {
    let tx = app.db.begin(Lane::Machines).await?;
    outbox::Entity::update_many()
        .col_expr(
            outbox::Column::PublishedAtMs,
            Expr::value(app.clock.now_ms()),
        )
        .filter(outbox::Column::Ord.is_in(stored))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(())
}
