//! A node that speaks the real protocol on a real connection and runs nothing.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use prost::Message;
use warren_control::node::token::{self, TokenAsk};
use warren_harness::eventually_async;
use warren_proto::{
    bus::{
        Ask, Bus, CallError, Creds, Options, Seed, ServeOptions, Serving, failure,
        keyring::Keyring, signed::Verifier,
    },
    ids::{BootId, LedgerId, NodeId, RunId, ServerId},
    join::JoinToken,
    subjects::{self, down, up},
    wire::{self, fact::What},
};

use crate::{
    http_files::Disk,
    world::{SOON, World},
};

/// What a node keeps, and what it was told.
#[derive(Default)]
pub struct Told {
    pub applies: Vec<wire::Apply>,
    pub jobs: Vec<wire::JobAsk>,
    pub revokes: Vec<wire::Revoke>,
    pub applied_rev: u64,
    pub disk: Disk,
    /// Answers about the console that get lost on their way: what was asked is done.
    pub lose_answers: u32,
    /// Answers nothing while set.
    pub deaf: bool,
    /// Named as orphans in every answer to an apply.
    pub orphans: Vec<String>,
    /// Rows below this generation are left out.
    pub floor: u64,
    /// Said of a server in place of what it was told.
    pub word: Option<wire::WantedServer>,
}

impl Told {
    /// The last row of a server, as its ledger would have it.
    pub fn wanted(&self, server: &str) -> Option<wire::WantedServer> {
        let mut rows = self.applies.iter().flat_map(|a| &a.servers);
        rows.rfind(|s| s.server == server).cloned()
    }

    fn answer(&mut self, ask: &Ask, body: &[u8], ledger: LedgerId) -> Result<Bytes, wire::Failure> {
        if self.deaf {
            return Err(failure("deaf", "not now", true));
        }
        match &*ask.kind {
            down::APPLY => {
                let apply = wire::Apply::decode(body).unwrap();
                if apply.from <= self.applied_rev {
                    self.applied_rev = self.applied_rev.max(apply.to);
                }
                let position = wire::LedgerPosition {
                    id: ledger.to_string(),
                    rev: self.applied_rev,
                    ..Default::default()
                };
                let floor = self.floor;
                let low = apply.servers.iter().filter(|s| s.generation < floor);
                let left_out = low.map(|s| wire::LeftOut {
                    server: s.server.clone(),
                    floor,
                });
                let left_out = left_out.collect();
                self.applies.push(apply);
                Ok(ask.ok(&wire::ApplyAnswer {
                    ledger: Some(position),
                    orphans: self.orphans.clone(),
                    left_out,
                }))
            }
            down::JOBS => {
                let job = wire::JobAsk::decode(body).unwrap();
                self.jobs.push(job);
                Ok(ask.ok(&wire::JobStatus {
                    state: "running".into(),
                    percent: 10.0,
                    step: "pulling the image".into(),
                    ..Default::default()
                }))
            }
            down::WANTED => {
                let asked = wire::WantedAsk::decode(body).unwrap();
                let row = self.word.clone().or_else(|| self.wanted(&asked.server));
                Ok(ask.ok(&row.ok_or_else(|| failure("unknown_server", "", false))?))
            }
            down::REVOKE => {
                self.revokes.push(wire::Revoke::decode(body).unwrap());
                Ok(ask.ok(&wire::Accepted {}))
            }
            down::FILES => self.disk.answer(ask, body),
            down::CONSOLE => self.disk.console(ask, body),
            other => Err(failure("unknown", other, false)),
        }
    }
}

pub struct FakeNode {
    pub id: NodeId,
    pub bus: Bus,
    pub boot: BootId,
    pub boots: Vec<BootId>,
    pub ledger: LedgerId,
    pub key: nkeys::KeyPair,
    pub told: Arc<Mutex<Told>>,
    pub keys: Vec<wire::VerifyKey>,
    pub next_seq: u64,
    pub servers: Vec<wire::ObservedServer>,
    pub journal: Vec<wire::JournalPosition>,
    pub jobs: Vec<wire::RunningJob>,
    serving: Option<Serving>,
}

pub async fn connect(urls: Vec<String>, creds: Creds) -> Bus {
    let options = Options {
        urls,
        name: "test".into(),
        creds,
        ca_pem: None,
    };
    Bus::start(options).await.unwrap()
}

pub fn registration(token: &JoinToken, key: &nkeys::KeyPair) -> wire::Register {
    let public = key.public_key();
    wire::Register {
        token: token.id.to_string(),
        secret: token.secret.clone(),
        proof: key
            .sign(format!("{}\n{public}", token.id).as_bytes())
            .unwrap(),
        public_key: public,
        host: Some(wire::HostFacts {
            hostname: "rack-7".into(),
            cpus: 2,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// As [`registration`], by a machine that was `node` and still has its key.
pub fn rejoining(
    token: &JoinToken,
    key: &nkeys::KeyPair,
    node: NodeId,
    old: &nkeys::KeyPair,
) -> wire::Register {
    let mut ask = registration(token, key);
    let text = format!("{node}\n{}\n{}", token.id, ask.public_key);
    ask.former_proof = old.sign(text.as_bytes()).unwrap();
    ask.former_node = node.to_string();
    ask
}

pub async fn token_of(world: &World, uses: i64) -> JoinToken {
    token_from(world, uses, None).await
}

/// A token that takes one node back.
pub async fn token_for(world: &World, node: NodeId) -> JoinToken {
    token_from(world, 1, Some(node)).await
}

async fn token_from(world: &World, uses: i64, node: Option<NodeId>) -> JoinToken {
    let ask = TokenAsk {
        uses,
        node,
        local: true,
        ..TokenAsk::default()
    };
    let made = token::create(&world.app, &ask).await.unwrap();
    JoinToken::decode(&made.token).unwrap()
}

pub async fn stranger(token: &JoinToken) -> Bus {
    let seed = Seed::parse(&token.seed, nkeys::KeyPairType::User).unwrap();
    let bus = connect(
        token.nats_urls.clone(),
        Creds::new(token.jwt.clone(), seed).unwrap(),
    )
    .await;
    bus.ready(SOON).await.unwrap();
    bus
}

/// As an agent does: again while nobody answers. The call is idempotent.
pub async fn register(bus: &Bus, ask: &wire::Register) -> Result<wire::Registered, CallError> {
    eventually_async("control to answer a registration", SOON, || async {
        let within = Duration::from_secs(2);
        match bus
            .call(
                subjects::ENROLL_REGISTER.into(),
                "register",
                None,
                ask,
                within,
            )
            .await
        {
            Err(CallError::Bus(_)) => None,
            answered => Some(answered),
        }
    })
    .await
    .unwrap()
}

impl FakeNode {
    /// Joins over the bus, connects as itself and says hello.
    pub async fn join(world: &World) -> Self {
        let token = token_of(world, 1).await;
        let key = nkeys::KeyPair::new_user();
        let bus = stranger(&token).await;
        let registered = register(&bus, &registration(&token, &key)).await.unwrap();
        let mut node = Self::from_registered(&registered, key).await;
        node.listen().await;
        // As an agent does: again while it may help. A question on its way while a server takes an account anew may
        // come twice, and the second one is told that the first is in hand.
        let said = eventually_async("control to take a hello", SOON, || async {
            match node.hello().await {
                Err(error) if error.retryable() => None,
                answered => Some(answered),
            }
        });
        said.await.unwrap().unwrap();
        node
    }

    pub async fn from_registered(registered: &wire::Registered, key: nkeys::KeyPair) -> Self {
        let creds = Creds::new(registered.jwt.clone(), Seed::of(&key).unwrap()).unwrap();
        let bus = connect(registered.nats_urls.clone(), creds).await;
        bus.ready(SOON).await.unwrap();
        let boot = BootId::new();
        Self {
            id: registered.node.parse().unwrap(),
            bus,
            boot,
            boots: vec![boot],
            ledger: LedgerId::new(),
            key,
            told: Arc::default(),
            keys: registered.keys.clone(),
            next_seq: 1,
            servers: Vec::new(),
            journal: Vec::new(),
            jobs: Vec::new(),
            serving: None,
        }
    }

    /// Answers what control asks, for the current boot.
    pub async fn listen(&mut self) {
        let (node, ledger, told) = (self.id, self.ledger, self.told.clone());
        let keys = Keyring::of(&self.keys).unwrap();
        let verifier = Arc::new(Mutex::new(Verifier::new(node, self.boot)));
        let serve = self.bus.serve(
            subjects::asked_of(node),
            ServeOptions::default(),
            move |ask| {
                let (told, keys, verifier) = (told.clone(), keys.clone(), verifier.clone());
                async move {
                    let signed: wire::SignedCommand = ask.open()?;
                    let now_ms = warren_control::clock::Clock::system().now_ms();
                    let checked = verifier
                        .lock()
                        .unwrap()
                        .check(&keys, &signed, &ask.kind, now_ms);
                    if &*ask.kind == down::ALIVE {
                        return Ok(match checked {
                            Ok(_) => ask.ok(&wire::Accepted {}),
                            Err(_) => Ask::silence(),
                        });
                    }
                    let checked = checked.map_err(|e| failure(e.code(), "refused", false))?;
                    let (answer, lost) = {
                        let mut told = told.lock().unwrap();
                        let lost = told.lose_answers > 0 && &*ask.kind == down::CONSOLE;
                        told.lose_answers -= u32::from(lost);
                        (told.answer(&ask, &checked.body, ledger), lost)
                    };
                    if lost {
                        std::future::pending::<()>().await;
                    }
                    answer
                }
            },
        );
        self.serving = Some(serve.await.unwrap());
    }

    /// Answers nothing any more, as a process that is no more.
    pub fn silent(&mut self) {
        self.serving = None;
    }

    pub async fn ask<M: Message + Default>(
        &self,
        word: &str,
        body: &impl Message,
    ) -> Result<M, CallError> {
        let subject = match word {
            up::HELLO | up::RENEW => subjects::ask(self.id, word),
            _ => subjects::from_node(self.id, word),
        };
        self.bus
            .call(subject, word, Some(self.id), body, Duration::from_secs(2))
            .await
    }

    pub fn hello_of(&self) -> wire::Hello {
        wire::Hello {
            boot: self.boot.to_string(),
            boots: self.boots.iter().map(ToString::to_string).collect(),
            ledger: Some(wire::LedgerPosition {
                id: self.ledger.to_string(),
                rev: self.told.lock().unwrap().applied_rev,
                ..Default::default()
            }),
            servers: self.servers.clone(),
            jobs: self.jobs.clone(),
            host: Some(wire::HostFacts {
                hostname: "rack-7".into(),
                allowed_mounts: vec!["/srv/games".into(), "/etc".into()],
                ..Default::default()
            }),
            journal: self.journal.clone(),
            ..Default::default()
        }
    }

    pub async fn hello(&self) -> Result<wire::HelloAnswer, CallError> {
        self.ask(up::HELLO, &self.hello_of()).await
    }

    /// A new process of the same node.
    pub async fn reboot(&mut self) {
        self.boot = BootId::new();
        self.boots.insert(0, self.boot);
        self.next_seq = 1;
        self.listen().await;
    }

    /// The next fact of this boot.
    pub fn fact(&mut self, server: Option<ServerId>, what: What) -> wire::Fact {
        let seq = self.next_seq;
        self.next_seq += 1;
        wire::Fact {
            seq,
            at_ms: warren_control::clock::Clock::system().now_ms(),
            server: server.map(|s| s.to_string()).unwrap_or_default(),
            generation: 1,
            what: Some(what),
        }
    }

    pub fn boot_started(&mut self, previous: Option<(BootId, u64)>) -> wire::Fact {
        let (boot, last) = previous.map_or((String::new(), 0), |(b, l)| (b.to_string(), l));
        self.fact(
            None,
            What::BootStarted(wire::BootStarted {
                previous_boot: boot,
                previous_last_seq: last,
                ..Default::default()
            }),
        )
    }

    pub fn state(&mut self, server: ServerId, from: wire::State, to: wire::State) -> wire::Fact {
        self.fact(
            Some(server),
            What::StateChanged(wire::StateChanged {
                from: from.into(),
                to: to.into(),
                reason: "asked".into(),
                ..Default::default()
            }),
        )
    }

    pub async fn upload(&self, facts: Vec<wire::Fact>) -> Result<wire::JournalPosition, CallError> {
        let batch = wire::FactBatch {
            speaker: self.boot.to_string(),
            boot: self.boot.to_string(),
            facts,
        };
        let answer: wire::FactAnswer = self.ask(up::LIFECYCLE, &batch).await?;
        Ok(answer.next.unwrap())
    }

    /// As an agent does: again until it is answered.
    pub async fn upload_surely(&self, facts: Vec<wire::Fact>) -> wire::JournalPosition {
        eventually_async("facts to be taken", SOON, || async {
            self.upload(facts.clone()).await.ok()
        })
        .await
        .unwrap()
    }

    pub fn range(server: ServerId, run: RunId, offset: u64, text: &str) -> wire::ConsoleRange {
        wire::ConsoleRange {
            server: server.to_string(),
            run: run.to_string(),
            offset,
            data: text.as_bytes().to_vec().into(),
            length: u32::try_from(text.len()).unwrap(),
            times: vec![wire::TimeMark {
                offset,
                at_ms: warren_control::clock::Clock::system().now_ms(),
            }],
            ..Default::default()
        }
    }

    pub async fn print(
        &self,
        ranges: Vec<wire::ConsoleRange>,
    ) -> Result<Vec<wire::ConsolePosition>, CallError> {
        let upload = wire::ConsoleUpload {
            boot: self.boot.to_string(),
            ranges,
        };
        let answer: wire::ConsoleUploaded = self.ask(up::CONSOLE, &upload).await?;
        Ok(answer.committed)
    }
}
