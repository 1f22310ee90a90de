//! Looking at the panel as somebody else sees it.

use axum::extract::State;

use super::{
    dto::{ViewAs, Viewing},
    service,
};
use crate::{app::App, auth::Caller, error::Result, http::Json, problem::Problems};

/// Begins to look at the panel as somebody else sees it, for admins in a browser.
///
/// From then on GETs that carry the answer's `header` as `x-view-as` are answered as that person, or as somebody with that role
/// over everything, would be answered. Whatever would change something is refused with it (409 `viewing_as`), and so is
/// what belongs to an account alone, such as its log-ins and keys.
#[utoipa::path(post, path = "/view-as", tag = "people",
    responses((status = 200, body = Viewing), Problems))]
pub async fn begin_view(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<ViewAs>,
) -> Result<Json<Viewing>> {
    service::begin(&app, &caller, &req).await.map(Json)
}
