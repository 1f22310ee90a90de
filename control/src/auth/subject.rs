//! Extractors of what a path names: loaded, and hidden from those who may not know of it.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use warren_entity::{nodes, servers};
use warren_proto::ids::{NodeId, ServerId};

use super::Caller;
use crate::{
    access::{
        Key, Resource,
        load::{self, ServerKey},
        may,
    },
    app::App,
    error::{Error, Result},
};

/// A server that the caller may know of.
#[derive(Debug, Clone)]
pub struct ServerAccess {
    /// Who asks.
    pub caller: Caller,
    /// From its row, as it was when the request came.
    pub server: ServerKey,
    /// Its id.
    pub id: ServerId,
    /// Its node.
    pub node: NodeId,
    /// For decisions.
    pub resource: Resource,
}

/// A node that the caller may know of.
#[derive(Debug, Clone)]
pub struct NodeAccess {
    /// Who asks.
    pub caller: Caller,
    /// Its row.
    pub node: nodes::Model,
    /// Its id.
    pub id: NodeId,
    /// For decisions.
    pub resource: Resource,
}

impl ServerAccess {
    /// Loads a server for a caller.
    /// # Errors
    /// 404 when there is none, or none that the caller may know of.
    pub async fn load(app: &App, caller: Caller, id: ServerId) -> Result<Self> {
        let server = load::servers_for(&caller.actor, app.clock.now_ms())
            .filter(servers::Column::Id.eq(id.to_string()))
            .filter(servers::Column::DeletedAtMs.is_null())
            .into_model()
            .one(app.db.read())
            .await?;
        let hidden = || Error::not_found("server");
        let server: ServerKey = server.ok_or_else(hidden)?;
        let resource = server.resource()?;
        if !may(&caller.actor, Key::ServerRead, resource) {
            return Err(hidden());
        }
        Ok(Self {
            id,
            node: server.node_id.parse().map_err(Error::internal)?,
            caller,
            server,
            resource,
        })
    }

    /// As the server stands now, locked: for changes of who may do what there. The node's row comes before it and a
    /// person's after it, as everywhere.
    /// # Errors
    /// 404 when it is gone or must not be known any more.
    pub async fn locked(&self, db: &impl ConnectionTrait, now_ms: i64) -> Result<Self> {
        let hidden = || Error::not_found("server");
        servers::Entity::find_by_id(&*self.server.id)
            .filter(servers::Column::DeletedAtMs.is_null())
            .lock_exclusive()
            .select_only()
            .column(servers::Column::Id)
            .into_tuple::<String>()
            .one(db)
            .await?
            .ok_or_else(hidden)?;
        let server: Option<ServerKey> = load::servers_for(&self.caller.actor, now_ms)
            .filter(servers::Column::Id.eq(&*self.server.id))
            .into_model()
            .one(db)
            .await?;
        let server = server.ok_or_else(hidden)?;
        let resource = server.resource()?;
        if !may(&self.caller.actor, Key::ServerRead, resource) {
            return Err(hidden());
        }
        Ok(Self {
            server,
            resource,
            ..self.clone()
        })
    }

    /// [`Self::locked`] for work on the server, with its row: the caller may do all of this, and no admin keeps it down.
    /// # Errors
    /// As [`Self::locked`]; 403; 409 `suspended`.
    pub async fn locked_for(
        &self,
        db: &impl ConnectionTrait,
        keys: &[Key],
        now_ms: i64,
    ) -> Result<(Self, servers::Model)> {
        let access = self.locked(db, now_ms).await?;
        for key in keys {
            access.require(*key)?;
        }
        let server = servers::Entity::find_by_id(&*access.server.id)
            .one(db)
            .await?
            .ok_or_else(|| Error::not_found("server"))?;
        match server.suspended {
            true => Err(Error::suspended()),
            false => Ok((access, server)),
        }
    }

    /// Passes if the caller may do it here.
    /// # Errors
    /// 403.
    pub fn require(&self, key: Key) -> Result<()> {
        self.caller.require(key, self.resource)
    }

    /// Whether the caller may do it here.
    #[must_use]
    pub fn may(&self, key: Key) -> bool {
        may(&self.caller.actor, key, self.resource)
    }
}

impl NodeAccess {
    /// Loads a node for a caller.
    /// # Errors
    /// 404 when there is none, or none that the caller may know of.
    pub async fn load(app: &App, caller: Caller, id: NodeId) -> Result<Self> {
        let hidden = || Error::not_found("node");
        let node = nodes::Entity::find_by_id(id.to_string())
            .filter(nodes::Column::DeletedAtMs.is_null())
            .one(app.db.read())
            .await?
            .ok_or_else(hidden)?;
        let resource = load::node(&node)?;
        if !may(&caller.actor, Key::NodeRead, resource) {
            return Err(hidden());
        }
        Ok(Self {
            caller,
            node,
            id,
            resource,
        })
    }

    /// Passes if the caller may do it here.
    /// # Errors
    /// 403, or 404 where the node must not be known.
    pub fn require(&self, key: Key) -> Result<()> {
        self.caller.require(key, self.resource)
    }
}

async fn path_param(parts: &mut Parts, app: &App, name: &str) -> Result<String> {
    let params = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(|_| Error::not_found("what this address names was"))?;
    let value = params.iter().find(|(n, _)| *n == name);
    value
        .map(|(_, value)| value.to_owned())
        .ok_or_else(|| Error::Internal(anyhow::anyhow!("the route has no {{{name}}}")))
}

impl FromRequestParts<App> for ServerAccess {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let id = path_param(parts, app, "server").await?;
        let id = id.parse().map_err(|_| Error::not_found("server"))?;
        Self::load(app, caller, id).await
    }
}

impl FromRequestParts<App> for NodeAccess {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let id = path_param(parts, app, "node").await?;
        let id = id.parse().map_err(|_| Error::not_found("node"))?;
        Self::load(app, caller, id).await
    }
}
