//! Makes nodes take what is wanted: woken by commits, by nodes that come back, and by a timer. Idempotent;
//! several controls may work on one node at a time, since a node ignores what it has.

pub mod apply;
pub mod jobs;
pub mod page;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use tokio_util::sync::CancellationToken;
use warren_entity::{nodes, operations};
use warren_proto::ids::NodeId;

use crate::app::App;

/// Without a nudge, behind nodes and running jobs are looked at this often.
const LOOK: Duration = Duration::from_secs(2);

/// Nodes in work, and those that were named again meanwhile.
#[derive(Default)]
struct Desk {
    busy: BTreeSet<NodeId>,
    again: BTreeSet<NodeId>,
}

/// Runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let desk = Arc::new(Mutex::new(Desk::default()));
    let mut timer = tokio::time::interval(LOOK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let due = tokio::select! {
            () = stop.cancelled() => return,
            due = app.nudges.nodes_due() => due,
            _ = timer.tick() => behind(&app).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "nodes that are behind could not be looked up");
                BTreeSet::new()
            }),
        };
        for node in due {
            take(&app, &desk, node);
        }
    }
}

/// One task per node: a slow one delays no other.
fn take(app: &App, desk: &Arc<Mutex<Desk>>, node: NodeId) {
    {
        let mut desk = desk.lock();
        if !desk.busy.insert(node) {
            desk.again.insert(node);
            return;
        }
    }
    let (app, desk) = (app.clone(), desk.clone());
    tokio::spawn(async move {
        loop {
            one(&app, node).await;
            let mut desk = desk.lock();
            if !desk.again.remove(&node) {
                desk.busy.remove(&node);
                return;
            }
        }
    });
}

async fn one(app: &App, node: NodeId) {
    if let Err(error) = apply::run(app, node).await {
        tracing::warn!(error = format!("{error:#}"), node.id = %node, "node {node} has not taken what is wanted; it is sent again");
        return;
    }
    if let Err(error) = jobs::run(app, node).await {
        tracing::warn!(error = format!("{error:#}"), node.id = %node, "jobs of node {node} could not be settled; they are tried again");
    }
}

/// Online nodes with rows to take or jobs to look after.
async fn behind(app: &App) -> Result<BTreeSet<NodeId>, DbErr> {
    let online = || {
        nodes::Entity::find()
            .filter(nodes::Column::Online.eq(true))
            .filter(nodes::Column::DeletedAtMs.is_null())
            .select_only()
            .column(nodes::Column::Id)
    };
    let mut ids: Vec<String> = online()
        .filter(Expr::col(nodes::Column::AppliedRev).lt(Expr::col(nodes::Column::Rev)))
        .into_tuple()
        .all(app.db.read())
        .await?;
    let with_jobs: Vec<Option<String>> = operations::Entity::find()
        .filter(crate::operation::open())
        .filter(operations::Column::Kind.ne("delete"))
        .select_only()
        .column(operations::Column::NodeId)
        .distinct()
        .into_tuple()
        .all(app.db.read())
        .await?;
    let with_jobs: Vec<String> = with_jobs.into_iter().flatten().collect();
    if !with_jobs.is_empty() {
        let more: Vec<String> = online()
            .filter(nodes::Column::Id.is_in(with_jobs))
            .into_tuple()
            .all(app.db.read())
            .await?;
        ids.extend(more);
    }
    Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
}
