//! Database hosts.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::{DatabaseHostId, DatabaseId};

use super::{
    dto::{DatabaseHost, DatabaseHostCreate, DatabaseHostTest, DatabaseHostUpdate, HostedDatabase},
    service, test,
};
use crate::{
    access::{Key, Resource},
    app::App,
    auth::Caller,
    error::Result,
    http::{IfMatch, Json, Page, PageQuery, Path, Query, Tagged},
    problem::Problems,
};

/// All of them, by name. Passwords are not shown.
#[utoipa::path(get, path = "/database-hosts", tag = "databases",
    responses((status = 200, body = Page<DatabaseHost>), Problems))]
pub async fn list_database_hosts(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<DatabaseHost>>> {
    caller.require(Key::DatabaseHostRead, Resource::Panel)?;
    service::list(&app).await.map(Json)
}

/// Makes a database server known, without asking it anything.
#[utoipa::path(post, path = "/database-hosts", tag = "databases",
    responses((status = 201, body = DatabaseHost), Problems))]
pub async fn create_database_host(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<DatabaseHostCreate>,
) -> Result<(StatusCode, Json<DatabaseHost>)> {
    caller.require(Key::DatabaseHostCreate, Resource::Panel)?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// One of them.
#[utoipa::path(get, path = "/database-hosts/{database_host}", tag = "databases",
    params(("database_host" = String, Path, description = "Database host id")),
    responses((status = 200, body = DatabaseHost), Problems))]
pub async fn get_database_host(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DatabaseHostId>,
) -> Result<Tagged<DatabaseHost>> {
    caller.require(Key::DatabaseHostRead, Resource::Panel)?;
    service::get(&app, id).await.map(Tagged)
}

/// Changes all of it; what waits for the host is tried again at once.
#[utoipa::path(put, path = "/database-hosts/{database_host}", tag = "databases",
    params(("database_host" = String, Path, description = "Database host id"), IfMatch),
    responses((status = 200, body = DatabaseHost), Problems))]
pub async fn update_database_host(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DatabaseHostId>,
    if_match: IfMatch,
    Json(req): Json<DatabaseHostUpdate>,
) -> Result<Tagged<DatabaseHost>> {
    caller.require(Key::DatabaseHostUpdate, Resource::Panel)?;
    service::update(&app, &caller, id, &if_match, req)
        .await
        .map(Tagged)
}

/// Forgets a host that no database is on.
#[utoipa::path(delete, path = "/database-hosts/{database_host}", tag = "databases",
    params(("database_host" = String, Path, description = "Database host id")),
    responses((status = 204), Problems))]
pub async fn delete_database_host(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DatabaseHostId>,
) -> Result<StatusCode> {
    caller.require(Key::DatabaseHostDelete, Resource::Panel)?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Logs in to the host as it is stored, and looks at what can be done there. Where it goes well, what waits for the
/// host is tried again at once.
#[utoipa::path(post, path = "/database-hosts/{database_host}/test", tag = "databases",
    params(("database_host" = String, Path, description = "Database host id")),
    responses((status = 200, body = DatabaseHostTest), Problems))]
pub async fn test_database_host(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DatabaseHostId>,
) -> Result<Json<DatabaseHostTest>> {
    // Not with the right to read: whoever tests, lets control knock at an address.
    caller.require(Key::DatabaseHostUpdate, Resource::Panel)?;
    test::test(&app, &caller, id).await.map(Json)
}

/// What is on a host, the oldest first.
#[utoipa::path(get, path = "/database-hosts/{database_host}/databases", tag = "databases",
    params(("database_host" = String, Path, description = "Database host id"), PageQuery),
    responses((status = 200, body = Page<HostedDatabase>), Problems))]
pub async fn list_hosted_databases(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DatabaseHostId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<HostedDatabase>>> {
    caller.require(Key::DatabaseHostRead, Resource::Panel)?;
    service::hosted(&app, id, &query).await.map(Json)
}

/// Forgets a database that is to be removed and can't be, because its host is away for good. If it still exists there,
/// it stays.
#[utoipa::path(delete, path = "/database-hosts/{database_host}/databases/{database}", tag = "databases",
    params(("database_host" = String, Path, description = "Database host id"),
        ("database" = String, Path, description = "Database id")),
    responses((status = 204), Problems))]
pub async fn forget_hosted_database(
    State(app): State<App>,
    caller: Caller,
    Path((host, database)): Path<(DatabaseHostId, DatabaseId)>,
) -> Result<StatusCode> {
    caller.require(Key::DatabaseHostUpdate, Resource::Panel)?;
    service::forget(&app, &caller, host, database).await?;
    Ok(StatusCode::NO_CONTENT)
}
