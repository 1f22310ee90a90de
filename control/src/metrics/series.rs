//! Reads samples back as lines of a chart.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};
use warren_entity::metric_chunks;

use super::{
    codec::{self, Row},
    roll::{HOUR_S, MINUTE_S, RAW_S, span_s, start_of},
};
use crate::app::Ground;

/// Points of one answer at most.
const MOST_POINTS: i64 = 2000;

/// Lines over a common time axis; a missing sample is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Seconds between points.
    pub step_s: i64,
    /// Unix seconds.
    pub at: Vec<i64>,
    /// `cpu_percent`, `memory_bytes`, `rx_bytes_per_s` …
    pub lines: BTreeMap<String, Vec<Option<f64>>>,
}

/// Samples of a server or node in `[from_s, to_s)`. `step_s` 0: what suits the span.
/// # Errors
/// Database.
pub async fn read(
    ground: &Ground,
    subject: &str,
    from_s: i64,
    to_s: i64,
    step_s: i64,
) -> Result<Series, DbErr> {
    let span = (to_s - from_s).max(1);
    let least = (span / MOST_POINTS).max(i64::from(RAW_S));
    let step_s = step_s.max(least);
    let now_s = ground.clock.now_s();
    let stored = if step_s < i64::from(MINUTE_S)
        || now_s - from_s <= ground.config.metrics_keep_s && span <= 7200
    {
        RAW_S
    } else if step_s < i64::from(HOUR_S) {
        MINUTE_S
    } else {
        HOUR_S
    };
    let mut rows = Vec::new();
    // The newest hours are not averaged yet: finer samples go on where coarse ones end.
    for kept in [HOUR_S, MINUTE_S, RAW_S]
        .into_iter()
        .filter(|s| *s <= stored)
    {
        let after_ms = rows.last().map_or(from_s * 1000 - 1, |r: &Row| {
            r.at_ms + i64::from(kept) * 1000 - 1
        });
        rows.extend(
            load(ground, subject, kept, from_s, to_s)
                .await?
                .into_iter()
                .filter(|r| r.at_ms > after_ms && r.at_ms < to_s * 1000),
        );
    }
    Ok(shape(&rows, from_s, to_s, step_s))
}

async fn load(
    ground: &Ground,
    subject: &str,
    step_s: i32,
    from_s: i64,
    to_s: i64,
) -> Result<Vec<Row>, DbErr> {
    let chunks = metric_chunks::Entity::find()
        .filter(metric_chunks::Column::SubjectId.eq(subject))
        .filter(metric_chunks::Column::StepS.eq(step_s))
        .filter(metric_chunks::Column::StartS.gte(start_of(step_s, from_s * 1000)))
        .filter(metric_chunks::Column::StartS.lt(to_s.min(i64::MAX - span_s(step_s))))
        .order_by_asc(metric_chunks::Column::StartS)
        .all(ground.db.bulk.read())
        .await?;
    Ok(chunks
        .iter()
        .flat_map(|c| codec::unpack(&c.data))
        .filter(|r| r.at_ms >= from_s * 1000)
        .collect())
}

fn shape(rows: &[Row], from_s: i64, to_s: i64, step_s: i64) -> Series {
    let columns = rows.first().map_or(0, |r| r.values.len());
    let names: &[&str] = if columns == codec::NODE.len() {
        &codec::NODE
    } else {
        &codec::SERVER
    };
    let first = from_s.div_euclid(step_s) * step_s;
    let points = usize::try_from((to_s - first).max(0) / step_s + 1)
        .unwrap_or(0)
        .min(2 * MOST_POINTS as usize);
    let mut series = Series {
        step_s,
        at: (0..points as i64).map(|i| first + i * step_s).collect(),
        lines: BTreeMap::new(),
    };
    for (column, name) in names.iter().enumerate() {
        let counter =
            super::roll::counters_of(names.len()).contains(&column) && *name != "uptime_ms";
        let mut sums = vec![(0.0f64, 0u32); points];
        let mut before: Option<&Row> = None;
        for row in rows.iter().filter(|r| r.values.len() == names.len()) {
            let value = if counter {
                rate(before, row, column)
            } else {
                Some(row.values[column] as f64)
            };
            before = Some(row);
            let slot =
                usize::try_from((row.at_ms.div_euclid(1000) - first).div_euclid(step_s)).ok();
            if let (Some(value), Some(slot)) = (value, slot.and_then(|s| sums.get_mut(s))) {
                slot.0 += value;
                slot.1 += 1;
            }
        }
        let scale = if name.ends_with("_centi") { 0.01 } else { 1.0 };
        let line = sums
            .into_iter()
            .map(|(sum, n)| (n > 0).then(|| round(sum * scale / f64::from(n))))
            .collect();
        series.lines.insert(line_name(name, counter), line);
    }
    series
}

fn line_name(column: &str, counter: bool) -> String {
    match column {
        "cpu_centi" => "cpu_percent".into(),
        "load1_centi" => "load1".into(),
        other if counter => format!("{other}_per_s"),
        other => other.into(),
    }
}

/// Per second since the sample before; none over a restart of the counter.
fn rate(before: Option<&Row>, row: &Row, column: usize) -> Option<f64> {
    let before = before?;
    let (then, now) = (before.values[column], row.values[column]);
    let ms = row.at_ms - before.at_ms;
    (now >= then && ms > 0).then(|| (now - then) as f64 * 1000.0 / ms as f64)
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_become_rates_and_holes_stay_holes() {
        let row = |s: i64, cpu: i64, rx: i64| Row {
            at_ms: s * 1000,
            values: vec![cpu, 10, 20, rx, 0, 0, 0, 0, 1, 0],
        };
        let rows = [
            row(1500, 5000, 0),
            row(1515, 7000, 1500),
            row(1530, 100, 0),
            row(1575, 100, 450),
        ];
        let series = shape(&rows, 1500, 1590, 15);
        assert_eq!(series.at.len(), 7);
        let cpu = &series.lines["cpu_percent"];
        assert_eq!(cpu[..4], [Some(50.0), Some(70.0), Some(1.0), None]);
        let rx = &series.lines["rx_bytes_per_s"];
        assert_eq!(
            (rx[0], rx[1], rx[2], rx[5]),
            (None, Some(100.0), None, Some(10.0))
        );
    }
}
