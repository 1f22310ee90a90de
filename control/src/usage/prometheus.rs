//! The last sample of every server as Prometheus text, so that Prometheus never needs to reach a node.

use std::{collections::HashMap, fmt::Write};

use bytes::Bytes;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use warren_entity::{server_samples, servers};
use warren_proto::state::State;

use crate::{app::App, error::Result};

/// Servers read and written at a time.
const PAGE: usize = 500;
/// Servers of one answer.
const MOST: usize = 50_000;
/// Samples come every 15 s; an older one says nothing of now and is left out.
const FRESH_MS: i64 = 60_000;

/// Name behind `warren_server_`, kind, help, the sample's member and what it is multiplied by.
const SERIES: [(&str, &str, &str, &str, f64); 10] = [
    (
        "cpu_percent",
        "gauge",
        "100 is one core",
        "cpu_percent",
        1.0,
    ),
    (
        "memory_bytes",
        "gauge",
        "memory in use",
        "memory_bytes",
        1.0,
    ),
    (
        "memory_limit_bytes",
        "gauge",
        "0 is no limit",
        "memory_limit_bytes",
        1.0,
    ),
    (
        "rx_bytes_total",
        "counter",
        "received by this container",
        "rx_bytes",
        1.0,
    ),
    (
        "tx_bytes_total",
        "counter",
        "sent by this container",
        "tx_bytes",
        1.0,
    ),
    ("disk_bytes", "gauge", "disk in use", "disk_bytes", 1.0),
    (
        "io_read_bytes_total",
        "counter",
        "read from disks",
        "io_read_bytes",
        1.0,
    ),
    (
        "io_write_bytes_total",
        "counter",
        "written to disks",
        "io_write_bytes",
        1.0,
    ),
    ("pids", "gauge", "processes and threads", "pids", 1.0),
    (
        "uptime_seconds",
        "gauge",
        "of this container",
        "uptime_ms",
        0.001,
    ),
];

/// One server, as small as may be: there are many.
#[derive(Debug)]
struct Figures {
    labels: String,
    up: bool,
    /// In the order of [`SERIES`]; none without a fresh sample.
    values: Option<[f64; SERIES.len()]>,
}

/// All of them, as they are at this moment.
#[derive(Debug)]
pub struct Servers(Vec<Figures>);

type Row = (String, String, String, String);

impl Servers {
    /// Reads them.
    /// # Errors
    /// Database.
    pub async fn read(app: &App) -> Result<Self> {
        let (mut all, mut after) = (Vec::new(), String::new());
        let fresh_since = app.clock.now_ms() - FRESH_MS;
        loop {
            let rows: Vec<Row> = servers::Entity::find()
                .filter(servers::Column::DeletedAtMs.is_null())
                .filter(servers::Column::Id.gt(&*after))
                .order_by_asc(servers::Column::Id)
                .limit(PAGE as u64)
                .select_only()
                .columns([
                    servers::Column::Id,
                    servers::Column::NodeId,
                    servers::Column::Name,
                    servers::Column::State,
                ])
                .into_tuple()
                .all(app.db.read())
                .await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.0);
            // In another database on SQLite, so not by a join.
            let samples: HashMap<String, Value> = server_samples::Entity::find()
                .filter(server_samples::Column::ServerId.is_in(rows.iter().map(|row| &*row.0)))
                .select_only()
                .columns([
                    server_samples::Column::ServerId,
                    server_samples::Column::Sample,
                ])
                .into_tuple::<(String, Value)>()
                .all(app.db.bulk.read())
                .await?
                .into_iter()
                .collect();
            let figures = |row: &Row| Figures::of(row, samples.get(&row.0), fresh_since);
            all.extend(rows.iter().map(figures));
            if all.len() >= MOST {
                tracing::warn!("only the first {MOST} servers are in /metrics");
                break;
            }
        }
        Ok(Self(all))
    }

    /// The text, some lines at a time. The lines of a metric stay together, as the format asks.
    pub fn text(self) -> impl Iterator<Item = Bytes> + Send {
        let pages = self.0.len().div_ceil(PAGE);
        let parts = (0..=SERIES.len()).flat_map(move |series| (0..pages).map(move |p| (series, p)));
        parts.map(move |(series, page)| {
            let mut out = String::new();
            if page == 0 {
                head(&mut out, series);
            }
            for figures in self.0.iter().skip(page * PAGE).take(PAGE) {
                figures.write(&mut out, series);
            }
            out.into()
        })
    }
}

fn head(out: &mut String, series: usize) {
    let (name, kind, help) = SERIES
        .get(series)
        .map_or(("up", "gauge", "1: the game runs"), |s| (s.0, s.1, s.2));
    // Writing into a String can't fail.
    let _ = writeln!(out, "# HELP warren_server_{name} {help}");
    let _ = writeln!(out, "# TYPE warren_server_{name} {kind}");
}

impl Figures {
    fn of((id, node, name, state): &Row, sample: Option<&Value>, fresh_since: i64) -> Self {
        let state: Option<State> = state.parse().ok();
        let number = |member: &str| {
            let value = sample?.get(member)?;
            value.as_f64()
        };
        let fresh = number("at_ms").is_some_and(|at| at >= fresh_since as f64);
        let up = state == Some(State::Running);
        let value = |s: &(&str, &str, &str, &str, f64)| number(s.3).unwrap_or(0.0) * s.4;
        Self {
            labels: format!("server=\"{id}\",node=\"{node}\",name=\"{}\"", escaped(name)),
            up,
            values: fresh.then(|| SERIES.each_ref().map(value)),
        }
    }

    fn write(&self, out: &mut String, series: usize) {
        let (name, value) = match (SERIES.get(series), &self.values) {
            (Some(of), Some(values)) => (of.0, values[series]),
            (Some(_), None) => return,
            (None, _) => ("up", f64::from(u8::from(self.up))),
        };
        let _ = writeln!(out, "warren_server_{name}{{{}}} {value}", self.labels);
    }
}

/// What people type must not end a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(id: &str, name: &str, at_ms: i64) -> (Row, Value) {
        let sample = json!({"at_ms": at_ms, "cpu_percent": 12.5, "uptime_ms": 1500, "pids": 3});
        let text = str::to_owned;
        ((text(id), text("n"), text(name), text("running")), sample)
    }

    fn page(rows: &[(Row, Value)]) -> String {
        let figures = |(row, sample): &(Row, Value)| Figures::of(row, Some(sample), 100);
        let servers = Servers(rows.iter().map(figures).collect());
        let parts: Vec<Bytes> = servers.text().collect();
        String::from_utf8_lossy(&parts.concat()).into_owned()
    }

    #[test]
    fn a_metric_has_one_head_and_its_lines_together() {
        let rows: Vec<_> = (0..1200).map(|n| row(&n.to_string(), "x", 100)).collect();
        let page = page(&rows);
        assert_eq!(page.matches("# TYPE ").count(), SERIES.len() + 1);
        assert_eq!(page.lines().count(), (SERIES.len() + 1) * (1200 + 2));
        let of_pids: Vec<bool> = page
            .lines()
            .map(|line| line.starts_with("warren_server_pids{"))
            .collect();
        let runs = of_pids.chunk_by(|a, b| a == b).filter(|run| run[0]);
        assert_eq!(runs.map(<[bool]>::len).collect::<Vec<_>>(), [1200]);
    }

    #[test]
    fn what_a_person_typed_ends_no_label_and_old_samples_are_left_out() {
        let page = page(&[row("a", "my \"own\\\n", 100), row("b", "old", 99)]);
        let labels = "{server=\"a\",node=\"n\",name=\"my \\\"own\\\\\\n\"}";
        assert!(
            page.contains(&format!("warren_server_cpu_percent{labels} 12.5\n")),
            "{page}"
        );
        assert!(page.contains(&format!("warren_server_uptime_seconds{labels} 1.5\n")));
        assert!(page.contains("warren_server_up{server=\"b\",node=\"n\",name=\"old\"} 1\n"));
        assert!(!page.contains("warren_server_pids{server=\"b\""));
    }
}
