//! Log-in: attempts counted before the password is looked at, the same time and words for every refusal.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use warren_entity::{eggs, servers, sessions, users};
use warren_proto::ids::SessionId;

use super::{
    dto::{CurrentSession, LoginRequest, Panel, User},
    store,
};
use crate::{
    access::{Resource, Via, held},
    app::App,
    audit::Entry,
    auth::{Caller, Network, Peer, SESSION_IDLE_MS, Scheme, SetCookie, secret},
    db::Lane,
    error::{Error, Result},
    text::tame,
};

fn bad_credentials() -> Error {
    Error::unauthenticated("bad_credentials", "the name or the password is wrong")
}

/// Logs in. Old session cookies of the browser end with it.
/// # Errors
/// 401 `bad_credentials`, 429 `too_many_attempts`.
pub async fn log_in(app: &App, peer: &Peer, req: LoginRequest) -> Result<(SetCookie, User)> {
    let network = Network::of(peer.address);
    let address = peer.address.to_string();
    let user = store::user_by_login(app.db.read(), &req.login).await?;
    let known = match &user {
        Some(user) => store::known_address(app.db.read(), &user.id, &address).await?,
        None => false,
    };
    // Counted under the name that is in the database, or an attacker would have two names to try.
    let account = user.as_ref().map_or(&req.login, |u| &u.username);
    let now_ms = app.clock.now_ms();
    app.door.attempts.take(account, network, known, now_ms)?;
    let stored = user.as_ref().map(|u| u.password_hash.as_str());
    let fits = app.door.passwords.verify(&req.password, stored).await?;
    let Some(user) = user.filter(|_| fits) else {
        metrics::counter!("warren_logins_refused_total").increment(1);
        return Err(bad_credentials());
    };
    app.door.attempts.right(&user.username, network);
    let cookie = begin(app, peer, &user, now_ms).await?;
    Ok((cookie, user.into()))
}

async fn begin(app: &App, peer: &Peer, user: &users::Model, now_ms: i64) -> Result<SetCookie> {
    let token = secret::session_token()?;
    let id = SessionId::new();
    let row = sessions::ActiveModel {
        id: Set(id.to_string()),
        user_id: Set(user.id.clone()),
        token_hash: Set(peer.scheme.hash(token.expose())),
        created_at_ms: Set(now_ms),
        last_seen_at_ms: Set(now_ms),
        expires_at_ms: Set(now_ms + SESSION_IDLE_MS),
        ended_at_ms: Set(None),
        address: Set(peer.address.to_string()),
        user_agent: Set(tame(&peer.user_agent, 256)),
    };
    let caller = Caller::of(user.clone(), Via::Session(id), peer.clone())?;
    let tx = app.db.begin(Lane::People).await?;
    // A user who was deleted or changed the password while the hash was being checked does not get in.
    let still = users::Entity::find_by_id(&*user.id)
        .filter(users::Column::PasswordHash.eq(&*user.password_hash))
        .filter(users::Column::DeletedAtMs.is_null())
        .one(&*tx)
        .await?;
    if still.is_none() {
        return Err(bad_credentials());
    }
    sessions::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await?;
    Entry::word("session.create", "session", &id.to_string())
        .by(&*tx, &caller, now_ms)
        .await?;
    tx.commit().await?;
    SetCookie::new(peer.scheme, token.expose(), SESSION_IDLE_MS / 1000)
}

/// Who is logged in, and facts about the panel.
/// # Errors
/// Database.
pub async fn current(app: &App, peer: &Peer, caller: &Caller) -> Result<CurrentSession> {
    let db = app.db.read();
    let eggs = eggs::Entity::find()
        .filter(eggs::Column::DeletedAtMs.is_null())
        .count(db)
        .await?;
    let any_server = eggs > 0
        || servers::Entity::find()
            .filter(servers::Column::DeletedAtMs.is_null())
            .one(db)
            .await?
            .is_some();
    let keys = held(&caller.actor, Resource::Panel);
    Ok(CurrentSession {
        user: caller.user.clone().into(),
        permissions: keys.into_iter().map(|k| k.as_str().to_owned()).collect(),
        panel: Panel {
            name: "Warren".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            plain_http: peer.scheme == Scheme::Http,
            first_run: !any_server,
        },
    })
}

/// Logs out. With an API key there is nothing to log out of.
/// # Errors
/// 403 with an API key.
pub async fn log_out(app: &App, peer: &Peer, caller: &Caller) -> Result<SetCookie> {
    let id = caller.by_session()?.to_string();
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    if store::end(&*tx, &caller.user.id, &id, now_ms).await? {
        Entry::word("session.delete", "session", &id)
            .by(&*tx, caller, now_ms)
            .await?;
    }
    tx.commit().await?;
    app.nudges.revoked();
    SetCookie::clear(peer.scheme)
}
