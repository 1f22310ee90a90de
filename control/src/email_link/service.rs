//! Makes links and takes them. A link says by itself whose address it changes into what, and from what: one that was used,
//! or came after another, fits nothing any more, so nothing is kept of them.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait};
use serde::{Deserialize, Serialize};
use serde_json::json;
use warren_entity::users;
use warren_proto::ids::UserId;

use super::dto::EmailByLink;
use crate::{
    account::{first_run, service::taken},
    app::App,
    audit::Entry,
    auth::{Caller, offer},
    db::Lane,
    error::{Error, Result},
    mail, password_link, person,
};

const KIND: &str = "email";
/// How long a link is good: mail is read on the next day, too.
const LIFE_MS: i64 = 24 * 3600 * 1000;
#[derive(Serialize, Deserialize)]
struct Change {
    user: UserId,
    from: String,
    to: String,
    /// Which of a person's changes it is: another one since, and this fits no more.
    as_of_ms: i64,
}

fn bad_link() -> Error {
    let text = "this link was used, is too old or was cut while copying; ask for another one";
    Error::field("token", "unknown", text)
}

/// Sends a link to the address that somebody wants to have, or has.
/// # Errors
/// 409 without mail, 429 after too many.
pub async fn send(
    app: &App,
    db: &impl ConnectionTrait,
    caller: &Caller,
    user: &users::Model,
    to: &str,
) -> Result<()> {
    app.mail.require()?;
    let now_ms = app.clock.now_ms();
    app.door.attempts.take_mail(&user.id, to, now_ms)?;
    let change = Change {
        user: caller.actor.user,
        from: user.email.clone(),
        to: to.to_owned(),
        as_of_ms: user.updated_at_ms,
    };
    let token = offer::make_until(app, KIND, change, now_ms + LIFE_MS)?;
    let url = first_run::url(app);
    let link = format!("{}/confirm-email#token={token}", url.trim_end_matches('/'));
    let address = caller.peer.address.to_string();
    let letter = mail::to(app, db, user).await?.confirm(&address, &link);
    app.mail.post(to.to_owned(), letter)
}

/// Sends a link to one's own address.
/// # Errors
/// 409 `email_confirmed`, or without mail; 429 after too many.
pub async fn own(app: &App, caller: &Caller) -> Result<()> {
    if caller.user.email_verified {
        let text = "mail to this address has reached you already";
        return Err(Error::conflict("email_confirmed", text));
    }
    let user = &caller.user;
    send(app, app.db.read(), caller, user, &user.email).await
}

/// Takes the address over.
/// # Errors
/// 422 for a link that is good no longer, or an address that somebody else has by now.
pub async fn set(app: &App, caller: &Caller, req: &EmailByLink) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let change = offer::open::<Change>(app, KIND, &req.token, now_ms)
        .ok_or_else(bad_link)?
        .what;
    if change.user != caller.actor.user {
        let text = "is for another account: log in to that one, and open the link once more";
        return Err(Error::field("token", "another_account", text));
    }
    let tx = app.db.begin(Lane::People).await?;
    let user = person::service::lock(&*tx, change.user).await?;
    let fits = |user: &users::Model| {
        user.email == change.from
            && user.updated_at_ms == change.as_of_ms
            && user.suspended_at_ms.is_none()
    };
    let user = user.filter(fits).ok_or_else(bad_link)?;
    let moves = change.to != user.email;
    let row = users::ActiveModel {
        id: Set(user.id.clone()),
        email: Set(change.to.clone()),
        email_folded: Set(change.to.to_lowercase()),
        email_verified: Set(true),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    row.update(&*tx).await.map_err(taken)?;
    if moves {
        // What was sent to the old address.
        password_link::service::forget(&*tx, &user.id).await?;
    }
    Entry::word("account.email", "user", &user.id)
        .with(json!({"email": {"from": user.email, "to": change.to}, "verified": true}))
        .by(&*tx, caller, now_ms)
        .await?;
    let writer = mail::to(app, &*tx, &user).await?;
    tx.commit().await?;
    if moves {
        let letter = writer.moved(&caller.peer.address.to_string());
        // It is changed, whether or not there is room for word of it.
        drop(app.mail.post(user.email, letter));
    }
    Ok(())
}
