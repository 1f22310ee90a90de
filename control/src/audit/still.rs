//! Whether somebody may go on: asked in the transaction of each change.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use warren_entity::{api_keys, sessions, users};

use crate::{
    access::{Via, load},
    auth::Caller,
    error::{Error, Result},
};

/// Passes if log-in or key are good and no right is lost with which the request began. Whoever changes what they have
/// themselves asks before they do.
/// # Errors
/// 401 or 403 for what has ended meanwhile; database.
pub async fn still(db: &impl ConnectionTrait, caller: &Caller, now_ms: i64) -> Result<()> {
    caller.oneself()?;
    let good = match caller.actor.via {
        Via::Session(id) => {
            sessions::Entity::find_by_id(id.to_string())
                .filter(sessions::Column::EndedAtMs.is_null())
                .select_only()
                .column(sessions::Column::Id)
                .into_tuple::<String>()
                .one(db)
                .await?
        }
        Via::ApiKey(id) => {
            api_keys::Entity::find_by_id(id.to_string())
                .filter(api_keys::Column::RevokedAtMs.is_null())
                .filter(load::unexpired(api_keys::Column::ExpiresAtMs, now_ms))
                .select_only()
                .column(api_keys::Column::Id)
                .into_tuple::<String>()
                .one(db)
                .await?
        }
    };
    let user = users::Entity::find_by_id(&*caller.user.id)
        .filter(load::active())
        .one(db)
        .await?;
    let (Some(_), Some(user)) = (good, user) else {
        let text = "this log-in or key has ended while the request was on its way";
        return Err(Error::unauthenticated("session_ended", text));
    };
    let mut now = load::actor(db, &user, caller.actor.via, now_ms).await?;
    if caller.narrowed {
        now = now.within(caller.actor.scope);
    }
    let had = &caller.actor;
    if now.admin || !had.admin && had.grants.iter().all(|grant| now.grants.contains(grant)) {
        return Ok(());
    }
    let text = "your rights have changed while the request was on its way; look again and send it once more";
    Err(Error::forbidden("rights_changed", text))
}
