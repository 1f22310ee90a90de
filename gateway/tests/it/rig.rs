//! A nats-server set up as Warren does it, a gateway on it, and the two that it talks to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use nkeys::KeyPair;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use warren_gateway::Gateway;
use warren_gateway::config::{Config, Sftp};
use warren_harness::Nats;
use warren_proto::bus::accounts::{Realm, Revocations, Storage};
use warren_proto::bus::config::ServerConfig;
use warren_proto::bus::keyring::{Keyring, Signer, Use};
use warren_proto::bus::ticket::{self, Mine, Scope, Ticket, right};
use warren_proto::bus::{Ask, Bus, Creds, Options, Seed, ServeOptions, Serving, failure, version};
use warren_proto::envelope;
use warren_proto::ids::{ControlId, GatewayId, NodeId, RunId, ServerId, SessionId, UserId};
use warren_proto::subjects::{self, down, gate, live};
use warren_proto::wire::console_ask::Ask as What;
use warren_proto::wire::*;

pub struct Rig {
    pub nats: Nats,
    pub realm: Realm,
    pub gateway: Gateway,
    pub control: Arc<Control>,
    pub monitor: u16,
    _dir: TempDir,
}

impl Rig {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Under another configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let realm = Realm::create("test", now_s() - 10).unwrap().0;
        let monitor = warren_harness::free_port().unwrap();
        let banner = Nats::start("listen: \"127.0.0.1:{{PORT}}\"\n")
            .unwrap()
            .version()
            .unwrap();
        let config = ServerConfig {
            server_name: "n1".into(),
            listen: "127.0.0.1:{{PORT}}".into(),
            monitor: Some(format!("127.0.0.1:{monitor}")),
            dir: "{{DIR}}".into(),
            storage: Storage::default(),
            tls: None,
            cluster: None,
            pid_file: None,
            ports_dir: None,
            version: version::from_banner(&banner).unwrap(),
        };
        let conf = config
            .render(&realm, |_| Revocations::new(), now_s() - 10)
            .unwrap();
        let nats = Nats::start(&conf).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let creds_file = dir.path().join("gateway.creds");
        creds(|user| realm.mint_gateway(GatewayId::new(), user, now_s(), None))
            .store(&creds_file)
            .unwrap();
        let control = Control::start(&nats, &realm).await;
        let mut config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            nats_urls: vec![nats.url()],
            nats_ca: None,
            creds_file,
            strangers_per_address: 64,
            strangers: 4096,
            sftp: Sftp {
                listen: None,
                ..Sftp::default()
            },
            trusted_proxies: Vec::new(),
        };
        change(&mut config);
        let gateway = Gateway::start(&config, CancellationToken::new())
            .await
            .unwrap();
        let rig = Self {
            nats,
            realm,
            gateway,
            control,
            monitor,
            _dir: dir,
        };
        rig.ready().await;
        rig
    }

    async fn ready(&self) {
        let edge = &self.gateway.edge;
        // The first audit means that ticks are heard.
        eventually("ready", || {
            edge.keyed.load(Relaxed) && edge.metrics.audits.get() > 0
        })
        .await;
    }

    pub async fn agent(&self) -> Arc<Agent> {
        Agent::start(self, NodeId::new(), ServerId::new()).await
    }
}

/// Waits for a state, with a limit.
pub async fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let wait = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), wait)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

pub fn now_s() -> i64 {
    now_ms() / 1000
}

fn creds<E: std::fmt::Debug>(mint: impl FnOnce(&str) -> Result<String, E>) -> Creds {
    let user = KeyPair::new_user();
    Creds::new(mint(&user.public_key()).unwrap(), Seed::of(&user).unwrap()).unwrap()
}

async fn connect(nats: &Nats, creds: Creds) -> Bus {
    let options = Options {
        urls: vec![nats.url()],
        name: "test".into(),
        creds,
        ca_pem: None,
    };
    let bus = Bus::start(options).await.unwrap();
    bus.ready(Duration::from_secs(10)).await.unwrap();
    bus
}

/// Plays control's part towards gateways.
pub struct Control {
    pub bus: Bus,
    pub signer: Signer,
    pub counter: AtomicU64,
    pub ticking: AtomicBool,
    pub ended: Mutex<HashSet<String>>,
    /// What the database has of a server: (run, game bytes).
    pub history: Mutex<HashMap<String, (RunId, Vec<u8>)>>,
    desk: Mutex<Option<Serving>>,
}

impl Control {
    async fn start(nats: &Nats, realm: &Realm) -> Arc<Self> {
        let bus = connect(
            nats,
            realm.control_creds(ControlId::new(), now_s()).unwrap(),
        )
        .await;
        let control = Arc::new(Self {
            bus: bus.clone(),
            signer: Signer::create(),
            counter: AtomicU64::new(5),
            ticking: AtomicBool::new(true),
            ended: Mutex::default(),
            history: Mutex::default(),
            desk: Mutex::default(),
        });
        let me = control.clone();
        let desk = bus.serve(
            subjects::GATE_ASK_ANY.into(),
            ServeOptions::default(),
            move |ask| {
                let me = me.clone();
                async move { me.answer(&ask) }
            },
        );
        *control.desk.lock() = Some(desk.await.unwrap());
        let me = Arc::downgrade(&control);
        tokio::spawn(async move {
            while let Some(me) = me.upgrade() {
                if me.ticking.load(Relaxed) {
                    let tick = Tick {
                        counter: me.counter.load(Relaxed),
                        control_time_ms: now_ms(),
                    };
                    let _ = me
                        .bus
                        .publish(
                            subjects::gate_tell(gate::TICK),
                            envelope::told(gate::TICK, &tick),
                        )
                        .await;
                }
                drop(me);
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        control
    }

    fn answer(&self, ask: &Ask) -> Result<Bytes, Failure> {
        match ask.kind.as_str() {
            gate::KEYS => {
                let _: KeysAsk = ask.open()?;
                let keys = vec![self.signer.announce(Use::Ticket)];
                Ok(ask.ok(&Keys {
                    keys,
                    revocation_counter: self.counter.load(Relaxed),
                }))
            }
            gate::SESSIONS => {
                let asked: SessionsAsk = ask.open()?;
                let ended = self.ended.lock();
                let ended = asked
                    .sessions
                    .into_iter()
                    .filter(|s| ended.contains(s))
                    .collect();
                Ok(ask.ok(&SessionsAnswer {
                    ended,
                    revocation_counter: self.counter.load(Relaxed),
                }))
            }
            gate::HISTORY => {
                let asked: HistoryAsk = ask.open()?;
                let history = self.history.lock();
                let Some((run, bytes)) = history.get(&asked.server) else {
                    return Err(failure("not_found", "nothing", false));
                };
                let end = bytes.len() as u64;
                let (from, to) = if asked.run.is_empty() {
                    (end.saturating_sub(u64::from(asked.tail_bytes)), end)
                } else {
                    (
                        asked.from.min(end),
                        if asked.to == 0 {
                            end
                        } else {
                            asked.to.min(end)
                        },
                    )
                };
                Ok(ask.ok(&chunks(*run, bytes, from, to, 0)))
            }
            _ => Err(failure("unknown", "unknown", false)),
        }
    }

    /// As control does it in its transaction, and tells unless `silently`.
    pub async fn revoke(&self, sessions: &[SessionId], users: &[UserId], silently: bool) {
        self.ended
            .lock()
            .extend(sessions.iter().map(ToString::to_string));
        let counter = self.counter.fetch_add(1, Relaxed) + 1;
        if silently {
            return;
        }
        let told = Revoked {
            counter,
            sessions: sessions.iter().map(ToString::to_string).collect(),
            users: users.iter().map(ToString::to_string).collect(),
        };
        self.bus
            .publish(
                subjects::gate_tell(gate::REVOKED),
                envelope::told(gate::REVOKED, &told),
            )
            .await
            .unwrap();
    }

    pub fn ticket(&self, ticket: &Ticket) -> String {
        ticket::sign(&self.signer, ticket).unwrap()
    }
}

/// One person, who may watch and type.
#[derive(Clone, Copy)]
pub struct Person {
    pub user: UserId,
    pub session: SessionId,
}

impl Person {
    pub fn new() -> Self {
        Self {
            user: UserId::new(),
            session: SessionId::new(),
        }
    }

    pub fn for_server(self, agent: &Agent) -> Ticket {
        self.with(
            Scope::Server {
                server: agent.server,
                node: agent.node,
            },
            &[right::WATCH, right::INPUT],
        )
    }

    pub fn mine(self, mine: Mine) -> Ticket {
        self.with(Scope::Mine(mine), &[])
    }

    pub fn with(self, scope: Scope, rights: &[&str]) -> Ticket {
        Ticket {
            user: self.user,
            session: self.session,
            scope,
            rights: rights.iter().map(|r| (*r).to_owned()).collect(),
            upload_bytes: None,
            iat: now_s(),
            exp: now_s() + 300,
        }
    }
}

/// Plays the agent's part for one server.
pub struct Agent {
    pub node: NodeId,
    pub server: ServerId,
    bus: Mutex<Option<Bus>>,
    keys: Keyring,
    pub runs: Mutex<Vec<(RunId, Vec<u8>)>>,
    sessions: Mutex<HashMap<String, Ticket>>,
    pub typed: Mutex<Vec<String>>,
    typed_ids: Mutex<HashSet<String>>,
    pub opened: AtomicU64,
    pub watched: AtomicU64,
    pub tails: AtomicU64,
    pub ranges: AtomicU64,
    pub off: AtomicBool,
    desk: Mutex<Option<Serving>>,
    creds: Creds,
}

impl Agent {
    async fn start(rig: &Rig, node: NodeId, server: ServerId) -> Arc<Self> {
        let signer = &rig.control.signer;
        let mut keys = Keyring::default();
        keys.pin(Use::Ticket, signer.id(), &signer.public())
            .unwrap();
        let creds = creds(|user| rig.realm.mint_node(node, user, now_s(), now_s() + 3600));
        let agent = Arc::new(Self {
            node,
            server,
            bus: Mutex::default(),
            keys,
            runs: Mutex::new(vec![(RunId::new(), Vec::new())]),
            sessions: Mutex::default(),
            typed: Mutex::default(),
            typed_ids: Mutex::default(),
            opened: AtomicU64::new(0),
            watched: AtomicU64::new(0),
            tails: AtomicU64::new(0),
            ranges: AtomicU64::new(0),
            off: AtomicBool::new(false),
            desk: Mutex::default(),
            creds,
        });
        agent.dial(&rig.nats).await;
        agent
    }

    /// Comes (back) to the bus, with an empty memory of sessions.
    pub async fn dial(self: &Arc<Self>, nats: &Nats) {
        self.sessions.lock().clear();
        let bus = connect(nats, self.creds.clone()).await;
        let me = self.clone();
        let desk = bus.serve(
            subjects::asked_of(self.node),
            ServeOptions::default(),
            move |ask| {
                let me = me.clone();
                async move { me.answer(&ask) }
            },
        );
        let desk = desk.await.unwrap();
        *self.desk.lock() = Some(desk);
        *self.bus.lock() = Some(bus);
    }

    pub async fn vanish(&self) {
        let desk = self.desk.lock().take();
        if let Some(desk) = desk {
            desk.close(Duration::from_secs(1)).await;
        }
        let bus = self.bus.lock().take();
        if let Some(bus) = bus {
            bus.close(Duration::from_secs(1)).await;
        }
    }

    pub fn forget_sessions(&self) {
        self.sessions.lock().clear();
    }

    pub fn run(&self) -> RunId {
        self.runs.lock().last().unwrap().0
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.runs.lock().last().unwrap().1.clone()
    }

    pub fn new_run(&self) -> RunId {
        let run = RunId::new();
        self.runs.lock().push((run, Vec::new()));
        run
    }

    /// Bytes that reach the spool and nobody else.
    pub fn lose(&self, data: &[u8]) {
        self.runs
            .lock()
            .last_mut()
            .unwrap()
            .1
            .extend_from_slice(data);
    }

    pub async fn print(&self, data: &[u8]) {
        let (run, offset) = {
            let runs = self.runs.lock();
            let (run, bytes) = runs.last().unwrap();
            (*run, bytes.len() as u64)
        };
        self.lose(data);
        let frame = ConsoleFrame {
            server: self.server.to_string(),
            run: run.to_string(),
            stream: 0,
            offset,
            data: Bytes::copy_from_slice(data),
            at_ms: 7,
        };
        let bus = self.bus.lock().clone().unwrap();
        let subject = subjects::live_console(self.node, self.server);
        bus.tell(subject, live::CONSOLE, self.node, &frame)
            .await
            .unwrap();
    }

    pub async fn stats(&self) {
        let frame = StatsFrame {
            server: self.server.to_string(),
            sample: Some(ServerSample {
                cpu_percent: 12.5,
                memory_bytes: 1 << 30,
                ..Default::default()
            }),
            ends: vec![self.stream_end()],
            state: State::Running.into(),
        };
        let bus = self.bus.lock().clone().unwrap();
        bus.tell(
            subjects::live_stats(self.node, self.server),
            live::STATS,
            self.node,
            &frame,
        )
        .await
        .unwrap();
    }

    fn stream_end(&self) -> StreamEnd {
        let runs = self.runs.lock();
        let (run, bytes) = runs.last().unwrap();
        StreamEnd {
            run: run.to_string(),
            stream: 0,
            end: bytes.len() as u64,
            first: 0,
        }
    }

    fn answer(&self, ask: &Ask) -> Result<Bytes, Failure> {
        match ask.kind.as_str() {
            down::OPEN => {
                let open: Open = ask.open()?;
                let ticket = ticket::verify(&self.keys, &open.ticket, now_s() * 1000)
                    .map_err(|r| failure(r.code(), &r.to_string(), false))?;
                ticket
                    .for_server(self.server, self.node)
                    .map_err(|r| failure(r.code(), "", false))?;
                self.opened.fetch_add(1, Relaxed);
                let session = SessionId::new().to_string();
                let expires_at_ms = ticket.expires_at_ms();
                self.sessions.lock().insert(session.clone(), ticket);
                Ok(ask.ok(&Opened {
                    session,
                    expires_at_ms,
                }))
            }
            down::CLOSE => {
                let close: Close = ask.open()?;
                self.sessions.lock().remove(&close.session);
                Ok(ask.ok(&Accepted {}))
            }
            down::CONSOLE => {
                let asked: ConsoleAsk = ask.open()?;
                let ticket = self.sessions.lock().get(&asked.session).cloned();
                let ticket =
                    ticket.ok_or_else(|| failure("unknown_session", "open again", true))?;
                self.console(ask, asked.ask.unwrap(), &ticket)
            }
            other => Err(failure("unknown", other, false)),
        }
    }

    fn console(&self, ask: &Ask, what: What, ticket: &Ticket) -> Result<Bytes, Failure> {
        match what {
            What::Watch(_) => {
                self.watched.fetch_add(1, Relaxed);
                Ok(ask.ok(&WatchAnswer {
                    lease_ms: 30_000,
                    ends: vec![self.stream_end()],
                }))
            }
            What::Tail(tail) => {
                self.tails.fetch_add(1, Relaxed);
                let (run, bytes) = self.runs.lock().last().unwrap().clone();
                let from = (bytes.len() as u64).saturating_sub(u64::from(tail.max_bytes));
                Ok(ask.ok(&chunks(run, &bytes, from, bytes.len() as u64, 0)))
            }
            What::Range(range) => {
                self.ranges.fetch_add(1, Relaxed);
                let runs = self.runs.lock();
                let found = runs.iter().find(|(run, _)| run.to_string() == range.run);
                let Some((run, bytes)) = found.filter(|_| range.stream == 0) else {
                    return Ok(ask.ok(&Chunks::default()));
                };
                let end = bytes.len() as u64;
                let to = range.to.min(end).min(range.from + 256 * 1024);
                Ok(ask.ok(&chunks(*run, bytes, range.from.min(to), to, 0)))
            }
            What::Input(input) => {
                assert!(ticket.may(right::INPUT));
                let result = if self.off.load(Relaxed) {
                    InputResult::Off
                } else {
                    InputResult::Written
                };
                if result == InputResult::Written && self.typed_ids.lock().insert(input.id) {
                    self.typed
                        .lock()
                        .push(String::from_utf8(input.line).unwrap());
                }
                Ok(ask.ok(&InputAnswer {
                    result: result.into(),
                }))
            }
        }
    }
}

fn chunks(run: RunId, bytes: &[u8], from: u64, to: u64, stream: i32) -> Chunks {
    let (start, stop) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
    let data = Bytes::copy_from_slice(&bytes[start..stop]);
    let range = ConsoleRange {
        run: run.to_string(),
        stream,
        offset: from,
        length: u32::try_from(data.len()).unwrap(),
        data,
        times: vec![TimeMark {
            offset: from,
            at_ms: 5,
        }],
        ..Default::default()
    };
    let end = StreamEnd {
        run: run.to_string(),
        stream,
        end: bytes.len() as u64,
        first: 0,
    };
    Chunks {
        ranges: if from == to { Vec::new() } else { vec![range] },
        ends: vec![end],
    }
}
