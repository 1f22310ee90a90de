//! Roles and who has them.

use axum::{extract::State, http::StatusCode};
use warren_proto::ids::{GrantId, RoleId, UserId};

use super::{
    dto::{GrantCreate, Permissions, Role, RoleCreate, RoleGrant, RolePatch},
    grant, service,
};
use crate::{
    access::{Key, Resource, preset},
    app::App,
    auth::Caller,
    error::Result,
    http::{IfMatch, Json, Page, PageQuery, Path, Query, Tagged},
    person,
    problem::Problems,
};

/// All permission keys there are, and presets for subusers.
#[utoipa::path(get, path = "/permissions", tag = "people",
    responses((status = 200, body = Permissions), Problems))]
pub async fn list_permissions(_: Caller) -> Json<Permissions> {
    Json(Permissions {
        keys: Key::ALL.iter().map(|key| (*key).into()).collect(),
        presets: preset::all().map(Into::into).into(),
    })
}

/// All roles, by name.
#[utoipa::path(get, path = "/roles", tag = "people",
    responses((status = 200, body = Page<Role>), Problems))]
pub async fn list_roles(State(app): State<App>, caller: Caller) -> Result<Json<Page<Role>>> {
    caller.require(Key::RoleRead, Resource::Panel)?;
    service::list(&app).await.map(Json)
}

/// Makes a role of keys that one has oneself over everything.
#[utoipa::path(post, path = "/roles", tag = "people",
    responses((status = 201, body = Role), Problems))]
pub async fn create_role(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<RoleCreate>,
) -> Result<(StatusCode, Json<Role>)> {
    caller.require(Key::RoleCreate, Resource::Panel)?;
    let made = service::create(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// One role.
#[utoipa::path(get, path = "/roles/{role}", tag = "people",
    params(("role" = String, Path, description = "Role id")),
    responses((status = 200, body = Role), Problems))]
pub async fn get_role(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<RoleId>,
) -> Result<Tagged<Role>> {
    caller.require(Key::RoleRead, Resource::Panel)?;
    service::get(&app, id).await.map(Tagged)
}

/// Changes a role; it counts at once for everybody who has it.
#[utoipa::path(patch, path = "/roles/{role}", tag = "people",
    params(("role" = String, Path, description = "Role id"), IfMatch),
    responses((status = 200, body = Role), Problems))]
pub async fn update_role(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<RoleId>,
    if_match: IfMatch,
    Json(req): Json<RolePatch>,
) -> Result<Tagged<Role>> {
    caller.require(Key::RoleUpdate, Resource::Panel)?;
    service::update(&app, &caller, id, &if_match, req)
        .await
        .map(Tagged)
}

/// Removes a role; everybody who has it loses it at once.
#[utoipa::path(delete, path = "/roles/{role}", tag = "people",
    params(("role" = String, Path, description = "Role id")),
    responses((status = 204), Problems))]
pub async fn delete_role(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<RoleId>,
) -> Result<StatusCode> {
    caller.require(Key::RoleDelete, Resource::Panel)?;
    service::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who has a role, and over what.
#[utoipa::path(get, path = "/roles/{role}/grants", tag = "people",
    params(("role" = String, Path, description = "Role id"), PageQuery),
    responses((status = 200, body = Page<RoleGrant>), Problems))]
pub async fn list_role_grants(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<RoleId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RoleGrant>>> {
    caller.require(Key::RoleRead, Resource::Panel)?;
    grant::of_role(&app, id, &page).await.map(Json)
}

/// Gives a role to somebody. One needs to have all of its keys there oneself.
#[utoipa::path(post, path = "/roles/{role}/grants", tag = "people",
    params(("role" = String, Path, description = "Role id")),
    responses((status = 201, body = RoleGrant), Problems))]
pub async fn create_role_grant(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<RoleId>,
    Json(req): Json<GrantCreate>,
) -> Result<(StatusCode, Json<RoleGrant>)> {
    caller.require(Key::RoleGrant, Resource::Panel)?;
    let made = grant::create(&app, &caller, id, req).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Takes a role back; it is gone at once.
#[utoipa::path(delete, path = "/grants/{grant}", tag = "people",
    params(("grant" = String, Path, description = "Grant id")),
    responses((status = 204), Problems))]
pub async fn delete_grant(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GrantId>,
) -> Result<StatusCode> {
    caller.require(Key::RoleGrant, Resource::Panel)?;
    grant::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The roles that somebody has, and over what.
#[utoipa::path(get, path = "/users/{user}/grants", tag = "people",
    params(("user" = String, Path, description = "User id")),
    responses((status = 200, body = Page<RoleGrant>), Problems))]
pub async fn list_user_grants(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Json<Page<RoleGrant>>> {
    caller.require(Key::PersonRead, Resource::Panel)?;
    caller.require(Key::RoleRead, Resource::Panel)?;
    let person = person::service::find(app.db.read(), id).await?;
    grant::of_person(&app, &person.id).await.map(Json)
}
