//! Databases of a server.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::{DatabaseId, ServerId};

use super::{
    dto::{Database, DatabaseConnection, DatabaseCreate, DatabaseDelete, DatabaseHostChoice},
    service,
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::Result,
    http::{Json, Page, Path, Query},
    problem::Problems,
};

/// The server's databases, the oldest first.
#[utoipa::path(get, path = "/servers/{server}/databases", tag = "databases",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = Page<Database>), Problems))]
pub async fn list_databases(
    State(app): State<App>,
    access: ServerAccess,
) -> Result<Json<Page<Database>>> {
    access.require(Key::DatabaseRead)?;
    service::list(&app, &access).await.map(Json)
}

/// Makes a database and an account that reaches it alone. Mostly it is there with the answer; a host that is slow or
/// away is asked again until it has done so, and `state` says how far it is.
#[utoipa::path(post, path = "/servers/{server}/databases", tag = "databases",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 201, body = Database), Problems))]
pub async fn create_database(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<DatabaseCreate>,
) -> Result<(StatusCode, Json<Database>)> {
    access.require(Key::DatabaseCreate)?;
    let made = service::create(&app, &access, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// The hosts on which the server may get a database, by name.
#[utoipa::path(get, path = "/servers/{server}/database-hosts", tag = "databases",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = Page<DatabaseHostChoice>), Problems))]
pub async fn list_server_database_hosts(
    State(app): State<App>,
    access: ServerAccess,
) -> Result<Json<Page<DatabaseHostChoice>>> {
    access.require(Key::DatabaseCreate)?;
    service::hosts(&app, &access).await.map(Json)
}

/// Removes a database with all that is in it, for good.
#[utoipa::path(delete, path = "/servers/{server}/databases/{database}", tag = "databases",
    params(("server" = String, Path, description = "Server id"),
        ("database" = String, Path, description = "Database id"), DatabaseDelete),
    responses((status = 202, body = Database), Problems))]
pub async fn delete_database(
    State(app): State<App>,
    access: ServerAccess,
    Path((_server, id)): Path<(ServerId, DatabaseId)>,
    Query(query): Query<DatabaseDelete>,
) -> Result<(StatusCode, Json<Database>)> {
    access.require(Key::DatabaseDelete)?;
    let left = service::delete(&app, &access, id, &query.name).await?;
    Ok((StatusCode::ACCEPTED, Json(left)))
}

/// Gives a database's account another password and ends what is connected with the old one.
#[utoipa::path(post, path = "/servers/{server}/databases/{database}/rotate", tag = "databases",
    params(("server" = String, Path, description = "Server id"),
        ("database" = String, Path, description = "Database id")),
    responses((status = 200, body = Database), Problems))]
pub async fn rotate_database(
    State(app): State<App>,
    access: ServerAccess,
    Path((_server, id)): Path<(ServerId, DatabaseId)>,
) -> Result<Json<Database>> {
    access.require(Key::DatabaseUpdate)?;
    service::rotate(&app, &access, id).await.map(Json)
}

/// All that a game needs to connect, with the password.
#[utoipa::path(get, path = "/servers/{server}/databases/{database}/connection", tag = "databases",
    params(("server" = String, Path, description = "Server id"),
        ("database" = String, Path, description = "Database id")),
    responses((status = 200, body = DatabaseConnection), Problems))]
pub async fn get_database_connection(
    State(app): State<App>,
    access: ServerAccess,
    Path((_server, id)): Path<(ServerId, DatabaseId)>,
) -> Result<Json<DatabaseConnection>> {
    access.require(Key::DatabaseViewPassword)?;
    service::connection(&app, &access, id).await.map(Json)
}
