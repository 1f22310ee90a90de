//! Makes passkeys and logs in with them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use warren_entity::{passkeys, users};
use warren_proto::ids::{PasskeyId, UserId};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential,
};

use super::{
    dto::{Passkey, PasskeyBegin, PasskeyCreate, PasskeyLogin, PasskeyOffer, PasskeyPatch},
    relying::{self, Relying},
    store,
};
use crate::{
    account::{service::check_password, ways},
    app::App,
    audit::{Entry, still},
    auth::{self, Caller, Network, Peer, SetCookie, offer},
    db::Lane,
    error::{Error, Fields, Result},
    http::Page,
    person,
    session::{
        dto::User,
        service::{Opening, refused},
    },
};

/// Passkeys of one person.
const MOST: usize = 20;
/// Kinds of offers.
const MAKE: &str = "passkey";
const LOG_IN: &str = "passkey_log_in";

/// Where an offer was made: one is good there alone.
#[derive(Serialize, Deserialize)]
struct Begun<T> {
    host: String,
    /// Of whoever makes a passkey; a log-in is anybody's.
    session: Option<String>,
    state: T,
}

fn late() -> Error {
    let text = "is not of an offer that is good now; begin again";
    Error::field("state", "expired", text)
}

fn bad(text: &str) -> Error {
    Error::unauthenticated("bad_passkey", text)
}

/// One's own, the newest first.
/// # Errors
/// Database.
pub async fn list(app: &App, caller: &Caller) -> Result<Page<Passkey>> {
    let rows = store::of(app.db.read(), &caller.user.id, MOST as u64).await?;
    Ok(Page::whole(rows.into_iter().map(Into::into).collect()))
}

/// What the browser is to make.
/// # Errors
/// 409 where the panel was opened by an address or there are too many, 422 for a wrong password, 429 after too many.
pub async fn offer(app: &App, caller: &Caller, req: &PasskeyBegin) -> Result<PasskeyOffer> {
    let relying = Relying::at(&caller.peer)?;
    let session = caller.by_session()?.to_string();
    let now_ms = app.clock.now_ms();
    check_password(app, caller, &req.current_password, now_ms).await?;
    let have = store::of(app.db.read(), &caller.user.id, MOST as u64).await?;
    not_too_many(have.len())?;
    let mut known = Vec::new();
    for row in have.iter().filter(|row| row.host == relying.host) {
        known.push(store::read(row)?.cred_id().clone());
    }
    let name = &caller.user.username;
    let (challenge, state) = relying
        .library
        .start_passkey_registration(relying::handle(caller.actor.user), name, name, Some(known))
        .map_err(Error::internal)?;
    let begun = Begun {
        host: relying.host,
        session: Some(session),
        state,
    };
    Ok(PasskeyOffer {
        state: offer::make(app, MAKE, begun, now_ms)?,
        options: relying::creation(&challenge)?,
    })
}

fn not_too_many(have: usize) -> Result<()> {
    if have < MOST {
        return Ok(());
    }
    let text = format!("there are {have} passkeys; remove some that are no longer used");
    Err(Error::conflict("too_many_passkeys", text))
}

/// Keeps what the browser made.
/// # Errors
/// 409 for one that is kept already or one too many, 422 for an offer that is none any more or an answer that does not
/// fit it.
pub async fn create(app: &App, caller: &Caller, req: PasskeyCreate) -> Result<Passkey> {
    let now_ms = app.clock.now_ms();
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    fields.finish()?;
    let relying = Relying::at(&caller.peer)?;
    let session = caller.by_session()?.to_string();
    let begun = offer::open::<Begun<PasskeyRegistration>>(app, MAKE, &req.state, now_ms)
        .filter(|o| o.what.host == relying.host && o.what.session.as_ref() == Some(&session))
        .ok_or_else(late)?;
    let answer: RegisterPublicKeyCredential = relying::credential(req.credential)?;
    let made = relying
        .library
        .finish_passkey_registration(&answer, &begun.what.state)
        .map_err(|error| {
            let text = format!("was not accepted: {error}");
            Error::field("credential", "refused", text)
        })?;
    let (credential, synced) = store::stored(&made)?;
    let row = passkeys::Model {
        id: PasskeyId::new().to_string(),
        user_id: caller.user.id.clone(),
        host: relying.host,
        name,
        credential_id: URL_SAFE_NO_PAD.encode(made.cred_id()),
        credential,
        synced,
        created_at_ms: now_ms,
        last_used_at_ms: None,
    };
    let tx = app.db.begin(Lane::People).await?;
    still(&*tx, caller, now_ms).await?;
    // Locks the person, so that of two at once the second counts the first.
    person::service::named(&*tx, "user", caller.actor.user).await?;
    not_too_many(store::of(&*tx, &row.user_id, MOST as u64).await?.len())?;
    if !begun.take(&*tx).await? {
        return Err(late());
    }
    store::keep(&*tx, row.clone()).await?;
    Entry::word("account.passkey.create", "passkey", &row.id)
        .with(json!({"name": row.name, "host": row.host, "synced": row.synced}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(row.into())
}

/// Calls one something else.
/// # Errors
/// 404, 422 for a bad name.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: PasskeyId,
    req: &PasskeyPatch,
) -> Result<Passkey> {
    let now_ms = app.clock.now_ms();
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    fields.finish()?;
    let tx = app.db.begin(Lane::People).await?;
    let row = store::own(&*tx, &caller.user.id, &id.to_string()).await?;
    let before = row.name.clone();
    let mut row: passkeys::ActiveModel = row.into();
    row.name = Set(name.clone());
    let row = row.update(&*tx).await?;
    Entry::word("account.passkey.update", "passkey", &row.id)
        .with(json!({"name": {"from": before, "to": name}}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(row.into())
}

/// Removes one.
/// # Errors
/// 404; 409 `last_way_in` for the only way in to an account without a password.
pub async fn delete(app: &App, caller: &Caller, id: PasskeyId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let user = person::service::named(&*tx, "user", caller.actor.user).await?;
    let row = store::own(&*tx, &user.id, &id.to_string()).await?;
    ways::another(&*tx, &user).await?;
    let gone = passkeys::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
    if gone.rows_affected == 0 {
        return Err(Error::not_found("passkey"));
    }
    Entry::word("account.passkey.delete", "passkey", &row.id)
        .with(json!({"name": row.name, "host": row.host}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// What the browser is to ask for. Nothing is kept of it.
/// # Errors
/// 409 where the panel was opened by an address.
pub fn offer_log_in(app: &App, peer: &Peer) -> Result<PasskeyOffer> {
    let relying = Relying::at(peer)?;
    let begin = relying.library.start_discoverable_authentication();
    let (challenge, state) = begin.map_err(Error::internal)?;
    let begun = Begun {
        host: relying.host,
        session: None,
        state,
    };
    Ok(PasskeyOffer {
        state: offer::make(app, LOG_IN, begun, app.clock.now_ms())?,
        options: relying::request(&challenge)?,
    })
}

/// Logs in. The device has asked for finger, face or PIN: no password and no code is wanted beside it.
/// # Errors
/// 401 `bad_passkey`; 403 `account_suspended`; 409, 422 for what fits no offer.
pub async fn log_in(app: &App, peer: &Peer, req: PasskeyLogin) -> Result<(SetCookie, User)> {
    let now_ms = app.clock.now_ms();
    let relying = Relying::at(peer)?;
    let begun = offer::open::<Begun<DiscoverableAuthentication>>(app, LOG_IN, &req.state, now_ms)
        .filter(|offer| offer.what.host == relying.host)
        .ok_or_else(late)?;
    let answer: PublicKeyCredential = relying::credential(req.credential)?;
    let unknown = || bad("no account has this passkey; it may have been removed");
    let (whose, credential) = relying
        .library
        .identify_discoverable_authentication(&answer)
        .map_err(|_| unknown())?;
    let credential = URL_SAFE_NO_PAD.encode(credential);
    let row = store::by_credential(app.db.read(), &relying.host, &credential)
        .await?
        .ok_or_else(unknown)?;
    let owner: UserId = row.user_id.parse().map_err(Error::internal)?;
    let user = users::Entity::find_by_id(&*row.user_id)
        .filter(users::Column::DeletedAtMs.is_null())
        .one(app.db.read())
        .await?
        .ok_or_else(unknown)?;
    let mut key = store::read(&row)?;
    // Each refusal is a row of the audit log, which is never deleted.
    let (attempts, network) = (&app.door.attempts, Network::of(peer.address));
    attempts.take(&user.username, network, true, now_ms)?;
    let result = relying.library.finish_discoverable_authentication_v2(
        &answer,
        begun.what.state.clone(),
        &key,
    );
    let result = match result {
        Ok(result) if whose == relying::handle(owner) => result,
        other => {
            let why = other
                .err()
                .map_or("another person's".to_owned(), |e| e.to_string());
            tracing::info!(user = %user.username, %why, "a passkey was refused");
            refused(app, peer, Some(&user), "passkey", now_ms).await?;
            return Err(bad(
                "this passkey was not accepted; try again, or log in with the password",
            ));
        }
    };
    attempts.undo(&user.username, network);
    auth::not_suspended(&user)?;
    key.update_credential(&result);
    let opening = Opening::of(app.db.read(), peer, &user, true, now_ms).await?;
    let used = || bad("this was used already; try again");
    let tx = app.db.begin(Lane::People).await?;
    if !begun.take(&*tx).await? || !store::used(&*tx, &row.id, &key, now_ms).await? {
        return Err(used());
    }
    let how = json!({"passkey": row.name});
    let opened = opening.keep(app, &*tx, Some(how), now_ms).await?;
    let opened = opened.ok_or_else(used)?;
    tx.commit().await?;
    Ok((opened.done(app), user.into()))
}
