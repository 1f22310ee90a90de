//! What gateways ask, and what they are told: keys, tickets, sessions, history; revocations and the tick.

pub mod holders;

use std::time::Duration;

use prost::Message;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use warren_entity::{api_keys, nodes, revocations, servers, sessions, users};
use warren_proto::{
    bus::{
        keyring::{Keyring, Use},
        ticket::{self, MAX_LIFE_S, Mine, Scope, Ticket},
    },
    envelope,
    ids::{NodeId, ServerId, SessionId, UserId},
    subjects::{self, down, gate},
    wire,
};

use crate::{
    access::{
        Actor, Key, Resource, Via,
        load::{self, ServerKey},
        may, sees_everything,
    },
    app::{App, Ground},
    console::history,
    node::command,
    server::upload,
    sftp,
    text::to_u64,
    wanted,
};

const COUNTER: &str = "revocations";
const TICK: Duration = Duration::from_secs(1);
/// Ids of one question at most.
const MOST: usize = 10_000;

/// Whose tickets end.
#[derive(Debug, Clone, Copy)]
pub enum Ended {
    /// One log-in or API key.
    Session(SessionId),
    /// All of a person's.
    User(UserId),
}

/// Ends tickets: raises the counter that gateways follow, in the transaction that takes the right away. Call
/// [`crate::nudge::Nudges::revoked`] after the commit.
/// # Errors
/// Database.
pub async fn end(db: &impl ConnectionTrait, ended: Ended, now_ms: i64) -> Result<i64, DbErr> {
    let counter = wanted::count(db, COUNTER, 1).await?;
    let (kind, id) = match ended {
        Ended::Session(id) => ("session", id.to_string()),
        Ended::User(id) => ("user", id.to_string()),
    };
    let row = revocations::ActiveModel {
        counter: Set(counter),
        kind: Set(kind.into()),
        subject_id: Set(id),
        at_ms: Set(now_ms),
    };
    revocations::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(counter)
}

/// Ends the tickets of these people; their next ones hold what they have then. Everything else of a transaction comes before it: whoever locks the counter
/// locks nothing more.
/// # Errors
/// Database.
pub async fn end_people(
    db: &impl ConnectionTrait,
    people: impl IntoIterator<Item = String>,
    now_ms: i64,
) -> Result<(), DbErr> {
    let people: Vec<String> = people.into_iter().collect();
    let count = i64::try_from(people.len()).unwrap_or(i64::MAX);
    if count == 0 {
        return Ok(());
    }
    let last = wanted::count(db, COUNTER, count).await?;
    let rows = (last - count + 1..=last).zip(people);
    let rows: Vec<_> = rows
        .map(|(counter, user)| revocations::ActiveModel {
            counter: Set(counter),
            kind: Set("user".into()),
            subject_id: Set(user),
            at_ms: Set(now_ms),
        })
        .collect();
    for some in rows.chunks(1000) {
        revocations::Entity::insert_many(some.to_vec())
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// Why a gateway was told no. Codes are stable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ticket itself.
    #[error("{0}")]
    Ticket(ticket::Refused),
    /// Its session or right has ended.
    #[error("the session has ended")]
    Ended,
    /// Its server is gone or has moved to another node.
    #[error("the server is not there any more")]
    Gone,
    /// Too many ids.
    #[error("too many at once")]
    TooMany,
    /// Nobody is let in by SFTP, and why.
    #[error("{0}")]
    Login(crate::error::Error),
    /// Database.
    #[error("gate: {0}")]
    Database(#[from] DbErr),
}

impl Error {
    /// The wire form.
    #[must_use]
    pub fn failure(&self) -> wire::Failure {
        let (code, retryable) = match self {
            Self::Login(error) => return login_failure(error),
            Self::Ticket(refused) => (refused.code(), false),
            Self::Ended => ("session_ended", false),
            Self::Gone => ("gone", false),
            Self::TooMany => ("too_many", false),
            Self::Database(_) => ("database", true),
        };
        wire::Failure {
            code: code.into(),
            message: match self {
                Self::Database(_) => "control's database did not answer; try again".into(),
                other => other.to_string(),
            },
            retryable,
        }
    }
}

fn login_failure(error: &crate::error::Error) -> wire::Failure {
    use crate::error::Error as E;
    let (code, retryable) = match error {
        E::Unauthenticated { code, .. }
        | E::Forbidden { code, .. }
        | E::Conflict { code, .. }
        | E::Refused { code, .. } => (*code, false),
        E::TooMany { code, .. } | E::Unavailable { code, .. } => (*code, true),
        E::NotFound { .. } => ("not_found", false),
        E::Internal(_) => ("internal", true),
        _ => ("refused", false),
    };
    let message = match error {
        E::Internal(_) => "the panel could not look at it; try again".into(),
        other => other.to_string(),
    };
    wire::Failure {
        code: code.into(),
        message,
        retryable,
    }
}

/// `gate.ask.keys`.
/// # Errors
/// Database.
pub async fn keys(ground: &Ground) -> Result<wire::Keys, Error> {
    Ok(wire::Keys {
        keys: vec![ground.keys.ticket.announce(Use::Ticket)],
        revocation_counter: to_u64(wanted::counted(ground.db.read(), COUNTER).await?),
    })
}

/// Reads a ticket that this control signed and whose session is still good.
/// # Errors
/// [`Error::Ticket`], [`Error::Ended`].
pub async fn check(ground: &Ground, text: &str) -> Result<Ticket, Error> {
    let keys = Keyring::of(&[ground.keys.ticket.announce(Use::Ticket)])
        .map_err(|_| Error::Ticket(ticket::Refused::UnknownKey))?;
    let ticket = ticket::verify(&keys, text, ground.clock.now_ms()).map_err(Error::Ticket)?;
    let ended = ended_among(ground, &[ticket.session.to_string()]).await?;
    if !ended.is_empty() {
        return Err(Error::Ended);
    }
    Ok(ticket)
}

/// `gate.ask.renew`: the same ticket, later, with at most the rights that its owner has now.
/// # Errors
/// [`Error`].
pub async fn renew(ground: &Ground, ask: &wire::TicketRenew) -> Result<wire::TicketRenewed, Error> {
    let mut ticket = check(ground, &ask.ticket).await?;
    let user = users::Entity::find_by_id(ticket.user.to_string())
        .filter(load::active())
        .one(ground.db.read())
        .await?
        .ok_or(Error::Ended)?;
    // A key's own id stands for a session; those go on, as for the API.
    let session = sessions::Entity::find_by_id(ticket.session.to_string())
        .one(ground.db.read())
        .await?;
    let wanted = ground.panel.now().second_factor_of.wants(user.admin);
    if wanted && !user.second_factor && session.is_some_and(|session| !session.two_steps) {
        return Err(Error::Ended);
    }
    let now_ms = ground.clock.now_ms();
    let actor = load::actor(
        ground.db.read(),
        &user,
        Via::Session(ticket.session),
        now_ms,
    )
    .await?;
    let mut by_sftp = None;
    match &mut ticket.scope {
        Scope::Server { server, node } => {
            let resource = resource_of(ground, &actor, *server, *node).await?;
            by_sftp = sftp::still(ground, ticket.session, *server).await?;
            // Never more than it had, never more than its owner has now.
            ticket
                .rights
                .retain(|right| right.parse().is_ok_and(|key| may(&actor, key, resource)));
            ticket.upload_bytes = upload::of_server(ground, &server.to_string()).await?;
            let sftp = Key::FileSftp.as_str();
            let shut = by_sftp.is_some() && !ticket.rights.iter().any(|right| right == sftp);
            if shut || ticket.rights.is_empty() {
                return Err(Error::Ended);
            }
        }
        Scope::Mine(mine) => narrow(ground, &actor, mine).await?,
    }
    ticket.iat = ground.clock.now_s();
    let ends_ms = load::ends_ms(ground.db.read(), &actor, now_ms).await?;
    let ends_ms = ends_ms.into_iter().chain(by_sftp.and_then(|s| s.ends_ms));
    ticket.exp = ends_before(ticket.iat + MAX_LIFE_S, ends_ms.min());
    holders::note(ground, &ticket).await?;
    let text = ticket::sign(&ground.keys.ticket, &ticket).map_err(Error::Ticket)?;
    Ok(wire::TicketRenewed { ticket: text })
}

/// The end of a ticket, in seconds: not after a role or share of its holder's.
#[must_use]
pub fn ends_before(most_s: i64, ends_ms: Option<i64>) -> i64 {
    ends_ms.map_or(most_s, |ms| most_s.min(ms / 1000))
}

/// The server that a ticket is for, if it is still there and on that node.
async fn resource_of(
    ground: &Ground,
    actor: &Actor,
    id: ServerId,
    node: NodeId,
) -> Result<Resource, Error> {
    let key = load::servers_for(actor, ground.clock.now_ms())
        .filter(servers::Column::Id.eq(id.to_string()))
        .filter(servers::Column::DeletedAtMs.is_null())
        .filter(servers::Column::NodeId.eq(node.to_string()))
        .into_model::<ServerKey>()
        .one(ground.db.read())
        .await?
        .ok_or(Error::Gone)?;
    key.resource().map_err(|_| Error::Gone)
}

/// Takes out of a list of one's own what is one's own no more.
async fn narrow(ground: &Ground, actor: &Actor, mine: &mut Mine) -> Result<(), Error> {
    if mine.all {
        return match sees_everything(actor) {
            true => Ok(()),
            false => Err(Error::Ended),
        };
    }
    let rows: Vec<ServerKey> = load::servers_for(actor, ground.clock.now_ms())
        .filter(servers::Column::Id.is_in(mine.servers.iter().map(ToString::to_string)))
        .filter(servers::Column::DeletedAtMs.is_null())
        .into_model()
        .all(ground.db.read())
        .await?;
    let seen = |row: &ServerKey| {
        let resource = row.resource().ok()?;
        may(actor, Key::ServerRead, resource).then(|| row.id.parse().ok())?
    };
    mine.servers = rows.iter().filter_map(seen).collect();
    let there = nodes::Entity::find()
        .filter(nodes::Column::Id.is_in(mine.nodes.iter().map(ToString::to_string)))
        .filter(nodes::Column::DeletedAtMs.is_null())
        .all(ground.db.read())
        .await?;
    let seen = |row: &nodes::Model| {
        let resource = load::node(row).ok()?;
        may(actor, Key::NodeRead, resource).then(|| row.id.parse().ok())?
    };
    mine.nodes = there.iter().filter_map(seen).collect();
    Ok(())
}

/// `gate.ask.sessions`: which of these are good no more.
/// # Errors
/// [`Error`].
pub async fn sessions(
    ground: &Ground,
    ask: &wire::SessionsAsk,
) -> Result<wire::SessionsAnswer, Error> {
    if ask.sessions.len() > MOST {
        return Err(Error::TooMany);
    }
    // The counter first: what ends meanwhile comes with a higher number.
    let counter = wanted::counted(ground.db.read(), COUNTER).await?;
    let mut ended = Vec::new();
    for some in ask.sessions.chunks(1000) {
        ended.extend(ended_among(ground, some).await?);
    }
    Ok(wire::SessionsAnswer {
        ended,
        revocation_counter: to_u64(counter),
    })
}

/// Which of these log-ins or API keys are good no more; one that is unknown is not good.
async fn ended_among(ground: &Ground, ids: &[String]) -> Result<Vec<String>, DbErr> {
    let now_ms = ground.clock.now_ms();
    let sessions: Vec<(String, String)> = sessions::Entity::find()
        .filter(sessions::Column::Id.is_in(ids))
        .filter(sessions::Column::EndedAtMs.is_null())
        .filter(sessions::Column::ExpiresAtMs.gt(now_ms))
        .select_only()
        .columns([sessions::Column::Id, sessions::Column::UserId])
        .into_tuple()
        .all(ground.db.read())
        .await?;
    let unexpired = sea_orm::Condition::any()
        .add(api_keys::Column::ExpiresAtMs.is_null())
        .add(api_keys::Column::ExpiresAtMs.gt(now_ms));
    let api_keys: Vec<(String, String)> = api_keys::Entity::find()
        .filter(api_keys::Column::Id.is_in(ids))
        .filter(api_keys::Column::RevokedAtMs.is_null())
        .filter(unexpired)
        .select_only()
        .columns([api_keys::Column::Id, api_keys::Column::UserId])
        .into_tuple()
        .all(ground.db.read())
        .await?;
    let good: Vec<(String, String)> = sessions.into_iter().chain(api_keys).collect();
    let people: Vec<String> = users::Entity::find()
        .filter(users::Column::Id.is_in(good.iter().map(|(_, user)| user.clone())))
        .filter(load::active())
        .select_only()
        .column(users::Column::Id)
        .into_tuple()
        .all(ground.db.read())
        .await?;
    let is_good = |id: &String| {
        good.iter()
            .any(|(s, user)| s == id && people.contains(user))
    };
    Ok(ids.iter().filter(|id| !is_good(id)).cloned().collect())
}

/// `gate.ask.history`: what the database has of a run, for a ticket of that server.
/// # Errors
/// [`Error`].
pub async fn history(ground: &Ground, ask: &wire::HistoryAsk) -> Result<wire::Chunks, Error> {
    let ticket = check(ground, &ask.ticket).await?;
    let server: ServerId = ask.server.parse().map_err(|_| Error::Gone)?;
    let for_it = matches!(ticket.scope, Scope::Server { server: s, .. } if s == server);
    if !for_it || !ticket.may(ticket::right::WATCH) {
        return Err(Error::Ticket(ticket::Refused::Scope));
    }
    Ok(history::answer(ground, server, ask).await?)
}

/// Tells gateways and nodes what has ended, and ticks every second, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut nudged = app.nudges.on_revoked();
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told: Option<i64> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => {}
            woken = nudged.recv() => if matches!(woken, Err(RecvError::Closed)) { return },
        }
        if let Err(error) = tell(&app, &mut told).await {
            tracing::warn!(%error, "gateways could not be told what has ended; they ask after three ticks");
        }
    }
}

async fn tell(app: &App, told: &mut Option<i64>) -> Result<(), DbErr> {
    let counter = wanted::counted(app.db.read(), COUNTER).await?;
    let mut from = *told.get_or_insert(counter);
    while counter > from {
        let rows = revocations::Entity::find()
            .filter(revocations::Column::Counter.gt(from))
            .filter(revocations::Column::Counter.lte(counter))
            .order_by_asc(revocations::Column::Counter)
            .limit(1000)
            .all(app.db.read())
            .await?;
        for row in &rows {
            let of = |kind: &str| {
                (row.kind == kind)
                    .then(|| row.subject_id.clone())
                    .into_iter()
                    .collect()
            };
            let body = wire::Revoked {
                counter: to_u64(row.counter),
                sessions: of("session"),
                users: of("user"),
            };
            publish(app, gate::REVOKED, &body).await;
        }
        // Another control may have taken them away.
        app.nudges.rights();
        let Some(last) = rows.last() else { break };
        tell_nodes(app, &rows).await?;
        from = last.counter;
        *told = Some(from);
    }
    let tick = wire::Tick {
        counter: to_u64(told.unwrap_or(counter)),
        control_time_ms: app.clock.now_ms(),
    };
    publish(app, gate::TICK, &tick).await;
    Ok(())
}

async fn publish(app: &App, kind: &str, body: &impl Message) {
    let sent = app
        .bus
        .publish(subjects::gate_tell(kind), envelope::told(kind, body))
        .await;
    if let Err(error) = sent {
        tracing::debug!(%error, kind, "not told; gateways ask after three ticks");
    }
}

/// The nodes that hold tickets of what has ended; each in its own task, so that a silent one delays none.
async fn tell_nodes(app: &App, rows: &[revocations::Model]) -> Result<(), DbErr> {
    for (node, body) in holders::of(app, rows).await? {
        let app = app.clone();
        tokio::spawn(async move {
            let told: Result<wire::Accepted, _> =
                command::ask(&app, node, down::REVOKE, &body, command::ANSWER).await;
            if let Err(error) = told {
                tracing::debug!(%error, node.id = %node, "node {node} was not told what has ended; its tickets end by themselves");
            }
        });
    }
    Ok(())
}
