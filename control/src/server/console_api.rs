//! What was said and measured: console, search, runs, metrics, install log.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::{
    console,
    dto::{
        ConsolePage, ConsoleQuery, DownloadQuery, InstallLogQuery, Run, SearchQuery, SearchResult,
    },
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::Result,
    http::{Json, Page, PageQuery, Query},
    node::dto::{MetricSeries, MetricsQuery},
    problem::Problems,
};

const TEXT: &str = "text/plain; charset=utf-8";

/// Figures of a server over time.
#[utoipa::path(get, path = "/servers/{server}/metrics", tag = "servers",
    params(("server" = String, Path, description = "Server id"), MetricsQuery),
    responses((status = 200, body = MetricSeries), Problems))]
pub async fn get_server_metrics(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<MetricsQuery>,
) -> Result<Json<MetricSeries>> {
    access.require(Key::WebsocketConnect)?;
    crate::node::service::metrics(&app, &access.server.id, &query)
        .await
        .map(Json)
}

/// Runs of a server, the newest first.
#[utoipa::path(get, path = "/servers/{server}/runs", tag = "console",
    params(("server" = String, Path, description = "Server id"), PageQuery),
    responses((status = 200, body = Page<Run>), Problems))]
pub async fn list_runs(
    State(app): State<App>,
    access: ServerAccess,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Run>>> {
    access.require(Key::ControlConsole)?;
    console::runs(&app, &access, &page).await.map(Json)
}

/// Console bytes of a run.
#[utoipa::path(get, path = "/servers/{server}/console", tag = "console",
    params(("server" = String, Path, description = "Server id"), ConsoleQuery),
    responses((status = 200, body = ConsolePage), Problems))]
pub async fn get_console(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<ConsoleQuery>,
) -> Result<Json<ConsolePage>> {
    access.require(Key::ControlConsole)?;
    console::read(&app, &access, &query).await.map(Json)
}

/// Finds lines in the console.
#[utoipa::path(get, path = "/servers/{server}/console/search", tag = "console",
    params(("server" = String, Path, description = "Server id"), SearchQuery),
    responses((status = 200, body = SearchResult), Problems))]
pub async fn search_console(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<SearchQuery>,
) -> Result<Json<SearchResult>> {
    access.require(Key::ControlConsole)?;
    console::search(&app, &access, &query).await.map(Json)
}

/// The console of a run as a file; a hole is one line that says how many bytes are missing.
#[utoipa::path(get, path = "/servers/{server}/console/download", tag = "console",
    params(("server" = String, Path, description = "Server id"), DownloadQuery),
    responses((status = 200, body = String, content_type = "text/plain"), Problems))]
pub async fn download_console(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<DownloadQuery>,
) -> Result<Response> {
    access.require(Key::ControlConsole)?;
    let (run, body) = console::download(&app, &access, &query).await?;
    let headers = [
        (header::CONTENT_TYPE, TEXT.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"console-{run}.log\""),
        ),
    ];
    Ok((headers, body).into_response())
}

/// Output of an install script.
#[utoipa::path(get, path = "/servers/{server}/install-log", tag = "servers",
    params(("server" = String, Path, description = "Server id"), InstallLogQuery),
    responses((status = 200, body = String, content_type = "text/plain"), Problems))]
pub async fn get_install_log(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<InstallLogQuery>,
) -> Result<Response> {
    access.require(Key::AdminWebsocketInstall)?;
    let body = console::install_log(&app, &access, query.operation).await?;
    Ok(([(header::CONTENT_TYPE, TEXT)], body).into_response())
}
