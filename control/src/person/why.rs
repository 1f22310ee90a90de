//! Why somebody may do something: every way that leads to it, told from the same rows that decide.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use warren_entity::{grants, nodes, roles, servers, users};
use warren_proto::ids::{SessionId, UserId};

use super::{
    dto::{Reason, Why, WhyQuery},
    service,
};
use crate::{
    access::{
        Key, KeySet, Reach, Resource, Set, Via,
        load::{self, ServerKey},
        may,
    },
    app::App,
    auth::{Caller, NodeAccess, ServerAccess},
    error::{Error, Result},
    operation::dto::Named,
};

async fn resource(app: &App, user: &str, ask: &WhyQuery, now_ms: i64) -> Result<Resource> {
    match (ask.server, ask.node) {
        (Some(_), Some(_)) => Err(Error::field(
            "node",
            "conflict",
            "names a node beside a server; ask about one of them",
        )),
        (Some(id), None) => {
            let key = load::servers_around(user, now_ms)
                .filter(servers::Column::Id.eq(id.to_string()))
                .filter(servers::Column::DeletedAtMs.is_null())
                .into_model::<ServerKey>()
                .one(app.db.read())
                .await?;
            Ok(key.ok_or_else(|| Error::not_found("server"))?.resource()?)
        }
        (None, Some(id)) => {
            let row = nodes::Entity::find_by_id(id.to_string())
                .filter(nodes::Column::DeletedAtMs.is_null())
                .one(app.db.read())
                .await?;
            Ok(load::node(&row.ok_or_else(|| Error::not_found("node"))?)?)
        }
        (None, None) => Ok(Resource::Panel),
    }
}

/// Passes if whoever asks may know of it themselves.
async fn seen(app: &App, caller: &Caller, ask: &WhyQuery) -> Result<()> {
    if let Some(id) = ask.server {
        ServerAccess::load(app, caller.clone(), id).await?;
    }
    if let Some(id) = ask.node {
        NodeAccess::load(app, caller.clone(), id).await?;
    }
    Ok(())
}

fn reason(kind: &str, text: impl Into<String>, role: Option<Named>) -> Reason {
    Reason {
        kind: kind.into(),
        text: text.into(),
        role,
    }
}

fn over(reach: Reach) -> &'static str {
    match reach {
        Reach::Everything => "everything",
        Reach::Location(_) => "the location that it is at",
        Reach::Node(_) => "the node",
        Reach::Server(_) => "this server",
    }
}

/// Each way by itself.
async fn ways(
    app: &App,
    person: &users::Model,
    key: Key,
    resource: Resource,
    now_ms: i64,
) -> Result<Vec<Reason>> {
    let user = person.id.as_str();
    let mut ways = Vec::new();
    if let Resource::Server { owner, shared, .. } = resource {
        if owner.to_string() == user && key.set() == Set::Server {
            ways.push(reason("owner", "owns the server", None));
        }
        if shared.has(key) && key.set() == Set::Server {
            ways.push(reason("share", "the server was shared with them", None));
        }
    }
    let given = grants::Entity::find()
        .filter(grants::Column::UserId.eq(user))
        .filter(load::unexpired(grants::Column::ExpiresAtMs, now_ms))
        .all(app.db.read())
        .await?;
    let held = roles::Entity::find()
        .filter(roles::Column::Id.is_in(given.iter().map(|g| g.role_id.clone())))
        .all(app.db.read())
        .await?;
    for grant in &given {
        let role = held.iter().find(|r| r.id == grant.role_id);
        let reach = Reach::read(&grant.reach, &grant.reach_id);
        let (Some(role), Some(reach)) = (role, reach) else {
            continue;
        };
        if reach.covers(resource) && KeySet::stored(&role.keys).has(key) {
            let (kind, but) = if role.second_factor && !person.second_factor {
                (
                    "role_waits",
                    ", which counts once their log-in takes a second step",
                )
            } else {
                ("role", "")
            };
            let text = format!("has the role {} over {}{but}", role.name, over(reach));
            let named = Named {
                id: role.id.clone(),
                name: role.name.clone(),
            };
            ways.push(reason(kind, text, Some(named)));
        }
    }
    Ok(ways)
}

/// Answers for somebody at this moment.
/// # Errors
/// 404, 422 for a key that is none.
pub async fn explain(app: &App, caller: &Caller, id: UserId, ask: &WhyQuery) -> Result<Why> {
    let key: Key = ask.key.parse().map_err(|_| {
        let text = "is no permission key; GET /api/v1/permissions lists them";
        Error::field("key", "unknown", text)
    })?;
    let now_ms = app.clock.now_ms();
    let person = service::find(app.db.read(), id).await?;
    seen(app, caller, ask).await?;
    let resource = resource(app, &person.id, ask, now_ms).await?;
    let via = Via::Session(SessionId::new());
    let actor = load::actor(app.db.read(), &person, via, now_ms).await?;
    let allowed = may(&actor, key, resource);
    let mut because = Vec::new();
    if allowed && person.admin {
        because.push(reason("admin", "is an admin, who may do everything", None));
    } else {
        because = ways(app, &person, key, resource, now_ms).await?;
        if allowed && because.is_empty() {
            let text = "whoever has any right on a server sees it";
            because.push(reason("sees", text, None));
        }
    }
    Ok(Why {
        key: key.as_str().into(),
        allowed,
        because,
    })
}
