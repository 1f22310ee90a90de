//! Who changed what: one row per change, in the transaction of the change. Never deleted.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait};
use serde_json::Value;
use warren_entity::audit_log;
use warren_proto::ids::ServerId;

use crate::{
    access::{Key, Via},
    auth::Caller,
    text::fresh_id,
};

/// A change by somebody.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Permission key, or our own word where none fits: `session.create`.
    pub action: &'a str,
    /// Noun and id.
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

    /// Writes it.
    /// # Errors
    /// Database.
    pub async fn by(
        self,
        db: &impl ConnectionTrait,
        caller: &Caller,
        now_ms: i64,
    ) -> Result<(), DbErr> {
        let (kind, id) = match caller.actor.via {
            Via::Session(_) => ("user", caller.actor.user.to_string()),
            Via::ApiKey(key) => ("api_key", key.to_string()),
        };
        let row = audit_log::ActiveModel {
            id: Set(fresh_id()),
            at_ms: Set(now_ms),
            actor_kind: Set(kind.to_owned()),
            actor_id: Set(Some(id)),
            action: Set(self.action.to_owned()),
            resource_kind: Set(self.resource.0.to_owned()),
            resource_id: Set(Some(self.resource.1.to_owned())),
            server_id: Set(self.server.map(|s| s.to_string())),
            address: Set(Some(caller.peer.address.to_string())),
            diff: Set(self.diff),
        };
        audit_log::Entity::insert(row)
            .exec_without_returning(db)
            .await?;
        Ok(())
    }
}
