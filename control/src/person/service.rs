//! Looks after people's accounts.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait, LikeExpr},
};
use serde_json::json;
use warren_entity::{grants, quotas, roles, servers, sessions, subusers, users};
use warren_proto::ids::UserId;

use super::dto::{
    FirstPassword, Person, PersonCreate, PersonCreated, PersonPatch, PersonQuery, Suspension,
};
use crate::{
    access::{Key, lend, load},
    account::service::{check_email, check_username, taken},
    api_key,
    app::App,
    audit::Entry,
    auth::{Caller, password, secret},
    db::Lane,
    error::{Error, Fields, Result},
    gate::{self, Ended},
    http::{IfMatch, Page, PageQuery, Sort, Stamp, Version, later},
    mail,
    operation::dto::Named,
    passkey,
    password_link::service as link,
    profile, second_factor,
    session::store,
    ssh_key, sso,
};

/// What a page of people needs beside their rows.
async fn shown(db: &impl ConnectionTrait, rows: Vec<users::Model>) -> Result<Vec<Person>> {
    let ids: Vec<String> = rows.iter().map(|u| u.id.clone()).collect();
    let owned: Vec<(String, i64)> = servers::Entity::find()
        .filter(servers::Column::OwnerId.is_in(ids.clone()))
        .filter(servers::Column::DeletedAtMs.is_null())
        .select_only()
        .column(servers::Column::OwnerId)
        .column_as(servers::Column::Id.count(), "count")
        .group_by(servers::Column::OwnerId)
        .into_tuple()
        .all(db)
        .await?;
    let owned: HashMap<String, i64> = owned.into_iter().collect();
    let seen: Vec<(String, Option<i64>)> = sessions::Entity::find()
        .filter(sessions::Column::UserId.is_in(ids.clone()))
        .filter(sessions::Column::EndedAtMs.is_null())
        .select_only()
        .column(sessions::Column::UserId)
        .column_as(sessions::Column::LastSeenAtMs.max(), "seen")
        .group_by(sessions::Column::UserId)
        .into_tuple()
        .all(db)
        .await?;
    let seen: HashMap<String, Option<i64>> = seen.into_iter().collect();
    let given: Vec<(String, String)> = grants::Entity::find()
        .filter(grants::Column::UserId.is_in(ids))
        .select_only()
        .columns([grants::Column::UserId, grants::Column::RoleId])
        .distinct()
        .into_tuple()
        .all(db)
        .await?;
    let names: Vec<(String, String)> = roles::Entity::find()
        .filter(roles::Column::Id.is_in(given.iter().map(|(_, role)| role.clone())))
        .select_only()
        .columns([roles::Column::Id, roles::Column::Name])
        .into_tuple()
        .all(db)
        .await?;
    let names: HashMap<String, String> = names.into_iter().collect();
    // By name, each once.
    let mut roles_of: HashMap<String, BTreeMap<String, String>> = HashMap::new();
    for (user, role) in given {
        if let Some(name) = names.get(&role) {
            let of_user = roles_of.entry(user).or_default();
            of_user.insert(name.clone(), role);
        }
    }
    let person = |u: users::Model| Person {
        servers: owned
            .get(&u.id)
            .map_or(0, |n| u64::try_from(*n).unwrap_or_default()),
        last_seen_at: seen.get(&u.id).copied().flatten().map(Stamp),
        roles: roles_of
            .remove(&u.id)
            .unwrap_or_default()
            .into_iter()
            .map(|(name, id)| Named { id, name })
            .collect(),
        version: Version::at(u.updated_at_ms),
        id: u.id,
        username: u.username,
        email: u.email,
        admin: u.admin,
        must_change_password: u.must_change_password,
        second_factor: u.second_factor,
        suspended: u.suspended_at_ms.map(|at| Suspension {
            since: Stamp(at),
            reason: u.suspended_reason.unwrap_or_default(),
        }),
        created_at: Stamp(u.created_at_ms),
    };
    Ok(rows.into_iter().map(person).collect())
}

/// The oldest first, unless asked otherwise.
/// # Errors
/// Database; a bad cursor.
pub async fn list(app: &App, ask: &PersonQuery) -> Result<Page<Person>> {
    let page = PageQuery {
        limit: ask.limit,
        cursor: ask.cursor.clone(),
    };
    let limit = page.limit()?;
    let sort = ask.sort.unwrap_or(Sort::Created);
    let query = users::Entity::find()
        .filter(users::Column::DeletedAtMs.is_null())
        .limit(limit + 1);
    let name = Expr::col(users::Column::UsernameFolded);
    let mut query = sort.apply(query, &page, users::Column::Id, name, |name| {
        Expr::val(name)
    })?;
    let text = ask.search.as_deref();
    let text = text.map(|t| {
        t.trim()
            .chars()
            .take(254)
            .collect::<String>()
            .to_lowercase()
    });
    if let Some(text) = text.filter(|t| !t.is_empty()) {
        // What a user types is text here, not a pattern. No index serves it, and it need not: panels have thousands of
        // people where they have millions of servers.
        let escaped = text
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        let begins = |column: users::Column| {
            let pattern = LikeExpr::new(format!("{escaped}%")).escape('\\');
            ExprTrait::like(Expr::col(column), pattern)
        };
        let found = Condition::any()
            .add(users::Column::Id.eq(&*text))
            .add(begins(users::Column::UsernameFolded))
            .add(begins(users::Column::EmailFolded));
        query = query.filter(found);
    }
    let rows = query.all(app.db.read()).await?;
    let page = Page::cut(rows, limit, |row| sort.key(&row.id, &row.username_folded));
    let items = shown(app.db.read(), page.items).await?;
    Ok(Page {
        items,
        next: page.next,
    })
}

/// # Errors
/// 404.
pub async fn find(db: &impl ConnectionTrait, id: UserId) -> Result<users::Model> {
    users::Entity::find_by_id(id.to_string())
        .filter(users::Column::DeletedAtMs.is_null())
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("user"))
}

pub(super) async fn one(db: &impl ConnectionTrait, row: users::Model) -> Result<Person> {
    let mut shown = shown(db, vec![row]).await?;
    shown.pop().ok_or_else(|| Error::not_found("user"))
}

/// One person.
/// # Errors
/// 404.
pub async fn get(app: &App, id: UserId) -> Result<Person> {
    let row = find(app.db.read(), id).await?;
    one(app.db.read(), row).await
}

fn admins_only(caller: &Caller) -> Result<()> {
    if caller.actor.admin {
        return Ok(());
    }
    let text = "only an admin makes admins and unmakes them";
    Err(Error::forbidden("more_than_own", text))
}

/// Makes an account. Without a password one is made up.
/// # Errors
/// 403 for an admin by somebody who is none, 422.
pub async fn create(app: &App, caller: &Caller, req: PersonCreate) -> Result<PersonCreated> {
    if req.admin {
        admins_only(caller)?;
        caller.by_session()?;
    }
    if req.invite {
        app.mail.require()?;
    }
    let mut fields = Fields::new();
    if req.invite && req.password.is_some() {
        let text = "is chosen by whoever is invited; leave it out";
        fields.refuse("password", "conflict", text);
    }
    check_username(&mut fields, "username", &req.username);
    check_email(&mut fields, "email", &req.email);
    if let Some(text) = &req.password {
        password::check_new(&mut fields, "password", text, &req.username, &req.email);
    }
    fields.finish()?;
    let made_up = match req.password {
        None => Some(secret::first_password()?.expose().to_owned()),
        Some(_) => None,
    };
    let text = req.password.as_deref().or(made_up.as_deref());
    let hash = app.door.passwords.hash(text.unwrap_or_default()).await?;
    let now_ms = app.clock.now_ms();
    let row = users::ActiveModel {
        id: Set(UserId::new().to_string()),
        username_folded: Set(req.username.to_lowercase()),
        username: Set(req.username),
        email_folded: Set(req.email.to_lowercase()),
        email: Set(req.email),
        password_hash: Set(hash),
        admin: Set(req.admin),
        // Whoever made the account knows it too, but for one that nobody is told.
        must_change_password: Set(!req.invite),
        email_verified: Set(false),
        second_factor: Set(false),
        granted: Set(false),
        shared: Set(false),
        suspended_at_ms: Set(None),
        suspended_reason: Set(None),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
        deleted_at_ms: Set(None),
    };
    let tx = app.db.begin(Lane::People).await?;
    let row = row.insert(&*tx).await.map_err(taken)?;
    Entry::of(Key::PersonCreate, "user", &row.id)
        .with(json!({
            "username": row.username,
            "email": row.email,
            "admin": row.admin,
            "invited": req.invite,
        }))
        .by(&*tx, caller, now_ms)
        .await?;
    let link = match req.invite {
        true => Some(link::make(app, &*tx, &row.id, link::INVITATION_MS, now_ms).await?),
        false => None,
    };
    let user = one(&*tx, row).await?;
    tx.commit().await?;
    if let Some(link) = &link {
        let letter = mail::writer(app, &user.username, None);
        let letter = letter.invitation(&caller.user.username, link);
        // The account is there: whoever waits in vain asks for a link as if they had forgotten.
        if let Err(error) = app.mail.post(user.email.clone(), letter) {
            tracing::warn!(%error, "an invitation was not sent");
        }
    }
    Ok(PersonCreated {
        user,
        password: made_up.filter(|_| link.is_none()),
    })
}

/// The row, locked, if there is such an account.
pub(crate) async fn lock(db: &impl ConnectionTrait, id: UserId) -> Result<Option<users::Model>> {
    Ok(users::Entity::find_by_id(id.to_string())
        .filter(users::Column::DeletedAtMs.is_null())
        .lock_exclusive()
        .one(db)
        .await?)
}

/// Somebody whom a request names, locked: changes of what they have come one after the other.
/// # Errors
/// 422 for nobody.
pub async fn named(db: &impl ConnectionTrait, field: &str, id: UserId) -> Result<users::Model> {
    let there = lock(db, id).await?;
    there.ok_or_else(|| Error::field(field, "unknown", "there is nobody with this id"))
}

/// The row, locked, of somebody whom the caller may change.
pub(crate) async fn locked(
    app: &App,
    db: &impl ConnectionTrait,
    caller: &Caller,
    id: UserId,
) -> Result<users::Model> {
    let row = lock(db, id)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    lend::over_person(db, &caller.actor, &row, app.clock.now_ms()).await?;
    if row.admin {
        // A stolen key of an admin must not become another one's log-in.
        caller.by_session()?;
    }
    Ok(row)
}

/// Passes if somebody else is an admin too. All of their rows are locked in one order: two admins who unmake each
/// other come one after the other.
pub(super) async fn not_the_last(db: &impl ConnectionTrait, id: &str) -> Result<()> {
    let admins: Vec<String> = users::Entity::find()
        .filter(users::Column::Admin.eq(true))
        .filter(load::active())
        .order_by_asc(users::Column::Id)
        .lock_exclusive()
        .select_only()
        .column(users::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    if admins.iter().any(|other| other != id) {
        return Ok(());
    }
    let text = "this is the last admin: nobody could look after the panel any more; make another one first";
    Err(Error::conflict("last_admin", text))
}

/// Passes if it is another's account. One's own is changed where the old password is asked for and a key can't do it.
pub(crate) fn not_own(caller: &Caller, id: UserId) -> Result<()> {
    if id != caller.actor.user {
        return Ok(());
    }
    let text = "this is your own account: change it by /api/v1/account; only another admin changes your rights";
    Err(Error::conflict("own_account", text))
}

/// Changes an account. A right that is lost ends what it has opened.
/// # Errors
/// 403 for one that has more than the caller, 404, 409 for the last admin, 422.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: UserId,
    if_match: &IfMatch,
    req: PersonPatch,
) -> Result<Person> {
    not_own(caller, id)?;
    if req.admin.is_some() {
        admins_only(caller)?;
        caller.by_session()?;
    }
    let mut fields = Fields::new();
    let before = find(app.db.read(), id).await?;
    let name = req.username.as_deref().unwrap_or(&before.username);
    let email = req.email.as_deref().unwrap_or(&before.email);
    check_username(&mut fields, "username", name);
    check_email(&mut fields, "email", email);
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let unmade = req.admin == Some(false);
    if unmade {
        not_the_last(&*tx, &before.id).await?;
    }
    let before = locked(app, &*tx, caller, id).await?;
    if_match.check(&Version::at(before.updated_at_ms))?;
    let mut row = users::ActiveModel {
        id: Set(before.id.clone()),
        updated_at_ms: Set(later(before.updated_at_ms, now_ms)),
        ..Default::default()
    };
    if let Some(name) = &req.username {
        row.username_folded = Set(name.to_lowercase());
        row.username = Set(name.clone());
    }
    if let Some(email) = &req.email {
        row.email_folded = Set(email.to_lowercase());
        row.email = Set(email.clone());
        row.email_verified = Set(before.email_verified && *email == before.email);
    }
    if let Some(admin) = req.admin {
        row.admin = Set(admin);
    }
    let row = row.update(&*tx).await.map_err(taken)?;
    if row.email != before.email {
        // What was sent to the old address, and what a provider's word about it lets in.
        link::forget(&*tx, &row.id).await?;
        sso::forget_by_address(&*tx, &row.id).await?;
    }
    Entry::of(Key::PersonUpdate, "user", &row.id)
        .with(json!({
            "username": {"from": before.username, "to": row.username},
            "email": {"from": before.email, "to": row.email},
            "admin": {"from": before.admin, "to": row.admin},
        }))
        .by(&*tx, caller, now_ms)
        .await?;
    let shown = one(&*tx, row).await?;
    if unmade && before.admin {
        gate::end(&*tx, Ended::User(id), now_ms).await?;
    }
    tx.commit().await?;
    app.nudges.revoked();
    Ok(shown)
}

/// Makes up another password. Whoever had got in is out, with the keys that they made.
/// # Errors
/// 403 for one that has more than the caller, 404.
pub async fn reset_password(app: &App, caller: &Caller, id: UserId) -> Result<FirstPassword> {
    not_own(caller, id)?;
    let made = secret::first_password()?;
    let hash = app.door.passwords.hash(made.expose()).await?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = locked(app, &*tx, caller, id).await?;
    let change = users::ActiveModel {
        id: Set(row.id.clone()),
        password_hash: Set(hash),
        must_change_password: Set(true),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    change.update(&*tx).await?;
    link::forget(&*tx, &row.id).await?;
    store::end_all(&*tx, &row.id, now_ms).await?;
    api_key::service::end_all(&*tx, &row.id, now_ms).await?;
    passkey::forget(&*tx, &row.id).await?;
    ssh_key::forget(&*tx, &row.id).await?;
    sso::forget(&*tx, &row.id).await?;
    Entry::word("person.password", "user", &row.id)
        .by(&*tx, caller, now_ms)
        .await?;
    gate::end(&*tx, Ended::User(id), now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(FirstPassword {
        password: made.expose().to_owned(),
    })
}

/// Removes an account softly: name and address are free again, and all doors are closed.
/// # Errors
/// 403 for one that has more than the caller, 404; 409 while it owns servers, and for the last admin.
pub async fn delete(app: &App, caller: &Caller, id: UserId) -> Result<()> {
    if id == caller.actor.user {
        let text = "nobody removes the account that they are using; let another admin do it";
        return Err(Error::conflict("own_account", text));
    }
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = find(&*tx, id).await?;
    // Nobody else gets further with an admin's account than to the lock below.
    if row.admin && caller.actor.admin {
        not_the_last(&*tx, &id.to_string()).await?;
    }
    let row = locked(app, &*tx, caller, id).await?;
    let servers = servers::Entity::find()
        .filter(servers::Column::OwnerId.eq(&*row.id))
        .filter(servers::Column::DeletedAtMs.is_null())
        .count(&*tx)
        .await?;
    if servers > 0 {
        return Err(Error::conflict(
            "owns_servers",
            format!(
                "{} owns {servers} server(s); delete them first",
                row.username
            ),
        ));
    }
    users::Entity::update_many()
        .col_expr(users::Column::DeletedAtMs, Expr::value(now_ms))
        .filter(users::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    store::end_all(&*tx, &row.id, now_ms).await?;
    api_key::service::end_all(&*tx, &row.id, now_ms).await?;
    passkey::forget(&*tx, &row.id).await?;
    ssh_key::forget(&*tx, &row.id).await?;
    profile::forget(&*tx, &row.id).await?;
    sso::forget(&*tx, &row.id).await?;
    link::forget(&*tx, &row.id).await?;
    second_factor::forget(&*tx, &row.id, now_ms).await?;
    // Or a plan could never be removed that they were on.
    quotas::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
    grants::Entity::delete_many()
        .filter(grants::Column::UserId.eq(&*row.id))
        .exec(&*tx)
        .await?;
    subusers::Entity::delete_many()
        .filter(subusers::Column::UserId.eq(&*row.id))
        .exec(&*tx)
        .await?;
    Entry::of(Key::PersonDelete, "user", &row.id)
        .with(json!({"username": row.username, "email": row.email}))
        .by(&*tx, caller, now_ms)
        .await?;
    gate::end(&*tx, Ended::User(id), now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(())
}
