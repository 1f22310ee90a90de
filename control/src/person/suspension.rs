//! Takes all doors from somebody for a while. Their servers go on as they are: those are suspended by themselves.

use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use serde_json::json;
use warren_entity::users;
use warren_proto::ids::UserId;

use super::{
    dto::{Person, SuspensionAsk},
    service::{find, locked, not_own, not_the_last, one},
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    gate::{self, Ended},
    session::store,
};

/// Suspends, or says another reason. Log-ins end; API keys work again once it is lifted.
/// # Errors
/// 403 for one that has more than the caller, 404, 409 for oneself and the last admin, 422 for a bad reason.
pub async fn suspend(
    app: &App,
    caller: &Caller,
    id: UserId,
    req: &SuspensionAsk,
) -> Result<Person> {
    not_own(caller, id)?;
    let mut fields = Fields::new();
    let reason = fields.text("reason", &req.reason, 512);
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    // Nobody else gets further with an admin's account than to the lock below.
    if caller.actor.admin && find(&*tx, id).await?.admin {
        not_the_last(&*tx, &id.to_string()).await?;
    }
    let row = locked(app, &*tx, caller, id).await?;
    let change = users::ActiveModel {
        id: Set(row.id.clone()),
        suspended_at_ms: Set(row.suspended_at_ms.or(Some(now_ms))),
        suspended_reason: Set(Some(reason)),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    let after = change.update(&*tx).await?;
    store::end_all(&*tx, &row.id, now_ms).await?;
    Entry::of(Key::PersonSuspend, "user", &row.id)
        .with(json!({
            "suspended": {"from": row.suspended_at_ms.is_some(), "to": true},
            "reason": {"from": row.suspended_reason, "to": after.suspended_reason},
        }))
        .by(&*tx, caller, now_ms)
        .await?;
    gate::end(&*tx, Ended::User(id), now_ms).await?;
    let shown = one(&*tx, after).await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(shown)
}

/// Lifts it.
/// # Errors
/// 403 for one that has more than the caller, 404, 409 when they are not suspended.
pub async fn lift(app: &App, caller: &Caller, id: UserId) -> Result<Person> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = locked(app, &*tx, caller, id).await?;
    if row.suspended_at_ms.is_none() {
        let text = format!("{} is not suspended", row.username);
        return Err(Error::conflict("not_suspended", text));
    }
    let change = users::ActiveModel {
        id: Set(row.id.clone()),
        suspended_at_ms: Set(None),
        suspended_reason: Set(None),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    let after = change.update(&*tx).await?;
    Entry::of(Key::PersonSuspend, "user", &row.id)
        .with(json!({
            "suspended": {"from": true, "to": false},
            "reason": {"from": row.suspended_reason, "to": null},
        }))
        .by(&*tx, caller, now_ms)
        .await?;
    let shown = one(&*tx, after).await?;
    tx.commit().await?;
    Ok(shown)
}
