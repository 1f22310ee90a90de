//! Shares a server with others, within what the one who shares has.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, SqlErr, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{servers, subusers, users};
use warren_proto::ids::UserId;

use super::dto::{Subuser, SubuserCreate, SubuserUpdate};
use crate::{
    access::{self, Key, KeySet, Resource, lend, may},
    account::first_run,
    app::App,
    audit::Entry,
    auth::{ServerAccess, password::NO_PASSWORD},
    db::Lane,
    error::{Error, Fields, Result},
    gate,
    http::{IfMatch, Page, Stamp, Version, later},
    mail, password_link,
    person::{self, newcomer::NoAccount},
    profile,
    quota::{self, Kind},
    session::store,
};

/// Subusers of one server.
const MOST: u64 = 100;

/// Addresses are for the people themselves and for those who look after accounts.
fn shown(row: subusers::Model, user: &users::Model, access: &ServerAccess) -> Subuser {
    let actor = &access.caller.actor;
    let sees = may(actor, Key::PersonRead, Resource::Panel) || user.id == actor.user.to_string();
    Subuser {
        version: Version::at(row.updated_at_ms),
        id: row.user_id,
        username: user.username.clone(),
        email: sees.then(|| user.email.clone()),
        invited: unclaimed(user),
        keys: KeySet::stored(&row.keys).names(),
        expires_at: row.expires_at_ms.map(Stamp),
        created_at: Stamp(row.created_at_ms),
    }
}

/// The longest there first.
/// # Errors
/// Database.
pub async fn list(app: &App, access: &ServerAccess) -> Result<Page<Subuser>> {
    let rows = subusers::Entity::find()
        .filter(subusers::Column::ServerId.eq(&*access.server.id))
        .order_by_asc(subusers::Column::CreatedAtMs)
        .order_by_asc(subusers::Column::UserId)
        .limit(MOST)
        .all(app.db.read())
        .await?;
    let people = users::Entity::find()
        .filter(users::Column::Id.is_in(rows.iter().map(|r| r.user_id.clone())))
        .filter(users::Column::DeletedAtMs.is_null())
        .all(app.db.read())
        .await?;
    let people: HashMap<String, users::Model> =
        people.into_iter().map(|u| (u.id.clone(), u)).collect();
    let rows = rows.into_iter().filter_map(|row| {
        let user = people.get(&row.user_id)?;
        Some(shown(row, user, access))
    });
    Ok(Page::whole(rows.collect()))
}

/// Reads and judges what a request would give.
fn read(
    app: &App,
    access: &ServerAccess,
    names: &[String],
    expires_at: Option<Stamp>,
) -> Result<KeySet> {
    let mut fields = Fields::new();
    let given = KeySet::asked(&mut fields, "keys", names);
    let foreign = given.without(KeySet::of(access::Set::Server)).names();
    fields.check(
        foreign.is_empty(),
        "keys",
        "not_of_servers",
        format!(
            "holds keys that are not about one server: {}",
            foreign.join(", ")
        ),
    );
    fields.check(
        !names.is_empty(),
        "keys",
        "required",
        "names at least one key; to give nothing, remove the subuser",
    );
    let past = expires_at.is_some_and(|at| at.0 <= app.clock.now_ms());
    fields.check(!past, "expires_at", "past", "lies in the past");
    fields.finish()?;
    lend::lacking(given.without(held(access)))?;
    Ok(given | KeySet::from_iter([Key::ServerRead]))
}

/// What an owner shares may last; what others share ends with their own right to.
async fn until(
    app: &App,
    db: &impl ConnectionTrait,
    access: &ServerAccess,
    expires_at: Option<Stamp>,
) -> Result<()> {
    if access.server.owner_id == access.caller.user.id {
        return Ok(());
    }
    lend::until(db, &access.caller.actor, expires_at, app.clock.now_ms()).await
}

fn held(access: &ServerAccess) -> KeySet {
    access::held(&access.caller.actor, access.resource)
}

/// Shares the server with an account.
/// # Errors
/// 403 for more than the caller has; 409 when they have access already; 422.
pub async fn create(app: &App, access: &ServerAccess, req: SubuserCreate) -> Result<Subuser> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let access = &access.locked(&*tx, now_ms).await?;
    access.require(Key::UserCreate)?;
    let given = read(app, access, &req.keys, req.expires_at)?;
    until(app, &*tx, access, req.expires_at).await?;
    if req.login.len() > 254 || req.login.chars().any(char::is_control) {
        return Err(nobody());
    }
    let known = store::user_by_login(&*tx, &req.login).await?;
    // One that was lost is sent again with the next share.
    let invited = known.as_ref().is_none_or(unclaimed) && app.mail.is_on();
    let user = match known {
        Some(user) => user,
        None => newcomer(app, &*tx, access, req.login.trim(), now_ms).await?,
    };
    let id: UserId = user.id.parse().map_err(Error::internal)?;
    let user = person::service::named(&*tx, "login", id).await?;
    if user.id == access.server.owner_id {
        let text = "owns the server and has everything on it";
        return Err(Error::field("login", "owner", text));
    }
    if user.id == access.caller.user.id {
        return Err(Error::field("login", "own", "is your own account"));
    }
    let have = subusers::Entity::find().filter(subusers::Column::ServerId.eq(&*access.server.id));
    if have.count(&*tx).await? >= MOST {
        let text = format!("a server has at most {MOST} subusers");
        return Err(Error::conflict("too_many_subusers", text));
    }
    let row = subusers::ActiveModel {
        server_id: Set(access.server.id.clone()),
        user_id: Set(user.id.clone()),
        keys: Set(json!(given.names())),
        expires_at_ms: Set(req.expires_at.map(|at| at.0)),
        created_by: Set(Some(access.caller.user.id.clone())),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
    };
    let row = row.insert(&*tx).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::conflict(
            "has_access",
            format!(
                "{} has access already; change what they may do instead",
                user.username
            ),
        ),
        _ => e.into(),
    })?;
    quota::hold(&*tx, &access.server.owner_id, &[Kind::Subusers], now_ms).await?;
    users::Entity::update_many()
        .col_expr(users::Column::Shared, Expr::value(true))
        .filter(users::Column::Id.eq(&*user.id))
        .exec(&*tx)
        .await?;
    let diff = json!({"given": given.names(), "expires_at_ms": row.expires_at_ms});
    note(&*tx, access, Key::UserCreate, &row.user_id, diff, now_ms).await?;
    let by = &access.caller.user.username;
    let server = || async {
        let row = servers::Entity::find_by_id(&*access.server.id);
        let row = row.one(&*tx).await?;
        Ok::<_, Error>(row.map(|server| server.name).unwrap_or_default())
    };
    let mut word = None;
    if invited {
        app.door
            .attempts
            .take_mail(&access.caller.user.id, &user.email, now_ms)?;
        let life_ms = password_link::service::INVITATION_MS;
        let link = password_link::service::make(app, &*tx, &user.id, life_ms, now_ms).await?;
        let letter = mail::writer(app, &user.username, None);
        let letter = letter.shared(by, &server().await?, &link);
        // Without the mail nobody could come in: no room for it, no invitation.
        app.mail.post(user.email.clone(), letter)?;
    } else if app.mail.is_on() && profile::choices(&*tx, &user.id).await?.0.shared {
        let url = first_run::url(app);
        let link = format!("{}/servers/{}", url.trim_end_matches('/'), access.server.id);
        let letter = mail::to(app, &*tx, &user).await?;
        word = Some(letter.shared_too(by, &server().await?, &link));
    }
    tx.commit().await?;
    if let Some(letter) = word {
        let attempts = &app.door.attempts;
        // It is shared, whether or not there is room for word of it, or they were written to often.
        let room = attempts.take_mail(&access.caller.user.id, &user.email, now_ms);
        drop(room.and_then(|()| app.mail.post(user.email.clone(), letter)));
    }
    Ok(shown(row, &user, access))
}

/// Nobody has ever come by this account: it was made for whoever gets the mail.
fn unclaimed(user: &users::Model) -> bool {
    user.password_hash == NO_PASSWORD && !user.email_verified
}

fn nobody() -> Error {
    let text = "nobody here has this name or address; they need an account first";
    Error::field("login", "unknown", text)
}

/// An account for somebody who has none, where sharing may make one.
async fn newcomer(
    app: &App,
    db: &impl ConnectionTrait,
    access: &ServerAccess,
    email: &str,
    now_ms: i64,
) -> Result<users::Model> {
    if !app.panel.now().invite_by_sharing || !app.mail.is_on() || !email.contains('@') {
        return Err(nobody());
    }
    let made = person::newcomer::make(db, email, email, false, now_ms).await?;
    let user = made.map_err(|why| match why {
        NoAccount::BadAddress => Error::field("login", "invalid", "is no e-mail address"),
        NoAccount::Taken => Error::conflict(
            "changed_meanwhile",
            "an account was made for this address at the same moment; send it once more",
        ),
    })?;
    Entry::of(Key::PersonCreate, "user", &user.id)
        .with(
            json!({"username": user.username, "email": user.email, "invited_to": access.server.id}),
        )
        .by(db, &access.caller, now_ms)
        .await?;
    Ok(user)
}

/// The row of somebody whose rights here the caller may change: those who have more than the caller are out of reach.
async fn find(
    db: &impl ConnectionTrait,
    access: &ServerAccess,
    user: UserId,
) -> Result<subusers::Model> {
    let row = subusers::Entity::find_by_id((access.server.id.clone(), user.to_string()))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("subuser"))?;
    let own = row.user_id == access.caller.user.id;
    if !own {
        lend::lacking(KeySet::stored(&row.keys).without(held(access)))?;
    }
    Ok(row)
}

/// Changes what somebody may do.
/// # Errors
/// 404; 403 for more than the caller has, and for one's own rights; 422.
pub async fn update(
    app: &App,
    access: &ServerAccess,
    user: UserId,
    if_match: &IfMatch,
    req: SubuserUpdate,
) -> Result<Subuser> {
    if user == access.caller.actor.user {
        let text = "nobody changes their own rights; ask the owner";
        return Err(Error::forbidden("own_rights", text));
    }
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let access = &access.locked(&*tx, now_ms).await?;
    access.require(Key::UserUpdate)?;
    let wanted = read(app, access, &req.keys, req.expires_at)?;
    until(app, &*tx, access, req.expires_at).await?;
    let person = users::Entity::find_by_id(user.to_string())
        .one(&*tx)
        .await?;
    let person = person.ok_or_else(|| Error::not_found("subuser"))?;
    let before = find(&*tx, access, user).await?;
    if_match.check(&Version::at(before.updated_at_ms))?;
    let had = KeySet::stored(&before.keys);
    let ends = req.expires_at.map(|at| at.0);
    let row = subusers::ActiveModel {
        server_id: Set(before.server_id.clone()),
        user_id: Set(before.user_id.clone()),
        keys: Set(json!(wanted.names())),
        expires_at_ms: Set(ends),
        updated_at_ms: Set(later(before.updated_at_ms, now_ms)),
        ..Default::default()
    };
    let row = row.update(&*tx).await?;
    if before.expires_at_ms.is_some_and(|at| at <= now_ms) {
        // One that had ended counted no more.
        let owner = &access.server.owner_id;
        quota::hold(&*tx, owner, &[Kind::Subusers], now_ms).await?;
    }
    let lost = had.without(wanted);
    let diff = json!({
        "given": wanted.without(had).names(),
        "taken": lost.names(),
        "expires_at_ms": {"from": before.expires_at_ms, "to": ends},
    });
    note(&*tx, access, Key::UserUpdate, &row.user_id, diff, now_ms).await?;
    if !lost.is_empty() || ends.is_some() {
        gate::end_people(&*tx, [row.user_id.clone()], now_ms).await?;
    }
    tx.commit().await?;
    app.nudges.revoked();
    Ok(shown(row, &person, access))
}

/// Takes somebody's access away, or one's own.
/// # Errors
/// 404; 403 for somebody who has more than the caller.
pub async fn delete(app: &App, access: &ServerAccess, user: UserId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let access = &access.locked(&*tx, now_ms).await?;
    let row = find(&*tx, access, user).await?;
    subusers::Entity::delete_by_id((row.server_id.clone(), row.user_id.clone()))
        .exec(&*tx)
        .await?;
    let diff = json!({"taken": row.keys, "expires_at_ms": row.expires_at_ms});
    note(&*tx, access, Key::UserDelete, &row.user_id, diff, now_ms).await?;
    gate::end_people(&*tx, [row.user_id.clone()], now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(())
}

async fn note(
    db: &impl ConnectionTrait,
    access: &ServerAccess,
    key: Key,
    user: &str,
    diff: serde_json::Value,
    now_ms: i64,
) -> Result<()> {
    Entry::of(key, "user", user)
        .on(access.id)
        .with(diff)
        .by(db, &access.caller, now_ms)
        .await?;
    Ok(())
}
