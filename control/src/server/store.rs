//! Queries of servers begin here, scoped to what an actor may see.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Select,
    sea_query::SelectStatement,
};
use warren_entity::servers;

use crate::access::{Actor, Decision, Key, Resource, decide};

/// Rows that the actor may see. The same rule as `decide`: who may read all sees all, others see their own.
#[must_use]
pub fn scope(actor: &Actor) -> Condition {
    let mut scope = Condition::all();
    if decide(actor, Key::ServerReadAll, Resource::Panel) != Decision::Allow {
        scope = scope.add(servers::Column::OwnerId.eq(actor.user.to_string()));
    }
    scope
}

/// Servers that the actor may see and that are not being deleted.
#[must_use]
pub fn visible_to(actor: &Actor) -> Select<servers::Entity> {
    servers::Entity::find()
        .filter(servers::Column::DeletedAtMs.is_null())
        .filter(scope(actor))
}

/// Ids of servers that the actor may see, deleted ones included: their history stays theirs.
#[must_use]
pub fn ids_visible_to(actor: &Actor) -> SelectStatement {
    use sea_orm::QueryTrait;
    servers::Entity::find()
        .filter(scope(actor))
        .select_only()
        .column(servers::Column::Id)
        .into_query()
}
