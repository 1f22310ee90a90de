//! Shows quotas and sets them.

use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};
use serde_json::json;
use warren_entity::quotas;
use warren_proto::ids::UserId;

use super::{
    dto::{Quota, QuotaLimits},
    hold::used,
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    person::service::{find, lock, not_own},
    text::to_i64,
};

/// More than any fleet has.
const MOST_COUNT: u32 = 1_000_000;
const MOST_BYTES: u64 = 1 << 60;

impl From<&quotas::Model> for QuotaLimits {
    fn from(row: &quotas::Model) -> Self {
        let count = |n: Option<i64>| n.and_then(|n| u32::try_from(n).ok());
        let bytes = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
        Self {
            servers: count(row.servers),
            memory_bytes: bytes(row.memory_bytes),
            disk_bytes: bytes(row.disk_bytes),
            cpu_percent: count(row.cpu_percent),
            ports: count(row.ports),
            subusers: count(row.subusers),
        }
    }
}

/// Somebody's quota and what of it is given out.
/// # Errors
/// 404.
pub async fn get(app: &App, id: UserId) -> Result<Quota> {
    let db = app.db.read();
    let user = find(db, id).await?;
    let row = quotas::Entity::find_by_id(&*user.id).one(db).await?;
    Ok(Quota {
        limits: row.as_ref().map(QuotaLimits::from).unwrap_or_default(),
        used: used(db, &user.id, app.clock.now_ms()).await?,
    })
}

fn check(limits: &QuotaLimits) -> Result<()> {
    let mut fields = Fields::new();
    for (name, count) in [
        ("servers", limits.servers),
        ("cpu_percent", limits.cpu_percent),
        ("ports", limits.ports),
        ("subusers", limits.subusers),
    ] {
        let most = format!("is at most {MOST_COUNT}; leave it out for no limit");
        fields.check(
            count.is_none_or(|n| n <= MOST_COUNT),
            name,
            "out_of_range",
            most,
        );
    }
    for (name, bytes) in [
        ("memory_bytes", limits.memory_bytes),
        ("disk_bytes", limits.disk_bytes),
    ] {
        let most = format!("is at most {MOST_BYTES}; leave it out for no limit");
        fields.check(
            bytes.is_none_or(|n| n <= MOST_BYTES),
            name,
            "out_of_range",
            most,
        );
    }
    fields.finish()
}

/// Sets all of it. What is given out beyond it stays, and does not become more.
/// # Errors
/// 403 for an admin's by somebody who is none, 404, 409 for one's own, 422.
pub async fn set(app: &App, caller: &Caller, id: UserId, limits: QuotaLimits) -> Result<Quota> {
    not_own(caller, id)?;
    check(&limits)?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    // Whoever sets a quota gets nothing of the account by it, so they need not have what it has.
    let user = lock(&*tx, id).await?;
    let user = user.ok_or_else(|| Error::not_found("user"))?;
    if user.admin && !caller.actor.admin {
        let text = "this is an admin's account, and you are none";
        return Err(Error::forbidden("more_than_own", text));
    }
    let before = quotas::Entity::find_by_id(&*user.id).one(&*tx).await?;
    let before = before.as_ref().map(QuotaLimits::from).unwrap_or_default();
    if limits == QuotaLimits::default() {
        quotas::Entity::delete_by_id(&*user.id).exec(&*tx).await?;
    } else {
        let count = |n: Option<u32>| n.map(i64::from);
        let bytes = |n: Option<u64>| n.map(to_i64);
        let row = quotas::ActiveModel {
            user_id: Set(user.id.clone()),
            servers: Set(count(limits.servers)),
            memory_bytes: Set(bytes(limits.memory_bytes)),
            disk_bytes: Set(bytes(limits.disk_bytes)),
            cpu_percent: Set(count(limits.cpu_percent)),
            ports: Set(count(limits.ports)),
            subusers: Set(count(limits.subusers)),
            updated_at_ms: Set(now_ms),
        };
        let replace = OnConflict::column(quotas::Column::UserId)
            .update_columns([
                quotas::Column::Servers,
                quotas::Column::MemoryBytes,
                quotas::Column::DiskBytes,
                quotas::Column::CpuPercent,
                quotas::Column::Ports,
                quotas::Column::Subusers,
                quotas::Column::UpdatedAtMs,
            ])
            .to_owned();
        quotas::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(&*tx)
            .await?;
    }
    Entry::of(Key::PersonQuota, "user", &user.id)
        .with(changed(&before, &limits)?)
        .by(&*tx, caller, now_ms)
        .await?;
    let used = used(&*tx, &user.id, now_ms).await?;
    tx.commit().await?;
    Ok(Quota { limits, used })
}

/// What an audit row says: the numbers that are others now.
fn changed(before: &QuotaLimits, after: &QuotaLimits) -> Result<serde_json::Value> {
    let value = |limits| serde_json::to_value(limits).map_err(Error::internal);
    let (before, after) = (value(before)?, value(after)?);
    let mut diff = serde_json::Map::new();
    for (name, to) in after.as_object().into_iter().flatten() {
        if before[name] != *to {
            diff.insert(name.clone(), json!({"from": before[name], "to": to}));
        }
    }
    Ok(diff.into())
}
