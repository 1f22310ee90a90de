//! Log-in. Refusals sound the same until somebody has proved who they are; from then on they say what is wrong.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, SqlErr, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{api_keys, servers, sessions, sftp_logins, ssh_keys, users};
use warren_proto::{
    bus::ticket::{self, MAX_LIFE_S, Scope, Ticket},
    ids::{ServerId, SessionId},
    wire,
};

use super::{proof, store};
use crate::{
    access::{
        Decision, Key, KeySet, Resource, Via, decide, held,
        load::{self, ServerKey},
    },
    app::{App, Ground},
    audit::Entry,
    auth::{self, Caller, Network, Peer, Scheme, secret},
    db::Lane,
    error::{Error, Result},
    gate::{self, holders},
    server::upload,
    session::{service as web, store as sessions_of},
    text::tame,
};

/// A log-in lasts so long without its gateway asking for another ticket.
const KEEP_MS: i64 = 15 * 60_000;
/// Characters of the short form of a server's id: its last ones, which are random.
pub const SHORT: usize = 8;
/// What a ticket can hold of all rights.
const FILES: [Key; 6] = [
    Key::FileSftp,
    Key::FileRead,
    Key::FileReadContent,
    Key::FileCreate,
    Key::FileUpdate,
    Key::FileDelete,
];

fn bad() -> Error {
    Error::unauthenticated(
        "bad_credentials",
        "the name, the password or the key is wrong",
    )
}

/// Name and server of a log-in name: `ann.01k…`, split at the last dot, for names and addresses have dots themselves.
fn split(login: &str) -> Result<(&str, &str)> {
    let (name, server) = login.rsplit_once('.').ok_or_else(bad)?;
    let fits = !name.is_empty() && server.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then_some((name, server)).ok_or_else(bad)
}

/// What proved it, once it did.
struct Proved {
    caller: Caller,
    /// For the audit row: `password`, `ssh_key`, `api_key`.
    by: &'static str,
    ssh_key: Option<ssh_keys::Model>,
    api_key: Option<String>,
    /// Unique: the same proof opens no second log-in.
    token_hash: String,
    /// An API key's own end.
    ends_ms: Option<i64>,
}

/// `gate.ask.login` with an offer: whether such a key would do.
/// # Errors
/// 401.
pub async fn offered(app: &App, ask: &wire::Login, key: &wire::SshKey) -> Result<()> {
    let (name, _) = split(&ask.login)?;
    let user = sessions_of::user_by_login(app.db.read(), name).await?;
    let user = user.ok_or_else(bad)?;
    key_of(app.db.read(), &user.id, &key.blob).await.map(drop)
}

/// `gate.ask.login`: a ticket for the files of one server.
/// # Errors
/// Why not; stable codes.
pub async fn log_in(app: &App, ask: &wire::Login) -> Result<wire::LoggedIn> {
    let peer = peer_of(ask)?;
    let (name, server) = split(&ask.login)?;
    let user = sessions_of::user_by_login(app.db.read(), name).await?;
    let proved = match &ask.proof {
        Some(wire::login::Proof::Password(text)) if secret::looks_like_api_key(text) => {
            by_api_key(app, &peer, user, text).await?
        }
        Some(wire::login::Proof::Password(text)) => {
            by_password(app, &peer, user, name, text).await?
        }
        Some(wire::login::Proof::Key(key)) => by_ssh_key(app, &peer, user, &ask.login, key).await?,
        Some(wire::login::Proof::Offer(_)) | None => return Err(bad()),
    };
    open(app, proved, server).await
}

fn peer_of(ask: &wire::Login) -> Result<Peer> {
    let address: IpAddr = ask.address.parse().map_err(|_| bad())?;
    Ok(Peer {
        address: address.to_canonical(),
        scheme: Scheme::Https,
        host: String::new(),
        user_agent: format!("SFTP: {}", tame(&ask.client, 200)),
        local: false,
    })
}

async fn by_password(
    app: &App,
    peer: &Peer,
    user: Option<users::Model>,
    name: &str,
    password: &str,
) -> Result<Proved> {
    let now_ms = app.clock.now_ms();
    let network = Network::of(peer.address);
    let known = match &user {
        Some(user) => {
            let address = peer.address.to_string();
            sessions_of::known_address(app.db.read(), &user.id, &address).await?
        }
        None => false,
    };
    let account = user.as_ref().map_or(name, |u| &u.username);
    app.door.attempts.take(account, network, known, now_ms)?;
    let stored = user.as_ref().map(|u| u.password_hash.as_str());
    let fits = app.door.passwords.verify(password, stored).await;
    let fits = fits.inspect_err(|_| app.door.attempts.undo(account, network))?;
    let Some(user) = user.as_ref().filter(|_| fits) else {
        web::refused(app, peer, user.as_ref(), "password", now_ms).await?;
        return Err(bad());
    };
    auth::not_suspended(user)?;
    let two_steps = user.second_factor || app.panel.now().second_factor_of.wants(user.admin);
    if two_steps {
        app.door.attempts.undo(&user.username, network);
        web::refused(app, peer, Some(user), "second_factor", now_ms).await?;
        return Err(Error::unauthenticated(
            "second_factor_needed",
            "this account's log-in takes a second step, which SFTP can't ask for: log in with an SSH key, or with an API key \
             in place of the password; both are made in the panel under Account",
        ));
    }
    changed_first(user)?;
    let user = web::modern(app, user, password).await?;
    app.door.attempts.right(&user.username, network);
    let via = Via::Session(SessionId::new());
    Ok(Proved {
        caller: Caller::of(app.db.read(), user, via, peer.clone(), now_ms).await?,
        by: "password",
        ssh_key: None,
        api_key: None,
        token_hash: format!("sftp:{}", secret::hash(secret::session_token()?.expose())),
        ends_ms: None,
    })
}

fn changed_first(user: &users::Model) -> Result<()> {
    if !user.must_change_password {
        return Ok(());
    }
    let text =
        "log in to the panel with a browser and change the first password before anything else";
    Err(Error::forbidden("password_change_required", text))
}

async fn by_api_key(
    app: &App,
    peer: &Peer,
    user: Option<users::Model>,
    text: &str,
) -> Result<Proved> {
    let now_ms = app.clock.now_ms();
    let network = Network::of(peer.address);
    let named = user.as_ref().map_or("", |u| &u.username);
    app.door.attempts.take(named, network, false, now_ms)?;
    let caller = match auth::by_key(app, text, peer.clone()).await {
        // A key of somebody else's opens nothing under this name.
        Ok(caller) if user.as_ref().is_some_and(|u| u.id == caller.user.id) => caller,
        Ok(_) | Err(Error::Unauthenticated { .. }) => {
            web::refused(app, peer, user.as_ref(), "api_key", now_ms).await?;
            return Err(bad());
        }
        Err(error) => {
            app.door.attempts.undo(named, network);
            return Err(error);
        }
    };
    app.door.attempts.right(named, network);
    auth::not_suspended(&caller.user)?;
    let id = caller.session_text();
    let row = api_keys::Entity::find_by_id(&*id)
        .one(app.db.read())
        .await?;
    let row = row.ok_or_else(bad)?;
    Ok(Proved {
        caller,
        by: "api_key",
        ssh_key: None,
        api_key: Some(id),
        token_hash: format!("sftp:{}", secret::hash(secret::session_token()?.expose())),
        ends_ms: row.expires_at_ms,
    })
}

async fn by_ssh_key(
    app: &App,
    peer: &Peer,
    user: Option<users::Model>,
    login: &str,
    key: &wire::SshProof,
) -> Result<Proved> {
    let now_ms = app.clock.now_ms();
    let blob = key.key.as_ref().map(|k| k.blob.clone()).unwrap_or_default();
    let user = user.ok_or_else(bad)?;
    let row = key_of(app.db.read(), &user.id, &blob).await?;
    if proof::verify(login, key).is_err() {
        web::refused(app, peer, Some(&user), "ssh_key", now_ms).await?;
        return Err(bad());
    }
    auth::not_suspended(&user)?;
    changed_first(&user)?;
    let via = Via::Session(SessionId::new());
    Ok(Proved {
        caller: Caller::of(app.db.read(), user, via, peer.clone(), now_ms).await?,
        by: "ssh_key",
        ssh_key: Some(row),
        api_key: None,
        // What was signed is of one connection: whoever has seen it can't show it again.
        token_hash: format!("ssh:{}", secret::hash(&hex::encode(&key.session))),
        ends_ms: None,
    })
}

/// Somebody's key with exactly these bytes.
async fn key_of(db: &impl ConnectionTrait, user: &str, blob: &[u8]) -> Result<ssh_keys::Model> {
    let text = STANDARD.encode(blob);
    let rows = ssh_keys::Entity::find()
        .filter(ssh_keys::Column::UserId.eq(user))
        .all(db)
        .await?;
    let same = |row: &ssh_keys::Model| row.public_key.split_whitespace().nth(1) == Some(&*text);
    rows.into_iter().find(same).ok_or_else(bad)
}

struct Found {
    id: ServerId,
    resource: Resource,
    row: servers::Model,
}

/// The server that a log-in name means, of those that its user may reach by SFTP.
async fn find(app: &App, caller: &Caller, text: &str) -> Result<Found> {
    let hidden = || Error::not_found("a server with that id, on which you may use SFTP, was");
    let text = text.to_ascii_lowercase();
    let which = match text.parse::<ServerId>() {
        Ok(id) => servers::Column::Id.eq(id.to_string()),
        Err(_) if text.len() == SHORT => servers::Column::Id.ends_with(&text),
        Err(_) => return Err(hidden()),
    };
    let keys: Vec<ServerKey> = load::servers_for(&caller.actor, app.clock.now_ms())
        .filter(which)
        .filter(servers::Column::DeletedAtMs.is_null())
        .limit(16)
        .into_model()
        .all(app.db.read())
        .await?;
    let mut found = Vec::new();
    let mut denied = false;
    for key in keys {
        let resource = key.resource()?;
        match decide(&caller.actor, Key::FileSftp, resource) {
            Decision::Allow => found.push((key, resource)),
            Decision::Deny => denied = true,
            Decision::Hide => {}
        }
    }
    if found.len() > 1 {
        let text =
            "several of your servers end with these characters: use the whole id of the server";
        return Err(Error::conflict("ambiguous_server", text));
    }
    let Some((key, resource)) = found.pop() else {
        return Err(match denied {
            true => Error::forbidden(
                "forbidden",
                format!("this needs the permission {} on that server", Key::FileSftp),
            ),
            false => hidden(),
        });
    };
    let row = servers::Entity::find_by_id(&*key.id)
        .one(app.db.read())
        .await?
        .ok_or_else(hidden)?;
    let id = key.id.parse().map_err(Error::internal)?;
    Ok(Found { id, resource, row })
}

async fn open(app: &App, proved: Proved, server: &str) -> Result<wire::LoggedIn> {
    let now_ms = app.clock.now_ms();
    let caller = &proved.caller;
    let Found { id, resource, row } = find(app, caller, server).await?;
    if row.suspended {
        return Err(Error::suspended());
    }
    let session = match caller.actor.via {
        Via::Session(id) => id,
        Via::ApiKey(_) => SessionId::new(),
    };
    let rights = held(&caller.actor, resource) & FILES.into_iter().collect::<KeySet>();
    let iat = app.clock.now_s();
    let ends_ms = load::ends_ms(app.db.read(), &caller.actor, now_ms).await?;
    let ends_ms = ends_ms.into_iter().chain(proved.ends_ms).min();
    let claims = Ticket {
        user: caller.actor.user,
        session,
        scope: Scope::Server {
            server: id,
            node: row.node_id.parse().map_err(Error::internal)?,
        },
        rights: rights.names(),
        upload_bytes: upload::of(app, &row.limits),
        iat,
        exp: gate::ends_before(iat + MAX_LIFE_S, ends_ms),
    };
    keep(app, &proved, session, &row, now_ms).await?;
    holders::note(app, &claims).await.map_err(|e| match e {
        gate::Error::Database(error) => error.into(),
        _ => bad(),
    })?;
    let ticket = ticket::sign(&app.keys.ticket, &claims)
        .map_err(|e| Error::Internal(anyhow::anyhow!("ticket: {e}")))?;
    Ok(wire::LoggedIn {
        ticket,
        name: row.name,
    })
}

/// Writes the log-in down, if they are still who they were when they proved it.
async fn keep(
    app: &App,
    proved: &Proved,
    session: SessionId,
    server: &servers::Model,
    now_ms: i64,
) -> Result<()> {
    let (caller, user) = (&proved.caller, &proved.caller.user);
    let id = session.to_string();
    let tx = app.db.begin(Lane::People).await?;
    let still = users::Entity::find_by_id(&*user.id)
        .filter(users::Column::PasswordHash.eq(&*user.password_hash))
        .filter(users::Column::SecondFactor.eq(user.second_factor))
        .filter(load::active())
        .lock_exclusive()
        .one(&*tx)
        .await?;
    if still.is_none() {
        return Err(bad());
    }
    if let Some(key) = &proved.ssh_key {
        let used = ssh_keys::Entity::update_many()
            .col_expr(ssh_keys::Column::LastUsedAtMs, Expr::value(now_ms))
            .filter(ssh_keys::Column::Id.eq(&*key.id))
            .exec(&*tx)
            .await?;
        if used.rows_affected == 0 {
            return Err(bad());
        }
    }
    let row = sessions::Model {
        id: id.clone(),
        user_id: user.id.clone(),
        token_hash: proved.token_hash.clone(),
        created_at_ms: now_ms,
        last_seen_at_ms: now_ms,
        expires_at_ms: now_ms + KEEP_MS,
        ended_at_ms: None,
        address: caller.peer.address.to_string(),
        user_agent: caller.peer.user_agent.clone(),
        // A key was made by somebody who had passed both, and is none that can be guessed.
        two_steps: proved.by != "password",
    };
    let added = sessions_of::add(&*tx, row).await;
    added.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => bad(),
        _ => error.into(),
    })?;
    let login = sftp_logins::Model {
        session_id: id.clone(),
        server_id: server.id.clone(),
        ssh_key_id: proved.ssh_key.as_ref().map(|key| key.id.clone()),
        api_key_id: proved.api_key.clone(),
        created_at_ms: now_ms,
    };
    store::add(&*tx, login).await?;
    let mut how = json!({"door": "sftp", "by": proved.by});
    if let Some(key) = &proved.ssh_key {
        how["ssh_key"] = json!({"id": key.id, "name": key.name, "fingerprint": key.fingerprint});
    }
    Entry::word("session.create", "session", &id)
        .on(server.id.parse().map_err(Error::internal)?)
        .with(how)
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// What a renewed ticket of such a log-in needs besides rights: its server, its keys. None: it is another door's ticket.
/// # Errors
/// [`gate::Error::Ended`] when they are no more; database.
pub async fn still(
    ground: &Ground,
    session: SessionId,
    server: ServerId,
) -> std::result::Result<Option<Still>, gate::Error> {
    let db = ground.db.read();
    let id = session.to_string();
    let Some(login) = store::of(db, &id).await? else {
        return Ok(None);
    };
    let row = servers::Entity::find_by_id(&*login.server_id)
        .filter(servers::Column::DeletedAtMs.is_null())
        .one(db)
        .await?;
    if login.server_id != server.to_string() || row.is_none_or(|row| row.suspended) {
        return Err(gate::Error::Ended);
    }
    if let Some(key) = &login.ssh_key_id
        && ssh_keys::Entity::find_by_id(&**key)
            .one(db)
            .await?
            .is_none()
    {
        return Err(gate::Error::Ended);
    }
    let now_ms = ground.clock.now_ms();
    let mut ends_ms = None;
    if let Some(key) = &login.api_key_id {
        let key = api_keys::Entity::find_by_id(&**key)
            .filter(api_keys::Column::RevokedAtMs.is_null())
            .filter(load::unexpired(api_keys::Column::ExpiresAtMs, now_ms))
            .one(db)
            .await?;
        ends_ms = key.ok_or(gate::Error::Ended)?.expires_at_ms;
    }
    let tx = ground.db.begin(Lane::Machines).await?;
    sessions_of::seen(&*tx, &id, now_ms, KEEP_MS).await?;
    tx.commit().await?;
    Ok(Some(Still { ends_ms }))
}

/// See [`still`].
#[derive(Debug, Clone, Copy)]
pub struct Still {
    /// No ticket may be good for longer.
    pub ends_ms: Option<i64>,
}

/// `gate.ask.logout`: the connection is gone, so the log-in is over. Its ticket lives on for minutes, and nobody is told.
/// # Errors
/// A ticket that is none.
pub async fn log_out(ground: &Ground, ask: &wire::Logout) -> std::result::Result<(), gate::Error> {
    let ticket = gate::check(ground, &ask.ticket).await?;
    let id = ticket.session.to_string();
    if store::of(ground.db.read(), &id).await?.is_none() {
        return Ok(());
    }
    let tx = ground.db.begin(Lane::Machines).await?;
    sessions::Entity::update_many()
        .col_expr(
            sessions::Column::EndedAtMs,
            Expr::value(ground.clock.now_ms()),
        )
        .filter(sessions::Column::Id.eq(id))
        .filter(sessions::Column::EndedAtMs.is_null())
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_dot_parts_a_name_from_its_server() {
        assert_eq!(split("ann.01kabc").unwrap(), ("ann", "01kabc"));
        let mail = split("ann.b@mail.example.01kabc").unwrap();
        assert_eq!(mail, ("ann.b@mail.example", "01kabc"));
        for none in ["ann", ".01kabc", "ann.a%b", "ann.a_b", "", "."] {
            assert!(
                split(none).is_err() || split(none).unwrap().1.is_empty(),
                "{none}"
            );
        }
    }
}
