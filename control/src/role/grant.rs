//! Who has which role, and over what.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, SqlErr, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{grants, locations, nodes, roles, servers, users};
use warren_proto::ids::{GrantId, RoleId};

use super::{
    dto::{GrantCreate, ReachKind, RoleGrant},
    service,
};
use crate::{
    access::{Key, KeySet, Reach, lend},
    app::App,
    audit::{Entry, still},
    auth::Caller,
    db::Lane,
    error::{Error, Result},
    gate,
    http::{Page, PageQuery, Stamp},
    operation::dto::Named,
    person,
};

/// Roles that one person may have.
const MOST: u64 = 100;

/// What a request means by kind and id.
/// # Errors
/// 422.
fn reach(kind: ReachKind, target: Option<&str>) -> Result<Reach> {
    let bad = || {
        Error::field(
            "target",
            "invalid",
            "is no id of what the role shall be over",
        )
    };
    let id = target.unwrap_or_default();
    match kind {
        ReachKind::Everything if target.is_none() => Ok(Reach::Everything),
        ReachKind::Everything => Err(Error::field(
            "target",
            "unknown",
            "must be left out: the role is over everything",
        )),
        ReachKind::Location => id.parse().map(Reach::Location).map_err(|_| bad()),
        ReachKind::Node => id.parse().map(Reach::Node).map_err(|_| bad()),
        ReachKind::Server => id.parse().map(Reach::Server).map_err(|_| bad()),
    }
}

fn kind(reach: Reach) -> ReachKind {
    match reach {
        Reach::Everything => ReachKind::Everything,
        Reach::Location(_) => ReachKind::Location,
        Reach::Node(_) => ReachKind::Node,
        Reach::Server(_) => ReachKind::Server,
    }
}

type Names = HashMap<String, String>;

async fn names<E: EntityTrait>(
    db: &impl ConnectionTrait,
    id: E::Column,
    name: E::Column,
    ids: impl Iterator<Item = String>,
) -> Result<Names> {
    let rows: Vec<(String, String)> = E::find()
        .select_only()
        .column(id)
        .column(name)
        .filter(id.is_in(ids))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// With the names of all that they are about.
/// # Errors
/// Database.
pub async fn shown(db: &impl ConnectionTrait, rows: Vec<grants::Model>) -> Result<Vec<RoleGrant>> {
    let over = |kind: &'static str| {
        let of_kind = rows.iter().filter(move |r| r.reach == kind);
        of_kind.map(|r| r.reach_id.clone())
    };
    let people = rows.iter().map(|r| r.user_id.clone());
    let people = names::<users::Entity>(db, users::Column::Id, users::Column::Username, people);
    let (people, mut targets) = (people.await?, Names::new());
    let given = rows.iter().map(|r| r.role_id.clone());
    let given = names::<roles::Entity>(db, roles::Column::Id, roles::Column::Name, given).await?;
    let places = over("location");
    let places =
        names::<locations::Entity>(db, locations::Column::Id, locations::Column::Name, places);
    targets.extend(places.await?);
    let on = over("node");
    targets.extend(names::<nodes::Entity>(db, nodes::Column::Id, nodes::Column::Name, on).await?);
    let on = over("server");
    let on = names::<servers::Entity>(db, servers::Column::Id, servers::Column::Name, on);
    targets.extend(on.await?);
    let named = |names: &Names, id: &str| Named {
        name: names.get(id).cloned().unwrap_or_default(),
        id: id.to_owned(),
    };
    let shown = rows.iter().filter_map(|row| {
        let reach = Reach::read(&row.reach, &row.reach_id)?;
        Some(RoleGrant {
            id: row.id.clone(),
            user: named(&people, &row.user_id),
            role: named(&given, &row.role_id),
            reach: kind(reach),
            target: (reach != Reach::Everything).then(|| named(&targets, &row.reach_id)),
            expires_at: row.expires_at_ms.map(Stamp),
            created_at: Stamp(row.created_at_ms),
        })
    });
    Ok(shown.collect())
}

/// Of one role, the oldest first.
/// # Errors
/// 404; a bad cursor.
pub async fn of_role(app: &App, id: RoleId, page: &PageQuery) -> Result<Page<RoleGrant>> {
    let role = service::find(app.db.read(), id).await?;
    let limit = page.limit()?;
    let mut query = grants::Entity::find()
        .filter(grants::Column::RoleId.eq(role.id))
        .order_by_asc(grants::Column::Id)
        .limit(limit + 1);
    if let Some(after) = page.after()? {
        query = query.filter(grants::Column::Id.gt(after));
    }
    let rows = query.all(app.db.read()).await?;
    let page = Page::cut(rows, limit, |row| row.id.clone());
    let next = page.next;
    let items = shown(app.db.read(), page.items).await?;
    Ok(Page { items, next })
}

/// All of one person's.
/// # Errors
/// Database.
pub async fn of_person(app: &App, user: &str) -> Result<Page<RoleGrant>> {
    let rows = grants::Entity::find()
        .filter(grants::Column::UserId.eq(user))
        .order_by_asc(grants::Column::Id)
        .limit(MOST)
        .all(app.db.read())
        .await?;
    shown(app.db.read(), rows).await.map(Page::whole)
}

async fn there(db: &impl ConnectionTrait, reach: Reach) -> Result<()> {
    let found = match reach {
        Reach::Everything => true,
        Reach::Location(id) => locations::Entity::find_by_id(id.to_string())
            .one(db)
            .await?
            .is_some(),
        Reach::Node(id) => nodes::Entity::find_by_id(id.to_string())
            .filter(nodes::Column::DeletedAtMs.is_null())
            .one(db)
            .await?
            .is_some(),
        Reach::Server(id) => servers::Entity::find_by_id(id.to_string())
            .filter(servers::Column::DeletedAtMs.is_null())
            .one(db)
            .await?
            .is_some(),
    };
    if found {
        return Ok(());
    }
    Err(Error::field(
        "target",
        "unknown",
        "there is none with this id",
    ))
}

/// Gives a role.
/// # Errors
/// 403 for more than the caller has, 404 for no such role, 409 when they have it already, 422.
pub async fn create(
    app: &App,
    caller: &Caller,
    role: RoleId,
    req: GrantCreate,
) -> Result<RoleGrant> {
    let now_ms = app.clock.now_ms();
    let reach = reach(req.reach, req.target.as_deref())?;
    if req.expires_at.is_some_and(|at| at.0 <= now_ms) {
        return Err(Error::field("expires_at", "past", "lies in the past"));
    }
    let tx = app.db.begin(Lane::People).await?;
    still(&*tx, caller, now_ms).await?;
    let role = service::locked(&*tx, role).await?;
    let person = person::service::named(&*tx, "user", req.user).await?;
    there(&*tx, reach).await?;
    lend::require(
        &*tx,
        &caller.actor,
        KeySet::stored(&role.keys),
        reach,
        now_ms,
    )
    .await?;
    lend::until(&*tx, &caller.actor, req.expires_at, now_ms).await?;
    if req.user == caller.actor.user && !caller.actor.admin {
        let text = "nobody changes their own rights; ask somebody else who may";
        return Err(Error::forbidden("own_rights", text));
    }
    let have = grants::Entity::find().filter(grants::Column::UserId.eq(&*person.id));
    if have.count(&*tx).await? >= MOST {
        let text = format!("{} has {MOST} roles already", person.username);
        return Err(Error::conflict("too_many_grants", text));
    }
    let (kind, target) = reach.stored();
    let row = grants::ActiveModel {
        id: Set(GrantId::new().to_string()),
        user_id: Set(person.id.clone()),
        role_id: Set(role.id.clone()),
        reach: Set(kind.into()),
        reach_id: Set(target),
        expires_at_ms: Set(req.expires_at.map(|at| at.0)),
        created_by: Set(Some(caller.user.id.clone())),
        created_at_ms: Set(now_ms),
        login_id: Set(None),
    };
    let row = row.insert(&*tx).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::conflict(
            "has_role",
            format!(
                "{} has this role there already; take it back first to change its end",
                person.username
            ),
        ),
        _ => e.into(),
    })?;
    users::Entity::update_many()
        .col_expr(users::Column::Granted, Expr::value(true))
        .filter(users::Column::Id.eq(&*person.id))
        .exec(&*tx)
        .await?;
    note(&*tx, caller, &row, "given", now_ms).await?;
    let mut shown = shown(&*tx, vec![row]).await?;
    tx.commit().await?;
    shown.pop().ok_or_else(|| Error::not_found("grant"))
}

/// Takes a role back.
/// # Errors
/// 404; 403 for one that holds more than the caller has.
pub async fn delete(app: &App, caller: &Caller, id: GrantId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    still(&*tx, caller, now_ms).await?;
    let row = grants::Entity::find_by_id(id.to_string())
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("grant"))?;
    let reach = Reach::read(&row.reach, &row.reach_id);
    let role = roles::Entity::find_by_id(&*row.role_id).one(&*tx).await?;
    if let (Some(reach), Some(role)) = (reach, role) {
        let gone = there(&*tx, reach).await.is_err();
        let over = if gone { Reach::Everything } else { reach };
        lend::require(
            &*tx,
            &caller.actor,
            KeySet::stored(&role.keys),
            over,
            now_ms,
        )
        .await?;
    }
    grants::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
    note(&*tx, caller, &row, "taken", now_ms).await?;
    gate::end_people(&*tx, [row.user_id.clone()], now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(())
}

async fn note(
    db: &impl ConnectionTrait,
    caller: &Caller,
    row: &grants::Model,
    what: &str,
    now_ms: i64,
) -> Result<()> {
    Entry::of(Key::RoleGrant, "user", &row.user_id)
        .with(json!({
            "role": row.role_id,
            "what": what,
            "reach": row.reach,
            "target": row.reach_id,
            "expires_at_ms": row.expires_at_ms,
        }))
        .by_gone(db, caller, now_ms)
        .await?;
    Ok(())
}

/// All who have a role.
/// # Errors
/// Database.
pub async fn people_of_role(db: &impl ConnectionTrait, role: &str) -> Result<Vec<String>> {
    Ok(grants::Entity::find()
        .filter(grants::Column::RoleId.eq(role))
        .select_only()
        .column(grants::Column::UserId)
        .distinct()
        .into_tuple()
        .all(db)
        .await?)
}
