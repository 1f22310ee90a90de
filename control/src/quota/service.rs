//! Shows quotas and sets them.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};
use serde_json::{Value, json};
use warren_entity::{plans, quotas};
use warren_proto::ids::UserId;

use super::{
    dto::{Quota, QuotaLimits, QuotaSet},
    hold::used,
    limits::{self, Columns},
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    http::{IfMatch, Version, later},
    operation::dto::Named,
    person::service::{find, lock, not_own},
    plan,
};

/// Where somebody's numbers come from.
struct Source {
    limits: QuotaLimits,
    plan: Option<plans::Model>,
    own: bool,
    /// Of the row; the plan's own changes are the plan's.
    at_ms: i64,
}

impl Source {
    async fn of(db: &impl ConnectionTrait, user: &str) -> Result<Self> {
        let row = quotas::Entity::find_by_id(user).one(db).await?;
        let plan = plan::on(db, row.as_ref()).await?;
        let own = row.as_ref().is_some_and(|row| row.own);
        let limits = match (&plan, &row) {
            (Some(plan), _) => QuotaLimits::from(plan),
            (None, Some(row)) if row.own => QuotaLimits::from(row),
            (None, _) => QuotaLimits::default(),
        };
        let at_ms = row.map_or(0, |row| row.updated_at_ms);
        Ok(Self {
            limits,
            plan,
            own,
            at_ms,
        })
    }

    /// As the audit log has it.
    fn name(&self) -> Value {
        match &self.plan {
            Some(plan) => json!(plan.name),
            None if self.own => json!("own"),
            None => Value::Null,
        }
    }

    async fn shown(self, db: &impl ConnectionTrait, user: &str, now_ms: i64) -> Result<Quota> {
        Ok(Quota {
            version: Version::at(self.at_ms),
            limits: self.limits,
            used: used(db, user, now_ms).await?,
            plan: self.plan.map(|plan| Named {
                id: plan.id,
                name: plan.name,
            }),
            own: self.own,
        })
    }
}

/// Somebody's quota and what of it is given out.
/// # Errors
/// 404.
pub async fn get(app: &App, id: UserId) -> Result<Quota> {
    let db = app.db.read();
    let user = find(db, id).await?;
    let source = Source::of(db, &user.id).await?;
    source.shown(db, &user.id, app.clock.now_ms()).await
}

/// Sets all of it. What is given out beyond it stays, and does not become more.
/// # Errors
/// 403 for an admin's by somebody who is none, 404, 409 for one's own, 422.
pub async fn set(
    app: &App,
    caller: &Caller,
    id: UserId,
    if_match: &IfMatch,
    req: QuotaSet,
) -> Result<Quota> {
    not_own(caller, id)?;
    let numbers = req.limits();
    let mut fields = Fields::new();
    limits::check(&mut fields, "", &numbers);
    let own = req.own || numbers != QuotaLimits::default();
    if own && req.plan.is_some() {
        let text = "has numbers of its own: leave the others out, or this";
        fields.refuse("plan", "conflict", text);
    }
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    // Whoever sets a quota gets nothing of the account by it, so they need not have what it has.
    let user = lock(&*tx, id).await?;
    let user = user.ok_or_else(|| Error::not_found("user"))?;
    if user.admin && !caller.actor.admin {
        let text = "this is an admin's account, and you are none";
        return Err(Error::forbidden("more_than_own", text));
    }
    if let Some(plan) = req.plan {
        plan::locked(&*tx, plan)
            .await
            .map_err(|error| match error {
                Error::NotFound { .. } => Error::field("plan", "unknown", "there is no such plan"),
                other => other,
            })?;
    }
    let before = Source::of(&*tx, &user.id).await?;
    if_match.check(&Version::at(before.at_ms))?;
    let columns = Columns::from(&numbers);
    let row = quotas::ActiveModel {
        user_id: Set(user.id.clone()),
        own: Set(own),
        plan_id: Set(req.plan.map(|plan| plan.to_string())),
        servers: Set(columns.servers),
        memory_bytes: Set(columns.memory_bytes),
        disk_bytes: Set(columns.disk_bytes),
        cpu_percent: Set(columns.cpu_percent),
        ports: Set(columns.ports),
        subusers: Set(columns.subusers),
        databases: Set(columns.databases),
        backups: Set(columns.backups),
        backup_bytes: Set(columns.backup_bytes),
        updated_at_ms: Set(later(before.at_ms, now_ms)),
    };
    let replace = OnConflict::column(quotas::Column::UserId)
        .update_columns([
            quotas::Column::Own,
            quotas::Column::PlanId,
            quotas::Column::Servers,
            quotas::Column::MemoryBytes,
            quotas::Column::DiskBytes,
            quotas::Column::CpuPercent,
            quotas::Column::Ports,
            quotas::Column::Subusers,
            quotas::Column::Databases,
            quotas::Column::Backups,
            quotas::Column::BackupBytes,
            quotas::Column::UpdatedAtMs,
        ])
        .to_owned();
    quotas::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(&*tx)
        .await?;
    let after = Source::of(&*tx, &user.id).await?;
    let mut diff = limits::changed(&before.limits, &after.limits)?;
    if before.name() != after.name() {
        diff.insert(
            "plan".into(),
            json!({"from": before.name(), "to": after.name()}),
        );
    }
    Entry::of(Key::PersonQuota, "user", &user.id)
        .with(diff.into())
        .by(&*tx, caller, now_ms)
        .await?;
    let shown = after.shown(&*tx, &user.id, now_ms).await?;
    tx.commit().await?;
    Ok(shown)
}
