//! What the gateway hears from control: keys, the time, and who was revoked. A number that was missed, or
//! three seconds without a tick, and it asks about every session that it serves.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::time::{Instant, sleep, sleep_until};
use warren_proto::bus::keyring::Keyring;
use warren_proto::bus::{CallError, Link, Subscription};
use warren_proto::envelope;
use warren_proto::ids::SessionId;
use warren_proto::subjects::{self, gate};
use warren_proto::wire::{Keys, KeysAsk, Revoked, SessionsAnswer, SessionsAsk, Tick};

use crate::edge::Edge;

const ASK: Duration = Duration::from_secs(2);
/// Three ticks of a second each, and some for the way.
const SILENCE: Duration = Duration::from_millis(3200);
/// Sessions in one question: 500 are about 14 kB.
const CHUNK: usize = 500;

/// Runs until the gateway stops.
pub async fn follow(edge: Arc<Edge>) {
    let keys = tokio::spawn(keep_keys(edge.clone()));
    loop {
        match edge
            .bus
            .subscribe(subjects::GATE_TELL_ANY.into(), 1024)
            .await
        {
            Ok(told) => {
                Follower::new(edge.clone(), told).run().await;
                break;
            }
            Err(error) => tracing::warn!(%error, "listen to control"),
        }
        sleep(Duration::from_secs(1)).await;
    }
    keys.abort();
}

/// Fetches the ticket keys: at first until it works, then whenever a ticket names an unknown one.
async fn keep_keys(edge: Arc<Edge>) {
    let mut link = edge.bus.link();
    loop {
        match ask_keys(&edge).await {
            Ok(()) => {
                edge.want_keys.notified().await;
                // A flood of made-up key ids must not become a flood of questions.
                sleep(Duration::from_secs(2)).await;
            }
            Err(error) => {
                tracing::debug!(%error, "keys not told yet");
                let pause = Duration::from_millis(rand::rng().random_range(200..1500));
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = link.wait_for(|l| *l == Link::Up), if !edge.bus.is_up() => {}
                }
            }
        }
    }
}

async fn ask_keys(edge: &Edge) -> Result<(), CallError> {
    let told: Keys = edge
        .bus
        .call(
            subjects::gate_ask(gate::KEYS),
            gate::KEYS,
            None,
            &KeysAsk {},
            ASK,
        )
        .await?;
    match Keyring::of(&told.keys) {
        Ok(keys) => edge.set_keys(keys),
        Err(error) => tracing::error!(%error, "control told a key that is none"),
    }
    Ok(())
}

struct Follower {
    edge: Arc<Edge>,
    told: Subscription,
    /// The revocation counter as far as it was heard without a hole; `None` until the first.
    counter: Option<u64>,
    /// Dropped messages that were noticed.
    dropped: u64,
    /// Something may have been missed, and all sessions must be asked about.
    doubt: bool,
    heard: Instant,
    next_audit: Instant,
}

impl Follower {
    fn new(edge: Arc<Edge>, told: Subscription) -> Self {
        Self {
            edge,
            told,
            counter: None,
            dropped: 0,
            doubt: false,
            heard: Instant::now(),
            next_audit: Instant::now(),
        }
    }

    async fn run(mut self) {
        let edge = self.edge.clone();
        loop {
            let silence = self.heard + SILENCE;
            tokio::select! {
                () = edge.stop.cancelled() => return,
                message = self.told.next() => match message {
                    Some(message) => self.take(&message),
                    None => return,
                },
                () = sleep_until(silence), if !self.doubt => self.doubt = true,
                () = sleep_until(self.next_audit), if self.doubt => self.audit().await,
                () = edge.sessions.fresh.notified() => {
                    // Those that come in the same moment share a question.
                    sleep(Duration::from_millis(50)).await;
                    let fresh = edge.sessions.unasked();
                    if self.ask(&fresh).await.is_err() {
                        self.doubt = true;
                    }
                }
            }
            if self.told.dropped() != self.dropped {
                self.dropped = self.told.dropped();
                self.doubt = true;
            }
        }
    }

    fn take(&mut self, message: &async_nats::Message) {
        let payload = message.payload.clone();
        match message.subject.as_str().strip_prefix("gate.tell.") {
            Some(gate::TICK) => {
                if let Ok(tick) = self
                    .edge
                    .bus
                    .counted(envelope::open_told::<Tick>(payload, gate::TICK))
                {
                    self.heard = Instant::now();
                    self.edge.learn_time(tick.control_time_ms);
                    self.reach(tick.counter, tick.counter);
                }
            }
            Some(gate::REVOKED) => {
                if let Ok(told) = self
                    .edge
                    .bus
                    .counted(envelope::open_told::<Revoked>(payload, gate::REVOKED))
                {
                    self.revoked(&told);
                }
            }
            _ => {}
        }
    }

    fn revoked(&mut self, told: &Revoked) {
        let sessions: Vec<_> = told
            .sessions
            .iter()
            .filter_map(|s| s.parse().ok())
            .collect();
        let users: Vec<_> = told.users.iter().filter_map(|u| u.parse().ok()).collect();
        let ended = self
            .edge
            .sessions
            .revoke(&sessions, &users, self.edge.now_ms());
        self.edge.metrics.revoked.add(ended);
        self.reach(told.counter, told.counter.saturating_sub(1));
    }

    /// The counter stands at `now`; nothing is missing if it was heard up to `expected` (or up to `now`).
    fn reach(&mut self, now: u64, expected: u64) {
        match self.counter {
            // The first number says nothing about what came before: ask once.
            None => self.doubt = true,
            Some(known) if known == now || known == expected => {}
            // Lower: control's database was restored. Either way something is unknown.
            Some(_) => self.doubt = true,
        }
        self.counter = Some(now);
    }

    async fn audit(&mut self) {
        self.next_audit =
            Instant::now() + Duration::from_millis(rand::rng().random_range(1000..2000));
        let _ = self.edge.sessions.unasked();
        let all = self.edge.sessions.all();
        self.edge.metrics.audits.add(1);
        // The silence goes on being a doubt until a tick is heard; asking again each second is cheap.
        match self.ask(&all).await {
            Ok(()) => self.doubt = self.heard.elapsed() > SILENCE,
            Err(error) => tracing::debug!(%error, "sessions not checked yet"),
        }
        if self.doubt {
            self.next_audit += Duration::from_secs(1);
        }
    }

    async fn ask(&mut self, sessions: &[SessionId]) -> Result<(), CallError> {
        for chunk in sessions.chunks(CHUNK) {
            let ask = SessionsAsk {
                sessions: chunk.iter().map(ToString::to_string).collect(),
            };
            let subject = subjects::gate_ask(gate::SESSIONS);
            let answer: SessionsAnswer = self
                .edge
                .bus
                .call(subject, gate::SESSIONS, None, &ask, ASK)
                .await?;
            let ended: Vec<_> = answer.ended.iter().filter_map(|s| s.parse().ok()).collect();
            let cut = self.edge.sessions.revoke(&ended, &[], self.edge.now_ms());
            self.edge.metrics.revoked.add(cut);
        }
        Ok(())
    }
}
