//! Whose a server is.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use warren_entity::{servers, subusers};
use warren_proto::ids::{NodeId, UserId};

use crate::{
    access::{self, Actor, Key, KeySet, lend},
    app::App,
    auth::{Caller, NodeAccess, ServerAccess},
    error::Result,
    person,
    server::dto::ServerCreate,
};

/// Passes if the caller may make this server: there, and for its owner.
/// # Errors
/// 403.
pub async fn require_create(app: &App, caller: &Caller, req: &ServerCreate) -> Result<()> {
    let foreign = req.owner.is_some_and(|owner| owner != caller.actor.user);
    let wanted = |key: Key| foreign || key == Key::ServerCreate;
    let keys = [Key::ServerCreate, Key::ServerOwner, Key::ServerRead];
    let everywhere = |actor: &Actor, key| access::may(actor, key, access::Resource::Panel);
    let lacks = |key: &Key| wanted(*key) && !everywhere(&caller.actor, *key);
    let Some(lacking) = keys.into_iter().find(lacks) else {
        return Ok(());
    };
    // A role over that node, or over where it stands, is enough.
    let Ok(node) = NodeAccess::load(app, caller.clone(), req.node).await else {
        return caller.require(lacking, access::Resource::Panel);
    };
    keys.into_iter()
        .filter(|key| wanted(*key))
        .try_for_each(|key| node.require(key))
}

/// Whether the caller may set what admins set of servers there: any image, start command and port, and what no quota counts.
pub(super) async fn sets_limits(app: &App, caller: &Caller, node: NodeId) -> bool {
    let key = Key::ServerLimits;
    if access::may(&caller.actor, key, access::Resource::Panel) {
        return true;
    }
    let there = NodeAccess::load(app, caller.clone(), node).await;
    there.is_ok_and(|node| node.require(key).is_ok())
}

/// Whether the caller sizes this server within their quota: their own, where they may make servers. They could as well
/// remove it and make it anew.
pub(super) fn resizes(access: &ServerAccess) -> bool {
    let own = access.server.owner_id == access.caller.actor.user.to_string();
    own && access.may(Key::ServerCreate)
}

/// Passes if the caller has everything on a server that an owner has.
/// # Errors
/// 403.
pub(super) fn require_all(access: &ServerAccess) -> Result<()> {
    let all = KeySet::of(access::Set::Server);
    lend::lacking(all.without(access::held(&access.caller.actor, access.resource)))
}

/// Somebody who can own a server: locked, so that nobody removes the account in between.
/// # Errors
/// 422.
pub(super) async fn there(db: &impl ConnectionTrait, owner: UserId) -> Result<()> {
    person::service::named(db, "owner", owner).await.map(drop)
}

/// Before the row is changed: what either of them was given there beside it ends.
/// # Errors
/// 422 for nobody; database.
pub(super) async fn change(
    db: &impl ConnectionTrait,
    row: &servers::Model,
    owner: UserId,
) -> Result<()> {
    there(db, owner).await?;
    let both = [row.owner_id.clone(), owner.to_string()];
    subusers::Entity::delete_many()
        .filter(subusers::Column::ServerId.eq(&*row.id))
        .filter(subusers::Column::UserId.is_in(both))
        .exec(db)
        .await?;
    Ok(())
}
