//! Game servers: what is decided about one, the task that does it, and all of them together.

pub mod actor;
pub mod config_files;
pub mod convert;
pub mod deps;
pub mod install;
pub mod label;
pub mod lifecycle;
pub mod memory;
pub mod mounts;
pub mod ports;
pub mod remove;
pub mod start;
pub mod status;
pub mod stop;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use warren_proto::ids::{JobId, ServerId};
use warren_proto::wire;
use warren_runtime::runtime::{Event, Events, Found, FoundState};

use crate::job::Kind;
use crate::journal::Hold;
use crate::ledger::{self, Applied, Ledger, Tombstone};
use actor::{Handle, Msg};
use deps::Deps;
use label::Label;
use memory::Ended;

/// All servers of this node.
#[derive(Clone)]
pub struct Servers {
    deps: Arc<Deps>,
    map: Arc<Mutex<HashMap<ServerId, Handle>>>,
    stop: CancellationToken,
    /// Told when control names servers that were not here, or that it believes to be elsewhere.
    pub met: Arc<Notify>,
}

#[derive(Default)]
struct Containers {
    game: Option<Found>,
    install: Option<Found>,
}

/// What a server's actor begins with when the agent starts.
pub struct Beginning {
    /// Which.
    pub server: ServerId,
    /// Control's row.
    pub row: Option<wire::WantedServer>,
    /// What it had saved.
    pub memory: Option<Vec<u8>>,
    /// It has to go.
    pub stone: Option<Tombstone>,
}

impl Beginning {
    /// Of a server that nothing is known of.
    fn of(server: ServerId) -> Self {
        Self {
            server,
            row: None,
            memory: None,
            stone: None,
        }
    }
}

/// Every server on disk, and those of which only an open tombstone is left: control waits for its confirmation.
/// # Errors
/// The disk.
pub fn beginnings(ledger: &Ledger) -> Result<Vec<Beginning>, ledger::Error> {
    let mut stones: BTreeMap<_, _> = ledger.open_tombstones().into_iter().collect();
    let rows = ledger.rows()?.into_iter();
    let mut all: Vec<Beginning> = rows
        .map(|(server, row)| Beginning {
            server,
            row: row.wanted,
            memory: row.memory,
            stone: stones.remove(&server),
        })
        .collect();
    all.extend(stones.into_iter().map(|(server, stone)| Beginning {
        server,
        row: None,
        memory: None,
        stone: Some(stone),
    }));
    Ok(all)
}

/// What came while the tombstone of that generation was being carried out, for the next actor of the server: a row or
/// a tombstone above it.
pub fn successor(ledger: &Ledger, server: ServerId, generation: u64) -> Option<Msg> {
    let stones = ledger.open_tombstones();
    let stone = stones.into_iter().find(|(id, _)| *id == server);
    match stone {
        Some((_, stone)) => (stone.generation > generation).then_some(Msg::Bury(stone)),
        None => {
            let row = ledger.wanted(server)?;
            (row.generation > generation).then(|| Msg::Wanted(Box::new(row)))
        }
    }
}

/// What actors are told of an apply, in order; a server without an actor gets one that nothing exists of.
pub fn news(ledger: &Ledger, applied: &Applied) -> Vec<(ServerId, Msg)> {
    let changed = applied.changed.iter().filter_map(|server| {
        let row = ledger.wanted(*server)?;
        Some((*server, Msg::Wanted(Box::new(row))))
    });
    let removed = applied.removed.iter();
    let removed = removed.map(|(server, stone)| (*server, Msg::Bury(stone.clone())));
    changed.chain(removed).collect()
}

impl Servers {
    /// Starts an actor per server on disk, finds what runs, and lets them act. Needs no control; waits
    /// for containerd in the background.
    pub fn start(
        deps: Arc<Deps>,
        host_rebooted: bool,
        stop: CancellationToken,
    ) -> anyhow::Result<Arc<Self>> {
        let servers = Arc::new(Self {
            deps: deps.clone(),
            map: Arc::default(),
            stop: stop.clone(),
            met: Arc::default(),
        });
        let hold = deps.journal.hold();
        for begin in beginnings(&deps.ledger)? {
            servers.spawn(begin, Some(hold.clone()));
        }
        // Before the first look, so that nothing ends unseen in between.
        let events = deps.runtime.events();
        let pump = servers.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = pump.watch(events, host_rebooted) => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(servers)
    }

    fn spawn(&self, begin: Beginning, hold: Option<Arc<Hold>>) -> Handle {
        let server = begin.server;
        let servers = self.clone();
        let on_gone: actor::OnGone =
            Arc::new(move |server, generation| servers.gone(server, generation));
        let handle = actor::spawn(self.deps.clone(), begin, self.stop.clone(), on_gone, hold);
        self.map.lock().insert(server, handle.clone());
        handle
    }

    /// An actor has ended by the tombstone of that generation.
    fn gone(&self, server: ServerId, generation: u64) {
        self.map.lock().remove(&server);
        if let Some(msg) = successor(&self.deps.ledger, server, generation) {
            self.fresh(server);
            self.tell(server, msg);
        }
    }

    /// The actor of a server.
    pub fn get(&self, server: ServerId) -> Option<Handle> {
        self.map.lock().get(&server).cloned()
    }

    /// All of them, by id.
    pub fn all(&self) -> BTreeMap<ServerId, Handle> {
        let map = self.map.lock();
        map.iter().map(|(id, h)| (*id, h.clone())).collect()
    }

    /// Sends without waiting; an actor whose queue is full gets it from a task of its own.
    fn tell(&self, server: ServerId, msg: Msg) {
        let Some(handle) = self.get(server) else {
            return;
        };
        if let Err(tokio::sync::mpsc::error::TrySendError::Full(msg)) = handle.tx.try_send(msg) {
            warn!(server.id = %server, "the server's actor is behind");
            tokio::spawn(async move { handle.tx.send(msg).await });
        }
    }

    async fn watch(self: Arc<Self>, mut events: Events, host_rebooted: bool) {
        let found = self.look(Duration::from_millis(200)).await;
        self.adopt(found, host_rebooted);
        let status_of = |server| self.get(server).map(|handle| handle.status);
        self.deps.jobs.resume(&self.deps, status_of);
        while let Some(event) = events.next().await {
            match event {
                Event::Exit { id, run, exit } => self.ended(id.as_str(), run, Ended::of(&exit)),
                Event::Gone { id, run } => self.ended(id.as_str(), run, Ended::unknown()),
                Event::Oom { id, .. } => {
                    if let Some(server) = server_of(id.as_str()) {
                        self.tell(server, Msg::Oom);
                    }
                }
                Event::ContainerdLost { reason } => {
                    warn!("containerd is away ({reason}); games run on");
                }
                Event::ContainerdBack => info!("containerd is back"),
                Event::Missed { count } => {
                    warn!("{count} events of containerd were missed; looking at everything");
                    let found = self.look(Duration::from_millis(200)).await;
                    self.catch_up(found);
                }
            }
        }
    }

    /// What the machine has; tries until containerd answers.
    async fn look(&self, mut wait: Duration) -> Vec<Found> {
        let mut said = false;
        loop {
            match self.deps.runtime.adopt().await {
                Ok(found) => return found,
                Err(e) if !said => {
                    error!("servers wait for containerd: {e}");
                    said = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(2));
        }
    }

    fn adopt(&self, found: Vec<Found>, host_rebooted: bool) {
        let mut containers: HashMap<ServerId, Containers> = HashMap::new();
        self.forget_strays(&found);
        for found in found {
            match label::read(&found.labels) {
                Some(Label::Game { server, .. }) => {
                    containers.entry(server).or_default().game = Some(found);
                }
                Some(Label::Install { server, .. }) => {
                    containers.entry(server).or_default().install = Some(found);
                }
                None => warn!("container {} is none of ours to judge", found.id),
            }
        }
        for server in containers.keys() {
            if self.get(*server).is_none() {
                warn!(server.id = %server, "a container runs for a server that the ledger does not know");
                self.spawn(Beginning::of(*server), None);
            }
        }
        for server in self.all().into_keys() {
            let mine = containers.remove(&server).unwrap_or_default();
            let msg = Msg::Adopt {
                game: mine.game,
                install: mine.install,
                host_rebooted,
            };
            self.tell(server, msg);
        }
    }

    /// Console files of servers that were removed while we were killed before they went too.
    fn forget_strays(&self, found: &[Found]) {
        let named = |server: ServerId| {
            let runs = found
                .iter()
                .any(|f| server_of(f.id.as_str()) == Some(server));
            runs || self.get(server).is_some()
        };
        let consoles = &self.deps.consoles;
        for server in consoles.known().into_iter().filter(|s| !named(*s)) {
            remove::drain(self.deps.clone(), server, self.stop.clone());
        }
    }

    fn catch_up(&self, found: Vec<Found>) {
        for found in found {
            if let FoundState::Stopped(exit) = &found.state {
                self.ended(found.id.as_str(), found.run.clone(), Ended::of(exit));
            }
        }
    }

    fn ended(&self, container: &str, run: String, ended: Ended) {
        if let Some(server) = server_of(container) {
            self.tell(server, Msg::Ended { run, ended });
        }
    }

    /// Hands out what an apply brought.
    pub fn applied(&self, applied: &Applied) {
        if !applied.returned.is_empty() {
            self.met.notify_one();
        }
        for (server, msg) in news(&self.deps.ledger, applied) {
            if self.get(server).is_none() {
                self.fresh(server);
                self.met.notify_one();
            }
            self.tell(server, msg);
        }
    }

    /// An actor for a server that nothing exists of.
    fn fresh(&self, server: ServerId) {
        self.spawn(Beginning::of(server), None);
        let nothing = Msg::Adopt {
            game: None,
            install: None,
            host_rebooted: false,
        };
        self.tell(server, nothing);
    }

    /// For hello.
    pub fn observed(&self) -> Vec<wire::ObservedServer> {
        let all = self.all();
        all.into_iter()
            .map(|(server, handle)| {
                let status = handle.status.lock().clone();
                let spool_end = status
                    .run
                    .map_or(0, |run| self.deps.consoles.server(server).seen(run));
                wire::ObservedServer {
                    server: server.to_string(),
                    generation: status.generation,
                    state: wire::State::from(status.state).into(),
                    run: status.run.map(|r| r.to_string()).unwrap_or_default(),
                    spool_end,
                    started_at_ms: status.started_at_ms,
                }
            })
            .collect()
    }

    /// Jobs that run.
    pub fn jobs(&self) -> Vec<wire::RunningJob> {
        let all = self.all();
        let beside = self.deps.jobs.running();
        let holding = all.into_iter().filter_map(|(server, handle)| {
            let job = handle.status.lock().job.clone()?;
            Some(wire::RunningJob {
                job: job.id.to_string(),
                kind: job.kind,
                server: server.to_string(),
            })
        });
        // What an earlier process has left of a job that holds its server is in both.
        let mut jobs: Vec<wire::RunningJob> = holding.chain(beside).collect();
        jobs.sort_by(|a, b| a.job.cmp(&b.job));
        jobs.dedup_by(|a, b| a.job == b.job);
        jobs
    }

    /// Starts a job, or says how the one of that id goes.
    pub async fn job_start(&self, ask: wire::JobStart) -> Result<wire::JobStatus, wire::Failure> {
        let server = ask.server.parse::<ServerId>().ok();
        let Some(handle) = server.and_then(|s| self.get(s)) else {
            return Err(unknown_server());
        };
        let jobs = &self.deps.jobs;
        match Kind::parse(&ask.kind) {
            Some(kind) if !kind.holds() => {
                return jobs
                    .begin(&self.deps, &handle.status, handle.server, ask)
                    .await;
            }
            // Whoever reads the files beside a game is let finish.
            Some(_) if let Some(job) = jobs.beside(handle.server) => {
                return Err(wire::Failure {
                    code: "busy".into(),
                    message: format!("job {job} still works with the server's files"),
                    retryable: true,
                });
            }
            _ => {}
        }
        let (reply, answer) = oneshot::channel();
        ask_actor(&handle, Msg::JobStart(ask, reply), answer).await
    }

    /// Ends a job.
    pub async fn job_cancel(&self, job: &str) -> Result<wire::JobStatus, wire::Failure> {
        if let Ok(id) = job.parse::<JobId>()
            && self.deps.jobs.cancel(id)
        {
            return Ok(self.job_status(job));
        }
        let Some((handle, id)) = self.job(job) else {
            return Ok(unknown_job(job));
        };
        let (reply, answer) = oneshot::channel();
        ask_actor(&handle, Msg::JobCancel(id, reply), answer).await
    }

    /// How a job goes.
    pub fn job_status(&self, job: &str) -> wire::JobStatus {
        if let Some((handle, id)) = self.job(job) {
            return handle.status.lock().job_status(id);
        }
        let beside = job.parse().ok().and_then(|id| self.deps.jobs.status(id));
        beside.unwrap_or_else(|| unknown_job(job))
    }

    fn job(&self, job: &str) -> Option<(Handle, JobId)> {
        let id = job.parse::<JobId>().ok()?;
        let all = self.all();
        let mut mine = all.into_values().filter(|h| {
            let status = h.status.lock();
            status.job.as_ref().is_some_and(|j| j.id == id) || status.ended_jobs.contains(&id)
        });
        Some((mine.next()?, id))
    }
}

/// The answer for a server that is not here.
pub fn unknown_server() -> wire::Failure {
    wire::Failure {
        code: "unknown_server".into(),
        message: "this node has no such server".into(),
        retryable: true,
    }
}

fn unknown_job(job: &str) -> wire::JobStatus {
    wire::JobStatus {
        job: job.chars().take(64).collect(),
        state: "unknown".into(),
        percent: -1.0,
        ..Default::default()
    }
}

async fn ask_actor<T>(
    handle: &Handle,
    msg: Msg,
    answer: oneshot::Receiver<Result<T, wire::Failure>>,
) -> Result<T, wire::Failure> {
    let busy = || wire::Failure {
        code: "busy".into(),
        message: "the server is busy; try again".into(),
        retryable: true,
    };
    let sent = handle.tx.try_send(msg);
    sent.map_err(|_| busy())?;
    match tokio::time::timeout(Duration::from_millis(1500), answer).await {
        Ok(Ok(answer)) => answer,
        _ => Err(busy()),
    }
}

/// `<server>` or `<server>.install`.
fn server_of(container: &str) -> Option<ServerId> {
    let name = container.strip_suffix(".install").unwrap_or(container);
    name.parse().ok()
}
