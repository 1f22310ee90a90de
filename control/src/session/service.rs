//! Log-in: attempts counted before the password is looked at, the same time and words for every refusal.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::Expr,
};
use serde_json::{Value, json};
use warren_entity::{eggs, servers, sessions, users};
use warren_proto::ids::SessionId;

use super::{
    dto::{CurrentSession, LoginRequest, Panel, User},
    store,
};
use crate::{
    access::{Resource, Via, held, load, on_some_node},
    account::first_run,
    app::App,
    audit::Entry,
    auth::{self, Caller, Network, Peer, Scheme, SetCookie, secret},
    db::Lane,
    error::{Error, Result},
    mail::{self, Letter},
    profile, second_factor,
    text::tame,
};

fn bad_credentials() -> Error {
    Error::unauthenticated("bad_credentials", "the name or the password is wrong")
}

/// Logs in. Old session cookies of the browser end with it.
/// # Errors
/// 401 `bad_credentials`, `second_factor_needed`, `bad_code`; 403 `account_suspended`; 429 `too_many_attempts`.
pub async fn log_in(app: &App, peer: &Peer, req: LoginRequest) -> Result<(SetCookie, User)> {
    let network = Network::of(peer.address);
    let address = peer.address.to_string();
    let place = app.door.passwords.place()?;
    let user = store::user_by_login(app.db.read(), &req.login).await?;
    let known = match &user {
        Some(user) => store::known_address(app.db.read(), &user.id, &address).await?,
        None => false,
    };
    // Counted under the name that is in the database, or an attacker would have two names to try.
    let account = user.as_ref().map_or(&req.login, |u| &u.username);
    let now_ms = app.clock.now_ms();
    app.door.attempts.take(account, network, known, now_ms)?;
    let stored = user.as_ref().map(|u| u.password_hash.as_str());
    let fits = app.door.passwords.verify_at(place, &req.password, stored);
    let fits = fits.await;
    // Nobody looked at it: whoever is told to come again has not guessed.
    let fits = fits.inspect_err(|_| app.door.attempts.undo(account, network))?;
    let Some(user) = user.as_ref().filter(|_| fits) else {
        refused(app, peer, user.as_ref(), "password", now_ms).await?;
        return Err(bad_credentials());
    };
    auth::not_suspended(user)?;
    let user = modern(app, user, &req.password).await?;
    let step = match (user.second_factor, &req.code) {
        (false, _) => None,
        (true, None) => {
            // Asked for, not failed; but what was wrong before still counts, or codes could be guessed in between.
            app.door.attempts.undo(&user.username, network);
            return Err(Error::unauthenticated(
                "second_factor_needed",
                "send the code of the authenticator app along, or a recovery code",
            ));
        }
        (true, Some(code)) => {
            app.door.attempts.take_code(&user.username, now_ms)?;
            let tx = app.db.begin(Lane::People).await?;
            let passed = second_factor::pass(app, &*tx, &user.id, code, now_ms).await?;
            tx.commit().await?;
            let Some(passed) = passed else {
                refused(app, peer, Some(&user), "code", now_ms).await?;
                return Err(Error::unauthenticated(
                    "bad_code",
                    "this is not the code of this moment; each is good once",
                ));
            };
            app.door.attempts.right_code(&user.username);
            Some(passed)
        }
    };
    app.door.attempts.right(&user.username, network);
    let two_steps = step.is_some();
    let opening = Opening::of(app.db.read(), peer, &user, two_steps, now_ms).await?;
    let tx = app.db.begin(Lane::People).await?;
    let how = step.map(|step| json!({"second_factor": step.as_str()}));
    let opened = opening.keep(app, &*tx, how, now_ms).await?;
    let opened = opened.ok_or_else(bad_credentials)?;
    tx.commit().await?;
    Ok((opened.done(app), user.into()))
}

/// Notes a log-in that was refused. A name that nobody has is not written down: people type passwords there.
pub(crate) async fn refused(
    app: &App,
    peer: &Peer,
    user: Option<&users::Model>,
    wrong: &str,
    now_ms: i64,
) -> Result<()> {
    metrics::counter!("warren_logins_refused_total").increment(1);
    let tx = app.db.begin(Lane::People).await?;
    Entry::word("session.refused", "user", user.map_or("", |u| &u.id))
        .with(json!({"wrong": wrong}))
        .by_nobody(&*tx, peer, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// A hash that another panel made is replaced once its password was right.
pub(crate) async fn modern(app: &App, user: &users::Model, password: &str) -> Result<users::Model> {
    if !auth::password::is_foreign(&user.password_hash) {
        return Ok(user.clone());
    }
    let hash = app.door.passwords.hash(password).await?;
    let tx = app.db.begin(Lane::People).await?;
    let replaced = users::Entity::update_many()
        .col_expr(users::Column::PasswordHash, Expr::value(&*hash))
        .filter(users::Column::Id.eq(&*user.id))
        .filter(users::Column::PasswordHash.eq(&*user.password_hash))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    if replaced.rows_affected == 0 {
        return Err(bad_credentials());
    }
    Ok(users::Model {
        password_hash: hash,
        ..user.clone()
    })
}

/// A log-in that is about to begin.
pub(crate) struct Opening {
    id: SessionId,
    token: secret::Secret,
    two_steps: bool,
    caller: Caller,
}

impl Opening {
    /// For somebody who has proved who they are, in two steps or in one.
    /// # Errors
    /// Database; no system random source.
    pub(crate) async fn of(
        db: &impl ConnectionTrait,
        peer: &Peer,
        user: &users::Model,
        two_steps: bool,
        now_ms: i64,
    ) -> Result<Self> {
        let id = SessionId::new();
        Ok(Self {
            id,
            token: secret::session_token()?,
            two_steps,
            caller: Caller::of(db, user.clone(), Via::Session(id), peer.clone(), now_ms).await?,
        })
    }

    /// Writes it down. `how`: what the audit log says beside it. None for a user who was suspended, deleted or changed the
    /// password while their proof was being looked at: they do not get in.
    /// # Errors
    /// Database.
    pub(crate) async fn keep(
        self,
        app: &App,
        db: &impl ConnectionTrait,
        how: Option<Value>,
        now_ms: i64,
    ) -> Result<Option<Opened>> {
        let (user, peer) = (&self.caller.user, &self.caller.peer);
        let idle_ms = app.panel.now().session_ms();
        let news = news(app, db, user, peer).await?;
        let still = users::Entity::find_by_id(&*user.id)
            .filter(users::Column::PasswordHash.eq(&*user.password_hash))
            .filter(users::Column::SecondFactor.eq(user.second_factor))
            .filter(load::active())
            .lock_exclusive()
            .one(db)
            .await?;
        if still.is_none() {
            return Ok(None);
        }
        let id = self.id.to_string();
        let row = sessions::Model {
            id: id.clone(),
            user_id: user.id.clone(),
            token_hash: peer.scheme.hash(self.token.expose()),
            created_at_ms: now_ms,
            last_seen_at_ms: now_ms,
            expires_at_ms: now_ms + idle_ms,
            ended_at_ms: None,
            address: peer.address.to_string(),
            user_agent: tame(&peer.user_agent, 256),
            two_steps: self.two_steps,
        };
        store::add(db, row).await?;
        let mut entry = Entry::word("session.create", "session", &id);
        if let Some(how) = how {
            entry = entry.with(how);
        }
        entry.by(db, &self.caller, now_ms).await?;
        let cookie = SetCookie::new(peer.scheme, self.token.expose(), idle_ms / 1000)?;
        Ok(Some(Opened { cookie, news }))
    }
}

/// A log-in that was written down.
pub(crate) struct Opened {
    cookie: SetCookie,
    news: Option<(String, Letter)>,
}

impl Opened {
    /// To be called once it is committed: word of it goes to its owner where it is news to them.
    pub(crate) fn done(self, app: &App) -> SetCookie {
        if let Some((to, letter)) = self.news {
            // They are in, whether or not there is room for word of it.
            drop(app.mail.post(to, letter));
        }
        self.cookie
    }
}

/// Word of a log-in from an address and with a browser that were never seen with this account. The very first is none.
async fn news(
    app: &App,
    db: &impl ConnectionTrait,
    user: &users::Model,
    peer: &Peer,
) -> Result<Option<(String, Letter)>> {
    if !app.mail.is_on() || !profile::choices(db, &user.id).await?.0.log_in {
        return Ok(None);
    }
    let address = peer.address.to_string();
    let browser = tame(&peer.user_agent, 256);
    if !store::has_logged_in(db, &user.id).await?
        || store::known_address(db, &user.id, &address).await?
        || store::known_browser(db, &user.id, &browser).await?
    {
        return Ok(None);
    }
    let url = first_run::url(app);
    let link = format!("{}/account", url.trim_end_matches('/'));
    let letter = mail::to(app, db, user).await?;
    let letter = letter.logged_in(&address, &browser, &link);
    Ok(Some((user.email.clone(), letter)))
}

/// Who is logged in, and facts about the panel.
/// # Errors
/// Database.
pub async fn current(app: &App, peer: &Peer, caller: &Caller) -> Result<CurrentSession> {
    let db = app.db.read();
    let eggs = eggs::Entity::find()
        .filter(eggs::Column::DeletedAtMs.is_null())
        .count(db)
        .await?;
    let any_server = eggs > 0
        || servers::Entity::find()
            .filter(servers::Column::DeletedAtMs.is_null())
            .one(db)
            .await?
            .is_some();
    let keys = held(&caller.actor, Resource::Panel);
    let settings = app.panel.now();
    Ok(CurrentSession {
        profile: profile::service::get(app, caller).await?,
        viewing: caller.viewing,
        user: caller.user.clone().into(),
        permissions: keys.names(),
        permissions_on_nodes: on_some_node(&caller.actor).names(),
        second_factor_wanted_by: second_factor::service::wanted(app, caller).await?,
        panel: Panel {
            name: settings.name.clone(),
            accent: settings.accent.clone(),
            language: settings.language,
            version: env!("CARGO_PKG_VERSION").into(),
            plain_http: peer.scheme == Scheme::Http,
            mail: app.mail.is_on(),
            invites_by_sharing: app.mail.is_on() && settings.invite_by_sharing,
            first_run: !any_server,
        },
    })
}

/// Logs out. With an API key there is nothing to log out of.
/// # Errors
/// 403 with an API key.
pub async fn log_out(app: &App, peer: &Peer, caller: &Caller) -> Result<SetCookie> {
    let id = caller.by_session()?.to_string();
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    if store::end(&*tx, &caller.user.id, &id, now_ms).await? {
        Entry::word("session.delete", "session", &id)
            .by_gone(&*tx, caller, now_ms)
            .await?;
    }
    tx.commit().await?;
    app.nudges.revoked();
    SetCookie::clear(peer.scheme)
}
