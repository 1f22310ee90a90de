//! An agent's process on a machine: ledger, journal, link and actors are the real ones.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use warren_agent::journal::{Batch, Book, Bounds, Pages, Position};
use warren_agent::ledger::{Applied, Boot, Ledger, Place, Process};
use warren_agent::link::core::{Core, Input};
use warren_agent::server::actor::{self, Actor, Msg};
use warren_agent::server::memory::Memory;
use warren_agent::server::{self, label};
use warren_proto::ids::{NodeId, ServerId};
use warren_proto::wire::{self, fact::What, job_ask};
use warren_runtime::runtime::{Exit, Found, FoundState};

use crate::control::{Answer, refuse};
use crate::host::{Held, Host, SimHands, Task};
use crate::plant::Plant;

/// Small, so that batches, segments and bounds happen.
const FACT_BYTES: usize = 700;
const BOUNDS: Bounds = Bounds {
    segment: 900,
    max: 1 << 20,
};

/// One server's actor and what waits for it.
struct Desk {
    actor: Actor<SimHands>,
    queue: VecDeque<Msg>,
    adopted: bool,
}

/// See the module.
pub struct Agent {
    /// Whose identity.
    pub node: NodeId,
    /// This process start.
    pub boot: Boot,
    /// Wanted state.
    pub ledger: Arc<Ledger>,
    /// Reads the journal.
    pub pages: Pages,
    /// What is said and when.
    pub core: Core,
    /// Why nothing is applied.
    pub quarantined: Option<String>,
    /// The machine's containers were looked at.
    pub adopted: bool,
    /// Requests under way.
    pub calls: BTreeMap<u64, wire::FactBatch>,
    /// Control has named servers that were not here.
    pub met: bool,
    /// Waiting bytes that the link was told of.
    pub bytes_told: u64,
    facts_told: u64,
    host: Arc<Mutex<Host>>,
    desks: BTreeMap<ServerId, Desk>,
    plant: Plant,
}

/// Polls once: nothing here waits for anything but its own death.
fn run<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

impl Agent {
    /// Starts a process as `Node::start` does. None: it was killed, or the disk said no.
    pub fn start(node: NodeId, host: &Arc<Mutex<Host>>, seed: u64) -> Option<Self> {
        let (disk, host_boot, plant) = {
            let host = host.lock();
            (host.disk.clone(), host.host_boot.clone(), host.plant)
        };
        let disk: Arc<dyn warren_agent::disk::Disk> = Arc::new(disk);
        let ledger = Ledger::open_on(disk.clone(), Path::new("ledger")).ok()?;
        let place = Place {
            host_boot,
            // One agent at a time: whichever came before on this start of this machine is over.
            process: Some(Process {
                namespace: 1,
                pid: 1,
                started: 1,
            }),
        };
        let boot = ledger.begin_boot(&place, |_| true).ok()?;
        let at_ms = host.lock().wall_ms();
        let first = |previous: Option<_>, last_seq| {
            let previous = previous.or(boot.previous);
            wire::Fact {
                at_ms,
                what: Some(What::BootStarted(wire::BootStarted {
                    previous_boot: previous
                        .map(|b: warren_proto::ids::BootId| b.to_string())
                        .unwrap_or_default(),
                    previous_last_seq: last_seq,
                    host_rebooted: boot.host_rebooted,
                    agent_version: String::new(),
                })),
                ..Default::default()
            }
        };
        let book = Book::open(disk, Path::new("journal"), boot.id, BOUNDS, first).ok()?;
        let pages = book.pages();
        {
            let mut host = host.lock();
            host.book = Some(book);
            host.spools.open();
        }
        let mut agent = Self {
            node,
            boot,
            ledger: Arc::new(ledger),
            pages,
            core: Core::new(seed),
            quarantined: None,
            adopted: false,
            calls: BTreeMap::new(),
            met: false,
            bytes_told: 0,
            facts_told: 0,
            host: host.clone(),
            desks: BTreeMap::new(),
            plant,
        };
        for begin in server::beginnings(&agent.ledger).ok()? {
            agent.spawn(begin.server, begin.row, begin.memory, false);
            // The journal is held until this is done.
            let desk = agent.desks.get_mut(&begin.server)?;
            if let Some(stone) = begin.stone {
                desk.actor.doom(stone.generation);
            }
            run(desk.actor.resend())?;
        }
        agent.is_alive().then_some(agent)
    }

    /// False: it was killed.
    pub fn is_alive(&self) -> bool {
        !self.host.lock().disk.is_dead()
    }

    fn spawn(
        &mut self,
        server: ServerId,
        row: Option<wire::WantedServer>,
        memory: Option<Vec<u8>>,
        adopted: bool,
    ) {
        let mut memory = actor::recall(server, memory);
        match self.plant {
            Plant::SettledForgotten => memory.life.settled = 0,
            Plant::UnsentForgotten => memory.owed.clear(),
            _ => {}
        }
        let host_boot = {
            let mut host = self.host.lock();
            let seen = host.seen.entry(server).or_default();
            seen.state = Some(memory.life.state);
            seen.generation = memory.generation(row.as_ref());
            seen.run = memory.run.as_ref().map(|r| r.id);
            seen.ended = memory.ended_jobs.iter().copied().collect();
            seen.job = memory.job.as_ref().map(|job| server::status::JobView {
                id: job.id,
                kind: job.kind.clone(),
                percent: -1.0,
                step: String::new(),
                bytes: server::status::Bytes::default(),
            });
            host.host_boot.clone()
        };
        let hands = SimHands {
            server,
            host: self.host.clone(),
            ledger: self.ledger.clone(),
            pages: self.pages.clone(),
            host_boot,
        };
        let desk = Desk {
            actor: Actor::new(server, row, memory, hands),
            queue: VecDeque::new(),
            adopted,
        };
        self.desks.insert(server, desk);
    }

    /// Gives an actor a message; one that is not there gets none.
    pub fn tell(&mut self, server: ServerId, msg: Msg) {
        if let Some(desk) = self.desks.get_mut(&server) {
            desk.queue.push_back(msg);
        }
    }

    /// What the machine has, told to the actors, as `Servers::adopt` does.
    pub fn adopt(&mut self) {
        let (games, installs) = {
            let host = self.host.lock();
            (host.games.clone(), host.installs.clone())
        };
        let strange: Vec<ServerId> = games.keys().chain(installs.keys()).copied().collect();
        for server in strange {
            if !self.desks.contains_key(&server) {
                self.spawn(server, None, None, false);
            }
        }
        for (server, desk) in &mut self.desks {
            if desk.adopted {
                continue;
            }
            desk.adopted = true;
            desk.queue.push_front(Msg::Adopt {
                game: games.get(server).and_then(|h| found(*server, h)),
                install: installs.get(server).and_then(|h| found(*server, h)),
                host_rebooted: self.boot.host_rebooted,
            });
        }
        self.adopted = true;
    }

    /// An actor for a server that nothing exists of.
    fn fresh(&mut self, server: ServerId) {
        self.spawn(server, None, None, true);
        let nothing = Msg::Adopt {
            game: None,
            install: None,
            host_rebooted: false,
        };
        self.tell(server, nothing);
    }

    /// Lets actors take what waits for them, until nothing does. False: the process was killed.
    pub fn work(&mut self) -> bool {
        loop {
            let told = std::mem::take(&mut self.host.lock().told);
            for (server, msg) in told {
                self.tell(server, msg);
            }
            let next = self
                .desks
                .iter_mut()
                .find(|(_, d)| d.adopted && !d.queue.is_empty());
            let Some((server, desk)) = next else {
                return self.is_alive();
            };
            let server = *server;
            let Some(msg) = desk.queue.pop_front() else {
                continue;
            };
            if run(desk.actor.take(msg)).is_none() {
                return false;
            }
            if desk.actor.is_gone() {
                self.desks.remove(&server);
                let generation = self.host.lock().gone;
                if let Some(msg) = server::successor(&self.ledger, server, generation) {
                    self.fresh(server);
                    self.tell(server, msg);
                }
            }
            if !self.is_alive() {
                return false;
            }
        }
    }

    /// When an actor's timer is due next.
    pub fn due_ms(&self) -> Option<i64> {
        let desks = self.desks.values().filter(|d| d.adopted);
        desks.filter_map(|d| d.actor.due_ms()).min()
    }

    /// Actors whose timers are due.
    pub fn tick(&mut self, now_ms: i64) -> bool {
        for desk in self.desks.values_mut() {
            let due = desk.adopted && desk.actor.due_ms().is_some_and(|at| at <= now_ms);
            if due && run(desk.actor.tick()).is_none() {
                return false;
            }
        }
        self.work()
    }

    /// `agent.<node>.apply`.
    pub fn apply(&mut self, mut apply: wire::Apply) -> Answer<wire::ApplyAnswer> {
        if self.quarantined.is_some() {
            return Err(refuse("quarantined", false));
        }
        match self.plant {
            Plant::TombstoneIgnored => apply.tombstones.clear(),
            Plant::OldGenerationWins => self.let_old_win(&apply),
            _ => {}
        }
        let applied = self.ledger.apply(&apply);
        let applied = applied.map_err(|_| refuse("ledger", true))?;
        self.applied(&applied);
        Ok(applied.answer(self.ledger.position()))
    }

    /// As if the comparison of generations were the wrong way round.
    fn let_old_win(&mut self, apply: &wire::Apply) {
        for row in &apply.servers {
            let Ok(server) = row.server.parse::<ServerId>() else {
                continue;
            };
            let known = self.ledger.wanted(server).map_or(0, |w| w.generation);
            if row.generation < known {
                let _ = self.ledger.bury(server, u64::MAX);
            }
        }
    }

    fn applied(&mut self, applied: &Applied) {
        self.met |= !applied.returned.is_empty();
        for (server, msg) in server::news(&self.ledger, applied) {
            if !self.desks.contains_key(&server) {
                self.fresh(server);
                self.met = true;
            }
            self.tell(server, msg);
        }
    }

    /// `agent.<node>.jobs`.
    pub fn jobs(&mut self, ask: job_ask::Ask) -> Answer<wire::JobStatus> {
        if self.quarantined.is_some() {
            return Err(refuse("quarantined", false));
        }
        match ask {
            job_ask::Ask::Start(start) => {
                let server = start.server.parse::<ServerId>().ok();
                let server = server.filter(|s| self.desks.contains_key(s));
                let server = server.ok_or_else(|| refuse("unknown_server", true))?;
                let (reply, answer) = oneshot::channel();
                self.tell(server, Msg::JobStart(start, reply));
                self.answered(answer)
            }
            // Nobody here has backups, or files that could be moved.
            job_ask::Ask::List(_) | job_ask::Ask::Probe(_) | job_ask::Ask::Transfer(_) => {
                Err(refuse("unknown_kind", false))
            }
            job_ask::Ask::Cancel(cancel) => match self.of_job(&cancel.job) {
                Some((server, id)) => {
                    let (reply, answer) = oneshot::channel();
                    self.tell(server, Msg::JobCancel(id, reply));
                    self.answered(answer)
                }
                None => Ok(unknown(&cancel.job)),
            },
            job_ask::Ask::Status(status) => {
                let host = self.host.lock();
                let mut all = host.seen.values();
                let running = |id: &str| {
                    let mut all = host.seen.values();
                    all.any(|s| s.job.as_ref().is_some_and(|j| j.id.to_string() == id))
                };
                let ended = all.any(|s| s.ended.iter().any(|j| j.to_string() == status.job));
                let mut answer = unknown(&status.job);
                if running(&status.job) {
                    answer.state = "running".into();
                } else if ended {
                    answer.state = "ended".into();
                }
                Ok(answer)
            }
        }
    }

    fn answered(
        &mut self,
        mut answer: oneshot::Receiver<Answer<wire::JobStatus>>,
    ) -> Answer<wire::JobStatus> {
        self.work();
        answer
            .try_recv()
            .unwrap_or_else(|_| Err(refuse("busy", true)))
    }

    fn of_job(&self, job: &str) -> Option<(ServerId, warren_proto::ids::JobId)> {
        let id = job.parse().ok()?;
        let host = self.host.lock();
        let mine = host
            .seen
            .iter()
            .find(|(_, s)| s.job.as_ref().is_some_and(|j| j.id == id) || s.ended.contains(&id));
        Some((*mine?.0, id))
    }

    /// For hello.
    pub fn hello(&self) -> wire::Hello {
        let host = self.host.lock();
        let shown = host.seen.iter().filter(|(s, _)| self.desks.contains_key(s));
        let servers = shown.clone().map(|(server, seen)| wire::ObservedServer {
            server: server.to_string(),
            generation: seen.generation,
            state: seen.state.map_or(0, |s| wire::State::from(s).into()),
            run: seen.run.map(|r| r.to_string()).unwrap_or_default(),
            spool_end: 0,
            started_at_ms: 0,
        });
        let jobs = shown.filter_map(|(server, seen)| {
            let job = seen.job.as_ref()?;
            Some(wire::RunningJob {
                job: job.id.to_string(),
                kind: job.kind.clone(),
                server: server.to_string(),
            })
        });
        wire::Hello {
            boot: self.boot.id.to_string(),
            ended: self
                .ledger
                .ended()
                .iter()
                .map(ToString::to_string)
                .collect(),
            boots: self
                .ledger
                .boots()
                .iter()
                .map(ToString::to_string)
                .collect(),
            ledger: Some(self.ledger.position()),
            servers: servers.collect(),
            jobs: jobs.collect(),
            host: None,
            journal: self.pages.positions(),
            ..Default::default()
        }
    }

    /// For heartbeats.
    pub fn heartbeat(&self) -> wire::Heartbeat {
        wire::Heartbeat {
            boot: self.boot.id.to_string(),
            ledger: Some(self.ledger.position()),
            ..Default::default()
        }
    }

    /// The next facts for control.
    pub fn batch(&self, from: Option<Position>) -> Option<Batch> {
        let batch = self.pages.read(from, FACT_BYTES).ok().flatten()?;
        if self.plant == Plant::FreeWhenSent
            && let Some(book) = &mut self.host.lock().book
        {
            book.free(batch.next);
        }
        Some(batch)
    }

    /// Facts are there that were not when this was last asked.
    pub fn has_news(&mut self) -> bool {
        let end = self.pages.end().seq;
        std::mem::replace(&mut self.facts_told, end) != end
    }

    /// Tells the link, and gives what it wants done.
    pub fn take(&mut self, input: Input, now_ms: i64) -> Vec<warren_agent::link::core::Action> {
        self.core.take(input, now_ms)
    }

    /// What each actor holds, for the checks at the end.
    pub fn states(&self) -> impl Iterator<Item = (ServerId, &Memory, Option<&wire::WantedServer>)> {
        self.desks.iter().map(|(server, desk)| {
            let (memory, row) = desk.actor.state();
            (*server, memory, row)
        })
    }

    /// Whether a server has an actor here.
    pub fn has(&self, server: ServerId) -> bool {
        self.desks.contains_key(&server)
    }
}

fn unknown(job: &str) -> wire::JobStatus {
    wire::JobStatus {
        job: job.to_owned(),
        state: "unknown".into(),
        percent: -1.0,
        ..Default::default()
    }
}

fn found(server: ServerId, held: &Held) -> Option<Found> {
    let (id, labels) = match held.job {
        Some(job) => (
            format!("{server}.install"),
            label::install(server, held.run, job),
        ),
        None => (
            server.to_string(),
            label::game(server, held.run, held.generation),
        ),
    };
    let state = match held.task {
        Task::Up => FoundState::Running {
            pid: 1,
            pid_start_ticks: 1,
        },
        Task::Ended(code) => FoundState::Stopped(Exit {
            code: code.unsigned_abs(),
            at: SystemTime::UNIX_EPOCH,
            oom: false,
        }),
        Task::None => FoundState::NoTask,
    };
    Some(Found {
        id: id.parse().ok()?,
        labels,
        run: held.run.to_string(),
        image: String::new(),
        created_at: SystemTime::UNIX_EPOCH,
        state,
    })
}
