//! Servers: life and settings. Console and metrics are beside it.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::{MountId, ServerId};

use super::{
    change, create,
    dto::{
        InputAnswer, InputRequest, OperationStarted, PowerAccepted, PowerRequest, ReinstallRequest,
        Server, ServerCreate, ServerCreated, ServerDelete, ServerListed, ServerMount, ServerPatch,
        ServerQuery, ServerTally, Ticket,
    },
    job, list, live, mounts, owner, power, service,
};
use crate::{
    access::Key,
    app::App,
    auth::{Caller, ServerAccess},
    error::Result,
    http::{IfMatch, Json, Page, Path, Query, Tagged},
    operation::dto::Operation,
    problem::Problems,
};

/// Servers that one may see, the newest first unless asked otherwise.
#[utoipa::path(get, path = "/servers", tag = "servers", params(ServerQuery),
    responses((status = 200, body = Page<ServerListed>), Problems))]
pub async fn list_servers(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ServerQuery>,
) -> Result<Json<Page<ServerListed>>> {
    list::list(&app, &caller, &query).await.map(Json)
}

/// How many servers one may see, by state.
#[utoipa::path(get, path = "/servers/tally", tag = "servers",
    responses((status = 200, body = ServerTally), Problems))]
pub async fn tally_servers(State(app): State<App>, caller: Caller) -> Result<Json<ServerTally>> {
    list::tally(&app, &caller).await.map(Json)
}

/// Makes a server and begins to install it.
#[utoipa::path(post, path = "/servers", tag = "servers",
    responses((status = 201, body = ServerCreated), Problems))]
pub async fn create_server(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<ServerCreate>,
) -> Result<(StatusCode, Json<ServerCreated>)> {
    owner::require_create(&app, &caller, &req).await?;
    let created = create::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// One server.
#[utoipa::path(get, path = "/servers/{server}", tag = "servers",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = Server), Problems))]
pub async fn get_server(State(app): State<App>, access: ServerAccess) -> Result<Tagged<Server>> {
    access.require(Key::ServerRead)?;
    service::get(&app, &access).await.map(Tagged)
}

/// Changes settings. What takes effect with the next start says so in the panel.
#[utoipa::path(patch, path = "/servers/{server}", tag = "servers",
    params(("server" = String, Path, description = "Server id"), IfMatch),
    responses((status = 200, body = Server), Problems))]
pub async fn update_server(
    State(app): State<App>,
    access: ServerAccess,
    if_match: IfMatch,
    Json(req): Json<ServerPatch>,
) -> Result<Tagged<Server>> {
    change::update(&app, access, &if_match, req)
        .await
        .map(Tagged)
}

/// Deletes a server; its node removes it as soon as it can.
#[utoipa::path(delete, path = "/servers/{server}", tag = "servers",
    params(("server" = String, Path, description = "Server id"), ServerDelete),
    responses((status = 202, body = OperationStarted), Problems))]
pub async fn delete_server(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<ServerDelete>,
) -> Result<(StatusCode, Json<OperationStarted>)> {
    access.require(Key::ServerDelete)?;
    let operation = job::delete(&app, access, &query.name).await?;
    Ok((StatusCode::ACCEPTED, Json(OperationStarted { operation })))
}

/// Asks for a power change. The agent reports the outcome later as a lifecycle event.
#[utoipa::path(post, path = "/servers/{server}/power", tag = "servers",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 202, body = PowerAccepted), Problems))]
pub async fn power_server(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<PowerRequest>,
) -> Result<(StatusCode, Json<PowerAccepted>)> {
    access.require(req.action.key())?;
    let generation = power::power(&app, access, req.action).await?;
    Ok((StatusCode::ACCEPTED, Json(PowerAccepted { generation })))
}

/// Types a line into the console.
#[utoipa::path(post, path = "/servers/{server}/input", tag = "console",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = InputAnswer), Problems))]
pub async fn input_server(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<InputRequest>,
) -> Result<Json<InputAnswer>> {
    access.require(Key::ControlConsole)?;
    live::input(&app, &access, req).await.map(Json)
}

/// Runs the install script again.
#[utoipa::path(post, path = "/servers/{server}/reinstall", tag = "servers",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 202, body = Operation), Problems))]
pub async fn reinstall_server(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<ReinstallRequest>,
) -> Result<(StatusCode, Json<Operation>)> {
    access.require(Key::SettingsReinstall)?;
    let operation = job::reinstall(&app, access, req.wipe).await?;
    Ok((StatusCode::ACCEPTED, Json(operation)))
}

/// Mounts that the server sees, and those that one could switch on.
#[utoipa::path(get, path = "/servers/{server}/mounts", tag = "mounts",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = Page<ServerMount>), Problems))]
pub async fn list_server_mounts(
    State(app): State<App>,
    access: ServerAccess,
) -> Result<Json<Page<ServerMount>>> {
    access.require(Key::StartupRead)?;
    mounts::list(&app, &access).await.map(Json)
}

/// Switches a mount on, from the server's next start on.
///
/// With `mount.use` one that is for self-service, with `admin.server.limits` any that is offered. 409 `mount_target_taken`
/// where another mount of the server is in the way.
#[utoipa::path(put, path = "/servers/{server}/mounts/{mount}", tag = "mounts",
    params(("server" = String, Path, description = "Server id"),
        ("mount" = String, Path, description = "Mount id")),
    responses((status = 200, body = ServerMount), Problems))]
pub async fn add_server_mount(
    State(app): State<App>,
    access: ServerAccess,
    Path(ids): Path<(ServerId, MountId)>,
) -> Result<Json<ServerMount>> {
    mounts::require(&access)?;
    mounts::add(&app, &access, ids.1).await.map(Json)
}

/// Switches a mount off, from the server's next start on. What is in the directory stays.
#[utoipa::path(delete, path = "/servers/{server}/mounts/{mount}", tag = "mounts",
    params(("server" = String, Path, description = "Server id"),
        ("mount" = String, Path, description = "Mount id")),
    responses((status = 204), Problems))]
pub async fn delete_server_mount(
    State(app): State<App>,
    access: ServerAccess,
    Path(ids): Path<(ServerId, MountId)>,
) -> Result<StatusCode> {
    mounts::require(&access)?;
    mounts::remove(&app, &access, ids.1).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A ticket for console and stats of this server on the WebSocket.
#[utoipa::path(post, path = "/servers/{server}/ticket", tag = "console",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = Ticket), Problems))]
pub async fn create_server_ticket(
    State(app): State<App>,
    access: ServerAccess,
) -> Result<Json<Ticket>> {
    access.require(Key::WebsocketConnect)?;
    live::server_ticket(&app, &access).await.map(Json)
}

/// A ticket for events of all servers that one may see, on the WebSocket.
#[utoipa::path(post, path = "/tickets/mine", tag = "console",
    responses((status = 200, body = Ticket), Problems))]
pub async fn create_mine_ticket(State(app): State<App>, caller: Caller) -> Result<Json<Ticket>> {
    live::mine_ticket(&app, &caller).await.map(Json)
}
