//! States as the node observes them, once every fact of it is read.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde_json::json;
use warren_entity::servers;
use warren_proto::{
    ids::{NodeId, ServerId},
    state::State,
};

use super::{
    ROWS,
    said::{Observed, Said},
};
use crate::{
    allocation::take,
    ingest::outcome::{self, Order},
    outbox::{self, Event},
};

/// With every fact read, what the node observes is what is: repairs a state whose fact was lost, and ends the
/// waiting for an order that the lost fact had settled.
pub async fn trust_states(
    db: &impl ConnectionTrait,
    node: NodeId,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let applied = said.ledger.map_or(0, |(_, rev)| rev);
    for chunk in said.servers.chunks(ROWS) {
        let news = observed_otherwise(db, node, applied, chunk).await?;
        let mut by_state: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut settled = Vec::new();
        for (server, new) in &news {
            if new.settled {
                settled.push(server.to_string());
            }
            if !new.repaired {
                continue;
            }
            if new.state == State::Running {
                take::held_by_server(db, &server.to_string()).await?;
            }
            let ids = by_state.entry(new.state.as_str()).or_default();
            ids.push(server.to_string());
        }
        for (state, ids) in by_state {
            servers::Entity::update_many()
                .col_expr(servers::Column::State, Expr::value(state))
                .col_expr(servers::Column::StateSinceMs, Expr::value(now_ms))
                .col_expr(servers::Column::StateReason, Expr::value("observed"))
                .filter(servers::Column::Id.is_in(ids))
                .exec(db)
                .await?;
        }
        if !settled.is_empty() {
            servers::Entity::update_many()
                .col_expr(servers::Column::Intent, Expr::value(Option::<String>::None))
                .col_expr(
                    servers::Column::IntentAtMs,
                    Expr::value(Option::<i64>::None),
                )
                .filter(servers::Column::Id.is_in(settled))
                .exec(db)
                .await?;
        }
        let events = news.into_iter().map(|(server, new)| {
            let data = json!({"to": new.state.as_str(), "reason": "observed"});
            Event::of_server(server, Some(node), "state", now_ms, data)
        });
        outbox::write_all(db, events).await?;
    }
    Ok(())
}

/// What a node's word changes of a server.
struct News {
    state: State,
    /// The row had another state.
    repaired: bool,
    /// The order that people wait for is done with.
    settled: bool,
}

/// Which of these servers of the node are otherwise than it says; their rows stay locked. `applied`: rows that the
/// node has taken.
async fn observed_otherwise(
    db: &impl ConnectionTrait,
    node: NodeId,
    applied: i64,
    seen: &[Observed],
) -> Result<BTreeMap<ServerId, News>, DbErr> {
    let seen: HashMap<String, &Observed> = seen.iter().map(|s| (s.server.to_string(), s)).collect();
    let rows: Vec<(String, String, Option<String>, i64, i64)> = servers::Entity::find()
        .filter(servers::Column::Id.is_in(seen.keys()))
        .filter(servers::Column::NodeId.eq(node.to_string()))
        .filter(servers::Column::DeletedAtMs.is_null())
        .order_by_asc(servers::Column::Id)
        .lock_exclusive()
        .select_only()
        .columns([
            servers::Column::Id,
            servers::Column::State,
            servers::Column::Intent,
            servers::Column::PowerGeneration,
            servers::Column::Rev,
        ])
        .into_tuple()
        .all(db)
        .await?;
    let told = |(id, known, intent, generation, rev): &(_, String, Option<String>, i64, i64)| {
        let seen: &Observed = seen.get::<String>(id)?;
        let state = seen.state?;
        let order = Order {
            intent: intent.as_deref(),
            generation: *generation,
            taken: applied >= *rev,
        };
        let new = News {
            state,
            repaired: known != state.as_str(),
            settled: outcome::settles(order, seen.generation, None, state),
        };
        (new.repaired || new.settled).then_some((seen.server, new))
    };
    Ok(rows.iter().filter_map(told).collect())
}
