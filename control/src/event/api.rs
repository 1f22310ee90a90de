//! Public events, and credentials to read them from the bus.

use axum::{extract::State, http::StatusCode};

use super::{
    dto::{Consumer, ConsumerCreate, ConsumerCreated, EventPage, EventQuery},
    service,
};
use crate::{
    app::App,
    auth::Caller,
    error::Result,
    http::{Json, Page, PageQuery, Path, Query},
    problem::Problems,
};
use warren_proto::ids::ConsumerId;

/// Events of servers that one may see, in the order of their sequence.
#[utoipa::path(get, path = "/events", tag = "events", params(EventQuery),
    responses((status = 200, body = EventPage), Problems))]
pub async fn list_events(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<EventQuery>,
) -> Result<Json<EventPage>> {
    service::list(&app, &caller, &query).await.map(Json)
}

/// One's own event consumers (an admin: all), the newest first.
#[utoipa::path(get, path = "/event-consumers", tag = "events", params(PageQuery),
    responses((status = 200, body = Page<Consumer>), Problems))]
pub async fn list_event_consumers(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Consumer>>> {
    service::consumers(&app, &caller, &page).await.map(Json)
}

/// Makes a credential with which any NATS client reads events, live and by replay.
///
/// It ends when its time is over, when it is revoked here, when whoever made it may not see one of its servers any
/// more, and with the API key that it was made with. A live connection is closed within a second.
#[utoipa::path(post, path = "/event-consumers", tag = "events",
    responses((status = 201, body = ConsumerCreated), Problems))]
pub async fn create_event_consumer(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<ConsumerCreate>,
) -> Result<(StatusCode, Json<ConsumerCreated>)> {
    let created = service::create_consumer(&app, &caller, req).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// Revokes an event consumer; a live connection ends within a second.
#[utoipa::path(delete, path = "/event-consumers/{id}", tag = "events",
    params(("id" = String, Path, description = "Event consumer id")),
    responses((status = 204), Problems))]
pub async fn delete_event_consumer(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConsumerId>,
) -> Result<StatusCode> {
    service::revoke_consumer(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
