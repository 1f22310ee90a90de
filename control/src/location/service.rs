//! Keeps the places that nodes stand at.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use warren_entity::{grants, locations, mount_offers, nodes};
use warren_proto::ids::LocationId;

use super::dto::{Location, LocationCreate, LocationPatch};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    http::{IfMatch, Page, Version, later},
};

/// More places than anybody has; the list is one page.
const MOST: u64 = 500;

/// By name.
/// # Errors
/// Database.
pub async fn list(app: &App) -> Result<Page<Location>> {
    let rows = locations::Entity::find()
        .order_by_asc(locations::Column::NameFolded)
        .limit(MOST)
        .all(app.db.read())
        .await?;
    let counts: Vec<(Option<String>, i64)> = nodes::Entity::find()
        .filter(nodes::Column::DeletedAtMs.is_null())
        .filter(nodes::Column::LocationId.is_not_null())
        .select_only()
        .column(nodes::Column::LocationId)
        .column_as(nodes::Column::Id.count(), "count")
        .group_by(nodes::Column::LocationId)
        .into_tuple()
        .all(app.db.read())
        .await?;
    let counts: HashMap<String, u64> = counts
        .into_iter()
        .filter_map(|(id, count)| Some((id?, u64::try_from(count).unwrap_or_default())))
        .collect();
    let shown = rows.into_iter().map(|row| {
        let nodes = counts.get(&row.id).copied().unwrap_or_default();
        Location::of(row, nodes)
    });
    Ok(Page::whole(shown.collect()))
}

/// Makes one.
/// # Errors
/// 422 for a bad or taken name, 409 when there are too many.
pub async fn create(app: &App, caller: &Caller, req: LocationCreate) -> Result<Location> {
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    let description = fields.text("description", &req.description, 512);
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    if locations::Entity::find().count(&*tx).await? >= MOST {
        let text = format!("there are {MOST} locations; remove one that is no longer used");
        return Err(Error::conflict("too_many_locations", text));
    }
    let row = locations::ActiveModel {
        id: Set(LocationId::new().to_string()),
        name_folded: Set(name.to_lowercase()),
        name: Set(name),
        description: Set(description),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
    };
    let row = row
        .insert(&*tx)
        .await
        .map_err(Error::name_taken("location"))?;
    Entry::of(Key::LocationUpdate, "location", &row.id)
        .with(json!({"name": row.name}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(Location::of(row, 0))
}

/// # Errors
/// 404.
pub async fn find(db: &impl ConnectionTrait, id: LocationId) -> Result<locations::Model> {
    locations::Entity::find_by_id(id.to_string())
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("location"))
}

/// Nodes that stand there.
async fn standing(db: &impl ConnectionTrait, id: &str) -> Result<u64> {
    Ok(nodes::Entity::find()
        .filter(nodes::Column::LocationId.eq(id))
        .filter(nodes::Column::DeletedAtMs.is_null())
        .count(db)
        .await?)
}

/// Changes one.
/// # Errors
/// 404, 422.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: LocationId,
    if_match: &IfMatch,
    req: LocationPatch,
) -> Result<Location> {
    let mut fields = Fields::new();
    let name = req.name.as_ref().map(|n| fields.line("name", n, 64));
    let description = req.description.as_ref();
    let description = description.map(|d| fields.text("description", d, 512));
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let before = find(&*tx, id).await?;
    if_match.check(&Version::at(before.updated_at_ms))?;
    let mut row = locations::ActiveModel {
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
    let row = row
        .update(&*tx)
        .await
        .map_err(Error::name_taken("location"))?;
    let nodes = standing(&*tx, &row.id).await?;
    Entry::of(Key::LocationUpdate, "location", &row.id)
        .with(json!({"name": {"from": before.name, "to": row.name}}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(Location::of(row, nodes))
}

/// Removes one.
/// # Errors
/// 404; 409 while nodes stand there or roles are over it: removing it would take rights away unsaid.
pub async fn delete(app: &App, caller: &Caller, id: LocationId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = find(&*tx, id).await?;
    let nodes = standing(&*tx, &row.id).await?;
    let roles = grants::Entity::find()
        .filter(grants::Column::Reach.eq("location"))
        .filter(grants::Column::ReachId.eq(&*row.id))
        .count(&*tx)
        .await?;
    if nodes > 0 || roles > 0 {
        return Err(Error::conflict(
            "location_in_use",
            format!(
                "{nodes} node(s) stand there and {roles} role(s) are given over it; move and take them away first"
            ),
        ));
    }
    // Mounts are no longer offered there; where they are switched on they stay.
    mount_offers::Entity::delete_many()
        .filter(mount_offers::Column::Kind.eq("location"))
        .filter(mount_offers::Column::TargetId.eq(&*row.id))
        .exec(&*tx)
        .await?;
    locations::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
    Entry::of(Key::LocationUpdate, "location", &row.id)
        .with(json!({"name": row.name, "deleted": true}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}
