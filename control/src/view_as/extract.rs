//! Puts somebody else in the caller's place, for a request that says so.

use axum::http::{Method, request::Parts};
use sea_orm::EntityTrait;
use warren_entity::{roles, users};
use warren_proto::ids::{RoleId, UserId};

use crate::{
    access::{Grant, KeySet, Reach, load},
    app::App,
    auth::Caller,
    error::{Error, Result},
};

/// Whom the request is to be answered as.
const HEADER: &str = "x-view-as";

enum Whom {
    User(UserId),
    Role(RoleId),
}

fn read(text: &str) -> Option<Whom> {
    let (kind, id) = text.split_once(':')?;
    match kind {
        "user" => id.parse().ok().map(Whom::User),
        "role" => id.parse().ok().map(Whom::Role),
        _ => None,
    }
}

/// Whether a request is to be answered as somebody else.
#[must_use]
pub fn asks(parts: &Parts) -> bool {
    parts.headers.contains_key(HEADER)
}

/// The one whose eyes a request is answered for: the caller, or whom an admin looks as.
/// # Errors
/// 400 `bad_view_as`; 403 for whoever is no admin in a browser; 404; 409 `viewing_as` for all that is no reading.
pub async fn seen_as(parts: &Parts, app: &App, caller: Caller) -> Result<Caller> {
    let Some(value) = parts.headers.get(HEADER) else {
        return Ok(caller);
    };
    let Some(whom) = value.to_str().ok().and_then(read) else {
        let text = "`x-view-as` is user:<id> or role:<id>";
        return Err(Error::refused(400, "bad_view_as", text));
    };
    caller.by_session()?;
    if !caller.actor.admin {
        let text = "only admins look at the panel as somebody else sees it";
        return Err(Error::forbidden("forbidden", text));
    }
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        let text = "nothing is changed while you look at the panel as somebody else sees it; stop that first";
        return Err(Error::conflict("viewing_as", text));
    }
    let (db, now_ms) = (app.db.read(), app.clock.now_ms());
    let via = caller.actor.via;
    let (user, actor) = match whom {
        Whom::User(id) => {
            let user = users::Entity::find_by_id(id.to_string()).one(db).await?;
            let user = user.filter(|user| user.deleted_at_ms.is_none());
            let user = user.ok_or_else(|| Error::not_found("user"))?;
            let actor = load::actor(db, &user, via, now_ms).await?;
            (user, actor)
        }
        Whom::Role(id) => {
            let role = roles::Entity::find_by_id(id.to_string()).one(db).await?;
            let role = role.ok_or_else(|| Error::not_found("role"))?;
            // Nobody: what the admin owns is not seen through the role.
            let user = users::Model {
                id: UserId::new().to_string(),
                username: role.name,
                admin: false,
                granted: true,
                shared: false,
                ..caller.user
            };
            let grant = Grant {
                keys: KeySet::stored(&role.keys),
                reach: Reach::Everything,
            };
            let actor = load::actor_with(&user, vec![grant], via)?;
            (user, actor)
        }
    };
    Ok(Caller {
        actor,
        user,
        viewing: true,
        ..caller
    })
}
