//! The extractor of somebody who has proved who they are.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect,
    RelationDef, Select, sea_query::Expr,
};
use warren_entity::{api_keys, sessions, users};
use warren_proto::ids::{ApiKeyId, SessionId};

use super::{Networks, cookie, peer::Peer, secret};
use crate::{
    access::{Actor, Decision, Key, KeySet, Resource, Via, decide, load},
    api_key::dto::addresses,
    app::App,
    audit::Entry,
    db::Lane,
    error::{Error, Result},
    session::store,
    view_as,
};

/// `last_seen_at` and `last_used_at` are written this often at most.
const TOUCH_MS: i64 = 60_000;

/// Somebody who has proved who they are and has nothing to set right first: no first password, no missing second step.
#[derive(Debug, Clone)]
pub struct Caller {
    /// For decisions.
    pub actor: Actor,
    /// Their row.
    pub user: users::Model,
    /// Where they come from.
    pub peer: Peer,
    /// Came with a key that was made for some permission keys alone.
    pub narrowed: bool,
    /// The log-in took two steps.
    pub two_steps: bool,
    /// When the log-in was, Unix milliseconds; none with an API key.
    pub began_ms: Option<i64>,
    /// An admin who looks as this person: reads, and changes nothing.
    pub viewing: bool,
}

/// Left in a request whose key has paid for it: it is looked at twice where an answer may be repeated.
#[derive(Debug, Clone, Copy)]
pub struct Counted;

/// As [`Caller`], also while the password must be changed or a second step is missing.
#[derive(Debug, Clone)]
pub struct AnyCaller(pub Caller);

impl Caller {
    /// Somebody who has just proved it, with what they have at this moment.
    /// # Errors
    /// Database; a damaged row.
    pub async fn of(
        db: &impl ConnectionTrait,
        user: users::Model,
        via: Via,
        peer: Peer,
        now_ms: i64,
    ) -> Result<Self> {
        let actor = load::actor(db, &user, via, now_ms).await?;
        Ok(Self {
            actor,
            user,
            peer,
            narrowed: false,
            two_steps: false,
            began_ms: None,
            viewing: false,
        })
    }

    /// Passes if the actor may do it.
    /// # Errors
    /// 403, or 404 where the thing must not be known.
    pub fn require(&self, key: Key, resource: Resource) -> Result<()> {
        match decide(&self.actor, key, resource) {
            Decision::Allow => Ok(()),
            Decision::Hide => Err(Error::not_found("what this address names was")),
            Decision::Deny => Err(Error::forbidden(
                "forbidden",
                format!("this needs the permission {key}, which you do not have"),
            )),
        }
    }

    /// Passes for a browser's log-in. A stolen API key must not be able to make more of itself.
    /// # Errors
    /// 403 with an API key.
    pub fn by_session(&self) -> Result<SessionId> {
        self.oneself()?;
        match self.actor.via {
            Via::Session(id) => Ok(id),
            Via::ApiKey(_) => Err(Error::forbidden(
                "session_needed",
                "API keys can't do this; log in with a browser",
            )),
        }
    }

    /// Passes for whoever is not narrowed to some permission keys: an account as a whole is none of those.
    /// # Errors
    /// 403 with a key for some permissions alone.
    pub fn whole(&self) -> Result<()> {
        self.oneself()?;
        if !self.narrowed {
            return Ok(());
        }
        let text =
            "a key that was made for some permissions alone does not reach the account itself";
        Err(Error::forbidden("forbidden", text))
    }

    /// Passes for whoever looks with their own eyes.
    /// # Errors
    /// 409 `viewing_as`.
    pub fn oneself(&self) -> Result<()> {
        if !self.viewing {
            return Ok(());
        }
        let text = "you look at the panel as somebody else sees it: what belongs to their account alone is not shown";
        Err(Error::conflict("viewing_as", text))
    }

    /// The session that tickets are bound to: an API key's own id stands for one.
    #[must_use]
    pub fn session_text(&self) -> String {
        match self.actor.via {
            Via::Session(id) => id.to_string(),
            Via::ApiKey(id) => id.to_string(),
        }
    }
}

fn nobody() -> Error {
    Error::unauthenticated(
        "not_logged_in",
        "log in, or send an API key as bearer token",
    )
}

fn ended() -> Error {
    Error::unauthenticated("session_ended", "this log-in has ended; log in again")
}

/// A credential that is good and what a request needs of it, with whose it is: one query, as every request asks.
#[derive(FromQueryResult)]
struct Held {
    credential_id: String,
    used_at_ms: Option<i64>,
    expires_at_ms: Option<i64>,
    /// Of API keys alone.
    keys: Option<sea_orm::JsonValue>,
    addresses: Option<sea_orm::JsonValue>,
    per_minute: Option<i32>,
    /// Of log-ins alone.
    two_steps: bool,
    began_at_ms: Option<i64>,
    #[sea_orm(nested)]
    user: users::Model,
}

fn owners(of: RelationDef) -> Select<users::Entity> {
    users::Entity::find()
        .join_rev(JoinType::InnerJoin, of)
        .filter(users::Column::DeletedAtMs.is_null())
}

async fn key(app: &App, secret: &str) -> Result<Option<Held>> {
    use api_keys::{Column, Entity};
    let owner = Entity::belongs_to(users::Entity)
        .from(Column::UserId)
        .to(users::Column::Id);
    let held = owners(owner.into())
        .column_as(Column::Id, "credential_id")
        .column_as(Column::LastUsedAtMs, "used_at_ms")
        .columns([
            Column::ExpiresAtMs,
            Column::Keys,
            Column::Addresses,
            Column::PerMinute,
        ])
        .expr_as(Expr::value(false), "two_steps")
        .expr_as(Expr::cust("NULL"), "began_at_ms")
        .filter(Column::SecretHash.eq(secret::hash(secret)))
        .filter(Column::RevokedAtMs.is_null());
    Ok(held.into_model().one(app.db.read()).await?)
}

async fn session(app: &App, token_hash: String) -> Result<Option<Held>> {
    use sessions::{Column, Entity};
    let owner = Entity::belongs_to(users::Entity)
        .from(Column::UserId)
        .to(users::Column::Id);
    let held = owners(owner.into())
        .column_as(Column::Id, "credential_id")
        .column_as(Column::LastSeenAtMs, "used_at_ms")
        .columns([Column::ExpiresAtMs, Column::TwoSteps])
        .column_as(Column::CreatedAtMs, "began_at_ms")
        .expr_as(Expr::cust("NULL"), "keys")
        .expr_as(Expr::cust("NULL"), "addresses")
        .expr_as(Expr::cust("NULL"), "per_minute")
        .filter(Column::TokenHash.eq(token_hash))
        .filter(Column::EndedAtMs.is_null());
    Ok(held.into_model().one(app.db.read()).await?)
}

/// Whoever holds an API key, as a log-in by SFTP asks: it is one request.
/// # Errors
/// 401, 403 from where it must not be used, 429.
pub(crate) async fn by_key(app: &App, key: &str, peer: Peer) -> Result<Caller> {
    with_key(app, key, peer, false).await
}

async fn with_key(app: &App, key: &str, peer: Peer, counted: bool) -> Result<Caller> {
    let bad = |detail: &str| Err(Error::unauthenticated("bad_api_key", detail));
    if !secret::looks_like_api_key(key) {
        return bad("this is no API key of Warren, or it was cut while copying");
    }
    let Some(held) = self::key(app, key).await? else {
        return bad("this API key was revoked or never existed");
    };
    let now = app.clock.now_ms();
    if held.expires_at_ms.is_some_and(|at| at <= now) {
        return bad("this API key has expired");
    }
    let id: ApiKeyId = held.credential_id.parse().map_err(Error::internal)?;
    if let Some(list) = &held.addresses {
        let list = addresses(list);
        if !Networks::new(list.iter().map(String::as_str)).hold(peer.address) {
            return Err(elsewhere(app, &held.credential_id, &peer, now).await);
        }
    }
    if let Some(per_minute) = held.per_minute.filter(|_| !counted) {
        let now_us = now.saturating_mul(1000);
        app.door.rates.take_key(id, per_minute, now_us)?;
    }
    if held.used_at_ms.is_none_or(|at| at + TOUCH_MS <= now) {
        let app = app.clone();
        let id = held.credential_id;
        tokio::spawn(async move {
            touch(&app, "api key", async |tx| {
                api_keys::Entity::update_many()
                    .col_expr(api_keys::Column::LastUsedAtMs, Expr::value(now))
                    .filter(api_keys::Column::Id.eq(id))
                    .exec(tx)
                    .await
                    .map(drop)
            })
            .await;
        });
    }
    let mut caller = Caller::of(app.db.read(), held.user, Via::ApiKey(id), peer, now).await?;
    if let Some(keys) = &held.keys {
        caller.actor = caller.actor.within(KeySet::stored(keys));
        caller.narrowed = true;
    }
    Ok(caller)
}

/// A good key from where it must not be used: somebody may have stolen it. It is noted once a minute.
async fn elsewhere(app: &App, key: &str, peer: &Peer, now_ms: i64) -> Error {
    if app.door.rates.is_news(key, now_ms.saturating_mul(1000)) {
        let noted = async {
            let tx = app.db.begin(Lane::People).await?;
            Entry::word("api_key.refused", "api_key", key)
                .by_nobody(&*tx, peer, now_ms)
                .await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            return error.into();
        }
    }
    let text = format!("this API key must not be used from {}", peer.address);
    Error::forbidden("address_not_allowed", text)
}

async fn by_cookie(app: &App, token: &str, peer: Peer) -> Result<Caller> {
    let held = session(app, peer.scheme.hash(token)).await?;
    let now = app.clock.now_ms();
    // A session without an end is none.
    let held = held.filter(|s| s.expires_at_ms.is_some_and(|at| at > now));
    let Some(held) = held else {
        return Err(ended());
    };
    let id = held.credential_id.parse().map_err(Error::internal)?;
    let two_steps = held.two_steps || held.user.second_factor;
    let began_ms = held.began_at_ms;
    if held.used_at_ms.is_none_or(|at| at + TOUCH_MS <= now) {
        let (app, idle_ms) = (app.clone(), app.panel.now().session_ms());
        tokio::spawn(async move {
            touch(&app, "session", async |tx| {
                store::seen(tx, &held.credential_id, now, idle_ms).await
            })
            .await;
        });
    }
    let mut caller = Caller::of(app.db.read(), held.user, Via::Session(id), peer, now).await?;
    caller.two_steps = two_steps;
    caller.began_ms = began_ms;
    Ok(caller)
}

/// Notes a use behind the request's back; losing one note loses nothing.
async fn touch(
    app: &App,
    what: &str,
    write: impl AsyncFnOnce(&sea_orm::DatabaseTransaction) -> std::result::Result<(), sea_orm::DbErr>,
) {
    let noted = async {
        let tx = app.db.begin(Lane::Machines).await?;
        write(&tx).await?;
        tx.commit().await
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, "could not note the use of a {what}");
    }
}

/// Says to somebody who has proved who they are that it does not help.
/// # Errors
/// 403 `account_suspended`.
pub fn not_suspended(user: &users::Model) -> Result<()> {
    if user.suspended_at_ms.is_none() {
        return Ok(());
    }
    let reason = user.suspended_reason.as_deref().unwrap_or_default();
    let text = match reason {
        "" => "this account is suspended".to_owned(),
        reason => format!("this account is suspended: {reason}"),
    };
    Err(Error::forbidden("account_suspended", text))
}

async fn authenticate(parts: &mut Parts, app: &App) -> Result<Caller> {
    let caller = prove(parts, app).await?;
    not_suspended(&caller.user)?;
    Ok(caller)
}

async fn prove(parts: &mut Parts, app: &App) -> Result<Caller> {
    let peer = Peer::from_request_parts(parts, app).await?;
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        // With a key at hand the cookie does not count, good or bad.
        let key = value
            .to_str()
            .ok()
            .and_then(|v| v.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| key.trim());
        return match key {
            Some(key) => {
                let counted = parts.extensions.get::<Counted>().is_some();
                with_key(app, key, peer, counted).await
            }
            None => Err(Error::unauthenticated(
                "bad_api_key",
                "send the key as `Authorization: Bearer wrn_usr_…`",
            )),
        };
    }
    match cookie::read(&parts.headers, peer.scheme) {
        Some(token) => by_cookie(app, &token, peer).await,
        None => Err(nobody()),
    }
}

impl FromRequestParts<App> for AnyCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let caller = authenticate(parts, app).await?;
        if view_as::asks(parts) {
            // Who has something to set right first sees no more with others' eyes than with their own.
            ready(app, &caller)?;
        }
        view_as::seen_as(parts, app, caller).await.map(Self)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let caller = authenticate(parts, app).await?;
        ready(app, &caller)?;
        view_as::seen_as(parts, app, caller).await
    }
}

/// Passes for whoever has nothing to set right first.
/// # Errors
/// 403 `password_change_required`, `second_factor_required`.
fn ready(app: &App, caller: &Caller) -> Result<()> {
    // A key can't have been made with the old password: it comes from this machine's own set-up.
    let logged_in = matches!(caller.actor.via, Via::Session(_));
    if logged_in && caller.user.must_change_password {
        return Err(Error::forbidden(
            "password_change_required",
            "change the first password before anything else: PUT /api/v1/account/password",
        ));
    }
    let user = &caller.user;
    if logged_in && !caller.two_steps && app.panel.now().second_factor_of.wants(user.admin) {
        return Err(Error::forbidden(
            "second_factor_required",
            "this panel wants a second step at log-in: set up an authenticator app before anything else, with \
             POST /api/v1/account/second-factor",
        ));
    }
    Ok(())
}
