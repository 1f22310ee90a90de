//! Samples: one batch per node every 15 s, into packed chunks.

use std::collections::{BTreeMap, HashSet};

use futures_util::FutureExt;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::OnConflict,
};
use warren_entity::{server_samples, servers};
use warren_proto::{
    ids::{NodeId, ServerId},
    wire,
};

use crate::{
    app::Ground,
    db::{Lane, Tx},
    metrics::{
        codec::Row,
        roll::{self, RAW_S},
    },
    node::convert,
    text::to_i64,
};

/// A batch and its node.
#[derive(Debug, Clone)]
pub struct Upload {
    /// As the subject says.
    pub node: NodeId,
    /// What it sent.
    pub batch: wire::MetricsBatch,
}

/// Answer to one upload.
pub type Answer = Result<wire::MetricsAnswer, wire::Failure>;

fn centi(value: f64) -> i64 {
    if value.is_finite() {
        (value.clamp(0.0, 1e9) * 100.0).round() as i64
    } else {
        0
    }
}

fn server_row(s: &wire::ServerSample) -> Row {
    Row {
        at_ms: s.at_ms,
        values: vec![
            centi(s.cpu_percent),
            to_i64(s.memory_bytes),
            to_i64(s.memory_limit_bytes),
            to_i64(s.rx_bytes),
            to_i64(s.tx_bytes),
            to_i64(s.disk_bytes),
            to_i64(s.io_read_bytes),
            to_i64(s.io_write_bytes),
            s.pids.into(),
            to_i64(s.uptime_ms),
        ],
    }
}

fn node_row(s: &wire::NodeSample) -> Row {
    Row {
        at_ms: s.at_ms,
        values: vec![
            centi(s.cpu_percent),
            to_i64(s.memory_used_bytes),
            to_i64(s.memory_total_bytes),
            to_i64(s.disk_used_bytes),
            to_i64(s.disk_total_bytes),
            to_i64(s.rx_bytes),
            to_i64(s.tx_bytes),
            centi(s.load1),
            s.containers.into(),
        ],
    }
}

/// Stores many batches in one transaction. Samples are a picture, not a fact: what is far from control's
/// time is filed under control's.
pub async fn store(ground: &Ground, uploads: Vec<Upload>) -> Vec<Answer> {
    let failed = || wire::Failure {
        code: "database".into(),
        message: "control's database did not take it".into(),
        retryable: true,
    };
    super::apart(ground, &uploads, |ground, some| {
        store_together(ground, some).boxed()
    })
    .await
    .into_iter()
    .map(|answer| answer.unwrap_or_else(|| Err(failed())))
    .collect()
}

async fn store_together(ground: &Ground, uploads: &[Upload]) -> Result<Vec<Answer>, DbErr> {
    let speakers = super::speakers(ground, uploads.iter().map(|u| u.node)).await?;
    let speaks = |u: &&Upload| speakers.get(&u.node) == Some(&u.batch.boot);
    store_all(ground, uploads.iter().filter(speaks)).await?;
    let answer = |upload| {
        if speaks(&upload) {
            Ok(wire::MetricsAnswer {})
        } else {
            Err(super::not_speaking())
        }
    };
    Ok(uploads.iter().map(answer).collect())
}

async fn store_all(ground: &Ground, uploads: impl Iterator<Item = &Upload>) -> Result<(), DbErr> {
    let uploads: Vec<&Upload> = uploads.collect();
    let now_ms = ground.clock.now_ms();
    let near = |row: Row| -> Row {
        let off = row.at_ms.abs_diff(now_ms) > 7 * 86_400_000;
        if off {
            Row {
                at_ms: now_ms,
                ..row
            }
        } else {
            row
        }
    };
    let owned = owned(ground, &uploads).await?;
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut newest: BTreeMap<String, &wire::ServerSample> = BTreeMap::new();
    for upload in uploads {
        if let Some(sample) = &upload.batch.node {
            rows.entry(upload.node.to_string())
                .or_default()
                .push(near(node_row(sample)));
        }
        for sample in &upload.batch.servers {
            if !owned.contains(&(sample.server.clone(), upload.node.to_string())) {
                continue;
            }
            rows.entry(sample.server.clone())
                .or_default()
                .push(near(server_row(sample)));
            newest.insert(sample.server.clone(), sample);
        }
    }
    let tx = ground.db.bulk.begin(Lane::Machines).await?;
    for (subject, mut list) in rows {
        list.sort_by_key(|r| r.at_ms);
        roll::add(&tx, &subject, RAW_S, &list).await?;
    }
    store_newest(&tx, newest, now_ms).await?;
    tx.commit().await
}

/// One statement, in the order of ids, beside the chunks: a server's row is not touched, which facts lock in
/// their own order.
async fn store_newest(
    tx: &Tx,
    newest: BTreeMap<String, &wire::ServerSample>,
    now_ms: i64,
) -> Result<(), DbErr> {
    let rows: Vec<server_samples::ActiveModel> = newest
        .into_iter()
        .map(|(server, sample)| server_samples::ActiveModel {
            server_id: Set(server),
            at_ms: Set(now_ms),
            sample: Set(convert::sample(sample)),
        })
        .collect();
    let replace = OnConflict::column(server_samples::Column::ServerId)
        .update_columns([server_samples::Column::AtMs, server_samples::Column::Sample])
        .to_owned();
    for some in rows.chunks(1000) {
        server_samples::Entity::insert_many(some.iter().cloned())
            .on_conflict(replace.clone())
            .exec_without_returning(&**tx)
            .await?;
    }
    Ok(())
}

/// Which of the servers named belong to the node that names them.
async fn owned(ground: &Ground, uploads: &[&Upload]) -> Result<HashSet<(String, String)>, DbErr> {
    let ids: HashSet<String> = uploads
        .iter()
        .flat_map(|u| &u.batch.servers)
        .filter_map(|s| Some(s.server.parse::<ServerId>().ok()?.to_string()))
        .collect();
    let mut owned = HashSet::new();
    let ids: Vec<String> = ids.into_iter().collect();
    for some in ids.chunks(5000) {
        let pairs: Vec<(String, String)> = servers::Entity::find()
            .filter(servers::Column::Id.is_in(some))
            .select_only()
            .columns([servers::Column::Id, servers::Column::NodeId])
            .into_tuple()
            .all(ground.db.read())
            .await?;
        owned.extend(pairs);
    }
    Ok(owned)
}
