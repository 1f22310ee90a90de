//! Takes a transfer back, as long as the owner is the old one.

use anyhow::Result;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use serde_json::json;
use warren_entity::{operations, servers, transfers};

use super::{Phase, store};
use crate::{
    allocation::take,
    app::App,
    db::Lane,
    outbox::{self, Event},
    server::spec,
    text::tame,
    wanted,
};

/// Begins to take it back; why stands in the row from then on. None: somebody has called it off.
/// # Errors
/// Database.
pub async fn begin(app: &App, row: &transfers::Model, why: Option<(&str, &str)>) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::Machines).await?;
    let (code, message) = match why {
        Some((code, message)) => (Some(tame(code, 64)), Some(tame(message, 1000))),
        None => (None, None),
    };
    // The server first, as everywhere.
    servers::Entity::find_by_id(&*row.server_id)
        .lock_exclusive()
        .select_only()
        .column(servers::Column::Id)
        .into_tuple::<String>()
        .one(&*tx)
        .await?;
    if !store::enter(&*tx, row, Phase::Undoing, now_ms).await? {
        return Ok(());
    }
    transfers::Entity::update_many()
        .col_expr(transfers::Column::Code, Expr::value(code))
        .col_expr(transfers::Column::Message, Expr::value(message))
        .col_expr(transfers::Column::Step, Expr::value(None::<String>))
        .col_expr(transfers::Column::BytesPerSecond, Expr::value(0))
        .filter(transfers::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    if let Some(operation) = &row.operation_id {
        operations::Entity::update_many()
            .col_expr(operations::Column::CancelAskedAtMs, Expr::value(now_ms))
            .filter(operations::Column::Id.eq(&**operation))
            .filter(operations::Column::State.is_in(["pending", "running"]))
            .exec(&*tx)
            .await?;
    }
    tx.commit().await?;
    if let Ok(node) = row.from_node.parse() {
        app.nudges.node(node);
    }
    app.nudges.outbox();
    Ok(())
}

/// Once the job that kept the game down has ended: the game starts where it was, and it is over. False: not yet.
/// # Errors
/// Database.
pub async fn end(app: &App, row: &transfers::Model) -> Result<bool> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::Machines).await?;
    let rev = wanted::raise_rev(&*tx, &row.from_node).await?;
    let server = servers::Entity::find_by_id(&*row.server_id)
        .lock_exclusive()
        .one(&*tx)
        .await?;
    let operation = row.operation_id.clone().unwrap_or_default();
    let open = operations::Entity::find_by_id(operation)
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .one(&*tx)
        .await?;
    if open.is_some() {
        return Ok(false);
    }
    let to = match row.code {
        Some(_) => Phase::Failed,
        None => Phase::Cancelled,
    };
    if !store::enter(&*tx, row, to, now_ms).await? {
        return Ok(true);
    }
    // Whoever has given another order meanwhile is followed instead.
    let again = server.filter(|server| {
        row.was_running
            && !server.suspended
            && server.deleted_at_ms.is_none()
            && server.node_id == row.from_node
            && server.power_generation == row.generation
    });
    if let Some(server) = again {
        let generation = server.generation + 1;
        wanted::write(&*tx, &server.id, wanted::Bumped { generation, rev }).await?;
        servers::Entity::update_many()
            .col_expr(servers::Column::Power, Expr::value("start"))
            .col_expr(servers::Column::PowerGeneration, Expr::value(generation))
            .col_expr(servers::Column::Intent, Expr::value(Some("start")))
            .col_expr(servers::Column::IntentAtMs, Expr::value(Some(now_ms)))
            .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
            .filter(servers::Column::Id.eq(&*server.id))
            .exec(&*tx)
            .await?;
        spec::refresh(&*tx, &server.id).await?;
        if let Ok(id) = server.id.parse() {
            let data = json!({"generation": generation, "power": "start"});
            let event = Event::of_server(id, row.from_node.parse().ok(), "wanted", now_ms, data);
            outbox::write(&*tx, event).await?;
        }
    }
    take::free_reserved(&*tx, &row.id).await?;
    transfers::Entity::update_many()
        .col_expr(transfers::Column::Active, Expr::value(None::<String>))
        .col_expr(transfers::Column::EndedAtMs, Expr::value(now_ms))
        .filter(transfers::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    if let Ok(node) = row.from_node.parse() {
        app.nudges.node(node);
    }
    app.nudges.outbox();
    Ok(true)
}
