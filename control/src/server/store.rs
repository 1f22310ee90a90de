//! Queries of servers begin here, scoped to what an actor may see.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select,
    sea_query::SelectStatement,
};
use warren_entity::{nodes, servers, subusers};

use crate::access::{Actor, KeySet, Reach, Set, load};

/// Rows that the actor may see, by the rule of `decide`: all for whom a role reaches everything, else their own,
/// those that were shared with them, and those that a role of theirs reaches.
#[must_use]
pub fn scope(actor: &Actor, now_ms: i64) -> Condition {
    if actor.admin {
        return Condition::all();
    }
    let of_servers = KeySet::of(Set::Server);
    let mut scope = Condition::any();
    let own = !(actor.scope & of_servers).is_empty();
    if own {
        scope = scope.add(servers::Column::OwnerId.eq(actor.user.to_string()));
    }
    let (mut places, mut on, mut single) = (Vec::new(), Vec::new(), Vec::new());
    for grant in actor.grants.iter() {
        if (grant.keys & of_servers).is_empty() {
            continue;
        }
        match grant.reach {
            Reach::Everything => return Condition::all(),
            Reach::Location(id) => places.push(id.to_string()),
            Reach::Node(id) => on.push(id.to_string()),
            Reach::Server(id) => single.push(id.to_string()),
        }
    }
    if actor.shared && own {
        let shares = subusers::Entity::find()
            .filter(subusers::Column::UserId.eq(actor.user.to_string()))
            .filter(load::unexpired(subusers::Column::ExpiresAtMs, now_ms))
            .select_only()
            .column(subusers::Column::ServerId)
            .into_query();
        scope = scope.add(servers::Column::Id.in_subquery(shares));
    }
    if !places.is_empty() {
        let there = nodes::Entity::find()
            .filter(nodes::Column::LocationId.is_in(places))
            .select_only()
            .column(nodes::Column::Id)
            .into_query();
        scope = scope.add(servers::Column::NodeId.in_subquery(there));
    }
    if !on.is_empty() {
        scope = scope.add(servers::Column::NodeId.is_in(on));
    }
    if !single.is_empty() {
        scope = scope.add(servers::Column::Id.is_in(single));
    }
    if scope.is_empty() {
        // No condition would be every row.
        scope = scope.add(servers::Column::Id.is_in(Vec::<String>::new()));
    }
    scope
}

/// Servers that the actor may see and that are not being deleted.
#[must_use]
pub fn visible_to(actor: &Actor, now_ms: i64) -> Select<servers::Entity> {
    servers::Entity::find()
        .filter(servers::Column::DeletedAtMs.is_null())
        .filter(scope(actor, now_ms))
}

/// Ids of servers that the actor may see, deleted ones included: their history stays theirs.
#[must_use]
pub fn ids_visible_to(actor: &Actor, now_ms: i64) -> SelectStatement {
    servers::Entity::find()
        .filter(scope(actor, now_ms))
        .select_only()
        .column(servers::Column::Id)
        .into_query()
}
