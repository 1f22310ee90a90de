//! Rows that go by their age alone. The audit log is never touched.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use warren_entity::{facts, revocations, sessions, tombstones};

use crate::{app::Ground, db::Lane};

const DAY_MS: i64 = 86_400_000;
/// Facts are deleted by so much of their time in one transaction: people's writes get their turn in between.
const STEP_MS: i64 = 3_600_000;
/// Transactions of one round.
const STEPS: usize = 200;

/// What is of no use after days: revocations, sessions that are over, tombstones that were carried out.
/// # Errors
/// Database.
pub async fn short_lived(ground: &Ground) -> Result<u64, DbErr> {
    let now_ms = ground.clock.now_ms();
    let tx = ground.db.begin(Lane::Machines).await?;
    // A ticket lives 5 min; a gateway that was away longer asks for all its sessions.
    let revoked = revocations::Entity::delete_many()
        .filter(revocations::Column::AtMs.lt(now_ms - DAY_MS))
        .exec(&*tx)
        .await?;
    let sessions = sessions::Entity::delete_many()
        .filter(sessions::Column::ExpiresAtMs.lt(now_ms - 30 * DAY_MS))
        .exec(&*tx)
        .await?;
    let logins = crate::sftp::prune(&*tx).await?;
    let stones = tombstones::Entity::delete_many()
        .filter(tombstones::Column::ConfirmedAtMs.lt(now_ms - 30 * DAY_MS))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(revoked.rows_affected + sessions.rows_affected + logins + stones.rows_affected)
}

/// Facts that are older than they are kept.
/// # Errors
/// Database.
pub async fn old_facts(ground: &Ground) -> Result<u64, DbErr> {
    let before_ms = ground.clock.now_ms() - ground.config.facts_keep_s.saturating_mul(1000);
    let mut gone = 0;
    for _ in 0..STEPS {
        let oldest: Option<i64> = facts::Entity::find()
            .filter(facts::Column::ReceivedAtMs.lt(before_ms))
            .order_by_asc(facts::Column::ReceivedAtMs)
            .select_only()
            .column(facts::Column::ReceivedAtMs)
            .into_tuple()
            .one(ground.db.read())
            .await?;
        let Some(oldest) = oldest else { break };
        let tx = ground.db.begin(Lane::Machines).await?;
        let facts = facts::Entity::delete_many()
            .filter(facts::Column::ReceivedAtMs.lt(before_ms.min(oldest + STEP_MS)))
            .exec(&*tx)
            .await?;
        tx.commit().await?;
        gone += facts.rows_affected;
    }
    Ok(gone)
}
