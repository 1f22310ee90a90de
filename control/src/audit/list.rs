//! Pages of the audit log.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, LikeExpr},
};
use warren_entity::{api_keys, audit_log, nodes, servers, users};

use super::dto::{ActivityQuery, AuditActor, AuditFilter, AuditRow};
use crate::{
    access::{Key, Resource, may},
    app::App,
    auth::ServerAccess,
    error::Result,
    http::{Page, PageQuery, Stamp},
    operation::dto::Named,
};

/// What a whole action has no more of than the longest key.
const LONGEST: usize = 64;

fn acting(action: &str) -> Condition {
    let action: String = action.trim().chars().take(LONGEST).collect();
    if !action.ends_with('.') {
        return Condition::all().add(audit_log::Column::Action.eq(action));
    }
    // What a user types is text here, not a pattern.
    let escaped = action
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    let pattern = LikeExpr::new(format!("{escaped}%")).escape('\\');
    let column = Expr::col(audit_log::Column::Action);
    Condition::all().add(sea_orm::sea_query::ExprTrait::like(column, pattern))
}

/// Rows of a scope, the newest first, those after a row or from the newest on.
/// # Errors
/// Database.
pub(super) async fn rows(
    db: &impl ConnectionTrait,
    scope: Condition,
    limit: u64,
    after: Option<String>,
) -> Result<Vec<audit_log::Model>> {
    let mut query = audit_log::Entity::find()
        .filter(scope)
        .order_by_desc(audit_log::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(audit_log::Column::Id.lt(after));
    }
    Ok(query.all(db).await?)
}

async fn page(
    db: &impl ConnectionTrait,
    scope: Condition,
    ask: &PageQuery,
) -> Result<Page<audit_log::Model>> {
    let limit = ask.limit()?;
    let rows = rows(db, scope, limit + 1, ask.after()?).await?;
    Ok(Page::cut(rows, limit, |row| row.id.clone()))
}

/// The condition of a filter. A person's rows are also those of their keys.
pub(super) fn scope(filter: &AuditFilter) -> Condition {
    let mut scope = Condition::all();
    if let Some(user) = filter.user {
        let keys = api_keys::Entity::find()
            .filter(api_keys::Column::UserId.eq(user.to_string()))
            .select_only()
            .column(api_keys::Column::Id)
            .into_query();
        let theirs = Condition::any()
            .add(audit_log::Column::ActorId.eq(user.to_string()))
            .add(audit_log::Column::ActorId.in_subquery(keys));
        scope = scope.add(theirs);
    }
    if let Some(server) = filter.server {
        scope = scope.add(audit_log::Column::ServerId.eq(server.to_string()));
    }
    if let Some(action) = &filter.action {
        scope = scope.add(acting(action));
    }
    if let Some(from) = filter.from {
        scope = scope.add(audit_log::Column::AtMs.gte(from.0));
    }
    if let Some(to) = filter.to {
        scope = scope.add(audit_log::Column::AtMs.lt(to.0));
    }
    scope
}

/// Rows with the names of what they are about.
/// # Errors
/// Database.
pub(super) async fn named(
    db: &impl ConnectionTrait,
    rows: Vec<audit_log::Model>,
) -> Result<Vec<AuditRow>> {
    let names = Names::of(db, &rows).await?;
    let shown = rows.into_iter().map(|row| names.shown(row, |_| true));
    Ok(shown.collect())
}

/// All rows that fit.
/// # Errors
/// Database; a bad cursor.
pub async fn all(app: &App, filter: &AuditFilter, ask: &PageQuery) -> Result<Page<AuditRow>> {
    let db = app.db.read();
    let found = page(db, scope(filter), ask).await?;
    let names = Names::of(db, &found.items).await?;
    Ok(found.map(|row| names.shown(row, |_| true)))
}

/// Rows that touch one server. Others' addresses are for those who see the whole log.
/// # Errors
/// Database; a bad cursor.
pub async fn of_server(
    app: &App,
    access: &ServerAccess,
    ask: &ActivityQuery,
) -> Result<Page<AuditRow>> {
    let db = app.db.read();
    let actor = &access.caller.actor;
    let mut scope = Condition::all().add(audit_log::Column::ServerId.eq(&*access.server.id));
    if let Some(action) = &ask.action {
        scope = scope.add(acting(action));
    }
    let asked = PageQuery {
        limit: ask.limit,
        cursor: ask.cursor.clone(),
    };
    let found = page(db, scope, &asked).await?;
    let names = Names::of(db, &found.items).await?;
    let all = may(actor, Key::AuditRead, Resource::Panel);
    let own = actor.user.to_string();
    let of_oneself = |shown: &AuditRow| shown.actor.user.as_ref().is_some_and(|u| u.id == own);
    Ok(found.map(|row| names.shown(row, |shown| all || of_oneself(shown))))
}

/// What the rows of a page name.
struct Names {
    people: HashMap<String, String>,
    /// With whose they are.
    keys: HashMap<String, (String, String)>,
    nodes: HashMap<String, String>,
    servers: HashMap<String, String>,
}

impl Names {
    async fn of(db: &impl ConnectionTrait, rows: &[audit_log::Model]) -> Result<Self> {
        let of_kind = |kind: &'static str| {
            let those = rows.iter().filter(move |r| r.actor_kind == kind);
            those.filter_map(|r| r.actor_id.clone())
        };
        let keys: Vec<(String, String, String)> = api_keys::Entity::find()
            .filter(api_keys::Column::Id.is_in(of_kind("api_key")))
            .select_only()
            .columns([
                api_keys::Column::Id,
                api_keys::Column::Name,
                api_keys::Column::UserId,
            ])
            .into_tuple()
            .all(db)
            .await?;
        let people = keys.iter().map(|(_, _, user)| user.clone());
        let people: Vec<(String, String)> = users::Entity::find()
            .filter(users::Column::Id.is_in(people.chain(of_kind("user"))))
            .select_only()
            .columns([users::Column::Id, users::Column::Username])
            .into_tuple()
            .all(db)
            .await?;
        let nodes: Vec<(String, String)> = nodes::Entity::find()
            .filter(nodes::Column::Id.is_in(of_kind("node")))
            .select_only()
            .columns([nodes::Column::Id, nodes::Column::Name])
            .into_tuple()
            .all(db)
            .await?;
        let on = rows.iter().filter_map(|r| r.server_id.clone());
        let servers: Vec<(String, String)> = servers::Entity::find()
            .filter(servers::Column::Id.is_in(on))
            .select_only()
            .columns([servers::Column::Id, servers::Column::Name])
            .into_tuple()
            .all(db)
            .await?;
        let keys = keys.into_iter().map(|(id, name, user)| (id, (name, user)));
        Ok(Self {
            people: people.into_iter().collect(),
            keys: keys.collect(),
            nodes: nodes.into_iter().collect(),
            servers: servers.into_iter().collect(),
        })
    }

    fn actor(&self, row: &audit_log::Model) -> AuditActor {
        let named = |names: &HashMap<String, String>, id: &str| Named {
            id: id.to_owned(),
            name: names.get(id).cloned().unwrap_or_default(),
        };
        let id = row.actor_id.as_deref().unwrap_or_default();
        let (user, by) = match row.actor_kind.as_str() {
            "user" => (Some(named(&self.people, id)), None),
            "api_key" => match self.keys.get(id) {
                Some((name, user)) => {
                    let key = Named {
                        id: id.to_owned(),
                        name: name.clone(),
                    };
                    (Some(named(&self.people, user)), Some(key))
                }
                None => (None, None),
            },
            "node" => (None, Some(named(&self.nodes, id))),
            _ => (None, None),
        };
        AuditActor {
            kind: row.actor_kind.clone(),
            user,
            by,
        }
    }

    fn shown(&self, row: audit_log::Model, sees_address: impl Fn(&AuditRow) -> bool) -> AuditRow {
        let mut shown = AuditRow {
            actor: self.actor(&row),
            id: row.id,
            at: Stamp(row.at_ms),
            action: row.action,
            resource: row.resource_kind,
            resource_id: row.resource_id,
            server: row.server_id.map(|id| Named {
                name: self.servers.get(&id).cloned().unwrap_or_default(),
                id,
            }),
            address: row.address,
            diff: row.diff,
        };
        if !sees_address(&shown) {
            shown.address = None;
        }
        shown
    }
}
