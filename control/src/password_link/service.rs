//! Makes links and takes them. A link is a secret: it is stored as a hash, good once and for a while.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter, QuerySelect,
};
use serde_json::json;
use warren_entity::{password_links, users};
use warren_proto::ids::UserId;

use super::dto::{PasswordByLink, PasswordForgotten};
use crate::{
    access::load,
    account::first_run,
    api_key,
    app::{App, Ground},
    audit::Entry,
    auth::{Network, Peer, password, secret},
    db::Lane,
    error::{Error, Fields, Result},
    gate::{self, Ended},
    mail, passkey, person,
    session::store,
    ssh_key, sso,
};

/// How long a link to another password is good.
const RESET_MS: i64 = 3600 * 1000;
/// How long an invitation is.
pub const INVITATION_MS: i64 = 7 * 24 * 3600 * 1000;
/// Links that one account may have at one time: nobody's mailbox is filled by others.
const MOST: u64 = 3;
/// Counted like wrong passwords, of a network and of an account, but apart from them.
const COUNTED: &str = "\u{0}forgotten:";

fn bad_link() -> Error {
    let text = "this link was used, is too old or was cut while copying; ask for another one";
    Error::field("token", "unknown", text)
}

/// A link for somebody, to be sent to them. What a browser does not send on stands behind `#`.
/// # Errors
/// Database; no system random source.
pub async fn make(
    ground: &Ground,
    db: &impl ConnectionTrait,
    user: &str,
    life_ms: i64,
    now_ms: i64,
) -> Result<String> {
    let token = secret::session_token()?;
    let row = password_links::ActiveModel {
        token_hash: Set(secret::hash(token.expose())),
        user_id: Set(user.to_owned()),
        created_at_ms: Set(now_ms),
        expires_at_ms: Set(now_ms + life_ms),
    };
    password_links::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    let url = first_run::url(ground);
    let url = url.trim_end_matches('/');
    Ok(format!("{url}/set-password#token={}", token.expose()))
}

/// Sends a link, if there is such an account and it has not had too many. The caller hears nothing of it and does not wait.
/// # Errors
/// 409 without mail, 429 after too many from one network.
pub fn forgotten(app: &App, peer: &Peer, req: &PasswordForgotten) -> Result<()> {
    app.mail.require()?;
    let now_ms = app.clock.now_ms();
    let login: String = req.login.chars().take(254).collect();
    let network = Network::of(peer.address);
    let account = format!("{COUNTED}{login}");
    app.door.attempts.take(&account, network, true, now_ms)?;
    let (app, peer) = (app.clone(), peer.clone());
    tokio::spawn(async move {
        if let Err(error) = send(&app, &peer, &login, now_ms).await {
            tracing::warn!(%error, "no link to another password was sent");
        }
    });
    Ok(())
}

async fn send(app: &App, peer: &Peer, login: &str, now_ms: i64) -> Result<()> {
    let Some(user) = store::user_by_login(app.db.read(), login).await? else {
        return Ok(());
    };
    let tx = app.db.begin(Lane::People).await?;
    // Locked, and as it is now: a link goes to no address that was changed meanwhile.
    let user = users::Entity::find_by_id(user.id)
        .filter(load::active())
        .lock_exclusive()
        .one(&*tx)
        .await?;
    let Some(user) = user else { return Ok(()) };
    let have = password_links::Entity::find()
        .filter(password_links::Column::UserId.eq(&*user.id))
        .filter(password_links::Column::ExpiresAtMs.gt(now_ms))
        .count(&*tx)
        .await?;
    if have >= MOST {
        return Ok(());
    }
    let link = make(app, &*tx, &user.id, RESET_MS, now_ms).await?;
    Entry::word("password_link.create", "user", &user.id)
        .by_nobody(&*tx, peer, now_ms)
        .await?;
    let letter = mail::to(app, &*tx, &user).await?;
    tx.commit().await?;
    let letter = letter.reset(&peer.address.to_string(), &link);
    app.mail.post(user.email, letter)
}

/// Sets a password. A second step stays wanted at the next log-in.
/// # Errors
/// 422 for a link that is good no longer or a weak password, 429 after too many.
pub async fn set(app: &App, peer: &Peer, req: &PasswordByLink) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let network = Network::of(peer.address);
    // Guessing is hopeless anyway; this keeps it from costing hashes.
    app.door.attempts.take(COUNTED, network, true, now_ms)?;
    let row = password_links::Entity::find_by_id(secret::hash(&req.token))
        .filter(password_links::Column::ExpiresAtMs.gt(now_ms))
        .one(app.db.read())
        .await?
        .ok_or_else(bad_link)?;
    let user = users::Entity::find_by_id(&*row.user_id)
        .filter(users::Column::DeletedAtMs.is_null())
        .one(app.db.read())
        .await?
        .ok_or_else(bad_link)?;
    app.door.attempts.undo(COUNTED, network);
    let mut fields = Fields::new();
    let (name, email) = (&user.username, &user.email);
    password::check_new(&mut fields, "new_password", &req.new_password, name, email);
    fields.finish()?;
    let hash = app.door.passwords.hash(&req.new_password).await?;
    // The link of the set-up came by no mail: it says nothing of an address, and nobody could have got in before.
    let set_up = user.email == first_run::EMAIL && user.password_hash == password::NO_PASSWORD;
    let id: UserId = user.id.parse().map_err(Error::internal)?;
    let tx = app.db.begin(Lane::People).await?;
    person::service::lock(&*tx, id)
        .await?
        .ok_or_else(bad_link)?;
    // This link and all others of the account: of two who use one at once, one is late.
    let used = password_links::Entity::delete_by_id(&*row.token_hash)
        .exec(&*tx)
        .await?;
    if used.rows_affected == 0 {
        return Err(bad_link());
    }
    forget(&*tx, &user.id).await?;
    let change = users::ActiveModel {
        id: Set(user.id.clone()),
        password_hash: Set(hash),
        must_change_password: Set(false),
        // The link came by mail, and an address that changed since would have taken it along.
        email_verified: Set(!set_up),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    change.update(&*tx).await?;
    store::end_all(&*tx, &user.id, now_ms).await?;
    // Whoever had got in may have made some. Those of scripts that were made beside the set-up stay.
    if !set_up {
        api_key::service::end_all(&*tx, &user.id, now_ms).await?;
    }
    passkey::forget(&*tx, &user.id).await?;
    ssh_key::forget(&*tx, &user.id).await?;
    if user.password_hash == password::NO_PASSWORD {
        // They add a password to the log-in that they came by.
        sso::forget_connected(&*tx, &user.id).await?;
    } else {
        sso::forget(&*tx, &user.id).await?;
    }
    Entry::word("account.password", "user", &user.id)
        .with(json!({"by": if set_up { "set_up" } else { "link" }}))
        .by_nobody(&*tx, peer, now_ms)
        .await?;
    gate::end(&*tx, Ended::User(id), now_ms).await?;
    let writer = mail::to(app, &*tx, &user).await?;
    tx.commit().await?;
    app.nudges.revoked();
    if set_up {
        return Ok(());
    }
    let letter = writer.recovered(&peer.address.to_string());
    // The password is set, whether or not there is room for word of it.
    drop(app.mail.post(user.email, letter));
    Ok(())
}

/// Drops the links of an account: it has another password or address now.
/// # Errors
/// Database.
pub async fn forget(db: &impl ConnectionTrait, user: &str) -> Result<(), DbErr> {
    password_links::Entity::delete_many()
        .filter(password_links::Column::UserId.eq(user))
        .exec(db)
        .await?;
    Ok(())
}

/// Drops links that are too old.
/// # Errors
/// Database.
pub async fn prune(ground: &Ground) -> Result<u64, DbErr> {
    let tx = ground.db.begin(Lane::Machines).await?;
    let gone = password_links::Entity::delete_many()
        .filter(password_links::Column::ExpiresAtMs.lt(ground.clock.now_ms()))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}
