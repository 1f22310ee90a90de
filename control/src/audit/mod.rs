//! Who changed what: one row per change, in the transaction of the change. Never deleted.

pub mod api;
pub mod chain;
pub mod dto;
pub mod export;
pub mod list;
mod still;

pub use still::still;

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait};
use serde_json::Value;
use warren_entity::audit_log;
use warren_proto::ids::ServerId;

use crate::{
    access::{Key, Via},
    auth::{Caller, Peer},
    error::Result,
    text::fresh_id,
};

/// A change by somebody.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Permission key, or our own word where none fits: `session.create`.
    pub action: &'a str,
    /// Noun and id; an empty id where there is none.
    pub resource: (&'static str, &'a str),
    /// The server it touches.
    pub server: Option<ServerId>,
    /// What changed; no secrets.
    pub diff: Option<Value>,
}

impl<'a> Entry<'a> {
    /// A change under a permission key.
    #[must_use]
    pub fn of(key: Key, noun: &'static str, id: &'a str) -> Self {
        Self {
            action: key.as_str(),
            resource: (noun, id),
            server: None,
            diff: None,
        }
    }

    /// A change under a word of our own.
    #[must_use]
    pub fn word(action: &'a str, noun: &'static str, id: &'a str) -> Self {
        Self {
            action,
            resource: (noun, id),
            server: None,
            diff: None,
        }
    }

    /// Touches this server.
    #[must_use]
    pub fn on(mut self, server: ServerId) -> Self {
        self.server = Some(server);
        self
    }

    /// What changed.
    #[must_use]
    pub fn with(mut self, diff: Value) -> Self {
        self.diff = Some(diff);
        self
    }

    /// Writes it, if whoever does it is still who they were when the request began: a body may come in half a minute, and
    /// what was taken from them meanwhile must not be used.
    /// # Errors
    /// 401 or 403 when the log-in, the key or a right has ended meanwhile; database.
    pub async fn by(self, db: &impl ConnectionTrait, caller: &Caller, now_ms: i64) -> Result<()> {
        still(db, caller, now_ms).await?;
        Ok(self.by_gone(db, caller, now_ms).await?)
    }

    /// Writes what ends the very credential by which it is done, or changes the rights of whoever does it: they were asked
    /// before by [`still`].
    /// # Errors
    /// Database.
    pub async fn by_gone(
        self,
        db: &impl ConnectionTrait,
        caller: &Caller,
        now_ms: i64,
    ) -> Result<(), DbErr> {
        let (kind, id) = match caller.actor.via {
            Via::Session(_) => ("user", caller.actor.user.to_string()),
            Via::ApiKey(key) => ("api_key", key.to_string()),
        };
        self.write(db, kind, Some(id), Some(&caller.peer), now_ms)
            .await
    }

    /// Writes what a person did who is not the caller that it was asked as.
    /// # Errors
    /// Database.
    pub async fn by_user(
        self,
        db: &impl ConnectionTrait,
        user: String,
        peer: &Peer,
        now_ms: i64,
    ) -> Result<(), DbErr> {
        self.write(db, "user", Some(user), Some(peer), now_ms).await
    }

    /// Writes what somebody tried who has not proved who they are.
    /// # Errors
    /// Database.
    pub async fn by_nobody(
        self,
        db: &impl ConnectionTrait,
        peer: &Peer,
        now_ms: i64,
    ) -> Result<(), DbErr> {
        self.write(db, "nobody", None, Some(peer), now_ms).await
    }

    /// Writes what the panel did by itself.
    /// # Errors
    /// Database.
    pub async fn by_panel(self, db: &impl ConnectionTrait, now_ms: i64) -> Result<(), DbErr> {
        self.write(db, "panel", None, None, now_ms).await
    }

    async fn write(
        self,
        db: &impl ConnectionTrait,
        kind: &str,
        actor: Option<String>,
        peer: Option<&Peer>,
        now_ms: i64,
    ) -> Result<(), DbErr> {
        let (noun, id) = self.resource;
        let row = audit_log::ActiveModel {
            id: Set(fresh_id()),
            at_ms: Set(now_ms),
            actor_kind: Set(kind.to_owned()),
            actor_id: Set(actor),
            action: Set(self.action.to_owned()),
            resource_kind: Set(noun.to_owned()),
            resource_id: Set((!id.is_empty()).then(|| id.to_owned())),
            server_id: Set(self.server.map(|s| s.to_string())),
            address: Set(peer.map(|peer| peer.address.to_string())),
            diff: Set(self.diff),
            seq: Set(None),
            seal: Set(None),
        };
        audit_log::Entity::insert(row)
            .exec_without_returning(db)
            .await?;
        Ok(())
    }
}
