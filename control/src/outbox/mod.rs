//! Public events: written in the transaction of what they tell, numbered and published in commit order by
//! whoever holds the lease.

mod lease;
mod publish;
mod stream;

pub use lease::Lease;
pub use publish::run;
pub(crate) use stream::{context, ensure};

use std::{collections::HashSet, hash::Hash};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde_json::Value;
use warren_entity::outbox;
use warren_proto::{
    ids::{NodeId, ServerId},
    subjects,
};

use crate::{text::fresh_id, wanted};

/// An event to be. `data` is the CloudEvents `data`; it carries neither secrets nor console text.
#[derive(Debug, Clone)]
pub struct Event {
    subject: String,
    kind: &'static str,
    server_id: Option<String>,
    node_id: Option<String>,
    at_ms: i64,
    data: Value,
}

impl Event {
    /// `event.server.<server>.<kind>`.
    #[must_use]
    pub fn of_server(
        server: ServerId,
        node: Option<NodeId>,
        kind: &'static str,
        at_ms: i64,
        data: Value,
    ) -> Self {
        Self {
            subject: subjects::event_server(server, kind),
            kind,
            server_id: Some(server.to_string()),
            node_id: node.map(|n| n.to_string()),
            at_ms,
            data,
        }
    }

    /// `event.node.<node>.<kind>`.
    #[must_use]
    pub fn of_node(node: NodeId, kind: &'static str, at_ms: i64, data: Value) -> Self {
        Self {
            subject: subjects::event_node(node, kind),
            kind,
            server_id: None,
            node_id: Some(node.to_string()),
            at_ms,
            data,
        }
    }
}

/// Rows of one statement.
const ROWS: usize = 1000;

/// Writes an event. The transaction must hold the row of the server (or node) that it tells about, so that
/// events of one server are numbered in commit order; call [`crate::nudge::Nudges::outbox`] after the commit.
/// # Errors
/// Database.
pub async fn write(db: &impl ConnectionTrait, event: Event) -> Result<(), DbErr> {
    write_all(db, [event]).await
}

/// As [`write`], many at a time.
/// # Errors
/// Database.
pub async fn write_all(
    db: &impl ConnectionTrait,
    events: impl IntoIterator<Item = Event>,
) -> Result<(), DbErr> {
    let row = |event: Event| outbox::ActiveModel {
        id: Set(fresh_id()),
        subject: Set(event.subject),
        kind: Set(event.kind.to_owned()),
        server_id: Set(event.server_id),
        node_id: Set(event.node_id),
        at_ms: Set(event.at_ms),
        data: Set(event.data),
        ..Default::default()
    };
    let rows: Vec<outbox::ActiveModel> = events.into_iter().map(row).collect();
    for some in rows.chunks(ROWS) {
        outbox::Entity::insert_many(some.to_vec())
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// Splits off what may be published together: the first event of each server or node that `about` names. The
/// rest waits until all of these are stored. Pure.
pub fn wave<R, K: Eq + Hash>(rows: Vec<R>, about: impl Fn(&R) -> K) -> (Vec<R>, Vec<R>) {
    let mut seen = HashSet::new();
    rows.into_iter().partition(|row| seen.insert(about(row)))
}

/// The oldest sequence that is kept.
/// # Errors
/// Database.
pub async fn oldest(db: &impl ConnectionTrait) -> Result<Option<i64>, DbErr> {
    let first: Option<Option<i64>> = outbox::Entity::find()
        .filter(outbox::Column::Seq.is_not_null())
        .order_by_asc(outbox::Column::Seq)
        .select_only()
        .column(outbox::Column::Seq)
        .into_tuple()
        .one(db)
        .await?;
    Ok(first.flatten())
}

/// The last sequence that was given out, kept or not.
/// # Errors
/// Database.
pub async fn numbered(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    wanted::counted(db, publish::SEQUENCE).await
}

/// An outbox row as the world sees it; the same for the bus, the API and webhooks.
#[must_use]
pub fn cloud_event(row: &outbox::Model) -> Value {
    let subject = match (&row.server_id, &row.node_id) {
        (Some(server), _) => format!("server/{server}"),
        (None, Some(node)) => format!("node/{node}"),
        (None, None) => String::new(),
    };
    let noun = if row.server_id.is_some() {
        "server"
    } else {
        "node"
    };
    let mut data = row.data.clone();
    if let Value::Object(map) = &mut data {
        let mut put = |key: &str, id: &Option<String>| {
            if let Some(id) = id {
                map.insert(key.to_owned(), Value::String(id.clone()));
            }
        };
        put("server", &row.server_id);
        put("node", &row.node_id);
    }
    serde_json::json!({
        "specversion": "1.0",
        "id": row.id,
        "source": "/warren",
        "type": format!("warren.{noun}.{}", row.kind),
        "subject": subject,
        "time": rfc3339(row.at_ms),
        "datacontenttype": "application/json",
        // A string, as CloudEvents' sequence extension has it.
        "sequence": row.seq.map(|s| s.to_string()),
        "data": data,
    })
}

/// Unix milliseconds as RFC 3339 in UTC.
#[must_use]
pub fn rfc3339(at_ms: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000)
        .ok()
        .and_then(|t| {
            t.format(&time::format_description::well_known::Rfc3339)
                .ok()
        })
        .unwrap_or_else(|| "1970-01-01T00:00:00Z".into())
}

/// Drops events that are published and older than they are kept.
/// # Errors
/// Database.
pub async fn forget(ground: &crate::app::Ground) -> Result<u64, DbErr> {
    let keep_ms = i64::try_from(ground.config.event_keep_s)
        .unwrap_or(i64::MAX / 1000)
        .saturating_mul(1000);
    let tx = ground.db.begin(crate::db::Lane::Machines).await?;
    let gone = outbox::Entity::delete_many()
        .filter(outbox::Column::PublishedAtMs.is_not_null())
        .filter(outbox::Column::AtMs.lt(ground.clock.now_ms().saturating_sub(keep_ms)))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}
