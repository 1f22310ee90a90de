//! Nobody gives what they do not have: the rule of everything that hands out rights.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use warren_entity::{nodes, servers, subusers, users};

use super::{
    Actor, Grant, KeySet, Reach, Resource, Set, held,
    load::{self, ServerKey},
};
use crate::{
    error::{Error, Result},
    http::Stamp,
};

/// What an actor has over all that `reach` covers.
/// # Errors
/// 404 for a node or server that is none; database.
async fn had(
    db: &impl ConnectionTrait,
    actor: &Actor,
    reach: Reach,
    now_ms: i64,
) -> Result<KeySet> {
    if actor.admin {
        return Ok(KeySet::all());
    }
    Ok(match reach {
        Reach::Everything => held(actor, Resource::Panel),
        Reach::Location(_) => {
            let there = |g: &&Grant| g.reach == reach || g.reach == Reach::Everything;
            let grants = actor.grants.iter().filter(there);
            grants.fold(KeySet::NONE, |all, g| all | g.keys)
        }
        Reach::Node(id) => {
            let row = nodes::Entity::find_by_id(id.to_string()).one(db).await?;
            let row = row.ok_or_else(|| Error::not_found("node"))?;
            // Also what does not show the node itself: it may be lent over its servers.
            actor.granted(load::node(&row)?)
        }
        Reach::Server(id) => {
            let row = load::servers_for(actor, now_ms)
                .filter(servers::Column::Id.eq(id.to_string()))
                .into_model::<ServerKey>()
                .one(db)
                .await?;
            let row = row.ok_or_else(|| Error::not_found("server"))?;
            held(actor, row.resource()?)
        }
    })
}

/// Passes if the actor has all of these keys there.
/// # Errors
/// 403 that names what is lacking.
pub async fn require(
    db: &impl ConnectionTrait,
    actor: &Actor,
    keys: KeySet,
    reach: Reach,
    now_ms: i64,
) -> Result<()> {
    let had = had(db, actor, reach, now_ms).await?;
    lacking(keys.without(had))
}

/// Passes if nothing is lacking.
/// # Errors
/// 403 that names it.
pub fn lacking(lacking: KeySet) -> Result<()> {
    if lacking.is_empty() {
        return Ok(());
    }
    let names = lacking.names().join(", ");
    Err(Error::forbidden(
        "more_than_own",
        format!("nobody gives or changes what they do not have themselves, and you lack: {names}"),
    ))
}

/// Passes if what is given ends with the first of the giver's own rights that ends: a right for a day must not make
/// one for ever.
/// # Errors
/// 422.
pub async fn until(
    db: &impl ConnectionTrait,
    actor: &Actor,
    expires_at: Option<Stamp>,
    now_ms: i64,
) -> Result<()> {
    if actor.admin {
        return Ok(());
    }
    let own = load::ends_ms(db, actor, now_ms).await?;
    match own {
        Some(own) if expires_at.is_none_or(|at| at.0 > own) => Err(Error::field(
            "expires_at",
            "after_own",
            format!(
                "must not be after {}: a right of your own ends then",
                Stamp(own)
            ),
        )),
        _ => Ok(()),
    }
}

/// Passes if somebody has nothing that the actor lacks: whoever may change an account may become it. What they own
/// and what was shared with them counts, as keys over everything.
/// # Errors
/// 403.
pub async fn over_person(
    db: &impl ConnectionTrait,
    actor: &Actor,
    person: &users::Model,
    now_ms: i64,
) -> Result<()> {
    if actor.admin {
        return Ok(());
    }
    if person.admin {
        let text = "this is an admin's account, and you are none";
        return Err(Error::forbidden("more_than_own", text));
    }
    let owns = servers::Entity::find()
        .filter(servers::Column::OwnerId.eq(&*person.id))
        .filter(servers::Column::DeletedAtMs.is_null())
        .select_only()
        .column(servers::Column::Id)
        .limit(1)
        .into_tuple::<String>()
        .one(db)
        .await?;
    let shared: Vec<serde_json::Value> = subusers::Entity::find()
        .filter(subusers::Column::UserId.eq(&*person.id))
        .filter(load::unexpired(subusers::Column::ExpiresAtMs, now_ms))
        .select_only()
        .column(subusers::Column::Keys)
        .into_tuple()
        .all(db)
        .await?;
    let mut keys = shared
        .iter()
        .fold(KeySet::NONE, |all, some| all | KeySet::stored(some));
    if owns.is_some() {
        keys = keys | KeySet::of(Set::Server);
    }
    require(db, actor, keys, Reach::Everything, now_ms).await?;
    let theirs = load::grants_of(db, [person.id.clone()], load::Which::Given, now_ms).await?;
    for grant in theirs.into_values().flatten() {
        match require(db, actor, grant.keys, grant.reach, now_ms).await {
            // What it was over is gone for good: it gives nothing.
            Err(Error::NotFound { .. }) => {}
            answer => answer?,
        }
    }
    Ok(())
}
