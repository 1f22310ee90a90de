//! What all changes of a server have in common. Each is one transaction: rights and shape are checked first, the
//! node's rev and the server's generation raised, the row changed, its spec compiled anew, the audit row
//! written; the node is nudged after the commit.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryOrder, QuerySelect};
use serde_json::Value;
use warren_entity::{nodes, servers};
use warren_proto::ids::ServerId;

use super::{dto::Server, store, view};
use crate::{
    app::App,
    auth::{Caller, ServerAccess},
    error::{Error, Result},
    outbox::{self, Event},
    wanted,
};

/// Servers that a ticket can name: it travels in one message.
const IN_TICKET: u64 = 500;

/// One server.
/// # Errors
/// Database.
pub async fn get(app: &App, access: &ServerAccess) -> Result<Server> {
    view::whole(app, access).await
}

pub(super) async fn fresh(app: &App, access: ServerAccess) -> Result<Server> {
    let access = ServerAccess::load(app, access.caller, access.id).await?;
    get(app, &access).await
}

/// A race that the transaction lost; the caller may simply ask again.
pub(super) fn gone(error: DbErr) -> Error {
    match error {
        DbErr::RecordNotFound(_) => Error::not_found("server"),
        other => other.into(),
    }
}

/// Locks a server for a change: node first, then the server, as everywhere.
pub(super) async fn begin_change(
    db: &impl ConnectionTrait,
    access: &ServerAccess,
) -> Result<(servers::Model, i64)> {
    let bumped = wanted::bump(db, &access.server.id).await.map_err(gone)?;
    let row = servers::Entity::find_by_id(&*access.server.id)
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    Ok((row, bumped.generation))
}

pub(super) async fn say(
    db: &impl ConnectionTrait,
    access: &ServerAccess,
    kind: &'static str,
    now_ms: i64,
    data: Value,
) -> Result<()> {
    let event = Event::of_server(access.id, Some(access.node), kind, now_ms, data);
    outbox::write(db, event).await?;
    Ok(())
}

pub(super) async fn node_name(app: &App, id: &str) -> Result<String> {
    let node = nodes::Entity::find_by_id(id).one(app.db.read()).await?;
    Ok(node.map(|n| n.name).unwrap_or_default())
}

/// Ids of the servers that the caller may see, for a ticket: the newest 500, and how many more there are.
/// # Errors
/// Database.
pub async fn own_ids(app: &App, caller: &Caller) -> Result<(Vec<ServerId>, u64)> {
    let now_ms = app.clock.now_ms();
    let ids: Vec<String> = store::visible_to(&caller.actor, now_ms)
        .select_only()
        .column(servers::Column::Id)
        .order_by_desc(servers::Column::Id)
        .limit(IN_TICKET)
        .into_tuple()
        .all(app.db.read())
        .await?;
    let mut left_out = 0;
    if ids.len() as u64 == IN_TICKET {
        let all = store::visible_to(&caller.actor, now_ms)
            .count(app.db.read())
            .await?;
        left_out = all.saturating_sub(IN_TICKET);
    }
    let ids = ids.iter().filter_map(|id| id.parse().ok()).collect();
    Ok((ids, left_out))
}
