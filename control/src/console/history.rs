//! Reads a run back from the database: when the node is away, or has freed its spool.

use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
};
use warren_entity::{console_chunks, console_runs, console_streams};
use warren_proto::{
    ids::{RunId, ServerId},
    wire::{self, ConsoleStream},
};

use super::chunk::{self, Times};
use crate::{
    app::Ground,
    text::{to_i64, to_u64},
};

/// A chunk unpacks to at most this.
pub const MAX_CHUNK: usize = 2 << 20;
/// One answer carries at most this.
pub const MAX_ANSWER: u64 = 256 * 1024;

/// Where the bytes of a run lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Who uploaded them.
    pub node_id: String,
    /// Which server.
    pub server_id: String,
    /// Which run.
    pub run_id: String,
}

/// Bytes or a hole, unpacked.
#[derive(Debug, Clone)]
pub struct Piece {
    /// First offset.
    pub start: u64,
    /// Offset behind the last.
    pub end: u64,
    /// None: lost for good.
    pub data: Option<Vec<u8>>,
    /// When its bytes were seen.
    pub times: Times,
}

/// The last `limit` runs of a server, newest first; with `kind`, only those.
/// # Errors
/// Database.
pub async fn runs(
    ground: &Ground,
    server: ServerId,
    kind: Option<&str>,
    limit: u64,
) -> Result<Vec<console_runs::Model>, DbErr> {
    let mut query = console_runs::Entity::find()
        .filter(console_runs::Column::ServerId.eq(server.to_string()))
        .order_by_desc(console_runs::Column::StartedAtMs)
        .order_by_desc(console_runs::Column::Id)
        .limit(limit);
    if let Some(kind) = kind {
        query = query.filter(console_runs::Column::Kind.eq(kind));
    }
    query.all(ground.db.read()).await
}

/// Where a run of a server lies; without `run`, its last game.
/// # Errors
/// Database.
pub async fn place(
    ground: &Ground,
    server: ServerId,
    run: Option<RunId>,
) -> Result<Option<Place>, DbErr> {
    let row = match run {
        Some(run) => {
            console_runs::Entity::find()
                .filter(console_runs::Column::Id.eq(run.to_string()))
                .filter(console_runs::Column::ServerId.eq(server.to_string()))
                .one(ground.db.read())
                .await?
        }
        None => runs(ground, server, Some("game"), 1)
            .await?
            .into_iter()
            .next(),
    };
    Ok(row.map(|row| Place {
        node_id: row.node_id,
        server_id: row.server_id,
        run_id: row.id,
    }))
}

/// How far control has each stream of a run.
/// # Errors
/// Database.
pub async fn streams(ground: &Ground, place: &Place) -> Result<Vec<console_streams::Model>, DbErr> {
    console_streams::Entity::find()
        .filter(console_streams::Column::NodeId.eq(&*place.node_id))
        .filter(console_streams::Column::ServerId.eq(&*place.server_id))
        .filter(console_streams::Column::RunId.eq(&*place.run_id))
        .order_by_asc(console_streams::Column::Stream)
        .all(ground.db.bulk.read())
        .await
}

pub(super) fn of(place: &Place, stream: ConsoleStream) -> Condition {
    Condition::all()
        .add(console_chunks::Column::NodeId.eq(&*place.node_id))
        .add(console_chunks::Column::ServerId.eq(&*place.server_id))
        .add(console_chunks::Column::RunId.eq(&*place.run_id))
        .add(console_chunks::Column::Stream.eq(stream as i32))
}

/// Bytes `[from, to)` of a stream in order, as far as they are kept, at most `most`; `to` 0 means the end.
/// # Errors
/// Database; a damaged chunk reads as lost.
pub async fn range(
    ground: &Ground,
    place: &Place,
    stream: ConsoleStream,
    from: u64,
    to: u64,
    most: u64,
) -> Result<Vec<Piece>, DbErr> {
    let to = if to == 0 { u64::MAX } else { to };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = from;
    let mut got = 0;
    while at < to && got < most {
        let rows = console_chunks::Entity::find()
            .filter(of(place, stream))
            .filter(console_chunks::Column::End.gt(to_i64(at)))
            .filter(console_chunks::Column::Start.lt(to_i64(to)))
            .order_by(console_chunks::Column::Start, Order::Asc)
            .limit(16)
            .all(ground.db.bulk.read())
            .await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let end = to_u64(row.end);
            let mut piece = cut(open(row), at, to);
            if let Some(data) = &mut piece.data {
                let room = usize::try_from(most - got).unwrap_or(usize::MAX);
                if data.len() > room {
                    data.truncate(room);
                    piece.end = piece.start + room as u64;
                }
                got += data.len() as u64;
            }
            at = piece.end.max(at);
            pieces.push(piece);
            if got >= most {
                return Ok(pieces);
            }
            at = at.max(end.min(to));
        }
    }
    Ok(pieces)
}

/// The last `bytes` of a stream.
/// # Errors
/// Database.
pub async fn tail(
    ground: &Ground,
    place: &Place,
    stream: ConsoleStream,
    bytes: u64,
) -> Result<Vec<Piece>, DbErr> {
    let end = streams(ground, place)
        .await?
        .iter()
        .find(|s| s.stream == stream as i32)
        .map_or(0, |s| to_u64(s.committed));
    range(ground, place, stream, end.saturating_sub(bytes), 0, bytes).await
}

/// Unpacks a row.
pub(super) fn open(row: console_chunks::Model) -> Piece {
    let data = if row.gap {
        None
    } else {
        match chunk::unpack(row.encoding, &row.data, MAX_CHUNK) {
            Ok(data) if data.len() as i64 == row.end - row.start => Some(data),
            _ => {
                tracing::error!(
                    server.id = row.server_id,
                    run = row.run_id,
                    start = row.start,
                    "a console chunk is damaged"
                );
                None
            }
        }
    };
    Piece {
        start: to_u64(row.start),
        end: to_u64(row.end),
        data,
        times: Times::decode(&row.times),
    }
}

fn cut(piece: Piece, from: u64, to: u64) -> Piece {
    let (start, end) = (
        piece.start.max(from),
        piece.end.min(to).max(piece.start.max(from)),
    );
    let data = piece.data.map(|data| {
        let at = |offset: u64| {
            usize::try_from(offset - piece.start)
                .unwrap_or(data.len())
                .min(data.len())
        };
        data[at(start)..at(end)].to_vec()
    });
    Piece {
        start,
        end,
        data,
        times: piece.times.from(start),
    }
}

/// A piece as gateways get it.
#[must_use]
pub fn to_wire(place: &Place, stream: ConsoleStream, piece: Piece) -> wire::ConsoleRange {
    let gap_to = if piece.data.is_none() { piece.end } else { 0 };
    let data = piece.data.unwrap_or_default();
    wire::ConsoleRange {
        server: place.server_id.clone(),
        run: place.run_id.clone(),
        stream: stream as i32,
        offset: piece.start,
        length: u32::try_from(data.len()).unwrap_or(u32::MAX),
        data: data.into(),
        compressed: false,
        gap_to,
        times: piece.times.marks().to_vec(),
    }
}

/// `gate.ask.history` for a ticket that was checked.
/// # Errors
/// Database.
pub async fn answer(
    ground: &Ground,
    server: ServerId,
    ask: &wire::HistoryAsk,
) -> Result<wire::Chunks, DbErr> {
    let run = if ask.run.is_empty() {
        None
    } else {
        ask.run.parse().ok()
    };
    let Some(place) = place(ground, server, run).await? else {
        return Ok(wire::Chunks::default());
    };
    let known = streams(ground, &place).await?;
    let ends = known
        .iter()
        .map(|s| wire::StreamEnd {
            run: s.run_id.clone(),
            stream: s.stream,
            end: to_u64(s.committed),
            first: to_u64(s.first_kept),
        })
        .collect();
    let mut ranges = Vec::new();
    if ask.from == 0 && ask.to == 0 && ask.tail_bytes > 0 {
        let share = u64::from(ask.tail_bytes).min(MAX_ANSWER);
        for stream in known
            .iter()
            .filter_map(|s| ConsoleStream::try_from(s.stream).ok())
        {
            let pieces = tail(ground, &place, stream, share).await?;
            ranges.extend(pieces.into_iter().map(|p| to_wire(&place, stream, p)));
        }
    } else {
        let pieces = range(ground, &place, ask.stream(), ask.from, ask.to, MAX_ANSWER).await?;
        ranges.extend(pieces.into_iter().map(|p| to_wire(&place, ask.stream(), p)));
    }
    Ok(wire::Chunks { ranges, ends })
}
