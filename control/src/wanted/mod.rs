//! Changes of wanted state. Each raises the node's `rev` by UPDATE in the transaction of the change, so that
//! the order of revs is the order of commits, and copies it to the changed row.
//!
//! Order of locks, everywhere: mount, node cursor, node, server, operation and allocation.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use warren_entity::{counters, nodes, servers, tombstones};

use crate::{
    ingest::outcome,
    outbox::{self, Event},
    text::to_i64,
};

/// Where a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bumped {
    /// The server's.
    pub generation: i64,
    /// The node's.
    pub rev: i64,
}

/// Raises the rev of a node; its row stays locked until the end of the transaction.
/// # Errors
/// `RecordNotFound` for an unknown node.
pub async fn raise_rev(db: &impl ConnectionTrait, node_id: &str) -> Result<i64, DbErr> {
    let gone = || DbErr::RecordNotFound(format!("node {node_id}"));
    let raised = nodes::Entity::update_many()
        .col_expr(nodes::Column::Rev, Expr::col(nodes::Column::Rev).add(1))
        .filter(nodes::Column::Id.eq(node_id))
        .exec(db)
        .await?;
    if raised.rows_affected == 0 {
        return Err(gone());
    }
    let rev: Option<i64> = nodes::Entity::find_by_id(node_id)
        .select_only()
        .column(nodes::Column::Rev)
        .into_tuple()
        .one(db)
        .await?;
    rev.ok_or_else(gone)
}

/// Marks a server's wanted state as changed. Call it **before** changing the row (it takes the locks in
/// order), in the same transaction, and [`crate::nudge::Nudges::node`] after the commit.
/// # Errors
/// `RecordNotFound` for an unknown server or one that is being deleted.
pub async fn bump(db: &impl ConnectionTrait, server_id: &str) -> Result<Bumped, DbErr> {
    let gone = || DbErr::RecordNotFound(format!("server {server_id}"));
    let node_of = async || -> Result<String, DbErr> {
        let node: Option<String> = servers::Entity::find_by_id(server_id)
            .filter(servers::Column::DeletedAtMs.is_null())
            .select_only()
            .column(servers::Column::NodeId)
            .into_tuple()
            .one(db)
            .await?;
        node.ok_or_else(gone)
    };
    let node_id = node_of().await?;
    let rev = raise_rev(db, &node_id).await?;
    let row = servers::Entity::find_by_id(server_id)
        .filter(servers::Column::DeletedAtMs.is_null())
        .lock_exclusive()
        .one(db)
        .await?
        .ok_or_else(gone)?;
    if row.node_id != node_id {
        // Moved between the two reads: rare, and the caller may simply try again.
        return Err(DbErr::Custom("the server has just changed its node".into()));
    }
    let generation = row.generation + 1;
    let at = Bumped { generation, rev };
    write(db, server_id, at).await?;
    Ok(at)
}

/// Puts a row under a generation and a rev of its node, which the caller has raised.
/// # Errors
/// Database.
pub async fn write(
    db: &impl ConnectionTrait,
    server_id: &str,
    Bumped { generation, rev }: Bumped,
) -> Result<(), DbErr> {
    servers::Entity::update_many()
        .col_expr(servers::Column::Generation, Expr::value(generation))
        .col_expr(servers::Column::Rev, Expr::value(rev))
        .filter(servers::Column::Id.eq(server_id))
        .exec(db)
        .await?;
    Ok(())
}

/// Gives a server up: a tombstone that its node carries out and confirms. The row is deleted softly and its
/// ports stay taken until the confirmation.
/// # Errors
/// As [`bump`].
pub async fn remove(
    db: &impl ConnectionTrait,
    server_id: &str,
    keep_files_s: u32,
    now_ms: i64,
) -> Result<Bumped, DbErr> {
    let bumped = bump(db, server_id).await?;
    let row = servers::Entity::find_by_id(server_id).one(db).await?;
    let Some(row) = row else {
        return Err(DbErr::RecordNotFound(format!("server {server_id}")));
    };
    servers::Entity::update_many()
        .col_expr(servers::Column::DeletedAtMs, Expr::value(now_ms))
        .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(servers::Column::Id.eq(server_id))
        .exec(db)
        .await?;
    bury(db, &row.node_id, server_id, bumped, keep_files_s, now_ms).await?;
    Ok(bumped)
}

/// Writes the tombstone of a server on a node; an older one there is replaced.
/// # Errors
/// Database.
pub async fn bury(
    db: &impl ConnectionTrait,
    node_id: &str,
    server_id: &str,
    at: Bumped,
    keep_files_s: u32,
    now_ms: i64,
) -> Result<(), DbErr> {
    let stone = tombstones::ActiveModel {
        node_id: Set(node_id.to_owned()),
        server_id: Set(server_id.to_owned()),
        generation: Set(at.generation),
        rev: Set(at.rev),
        keep_files_s: Set(to_i64(keep_files_s.into())),
        created_at_ms: Set(now_ms),
        confirmed_at_ms: Set(None),
    };
    let key = [tombstones::Column::NodeId, tombstones::Column::ServerId];
    let replace = OnConflict::columns(key)
        .update_columns([
            tombstones::Column::Generation,
            tombstones::Column::Rev,
            tombstones::Column::KeepFilesS,
            tombstones::Column::CreatedAtMs,
            tombstones::Column::ConfirmedAtMs,
        ])
        .to_owned();
    tombstones::Entity::insert(stone)
        .on_conflict(replace)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Orders that a node has taken, having applied every rev up to `applied`, and found fulfilled: no fact comes of them,
/// and nobody must wait for one. Nudge `outbox` after the commit.
/// # Errors
/// Database.
pub async fn settle_orders(
    db: &impl ConnectionTrait,
    node_id: &str,
    applied: i64,
    now_ms: i64,
) -> Result<(), DbErr> {
    let rows = servers::Entity::find()
        .filter(servers::Column::NodeId.eq(node_id))
        .filter(servers::Column::Intent.is_not_null())
        .filter(servers::Column::DeletedAtMs.is_null())
        .filter(servers::Column::Rev.lte(applied))
        .order_by_asc(servers::Column::Id)
        .lock_exclusive()
        .all(db)
        .await?;
    for row in rows {
        let (Some(intent), Ok(state)) = (row.intent.as_deref(), row.state.parse()) else {
            continue;
        };
        if !outcome::is_there(intent, state) {
            continue;
        }
        servers::Entity::update_many()
            .col_expr(servers::Column::Intent, Expr::value(Option::<String>::None))
            .col_expr(
                servers::Column::IntentAtMs,
                Expr::value(Option::<i64>::None),
            )
            .filter(servers::Column::Id.eq(&*row.id))
            .exec(db)
            .await?;
        if let (Ok(server), Ok(node)) = (row.id.parse(), row.node_id.parse()) {
            let data = json!({"to": row.state, "reason": "as_ordered"});
            let event = Event::of_server(server, Some(node), "state", now_ms, data);
            outbox::write(db, event).await?;
        }
    }
    Ok(())
}

/// Raises a named counter and gives its new value; its row stays locked, so that the order of values is the
/// order of commits.
/// # Errors
/// Database.
pub async fn count(db: &impl ConnectionTrait, name: &str, by: i64) -> Result<i64, DbErr> {
    let first = counters::ActiveModel {
        name: Set(name.to_owned()),
        value: Set(by),
    };
    let raise = OnConflict::column(counters::Column::Name)
        .value(
            counters::Column::Value,
            Expr::col((counters::Entity, counters::Column::Value)).add(by),
        )
        .to_owned();
    counters::Entity::insert(first)
        .on_conflict(raise)
        .exec_without_returning(db)
        .await?;
    let value: Option<i64> = counters::Entity::find_by_id(name)
        .select_only()
        .column(counters::Column::Value)
        .into_tuple()
        .one(db)
        .await?;
    value.ok_or_else(|| DbErr::RecordNotFound(format!("counter {name}")))
}

/// The last value of a named counter; 0 before the first.
/// # Errors
/// Database.
pub async fn counted(db: &impl ConnectionTrait, name: &str) -> Result<i64, DbErr> {
    let value: Option<i64> = counters::Entity::find_by_id(name)
        .select_only()
        .column(counters::Column::Value)
        .into_tuple()
        .one(db)
        .await?;
    Ok(value.unwrap_or(0))
}
