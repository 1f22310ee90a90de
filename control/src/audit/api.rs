//! What was done, by whom.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::{
    dto::{ActivityQuery, AuditFilter, AuditRow, ExportFormat, ExportQuery},
    export, list,
};
use crate::{
    access::{Key, Resource},
    app::App,
    auth::{Caller, ServerAccess},
    error::Result,
    http::{Json, Page, PageQuery, Query},
    problem::Problems,
};

/// All that was done, the newest first.
#[utoipa::path(get, path = "/audit", tag = "people", params(AuditFilter, PageQuery),
    responses((status = 200, body = Page<AuditRow>), Problems))]
pub async fn list_audit(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<AuditFilter>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<AuditRow>>> {
    caller.require(Key::AuditRead, Resource::Panel)?;
    list::all(&app, &filter, &page).await.map(Json)
}

/// All that was done as a file, the newest first. That it was taken stands in the log.
#[utoipa::path(get, path = "/audit/export", tag = "people", params(AuditFilter, ExportQuery),
    responses((status = 200, content(
        (String = "application/x-ndjson"), (String = "text/csv"))), Problems))]
pub async fn export_audit(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<AuditFilter>,
    Query(query): Query<ExportQuery>,
) -> Result<Response> {
    caller.require(Key::AuditRead, Resource::Panel)?;
    let body = export::file(&app, &caller, &filter, query.format).await?;
    let (kind, ending) = match query.format {
        ExportFormat::Jsonl => ("application/x-ndjson", "jsonl"),
        ExportFormat::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"audit.{ending}\""),
        ),
    ];
    Ok((headers, body).into_response())
}

/// What was done to a server, the newest first.
#[utoipa::path(get, path = "/servers/{server}/activity", tag = "servers",
    params(("server" = String, Path, description = "Server id"), ActivityQuery),
    responses((status = 200, body = Page<AuditRow>), Problems))]
pub async fn list_activity(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<ActivityQuery>,
) -> Result<Json<Page<AuditRow>>> {
    access.require(Key::ActivityRead)?;
    list::of_server(&app, &access, &query).await.map(Json)
}
