//! Makes, changes and removes plans.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, SqlErr, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{plans, quotas};
use warren_proto::ids::PlanId;

use super::{
    dto::{Plan, PlanCreate, PlanPatch},
    store,
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    http::{IfMatch, Page, Stamp, Version, later},
    quota::{
        dto::QuotaLimits,
        limits::{self, Columns},
    },
};

/// Plans that there may be.
const MOST: u64 = 200;

fn shown(row: plans::Model, people: u64) -> Plan {
    Plan {
        limits: QuotaLimits::from(&row),
        version: Version::at(row.updated_at_ms),
        id: row.id,
        name: row.name,
        description: row.description,
        standard: row.standard,
        people,
        created_at: Stamp(row.created_at_ms),
        updated_at: Stamp(row.updated_at_ms),
    }
}

fn taken(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(text)) if text.contains("standard") => {
            let text = "another plan was made the standard at the same moment; look again";
            Error::conflict("changed_meanwhile", text)
        }
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::field("name", "taken", "another plan has this name")
        }
        _ => error.into(),
    }
}

/// All, by name.
/// # Errors
/// Database.
pub async fn list(app: &App) -> Result<Page<Plan>> {
    let db = app.db.read();
    let rows = plans::Entity::find()
        .order_by_asc(plans::Column::NameFolded)
        .limit(MOST)
        .all(db)
        .await?;
    let counts: Vec<(Option<String>, i64)> = quotas::Entity::find()
        .select_only()
        .column(quotas::Column::PlanId)
        .column_as(quotas::Column::UserId.count(), "people")
        .filter(quotas::Column::PlanId.is_not_null())
        .group_by(quotas::Column::PlanId)
        .into_tuple()
        .all(db)
        .await?;
    let counts: HashMap<String, i64> = counts
        .into_iter()
        .filter_map(|(id, people)| Some((id?, people)))
        .collect();
    let people = |id: &str| counts.get(id).copied().unwrap_or_default().unsigned_abs();
    let items = rows.into_iter().map(|row| {
        let people = people(&row.id);
        shown(row, people)
    });
    Ok(Page::whole(items.collect()))
}

/// One.
/// # Errors
/// 404.
pub async fn get(app: &App, id: PlanId) -> Result<Plan> {
    let db = app.db.read();
    let row = store::find(db, id).await?;
    let people = store::people(db, &row.id).await?;
    Ok(shown(row, people))
}

/// There is one standard plan at most: the one before is none from now on.
async fn alone(db: &impl ConnectionTrait, id: &str) -> Result<()> {
    plans::Entity::update_many()
        .col_expr(plans::Column::Standard, Expr::value(false))
        .filter(plans::Column::Standard.eq(true))
        .filter(plans::Column::Id.ne(id))
        .exec(db)
        .await?;
    Ok(())
}

/// Nobody but an admin changes what bounds themselves.
async fn not_own(
    db: &impl ConnectionTrait,
    caller: &Caller,
    plan: &plans::Model,
    standard: Option<bool>,
) -> Result<()> {
    if caller.actor.admin {
        return Ok(());
    }
    let row = quotas::Entity::find_by_id(&*caller.user.id).one(db).await?;
    let on = store::on(db, row.as_ref()).await?;
    let follows = row
        .as_ref()
        .is_none_or(|row| !row.own && row.plan_id.is_none());
    let own = on.is_some_and(|on| on.id == plan.id) || follows && standard.is_some();
    if !own {
        return Ok(());
    }
    let text = "this plan bounds your own servers; ask somebody else who may";
    Err(Error::forbidden("own_rights", text))
}

/// Makes one.
/// # Errors
/// 409 when there are too many, 422.
pub async fn create(app: &App, caller: &Caller, req: PlanCreate) -> Result<Plan> {
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    let description = fields.text("description", &req.description, 512);
    limits::check(&mut fields, "limits.", &req.limits);
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    if plans::Entity::find().count(&*tx).await? >= MOST {
        let text = format!("there are {MOST} plans; remove one that is no longer used");
        return Err(Error::conflict("too_many_plans", text));
    }
    let id = PlanId::new().to_string();
    let columns = Columns::from(&req.limits);
    let row = plans::ActiveModel {
        id: Set(id.clone()),
        name_folded: Set(name.to_lowercase()),
        name: Set(name),
        description: Set(description),
        standard: Set(req.standard),
        servers: Set(columns.servers),
        memory_bytes: Set(columns.memory_bytes),
        disk_bytes: Set(columns.disk_bytes),
        cpu_percent: Set(columns.cpu_percent),
        ports: Set(columns.ports),
        subusers: Set(columns.subusers),
        databases: Set(columns.databases),
        backups: Set(columns.backups),
        backup_bytes: Set(columns.backup_bytes),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
    };
    if req.standard {
        alone(&*tx, &id).await?;
    }
    let row = row.insert(&*tx).await.map_err(taken)?;
    if row.standard {
        not_own(&*tx, caller, &row, Some(true)).await?;
    }
    Entry::of(Key::PlanCreate, "plan", &row.id)
        .with(json!({"name": row.name, "standard": row.standard, "limits": req.limits}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(shown(row, 0))
}

/// Changes one. What is given out beyond it stays, and does not become more.
/// # Errors
/// 403 for one that bounds the caller, 404, 422.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: PlanId,
    if_match: &IfMatch,
    req: PlanPatch,
) -> Result<Plan> {
    let mut fields = Fields::new();
    let name = req.name.as_ref().map(|n| fields.line("name", n, 64));
    let description = req.description.as_ref();
    let description = description.map(|d| fields.text("description", d, 512));
    if let Some(limits) = &req.limits {
        limits::check(&mut fields, "limits.", limits);
    }
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let before = store::locked(&*tx, id).await?;
    if_match.check(&Version::at(before.updated_at_ms))?;
    let standard = req.standard.filter(|standard| *standard != before.standard);
    if req.limits.is_some() || standard.is_some() {
        not_own(&*tx, caller, &before, standard).await?;
    }
    let mut row = plans::ActiveModel {
        id: Set(before.id.clone()),
        updated_at_ms: Set(later(before.updated_at_ms, now_ms)),
        ..Default::default()
    };
    if let Some(name) = name {
        row.name_folded = Set(name.to_lowercase());
        row.name = Set(name);
    }
    if let Some(description) = description {
        row.description = Set(description);
    }
    if let Some(standard) = standard {
        row.standard = Set(standard);
    }
    if let Some(limits) = &req.limits {
        let columns = Columns::from(limits);
        row.servers = Set(columns.servers);
        row.memory_bytes = Set(columns.memory_bytes);
        row.disk_bytes = Set(columns.disk_bytes);
        row.cpu_percent = Set(columns.cpu_percent);
        row.ports = Set(columns.ports);
        row.subusers = Set(columns.subusers);
        row.databases = Set(columns.databases);
        row.backups = Set(columns.backups);
        row.backup_bytes = Set(columns.backup_bytes);
    }
    if standard == Some(true) {
        alone(&*tx, &before.id).await?;
    }
    let row = row.update(&*tx).await.map_err(taken)?;
    let (had, has) = (QuotaLimits::from(&before), QuotaLimits::from(&row));
    let mut diff = limits::changed(&had, &has)?;
    if before.name != row.name {
        diff.insert("name".into(), json!({"from": before.name, "to": row.name}));
    }
    if let Some(to) = standard {
        diff.insert("standard".into(), json!({"from": !to, "to": to}));
    }
    let people = store::people(&*tx, &row.id).await?;
    Entry::of(Key::PlanUpdate, "plan", &row.id)
        .with(diff.into())
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(shown(row, people))
}

/// Removes one. Whoever is on it must be put on another first: nobody is without bounds by a removal.
/// # Errors
/// 403 for one that bounds the caller, 404; 409 `plan_in_use`.
pub async fn delete(app: &App, caller: &Caller, id: PlanId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = store::locked(&*tx, id).await?;
    let standard = row.standard.then_some(false);
    not_own(&*tx, caller, &row, standard).await?;
    let people = store::people(&*tx, &row.id).await?;
    if people > 0 {
        let who = match people {
            1 => "somebody is".to_owned(),
            _ => format!("{people} people are"),
        };
        let text = format!("{who} on it; put them on another plan first");
        return Err(Error::conflict("plan_in_use", text));
    }
    if row.standard {
        let text = "it is the standard plan; make another one standard first, or none";
        return Err(Error::conflict("plan_in_use", text));
    }
    plans::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
    Entry::of(Key::PlanDelete, "plan", &row.id)
        .with(json!({"name": row.name, "limits": QuotaLimits::from(&row)}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}
