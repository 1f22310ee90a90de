//! A machine: its disk, its containers, its consoles, and the hands with which an agent's actors reach them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::sync::Arc;

use parking_lot::Mutex;
use warren_agent::journal::{Book, Pages, Position};
use warren_agent::ledger::Ledger;
use warren_agent::server::actor::Msg;
use warren_agent::server::actor::hands::{Attach, Container, Hands, Script, Work};
use warren_agent::server::lifecycle::{Cause, Now};
use warren_agent::server::memory::{Ended, Memory};
use warren_agent::server::start::Failure;
use warren_agent::server::status::JobView;
use warren_proto::ids::{JobId, RunId, ServerId};
use warren_proto::{Message as _, state::State, wire};

use crate::console::Spools;
use crate::disk::MemDisk;
use crate::plant::Plant;
use crate::rng::Rng;

/// A container's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// It runs.
    Up,
    /// It has ended with that code.
    Ended(i32),
    /// A record without a task: the machine was restarted.
    None,
}

/// A container of a game or an install script.
#[derive(Debug, Clone)]
pub struct Held {
    /// Which start.
    pub run: RunId,
    /// Of the row that it was started from.
    pub generation: u64,
    /// For an install script.
    pub job: Option<JobId>,
    /// What it does.
    pub task: Task,
    /// It has shown its done marker.
    pub done: bool,
    /// The start order that it follows; 0 for another cause.
    pub order: u64,
}

/// What an actor asked for; the world does it a little later, unless the process is killed before.
#[derive(Debug)]
pub enum Doing {
    /// Start a game.
    Start(RunId, u64, Cause, u64),
    /// Ask it to end.
    AskStop,
    /// SIGKILL.
    Kill,
    /// Take everything away.
    Remove,
    /// Do a job; true: its container is there already.
    Job(JobId, RunId, Option<Script>),
    /// Break a job off.
    CancelJob,
}

/// What others see of a server.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Last reported state.
    pub state: Option<State>,
    /// See [`Memory::generation`].
    pub generation: u64,
    /// Newest run.
    pub run: Option<RunId>,
    /// The job under way.
    pub job: Option<JobView>,
    /// Jobs that are over.
    pub ended: Vec<JobId>,
}

/// Facts that were decided, for the checks at the end.
#[derive(Debug, Clone, Default)]
pub struct Promises {
    /// Facts that lie in memories or journals, without their numbers.
    pub made: BTreeSet<Vec<u8>>,
    /// Where each was journalled: boot and seq.
    pub places: BTreeMap<Vec<u8>, Vec<(String, u64)>>,
}

/// Everything of a machine that outlives its agent, and what its agent's parts share.
pub struct Host {
    /// Ledger and journal.
    pub disk: MemDisk,
    /// The kernel's boot id.
    pub host_boot: String,
    /// Containers of games.
    pub games: BTreeMap<ServerId, Held>,
    /// Containers of install scripts.
    pub installs: BTreeMap<ServerId, Held>,
    /// Servers whose files are here.
    pub files: BTreeSet<ServerId>,
    /// Console files.
    pub spools: Spools,
    /// Monotonic milliseconds of the machine.
    pub mono_ms: i64,
    /// How far its wall clock is off.
    pub wall_off_ms: i64,
    /// For ids.
    pub rng: Rng,
    /// What is known to have been decided.
    pub promises: Promises,
    /// Highest order that a game was started for and that has run or ended: it must not act again.
    pub acted: BTreeMap<ServerId, u64>,
    /// Highest generation that a game was started from.
    pub started_from: BTreeMap<ServerId, u64>,
    /// Every script that was run for a job.
    pub scripts: BTreeMap<(ServerId, JobId), Vec<RunId>>,
    /// What went wrong, to be told by the world.
    pub wrong: Vec<String>,
    /// Fault planted on purpose.
    pub plant: Plant,

    // From here on: of the process, and gone with it.
    /// Of this process.
    pub book: Option<Book>,
    /// Facts that the disk has not taken yet.
    pub waiting: Vec<wire::Fact>,
    /// To be done.
    pub doing: Vec<(ServerId, Doing)>,
    /// Messages of actors to themselves.
    pub told: Vec<(ServerId, Msg)>,
    /// Starts under way; true: to be aborted.
    pub starting: BTreeMap<ServerId, bool>,
    /// Jobs under way; true: to be broken off.
    pub working: BTreeMap<ServerId, bool>,
    /// Games whose console is followed to find the marker.
    pub finding: BTreeSet<ServerId>,
    /// What is shown.
    pub seen: BTreeMap<ServerId, Seen>,
    /// Generation of the tombstone that was carried out last.
    pub gone: u64,
    /// Memories that a planted fault holds back.
    pub held_back: BTreeMap<ServerId, Vec<u8>>,
}

impl Host {
    /// A fresh machine.
    pub fn new(mut rng: Rng, plant: Plant) -> Self {
        Self {
            disk: MemDisk::default(),
            host_boot: format!("{:016x}", rng.bits()),
            games: BTreeMap::new(),
            installs: BTreeMap::new(),
            files: BTreeSet::new(),
            spools: Spools::default(),
            mono_ms: 0,
            wall_off_ms: 0,
            rng,
            promises: Promises::default(),
            acted: BTreeMap::new(),
            started_from: BTreeMap::new(),
            scripts: BTreeMap::new(),
            wrong: Vec::new(),
            plant,
            book: None,
            waiting: Vec::new(),
            doing: Vec::new(),
            told: Vec::new(),
            starting: BTreeMap::new(),
            working: BTreeMap::new(),
            finding: BTreeSet::new(),
            seen: BTreeMap::new(),
            gone: 0,
            held_back: BTreeMap::new(),
        }
    }

    /// Unix milliseconds as this machine has them.
    pub fn wall_ms(&self) -> i64 {
        1_700_000_000_000 + self.mono_ms + self.wall_off_ms
    }

    /// What ends with the process.
    pub fn end_process(&mut self) {
        self.book = None;
        self.waiting.clear();
        self.doing.clear();
        self.told.clear();
        self.starting.clear();
        self.working.clear();
        self.finding.clear();
        self.seen.clear();
        self.held_back.clear();
        self.disk.revive();
    }

    /// The machine loses power: what was not synced may be gone, and every task is.
    pub fn power_cut(&mut self) {
        let mut rng = self.rng.clone();
        self.disk.power_cut(&mut rng);
        self.spools.power_cut(&mut rng);
        self.host_boot = format!("{:016x}", rng.bits());
        self.rng = rng;
        for held in self.games.values_mut().chain(self.installs.values_mut()) {
            held.task = Task::None;
        }
        // What ran may start again without an order.
        self.acted.clear();
    }

    /// Hands waiting facts to the disk.
    pub fn flush(&mut self) -> bool {
        if self.waiting.is_empty() {
            return true;
        }
        let Some(book) = &mut self.book else {
            return false;
        };
        if book.append(&mut self.waiting).is_err() {
            return false;
        }
        book.tidy();
        let boot = book.pages().boot().to_string();
        for fact in self.waiting.drain(..) {
            let key = key_of(&fact);
            self.promises.made.insert(key.clone());
            let place = (boot.clone(), fact.seq);
            self.promises.places.entry(key).or_default().push(place);
        }
        true
    }

    /// A fact of no actor's.
    pub fn push(&mut self, mut fact: wire::Fact) {
        if fact.at_ms == 0 {
            fact.at_ms = self.wall_ms();
        }
        self.waiting.push(fact);
        self.flush();
    }

    /// An order was followed to the end of its meaning.
    pub fn acted_on(&mut self, server: ServerId, order: u64) {
        let acted = self.acted.entry(server).or_default();
        *acted = order.max(*acted);
    }
}

/// A fact without its number.
pub fn key_of(fact: &wire::Fact) -> Vec<u8> {
    let mut fact = fact.clone();
    fact.seq = 0;
    fact.encode_to_vec()
}

/// An actor's hands on a simulated machine.
pub struct SimHands {
    /// Whose.
    pub server: ServerId,
    /// Where.
    pub host: Arc<Mutex<Host>>,
    /// On its disk.
    pub ledger: Arc<Ledger>,
    /// On its disk.
    pub pages: Pages,
    /// The kernel's boot id.
    pub host_boot: String,
}

impl SimHands {
    /// A point at which the process may be killed.
    fn point(&self) -> impl Future<Output = ()> + Send + use<> {
        let dead = !self.host.lock().disk.burn();
        async move {
            if dead {
                pending::<()>().await;
            }
        }
    }

    /// After a call to the disk.
    fn alive(&self) -> impl Future<Output = ()> + Send + use<> {
        let dead = self.host.lock().disk.is_dead();
        async move {
            if dead {
                pending::<()>().await;
            }
        }
    }

    fn ask(&self, doing: Doing) {
        self.host.lock().doing.push((self.server, doing));
    }
}

impl Hands for SimHands {
    fn now(&self) -> Now {
        let host = self.host.lock();
        Now {
            mono_ms: host.mono_ms,
            wall_ms: host.wall_ms(),
        }
    }

    fn host_boot(&self) -> &str {
        &self.host_boot
    }

    fn fresh_run(&mut self) -> RunId {
        self.host.lock().rng.id()
    }

    fn tell(&self, msg: Msg) {
        self.host.lock().told.push((self.server, msg));
    }

    fn is_stopping(&self) -> bool {
        false
    }

    async fn remember(&mut self, memory: &[u8]) -> bool {
        let mut bytes = memory.to_vec();
        {
            let mut host = self.host.lock();
            if host.plant == Plant::MemoryLate {
                let late = host.held_back.insert(self.server, bytes.clone());
                let Some(late) = late else { return true };
                bytes = late;
            }
        }
        let saved = self.ledger.remember(self.server, &bytes).is_ok();
        self.alive().await;
        if saved && let Ok(memory) = Memory::decode(&bytes) {
            let keys = memory.owed();
            let mut host = self.host.lock();
            host.promises
                .made
                .extend(keys.iter().map(|(f, _)| key_of(f)));
        }
        saved
    }

    fn journal_end(&self) -> Position {
        self.pages.end()
    }

    async fn write(&mut self, fact: wire::Fact) -> bool {
        self.point().await;
        let durable = {
            let mut host = self.host.lock();
            host.waiting.push(fact);
            host.flush()
        };
        self.alive().await;
        durable
    }

    async fn had(&mut self, fact: &wire::Fact, since: Position) -> bool {
        self.point().await;
        self.pages.had(fact, since)
    }

    fn is_journal_full(&self) -> bool {
        false
    }

    async fn bury(&mut self, generation: u64) {
        self.point().await;
        // As the real hands: an error leaves the tombstone open for the next process.
        let _ = self.ledger.bury(self.server, generation);
        self.alive().await;
    }

    fn say(&self, text: &str) {
        let mut host = self.host.lock();
        host.spools.say(self.server, text.len() as u64 + 15);
    }

    fn show(&mut self, memory: &Memory, row: Option<&wire::WantedServer>) {
        let mut host = self.host.lock();
        let seen = host.seen.entry(self.server).or_default();
        seen.state = Some(memory.life.state);
        seen.run = memory.run.as_ref().map(|r| r.id);
        seen.ended = memory.ended_jobs.iter().copied().collect();
        seen.generation = memory.generation(row);
    }

    fn show_job(&mut self, job: Option<JobView>) {
        self.host.lock().seen.entry(self.server).or_default().job = job;
    }

    fn job_status(&self, job: JobId) -> wire::JobStatus {
        let host = self.host.lock();
        let seen = host.seen.get(&self.server);
        let running = seen.and_then(|s| s.job.as_ref());
        let state = match running.filter(|j| j.id == job) {
            Some(_) => "running",
            None if seen.is_some_and(|s| s.ended.contains(&job)) => "ended",
            None => "unknown",
        };
        wire::JobStatus {
            job: job.to_string(),
            state: state.into(),
            percent: -1.0,
            ..Default::default()
        }
    }

    fn start(&mut self, run: RunId, row: &wire::WantedServer, cause: Cause) {
        let order = row.power.as_ref().map_or(0, |p| p.generation);
        let mut host = self.host.lock();
        let acted = host.acted.get(&self.server).copied().unwrap_or(0);
        if cause == Cause::Asked && order <= acted {
            let text = format!("order {order} acts again on {}", self.server);
            host.wrong.push(text);
        }
        let from = host.started_from.entry(self.server).or_default();
        if row.generation < *from {
            let text = format!(
                "{} starts from generation {} after {from}",
                self.server, row.generation
            );
            host.wrong.push(text);
        } else {
            *from = row.generation;
        }
        host.starting.insert(self.server, false);
        host.spools.begin(self.server, run, false);
        host.doing
            .push((self.server, Doing::Start(run, row.generation, cause, order)));
    }

    fn is_starting(&self) -> bool {
        self.host.lock().starting.contains_key(&self.server)
    }

    fn abort_start(&mut self) -> bool {
        match self.host.lock().starting.get_mut(&self.server) {
            Some(abort) => {
                *abort = true;
                true
            }
            None => false,
        }
    }

    fn start_over(&mut self, run: RunId, failed: bool) {
        let mut host = self.host.lock();
        host.starting.remove(&self.server);
        if failed {
            host.spools.end(self.server, run);
        }
    }

    fn attach(&mut self, up: Attach<'_>) {
        let mut host = self.host.lock();
        host.spools.follow(self.server, up.run);
        if up.markers.is_some() {
            host.finding.insert(self.server);
        }
    }

    async fn detach(&mut self) {
        self.point().await;
        self.host.lock().finding.remove(&self.server);
    }

    fn end_console(&mut self, run: RunId) -> u64 {
        self.host.lock().spools.end(self.server, run)
    }

    async fn delete(&mut self, which: Container) {
        self.point().await;
        let mut host = self.host.lock();
        match which {
            Container::Game => host.games.remove(&self.server),
            Container::Install => host.installs.remove(&self.server),
        };
    }

    async fn veth(&mut self) -> Option<String> {
        self.point().await;
        None
    }

    fn ask_stop(&mut self, _row: Option<&wire::WantedServer>) {
        self.ask(Doing::AskStop);
    }

    fn kill(&mut self) {
        self.ask(Doing::Kill);
    }

    fn change_live(&mut self, _before: &wire::WantedServer, _row: &wire::WantedServer) {}

    fn bring_in_line(&mut self, _row: &wire::WantedServer) {}

    fn remove(&mut self) {
        self.ask(Doing::Remove);
    }

    fn gone(&mut self, generation: u64) {
        let mut host = self.host.lock();
        host.seen.remove(&self.server);
        host.gone = generation;
    }

    fn begin_job(&mut self, work: Work<'_>) -> Result<(), Failure> {
        let mut host = self.host.lock();
        host.working.insert(self.server, work.job.cancelled);
        host.spools.begin(self.server, work.run, true);
        host.spools.follow(self.server, work.run);
        let doing = Doing::Job(work.job.id, work.run, work.found);
        host.doing.push((self.server, doing));
        Ok(())
    }

    async fn sweep_install(&mut self) {
        self.point().await;
        self.host.lock().installs.remove(&self.server);
    }

    fn job_exited(&mut self, ended: Ended) {
        let mut host = self.host.lock();
        if let Some(held) = host.installs.get_mut(&self.server) {
            held.task = Task::Ended(ended.code.unwrap_or(-1));
        }
    }

    fn cancel_job(&mut self) -> bool {
        let mut host = self.host.lock();
        let there = match host.working.get_mut(&self.server) {
            Some(cancel) => {
                *cancel = true;
                true
            }
            None => false,
        };
        host.doing.push((self.server, Doing::CancelJob));
        there
    }

    fn job_over(&mut self) {
        self.host.lock().working.remove(&self.server);
    }
}
