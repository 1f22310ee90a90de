//! The panel's settings.

use axum::extract::State;

use super::{
    dto::{MailTest, MailTested, PanelFront, PanelSet, PanelSettings},
    service,
};
use crate::{
    access::{Key, Resource},
    app::App,
    auth::Caller,
    error::Result,
    http::{IfMatch, Json, Tagged},
    problem::Problems,
};

/// What the log-in page shows of the panel.
#[utoipa::path(get, path = "/panel", tag = "session", security(()),
    responses((status = 200, body = PanelFront), Problems))]
pub async fn get_panel(State(app): State<App>) -> Result<Json<PanelFront>> {
    Ok(Json(service::front(&app)))
}

/// The panel's settings.
#[utoipa::path(get, path = "/settings", tag = "settings",
    responses((status = 200, body = PanelSettings), Problems))]
pub async fn get_settings(State(app): State<App>, caller: Caller) -> Result<Tagged<PanelSettings>> {
    caller.require(Key::PanelRead, Resource::Panel)?;
    service::get(&app).await.map(Tagged)
}

/// Sets all of the panel's settings anew; what is left out is as control's configuration says.
#[utoipa::path(put, path = "/settings", tag = "settings", params(IfMatch),
    responses((status = 200, body = PanelSettings), Problems))]
pub async fn set_settings(
    State(app): State<App>,
    caller: Caller,
    if_match: IfMatch,
    Json(req): Json<PanelSet>,
) -> Result<Tagged<PanelSettings>> {
    caller.require(Key::PanelUpdate, Resource::Panel)?;
    service::set(&app, &caller, &if_match, req)
        .await
        .map(Tagged)
}

/// Sends a message and waits until the mail server has taken it, or has said why not.
#[utoipa::path(post, path = "/settings/mail-test", tag = "settings",
    responses((status = 200, body = MailTested), Problems))]
pub async fn test_mail(
    State(app): State<App>,
    caller: Caller,
    Json(req): Json<MailTest>,
) -> Result<Json<MailTested>> {
    caller.require(Key::PanelUpdate, Resource::Panel)?;
    service::test_mail(&app, &caller, req).await.map(Json)
}
