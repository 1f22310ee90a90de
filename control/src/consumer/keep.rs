//! Lets go of credentials that have ended, and of what they pulled from: a durable that nobody may use any more
//! still costs JetStream its place in the stream.

use anyhow::Context as _;
use async_nats::jetstream::{
    ErrorCode,
    stream::{ConsumerError, ConsumerErrorKind},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use warren_entity::event_consumers;
use warren_proto::subjects::EVENT_STREAM;

use crate::{app::App, db::Lane, outbox};

/// An expired one is shown so long.
const EXPIRED_MS: i64 = 3_600_000;
/// The row of a revoked one is kept so long.
const REVOKED_MS: i64 = 30 * 86_400_000;
/// Of one round.
const STEP: u64 = 100;

/// One round. Gives how many went; while the bus is away, none.
/// # Errors
/// Bus or database.
pub async fn sweep(app: &App) -> anyhow::Result<u64> {
    let now_ms = app.clock.now_ms();
    let ended = event_consumers::Entity::find()
        .filter(
            Condition::any()
                .add(event_consumers::Column::ExpiresAtMs.lt(now_ms - EXPIRED_MS))
                .add(event_consumers::Column::RevokedAtMs.lt(now_ms - REVOKED_MS)),
        )
        .limit(STEP)
        .all(app.db.read())
        .await?;
    if ended.is_empty() || !app.bus.is_up() {
        return Ok(0);
    }
    let stream = outbox::context(app)
        .get_stream_no_info(EVENT_STREAM)
        .await
        .context("look at the stream EVENT")?;
    let mut gone = 0;
    for row in ended {
        let durables: Vec<String> = serde_json::from_value(row.durables).unwrap_or_default();
        for durable in durables {
            match stream.delete_consumer(&durable).await {
                Ok(_) => {}
                Err(error) if is_gone(&error) => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("delete the consumer {durable}"));
                }
            }
        }
        let tx = app.db.begin(Lane::Machines).await?;
        event_consumers::Entity::delete_by_id(row.id)
            .exec(&*tx)
            .await?;
        tx.commit().await?;
        gone += 1;
    }
    Ok(gone)
}

fn is_gone(error: &ConsumerError) -> bool {
    matches!(error.kind(), ConsumerErrorKind::JetStream(e)
        if [ErrorCode::CONSUMER_NOT_FOUND, ErrorCode::STREAM_NOT_FOUND].contains(&e.error_code()))
}
