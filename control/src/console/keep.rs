//! Lets history go by size and age, oldest first, by chunk and never by line.

use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use warren_entity::{console_chunks, console_streams};

use crate::{app::Ground, db::Lane, text::to_i64};

/// Chunks deleted in one transaction: people's writes get their turn in between.
const STEP: u64 = 256;

#[derive(FromQueryResult)]
struct Size {
    node_id: String,
    server_id: String,
    bytes: Option<i64>,
}

#[derive(FromQueryResult, Clone)]
struct Old {
    node_id: String,
    server_id: String,
    run_id: String,
    stream: i32,
    start: i64,
    end: i64,
    bytes: i64,
}

/// One round over everything. Gives how many chunks went.
/// # Errors
/// Database.
pub async fn sweep(ground: &Ground) -> Result<u64, DbErr> {
    let mut gone = 0;
    let before = ground.clock.now_ms() - ground.config.console_keep_s.saturating_mul(1000);
    loop {
        let old = oldest(ground, None, Some(before)).await?;
        if old.is_empty() {
            break;
        }
        gone += drop_chunks(ground, &old).await?;
    }
    // Each node's part of a server on its own: bytes that a stranger sends under this server's name must not
    // push out what its owner said.
    let most = ground.config.console_keep_bytes;
    let sizes = console_streams::Entity::find()
        .select_only()
        .column(console_streams::Column::NodeId)
        .column(console_streams::Column::ServerId)
        // PostgreSQL sums bigint as numeric.
        .column_as(
            Expr::col(console_streams::Column::StoredBytes)
                .sum()
                .cast_as("bigint"),
            "bytes",
        )
        .group_by(console_streams::Column::NodeId)
        .group_by(console_streams::Column::ServerId)
        .into_model::<Size>()
        .all(ground.db.bulk.read())
        .await?;
    for size in sizes {
        let mut over = size.bytes.unwrap_or(0) - most;
        while over > 0 {
            let mut old = oldest(ground, Some(&size), None).await?;
            let mut enough = 0;
            let mut freed = 0;
            for chunk in &old {
                enough += 1;
                freed += chunk.bytes;
                if freed >= over {
                    break;
                }
            }
            old.truncate(enough);
            if old.is_empty() {
                break;
            }
            gone += drop_chunks(ground, &old).await?;
            over -= freed;
        }
    }
    Ok(gone)
}

async fn oldest(
    ground: &Ground,
    of: Option<&Size>,
    before_ms: Option<i64>,
) -> Result<Vec<Old>, DbErr> {
    let mut query = console_chunks::Entity::find()
        .select_only()
        .columns([
            console_chunks::Column::NodeId,
            console_chunks::Column::ServerId,
            console_chunks::Column::RunId,
            console_chunks::Column::Stream,
            console_chunks::Column::Start,
            console_chunks::Column::End,
        ])
        .column_as(
            Expr::cust("length(data) + length(times)").cast_as("bigint"),
            "bytes",
        )
        .order_by_asc(console_chunks::Column::AtMs)
        .limit(STEP);
    if let Some(of) = of {
        query = query
            .filter(console_chunks::Column::NodeId.eq(&*of.node_id))
            .filter(console_chunks::Column::ServerId.eq(&*of.server_id));
    }
    if let Some(before) = before_ms {
        query = query.filter(console_chunks::Column::AtMs.lt(before));
    }
    query.into_model::<Old>().all(ground.db.bulk.read()).await
}

async fn drop_chunks(ground: &Ground, old: &[Old]) -> Result<u64, DbErr> {
    let mut sorted = old.to_vec();
    sorted.sort_by(|a, b| {
        (&a.node_id, &a.server_id, &a.run_id, a.stream, a.start).cmp(&(
            &b.node_id,
            &b.server_id,
            &b.run_id,
            b.stream,
            b.start,
        ))
    });
    let tx = ground.db.bulk.begin(Lane::Machines).await?;
    for chunk in &sorted {
        // The stream's row first, as ingest does.
        console_streams::Entity::update_many()
            .col_expr(
                console_streams::Column::StoredBytes,
                Expr::col(console_streams::Column::StoredBytes).sub(chunk.bytes),
            )
            .col_expr(console_streams::Column::FirstKept, Expr::value(chunk.end))
            .filter(console_streams::Column::NodeId.eq(&*chunk.node_id))
            .filter(console_streams::Column::ServerId.eq(&*chunk.server_id))
            .filter(console_streams::Column::RunId.eq(&*chunk.run_id))
            .filter(console_streams::Column::Stream.eq(chunk.stream))
            .exec(&*tx)
            .await?;
        console_chunks::Entity::delete_many()
            .filter(console_chunks::Column::NodeId.eq(&*chunk.node_id))
            .filter(console_chunks::Column::ServerId.eq(&*chunk.server_id))
            .filter(console_chunks::Column::RunId.eq(&*chunk.run_id))
            .filter(console_chunks::Column::Stream.eq(chunk.stream))
            .filter(console_chunks::Column::Start.eq(chunk.start))
            .exec(&*tx)
            .await?;
    }
    tx.commit().await?;
    Ok(to_i64(sorted.len() as u64).unsigned_abs())
}
