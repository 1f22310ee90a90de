//! One task per server: asks [`lifecycle`](super::lifecycle) what follows from an event, writes it
//! down, then does it.
//!
//! Order matters: memory and facts are on disk before an effect begins, so that a kill at any moment
//! leaves something to go on from.

mod adopt;
pub mod hands;
mod job;
mod rim;
mod run;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use warren_proto::ids::{JobId, RunId, ServerId};
use warren_proto::wire::fact::What;
use warren_proto::{state::State, wire};
use warren_runtime::runtime::Found;

use super::deps::Deps;
use super::lifecycle::{self, Change, Effect, Event, step};
use super::memory::{Ended, Memory, Run};
use super::start::Failure;
use super::status::Status;
use super::{Beginning, convert, install};
use crate::clock;
use crate::journal::Hold;
use crate::ledger::Tombstone;
use hands::Hands;
use rim::Rim;

/// Messages that may wait for an actor.
pub const QUEUE: usize = 256;

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
    StartDone(RunId, Result<Box<Begun>, Failure>),
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

/// A game that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Unix milliseconds.
    pub started_at_ms: i64,
    /// First process.
    pub pid: u32,
    /// As given.
    pub image: String,
    /// Host's end of its network.
    pub veth: String,
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

/// Called with the server and the generation of its tombstone once it is gone.
pub type OnGone = Arc<dyn Fn(ServerId, u64) + Send + Sync>;

/// What decides for one server, with the hands that carry it out.
pub struct Actor<H> {
    server: ServerId,
    row: Option<wire::WantedServer>,
    memory: Memory,
    saved: Vec<u8>,
    hands: H,
    /// Where the job's output goes.
    job_run: Option<RunId>,
    adopted: bool,
    gone: bool,
}

/// Starts the actor of a server. It waits for [`Msg::Adopt`] before it acts; `hold` is dropped when the journal
/// has all that it owes.
pub fn spawn(
    deps: Arc<Deps>,
    begin: Beginning,
    stop: CancellationToken,
    on_gone: OnGone,
    hold: Option<Arc<Hold>>,
) -> Handle {
    let (tx, rx) = mpsc::channel(QUEUE);
    let server = begin.server;
    let memory = recall(server, begin.memory);
    let status = Arc::new(Mutex::new(Status::of(&memory, begin.row.as_ref())));
    let hands = Rim {
        server,
        deps,
        status: status.clone(),
        tx: tx.downgrade(),
        stop,
        on_gone,
        starting: None,
        tail: None,
        job_cancel: None,
        job_exits: None,
    };
    let mut actor = Actor::new(server, begin.row, memory, hands);
    if let Some(stone) = begin.stone {
        actor.doom(stone.generation);
    }
    tokio::spawn(actor.run(rx, hold));
    Handle { server, tx, status }
}

/// An actor's memory as it was saved, or an empty one.
pub fn recall(server: ServerId, saved: Option<Vec<u8>>) -> Memory {
    match saved.map(|bytes| Memory::decode(&bytes)) {
        Some(Ok(memory)) => memory,
        Some(Err(e)) => {
            // Its checksum held, so it is another version's: what runs is found by its labels.
            error!(server.id = %server, "memory can't be read, it is begun anew: {e}");
            Memory::default()
        }
        None => Memory::default(),
    }
}

impl Actor<Rim> {
    async fn run(mut self, mut rx: mpsc::Receiver<Msg>, hold: Option<Arc<Hold>>) {
        self.resend().await;
        drop(hold);
        let stop = self.hands.stop.clone();
        let mut early = VecDeque::new();
        loop {
            let msg = tokio::select! {
                msg = rx.recv() => msg,
                () = stop.cancelled() => return,
            };
            match msg {
                Some(adopt @ Msg::Adopt { .. }) => {
                    self.take(adopt).await;
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
                () = tokio::time::sleep(wake) => self.tick().await,
                () = stop.cancelled() => return,
            }
        }
    }

    /// Until the next timer.
    fn wake(&self) -> Duration {
        let due = self.due_ms();
        let wait = due.map_or(60_000, |at| (at - clock::mono_ms()).clamp(0, 60_000));
        Duration::from_millis(wait.unsigned_abs())
    }
}

impl<H: Hands> Actor<H> {
    /// Begins with what was on disk. [`Msg::Adopt`] has to come first.
    pub fn new(
        server: ServerId,
        row: Option<wire::WantedServer>,
        memory: Memory,
        hands: H,
    ) -> Self {
        Self {
            server,
            row,
            saved: memory.encode(),
            memory,
            hands,
            job_run: None,
            adopted: false,
            gone: false,
        }
    }

    /// A tombstone was found beside the server when the agent started: known before anything is decided, so that
    /// nothing is started that has to go.
    pub fn doom(&mut self, generation: u64) {
        let newer = self.row.as_ref().is_some_and(|r| r.generation > generation);
        if self.memory.life.removing.is_none() && !newer {
            self.memory.life.removing = Some(lifecycle::Removal {
                generation,
                begun: false,
            });
        }
    }

    /// When [`Actor::tick`] is wanted next, monotonic milliseconds.
    pub fn due_ms(&self) -> Option<i64> {
        let life = &self.memory.life;
        let next = [life.kill_at, life.retry_at, life.revive_at];
        next.into_iter().flatten().min()
    }

    /// The server is gone from this node: the actor has nothing more to do.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// What it must not forget, and control's row.
    pub fn state(&self) -> (&Memory, Option<&wire::WantedServer>) {
        (&self.memory, self.row.as_ref())
    }

    /// Its hands.
    pub fn hands(&mut self) -> &mut H {
        &mut self.hands
    }

    /// A timer is due.
    pub async fn tick(&mut self) {
        self.event(Event::Tick).await;
    }

    /// Takes one message to its end.
    pub async fn take(&mut self, msg: Msg) {
        match msg {
            // Once: what it does itself is known from then on.
            Msg::Adopt { .. } if self.adopted => {}
            Msg::Adopt {
                game,
                install,
                host_rebooted,
            } => {
                self.adopted = true;
                self.adopt(game, install, host_rebooted).await;
            }
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
                    if self.commit(Vec::new()).await {
                        let _ = done.send(());
                    }
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
        self.hands.say(text);
    }

    fn generation(&self) -> u64 {
        self.row.as_ref().map_or(0, |r| r.generation)
    }

    async fn event(&mut self, event: Event) {
        self.event_with(event, Vec::new()).await;
    }

    /// Decides, writes down, does. `facts` belong to the same step and come first.
    async fn event_with(&mut self, event: Event, facts: Vec<What>) {
        let (life, effects) = step(self.memory.life.clone(), event, self.hands.now());
        self.memory.life = life;
        if effects.iter().any(|e| matches!(e, Effect::Start(_))) {
            self.memory.run = Some(Run {
                id: self.hands.fresh_run(),
                started: false,
                started_at_ms: 0,
                host_boot: self.hands.host_boot().to_owned(),
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
        let saved = self.commit(all).await;
        for effect in effects {
            match effect {
                Effect::Start(_) if !saved => self.put_off(),
                effect => self.act(effect).await,
            }
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

    /// Puts memory and facts on disk. False: the memory is not there.
    async fn commit(&mut self, whats: Vec<What>) -> bool {
        let at_ms = self.hands.now().wall_ms;
        let facts: Vec<wire::Fact> = whats
            .into_iter()
            .map(|what| wire::Fact {
                at_ms,
                server: self.server.to_string(),
                generation: self.generation(),
                what: Some(what),
                ..Default::default()
            })
            .collect();
        self.memory.owe(&facts, self.hands.journal_end());
        let bytes = self.memory.encode();
        let mut saved = bytes == self.saved;
        if !saved && self.hands.remember(&bytes).await {
            self.saved = bytes;
            saved = true;
        }
        let mut durable = false;
        for fact in facts {
            durable = self.hands.write(fact).await;
        }
        if durable {
            // And all that waited before.
            self.memory.owed.clear();
        }
        self.hands.show(&self.memory, self.row.as_ref());
        saved
    }

    /// A game that could not be written down is not started: a process after this one would take it for another's
    /// leftover, or start it a second time.
    fn put_off(&self) {
        if let Some(run) = self.memory.run.as_ref().map(|r| r.id) {
            let text = "the agent's disk takes no writes; nothing is started until it does";
            let mut failure = Failure::new("not_written", text);
            failure.passing = true;
            self.hands.tell(Msg::StartDone(run, Err(failure)));
        }
    }

    async fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Report(change) => self.announce(&change),
            Effect::Start(cause) => self.start(cause),
            Effect::AbortStart => {
                if !self.hands.abort_start() {
                    // Between two tries: nothing is under way.
                    let failure = Failure::new("cancelled", "the start was cancelled");
                    if let Some(run) = self.memory.run.as_ref().map(|r| r.id) {
                        self.hands.tell(Msg::StartDone(run, Err(failure)));
                    }
                }
            }
            Effect::AskStop => self.hands.ask_stop(self.row.as_ref()),
            Effect::Kill => self.hands.kill(),
            Effect::BeginJob(job) => self.begin_job(job, None),
            Effect::CancelJob(_) => {
                self.hands.cancel_job();
            }
            Effect::Remove { .. } => self.hands.remove(),
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
            self.hands.change_live(before, row);
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
        self.hands.bury(generation).await;
        self.gone = true;
        self.hands.gone(generation);
    }
}

fn words(reason: &str) -> String {
    reason.replace('_', " ")
}
