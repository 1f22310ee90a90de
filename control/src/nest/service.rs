//! Keeps the groups that eggs are in.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{eggs, nests};
use warren_proto::ids::NestId;

use super::dto::{Nest, NestCreate, NestPatch};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    http::Page,
};

/// More groups than anybody looks through; the list is one page.
const MOST: u64 = 200;

/// By name.
/// # Errors
/// Database.
pub async fn list(app: &App) -> Result<Page<Nest>> {
    let db = app.db.read();
    let rows = nests::Entity::find()
        .order_by_asc(nests::Column::NameFolded)
        .limit(MOST)
        .all(db)
        .await?;
    let counts: Vec<(Option<String>, i64)> = eggs::Entity::find()
        .filter(eggs::Column::DeletedAtMs.is_null())
        .filter(eggs::Column::NestId.is_not_null())
        .select_only()
        .column(eggs::Column::NestId)
        .column_as(eggs::Column::Id.count(), "eggs")
        .group_by(eggs::Column::NestId)
        .into_tuple()
        .all(db)
        .await?;
    let counts: HashMap<String, u64> = counts
        .into_iter()
        .filter_map(|(id, eggs)| Some((id?, eggs.unsigned_abs())))
        .collect();
    let shown = rows.into_iter().map(|row| {
        let eggs = counts.get(&row.id).copied().unwrap_or_default();
        Nest::of(row, eggs)
    });
    Ok(Page::whole(shown.collect()))
}

/// One.
/// # Errors
/// 404.
pub async fn get(app: &App, id: NestId) -> Result<Nest> {
    let db = app.db.read();
    let row = nests::Entity::find_by_id(id.to_string())
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("nest"))?;
    let eggs = held(db, &row.id).await?;
    Ok(Nest::of(row, eggs))
}

/// What these are called.
/// # Errors
/// Database.
pub async fn names(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = String>,
) -> Result<HashMap<String, String>, DbErr> {
    let rows: Vec<(String, String)> = nests::Entity::find()
        .filter(nests::Column::Id.is_in(ids))
        .select_only()
        .columns([nests::Column::Id, nests::Column::Name])
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// One that an egg is about to be in, locked: nobody removes it in between.
/// # Errors
/// 422 of the field `nest`.
pub async fn named(db: &impl ConnectionTrait, id: &str) -> Result<nests::Model> {
    let unknown = || Error::field("nest", "unknown", "there is no nest with this id");
    let id: NestId = id.parse().map_err(|_| unknown())?;
    match locked(db, id).await {
        Err(Error::NotFound { .. }) => Err(unknown()),
        other => other,
    }
}

async fn locked(db: &impl ConnectionTrait, id: NestId) -> Result<nests::Model> {
    nests::Entity::find_by_id(id.to_string())
        .lock_exclusive()
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("nest"))
}

/// Eggs that are in it.
async fn held(db: &impl ConnectionTrait, id: &str) -> Result<u64, DbErr> {
    eggs::Entity::find()
        .filter(eggs::Column::NestId.eq(id))
        .filter(eggs::Column::DeletedAtMs.is_null())
        .count(db)
        .await
}

/// Makes one.
/// # Errors
/// 422 for a bad or taken name, 409 when there are too many.
pub async fn create(app: &App, caller: &Caller, req: NestCreate) -> Result<Nest> {
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    let description = fields.text("description", &req.description, 512);
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    if nests::Entity::find().count(&*tx).await? >= MOST {
        let text = format!("there are {MOST} nests; remove one that is no longer used");
        return Err(Error::conflict("too_many_nests", text));
    }
    let row = nests::ActiveModel {
        id: Set(NestId::new().to_string()),
        name_folded: Set(name.to_lowercase()),
        name: Set(name),
        description: Set(description),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
    };
    let row = row.insert(&*tx).await.map_err(Error::name_taken("nest"))?;
    Entry::of(Key::NestCreate, "nest", &row.id)
        .with(json!({"name": row.name}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(Nest::of(row, 0))
}

/// Changes one.
/// # Errors
/// 404, 422.
pub async fn update(app: &App, caller: &Caller, id: NestId, req: NestPatch) -> Result<Nest> {
    let mut fields = Fields::new();
    let name = req.name.as_ref().map(|n| fields.line("name", n, 64));
    let description = req.description.as_ref();
    let description = description.map(|d| fields.text("description", d, 512));
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let before = locked(&*tx, id).await?;
    let mut row = nests::ActiveModel {
        id: Set(before.id.clone()),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    if let Some(name) = name {
        row.name_folded = Set(name.to_lowercase());
        row.name = Set(name);
    }
    if let Some(description) = description {
        row.description = Set(description);
    }
    let row = row.update(&*tx).await.map_err(Error::name_taken("nest"))?;
    let mut diff = serde_json::Map::new();
    for (field, from, to) in [
        ("name", &before.name, &row.name),
        ("description", &before.description, &row.description),
    ] {
        if from != to {
            diff.insert(field.into(), json!({"from": from, "to": to}));
        }
    }
    let eggs = held(&*tx, &row.id).await?;
    Entry::of(Key::NestUpdate, "nest", &row.id)
        .with(diff.into())
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(Nest::of(row, eggs))
}

/// Removes one. What is in it is moved first: by a removal nothing is in a group that nobody chose.
/// # Errors
/// 404; 409 `nest_in_use`.
pub async fn delete(app: &App, caller: &Caller, id: NestId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = locked(&*tx, id).await?;
    let eggs = held(&*tx, &row.id).await?;
    if eggs > 0 {
        let what = match eggs {
            1 => "an egg is".to_owned(),
            _ => format!("{eggs} eggs are"),
        };
        let text = format!("{what} in it; move them to another nest first, or out of any");
        return Err(Error::conflict("nest_in_use", text));
    }
    // Eggs that are deleted are kept for a while, and the row of one names its nest.
    eggs::Entity::update_many()
        .col_expr(eggs::Column::NestId, Expr::value(Option::<String>::None))
        .filter(eggs::Column::NestId.eq(&*row.id))
        .exec(&*tx)
        .await?;
    nests::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
    Entry::of(Key::NestDelete, "nest", &row.id)
        .with(json!({"name": row.name}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}
