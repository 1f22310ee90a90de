//! Starts and stops servers.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use warren_entity::servers;
use warren_proto::state::State;

use super::{
    dto::PowerAction,
    job::active,
    service::{begin_change, say},
};
use crate::{
    app::App,
    audit::Entry,
    auth::ServerAccess,
    db::Lane,
    error::{Error, Result},
};

/// Gives a power order.
/// # Errors
/// 409 when the server is suspended, not installed, or its files are held by a job.
pub async fn power(app: &App, access: ServerAccess, action: PowerAction) -> Result<i64> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (row, generation) = begin_change(&*tx, &access).await?;
    if matches!(action, PowerAction::Start | PowerAction::Restart) {
        may_start(&*tx, &row).await?;
    }
    let (power, restarts) = match action {
        PowerAction::Start => ("start", 0),
        PowerAction::Restart => ("start", 1),
        PowerAction::Stop => ("stop", 0),
        PowerAction::Kill => ("kill", 0),
    };
    servers::Entity::update_many()
        .col_expr(servers::Column::Power, Expr::value(power))
        .col_expr(servers::Column::PowerGeneration, Expr::value(generation))
        .col_expr(
            servers::Column::Restarts,
            Expr::col(servers::Column::Restarts).add(restarts),
        )
        .col_expr(servers::Column::Intent, Expr::value(intent(&row, action)))
        .col_expr(servers::Column::IntentAtMs, Expr::value(Some(now_ms)))
        .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(servers::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    let data = json!({"generation": generation, "power": action});
    say(&*tx, &access, "wanted", now_ms, data).await?;
    Entry::of(action.key(), "server", &row.id)
        .on(access.id)
        .with(json!({"action": action, "generation": generation}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    Ok(generation)
}

/// What people see until the fact arrives. An order that asks for what is there already leaves nothing to see.
fn intent(row: &servers::Model, action: PowerAction) -> Option<String> {
    let state = row.state.parse::<State>().ok();
    let there = match action {
        PowerAction::Start => state == Some(State::Running),
        PowerAction::Restart => false,
        PowerAction::Stop | PowerAction::Kill => matches!(
            state,
            Some(State::Stopped | State::New | State::Installing | State::Error)
        ),
    };
    (!there).then(|| action.as_str().to_owned())
}

async fn may_start(db: &impl ConnectionTrait, row: &servers::Model) -> Result<()> {
    if row.suspended {
        return Err(Error::suspended());
    }
    if let Some(job) = active(db, &row.id).await? {
        return Err(Error::conflict(
            "job_running",
            format!(
                "operation {} ({}) holds this server's files; wait for it or cancel it",
                job.id, job.kind
            ),
        ));
    }
    let install = row.install.as_ref();
    let failed = install.is_some_and(|i| i.get("result") == Some(&json!("failed")));
    if failed || row.state == State::New.as_str() {
        return Err(Error::conflict(
            "not_installed",
            "its install has not ended well; look at the install log and reinstall it",
        ));
    }
    Ok(())
}
