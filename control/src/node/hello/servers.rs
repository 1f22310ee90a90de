//! Servers and jobs that the node has, beside those that it should have.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use warren_entity::{operations, orphans, servers, tombstones};
use warren_proto::{
    ids::{JobId, NodeId},
    state::State,
};

use super::super::settle::{self, Verdict};
use super::{
    ROWS,
    ledger::raise,
    said::{Observed, Said},
};
use crate::{
    ingest::effect,
    job,
    outbox::{self, Event},
    wanted::{self, Bumped},
};

/// Orphans of one node that are written down; once they are decided on, the next hello shows more.
const MOST_ORPHANS: usize = 1000;

/// Compares the servers that the node has with those that it should have.
pub async fn settle_servers(
    db: &impl ConnectionTrait,
    node: NodeId,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let node_id = node.to_string();
    let mut strange = HashSet::new();
    for chunk in said.servers.chunks(ROWS) {
        let ids: Vec<String> = chunk.iter().map(|s| s.server.to_string()).collect();
        let rows: Vec<(String, String, i64, Option<i64>)> = servers::Entity::find()
            .filter(servers::Column::Id.is_in(ids.clone()))
            .select_only()
            .columns([
                servers::Column::Id,
                servers::Column::NodeId,
                servers::Column::Generation,
                servers::Column::DeletedAtMs,
            ])
            .into_tuple()
            .all(db)
            .await?;
        let rows: HashMap<_, _> = rows.into_iter().map(|r| (r.0.clone(), r)).collect();
        let buried: HashMap<String, i64> = tombstones::Entity::find()
            .filter(tombstones::Column::NodeId.eq(&*node_id))
            .filter(tombstones::Column::ServerId.is_in(ids))
            .filter(tombstones::Column::ConfirmedAtMs.is_null())
            .select_only()
            .columns([tombstones::Column::ServerId, tombstones::Column::Generation])
            .into_tuple::<(String, i64)>()
            .all(db)
            .await?
            .into_iter()
            .collect();
        let mut met = Vec::new();
        for seen in chunk {
            let id = seen.server.to_string();
            let row = rows
                .get(&id)
                .map(|(_, owner, generation, deleted)| settle::Row {
                    here: *owner == node_id,
                    generation: *generation,
                    deleted: deleted.is_some(),
                });
            match settle::server(row, buried.get(&id).copied(), seen.generation) {
                Verdict::Fine => {}
                Verdict::Raise(generation) => raise(db, &node_id, &id, generation).await?,
                Verdict::Bury(generation) => {
                    let rev = wanted::raise_rev(db, &node_id).await?;
                    let at = Bumped { generation, rev };
                    wanted::bury(db, &node_id, &id, at, 7 * 86_400, now_ms).await?;
                }
                Verdict::Strange => {
                    // Named twice in one statement, a row can't be written.
                    if strange.len() < MOST_ORPHANS && strange.insert(id) {
                        met.push(orphan(&node_id, seen, now_ms));
                    }
                }
            }
        }
        meet_orphans(db, met).await?;
    }
    orphans::Entity::delete_many()
        .filter(orphans::Column::NodeId.eq(&*node_id))
        .filter(orphans::Column::ServerId.is_not_in(strange))
        .exec(db)
        .await?;
    Ok(())
}

fn orphan(node_id: &str, seen: &Observed, now_ms: i64) -> orphans::ActiveModel {
    orphans::ActiveModel {
        node_id: Set(node_id.to_owned()),
        server_id: Set(seen.server.to_string()),
        generation: Set(seen.generation),
        state: Set(seen.state.map_or("unknown", State::as_str).to_owned()),
        seen_at_ms: Set(now_ms),
    }
}

async fn meet_orphans(
    db: &impl ConnectionTrait,
    met: Vec<orphans::ActiveModel>,
) -> Result<(), DbErr> {
    if met.is_empty() {
        return Ok(());
    }
    let key = [orphans::Column::NodeId, orphans::Column::ServerId];
    let again = OnConflict::columns(key)
        .update_columns([
            orphans::Column::Generation,
            orphans::Column::State,
            orphans::Column::SeenAtMs,
        ])
        .to_owned();
    orphans::Entity::insert_many(met)
        .on_conflict(again)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Tombstones that the node has taken, with every fact of it read, and a server that is not there: carried out. The
/// fact that said so came before this database was put back.
pub async fn confirm_stones(
    db: &impl ConnectionTrait,
    node: NodeId,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let Some((_, applied)) = said.ledger else {
        return Ok(());
    };
    let there: HashSet<String> = said.servers.iter().map(|s| s.server.to_string()).collect();
    let stones = tombstones::Entity::find()
        .filter(tombstones::Column::NodeId.eq(node.to_string()))
        .filter(tombstones::Column::ConfirmedAtMs.is_null())
        .filter(tombstones::Column::Rev.lte(applied))
        .order_by_asc(tombstones::Column::ServerId)
        .all(db)
        .await?;
    for stone in stones {
        if let Ok(server) = stone.server_id.parse()
            && !there.contains(&stone.server_id)
        {
            effect::removed(db, node, server, stone.generation, now_ms).await?;
        }
    }
    Ok(())
}

/// Jobs that control started and the node does not run, with every fact of the node read: they are lost.
pub async fn lose_jobs(
    db: &impl ConnectionTrait,
    node: NodeId,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let running = operations::Entity::find()
        .filter(operations::Column::NodeId.eq(node.to_string()))
        .filter(operations::Column::State.eq("running"))
        .filter(operations::Column::Kind.ne("delete"))
        .filter(operations::Column::SentAtMs.is_not_null())
        .all(db)
        .await?;
    for row in running {
        let listed = row.id.parse();
        let listed = listed.is_ok_and(|id: JobId| said.jobs.contains(&id));
        let sent_at_ms = row.sent_at_ms.unwrap_or(now_ms);
        if !settle::is_lost(listed, sent_at_ms, now_ms) {
            continue;
        }
        let text = "the node does not know this job any more; start it again";
        operations::Entity::update_many()
            .col_expr(operations::Column::State, Expr::value("lost"))
            .col_expr(operations::Column::EndedAtMs, Expr::value(now_ms))
            .col_expr(operations::Column::Code, Expr::value("lost"))
            .col_expr(operations::Column::Message, Expr::value(text))
            .filter(operations::Column::Id.eq(&*row.id))
            .exec(db)
            .await?;
        let end = job::End {
            state: "lost",
            code: Some("lost"),
            message: Some(text),
            fact: None,
            at_ms: now_ms,
        };
        job::ended(db, &row, end).await?;
        if let Some(server) = row.server_id.as_deref().and_then(|s| s.parse().ok()) {
            let data = json!({"operation": row.id, "kind": row.kind, "state": "lost"});
            outbox::write(
                db,
                Event::of_server(server, Some(node), "operation", now_ms, data),
            )
            .await?;
        }
    }
    Ok(())
}
