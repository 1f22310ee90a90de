//! What decisions need, from the database: the roles that people have now, and what servers are to those who ask.

use std::{collections::HashMap, sync::Arc};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, JoinType,
    QueryFilter, QuerySelect, RelationDef, Select,
    sea_query::{Expr, ExprTrait, IntoCondition},
};
use warren_entity::{grants, nodes, roles, servers, subusers, users};
use warren_proto::ids::UserId;

use super::{Actor, Grant, KeySet, Reach, Resource, Via};

/// Grants and shares that have not ended.
pub fn unexpired(column: impl ColumnTrait, now_ms: i64) -> Condition {
    Condition::any()
        .add(column.is_null())
        .add(column.gt(now_ms))
}

/// People to whom a door may be open: neither removed nor suspended.
#[must_use]
pub fn active() -> Condition {
    Condition::all()
        .add(users::Column::DeletedAtMs.is_null())
        .add(users::Column::SuspendedAtMs.is_null())
}

impl Reach {
    /// What a table keeps: kind and id.
    #[must_use]
    pub fn stored(self) -> (&'static str, String) {
        match self {
            Self::Everything => ("everything", String::new()),
            Self::Location(id) => ("location", id.to_string()),
            Self::Node(id) => ("node", id.to_string()),
            Self::Server(id) => ("server", id.to_string()),
        }
    }

    /// Reads it back. None: a damaged row, which reaches nothing.
    #[must_use]
    pub fn read(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "everything" => Some(Self::Everything),
            "location" => id.parse().ok().map(Self::Location),
            "node" => id.parse().ok().map(Self::Node),
            "server" => id.parse().ok().map(Self::Server),
            _ => None,
        }
    }
}

#[derive(FromQueryResult)]
struct Held {
    user_id: String,
    reach: String,
    reach_id: String,
    keys: serde_json::Value,
}

/// Which roles of somebody are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that count: a role may count only for those whose log-in takes a second step.
    Counting,
    /// All that they were given: what they could have within a minute.
    Given,
}

/// The roles that people have now.
/// # Errors
/// Database.
pub async fn grants_of(
    db: &impl ConnectionTrait,
    people: impl IntoIterator<Item = String>,
    which: Which,
    now_ms: i64,
) -> Result<HashMap<String, Vec<Grant>>, DbErr> {
    let role = grants::Entity::belongs_to(roles::Entity)
        .from(grants::Column::RoleId)
        .to(roles::Column::Id);
    let mut found = grants::Entity::find()
        .select_only()
        .columns([
            grants::Column::UserId,
            grants::Column::Reach,
            grants::Column::ReachId,
        ])
        .column(roles::Column::Keys)
        .join(JoinType::InnerJoin, RelationDef::from(role))
        .filter(grants::Column::UserId.is_in(people))
        .filter(unexpired(grants::Column::ExpiresAtMs, now_ms));
    if which == Which::Counting {
        let person = grants::Entity::belongs_to(users::Entity)
            .from(grants::Column::UserId)
            .to(users::Column::Id);
        let counts = Condition::any()
            .add(roles::Column::SecondFactor.eq(false))
            .add(users::Column::SecondFactor.eq(true));
        found = found
            .join(JoinType::InnerJoin, RelationDef::from(person))
            .filter(counts);
    }
    let rows: Vec<Held> = found.into_model().all(db).await?;
    let mut all: HashMap<String, Vec<Grant>> = HashMap::new();
    for row in rows {
        let Some(reach) = Reach::read(&row.reach, &row.reach_id) else {
            continue;
        };
        let keys = KeySet::stored(&row.keys);
        all.entry(row.user_id)
            .or_default()
            .push(Grant { keys, reach });
    }
    Ok(all)
}

/// Somebody with what they have at this moment.
/// # Errors
/// Database; a damaged row.
pub async fn actor(
    db: &impl ConnectionTrait,
    user: &users::Model,
    via: Via,
    now_ms: i64,
) -> Result<Actor, DbErr> {
    let grants = if user.granted && !user.admin {
        let mut found = grants_of(db, [user.id.clone()], Which::Counting, now_ms).await?;
        found.remove(&user.id).unwrap_or_default()
    } else {
        Vec::new()
    };
    actor_with(user, grants, via)
}

/// Somebody whose roles are known.
/// # Errors
/// A damaged row.
pub fn actor_with(user: &users::Model, grants: Vec<Grant>, via: Via) -> Result<Actor, DbErr> {
    let id: Result<UserId, _> = user.id.parse();
    Ok(Actor {
        user: id.map_err(|e| DbErr::Custom(format!("users: {e}")))?,
        username: user.username.clone(),
        admin: user.admin,
        grants: Arc::from(grants),
        shared: user.shared,
        via,
        scope: KeySet::all(),
    })
}

/// What a decision about a server needs of its row and of those around it.
#[derive(Debug, Clone, FromQueryResult)]
pub struct ServerKey {
    /// ULID.
    pub id: String,
    /// User.
    pub owner_id: String,
    /// Node.
    pub node_id: String,
    /// Where the node stands.
    pub location_id: Option<String>,
    /// Keys that the one who asks was given there.
    pub shared: Option<serde_json::Value>,
}

impl ServerKey {
    /// For decisions.
    /// # Errors
    /// Ids that are none: the row is damaged.
    pub fn resource(&self) -> Result<Resource, DbErr> {
        let damaged = |e: warren_proto::ids::InvalidId| DbErr::Custom(format!("servers: {e}"));
        let location = self.location_id.as_ref().map(|id| id.parse());
        Ok(Resource::Server {
            id: self.id.parse().map_err(damaged)?,
            owner: self.owner_id.parse().map_err(damaged)?,
            node: self.node_id.parse().map_err(damaged)?,
            location: location.transpose().map_err(damaged)?,
            shared: self.shared.as_ref().map_or(KeySet::NONE, KeySet::stored),
        })
    }
}

/// What of a server's surroundings decides about it for somebody: most people have neither roles nor shares.
#[derive(Debug, Clone, Copy)]
struct Near<'a> {
    /// Roles are over locations.
    location: bool,
    /// Has rights on servers of others.
    shared: Option<&'a str>,
}

/// The [`ServerKey`]s of servers as an actor stands to them, as a query to be narrowed further.
#[must_use]
pub fn servers_for(actor: &Actor, now_ms: i64) -> Select<servers::Entity> {
    let over_location = |grant: &Grant| matches!(grant.reach, Reach::Location(_));
    let user = actor.user.to_string();
    let near = Near {
        location: actor.grants.iter().any(over_location),
        shared: (actor.shared && !actor.admin).then_some(&*user),
    };
    server_keys(near, now_ms)
}

/// The same with all that could decide about them for one person.
#[must_use]
pub fn servers_around(user: &str, now_ms: i64) -> Select<servers::Entity> {
    let near = Near {
        location: true,
        shared: Some(user),
    };
    server_keys(near, now_ms)
}

/// The same for nobody in particular: what owners gave to whom comes by [`shares`].
#[must_use]
pub fn servers_for_nobody() -> Select<servers::Entity> {
    let near = Near {
        location: true,
        shared: None,
    };
    server_keys(near, 0)
}

fn server_keys(near: Near<'_>, now_ms: i64) -> Select<servers::Entity> {
    let mut select = servers::Entity::find().select_only().columns([
        servers::Column::Id,
        servers::Column::OwnerId,
        servers::Column::NodeId,
    ]);
    let nothing = || Expr::cust("NULL");
    select = if near.location {
        let node = servers::Entity::belongs_to(nodes::Entity)
            .from(servers::Column::NodeId)
            .to(nodes::Column::Id);
        select
            .column(nodes::Column::LocationId)
            .join(JoinType::LeftJoin, RelationDef::from(node))
    } else {
        select.expr_as(nothing(), "location_id")
    };
    match near.shared {
        Some(user) => select
            .column_as(subusers::Column::Keys, "shared")
            .join(JoinType::LeftJoin, share_of(user.to_owned(), now_ms)),
        None => select.expr_as(nothing(), "shared"),
    }
}

/// What this person was given on a server, while it counts.
fn share_of(user: String, now_ms: i64) -> RelationDef {
    let share = servers::Entity::belongs_to(subusers::Entity)
        .from(servers::Column::Id)
        .to(subusers::Column::ServerId)
        .on_condition(move |_, share| {
            let of = |column| Expr::col((share.clone(), column));
            let expires = of(subusers::Column::ExpiresAtMs);
            let counts = Condition::any()
                .add(expires.clone().is_null())
                .add(expires.gt(now_ms));
            let theirs = of(subusers::Column::UserId).eq(user.clone());
            Condition::all().add(theirs).add(counts).into_condition()
        });
    share.into()
}

/// What each of these people was given on each of these servers.
/// # Errors
/// Database.
pub async fn shares(
    db: &impl ConnectionTrait,
    people: impl IntoIterator<Item = String>,
    on: impl IntoIterator<Item = String>,
    now_ms: i64,
) -> Result<HashMap<(String, String), KeySet>, DbErr> {
    let rows: Vec<(String, String, serde_json::Value)> = subusers::Entity::find()
        .select_only()
        .columns([
            subusers::Column::UserId,
            subusers::Column::ServerId,
            subusers::Column::Keys,
        ])
        .filter(subusers::Column::UserId.is_in(people))
        .filter(subusers::Column::ServerId.is_in(on))
        .filter(unexpired(subusers::Column::ExpiresAtMs, now_ms))
        .into_tuple()
        .all(db)
        .await?;
    let share = |(user, server, keys)| ((user, server), KeySet::stored(&keys));
    Ok(rows.into_iter().map(share).collect())
}

/// A node, for decisions.
/// # Errors
/// A damaged row.
pub fn node(row: &nodes::Model) -> Result<Resource, DbErr> {
    let damaged = |e: warren_proto::ids::InvalidId| DbErr::Custom(format!("nodes: {e}"));
    let location = row.location_id.as_ref().map(|id| id.parse());
    Ok(Resource::Node {
        id: row.id.parse().map_err(damaged)?,
        location: location.transpose().map_err(damaged)?,
    })
}

/// When the first of somebody's roles and shares ends that do not last.
/// # Errors
/// Database.
pub async fn ends_ms(
    db: &impl ConnectionTrait,
    actor: &Actor,
    now_ms: i64,
) -> Result<Option<i64>, DbErr> {
    let user = actor.user.to_string();
    let mut ends = Vec::new();
    if !actor.grants.is_empty() {
        let first: Option<Option<i64>> = grants::Entity::find()
            .filter(grants::Column::UserId.eq(&*user))
            .filter(grants::Column::ExpiresAtMs.gt(now_ms))
            .select_only()
            .column_as(grants::Column::ExpiresAtMs.min(), "first")
            .into_tuple()
            .one(db)
            .await?;
        ends.extend(first.flatten());
    }
    if actor.shared {
        let first: Option<Option<i64>> = subusers::Entity::find()
            .filter(subusers::Column::UserId.eq(&*user))
            .filter(subusers::Column::ExpiresAtMs.gt(now_ms))
            .select_only()
            .column_as(subusers::Column::ExpiresAtMs.min(), "first")
            .into_tuple()
            .one(db)
            .await?;
        ends.extend(first.flatten());
    }
    Ok(ends.into_iter().min())
}
