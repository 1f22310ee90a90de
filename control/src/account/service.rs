//! One's own account.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, SqlErr,
    sea_query::Expr,
};
use serde_json::json;
use warren_entity::{sessions, users};
use warren_proto::ids::SessionId;

use super::dto::{AccountChanged, AccountPatch, PasswordChange};
use crate::{
    app::App,
    audit::Entry,
    auth::{Caller, Network, password},
    db::Lane,
    email_link,
    error::{Error, Fields, Result},
    http::{Page, Stamp},
    mail,
    password_link::service::forget,
    session::{
        dto::{SessionInfo, User},
        store,
    },
};

/// How long a log-in stands for the password of somebody who has none.
const FRESH_MS: i64 = 10 * 60 * 1000;

/// Says what is wrong with a log-in name, if anything. An `@` would make it look like an address.
pub fn check_username(fields: &mut Fields, field: &str, name: &str) {
    let good = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    fields.check(
        good,
        field,
        "invalid",
        "has 1 to 64 of: letters, digits, dot, underscore, hyphen",
    );
}

/// Says what is wrong with an e-mail address, if anything. Only mail to it would tell whether it is good.
pub fn check_email(fields: &mut Fields, field: &str, email: &str) {
    let good = email.len() <= 254
        && email.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty()
                && host.len() >= 3
                && host.contains('.')
                && !host.contains('@')
                && !host.starts_with('.')
                && !host.ends_with('.')
        })
        && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    fields.check(
        good,
        field,
        "invalid",
        "is no e-mail address like name@example.net",
    );
}

/// What a refused name or address means.
pub fn taken(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(text)) => {
            let email = text.contains("email");
            let field = if email { "email" } else { "username" };
            Error::field(field, "taken", "somebody else has it")
        }
        _ => error.into(),
    }
}

/// The caller's row, fresh.
/// # Errors
/// Database.
pub async fn get(app: &App, caller: &Caller) -> Result<User> {
    let row = users::Entity::find_by_id(&*caller.user.id)
        .one(app.db.read())
        .await?;
    Ok(row.unwrap_or_else(|| caller.user.clone()).into())
}

/// Changes name or address.
/// # Errors
/// 422 for what can't be or is taken.
pub async fn update(app: &App, caller: &Caller, req: AccountPatch) -> Result<AccountChanged> {
    let mut fields = Fields::new();
    let mut row = users::ActiveModel {
        id: Set(caller.user.id.clone()),
        ..Default::default()
    };
    let mut changed = Vec::new();
    if let Some(name) = &req.username {
        check_username(&mut fields, "username", name);
        row.username = Set(name.clone());
        row.username_folded = Set(name.to_lowercase());
        changed.push("username");
    }
    if let Some(email) = &req.email {
        check_email(&mut fields, "email", email);
    }
    let moves = req.email.as_ref().filter(|to| **to != caller.user.email);
    if moves.is_some() && req.current_password.is_none() {
        let text = "is needed for another e-mail address";
        fields.refuse("current_password", "required", text);
    }
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    if let (Some(_), Some(password)) = (moves, &req.current_password) {
        check_password(app, caller, password, now_ms).await?;
    }
    // Where mail is sent, the address has to be shown first: somebody else's would lie in wait for them.
    let pending = moves.filter(|_| app.mail.is_on()).cloned();
    if let Some(email) = moves.filter(|_| pending.is_none()) {
        row.email = Set(email.clone());
        row.email_folded = Set(email.to_lowercase());
        row.email_verified = Set(false);
        changed.push("email");
    }
    row.updated_at_ms = Set(now_ms);
    let tx = app.db.begin(Lane::People).await?;
    let user = row.update(&*tx).await.map_err(taken)?;
    let moved = user.email != caller.user.email;
    if moved {
        // What was sent to the old address.
        forget(&*tx, &user.id).await?;
    }
    Entry::word("account.update", "user", &user.id)
        .with(json!({"changed": changed, "email_pending": pending}))
        .by(&*tx, caller, now_ms)
        .await?;
    if let Some(email) = &pending {
        email_link::service::send(app, &*tx, caller, &user, email).await?;
    }
    let writer = mail::to(app, &*tx, &user).await?;
    tx.commit().await?;
    if moved {
        let letter = writer.moved(&caller.peer.address.to_string());
        // It is changed, whether or not there is room for word of it.
        drop(app.mail.post(caller.user.email.clone(), letter));
    }
    Ok(AccountChanged {
        user: user.into(),
        email_pending: pending,
    })
}

/// Passes for a log-in of this moment, which stands for the password of somebody who has none.
fn fresh(caller: &Caller, now_ms: i64) -> Result<()> {
    if caller.began_ms.is_some_and(|at| now_ms < at + FRESH_MS) {
        return Ok(());
    }
    let text =
        "this account has no password: log in once more, which stands for it for ten minutes";
    Err(Error::forbidden("fresh_session_needed", text))
}

/// Checks the password of somebody who is logged in: a stolen session must not be able to guess it either. Whoever has none
/// has to have logged in a moment ago instead.
/// # Errors
/// 422 for a wrong one, 429 after too many; 403 `fresh_session_needed`.
pub async fn check_password(app: &App, caller: &Caller, typed: &str, now_ms: i64) -> Result<()> {
    let (user, network) = (&caller.user, Network::of(caller.peer.address));
    if user.password_hash == password::NO_PASSWORD {
        return fresh(caller, now_ms);
    }
    let attempts = &app.door.attempts;
    attempts.take(&user.username, network, true, now_ms)?;
    let stored = Some(user.password_hash.as_str());
    let fits = app.door.passwords.verify(typed, stored).await;
    if !fits.inspect_err(|_| attempts.undo(&user.username, network))? {
        let text = "is not the password";
        return Err(Error::field("current_password", "wrong", text));
    }
    // Only this attempt: whoever knows the password must not be able to guess codes without an end.
    attempts.undo(&user.username, network);
    Ok(())
}

/// Changes the password; every other log-in ends.
/// # Errors
/// 422 for a wrong current or a weak new one, 429 after too many wrong ones.
pub async fn change_password(app: &App, caller: &Caller, req: PasswordChange) -> Result<()> {
    let user = &caller.user;
    let now_ms = app.clock.now_ms();
    check_password(app, caller, &req.current_password, now_ms).await?;
    let passwords = &app.door.passwords;
    let mut fields = Fields::new();
    let (name, email) = (&user.username, &user.email);
    password::check_new(&mut fields, "new_password", &req.new_password, name, email);
    fields.check(
        req.new_password != req.current_password,
        "new_password",
        "unchanged",
        "is the old one; take another",
    );
    fields.finish()?;
    let hash = passwords.hash(&req.new_password).await?;
    let this = caller.by_session()?.to_string();
    let tx = app.db.begin(Lane::People).await?;
    let changed = users::Entity::update_many()
        .col_expr(users::Column::PasswordHash, Expr::value(hash))
        .col_expr(users::Column::MustChangePassword, Expr::value(false))
        .col_expr(users::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(users::Column::Id.eq(&*user.id))
        .filter(users::Column::PasswordHash.eq(&*user.password_hash))
        .exec(&*tx)
        .await?;
    if changed.rows_affected == 0 {
        return Err(Error::conflict(
            "changed_meanwhile",
            "the password was changed at the same moment from elsewhere; log in again",
        ));
    }
    store::end_others(&*tx, &user.id, &this, now_ms).await?;
    forget(&*tx, &user.id).await?;
    Entry::word("account.password", "user", &user.id)
        .by(&*tx, caller, now_ms)
        .await?;
    let writer = mail::to(app, &*tx, user).await?;
    tx.commit().await?;
    app.nudges.revoked();
    let letter = writer.changed(&caller.peer.address.to_string());
    // The password is changed, whether or not there is room for word of it.
    drop(app.mail.post(user.email.clone(), letter));
    Ok(())
}

/// Log-ins that have not ended.
/// # Errors
/// Database.
pub async fn sessions(app: &App, caller: &Caller) -> Result<Page<SessionInfo>> {
    let rows = store::active(app.db.read(), &caller.user.id, app.clock.now_ms()).await?;
    let this = caller.session_text();
    let info = |row: sessions::Model| SessionInfo {
        current: row.id == this,
        id: row.id,
        created_at: Stamp(row.created_at_ms),
        last_seen_at: Stamp(row.last_seen_at_ms),
        address: row.address,
        user_agent: row.user_agent,
    };
    Ok(Page::whole(rows.into_iter().map(info).collect()))
}

/// Ends one of one's own log-ins.
/// # Errors
/// 404 for another's, or one that has ended.
pub async fn end_session(app: &App, caller: &Caller, id: SessionId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let id = id.to_string();
    let tx = app.db.begin(Lane::People).await?;
    if !store::end(&*tx, &caller.user.id, &id, now_ms).await? {
        return Err(Error::not_found("session"));
    }
    Entry::word("session.delete", "session", &id)
        .by_gone(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        let good = |check: fn(&mut Fields, &str, &str), text: &str| {
            let mut fields = Fields::new();
            check(&mut fields, "x", text);
            fields.is_good()
        };
        assert!(good(check_username, "ann-7_b.c"));
        for bad in [
            "",
            "a b",
            "ann@example.net",
            "<script>",
            "ä",
            &"a".repeat(65),
        ] {
            assert!(!good(check_username, bad), "{bad}");
        }
        assert!(good(check_email, "ann@example.net"));
        for bad in ["ann", "@example.net", "a@b", "a@b.c d", "a@b@c.d", "a@.bc"] {
            assert!(!good(check_email, bad), "{bad}");
        }
    }
}
