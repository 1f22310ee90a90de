//! Sets up, renews and ends the second step.

use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QuerySelect, RelationDef,
};
use serde_json::json;
use warren_entity::{grants, recovery_codes, roles};
use warren_proto::ids::UserId;

use super::{
    code,
    dto::{
        RecoveryCodes, SecondFactor, SecondFactorBegin, SecondFactorConfirm, SecondFactorOffer,
        SecondFactorProof, WantedBy,
    },
    store,
};
use crate::{
    access::load::unexpired,
    account::service::check_password,
    app::App,
    audit::{Entry, still},
    auth::{Caller, Network, password::NO_PASSWORD, secret},
    db::Lane,
    error::{Error, Result},
    gate::{self, Ended},
    http::Stamp,
    person,
    session::store::{end_all, end_others},
};

/// As apps list it.
const ISSUER: &str = "Warren";

fn wrong_code() -> Error {
    Error::field(
        "code",
        "wrong",
        "is not the code of this moment; each is good once",
    )
}

fn none() -> Error {
    Error::conflict("second_factor_off", "no authenticator app is set up")
}

/// Who wants a second step of somebody whose log-ins take none. The panel is content with a log-in that took two by itself.
/// # Errors
/// Database.
pub async fn wanted(app: &App, caller: &Caller) -> Result<Option<WantedBy>> {
    let user = &caller.user;
    if user.second_factor {
        return Ok(None);
    }
    if !caller.two_steps && app.panel.now().second_factor_of.wants(user.admin) {
        return Ok(Some(WantedBy::Panel));
    }
    if !user.granted || user.admin {
        return Ok(None);
    }
    let role = grants::Entity::belongs_to(roles::Entity)
        .from(grants::Column::RoleId)
        .to(roles::Column::Id);
    let such = grants::Entity::find()
        .join(JoinType::InnerJoin, RelationDef::from(role))
        .filter(grants::Column::UserId.eq(&*user.id))
        .filter(unexpired(grants::Column::ExpiresAtMs, app.clock.now_ms()))
        .filter(roles::Column::SecondFactor.eq(true))
        .one(app.db.read())
        .await?;
    Ok(such.map(|_| WantedBy::Role))
}

/// How it stands.
/// # Errors
/// Database; a secret that was sealed under another key.
pub async fn get(app: &App, caller: &Caller) -> Result<SecondFactor> {
    let db = app.db.read();
    let user = &caller.user;
    let row = store::find(app, db, &user.id).await?;
    let left = recovery_codes::Entity::find()
        .filter(recovery_codes::Column::UserId.eq(&*user.id))
        .count(db)
        .await?;
    Ok(SecondFactor {
        on: user.second_factor,
        since: row.and_then(|(row, _)| row.confirmed_at_ms).map(Stamp),
        recovery_codes: left,
        wanted_by: wanted(app, caller).await?,
    })
}

/// Makes a secret that counts once an app has confirmed it.
/// # Errors
/// 409 when there is one already, 422 for a wrong password, 429 after too many.
pub async fn begin(
    app: &App,
    caller: &Caller,
    req: &SecondFactorBegin,
) -> Result<SecondFactorOffer> {
    let now_ms = app.clock.now_ms();
    let user = &caller.user;
    if user.password_hash == NO_PASSWORD {
        // A provider that asks for one step would let them in no more, and nothing else could.
        let text = "an authenticator app goes with a password; set one first";
        return Err(Error::conflict("password_needed", text));
    }
    check_password(app, caller, &req.current_password, now_ms).await?;
    let mut made = vec![0; code::SECRET_BYTES];
    secret::fill(&mut made)?;
    let (uri, text) = code::shown(&made, ISSUER, &user.username)?;
    let tx = app.db.begin(Lane::People).await?;
    let now = person::service::named(&*tx, "user", caller.actor.user).await?;
    if now.second_factor {
        let text = "an authenticator app is set up already; end that one first";
        return Err(Error::conflict("second_factor_on", text));
    }
    store::offer(app, &*tx, &user.id, &made, now_ms).await?;
    tx.commit().await?;
    Ok(SecondFactorOffer { uri, secret: text })
}

/// Counts from now on. Whoever else is logged in has to log in again, with a code.
/// # Errors
/// 409 when none was begun, 422 for a wrong code, 429 after too many.
pub async fn confirm(
    app: &App,
    caller: &Caller,
    req: &SecondFactorConfirm,
) -> Result<RecoveryCodes> {
    let now_ms = app.clock.now_ms();
    let user = &caller.user;
    let network = Network::of(caller.peer.address);
    let attempts = &app.door.attempts;
    attempts.take(&user.username, network, true, now_ms)?;
    let this = caller.by_session()?.to_string();
    let tx = app.db.begin(Lane::People).await?;
    still(&*tx, caller, now_ms).await?;
    let now = person::service::named(&*tx, "user", caller.actor.user).await?;
    if now.second_factor || store::find(app, &*tx, &user.id).await?.is_none() {
        attempts.undo(&user.username, network);
        return Err(Error::conflict(
            "second_factor_not_begun",
            "begin with POST /api/v1/account/second-factor",
        ));
    }
    let passed = store::pass(app, &*tx, &user.id, &req.code, now_ms).await?;
    if passed != Some(store::Passed::App) {
        return Err(wrong_code());
    }
    attempts.undo(&user.username, network);
    store::switch(&*tx, &user.id, true, now_ms).await?;
    let codes = store::new_codes(&*tx, &user.id).await?;
    end_others(&*tx, &user.id, &this, now_ms).await?;
    Entry::word("account.second_factor", "user", &user.id)
        .with(json!({"on": {"from": false, "to": true}}))
        .by_gone(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(RecoveryCodes { codes })
}

/// Password and code of somebody whose log-ins take both.
async fn prove(
    app: &App,
    caller: &Caller,
    req: &SecondFactorProof,
    now_ms: i64,
) -> Result<store::Passed> {
    if !caller.user.second_factor {
        return Err(none());
    }
    check_password(app, caller, &req.current_password, now_ms).await?;
    let (user, network) = (&caller.user, Network::of(caller.peer.address));
    let attempts = &app.door.attempts;
    attempts.take(&user.username, network, true, now_ms)?;
    attempts.take_code(&user.username, now_ms)?;
    let tx = app.db.begin(Lane::People).await?;
    let passed = store::pass(app, &*tx, &user.id, &req.code, now_ms).await?;
    tx.commit().await?;
    let passed = passed.ok_or_else(wrong_code)?;
    attempts.right_code(&user.username);
    attempts.right(&user.username, network);
    Ok(passed)
}

/// New recovery codes.
/// # Errors
/// 409 when it is off, 422 for what is wrong, 429 after too many.
pub async fn renew(app: &App, caller: &Caller, req: &SecondFactorProof) -> Result<RecoveryCodes> {
    let now_ms = app.clock.now_ms();
    prove(app, caller, req, now_ms).await?;
    let user = &caller.user;
    let tx = app.db.begin(Lane::People).await?;
    let now = person::service::named(&*tx, "user", caller.actor.user).await?;
    if !now.second_factor {
        return Err(none());
    }
    let codes = store::new_codes(&*tx, &user.id).await?;
    Entry::word("account.recovery_codes", "user", &user.id)
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(RecoveryCodes { codes })
}

/// No second step any more. Where the panel wants one, nothing else works until the next app is set up.
/// # Errors
/// 409 when it is off, 422 for what is wrong, 429 after too many.
pub async fn end(app: &App, caller: &Caller, req: &SecondFactorProof) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let by = prove(app, caller, req, now_ms).await?;
    let user = &caller.user;
    let tx = app.db.begin(Lane::People).await?;
    still(&*tx, caller, now_ms).await?;
    person::service::named(&*tx, "user", caller.actor.user).await?;
    store::switch(&*tx, &user.id, false, now_ms).await?;
    Entry::word("account.second_factor", "user", &user.id)
        .with(json!({"on": {"from": true, "to": false}, "by": by.as_str()}))
        .by_gone(&*tx, caller, now_ms)
        .await?;
    // Tickets hold rights of roles that count no longer.
    gate::end_people(&*tx, vec![user.id.clone()], now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(())
}

/// Takes it from somebody else. They are logged out: the next log-in takes the password alone.
/// # Errors
/// 403 for one that has more than the caller, 404, 409 when it is off.
pub async fn remove(app: &App, caller: &Caller, id: UserId) -> Result<()> {
    person::service::not_own(caller, id)?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = person::service::locked(app, &*tx, caller, id).await?;
    if !row.second_factor {
        return Err(none());
    }
    store::switch(&*tx, &row.id, false, now_ms).await?;
    end_all(&*tx, &row.id, now_ms).await?;
    Entry::word("person.second_factor", "user", &row.id)
        .with(json!({"on": {"from": true, "to": false}}))
        .by(&*tx, caller, now_ms)
        .await?;
    gate::end(&*tx, Ended::User(id), now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(())
}
