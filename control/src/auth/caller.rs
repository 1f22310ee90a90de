//! The extractor of somebody who has proved who they are.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, RelationDef,
    Select, sea_query::Expr,
};
use warren_entity::{api_keys, sessions, users};
use warren_proto::ids::{SessionId, UserId};

use super::{cookie, peer::Peer, secret};
use crate::{
    access::{Actor, Decision, Key, Resource, Via, decide},
    app::App,
    db::Lane,
    error::{Error, Result},
    session::store,
};

/// A session that nobody used for so long has ended.
pub const SESSION_IDLE_MS: i64 = 14 * 24 * 3600 * 1000;
/// `last_seen_at` and `last_used_at` are written this often at most.
const TOUCH_MS: i64 = 60_000;

/// Somebody who has proved who they are and has no old password to change first.
#[derive(Debug, Clone)]
pub struct Caller {
    /// For decisions.
    pub actor: Actor,
    /// Their row.
    pub user: users::Model,
    /// Where they come from.
    pub peer: Peer,
}

/// As [`Caller`], also while the password must be changed.
#[derive(Debug, Clone)]
pub struct AnyCaller(pub Caller);

impl Caller {
    /// Somebody who has just proved it.
    /// # Errors
    /// A damaged row.
    pub fn of(user: users::Model, via: Via, peer: Peer) -> Result<Self> {
        Ok(Self {
            actor: actor(&user, via)?,
            user,
            peer,
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
        match self.actor.via {
            Via::Session(id) => Ok(id),
            Via::ApiKey(_) => Err(Error::forbidden(
                "session_needed",
                "API keys can't do this; log in with a browser",
            )),
        }
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
        .column(Column::ExpiresAtMs)
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
        .column(Column::ExpiresAtMs)
        .filter(Column::TokenHash.eq(token_hash))
        .filter(Column::EndedAtMs.is_null());
    Ok(held.into_model().one(app.db.read()).await?)
}

fn actor(user: &users::Model, via: Via) -> Result<Actor> {
    Ok(Actor {
        user: user.id.parse::<UserId>().map_err(Error::internal)?,
        username: user.username.clone(),
        admin: user.admin,
        via,
    })
}

async fn by_key(app: &App, key: &str, peer: Peer) -> Result<Caller> {
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
    let id = held.credential_id.parse().map_err(Error::internal)?;
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
    Caller::of(held.user, Via::ApiKey(id), peer)
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
    if held.used_at_ms.is_none_or(|at| at + TOUCH_MS <= now) {
        let app = app.clone();
        tokio::spawn(async move {
            touch(&app, "session", async |tx| {
                store::seen(tx, &held.credential_id, now, SESSION_IDLE_MS).await
            })
            .await;
        });
    }
    Caller::of(held.user, Via::Session(id), peer)
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

async fn authenticate(parts: &mut Parts, app: &App) -> Result<Caller> {
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
            Some(key) => by_key(app, key, peer).await,
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
        authenticate(parts, app).await.map(Self)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let caller = authenticate(parts, app).await?;
        // A key can't have been made with the old password: it comes from this machine's own set-up.
        let logged_in = matches!(caller.actor.via, Via::Session(_));
        if logged_in && caller.user.must_change_password {
            return Err(Error::forbidden(
                "password_change_required",
                "change the first password before anything else: PUT /api/v1/account/password",
            ));
        }
        Ok(caller)
    }
}
