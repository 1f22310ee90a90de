//! What control answers on the bus. Every replica takes its share of the queue group.

use std::time::Instant;

use bytes::Bytes;
use warren_proto::{
    bus::{Ask, Error, ServeOptions, Serving, failure},
    ids::NodeId,
    subjects::{self, CONTROL_QUEUE, gate as gate_word, up},
    wire,
};

use crate::{
    app::App,
    gate,
    ingest::{
        batch::{Batcher, Busy},
        console, lifecycle, metrics,
    },
    node::{
        alive,
        beats::{self, Beat},
        conduct::{self, InHand, Sentence},
        credential, enroll,
        pace::{Pace, TooOften},
        presence,
    },
    sftp,
};

fn busy(Busy: Busy) -> wire::Failure {
    failure(
        "busy",
        "control has more to store than it can; send it again",
        true,
    )
}

fn node_of(ask: &Ask) -> Result<NodeId, wire::Failure> {
    ask.node
        .ok_or_else(|| failure("malformed", "the subject names no node", false))
}

fn options() -> ServeOptions {
    ServeOptions {
        queue: Some(CONTROL_QUEUE),
        concurrency: 1024,
        ..ServeOptions::default()
    }
}

/// Starts answering. Dropping what it gives stops it.
/// # Errors
/// As `Bus::serve`.
pub async fn start(app: &App) -> Result<Vec<Serving>, Error> {
    Ok(vec![
        facts(app).await?,
        console_bytes(app).await?,
        samples(app).await?,
        heartbeats(app).await?,
        asks(app).await?,
        enrolment(app).await?,
        gateways(app).await?,
    ])
}

async fn facts(app: &App) -> Result<Serving, Error> {
    let ground = app.clone();
    let batcher = Batcher::start(move |uploads| {
        let ground = ground.clone();
        async move { lifecycle::store(&ground, uploads).await }
    });
    let subject = subjects::from_any_node(up::LIFECYCLE);
    let (bus, app) = (app.bus.clone(), app.clone());
    bus.serve(subject, options(), move |ask| {
        let (app, batcher) = (app.clone(), batcher.clone());
        async move {
            let node = node_of(&ask)?;
            let _hand = heard(&app, node, up::LIFECYCLE)?;
            let upload = lifecycle::Upload {
                node,
                batch: ask.open()?,
            };
            weigh(&app, &upload);
            let answer = batcher.submit(upload.node, upload).await.map_err(busy)??;
            Ok(ask.ok(&answer))
        }
    })
    .await
}

/// Whether a node is listened to, before anything of its word is read: refusing must cost little.
fn heard(app: &App, node: NodeId, kind: &'static str) -> Result<InHand, wire::Failure> {
    let heard = app.conduct.upload(node, kind, Instant::now());
    heard.map_err(|(refusal, sentence)| {
        pass(app, sentence);
        refusal.failure()
    })
}

/// What is brought is counted, and what no agent brings is held against the node.
fn weigh(app: &App, upload: &lifecycle::Upload) {
    let (node, now) = (upload.node, Instant::now());
    let sizes = upload.batch.facts.iter().map(Vec::len);
    let bytes: usize = sizes.clone().sum();
    pass(app, app.conduct.charge(node, bytes as u64, now));
    let now_ms = app.clock.now_ms();
    let moments = upload.batch.facts.iter().filter_map(|raw| moment(raw));
    let fresh = moments.filter(|at| conduct::is_fresh(*at, now_ms)).count();
    pass(app, app.conduct.talk(node, fresh as u64, now));
    let large = sizes.filter(|size| *size > lifecycle::MOST_FACT_BYTES);
    let strikes = u32::try_from(large.count()).unwrap_or(u32::MAX);
    if strikes > 0 {
        let strikes = strikes.saturating_mul(conduct::GRAVE).min(1000);
        let because = "it brings facts that are larger than any of an agent's";
        pass(app, app.conduct.strike(node, strikes, because, now));
    }
}

/// When a fact happened. One that can't be read is counted where it is read.
fn moment(raw: &[u8]) -> Option<i64> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Moment {
        #[prost(int64, tag = "2")]
        at_ms: i64,
    }
    prost::Message::decode(raw).ok().map(|m: Moment| m.at_ms)
}

fn pass(app: &App, sentence: Option<Sentence>) {
    let Some(sentence) = sentence else { return };
    let app = app.clone();
    tokio::spawn(async move {
        if let Err(error) = conduct::tell(&app, &sentence).await {
            tracing::error!(%error, "node {} is muted, and that could not be written down", sentence.node);
        }
    });
}

async fn console_bytes(app: &App) -> Result<Serving, Error> {
    let ground = app.clone();
    let batcher = Batcher::start(move |uploads| {
        let ground = ground.clone();
        async move { console::store(&ground, uploads).await }
    });
    let subject = subjects::from_any_node(up::CONSOLE);
    let (bus, app) = (app.bus.clone(), app.clone());
    bus.serve(subject, options(), move |ask| {
        let (app, batcher) = (app.clone(), batcher.clone());
        async move {
            let node = node_of(&ask)?;
            let _hand = heard(&app, node, up::CONSOLE)?;
            let upload = console::Upload {
                node,
                upload: ask.open()?,
            };
            let answer = batcher.submit(upload.node, upload).await.map_err(busy)??;
            Ok(ask.ok(&answer))
        }
    })
    .await
}

async fn samples(app: &App) -> Result<Serving, Error> {
    let ground = app.clone();
    let batcher = Batcher::start(move |uploads| {
        let ground = ground.clone();
        async move { metrics::store(&ground, uploads).await }
    });
    let subject = subjects::from_any_node(up::METRICS);
    let (bus, app) = (app.bus.clone(), app.clone());
    bus.serve(subject, options(), move |ask| {
        let (app, batcher) = (app.clone(), batcher.clone());
        async move {
            let node = node_of(&ask)?;
            let _hand = heard(&app, node, up::METRICS)?;
            let upload = metrics::Upload {
                node,
                batch: ask.open()?,
            };
            let answer = batcher.submit(upload.node, upload).await.map_err(busy)??;
            Ok(ask.ok(&answer))
        }
    })
    .await
}

async fn heartbeats(app: &App) -> Result<Serving, Error> {
    let ground = app.clone();
    let batcher = Batcher::start(move |beats: Vec<Beat>| {
        let ground = ground.clone();
        async move { beat_all(&ground, beats).await }
    });
    let subject = subjects::from_any_node(up::HEARTBEAT);
    app.bus
        .serve(subject, options(), move |ask| {
            let batcher = batcher.clone();
            async move {
                let beat = Beat {
                    node: node_of(&ask)?,
                    beat: ask.open()?,
                };
                let answer = batcher.submit(beat.node, beat).await.map_err(busy)??;
                Ok(ask.ok(&answer))
            }
        })
        .await
}

async fn beat_all(
    app: &App,
    beats: Vec<Beat>,
) -> Vec<Result<wire::HeartbeatAnswer, wire::Failure>> {
    let count = beats.len();
    let lost = || {
        failure(
            "database",
            "control's database did not take it; try again",
            true,
        )
    };
    let mut answers: Vec<_> = (0..count).map(|_| Err(lost())).collect();
    match beats::heartbeats(app, beats.into_iter().enumerate().collect()).await {
        Ok(done) => {
            for (place, answer) in done {
                if let Some(slot) = answers.get_mut(place) {
                    *slot = answer.map_err(|e| e.failure());
                }
            }
        }
        Err(error) => tracing::error!(%error, "heartbeats could not be stored"),
    }
    answers
}

async fn asks(app: &App) -> Result<Serving, Error> {
    let ground = app.clone();
    let paces = Paces::default();
    app.bus
        .serve(subjects::ASK_ANY.into(), options(), move |ask| {
            let (app, paces) = (ground.clone(), paces.clone());
            async move { asked(&app, &paces, &ask).await }
        })
        .await
}

/// Each word at its own pace: a hello must not wait for a renewal.
#[derive(Clone, Default)]
struct Paces {
    hello: Pace,
    renew: Pace,
}

fn too_often(TooOften: TooOften) -> wire::Failure {
    failure(
        "busy",
        "this node has asked too often, or has a question in hand; ask again later",
        true,
    )
}

async fn asked(app: &App, paces: &Paces, ask: &Ask) -> Result<Bytes, wire::Failure> {
    let node = node_of(ask)?;
    let now = Instant::now();
    // Before anything of it is read: refusing must cost little.
    let _turn = match &*ask.kind {
        up::RENEW => paces.renew.turn(node, now),
        _ => paces.hello.turn(node, now).inspect_err(|_| {
            let because = "it says hello again and again";
            pass(app, app.conduct.strike(node, 1, because, now));
        }),
    }
    .map_err(too_often)?;
    match &*ask.kind {
        up::HELLO => {
            let _hand = heard(app, node, up::HELLO)?;
            let hello: wire::Hello = ask.open()?;
            credential::introduced(app, node, &hello)
                .await
                .map_err(|e| {
                    let text = "control's database did not take it; try again";
                    logged(&e, failure("database", text, true))
                })?;
            let alive = alive::other(app, node, &hello).await.map_err(|e| {
                let error = presence::Error::from(e);
                logged(&error, error.failure())
            })?;
            let answer = presence::hello(app, node, &hello, alive).await;
            Ok(ask.ok(&answer.map_err(|e| logged(&e, e.failure()))?))
        }
        up::RENEW => {
            let answer = credential::renew(app, node, &ask.open()?).await;
            Ok(ask.ok(&answer.map_err(|e| {
                let retryable = matches!(
                    e,
                    credential::Error::Database(_) | credential::Error::TooSoon
                );
                let message = match &e {
                    credential::Error::Database(_) => "control could not store it".into(),
                    other => other.to_string(),
                };
                logged(&e, failure("refused", &message, retryable))
            })?))
        }
        other => Err(failure(
            "unknown",
            &format!("nobody answers {other:?}"),
            false,
        )),
    }
}

fn logged(error: &dyn std::error::Error, failure: wire::Failure) -> wire::Failure {
    if failure.retryable {
        tracing::error!(%error, "a node's question could not be answered");
    } else {
        tracing::debug!(%error, "a node's question was refused");
    }
    failure
}

async fn enrolment(app: &App) -> Result<Serving, Error> {
    let ground = app.clone();
    let options = ServeOptions {
        // Strangers may call this one.
        concurrency: 8,
        waiting: 64,
        ..options()
    };
    app.bus
        .serve(subjects::ENROLL_REGISTER.into(), options, move |ask| {
            let app = ground.clone();
            async move {
                let answer = enroll::register(&app, &ask.open()?).await;
                Ok(ask.ok(&answer.map_err(|e| logged(&e, e.failure()))?))
            }
        })
        .await
}

async fn gateways(app: &App) -> Result<Serving, Error> {
    let ground = app.clone();
    app.bus
        .serve(subjects::GATE_ASK_ANY.into(), options(), move |ask| {
            let app = ground.clone();
            async move { gate_asked(&app, &ask).await.map_err(|e| e.failure_of()) }
        })
        .await
}

/// A refusal of the message itself, or of what it asks.
enum Refused {
    Message(wire::Failure),
    Gate(gate::Error),
}

impl Refused {
    fn failure_of(self) -> wire::Failure {
        match self {
            Self::Message(failure) => failure,
            Self::Gate(error) => logged(&error, error.failure()),
        }
    }
}

impl From<wire::Failure> for Refused {
    fn from(failure: wire::Failure) -> Self {
        Self::Message(failure)
    }
}

impl From<gate::Error> for Refused {
    fn from(error: gate::Error) -> Self {
        Self::Gate(error)
    }
}

async fn login(app: &App, ask: &Ask) -> Result<Bytes, Refused> {
    let body: wire::Login = ask.open()?;
    let answer = match &body.proof {
        Some(wire::login::Proof::Offer(key)) => sftp::offered(app, &body, key)
            .await
            .map(|()| ask.ok(&wire::Accepted {})),
        _ => sftp::log_in(app, &body).await.map(|done| ask.ok(&done)),
    };
    Ok(answer.map_err(gate::Error::Login)?)
}

async fn gate_asked(app: &App, ask: &Ask) -> Result<Bytes, Refused> {
    Ok(match &*ask.kind {
        gate_word::KEYS => {
            ask.open::<wire::KeysAsk>()?;
            ask.ok(&gate::keys(app).await?)
        }
        gate_word::RENEW => ask.ok(&gate::renew(app, &ask.open()?).await?),
        gate_word::SESSIONS => ask.ok(&gate::sessions(app, &ask.open()?).await?),
        gate_word::HISTORY => ask.ok(&gate::history(app, &ask.open()?).await?),
        gate_word::HOST_KEYS => {
            ask.open::<wire::HostKeysAsk>()?;
            ask.ok(&sftp::host_keys::tell(app)
                .await
                .map_err(gate::Error::Login)?)
        }
        gate_word::LOGIN => login(app, ask).await?,
        gate_word::LOGOUT => {
            sftp::log_out(app, &ask.open()?).await?;
            ask.ok(&wire::Accepted {})
        }
        other => {
            return Err(failure("unknown", &format!("nobody answers {other:?}"), false).into());
        }
    })
}
