//! The log as a file: as many rows as there are, a page in memory at a time.

use axum::body::{Body, Bytes};
use futures_util::stream::try_unfold;
use sea_orm::Condition;
use serde_json::json;

use super::{
    Entry,
    dto::{AuditFilter, AuditRow, ExportFormat},
    list,
};
use crate::{
    access::Key,
    app::App,
    auth::Caller,
    db::Lane,
    error::{Error, Result},
};

/// Rows read at one time.
const PAGE: u64 = 500;

/// Where the reading stands.
struct Reading {
    app: App,
    scope: Condition,
    format: ExportFormat,
    after: Option<String>,
    head: bool,
    ended: bool,
}

/// All rows that fit, the newest first. That they were taken away stands in the log before the first of them goes out.
/// # Errors
/// Database. Later ones break the file off, so that it does not look whole.
pub async fn file(
    app: &App,
    caller: &Caller,
    filter: &AuditFilter,
    format: ExportFormat,
) -> Result<Body> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    Entry::of(Key::AuditRead, "audit", "")
        .with(json!({"export": format, "of": filter}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    let reading = Reading {
        app: app.clone(),
        scope: list::scope(filter),
        format,
        after: None,
        head: true,
        ended: false,
    };
    Ok(Body::from_stream(try_unfold(reading, next)))
}

async fn next(mut reading: Reading) -> Result<Option<(Bytes, Reading)>> {
    if reading.ended {
        return Ok(None);
    }
    let rows = list::rows(
        reading.app.db.read(),
        reading.scope.clone(),
        PAGE,
        reading.after.take(),
    )
    .await?;
    reading.ended = u64::try_from(rows.len()).unwrap_or(u64::MAX) < PAGE;
    reading.after = rows.last().map(|row| row.id.clone());
    let shown = list::named(reading.app.db.read(), rows).await?;
    let text = match reading.format {
        ExportFormat::Jsonl => jsonl(&shown)?,
        ExportFormat::Csv => csv(&shown, reading.head)?,
    };
    reading.head = false;
    Ok(Some((text.into(), reading)))
}

fn jsonl(rows: &[AuditRow]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut text, row).map_err(Error::internal)?;
        text.push(b'\n');
    }
    Ok(text)
}

const COLUMNS: [&str; 13] = [
    "id",
    "at",
    "actor_kind",
    "user",
    "user_id",
    "by",
    "action",
    "resource",
    "resource_id",
    "server",
    "server_id",
    "address",
    "diff",
];

fn csv(rows: &[AuditRow], head: bool) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if head {
        writer.write_record(COLUMNS).map_err(Error::internal)?;
    }
    for row in rows {
        let named = |thing: &Option<crate::operation::dto::Named>| {
            thing
                .as_ref()
                .map_or_else(Default::default, |n| (n.name.clone(), n.id.clone()))
        };
        let (user, user_id) = named(&row.actor.user);
        let (server, server_id) = named(&row.server);
        let record = [
            row.id.clone(),
            row.at.to_string(),
            row.actor.kind.clone(),
            user,
            user_id,
            named(&row.actor.by).0,
            row.action.clone(),
            row.resource.clone(),
            row.resource_id.clone().unwrap_or_default(),
            server,
            server_id,
            row.address.clone().unwrap_or_default(),
            row.diff
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
        ];
        let record = record.map(|field| plain(&field));
        writer.write_record(&record).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(Error::internal)
}

/// Names are chosen by users, and a spreadsheet takes what begins so for a formula.
fn plain(field: &str) -> String {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{field}")
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_to_a_spreadsheet() {
        for bad in ["=1+1", "+1", "-1", "@x", "\tx"] {
            assert_eq!(plain(bad), format!("'{bad}"));
        }
        assert_eq!(plain("server 1"), "server 1");
    }
}
