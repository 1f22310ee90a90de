//! Event consumers: credentials of account READ that receive public events, live and by replay, with any
//! NATS client.

pub mod keep;
pub mod review;

use anyhow::Context as _;
use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, DeliverPolicy, pull},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use warren_entity::{api_keys, event_consumers, users};
use warren_proto::{
    bus::{
        Creds, Seed,
        accounts::{Account, Reader, Servers},
        creds, jwt,
    },
    ids::{ApiKeyId, ConsumerId, ServerId, UserId},
    subjects::{self, EVENT_ANY, EVENT_STREAM},
};

use crate::{
    app::{App, Ground},
    db::Lane,
    node::{credential, token},
    outbox,
    text::tame,
};

/// Servers of one credential at most: its JWT names each.
const MOST_SERVERS: usize = 200;
/// Live credentials of one person at most.
const MOST_LIVE: usize = 20;
/// Those that were revoked before their end count here: the bus has to remember each until then.
const MOST_REMEMBERED: usize = 100;
/// A credential without an end of its own: what the bus remembers a revocation for.
const FOR_EVER_MS: i64 = 100 * 365 * 86_400_000;

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// For people.
    pub name: String,
    /// None: all servers and nodes.
    pub servers: Option<Vec<ServerId>>,
    /// Seconds; none: until it is revoked.
    pub expires_in_s: Option<i64>,
    /// Who asked.
    pub created_by: Option<UserId>,
    /// The API key that they asked with: the credential ends with it.
    pub api_key: Option<ApiKeyId>,
}

/// A credential, once.
#[derive(Debug)]
pub struct Created {
    /// Row.
    pub id: ConsumerId,
    /// Where its answers go. Only the credential carries it: an answer goes wherever its asker says, so another
    /// reader that knew it could have events of its own delivered there.
    pub inbox_prefix: String,
    /// The `.creds` file.
    pub creds: String,
    /// Where to connect.
    pub nats_urls: Vec<String>,
    /// PEM of the CA, where the bus speaks TLS.
    pub ca_pem: Option<String>,
    /// What it may subscribe to, live.
    pub subjects: Vec<String>,
    /// JetStream consumers to pull from, with API prefix `CORE.API`.
    pub durables: Vec<String>,
    /// Unix milliseconds.
    pub expires_at_ms: Option<i64>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Out of range.
    #[error("{field}: {problem}")]
    Value {
        /// Which.
        field: &'static str,
        /// What would do.
        problem: String,
    },
    /// So many has this person already.
    #[error("{0}")]
    TooMany(&'static str),
    /// The bus is not there, or its stream is not as it should be.
    #[error("the bus did not take it; try again: {0:#}")]
    Bus(anyhow::Error),
    /// Signing.
    #[error("event consumer: {0}")]
    Jwt(#[from] jwt::Error),
    /// The fresh credential.
    #[error("event consumer: {0}")]
    Creds(#[from] creds::Error),
    /// Database.
    #[error("event consumer: {0}")]
    Database(#[from] DbErr),
}

fn subjects_of(servers: Option<&[ServerId]>) -> Vec<String> {
    match servers {
        None => vec![EVENT_ANY.into()],
        Some(servers) => servers
            .iter()
            .map(|s| format!("event.server.{s}.>"))
            .collect(),
    }
}

/// Makes a credential and what it pulls from.
/// # Errors
/// [`Error`]; nothing usable is left behind.
pub async fn create(app: &App, wanted: &Wanted) -> Result<Created, Error> {
    let bad = |field, problem: &str| Error::Value {
        field,
        problem: problem.into(),
    };
    if let Some(servers) = &wanted.servers
        && (servers.is_empty() || servers.len() > MOST_SERVERS)
    {
        return Err(bad("servers", "1 to 200 servers, or none for all"));
    }
    if wanted
        .expires_in_s
        .is_some_and(|s| !(60..=10 * 365 * 86_400).contains(&s))
    {
        return Err(bad("expires_in_s", "60 seconds to 10 years"));
    }
    let id = ConsumerId::new();
    let now_ms = app.clock.now_ms();
    let asked_ms = wanted.expires_in_s.map(|s| now_ms + s * 1000);
    let expires_at_ms = match (asked_ms, key_ends_ms(app, wanted.api_key).await?) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    room(app.db.read(), wanted.created_by, now_ms).await?;
    let subjects = subjects_of(wanted.servers.as_deref());
    let caps = app.bus.caps().map_err(|e| Error::Bus(e.into()))?;
    // Before 2.10 a consumer has one filter, and more are ignored without a word.
    let durables: Vec<ConsumerId> = if subjects.len() > 1 && !caps.filter_subjects {
        subjects.iter().map(|_| ConsumerId::new()).collect()
    } else {
        vec![id]
    };
    let user = nkeys::KeyPair::new_user();
    let inbox = ConsumerId::new();
    let reader = Reader {
        id: inbox,
        servers: match &wanted.servers {
            None => Servers::All,
            Some(servers) => Servers::Only(servers),
        },
        durables: &durables,
    };
    let jwt = app.keys.realm.mint_reader(
        &reader,
        &user.public_key(),
        app.clock.now_s(),
        expires_at_ms.map(|ms| ms / 1000),
    )?;
    let creds = Creds::new(jwt, Seed::of(&user)?)?.to_file_text();
    let durables: Vec<String> = durables.iter().map(ToString::to_string).collect();
    ensure(app, &subjects, &durables)
        .await
        .map_err(Error::Bus)?;
    let row = event_consumers::ActiveModel {
        id: Set(id.to_string()),
        name: Set(tame(wanted.name.trim(), 100)),
        public_key: Set(user.public_key()),
        servers: Set(wanted.servers.as_ref().map(|s| serde_json::json!(s))),
        durables: Set(serde_json::json!(durables)),
        created_by: Set(wanted.created_by.map(|u| u.to_string())),
        api_key_id: Set(wanted.api_key.map(|key| key.to_string())),
        created_at_ms: Set(now_ms),
        expires_at_ms: Set(expires_at_ms),
        revoked_at_ms: Set(None),
    };
    let tx = app.db.begin(Lane::People).await?;
    // Two requests at once must not both take the last place: the person's row is held.
    if let Some(user) = wanted.created_by {
        users::Entity::find_by_id(user.to_string())
            .lock_exclusive()
            .one(&*tx)
            .await?;
    }
    room(&*tx, wanted.created_by, now_ms).await?;
    event_consumers::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await?;
    tx.commit().await?;
    // Rights that went while this was made.
    app.nudges.rights();
    let nats_urls = token::node_urls(app, false).unwrap_or_else(|_| app.config.nats_urls.clone());
    let tls = nats_urls.iter().any(|url| url.starts_with("tls://"));
    Ok(Created {
        id,
        inbox_prefix: subjects::consumer_inbox(inbox),
        creds,
        ca_pem: tls.then(|| app.keys.ca.cert_pem.clone()),
        nats_urls,
        subjects,
        durables,
        expires_at_ms,
    })
}

async fn key_ends_ms(ground: &Ground, key: Option<ApiKeyId>) -> Result<Option<i64>, DbErr> {
    let Some(key) = key else { return Ok(None) };
    let row = api_keys::Entity::find_by_id(key.to_string())
        .one(ground.db.read())
        .await?;
    Ok(row.and_then(|row| row.expires_at_ms))
}

/// Whether a person may have one more. Each lies in JetStream while it lives, and on the bus' list of refused
/// keys from its revocation to its end.
async fn room(db: &impl ConnectionTrait, user: Option<UserId>, now_ms: i64) -> Result<(), Error> {
    let Some(user) = user else { return Ok(()) };
    let unended = Condition::any()
        .add(event_consumers::Column::ExpiresAtMs.is_null())
        .add(event_consumers::Column::ExpiresAtMs.gt(now_ms));
    let revoked: Vec<Option<i64>> = event_consumers::Entity::find()
        .filter(event_consumers::Column::CreatedBy.eq(user.to_string()))
        .filter(unended)
        .select_only()
        .column(event_consumers::Column::RevokedAtMs)
        .into_tuple()
        .all(db)
        .await?;
    if revoked.iter().filter(|at| at.is_none()).count() >= MOST_LIVE {
        return Err(Error::TooMany(
            "you have 20 event consumers already: revoke one that is not used any more",
        ));
    }
    if revoked.len() >= MOST_REMEMBERED {
        return Err(Error::TooMany(
            "too many of your event consumers were revoked before their end: use those that you have, and \
             give new ones a shorter life",
        ));
    }
    Ok(())
}

/// Makes the JetStream consumers unless they are there, and compares what the server echoes.
async fn ensure(app: &App, subjects: &[String], durables: &[String]) -> anyhow::Result<()> {
    let context = outbox::context(app);
    outbox::ensure(app, &context).await?;
    let stream = context
        .get_stream_no_info(EVENT_STREAM)
        .await
        .context("look at the stream EVENT")?;
    let one_each = durables.len() > 1;
    for (place, durable) in durables.iter().enumerate() {
        let mut config = pull::Config {
            durable_name: Some(durable.clone()),
            name: Some(durable.clone()),
            ack_policy: AckPolicy::Explicit,
            deliver_policy: DeliverPolicy::All,
            ..Default::default()
        };
        match subjects {
            [all] if all == EVENT_ANY => {}
            [one] => config.filter_subject = one.clone(),
            several if one_each => config.filter_subject = several[place].clone(),
            several => config.filter_subjects = several.to_vec(),
        }
        let made = stream
            .get_or_create_consumer(durable, config.clone())
            .await
            .with_context(|| format!("make the consumer {durable}"))?;
        same(&config, &made.cached_info().config).with_context(|| {
            format!("the consumer {durable} is not as asked for: nats-server is too old for it")
        })?;
    }
    Ok(())
}

fn same(asked: &pull::Config, echoed: &jetstream::consumer::Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        asked.filter_subject == echoed.filter_subject
            && asked.filter_subjects == echoed.filter_subjects,
        "filters {:?} {:?}",
        echoed.filter_subject,
        echoed.filter_subjects
    );
    Ok(())
}

/// After the stream was made anew: every consumer that is good gets its place in it again.
/// # Errors
/// Bus or database.
pub async fn restore(app: &App) -> anyhow::Result<()> {
    let good = sea_orm::Condition::any()
        .add(event_consumers::Column::ExpiresAtMs.is_null())
        .add(event_consumers::Column::ExpiresAtMs.gt(app.clock.now_ms()));
    let rows = event_consumers::Entity::find()
        .filter(event_consumers::Column::RevokedAtMs.is_null())
        .filter(good)
        .all(app.db.read())
        .await?;
    for row in rows {
        let servers: Option<Vec<ServerId>> =
            row.servers.and_then(|s| serde_json::from_value(s).ok());
        let durables: Vec<String> = serde_json::from_value(row.durables).unwrap_or_default();
        ensure(app, &subjects_of(servers.as_deref()), &durables).await?;
    }
    Ok(())
}

/// Those that are not revoked, newest first.
/// # Errors
/// Database.
pub async fn list(ground: &Ground) -> Result<Vec<event_consumers::Model>, DbErr> {
    event_consumers::Entity::find()
        .filter(event_consumers::Column::RevokedAtMs.is_null())
        .order_by_desc(event_consumers::Column::Id)
        .limit(1000)
        .all(ground.db.read())
        .await
}

/// Takes a credential away: its connection ends within a second. Says whether there was one.
/// # Errors
/// Database.
pub async fn revoke(app: &App, id: ConsumerId) -> Result<bool, DbErr> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = event_consumers::Entity::find_by_id(id.to_string())
        .filter(event_consumers::Column::RevokedAtMs.is_null())
        .lock_exclusive()
        .one(&*tx)
        .await?;
    let Some(row) = row else { return Ok(false) };
    event_consumers::Entity::update_many()
        .col_expr(event_consumers::Column::RevokedAtMs, Expr::value(now_ms))
        .filter(event_consumers::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    let until = row.expires_at_ms.unwrap_or(now_ms + FOR_EVER_MS);
    credential::refuse(&*tx, Account::Read, &row.public_key, None, until, now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    let durables: Vec<String> = serde_json::from_value(row.durables).unwrap_or_default();
    let context = outbox::context(app);
    if let Ok(stream) = context.get_stream_no_info(EVENT_STREAM).await {
        for durable in durables {
            // What stays behind harms nobody: no credential may pull from it any more.
            drop(stream.delete_consumer(&durable).await);
        }
    }
    Ok(true)
}
