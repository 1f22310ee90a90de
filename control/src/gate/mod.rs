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
use warren_entity::{api_keys, revocations, servers, sessions, users};
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
    access::{Actor, Decision, Key, Resource, Via, decide},
    app::{App, Ground},
    console::history,
    node::command,
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
    /// Database.
    #[error("gate: {0}")]
    Database(#[from] DbErr),
}

impl Error {
    /// The wire form.
    #[must_use]
    pub fn failure(&self) -> wire::Failure {
        let (code, retryable) = match self {
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
        .filter(users::Column::DeletedAtMs.is_null())
        .one(ground.db.read())
        .await?
        .ok_or(Error::Ended)?;
    let actor = Actor {
        user: ticket.user,
        username: user.username,
        admin: user.admin,
        via: Via::Session(ticket.session),
    };
    match &mut ticket.scope {
        Scope::Server { server, node } => {
            let resource = resource_of(ground, *server, *node).await?;
            // Never more than it had, never more than its owner has now.
            ticket.rights.retain(|right| {
                right
                    .parse()
                    .is_ok_and(|key| decide(&actor, key, resource) == Decision::Allow)
            });
            if ticket.rights.is_empty() {
                return Err(Error::Ended);
            }
        }
        Scope::Mine(mine) => narrow(ground, &actor, mine).await?,
    }
    ticket.iat = ground.clock.now_s();
    ticket.exp = ticket.iat + MAX_LIFE_S;
    holders::note(ground, &ticket).await?;
    let text = ticket::sign(&ground.keys.ticket, &ticket).map_err(Error::Ticket)?;
    Ok(wire::TicketRenewed { ticket: text })
}

/// The server that a ticket is for, if it is still there and on that node.
async fn resource_of(ground: &Ground, id: ServerId, node: NodeId) -> Result<Resource, Error> {
    let row = servers::Entity::find_by_id(id.to_string())
        .filter(servers::Column::DeletedAtMs.is_null())
        .filter(servers::Column::NodeId.eq(node.to_string()))
        .one(ground.db.read())
        .await?
        .ok_or(Error::Gone)?;
    let owner = row.owner_id.parse().map_err(|_| Error::Gone)?;
    Ok(Resource::Server { id, owner, node })
}

/// Takes out of a list of one's own what is one's own no more.
async fn narrow(ground: &Ground, actor: &Actor, mine: &mut Mine) -> Result<(), Error> {
    if mine.all {
        return if actor.admin {
            Ok(())
        } else {
            Err(Error::Ended)
        };
    }
    let rows: Vec<(String, String, String)> = servers::Entity::find()
        .filter(servers::Column::Id.is_in(mine.servers.iter().map(ToString::to_string)))
        .filter(servers::Column::DeletedAtMs.is_null())
        .select_only()
        .columns([
            servers::Column::Id,
            servers::Column::OwnerId,
            servers::Column::NodeId,
        ])
        .into_tuple()
        .all(ground.db.read())
        .await?;
    let seen = |row: &(String, String, String)| {
        let (id, owner, node) = (
            row.0.parse().ok()?,
            row.1.parse().ok()?,
            row.2.parse().ok()?,
        );
        let resource = Resource::Server { id, owner, node };
        (decide(actor, Key::WebsocketConnect, resource) == Decision::Allow).then_some(id)
    };
    mine.servers = rows.iter().filter_map(seen).collect();
    mine.nodes
        .retain(|node| decide(actor, Key::NodeRead, Resource::Node(*node)) == Decision::Allow);
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
        .filter(users::Column::DeletedAtMs.is_null())
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
    let from = *told.get_or_insert(counter);
    if counter > from {
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
        if let Some(last) = rows.last() {
            tell_nodes(app, &rows).await?;
            *told = Some(last.counter);
        }
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
