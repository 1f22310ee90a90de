//! Keeps roles. A change counts at once: whoever loses a key by it loses the tickets that hold it.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use warren_entity::{grants, roles};
use warren_proto::ids::RoleId;

use super::{
    dto::{Role, RoleCreate, RolePatch},
    grant,
};
use crate::{
    access::{Key, KeySet, Reach, lend},
    app::App,
    audit::{Entry, still},
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    gate,
    http::{IfMatch, Page, Stamp, Version, later},
};

/// More roles than anybody has; the list is one page.
const MOST: u64 = 200;

fn shown(row: roles::Model, grants: u64) -> Role {
    Role {
        version: Version::at(row.updated_at_ms),
        id: row.id,
        name: row.name,
        description: row.description,
        keys: KeySet::stored(&row.keys).names(),
        second_factor: row.second_factor,
        grants,
        created_at: Stamp(row.created_at_ms),
        updated_at: Stamp(row.updated_at_ms),
    }
}

/// By name.
/// # Errors
/// Database.
pub async fn list(app: &App) -> Result<Page<Role>> {
    let rows = roles::Entity::find()
        .order_by_asc(roles::Column::NameFolded)
        .limit(MOST)
        .all(app.db.read())
        .await?;
    let counts: Vec<(String, i64)> = grants::Entity::find()
        .select_only()
        .column(grants::Column::RoleId)
        .column_as(grants::Column::Id.count(), "count")
        .group_by(grants::Column::RoleId)
        .into_tuple()
        .all(app.db.read())
        .await?;
    let counts: HashMap<String, i64> = counts.into_iter().collect();
    let shown = rows.into_iter().map(|row| {
        let count = counts.get(&row.id).copied().unwrap_or_default();
        shown(row, u64::try_from(count).unwrap_or_default())
    });
    Ok(Page::whole(shown.collect()))
}

/// # Errors
/// 404.
pub async fn find(db: &impl ConnectionTrait, id: RoleId) -> Result<roles::Model> {
    roles::Entity::find_by_id(id.to_string())
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("role"))
}

/// The row, locked: who changes a role and who gives it come one after the other.
/// # Errors
/// 404.
pub async fn locked(db: &impl ConnectionTrait, id: RoleId) -> Result<roles::Model> {
    roles::Entity::find_by_id(id.to_string())
        .lock_exclusive()
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("role"))
}

async fn given(db: &impl ConnectionTrait, role: &str) -> Result<u64> {
    let of_role = grants::Entity::find().filter(grants::Column::RoleId.eq(role));
    Ok(of_role.count(db).await?)
}

/// One role.
/// # Errors
/// 404.
pub async fn get(app: &App, id: RoleId) -> Result<Role> {
    let row = find(app.db.read(), id).await?;
    let grants = given(app.db.read(), &row.id).await?;
    Ok(shown(row, grants))
}

/// Makes one.
/// # Errors
/// 403 for keys that the caller lacks, 422 for a bad name or key, 409 when there are too many.
pub async fn create(app: &App, caller: &Caller, req: RoleCreate) -> Result<Role> {
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    let description = fields.text("description", &req.description, 512);
    let keys = KeySet::asked(&mut fields, "keys", &req.keys);
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    lend::require(&*tx, &caller.actor, keys, Reach::Everything, now_ms).await?;
    if roles::Entity::find().count(&*tx).await? >= MOST {
        let text = format!("there are {MOST} roles; remove one that is no longer used");
        return Err(Error::conflict("too_many_roles", text));
    }
    let row = roles::ActiveModel {
        id: Set(RoleId::new().to_string()),
        name_folded: Set(name.to_lowercase()),
        name: Set(name),
        description: Set(description),
        keys: Set(json!(keys.names())),
        second_factor: Set(req.second_factor),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
    };
    let row = row.insert(&*tx).await.map_err(Error::name_taken("role"))?;
    Entry::of(Key::RoleCreate, "role", &row.id)
        .with(json!({"name": row.name, "keys": row.keys, "second_factor": row.second_factor}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(shown(row, 0))
}

/// Changes one.
/// # Errors
/// 404, 422; 403 when it holds or would hold keys that the caller lacks.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: RoleId,
    if_match: &IfMatch,
    req: RolePatch,
) -> Result<Role> {
    let mut fields = Fields::new();
    let name = req.name.as_ref().map(|n| fields.line("name", n, 64));
    let description = req.description.as_ref();
    let description = description.map(|d| fields.text("description", d, 512));
    let wanted = req
        .keys
        .as_ref()
        .map(|k| KeySet::asked(&mut fields, "keys", k));
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    still(&*tx, caller, now_ms).await?;
    let before = locked(&*tx, id).await?;
    if_match.check(&Version::at(before.updated_at_ms))?;
    let had = KeySet::stored(&before.keys);
    let has = wanted.unwrap_or(had);
    lend::require(&*tx, &caller.actor, had | has, Reach::Everything, now_ms).await?;
    let mut row = roles::ActiveModel {
        id: Set(before.id.clone()),
        updated_at_ms: Set(later(before.updated_at_ms, now_ms)),
        ..Default::default()
    };
    if let Some(keys) = wanted {
        row.keys = Set(json!(keys.names()));
    }
    if let Some(second_factor) = req.second_factor {
        row.second_factor = Set(second_factor);
    }
    if let Some(name) = name {
        row.name_folded = Set(name.to_lowercase());
        row.name = Set(name);
    }
    if let Some(description) = description {
        row.description = Set(description);
    }
    let row = row.update(&*tx).await.map_err(Error::name_taken("role"))?;
    let lost = had.without(has);
    let grants = given(&*tx, &row.id).await?;
    Entry::of(Key::RoleUpdate, "role", &row.id)
        .with(json!({
            "name": {"from": before.name, "to": row.name},
            "given": has.without(had).names(),
            "taken": lost.names(),
            "second_factor": {"from": before.second_factor, "to": row.second_factor},
        }))
        .by_gone(&*tx, caller, now_ms)
        .await?;
    let dearer = row.second_factor && !before.second_factor;
    if !lost.is_empty() || dearer {
        let people = grant::people_of_role(&*tx, &row.id).await?;
        gate::end_people(&*tx, people, now_ms).await?;
    }
    tx.commit().await?;
    app.nudges.revoked();
    Ok(shown(row, grants))
}

/// Removes one, from everybody who has it.
/// # Errors
/// 404; 403 when it holds keys that the caller lacks.
pub async fn delete(app: &App, caller: &Caller, id: RoleId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    still(&*tx, caller, now_ms).await?;
    let row = locked(&*tx, id).await?;
    let keys = KeySet::stored(&row.keys);
    lend::require(&*tx, &caller.actor, keys, Reach::Everything, now_ms).await?;
    let people = grant::people_of_role(&*tx, &row.id).await?;
    let gone = grants::Entity::delete_many()
        .filter(grants::Column::RoleId.eq(&*row.id))
        .exec(&*tx)
        .await?;
    roles::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
    Entry::of(Key::RoleDelete, "role", &row.id)
        .with(json!({
            "name": row.name,
            "keys": row.keys,
            "grants": gone.rows_affected,
            "people": people,
        }))
        .by_gone(&*tx, caller, now_ms)
        .await?;
    gate::end_people(&*tx, people, now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(())
}
