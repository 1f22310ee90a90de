//! Control's side of the protocol, kept in memory. It stores each fact and byte as control does: only
//! what comes next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;
use warren_harness::Nats;
use warren_proto::bus::accounts::Realm;
use warren_proto::bus::keyring::{Signer, Use};
use warren_proto::bus::signed::{self, Order};
use warren_proto::bus::{Ask, Bus, CallError, ServeOptions, Serving, failure};
use warren_proto::ids::{BootId, ControlId, NodeId};
use warren_proto::subjects::{self, down, up};
use warren_proto::wire::{self, fact::What};

use crate::rig::{connect, now_ms};

pub const SOON: Duration = Duration::from_secs(5);

/// (server, run, stream)
pub type Key = (String, String, i32);

#[derive(Default)]
pub struct Stored {
    pub hello: Option<wire::Hello>,
    pub hellos: usize,
    pub beats: usize,
    pub facts: Vec<wire::Fact>,
    pub next: Option<(String, u64)>,
    /// Bytes of each stream; gaps are filled with `#`.
    pub console: BTreeMap<Key, Vec<u8>>,
    pub gaps: usize,
    pub metrics: Option<wire::MetricsBatch>,
    pub registered: Vec<wire::Register>,
    /// Another machine speaks as this node.
    pub shut_out: bool,
    /// Uploads are not answered.
    pub mute: bool,
}

pub struct Control {
    pub bus: Bus,
    pub realm: Realm,
    pub command: Signer,
    pub ticket: Signer,
    pub node: NodeId,
    pub stored: Mutex<Stored>,
    pub url: String,
    desks: Mutex<Vec<Serving>>,
}

impl Control {
    pub async fn start(nats: &Nats, realm: Realm) -> Arc<Self> {
        let creds = realm
            .control_creds(ControlId::new(), now_ms() / 1000)
            .unwrap();
        let control = Arc::new(Self {
            bus: connect(nats, creds).await,
            realm,
            command: Signer::create(),
            ticket: Signer::create(),
            node: NodeId::new(),
            stored: Mutex::default(),
            url: nats.url(),
            desks: Mutex::default(),
        });
        let words = [up::LIFECYCLE, up::CONSOLE, up::METRICS, up::HEARTBEAT];
        let mut all: Vec<String> = words.iter().map(|w| subjects::from_any_node(w)).collect();
        all.push(subjects::ASK_ANY.into());
        all.push(subjects::ENROLL_REGISTER.into());
        for subject in all {
            let me = Arc::downgrade(&control);
            let options = ServeOptions {
                queue: Some(subjects::CONTROL_QUEUE),
                ..ServeOptions::default()
            };
            let desk = control.bus.serve(subject, options, move |ask| {
                let me = me.upgrade();
                async move {
                    let me = me.ok_or_else(|| failure("gone", "", true))?;
                    if me.stored.lock().mute {
                        std::future::pending::<()>().await;
                    }
                    me.answer(&ask)
                }
            });
            let desk = desk.await.unwrap();
            control.desks.lock().push(desk);
        }
        control.bus.flush(SOON).await.unwrap();
        control
    }

    fn answer(&self, ask: &Ask) -> Result<Bytes, wire::Failure> {
        match ask.kind.as_str() {
            up::LIFECYCLE => Ok(ask.ok(&self.facts(ask.open()?))),
            up::CONSOLE => Ok(ask.ok(&self.console(ask.open()?))),
            up::METRICS => {
                self.stored.lock().metrics = Some(ask.open()?);
                Ok(ask.ok(&wire::MetricsAnswer {}))
            }
            up::HEARTBEAT => {
                let beat: wire::Heartbeat = ask.open()?;
                let mut stored = self.stored.lock();
                stored.beats += 1;
                let known = stored.hello.as_ref().is_some_and(|h| h.boot == beat.boot);
                Ok(ask.ok(&wire::HeartbeatAnswer {
                    control_time_ms: now_ms(),
                    say_hello: !known,
                    next_fact: None,
                }))
            }
            up::HELLO => Ok(ask.ok(&self.hello(ask.open()?))),
            up::RENEW => Ok(ask.ok(&self.renew(ask.open()?)?)),
            "register" => Ok(ask.ok(&self.register(ask.open()?)?)),
            other => Err(failure("unknown", other, false)),
        }
    }

    fn hello(&self, hello: wire::Hello) -> wire::HelloAnswer {
        let mut stored = self.stored.lock();
        stored.hellos += 1;
        stored.hello = Some(hello);
        let next = stored.next.clone();
        let positions = stored
            .console
            .iter()
            .map(|(key, bytes)| position(key, bytes));
        wire::HelloAnswer {
            control_time_ms: now_ms(),
            quarantined_because: match stored.shut_out {
                true => "another machine speaks as this node".into(),
                false => String::new(),
            },
            next_fact: next.map(|(boot, seq)| wire::JournalPosition { boot, seq, end: 0 }),
            console: positions.collect(),
            keys: self.keys(),
        }
    }

    fn keys(&self) -> Vec<wire::VerifyKey> {
        vec![
            self.command.announce(Use::Command),
            self.ticket.announce(Use::Ticket),
        ]
    }

    fn mint(&self, key: &str) -> Result<(String, i64), wire::Failure> {
        let now = now_ms() / 1000;
        let until = now + 3600;
        let jwt = self.realm.mint_node(self.node, key, now, until);
        let jwt = jwt.map_err(|e| failure("refused", &e.to_string(), false))?;
        Ok((jwt, until * 1000))
    }

    fn register(&self, ask: wire::Register) -> Result<wire::Registered, wire::Failure> {
        if ask.secret != "secret" {
            return Err(failure(
                "token_unknown",
                "this join token is not known",
                false,
            ));
        }
        let (jwt, jwt_expires_at_ms) = self.mint(&ask.public_key)?;
        self.stored.lock().registered.push(ask);
        Ok(wire::Registered {
            node: self.node.to_string(),
            jwt,
            jwt_expires_at_ms,
            nats_urls: vec![self.url.clone()],
            nats_ca_pem: String::new(),
            keys: self.keys(),
        })
    }

    fn renew(&self, ask: wire::Renew) -> Result<wire::Renewed, wire::Failure> {
        let key = nkeys::KeyPair::from_public_key(&ask.public_key).unwrap();
        let proof = format!("{}\n{}", self.node, ask.public_key);
        key.verify(proof.as_bytes(), &ask.proof)
            .map_err(|_| failure("bad_proof", "", false))?;
        let (jwt, jwt_expires_at_ms) = self.mint(&ask.public_key)?;
        Ok(wire::Renewed {
            jwt,
            jwt_expires_at_ms,
        })
    }

    fn facts(&self, batch: wire::FactBatch) -> wire::FactAnswer {
        let mut stored = self.stored.lock();
        for fact in batch.facts {
            let expected = stored.next.clone().unwrap_or((batch.boot.clone(), 1));
            let follows = expected == (batch.boot.clone(), fact.seq);
            let begins = match &fact.what {
                Some(What::BootStarted(b)) => {
                    fact.seq == 1
                        && b.previous_boot == expected.0
                        && b.previous_last_seq < expected.1
                }
                _ => false,
            };
            if follows || begins {
                stored.next = Some((batch.boot.clone(), fact.seq + 1));
                stored.facts.push(fact);
            }
        }
        let next = stored.next.clone();
        wire::FactAnswer {
            next: next.map(|(boot, seq)| wire::JournalPosition { boot, seq, end: 0 }),
        }
    }

    fn console(&self, upload: wire::ConsoleUpload) -> wire::ConsoleUploaded {
        let mut stored = self.stored.lock();
        let mut committed = Vec::new();
        for range in upload.ranges {
            let key = (range.server.clone(), range.run.clone(), range.stream);
            let data = match range.compressed {
                true => zstd::bulk::decompress(&range.data, range.length as usize).unwrap(),
                false => range.data.to_vec(),
            };
            assert_eq!(data.len(), range.length as usize);
            if range.gap_to > 0 {
                stored.gaps += 1;
            }
            let have = stored.console.entry(key.clone()).or_default();
            let end = range.gap_to.max(range.offset + data.len() as u64);
            // Beyond what is there: it follows from a lost answer at most, and is sent again.
            if range.offset <= have.len() as u64 && end > have.len() as u64 {
                if range.gap_to > 0 {
                    have.resize(end as usize, b'#');
                } else {
                    let skip = have.len() - range.offset as usize;
                    have.extend_from_slice(&data[skip..]);
                }
            }
            let at = position(&key, have);
            committed.push(at);
        }
        wire::ConsoleUploaded { committed }
    }

    pub fn boot(&self) -> BootId {
        let stored = self.stored.lock();
        stored.hello.as_ref().unwrap().boot.parse().unwrap()
    }

    pub fn signed(&self, verb: &str, body: &impl Message) -> wire::SignedCommand {
        let order = Order {
            node: self.node,
            boot: self.boot(),
            verb,
            expires_at_ms: now_ms() + 15_000,
            body: &body.encode_to_vec(),
        };
        signed::sign(&self.command, order)
    }

    /// Asks as control does.
    pub async fn ask<M: Message + Default>(
        &self,
        verb: &str,
        body: &impl Message,
    ) -> Result<M, CallError> {
        let kind = match verb {
            down::CONSOLE | down::FILES => format!("{verb}.signed"),
            other => other.to_owned(),
        };
        let command = self.signed(verb, body);
        let subject = subjects::to_node(self.node, verb);
        self.bus
            .call(subject, &kind, Some(self.node), &command, SOON)
            .await
    }

    /// Facts of one server, in order.
    pub fn facts_of(&self, server: &str) -> Vec<What> {
        let stored = self.stored.lock();
        let mine = stored.facts.iter().filter(|f| f.server == server);
        mine.filter_map(|f| f.what.clone()).collect()
    }

    /// What control has of a server's newest stream of that kind.
    pub fn bytes(&self, server: &str, stream: wire::ConsoleStream) -> Vec<u8> {
        let stored = self.stored.lock();
        let mine = stored
            .console
            .iter()
            .filter(|((s, _, k), _)| s == server && *k == stream as i32);
        mine.max_by_key(|((_, run, _), _)| run.clone())
            .map(|(_, bytes)| bytes.clone())
            .unwrap_or_default()
    }
}

fn position((server, run, stream): &Key, bytes: &[u8]) -> wire::ConsolePosition {
    wire::ConsolePosition {
        server: server.clone(),
        run: run.clone(),
        stream: *stream,
        committed: bytes.len() as u64,
    }
}
