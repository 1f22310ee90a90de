//! Lets go of rows that have had their time. The audit log is never touched.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use warren_entity::{facts, revocations, sessions, tombstones};

use crate::{app::Ground, db::Lane};

const DAY_MS: i64 = 86_400_000;
/// Facts are deleted by so much of their time in one transaction: people's writes get their turn in between.
const STEP_MS: i64 = 3_600_000;
/// Transactions of one round.
const STEPS: usize = 200;

/// One round.
/// # Errors
/// Database.
pub async fn sweep(ground: &Ground) -> Result<(), DbErr> {
    let now_ms = ground.clock.now_ms();
    old_facts(
        ground,
        now_ms - ground.config.facts_keep_s.saturating_mul(1000),
    )
    .await?;
    let tx = ground.db.begin(Lane::Machines).await?;
    // A ticket lives 5 min; a gateway that was away longer asks for all its sessions.
    revocations::Entity::delete_many()
        .filter(revocations::Column::AtMs.lt(now_ms - DAY_MS))
        .exec(&*tx)
        .await?;
    sessions::Entity::delete_many()
        .filter(sessions::Column::ExpiresAtMs.lt(now_ms - 30 * DAY_MS))
        .exec(&*tx)
        .await?;
    tombstones::Entity::delete_many()
        .filter(tombstones::Column::ConfirmedAtMs.lt(now_ms - 30 * DAY_MS))
        .exec(&*tx)
        .await?;
    tx.commit().await
}

async fn old_facts(ground: &Ground, before_ms: i64) -> Result<(), DbErr> {
    for _ in 0..STEPS {
        let oldest: Option<i64> = facts::Entity::find()
            .filter(facts::Column::ReceivedAtMs.lt(before_ms))
            .order_by_asc(facts::Column::ReceivedAtMs)
            .select_only()
            .column(facts::Column::ReceivedAtMs)
            .into_tuple()
            .one(ground.db.read())
            .await?;
        let Some(oldest) = oldest else { return Ok(()) };
        let tx = ground.db.begin(Lane::Machines).await?;
        facts::Entity::delete_many()
            .filter(facts::Column::ReceivedAtMs.lt(before_ms.min(oldest + STEP_MS)))
            .exec(&*tx)
            .await?;
        tx.commit().await?;
    }
    Ok(())
}
