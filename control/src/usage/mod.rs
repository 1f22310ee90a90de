//! Samples as the API shows them: lines of a chart, and bytes per second of right now.

pub mod prometheus;

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use warren_entity::metric_chunks;

use crate::{
    app::App,
    error::Result,
    metrics::{
        codec::{self, NODE, Row, SERVER},
        roll::{RAW_S, start_of},
        series,
    },
    node::dto::MetricSeries,
};

/// Older samples say nothing about right now.
const FRESH_S: i64 = 90;

/// Figures of a node or server over time.
/// # Errors
/// Database.
pub async fn series(
    app: &App,
    subject: &str,
    from_s: i64,
    to_s: i64,
    step_s: u32,
) -> Result<MetricSeries> {
    let series = series::read(app, subject, from_s, to_s, step_s.into()).await?;
    Ok(MetricSeries {
        step_s: u32::try_from(series.step_s).unwrap_or(u32::MAX),
        at: series.at,
        series: series.lines,
    })
}

/// Received and sent bytes per second of each of these nodes or servers, from the last two samples.
/// # Errors
/// Database.
pub async fn rates(app: &App, subjects: &[String]) -> Result<HashMap<String, (f64, f64)>> {
    if subjects.is_empty() {
        return Ok(HashMap::new());
    }
    let now_s = app.clock.now_s();
    let chunks: Vec<(String, Vec<u8>)> = metric_chunks::Entity::find()
        .select_only()
        .columns([
            metric_chunks::Column::SubjectId,
            metric_chunks::Column::Data,
        ])
        .filter(metric_chunks::Column::SubjectId.is_in(subjects.iter().cloned()))
        .filter(metric_chunks::Column::StepS.eq(RAW_S))
        .filter(metric_chunks::Column::StartS.gte(start_of(RAW_S, (now_s - FRESH_S) * 1000)))
        .order_by_asc(metric_chunks::Column::StartS)
        .into_tuple()
        .all(app.db.bulk.read())
        .await?;
    let mut last_two: HashMap<String, Vec<Row>> = HashMap::new();
    for (subject, data) in chunks {
        let rows = last_two.entry(subject).or_default();
        rows.extend(codec::last_two(&data));
        let surplus = rows.len().saturating_sub(2);
        rows.drain(..surplus);
    }
    let fresh_ms = (now_s - FRESH_S) * 1000;
    Ok(last_two
        .into_iter()
        .filter_map(|(subject, rows)| Some((subject, rate(rows.first()?, rows.get(1)?, fresh_ms)?)))
        .collect())
}

fn rate(before: &Row, now: &Row, fresh_ms: i64) -> Option<(f64, f64)> {
    if now.at_ms < fresh_ms || before.values.len() != now.values.len() {
        return None;
    }
    let names: &[&str] = if now.values.len() == NODE.len() {
        &NODE
    } else {
        &SERVER
    };
    let ms = now.at_ms - before.at_ms;
    let of = |name: &str| {
        let column = names.iter().position(|n| *n == name)?;
        let grown = now.values.get(column)? - before.values.get(column)?;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        (ms > 0 && grown >= 0).then(|| grown as f64 * 1000.0 / ms as f64)
    };
    Some((of("rx_bytes")?, of("tx_bytes")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_comes_from_two_fresh_samples_of_one_container() {
        let row = |at_ms, rx| Row {
            at_ms,
            values: vec![0, 0, 0, rx, 10, 0, 0, 0, 0, 0],
        };
        assert_eq!(rate(&row(0, 0), &row(15_000, 3000), 0), Some((200.0, 0.0)));
        assert_eq!(rate(&row(0, 9000), &row(15_000, 3000), 0), None);
        assert_eq!(rate(&row(0, 0), &row(15_000, 3000), 20_000), None);
    }
}
