//! Begins to look as somebody else.

use sea_orm::EntityTrait;
use serde_json::json;
use warren_entity::roles;

use super::dto::{ViewAs, Viewing};
use crate::{
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Result},
    person,
};

/// Says how to ask, and writes down that it was.
/// # Errors
/// 403 for whoever is no admin in a browser; 404; 422 unless one of both is named.
pub async fn begin(app: &App, caller: &Caller, req: &ViewAs) -> Result<Viewing> {
    caller.by_session()?;
    if !caller.actor.admin {
        let text = "only admins look at the panel as somebody else sees it";
        return Err(Error::forbidden("forbidden", text));
    }
    let db = app.db.read();
    let (noun, id, name) = match (req.user, req.role) {
        (Some(user), None) => {
            let user = person::service::find(db, user).await?;
            ("user", user.id, user.username)
        }
        (None, Some(role)) => {
            let role = roles::Entity::find_by_id(role.to_string()).one(db).await?;
            let role = role.ok_or_else(|| Error::not_found("role"))?;
            ("role", role.id, role.name)
        }
        _ => {
            return Err(Error::field(
                "user",
                "required",
                "name a person or a role, one of both",
            ));
        }
    };
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    Entry::word("panel.view_as", noun, &id)
        .with(json!({"name": name}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(Viewing {
        header: format!("{noun}:{id}"),
        name,
    })
}
