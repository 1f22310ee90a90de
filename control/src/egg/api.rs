//! Eggs.

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    dto::{Egg, EggImported, EggPatch, EggQuery, EggSummary, ImportQuery, Starter, StarterQuery},
    service, upload,
};
use crate::{
    access::{Key, Resource},
    app::App,
    auth::Caller,
    error::Result,
    http::{Json, Page, Path, Query},
    problem::Problems,
};
use warren_proto::ids::EggId;

/// Eggs, the newest first.
#[utoipa::path(get, path = "/eggs", tag = "eggs", params(EggQuery),
    responses((status = 200, body = Page<EggSummary>), Problems))]
pub async fn list_eggs(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<EggQuery>,
) -> Result<Json<Page<EggSummary>>> {
    caller.require(Key::EggRead, Resource::Panel)?;
    service::list(&app, query).await.map(Json)
}

/// One egg.
#[utoipa::path(get, path = "/eggs/{egg}", tag = "eggs",
    params(("egg" = String, Path, description = "Egg id")),
    responses((status = 200, body = Egg), Problems))]
pub async fn get_egg(
    State(app): State<App>,
    caller: Caller,
    Path(egg): Path<EggId>,
) -> Result<Json<Egg>> {
    caller.require(Key::EggRead, Resource::Panel)?;
    service::get(&app, egg).await.map(Json)
}

/// Imports an egg: PTDL v1 and v2, PLCN v1 to v3, as JSON or YAML.
///
/// Send the file as the body, or as the only part `file` of a form. 422 `egg_refused` says where the file
/// is wrong; what is merely odd stands in the report.
#[utoipa::path(post, path = "/eggs/import", tag = "eggs", params(ImportQuery),
    request_body(content(
        (String = "application/json"), (String = "application/yaml"),
        (upload::EggForm = "multipart/form-data")), description = "The egg"),
    responses((status = 201, body = EggImported), Problems))]
pub async fn import_egg(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<(StatusCode, Json<EggImported>)> {
    caller.require(Key::EggCreate, Resource::Panel)?;
    let file = upload::read(request).await?;
    let imported = service::import(&app, &caller, &file, query).await?;
    Ok((StatusCode::CREATED, Json(imported)))
}

/// Eggs that come with Warren.
#[utoipa::path(get, path = "/eggs/starters", tag = "eggs",
    responses((status = 200, body = Page<Starter>), Problems))]
pub async fn list_starters(State(app): State<App>, caller: Caller) -> Result<Json<Page<Starter>>> {
    caller.require(Key::EggRead, Resource::Panel)?;
    service::starters(&app).await.map(Json)
}

/// Imports an egg that comes with Warren.
#[utoipa::path(post, path = "/eggs/starters/{key}", tag = "eggs",
    params(("key" = String, Path, description = "Key of the starter"), StarterQuery),
    responses((status = 201, body = EggImported), Problems))]
pub async fn import_starter(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    Query(query): Query<StarterQuery>,
) -> Result<(StatusCode, Json<EggImported>)> {
    caller.require(Key::EggCreate, Resource::Panel)?;
    let imported = service::import_starter(&app, &caller, &key, query.nest).await?;
    Ok((StatusCode::CREATED, Json(imported)))
}

/// The egg as a PTDL v2 file.
#[utoipa::path(get, path = "/eggs/{egg}/export", tag = "eggs",
    params(("egg" = String, Path, description = "Egg id")),
    responses((status = 200, body = Object, content_type = "application/json"), Problems))]
pub async fn export_egg(
    State(app): State<App>,
    caller: Caller,
    Path(egg): Path<EggId>,
) -> Result<Response> {
    caller.require(Key::EggRead, Resource::Panel)?;
    let text = service::export(&app, egg).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"egg-{egg}.json\""),
        ),
    ];
    Ok((headers, text).into_response())
}

/// Moves an egg to another nest.
#[utoipa::path(patch, path = "/eggs/{egg}", tag = "eggs",
    params(("egg" = String, Path, description = "Egg id")),
    responses((status = 200, body = Egg), Problems))]
pub async fn update_egg(
    State(app): State<App>,
    caller: Caller,
    Path(egg): Path<EggId>,
    Json(req): Json<EggPatch>,
) -> Result<Json<Egg>> {
    caller.require(Key::EggUpdate, Resource::Panel)?;
    service::update(&app, &caller, egg, req).await.map(Json)
}

/// Removes an egg that no server uses.
#[utoipa::path(delete, path = "/eggs/{egg}", tag = "eggs",
    params(("egg" = String, Path, description = "Egg id")),
    responses((status = 204), Problems))]
pub async fn delete_egg(
    State(app): State<App>,
    caller: Caller,
    Path(egg): Path<EggId>,
) -> Result<StatusCode> {
    caller.require(Key::EggDelete, Resource::Panel)?;
    service::delete(&app, &caller, egg).await?;
    Ok(StatusCode::NO_CONTENT)
}
