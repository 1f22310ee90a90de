//! Extractors of what a path names: loaded, and hidden from those who may not know of it.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use sea_orm::{ColumnTrait, DerivePartialModel, EntityTrait, QueryFilter};
use warren_entity::{nodes, servers};
use warren_proto::ids::{NodeId, ServerId};

use super::Caller;
use crate::{
    access::{Decision, Key, Resource, decide},
    app::App,
    error::{Error, Result},
};

/// What a decision about a server needs of its row. Most calls need no more of it, and its spec alone may have
/// tens of kilobytes.
#[derive(Debug, Clone, DerivePartialModel)]
#[sea_orm(entity = "servers::Entity")]
pub struct ServerKey {
    /// ULID.
    pub id: String,
    /// User.
    pub owner_id: String,
    /// Node.
    pub node_id: String,
}

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
}

/// For decisions about a server's row.
/// # Errors
/// Ids that are none: the row is damaged.
pub fn resource(server: &ServerKey) -> Result<Resource> {
    Ok(Resource::Server {
        id: server.id.parse().map_err(Error::internal)?,
        owner: server.owner_id.parse().map_err(Error::internal)?,
        node: server.node_id.parse().map_err(Error::internal)?,
    })
}

impl ServerAccess {
    /// Loads a server for a caller.
    /// # Errors
    /// 404 when there is none, or none that the caller may know of.
    pub async fn load(app: &App, caller: Caller, id: ServerId) -> Result<Self> {
        let server = servers::Entity::find_by_id(id.to_string())
            .filter(servers::Column::DeletedAtMs.is_null())
            .into_partial_model()
            .one(app.db.read())
            .await?;
        let hidden = || Error::not_found("server");
        let server: ServerKey = server.ok_or_else(hidden)?;
        let resource = resource(&server)?;
        if decide(&caller.actor, Key::WebsocketConnect, resource) != Decision::Allow {
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

    /// Passes if the caller may do it here.
    /// # Errors
    /// 403.
    pub fn require(&self, key: Key) -> Result<()> {
        self.caller.require(key, self.resource)
    }

    /// Whether the caller may do it here.
    #[must_use]
    pub fn may(&self, key: Key) -> bool {
        decide(&self.caller.actor, key, self.resource) == Decision::Allow
    }
}

impl NodeAccess {
    /// Passes if the caller may do it here.
    /// # Errors
    /// 403, or 404 where the node must not be known.
    pub fn require(&self, key: Key) -> Result<()> {
        self.caller.require(key, Resource::Node(self.id))
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
        let hidden = || Error::not_found("node");
        let id: NodeId = id.parse().map_err(|_| hidden())?;
        if decide(&caller.actor, Key::NodeRead, Resource::Node(id)) != Decision::Allow {
            return Err(hidden());
        }
        let node = nodes::Entity::find_by_id(id.to_string())
            .one(app.db.read())
            .await?;
        let node = node
            .filter(|n| n.deleted_at_ms.is_none())
            .ok_or_else(hidden)?;
        Ok(Self { caller, node, id })
    }
}
