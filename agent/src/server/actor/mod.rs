//! One task per server: asks [`lifecycle`](super::lifecycle) what follows from an event, writes it
//! down, then does it.
//!
//! Order matters: memory and facts are on disk before an effect begins, so that a kill at any moment
//! leaves something to go on from.

mod adopt;
mod job;
mod run;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use warren_proto::ids::{JobId, RunId, ServerId};
use warren_proto::wire::fact::What;
use warren_proto::{state::State, wire};
use warren_runtime::runtime::Found;

use super::deps::Deps;
use super::lifecycle::{self, Change, Effect, Event, Now, step};
use super::memory::{Ended, Memory, Run};
use super::start::{Failure, Started};
use super::status::Status;
use super::{convert, install, remove, stop};
use crate::clock;
use crate::ledger::Tombstone;

/// Messages that may wait for an actor.
pub const QUEUE: usize = 256;
/// How long the journal may take before the actor goes on; the fact stays queued.
const JOURNAL_WAIT: Duration = Duration::from_secs(5);

/// What an actor is told.
pub enum Msg {
    /// What the machine has of this server; comes first, once.
    Adopt {
        /// The game's container.
        game: Option<Found>,
        /// The install script's.
        install: Option<Found>,
        /// The machine itself has restarted.
        host_rebooted: bool,
    },
    /// Control's row.
    Wanted(Box<wire::WantedServer>),
    /// A tombstone.
    Bury(Tombstone),
    /// A container of this server ended.
    Ended {
        /// Which start.
        run: String,
        /// How.
        ended: Ended,
    },
    /// The kernel killed something inside.
    Oom,
    /// A start came to its end.
    StartDone(RunId, Result<Box<Started>, Failure>),
    /// The done marker was seen.
    Done(RunId),
    /// The stop command was typed.
    StopTyped,
    /// The node wants it stopped.
    Halt(String),
    /// The node is taken down.
    NodeDown,
    /// Control starts a job.
    JobStart(
        wire::JobStart,
        oneshot::Sender<Result<wire::JobStatus, wire::Failure>>,
    ),
    /// Control ends a job.
    JobCancel(
        JobId,
        oneshot::Sender<Result<wire::JobStatus, wire::Failure>>,
    ),
    /// The script's container is about to be made.
    Committing(JobId, RunId, oneshot::Sender<()>),
    /// A job came to its end.
    JobDone(JobId, install::Outcome),
    /// Everything of the server is gone.
    Removed,
}

/// Cheap handle of an actor.
#[derive(Clone)]
pub struct Handle {
    /// Which server.
    pub server: ServerId,
    /// To the actor.
    pub tx: mpsc::Sender<Msg>,
    /// What it was last seen to be.
    pub status: Arc<Mutex<Status>>,
}

/// Called with the server once it is gone.
pub type OnGone = Arc<dyn Fn(ServerId) + Send + Sync>;

struct Actor {
    server: ServerId,
    deps: Arc<Deps>,
    row: Option<wire::WantedServer>,
    memory: Memory,
    saved: Vec<u8>,
    status: Arc<Mutex<Status>>,
    tx: mpsc::WeakSender<Msg>,
    starting: Option<CancellationToken>,
    tail: Option<(CancellationToken, tokio::task::JoinHandle<()>)>,
    job_cancel: Option<CancellationToken>,
    job_exits: Option<mpsc::Sender<Ended>>,
    /// Where the job's output goes.
    job_run: Option<RunId>,
    stop: CancellationToken,
    on_gone: OnGone,
    gone: bool,
}

/// Starts the actor of a server. It waits for [`Msg::Adopt`] before it acts.
pub fn spawn(
    deps: Arc<Deps>,
    server: ServerId,
    row: Option<wire::WantedServer>,
    memory: Option<Vec<u8>>,
    stop: CancellationToken,
    on_gone: OnGone,
    resending: Option<mpsc::Sender<()>>,
) -> Handle {
    let (tx, rx) = mpsc::channel(QUEUE);
    let memory = memory.map(|bytes| Memory::decode(&bytes));
    let memory = match memory {
        Some(Ok(memory)) => memory,
        Some(Err(e)) => {
            // Its checksum held, so it is another version's: what runs is found by its labels.
            error!(server.id = %server, "memory can't be read, it is begun anew: {e}");
            Memory::default()
        }
        None => Memory::default(),
    };
    let status = Arc::new(Mutex::new(Status::of(&memory, row.as_ref())));
    let actor = Actor {
        server,
        deps,
        row,
        saved: memory.encode(),
        memory,
        status: status.clone(),
        tx: tx.downgrade(),
        starting: None,
        tail: None,
        job_cancel: None,
        job_exits: None,
        job_run: None,
        stop,
        on_gone,
        gone: false,
    };
    tokio::spawn(actor.run(rx, resending));
    Handle { server, tx, status }
}

fn now() -> Now {
    Now {
        mono_ms: clock::mono_ms(),
        wall_ms: clock::wall_ms(),
    }
}

impl Actor {
    async fn run(mut self, mut rx: mpsc::Receiver<Msg>, resending: Option<mpsc::Sender<()>>) {
        let stop = self.stop.clone();
        self.resend().await;
        drop(resending);
        let mut early = VecDeque::new();
        loop {
            let msg = tokio::select! {
                msg = rx.recv() => msg,
                () = stop.cancelled() => return,
            };
            match msg {
                Some(Msg::Adopt {
                    game,
                    install,
                    host_rebooted,
                }) => {
                    self.adopt(game, install, host_rebooted).await;
                    break;
                }
                Some(other) => early.push_back(other),
                None => return,
            }
        }
        while !self.gone {
            if let Some(msg) = early.pop_front() {
                self.take(msg).await;
                continue;
            }
            let wake = self.wake();
            tokio::select! {
                msg = rx.recv() => match msg {
                    Some(msg) => self.take(msg).await,
                    None => return,
                },
                () = tokio::time::sleep(wake) => self.event(Event::Tick).await,
                () = stop.cancelled() => return,
            }
        }
    }

    /// Until the next timer.
    fn wake(&self) -> Duration {
        let life = &self.memory.life;
        let next = [life.kill_at, life.retry_at, life.revive_at];
        let next = next.into_iter().flatten().min();
        let wait = next.map_or(60_000, |at| (at - clock::mono_ms()).clamp(0, 60_000));
        Duration::from_millis(wait.unsigned_abs())
    }

    async fn take(&mut self, msg: Msg) {
        match msg {
            Msg::Adopt { .. } => {}
            Msg::Wanted(row) => self.wanted(*row).await,
            Msg::Bury(stone) => self.event(Event::Bury(stone.generation)).await,
            Msg::Ended { run, ended } => self.ended(&run, ended).await,
            Msg::Oom => {
                let text = "the kernel killed a process of the game: its memory limit was reached";
                self.say(text);
            }
            Msg::StartDone(run, result) => self.start_done(run, result).await,
            Msg::Done(run) if self.is_current(run) => self.event(Event::Done).await,
            Msg::Done(_) => {}
            Msg::StopTyped => self.event(Event::StopTyped).await,
            Msg::Halt(reason) => self.event(Event::Halt { reason }).await,
            Msg::NodeDown => self.event(Event::NodeDown).await,
            Msg::JobStart(ask, reply) => {
                let answer = self.job_start(ask).await;
                // The asker may have gone; the job is idempotent by its id.
                let _ = reply.send(answer);
            }
            Msg::JobCancel(job, reply) => {
                let answer = self.job_cancel(job).await;
                let _ = reply.send(answer);
            }
            Msg::Committing(job, run, done) => {
                if let Some(job) = self.memory.job.as_mut().filter(|j| j.id == job) {
                    // From here on a kill may leave a script that has begun: it is not run twice.
                    job.run = Some(run);
                    self.commit(Vec::new()).await;
                    let _ = done.send(());
                }
            }
            Msg::JobDone(job, outcome) => self.job_done(job, outcome).await,
            Msg::Removed => self.removed().await,
        }
    }

    fn is_current(&self, run: RunId) -> bool {
        self.memory.run.as_ref().is_some_and(|r| r.id == run)
    }

    fn say(&self, text: &str) {
        self.deps.consoles.say(self.server, text);
    }

    fn generation(&self) -> u64 {
        self.row.as_ref().map_or(0, |r| r.generation)
    }

    fn tell(&self) -> impl Fn(Msg) + Send + Sync + 'static {
        let tx = self.tx.clone();
        move |msg| {
            if let Some(tx) = tx.upgrade() {
                // A full queue is waited for elsewhere: these come from tasks of this actor alone.
                tokio::spawn(async move { tx.send(msg).await });
            }
        }
    }

    async fn event(&mut self, event: Event) {
        self.event_with(event, Vec::new()).await;
    }

    /// Decides, writes down, does. `facts` belong to the same step and come first.
    async fn event_with(&mut self, event: Event, facts: Vec<What>) {
        let (life, effects) = step(self.memory.life.clone(), event, now());
        self.memory.life = life;
        if effects.iter().any(|e| matches!(e, Effect::Start(_))) {
            self.memory.run = Some(Run {
                id: RunId::new(),
                started: false,
                started_at_ms: 0,
                host_boot: self.deps.settings.host_boot.clone(),
                ended: None,
                closed: false,
            });
        }
        let mut all = facts;
        for effect in &effects {
            if let Effect::Report(change) = effect {
                info!(server.id = %self.server, from = %change.from, to = %change.to, reason = %change.reason, "server {} is {}", self.server, change.to);
                all.push(self.changed(change));
            }
        }
        self.commit(all).await;
        for effect in effects {
            self.act(effect).await;
        }
    }

    fn changed(&self, change: &Change) -> What {
        What::StateChanged(wire::StateChanged {
            from: wire::State::from(change.from).into(),
            to: wire::State::from(change.to).into(),
            reason: change.reason.clone(),
            detail: change.detail.clone(),
            run: self.run_text(),
            exit_code: change.exit_code,
            oom: change.oom,
        })
    }

    fn run_text(&self) -> String {
        let run = self.memory.run.as_ref();
        run.map(|r| r.id.to_string()).unwrap_or_default()
    }

    /// Puts memory and facts on disk.
    async fn commit(&mut self, whats: Vec<What>) {
        let facts: Vec<wire::Fact> = whats
            .into_iter()
            .map(|what| wire::Fact {
                at_ms: clock::wall_ms(),
                server: self.server.to_string(),
                generation: self.generation(),
                what: Some(what),
                ..Default::default()
            })
            .collect();
        self.memory.queue(&facts);
        let bytes = self.memory.encode();
        if bytes != self.saved {
            let (ledger, server, copy) = (self.deps.ledger.clone(), self.server, bytes.clone());
            let saved = tokio::task::spawn_blocking(move || ledger.remember(server, &copy)).await;
            match saved {
                Ok(Ok(())) => self.saved = bytes,
                // The game goes on; the next step tries again.
                Ok(Err(e)) => error!(server.id = %self.server, "{e}"),
                Err(e) => error!(server.id = %self.server, "{e}"),
            }
        }
        for fact in facts {
            let written = self.deps.journal.append(fact);
            if tokio::time::timeout(JOURNAL_WAIT, written).await.is_err() {
                warn!(server.id = %self.server, "the journal is slow; going on");
            }
        }
        self.memory.unsent.clear();
        self.show();
    }

    fn show(&self) {
        self.status.lock().update(&self.memory, self.row.as_ref());
    }

    async fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Report(change) => self.announce(&change),
            Effect::Start(cause) => self.start(cause),
            Effect::AbortStart => {
                if let Some(starting) = &self.starting {
                    starting.cancel();
                } else {
                    // Between two tries: nothing is under way.
                    let failure = Failure::new("cancelled", "the start was cancelled");
                    if let Some(run) = self.memory.run.as_ref().map(|r| r.id) {
                        self.tell()(Msg::StartDone(run, Err(failure)));
                    }
                }
            }
            Effect::AskStop => self.ask_stop(),
            Effect::Kill => stop::kill(self.deps.clone(), self.server),
            Effect::BeginJob(job) => self.begin_job(job, None),
            Effect::CancelJob(_) => {
                if let Some(cancel) = &self.job_cancel {
                    cancel.cancel();
                }
            }
            Effect::Remove { .. } => {
                let done = self.tell();
                let (deps, server) = (self.deps.clone(), self.server);
                let stop = self.stop.clone();
                tokio::spawn(async move {
                    if remove::run(&deps, server, &stop).await {
                        done(Msg::Removed);
                    }
                });
            }
            Effect::Say(text) => self.say(&text),
        }
    }

    fn announce(&self, change: &Change) {
        let text = match change.to {
            State::Starting => format!("starting ({})", words(&change.reason)),
            State::Running => "the game is up".into(),
            State::Stopping => format!("stopping ({})", words(&change.reason)),
            State::Stopped => match change.exit_code {
                Some(code) => format!("stopped, {}", lifecycle::describe_exit(code, change.oom)),
                None => "stopped".into(),
            },
            _ => return,
        };
        self.say(&text);
    }

    async fn wanted(&mut self, row: wire::WantedServer) {
        let before = self.row.take();
        if before
            .as_ref()
            .is_some_and(|b| b.generation > row.generation)
        {
            self.row = before;
            return;
        }
        let want = convert::want(&row);
        self.row = Some(row);
        if let (Some(before), Some(row)) = (&before, &self.row)
            && self.memory.life.up
        {
            stop::change_live(&self.deps, self.server, before, row);
        }
        self.event(Event::Wanted(want)).await;
    }

    async fn removed(&mut self) {
        let generation = self
            .memory
            .life
            .removing
            .as_ref()
            .map_or(0, |r| r.generation);
        let facts = [
            What::Released(wire::Released { generation }),
            What::Removed(wire::Removed { generation }),
        ];
        self.commit(facts.into()).await;
        let (ledger, server) = (self.deps.ledger.clone(), self.server);
        let buried = tokio::task::spawn_blocking(move || ledger.bury(server)).await;
        match buried {
            Ok(Ok(())) => {}
            // The tombstone stays open: the next start of the agent carries it out again.
            Ok(Err(e)) => error!(server.id = %self.server, "{e}"),
            Err(e) => error!(server.id = %self.server, "{e}"),
        }
        info!(server.id = %self.server, "server {} is gone from this node", self.server);
        self.gone = true;
        (self.on_gone)(self.server);
    }
}

fn words(reason: &str) -> String {
    reason.replace('_', " ")
}
