//! Lets history go by size and age, oldest first, by chunk and never by line.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use warren_entity::{console_chunks, console_sizes, console_streams};

use super::size;
use crate::{app::Ground, db::Lane};

/// Chunks deleted in one transaction: people's writes get their turn in between.
const STEP: u64 = 256;

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

/// Node, server, run and number of a stream.
type Stream = (String, String, String, i32);

impl Old {
    fn stream(&self) -> Stream {
        let Self {
            node_id,
            server_id,
            run_id,
            stream,
            ..
        } = self.clone();
        (node_id, server_id, run_id, stream)
    }
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
        let dropped = drop_chunks(ground, &old, None).await?;
        if dropped.chunks == 0 {
            break;
        }
        gone += dropped.chunks;
    }
    // Each node's part of a server on its own: bytes that a stranger sends under this server's name must not
    // push out what its owner said.
    let most = ground.config.console_keep_bytes;
    let sizes = console_sizes::Entity::find()
        .filter(console_sizes::Column::Bytes.gt(most))
        .all(ground.db.bulk.read())
        .await?;
    for size in sizes {
        let mut over = size.bytes - most;
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
            let dropped = drop_chunks(ground, &old, Some((&size, most))).await?;
            if dropped.chunks == 0 {
                break;
            }
            gone += dropped.chunks;
            over -= dropped.bytes;
        }
    }
    Ok(gone)
}

async fn oldest(
    ground: &Ground,
    of: Option<&console_sizes::Model>,
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

/// What really went.
#[derive(Default)]
struct Gone {
    chunks: u64,
    bytes: i64,
}

/// Deletes chunks and subtracts what the deletion hit: another control, or an upload that has made a chunk
/// grow since it was read, may have been first.
///
/// With `of`, no more goes than is above that many bytes by now: others may sweep the same.
async fn drop_chunks(
    ground: &Ground,
    old: &[Old],
    of: Option<(&console_sizes::Model, i64)>,
) -> Result<Gone, DbErr> {
    let mut streams: BTreeMap<Stream, Vec<&Old>> = BTreeMap::new();
    for chunk in old {
        streams.entry(chunk.stream()).or_default().push(chunk);
    }
    let tx = ground.db.bulk.begin(Lane::Machines).await?;
    let mut gone = Gone::default();
    let mut sizes = size::Changes::new();
    // The streams' rows first, and then the size's, as ingest does.
    let mut rows = Vec::with_capacity(streams.len());
    for stream in streams.keys() {
        let row = console_streams::Entity::find()
            .filter(of_stream(stream))
            .lock_exclusive();
        rows.push(row.one(&*tx).await?);
    }
    let mut over = match of {
        Some((size, most)) => size::locked(&*tx, size).await? - most,
        None => i64::MAX,
    };
    for ((stream, chunks), row) in streams.iter().zip(rows) {
        let mut here = Gone::default();
        let mut end = 0;
        for chunk in chunks {
            if over <= 0 {
                break;
            }
            let deleted = delete_chunk(&*tx, chunk).await?;
            here.chunks += deleted;
            if deleted > 0 {
                here.bytes += chunk.bytes;
                over -= chunk.bytes;
                end = Ord::max(end, chunk.end);
            }
        }
        if let Some(row) = row.filter(|_| here.chunks > 0) {
            console_streams::Entity::update_many()
                .col_expr(
                    console_streams::Column::StoredBytes,
                    Expr::value(Ord::max(row.stored_bytes - here.bytes, 0)),
                )
                .col_expr(
                    console_streams::Column::FirstKept,
                    Expr::value(Ord::max(row.first_kept, end)),
                )
                .filter(of_stream(stream))
                .exec(&*tx)
                .await?;
        }
        let (node, server, ..) = stream.clone();
        *sizes.entry((node, server)).or_default() -= here.bytes;
        gone.chunks += here.chunks;
        gone.bytes += here.bytes;
    }
    size::add(&*tx, sizes).await?;
    tx.commit().await?;
    Ok(gone)
}

async fn delete_chunk(db: &impl ConnectionTrait, chunk: &Old) -> Result<u64, DbErr> {
    let deleted = console_chunks::Entity::delete_many()
        .filter(console_chunks::Column::NodeId.eq(&*chunk.node_id))
        .filter(console_chunks::Column::ServerId.eq(&*chunk.server_id))
        .filter(console_chunks::Column::RunId.eq(&*chunk.run_id))
        .filter(console_chunks::Column::Stream.eq(chunk.stream))
        .filter(console_chunks::Column::Start.eq(chunk.start))
        // Its end moves when it grows, and then it is not old any more.
        .filter(console_chunks::Column::End.eq(chunk.end))
        .exec(db)
        .await?;
    Ok(deleted.rows_affected)
}

fn of_stream((node, server, run, stream): &Stream) -> Condition {
    Condition::all()
        .add(console_streams::Column::NodeId.eq(node))
        .add(console_streams::Column::ServerId.eq(server))
        .add(console_streams::Column::RunId.eq(run))
        .add(console_streams::Column::Stream.eq(*stream))
}
