//! The node's ledger beside control's rows: whoever is behind is brought up.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use warren_entity::{nodes, servers, tombstones};
use warren_proto::{
    ids::{BootId, NodeId, ServerId},
    wire,
};

use super::super::settle::{self};
use super::said::{HIGHEST, Said};
use crate::{
    text::to_i64,
    wanted::{self, Bumped},
};

/// Compares ledgers.
pub async fn settle_ledger(
    db: &impl ConnectionTrait,
    node: NodeId,
    row: &nodes::Model,
    boots: &HashMap<BootId, i64>,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let Some((ledger, applied)) = said.ledger else {
        return Ok(());
    };
    let mut known = known_of(row);
    if !settle::is_met(said.taken_in, boots, row.next_ordinal) {
        known.ledger = None;
    }
    compare_ledger(db, node, known, &ledger.to_string(), applied, now_ms).await
}

/// Compares what control knows of a node's ledger with where the node says that it stands. The node's row is locked.
pub async fn compare_ledger(
    db: &impl ConnectionTrait,
    node: NodeId,
    known: settle::Known<'_>,
    ledger: &str,
    applied: i64,
    now_ms: i64,
) -> Result<(), DbErr> {
    let node_id = node.to_string();
    let revs = settle::ledger(known, ledger, applied);
    nodes::Entity::update_many()
        .col_expr(nodes::Column::LedgerId, Expr::value(ledger))
        .col_expr(nodes::Column::Rev, Expr::value(revs.rev))
        .col_expr(nodes::Column::AppliedRev, Expr::value(revs.applied))
        .filter(nodes::Column::Id.eq(&*node_id))
        .exec(db)
        .await?;
    if revs.anew {
        tracing::warn!(node.id = %node, "node {node} is ahead of this database: its wanted state is written anew");
        write_anew(db, &node_id, revs.rev - known.rev, now_ms).await?;
    }
    Ok(())
}

/// What control knows of a node's ledger, as the pure part has it.
pub fn known_of(row: &nodes::Model) -> settle::Known<'_> {
    settle::Known {
        ledger: row.ledger_id.as_deref(),
        rev: row.rev,
        applied: row.applied_rev,
    }
}

/// Puts every row of a node under a rev and a generation above all that it has, so that it takes each again. `lost`:
/// by how many changes the node is ahead; no generation can be further ahead than that. One rev each: rows of one
/// rev can't be told apart, and have to fit into one message.
async fn write_anew(
    db: &impl ConnectionTrait,
    node_id: &str,
    lost: i64,
    now_ms: i64,
) -> Result<(), DbErr> {
    use sea_orm::ExprTrait as _;
    let above = lost + 1;
    let ids: Vec<String> = servers::Entity::find()
        .filter(servers::Column::NodeId.eq(node_id))
        .filter(servers::Column::DeletedAtMs.is_null())
        .order_by_asc(servers::Column::Id)
        .select_only()
        .column(servers::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    for id in ids {
        let rev = wanted::raise_rev(db, node_id).await?;
        servers::Entity::update_many()
            .col_expr(servers::Column::Rev, Expr::value(rev))
            .col_expr(
                servers::Column::Generation,
                Expr::col(servers::Column::Generation).add(above),
            )
            .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
            .filter(servers::Column::Id.eq(&*id))
            .exec(db)
            .await?;
        renew_order(db, &id).await?;
    }
    let stones: Vec<String> = tombstones::Entity::find()
        .filter(tombstones::Column::NodeId.eq(node_id))
        .filter(tombstones::Column::ConfirmedAtMs.is_null())
        .order_by_asc(tombstones::Column::ServerId)
        .select_only()
        .column(tombstones::Column::ServerId)
        .into_tuple()
        .all(db)
        .await?;
    for server in stones {
        let rev = wanted::raise_rev(db, node_id).await?;
        tombstones::Entity::update_many()
            .col_expr(tombstones::Column::Rev, Expr::value(rev))
            .col_expr(
                tombstones::Column::Generation,
                Expr::col(tombstones::Column::Generation).add(above),
            )
            .filter(tombstones::Column::NodeId.eq(node_id))
            .filter(tombstones::Column::ServerId.eq(server))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// An order that people wait for has a number that the node may have settled: it is given again. A restart is
/// counted, and the node's count is unknown here: what is left of it is a start.
async fn renew_order(db: &impl ConnectionTrait, server_id: &str) -> Result<(), DbErr> {
    servers::Entity::update_many()
        .col_expr(
            servers::Column::PowerGeneration,
            Expr::col(servers::Column::Generation),
        )
        .filter(servers::Column::Id.eq(server_id))
        .filter(servers::Column::Intent.is_not_null())
        .exec(db)
        .await?;
    servers::Entity::update_many()
        .col_expr(servers::Column::Intent, Expr::value("start"))
        .filter(servers::Column::Id.eq(server_id))
        .filter(servers::Column::Intent.eq("restart"))
        .exec(db)
        .await?;
    Ok(())
}

/// Writes a row anew under a generation that its node will take.
pub(super) async fn raise(
    db: &impl ConnectionTrait,
    node_id: &str,
    server_id: &str,
    generation: i64,
) -> Result<(), DbErr> {
    let rev = wanted::raise_rev(db, node_id).await?;
    wanted::write(db, server_id, Bumped { generation, rev }).await?;
    renew_order(db, server_id).await
}

/// Rows that a node did not take, for it follows or has buried a later generation: they are written anew above it.
pub async fn raise_left_out(
    db: &impl ConnectionTrait,
    node: NodeId,
    left_out: &[wire::LeftOut],
) -> Result<(), DbErr> {
    let node_id = node.to_string();
    for out in left_out.iter().filter(|out| out.floor <= HIGHEST) {
        let Ok(server) = out.server.parse::<ServerId>() else {
            continue;
        };
        let id = server.to_string();
        let row: Option<(String, i64, Option<i64>)> = servers::Entity::find_by_id(&*id)
            .select_only()
            .columns([
                servers::Column::NodeId,
                servers::Column::Generation,
                servers::Column::DeletedAtMs,
            ])
            .into_tuple()
            .one(db)
            .await?;
        let row = row.map(|(owner, generation, deleted)| settle::Row {
            here: owner == node_id,
            generation,
            deleted: deleted.is_some(),
        });
        if let Some(generation) = row.and_then(|row| settle::left_out(row, to_i64(out.floor))) {
            raise(db, &node_id, &id, generation).await?;
        }
    }
    Ok(())
}
