//! Console history for people: pages, search, download, install log.

use std::time::Duration;

use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;
use warren_entity::{console_runs, console_streams, operations};
use warren_proto::{
    ids::{JobId, RunId},
    wire::ConsoleStream,
};

use super::dto::{
    ConsoleChunk, ConsolePage, ConsoleQuery, DownloadQuery, Run, SearchHit, SearchQuery,
    SearchResult, StreamName,
};
use crate::{
    app::App,
    auth::ServerAccess,
    console::{
        history::{self, Piece, Place},
        search,
    },
    error::{Error, Result},
    http::{Page, PageQuery, Stamp},
};

/// Bytes of one page.
const PAGE_BYTES: u64 = 1024 * 1024;
/// Bytes that a tail gives per stream.
const TAIL_BYTES: u32 = 256 * 1024;
/// Bytes that a download reads ahead.
const STEP_BYTES: u64 = 1024 * 1024;
/// A search that takes longer says so instead of holding the database.
const SEARCH: Duration = Duration::from_secs(10);

fn wire_stream(stream: StreamName) -> ConsoleStream {
    match stream {
        StreamName::Game => ConsoleStream::Game,
        StreamName::Warren => ConsoleStream::Warren,
        StreamName::Install => ConsoleStream::Install,
    }
}

fn stream_name(stream: ConsoleStream) -> StreamName {
    StreamName::from_number(stream as i32)
}

/// Runs of a server, the newest first.
/// # Errors
/// Database; a bad cursor.
pub async fn runs(app: &App, access: &ServerAccess, page: &PageQuery) -> Result<Page<Run>> {
    let limit = page.limit()?;
    let mut query = console_runs::Entity::find()
        .filter(console_runs::Column::ServerId.eq(&*access.server.id))
        .order_by_desc(console_runs::Column::Id)
        .limit(limit + 1);
    if let Some(after) = page.after()? {
        query = query.filter(console_runs::Column::Id.lt(after));
    }
    let rows = query.all(app.db.read()).await?;
    let page = Page::cut(rows, limit, |row| row.id.clone());
    let ids = page.items.iter().map(|row| row.id.clone());
    let streams = console_streams::Entity::find()
        .filter(console_streams::Column::ServerId.eq(&*access.server.id))
        .filter(console_streams::Column::RunId.is_in(ids))
        .filter(
            Condition::any()
                .add(console_streams::Column::Stream.eq(StreamName::Game.number()))
                .add(console_streams::Column::Stream.eq(StreamName::Install.number())),
        )
        .all(app.db.bulk.read())
        .await?;
    // By node too: what a stranger uploads under this run says nothing of it.
    let mut known: HashMap<(String, String), (i64, i64)> = HashMap::new();
    for stream in streams {
        known.insert(
            (stream.node_id, stream.run_id),
            (stream.committed, stream.first_kept),
        );
    }
    Ok(page.map(|row| {
        let place = (row.node_id, row.id.clone());
        let (bytes, first_kept) = known.get(&place).copied().unwrap_or_default();
        Run {
            id: row.id,
            kind: row.kind,
            started_at: Stamp(row.started_at_ms),
            ended_at: row.ended_at_ms.map(Stamp),
            exit_code: row.exit_code,
            oom: row.oom,
            bytes,
            first_kept,
        }
    }))
}

async fn place(app: &App, access: &ServerAccess, run: Option<RunId>) -> Result<Option<Place>> {
    let place = history::place(app, access.id, run).await?;
    if place.is_none() && run.is_some() {
        return Err(Error::not_found("run"));
    }
    Ok(place)
}

fn chunk(stream: StreamName, piece: Piece) -> ConsoleChunk {
    ConsoleChunk {
        stream,
        offset: piece.start,
        gap_to: piece.data.is_none().then_some(piece.end),
        data: STANDARD.encode(piece.data.unwrap_or_default()),
        times: piece
            .times
            .marks()
            .iter()
            .map(|mark| (mark.offset, mark.at_ms))
            .collect(),
    }
}

/// Bytes of a run.
/// # Errors
/// 404 for an unknown run; database.
pub async fn read(app: &App, access: &ServerAccess, query: &ConsoleQuery) -> Result<ConsolePage> {
    let Some(place) = place(app, access, query.run).await? else {
        return Ok(ConsolePage {
            run: None,
            chunks: Vec::new(),
        });
    };
    let mut chunks = Vec::new();
    if let Some(bytes) = query.tail {
        let bytes = u64::from(bytes.min(TAIL_BYTES));
        let streams = match query.stream {
            Some(one) => vec![one],
            None => vec![StreamName::Game, StreamName::Warren, StreamName::Install],
        };
        for stream in streams {
            let pieces = history::tail(app, &place, wire_stream(stream), bytes).await?;
            chunks.extend(pieces.into_iter().map(|piece| chunk(stream, piece)));
        }
    } else {
        let stream = query.stream.unwrap_or(StreamName::Game);
        let (from, to) = (query.from.unwrap_or(0), query.to.unwrap_or(0));
        if to != 0 && to < from {
            return Err(Error::field("to", "out_of_range", "lies before `from`"));
        }
        let pieces = history::range(app, &place, wire_stream(stream), from, to, PAGE_BYTES).await?;
        chunks.extend(pieces.into_iter().map(|piece| chunk(stream, piece)));
    }
    Ok(ConsolePage {
        run: Some(place.run_id),
        chunks,
    })
}

/// Finds lines.
/// # Errors
/// 422 for no or too long a text; 429 `busy` while too many search; 503 when it takes longer than 10 s.
pub async fn search(app: &App, access: &ServerAccess, query: &SearchQuery) -> Result<SearchResult> {
    let length = query.q.chars().count();
    if !(1..=256).contains(&length) {
        return Err(Error::field("q", "out_of_range", "has 1 to 256 characters"));
    }
    let limit = query.limit.unwrap_or(100);
    if !(1..=500).contains(&limit) {
        return Err(Error::field(
            "limit",
            "out_of_range",
            "is between 1 and 500",
        ));
    }
    let limit = usize::try_from(limit).unwrap_or(500);
    let sought = search::Query {
        text: query.q.clone(),
        run: query.run,
        limit: limit + 1,
    };
    let _turn = app.door.searches.turn().await.map_err(|_| Error::TooMany {
        code: "busy",
        detail: "too many searches run at this moment; try again".into(),
        retry_after_s: 2,
    })?;
    let found = tokio::time::timeout(SEARCH, search::search(app, access.id, &sought)).await;
    let mut hits = found.map_err(|_| Error::Unavailable {
        code: "search_too_long",
        detail: "the search took longer than 10 s; name a run to search less".into(),
    })??;
    let more = hits.len() > limit;
    hits.truncate(limit);
    let hit = |hit: search::Hit| SearchHit {
        run: hit.run,
        stream: stream_name(hit.stream),
        offset: hit.offset,
        at: hit.at_ms.map(Stamp),
        line: hit.line,
    };
    Ok(SearchResult {
        items: hits.into_iter().map(hit).collect(),
        more,
    })
}

struct Walk {
    app: App,
    place: Place,
    stream: ConsoleStream,
    at: u64,
}

/// Reads a stream a step at a time, as fast as the client takes it.
fn body(walk: Walk) -> Body {
    let pieces = futures_util::stream::try_unfold(walk, async |mut walk| {
        let (place, stream) = (&walk.place, walk.stream);
        let pieces = history::range(&walk.app, place, stream, walk.at, 0, STEP_BYTES).await?;
        let Some(last) = pieces.last() else {
            return Ok::<_, sea_orm::DbErr>(None);
        };
        let mut out = Vec::new();
        let end = last.end;
        for piece in pieces {
            if piece.start > walk.at {
                gap(&mut out, piece.start - walk.at);
            }
            walk.at = piece.end;
            match piece.data {
                Some(data) => out.extend_from_slice(&data),
                None => gap(&mut out, piece.end - piece.start),
            }
        }
        walk.at = end;
        Ok(Some((Bytes::from(out), walk)))
    });
    Body::from_stream(pieces)
}

fn gap(out: &mut Vec<u8>, bytes: u64) {
    if bytes > 0 {
        out.extend_from_slice(format!("\n[warren: {bytes} bytes are missing here]\n").as_bytes());
    }
}

/// A stream of a run as a file.
/// # Errors
/// 404 when it never ran.
pub async fn download(
    app: &App,
    access: &ServerAccess,
    query: &DownloadQuery,
) -> Result<(String, Body)> {
    let place = place(app, access, query.run).await?;
    let place = place.ok_or_else(|| Error::not_found("run"))?;
    let run = place.run_id.clone();
    let stream = wire_stream(query.stream.unwrap_or(StreamName::Game));
    let walk = Walk {
        app: app.clone(),
        place,
        stream,
        at: 0,
    };
    Ok((run, body(walk)))
}

/// Output of an install script.
/// # Errors
/// 404 before there is any.
pub async fn install_log(
    app: &App,
    access: &ServerAccess,
    operation: Option<JobId>,
) -> Result<Body> {
    let mut query = operations::Entity::find()
        .filter(operations::Column::ServerId.eq(&*access.server.id))
        .filter(operations::Column::Kind.is_in(["install", "reinstall"]))
        .order_by_desc(operations::Column::Id);
    query = match operation {
        Some(id) => query.filter(operations::Column::Id.eq(id.to_string())),
        None => query.filter(operations::Column::RunId.is_not_null()),
    };
    let none = || Error::not_found("install log");
    let row = query.one(app.db.read()).await?.ok_or_else(none)?;
    let run = row.run_id.ok_or_else(none)?;
    let run: RunId = run.parse().map_err(Error::internal)?;
    let place = place(app, access, Some(run)).await?.ok_or_else(none)?;
    Ok(body(Walk {
        app: app.clone(),
        place,
        stream: ConsoleStream::Install,
        at: 0,
    }))
}
