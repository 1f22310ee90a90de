//! Operations for people. The node does the work; cancelling is asked, not done.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde_json::json;
use warren_entity::{nodes, operations, servers};
use warren_proto::ids::JobId;

use super::{
    dto::{Named, Operation, OperationQuery, OperationState},
    view,
};
use crate::{
    access::{
        Key, Resource,
        load::{self, ServerKey},
        may,
    },
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Result},
    http::{Page, PageQuery},
    job::Kind,
    server::store,
};

fn visible(caller: &Caller, now_ms: i64) -> Condition {
    let all = may(&caller.actor, Key::OperationReadAll, Resource::Panel);
    if all {
        return Condition::all();
    }
    Condition::all()
        .add(operations::Column::ServerId.in_subquery(store::ids_visible_to(&caller.actor, now_ms)))
}

async fn named(app: &App, rows: Vec<operations::Model>) -> Result<Vec<Operation>> {
    let ids = rows.iter().filter_map(|r| r.server_id.clone());
    let names: Vec<(String, String)> = servers::Entity::find()
        .filter(servers::Column::Id.is_in(ids))
        .select_only()
        .columns([servers::Column::Id, servers::Column::Name])
        .into_tuple()
        .all(app.db.read())
        .await?;
    let of_server: HashMap<_, _> = names.into_iter().collect();
    let ids = rows.iter().filter_map(|r| r.node_id.clone());
    let names: Vec<(String, String)> = nodes::Entity::find()
        .filter(nodes::Column::Id.is_in(ids))
        .select_only()
        .columns([nodes::Column::Id, nodes::Column::Name])
        .into_tuple()
        .all(app.db.read())
        .await?;
    let of_node: HashMap<_, _> = names.into_iter().collect();
    let name = |id: &Option<String>, names: &HashMap<String, String>| {
        id.clone().map(|id| Named {
            name: names.get(&id).cloned().unwrap_or_default(),
            id,
        })
    };
    Ok(rows
        .iter()
        .map(|row| {
            let server = name(&row.server_id, &of_server);
            view::operation(row, server, name(&row.node_id, &of_node))
        })
        .collect())
}

/// Operations that the caller may see, the newest first.
/// # Errors
/// Database; a bad cursor.
pub async fn list(app: &App, caller: &Caller, query: &OperationQuery) -> Result<Page<Operation>> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    };
    let limit = page.limit()?;
    let mut select = operations::Entity::find()
        .filter(visible(caller, app.clock.now_ms()))
        .order_by_desc(operations::Column::Id)
        .limit(limit + 1);
    if let Some(after) = page.after()? {
        select = select.filter(operations::Column::Id.lt(after));
    }
    if let Some(server) = query.server {
        select = select.filter(operations::Column::ServerId.eq(server.to_string()));
    }
    let active = operations::Column::State.is_in(["pending", "running"]);
    match query.active {
        Some(true) => select = select.filter(active),
        Some(false) => select = select.filter(active.not()),
        None => {}
    }
    let rows = select.all(app.db.read()).await?;
    let page = Page::cut(rows, limit, |row| row.id.clone());
    Ok(Page {
        next: page.next,
        items: named(app, page.items).await?,
    })
}

async fn row(app: &App, caller: &Caller, id: JobId) -> Result<operations::Model> {
    operations::Entity::find_by_id(id.to_string())
        .filter(visible(caller, app.clock.now_ms()))
        .one(app.db.read())
        .await?
        .ok_or_else(|| Error::not_found("operation"))
}

/// One operation.
/// # Errors
/// 404.
pub async fn get(app: &App, caller: &Caller, id: JobId) -> Result<Operation> {
    let row = row(app, caller, id).await?;
    let shown = named(app, vec![row]).await?.pop();
    shown.ok_or_else(|| Error::not_found("operation"))
}

/// Asks the node to break it off; it ends as cancelled when the node says so.
/// # Errors
/// 409 when it has ended or can't be cancelled.
pub async fn cancel(app: &App, caller: &Caller, id: JobId) -> Result<Operation> {
    let row = row(app, caller, id).await?;
    let Some(key) = Kind::parse(&row.kind).and_then(Kind::cancelled_by) else {
        return Err(Error::conflict(
            "not_cancellable",
            "this can't be called back",
        ));
    };
    let server = load::servers_for(&caller.actor, app.clock.now_ms())
        .filter(servers::Column::Id.eq(row.server_id.clone().unwrap_or_default()))
        .into_model::<ServerKey>()
        .one(app.db.read())
        .await?
        .ok_or_else(|| Error::not_found("operation"))?;
    caller.require(key, server.resource()?)?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let asked = operations::Entity::update_many()
        .col_expr(operations::Column::CancelAskedAtMs, Expr::value(now_ms))
        .filter(operations::Column::Id.eq(&*row.id))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .exec(&*tx)
        .await?;
    if asked.rows_affected == 0 {
        let state = OperationState::parse(&row.state);
        return Err(Error::conflict(
            "already_ended",
            format!(
                "it has ended already ({})",
                json!(state).as_str().unwrap_or_default()
            ),
        ));
    }
    Entry::of(key, "operation", &row.id)
        .on(server.id.parse().map_err(Error::internal)?)
        .with(json!({"cancel": true}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    if let Some(node) = row.node_id.as_deref().and_then(|n| n.parse().ok()) {
        app.nudges.node(node);
    }
    get(app, caller, id).await
}
