//! Console bytes: ranges by (run, offset). Only what lies behind the cursor of a stream is stored, under that
//! cursor's lock, so two controls can't both store and no gap protocol exists.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::FutureExt;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use warren_entity::{console_chunks, console_runs, console_streams, operations, servers};
use warren_proto::{
    ids::{NodeId, ServerId},
    wire::{self, ConsoleStream},
};

use super::{
    effect::ensure_run,
    piece::{self, Key, Piece},
};
use crate::{
    app::Ground,
    console::{
        chunk::{self, Times},
        size,
    },
    db::Lane,
    text::{to_i64, to_u64},
};

/// Ids in one question: both databases bound them, and many uploads share one.
const IDS: usize = 5000;
/// A chunk grows up to this, so that a quiet server does not leave a row per line.
const CHUNK_BYTES: i64 = 32 * 1024;

/// An upload and its node.
#[derive(Debug, Clone)]
pub struct Upload {
    /// As the subject says.
    pub node: NodeId,
    /// What it sent.
    pub upload: wire::ConsoleUpload,
}

/// Answer to one upload.
pub type Answer = Result<wire::ConsoleUploaded, wire::Failure>;

fn fail(code: &str, message: &str, retryable: bool) -> wire::Failure {
    wire::Failure {
        code: code.into(),
        message: message.into(),
        retryable,
    }
}

fn database() -> wire::Failure {
    fail(
        "database",
        "control's database did not take it; send it again",
        true,
    )
}

/// Stores many uploads in one transaction of `bulk`. What the database refuses of one node fails no other's.
pub async fn store(ground: &Ground, uploads: Vec<Upload>) -> Vec<Answer> {
    super::apart(ground, &uploads, |ground, some| {
        store_together(ground, some).boxed()
    })
    .await
    .into_iter()
    .map(|answer| answer.unwrap_or_else(|| Err(database())))
    .collect()
}

async fn store_together(ground: &Ground, uploads: &[Upload]) -> Result<Vec<Answer>, DbErr> {
    let speakers = super::speakers(ground, uploads.iter().map(|u| u.node)).await?;
    let mut answers: Vec<Answer> = Vec::with_capacity(uploads.len());
    let mut pieces: BTreeMap<Key, Vec<Piece>> = BTreeMap::new();
    let mut keys: Vec<HashSet<Key>> = Vec::with_capacity(uploads.len());
    for upload in uploads {
        let parsed = if speakers.get(&upload.node) == Some(&upload.upload.boot) {
            piece::parse_all(upload.node, &upload.upload)
        } else {
            Err(super::not_speaking())
        };
        match parsed {
            Ok(parsed) => {
                keys.push(parsed.iter().map(|(key, _)| *key).collect());
                for (key, piece) in parsed {
                    pieces.entry(key).or_default().push(piece);
                }
                answers.push(Ok(wire::ConsoleUploaded::default()));
            }
            Err(failure) => {
                keys.push(HashSet::new());
                answers.push(Err(failure));
            }
        }
    }
    let committed = store_pieces(ground, pieces).await?;
    for (answer, keys) in answers.iter_mut().zip(&keys) {
        if let Ok(uploaded) = answer {
            uploaded.committed = positions(keys, &committed);
        }
    }
    Ok(answers)
}

fn positions(keys: &HashSet<Key>, committed: &HashMap<Key, u64>) -> Vec<wire::ConsolePosition> {
    let known = keys
        .iter()
        .filter_map(|key| Some((key, *committed.get(key)?)));
    known
        .map(|(key, committed)| wire::ConsolePosition {
            server: key.server.to_string(),
            run: key.run.to_string(),
            stream: key.stream,
            committed,
        })
        .collect()
}

/// Gives the new ends. A server that control does not know at all has its bytes counted and dropped.
async fn store_pieces(
    ground: &Ground,
    pieces: BTreeMap<Key, Vec<Piece>>,
) -> Result<HashMap<Key, u64>, DbErr> {
    let mut ends = HashMap::new();
    if pieces.is_empty() {
        return Ok(ends);
    }
    let owners = owners(ground, &pieces).await?;
    meet_runs(ground, &pieces, &owners).await?;
    let now_ms = ground.clock.now_ms();
    let tx = ground.db.bulk.begin(Lane::Machines).await?;
    let mut sizes = size::Changes::new();
    for (key, list) in pieces {
        if !owners.contains_key(&key.server) {
            let bytes: u64 = list.iter().map(|p| p.end - p.start).sum();
            ::metrics::counter!("warren_control_console_bytes_of_unknown_servers_total")
                .increment(bytes);
            let end = list.iter().map(|p| p.end).max().unwrap_or(0);
            ends.insert(key, end);
            continue;
        }
        let row = lock_stream(&*tx, key, now_ms).await?;
        let before = to_u64(row.committed);
        let mut committed = before;
        let mut stored = 0;
        for piece in list {
            if let Some(piece) = piece::beyond(committed, piece) {
                committed = piece.end;
                stored += append(&*tx, key, piece, now_ms).await?;
            }
        }
        if committed != before {
            console_streams::Entity::update_many()
                .col_expr(
                    console_streams::Column::Committed,
                    Expr::value(to_i64(committed)),
                )
                .col_expr(
                    console_streams::Column::StoredBytes,
                    Expr::value(row.stored_bytes + stored),
                )
                .col_expr(console_streams::Column::LastAtMs, Expr::value(now_ms))
                .filter(of_stream(key))
                .exec(&*tx)
                .await?;
            let whose = (key.node.to_string(), key.server.to_string());
            *sizes.entry(whose).or_default() += stored;
        }
        ends.insert(key, committed);
    }
    size::add(&*tx, sizes).await?;
    tx.commit().await?;
    Ok(ends)
}

/// Which node owns each of the servers.
async fn owners(
    ground: &Ground,
    pieces: &BTreeMap<Key, Vec<Piece>>,
) -> Result<HashMap<ServerId, String>, DbErr> {
    let ids: HashSet<String> = pieces.keys().map(|k| k.server.to_string()).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    let mut owners = HashMap::new();
    for some in ids.chunks(IDS) {
        let rows: Vec<(String, String)> = servers::Entity::find()
            .filter(servers::Column::Id.is_in(some))
            .select_only()
            .columns([servers::Column::Id, servers::Column::NodeId])
            .into_tuple()
            .all(ground.db.read())
            .await?;
        let rows = rows.into_iter();
        owners.extend(rows.filter_map(|(server, node)| Some((server.parse().ok()?, node))));
    }
    Ok(owners)
}

/// Runs that begin with these bytes get their rows: in `main`, before the bytes, so that no bytes are without.
async fn meet_runs(
    ground: &Ground,
    pieces: &BTreeMap<Key, Vec<Piece>>,
    owners: &HashMap<ServerId, String>,
) -> Result<(), DbErr> {
    let new: Vec<(&Key, i64)> = pieces
        .iter()
        .filter(|(key, _)| owners.get(&key.server) == Some(&key.node.to_string()))
        .filter(|(_, list)| list.iter().any(|p| p.start == 0))
        .map(|(key, list)| {
            let first = list.iter().filter_map(|p| p.times.first_ms()).min();
            (key, first.unwrap_or_else(|| ground.clock.now_ms()))
        })
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let tx = ground.db.begin(Lane::Machines).await?;
    for (key, at_ms) in new {
        let install = key.stream == ConsoleStream::Install as i32;
        let kind = if install { "install" } else { "game" };
        ensure_run(&*tx, key.node, key.server, key.run, kind, at_ms, None).await?;
        if install {
            // Warren's own lines of this run may have come before and named no kind.
            console_runs::Entity::update_many()
                .col_expr(console_runs::Column::Kind, Expr::value(kind))
                .filter(console_runs::Column::Id.eq(key.run.to_string()))
                .filter(console_runs::Column::NodeId.eq(key.node.to_string()))
                .exec(&*tx)
                .await?;
            // The log of the job that runs now.
            operations::Entity::update_many()
                .col_expr(operations::Column::RunId, Expr::value(key.run.to_string()))
                .filter(operations::Column::ServerId.eq(key.server.to_string()))
                .filter(operations::Column::Kind.is_in(["install", "reinstall"]))
                .filter(operations::Column::State.is_in(["pending", "running"]))
                .filter(operations::Column::RunId.is_null())
                .exec(&*tx)
                .await?;
        }
    }
    tx.commit().await
}

fn of_stream(key: Key) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(console_streams::Column::NodeId.eq(key.node.to_string()))
        .add(console_streams::Column::ServerId.eq(key.server.to_string()))
        .add(console_streams::Column::RunId.eq(key.run.to_string()))
        .add(console_streams::Column::Stream.eq(key.stream))
}

async fn lock_stream(
    db: &impl ConnectionTrait,
    key: Key,
    now_ms: i64,
) -> Result<console_streams::Model, DbErr> {
    let fresh = console_streams::ActiveModel {
        node_id: Set(key.node.to_string()),
        server_id: Set(key.server.to_string()),
        run_id: Set(key.run.to_string()),
        stream: Set(key.stream),
        committed: Set(0),
        first_kept: Set(0),
        stored_bytes: Set(0),
        last_at_ms: Set(now_ms),
    };
    let there = OnConflict::columns([
        console_streams::Column::NodeId,
        console_streams::Column::ServerId,
        console_streams::Column::RunId,
        console_streams::Column::Stream,
    ])
    .do_nothing()
    .to_owned();
    console_streams::Entity::insert(fresh)
        .on_conflict(there)
        .exec_without_returning(db)
        .await?;
    console_streams::Entity::find()
        .filter(of_stream(key))
        .lock_exclusive()
        .one(db)
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("console stream".into()))
}

/// Stores one piece; a small last chunk grows instead. Gives the change of stored bytes.
async fn append(
    db: &impl ConnectionTrait,
    key: Key,
    piece: Piece,
    now_ms: i64,
) -> Result<i64, DbErr> {
    let of_chunk = sea_orm::Condition::all()
        .add(console_chunks::Column::NodeId.eq(key.node.to_string()))
        .add(console_chunks::Column::ServerId.eq(key.server.to_string()))
        .add(console_chunks::Column::RunId.eq(key.run.to_string()))
        .add(console_chunks::Column::Stream.eq(key.stream));
    let last_ms = piece.times.last_ms().unwrap_or(now_ms);
    let mut start = piece.start;
    let mut data = piece.data.unwrap_or_default();
    let mut times = piece.times;
    let gap = data.is_empty();
    let mut before = 0;
    if !gap && piece.start > 0 {
        let last = console_chunks::Entity::find()
            .filter(of_chunk.clone())
            .filter(console_chunks::Column::End.eq(to_i64(piece.start)))
            .filter(console_chunks::Column::Start.gt(to_i64(piece.start) - CHUNK_BYTES))
            .filter(console_chunks::Column::Gap.eq(false))
            .one(db)
            .await?;
        if let Some(last) = last
            && (last.end - last.start) + to_i64(data.len() as u64) <= CHUNK_BYTES
            && let Ok(mut head) = chunk::unpack(last.encoding, &last.data, CHUNK_BYTES as usize)
        {
            before = to_i64((last.data.len() + last.times.len()) as u64);
            start = to_u64(last.start);
            head.extend_from_slice(&data);
            data = head;
            times = Times::decode(&last.times).and_then_all(times);
            console_chunks::Entity::delete_many()
                .filter(of_chunk)
                .filter(console_chunks::Column::Start.eq(last.start))
                .exec(db)
                .await?;
        }
    }
    let (encoding, packed) = chunk::pack(&data);
    let times = times.encode();
    let after = to_i64((packed.len() + times.len()) as u64);
    let row = console_chunks::ActiveModel {
        node_id: Set(key.node.to_string()),
        server_id: Set(key.server.to_string()),
        run_id: Set(key.run.to_string()),
        stream: Set(key.stream),
        start: Set(to_i64(start)),
        end: Set(to_i64(piece.end)),
        gap: Set(gap),
        encoding: Set(encoding),
        data: Set(packed),
        times: Set(times),
        at_ms: Set(last_ms),
    };
    console_chunks::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(after - before)
}
