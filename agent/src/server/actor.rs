//! One task per server: asks [`lifecycle`](super::lifecycle) what follows from an event, writes it
//! down, then does it.
//!
//! Order matters: memory and facts are on disk before an effect begins, so that a kill at any moment
//! leaves something to go on from.

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
use warren_runtime::console::StdinWriter;
use warren_runtime::runtime::{Found, FoundState};

use super::deps::{Deps, DiskPolicy};
use super::lifecycle::{self, Cause, Change, Effect, Event, Now, step};
use super::memory::{Ended, Job, Memory, Run};
use super::start::{self, Failure, Started};
use super::status::{JobView, Status, Up};
use super::{convert, install, label, remove, stop};
use crate::clock;
use crate::console::Kind;
use crate::ledger::Tombstone;

/// Messages that may wait for an actor.
pub const QUEUE: usize = 256;
/// How long the journal may take before the actor goes on; the fact stays queued.
const JOURNAL_WAIT: Duration = Duration::from_secs(5);
/// How long the last bytes of a console may take.
const LAST_BYTES_WAIT: Duration = Duration::from_secs(3);

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
        stop,
        on_gone,
        gone: false,
    };
    tokio::spawn(actor.run(rx));
    Handle { server, tx, status }
}

fn now() -> Now {
    Now {
        mono_ms: clock::mono_ms(),
        wall_ms: clock::wall_ms(),
    }
}

impl Actor {
    async fn run(mut self, mut rx: mpsc::Receiver<Msg>) {
        let stop = self.stop.clone();
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

    fn start(&mut self, cause: Cause) {
        let (Some(run), Some(row)) = (self.memory.run.as_ref().map(|r| r.id), self.row.clone())
        else {
            return;
        };
        let tell = self.tell();
        let (used, limit) = {
            let status = self.status.lock();
            (status.disk_bytes, status.disk_limit)
        };
        if limit > 0 && used > limit && self.deps.settings.disk_policy == DiskPolicy::Stop {
            let text = format!(
                "its files take {} MiB, the limit is {} MiB: delete some, or raise it",
                used >> 20,
                limit >> 20
            );
            tell(Msg::StartDone(run, Err(Failure::new("disk_limit", text))));
            return;
        }
        let cancel = CancellationToken::new();
        self.starting = Some(cancel.clone());
        let paths = match self.deps.consoles.begin(self.server, run, Kind::Game) {
            Ok(paths) => paths,
            Err(e) => {
                tell(Msg::StartDone(
                    run,
                    Err(Failure::new("console", format!("{e:#}"))),
                ));
                return;
            }
        };
        let start = start::Start {
            deps: self.deps.clone(),
            server: self.server,
            row,
            run,
            paths,
            cause,
            cancel,
        };
        tokio::spawn(async move {
            let result = start.run().await.map(Box::new);
            tell(Msg::StartDone(run, result));
        });
    }

    async fn start_done(&mut self, run: RunId, result: Result<Box<Started>, Failure>) {
        if !self.is_current(run) {
            return;
        }
        self.starting = None;
        match result {
            Err(failure) => {
                self.deps.consoles.server(self.server).end(run);
                let event = Event::StartFailed {
                    code: failure.code,
                    detail: failure.detail,
                    passing: failure.passing,
                };
                self.event(event).await;
            }
            Ok(started) => {
                let at_ms = clock::to_ms(started.running.started_at);
                if let Some(run) = &mut self.memory.run {
                    run.started = true;
                    run.started_at_ms = at_ms;
                }
                let fact = What::RunStarted(wire::RunStarted {
                    run: run.to_string(),
                    started_at_ms: at_ms,
                    image: started.image.clone(),
                    pid: started.running.pid,
                });
                self.attach(
                    run,
                    started.running.pid,
                    Some(started.attached.veth.clone()),
                );
                self.event_with(Event::Started, vec![fact]).await;
                self.done_without_markers().await;
                if self.memory.run.as_ref().is_some_and(|r| r.ended.is_some()) {
                    self.finish_run().await;
                }
            }
        }
    }

    async fn done_without_markers(&mut self) {
        let none = self.markers().is_empty();
        if none && self.memory.life.state == State::Starting {
            self.event(Event::Done).await;
        }
    }

    fn markers(&self) -> Vec<warren_egg::DoneMarker> {
        let spec = self.row.as_ref().and_then(|r| r.spec.as_ref());
        let done = spec.map(|s| s.done.as_slice()).unwrap_or_default();
        done.iter()
            .filter_map(|m| match m.pattern.as_ref()? {
                wire::done_marker::Pattern::Contains(text) => {
                    Some(warren_egg::DoneMarker::Contains(text.clone()))
                }
                wire::done_marker::Pattern::Regex(text) => {
                    Some(warren_egg::DoneMarker::Regex(text.clone()))
                }
            })
            .collect()
    }

    /// Follows the console of a run that is up, and opens its stdin.
    fn attach(&mut self, run: RunId, pid: u32, veth: Option<String>) {
        let consoles = &self.deps.consoles;
        let stdin = consoles.server(self.server).paths(run).map(|p| p.stdin);
        let stdin = stdin.map(|path| StdinWriter::open(&path));
        let stdin = match stdin {
            Some(Ok(stdin)) => Some(Arc::new(stdin)),
            Some(Err(e)) => {
                warn!(server.id = %self.server, "no stdin: {e}");
                None
            }
            None => None,
        };
        let finder: Option<crate::console::tail::Finder> =
            (self.memory.life.state == State::Starting).then(|| {
                let mut matcher = warren_egg::DoneMatcher::new(&self.markers());
                let tell = self.tell();
                let finder: crate::console::tail::Finder = Box::new(move |bytes| {
                    let done = matcher.push(bytes);
                    if done {
                        tell(Msg::Done(run));
                    }
                    done
                });
                finder
            });
        let ended = CancellationToken::new();
        let tail = consoles.follow(self.server, run, finder, ended.clone());
        self.tail = Some((ended, tail));
        let started_at_ms = self.memory.run.as_ref().map_or(0, |r| r.started_at_ms);
        let mut status = self.status.lock();
        status.stdin = stdin;
        status.up = Some(Up {
            pid,
            veth,
            started_at_ms,
        });
    }

    fn ask_stop(&self) {
        let how = self.row.as_ref().and_then(|r| r.spec.as_ref());
        let how = how
            .and_then(|s| s.stop.as_ref())
            .and_then(|s| s.how.clone());
        let stdin = self.status.lock().stdin.clone();
        stop::ask(self.deps.clone(), self.server, how, stdin);
    }

    async fn ended(&mut self, run: &str, ended: Ended) {
        let job = self.memory.job.as_ref();
        if job.is_some_and(|j| j.run.is_some_and(|r| r.to_string() == run)) {
            if let Some(exits) = &self.job_exits {
                // One exit per container; the job may have given up waiting.
                let _ = exits.try_send(ended);
            }
            return;
        }
        let Some(memo) = &mut self.memory.run else {
            return;
        };
        if memo.id.to_string() != run || memo.closed {
            return;
        }
        memo.ended.get_or_insert(ended);
        // Its start has not been told yet: that first.
        if self.starting.is_none() {
            self.finish_run().await;
        }
    }

    async fn finish_run(&mut self) {
        // Deleting the container forgets how it ended: so that is written down before.
        self.commit(Vec::new()).await;
        let (event, facts) = self.close_run().await;
        self.event_with(event, facts).await;
    }

    /// Takes the last bytes and removes the container of a run that has ended.
    async fn close_run(&mut self) -> (Event, Vec<What>) {
        let run = self.memory.run.clone();
        let ended = run.as_ref().and_then(|r| r.ended);
        let (Some(run), Some(ended)) = (run, ended) else {
            return (Event::Tick, Vec::new());
        };
        if let Ok(id) = start::container_of(self.server)
            && let Err(e) = self.deps.runtime.delete(&id).await
        {
            // The next start removes it.
            warn!(server.id = %self.server, "the ended container stays for now: {e}");
        }
        self.detach().await;
        let spool_end = self.deps.consoles.server(self.server).end(run.id);
        let fact = What::RunEnded(wire::RunEnded {
            run: run.id.to_string(),
            ended_at_ms: ended.at_ms,
            exit_code: ended.code.unwrap_or(-1),
            oom: ended.oom,
            spool_end,
        });
        if let Some(run) = &mut self.memory.run {
            run.closed = true;
        }
        let event = match ended.code {
            Some(code) => Event::Exited {
                code,
                oom: ended.oom,
            },
            None => Event::Vanished,
        };
        (event, if run.started { vec![fact] } else { Vec::new() })
    }

    async fn detach(&mut self) {
        if let Some((ended, tail)) = self.tail.take() {
            ended.cancel();
            if tokio::time::timeout(LAST_BYTES_WAIT, tail).await.is_err() {
                warn!(server.id = %self.server, "the console's last bytes take long");
            }
        }
        let stdin = {
            let mut status = self.status.lock();
            status.up = None;
            status.stdin.take()
        };
        if let Some(stdin) = stdin {
            stdin.close().await;
        }
    }

    async fn adopt(&mut self, game: Option<Found>, install: Option<Found>, host_rebooted: bool) {
        self.resend().await;
        self.adopt_game(game, host_rebooted).await;
        self.adopt_install(install).await;
        if let Some(row) = &self.row {
            let want = convert::want(row);
            self.event(Event::Wanted(want)).await;
        }
    }

    /// Facts that were decided and may not have come to the journal.
    async fn resend(&mut self) {
        for fact in self.memory.queued() {
            let (journal, copy) = (self.deps.journal.clone(), fact.clone());
            let there = tokio::task::spawn_blocking(move || journal.had(&copy)).await;
            if !there.unwrap_or(false) {
                self.deps.journal.append(fact).await;
            }
        }
        self.memory.unsent.clear();
    }

    async fn adopt_game(&mut self, found: Option<Found>, host_rebooted: bool) {
        if let Some(found) = &found
            && let Some(label::Label::Game { run, .. }) = label::read(&found.labels)
            && !self.is_current(run)
        {
            // The memory is older than the container, or lost: the label knows better.
            self.memory.run = Some(Run {
                id: run,
                started: true,
                started_at_ms: clock::to_ms(found.created_at),
                ended: None,
                closed: false,
            });
        }
        let nothing = lifecycle::Found::Nothing { host_rebooted };
        let state = found.as_ref().map(|f| f.state.clone());
        match state {
            Some(FoundState::Running { pid, .. } | FoundState::Paused { pid }) => {
                self.adopt_running(pid).await;
            }
            Some(FoundState::Stopped(exit)) => {
                if let Some(run) = &mut self.memory.run {
                    run.started = true;
                    run.ended.get_or_insert(Ended::of(&exit));
                }
                self.adopt_ended().await;
            }
            Some(FoundState::NoTask) => {
                if let Ok(id) = start::container_of(self.server)
                    && let Err(e) = self.deps.runtime.delete(&id).await
                {
                    warn!(server.id = %self.server, "{e}");
                }
                self.adopt_absent(nothing).await;
            }
            None => self.adopt_absent(nothing).await,
        }
    }

    async fn adopt_running(&mut self, pid: u32) {
        let mut facts = Vec::new();
        let image = self.row.as_ref().and_then(|r| r.spec.as_ref());
        let image = image.map(|s| s.image.clone()).unwrap_or_default();
        let run = self.memory.run.as_mut().map(|run| {
            if !run.started {
                // Killed between the start and its fact.
                run.started = true;
                run.started_at_ms = clock::wall_ms();
                facts.push(What::RunStarted(wire::RunStarted {
                    run: run.id.to_string(),
                    started_at_ms: run.started_at_ms,
                    image,
                    pid,
                }));
            }
            run.id
        });
        let veth = self.veth().await;
        self.event_with(Event::Adopted(lifecycle::Found::Up), facts)
            .await;
        if let Some(run) = run {
            self.attach(run, pid, veth);
        }
        if self.memory.life.state == State::Starting {
            self.done_without_markers().await;
        }
        self.say("the agent is back; the game ran on");
    }

    async fn veth(&self) -> Option<String> {
        let all = self.deps.network.list().await.ok()?;
        let key = self.server.to_string();
        let ours = all.into_iter().find(|a| a.key.as_str() == key);
        ours.map(|a| a.veth)
    }

    async fn adopt_ended(&mut self) {
        let ended = self.memory.run.as_ref().and_then(|r| r.ended);
        let closed = self.memory.run.as_ref().is_none_or(|r| r.closed);
        let Some(ended) = ended.filter(|_| !closed) else {
            let nothing = lifecycle::Found::Nothing {
                host_rebooted: false,
            };
            if let Ok(id) = start::container_of(self.server) {
                // Known and told already; only the container is left.
                let _ = self.deps.runtime.delete(&id).await;
            }
            self.event(Event::Adopted(nothing)).await;
            return;
        };
        self.commit(Vec::new()).await;
        let (event, facts) = self.close_run().await;
        let event = match ended.code {
            Some(code) => Event::Adopted(lifecycle::Found::Ended {
                code,
                oom: ended.oom,
            }),
            None => event,
        };
        self.event_with(event, facts).await;
    }

    async fn adopt_absent(&mut self, nothing: lifecycle::Found) {
        let Some(run) = self.memory.run.clone().filter(|r| r.started && !r.closed) else {
            self.event(Event::Adopted(nothing)).await;
            return;
        };
        if run.ended.is_some() {
            // Its end was written down, the container deleted, and then we were killed.
            self.adopt_ended().await;
            return;
        }
        let spool_end = self.deps.consoles.server(self.server).end(run.id);
        if let Some(run) = &mut self.memory.run {
            run.closed = true;
        }
        let fact = What::RunEnded(wire::RunEnded {
            run: run.id.to_string(),
            ended_at_ms: clock::wall_ms(),
            exit_code: -1,
            oom: false,
            spool_end,
        });
        self.event_with(Event::Adopted(nothing), vec![fact]).await;
    }

    async fn adopt_install(&mut self, found: Option<Found>) {
        let Some(job) = self.memory.job.clone() else {
            if found.is_some()
                && let Ok(id) = install::container_of(self.server)
            {
                // Left by a job whose end is written down.
                let _ = self.deps.runtime.delete(&id).await;
            }
            if let Some(hold) = self.memory.life.hold.clone() {
                let why = (
                    "interrupted".to_owned(),
                    "the agent forgot the job".to_owned(),
                );
                let event = Event::JobEnded {
                    job: hold.job,
                    result: Err(why),
                };
                self.event(event).await;
            }
            return;
        };
        if !self.memory.life.hold.as_ref().is_some_and(|h| h.begun) {
            return;
        }
        match (found.map(|f| f.state), job.run) {
            (Some(FoundState::Running { .. } | FoundState::Paused { .. }), Some(_)) => {
                self.begin_job(job.id, Some(None));
            }
            (Some(FoundState::Stopped(exit)), Some(_)) => {
                self.begin_job(job.id, Some(Some(Ended::of(&exit))));
            }
            (_, Some(_)) => {
                let failure = Failure::new(
                    "interrupted",
                    "the install script was interrupted by a restart of the machine or of containerd",
                );
                let outcome = install::Outcome {
                    result: Err(failure),
                    exit_code: None,
                };
                self.job_done(job.id, outcome).await;
            }
            (_, None) => self.begin_job(job.id, None),
        }
    }

    async fn job_start(&mut self, ask: wire::JobStart) -> Result<wire::JobStatus, wire::Failure> {
        let refuse = |code: &str, message: String, retryable| wire::Failure {
            code: code.into(),
            message,
            retryable,
        };
        let Ok(id) = ask.job.parse::<JobId>() else {
            return Err(refuse("bad_message", "that is no job id".into(), false));
        };
        if self.memory.ended_jobs.contains(&id)
            || self.memory.job.as_ref().is_some_and(|j| j.id == id)
        {
            return Ok(self.status.lock().job_status(id));
        }
        if let Some(job) = &self.memory.job {
            let text = format!("job {} has the server's files", job.id);
            return Err(refuse("busy", text, true));
        }
        if self.memory.life.removing.is_some() {
            return Err(refuse(
                "removing",
                "the server is being removed".into(),
                false,
            ));
        }
        if self.generation() < ask.generation {
            let text = "the node has an older state of this server".into();
            return Err(refuse("stale", text, true));
        }
        if !matches!(ask.kind.as_str(), "install" | "reinstall") {
            let text = format!("this agent knows no job {:?}", ask.kind);
            return Err(refuse("unknown_kind", text, false));
        }
        if self.deps.journal.under_pressure() {
            let text =
                "the node has too many facts that control has not taken; no new job until it has";
            return Err(refuse("journal_full", text.into(), true));
        }
        self.memory.job = Some(Job {
            id,
            kind: ask.kind,
            wipe: ask.wipe,
            started_at_ms: clock::wall_ms(),
            run: None,
            cancelled: false,
        });
        self.set_job_view(id, -1.0, "waiting for the game to stop");
        self.event(Event::JobWanted(id)).await;
        Ok(self.status.lock().job_status(id))
    }

    fn set_job_view(&self, id: JobId, percent: f64, step: &str) {
        let kind = self.memory.job.as_ref().map(|j| j.kind.clone());
        self.status.lock().job = Some(JobView {
            id,
            kind: kind.unwrap_or_default(),
            percent,
            step: step.into(),
        });
    }

    async fn job_cancel(&mut self, id: JobId) -> Result<wire::JobStatus, wire::Failure> {
        if let Some(job) = self.memory.job.as_mut().filter(|j| j.id == id) {
            job.cancelled = true;
            let begun = self.memory.life.hold.as_ref().is_some_and(|h| h.begun);
            self.commit(Vec::new()).await;
            match &self.job_cancel {
                Some(cancel) if begun => cancel.cancel(),
                _ => {
                    let outcome = install::Outcome {
                        result: Err(Failure::new("cancelled", "the job was cancelled")),
                        exit_code: None,
                    };
                    self.job_done(id, outcome).await;
                }
            }
        }
        Ok(self.status.lock().job_status(id))
    }

    /// Starts the job's task. `found`: its container was found after a restart, perhaps ended.
    fn begin_job(&mut self, id: JobId, found: Option<Option<Ended>>) {
        let (Some(job), row) = (
            self.memory.job.clone().filter(|j| j.id == id),
            self.row.clone(),
        ) else {
            return;
        };
        let tell = self.tell();
        let fail = |failure: Failure| {
            let outcome = install::Outcome {
                result: Err(failure),
                exit_code: None,
            };
            tell(Msg::JobDone(id, outcome));
        };
        let row = row.unwrap_or_default();
        if !row.spec.as_ref().is_some_and(convert::installable) {
            let text = "the egg has no install script and image";
            return fail(Failure::new("nothing_to_install", text));
        }
        let running = found.is_some();
        let run = job.run.unwrap_or_else(RunId::new);
        let paths = match self.deps.consoles.server(self.server).paths(run) {
            Some(paths) => paths,
            None => match self.deps.consoles.begin(self.server, run, Kind::Install) {
                Ok(paths) => paths,
                Err(e) => return fail(Failure::new("console", format!("{e:#}"))),
            },
        };
        let ended = CancellationToken::new();
        let tail = self
            .deps
            .consoles
            .follow(self.server, run, None, ended.clone());
        self.tail = Some((ended, tail));
        let (exits_tx, exits) = mpsc::channel(2);
        if let Some(Some(ended)) = found {
            let _ = exits_tx.try_send(ended);
        }
        self.job_exits = Some(exits_tx);
        let cancel = CancellationToken::new();
        if job.cancelled {
            cancel.cancel();
        }
        self.job_cancel = Some(cancel.clone());
        self.set_job_view(id, -1.0, "starting");
        if !running {
            self.say(&format!("{} begins", job.kind));
        }
        let work = install::Install {
            deps: self.deps.clone(),
            server: self.server,
            row,
            job: id,
            wipe: job.wipe,
            run,
            paths,
            cancel,
            exits,
            progress: self.progress(id, job.kind),
            committing: self.committing(id, run),
        };
        tokio::spawn(async move {
            let outcome = work.run(running).await;
            tell(Msg::JobDone(id, outcome));
        });
    }

    fn progress(&self, id: JobId, kind: String) -> install::Progress {
        let status = self.status.clone();
        Box::new(move |percent, step| {
            status.lock().job = Some(JobView {
                id,
                kind: kind.clone(),
                percent,
                step: step.to_owned(),
            });
        })
    }

    fn committing(&self, id: JobId, run: RunId) -> install::Committing {
        let tx = self.tx.clone();
        Box::new(move || {
            let tx = tx.clone();
            Box::pin(async move {
                let (done, written) = oneshot::channel();
                if let Some(tx) = tx.upgrade()
                    && tx.send(Msg::Committing(id, run, done)).await.is_ok()
                {
                    let _ = written.await;
                }
            })
        })
    }

    async fn job_done(&mut self, id: JobId, outcome: install::Outcome) {
        let Some(job) = self.memory.job.clone().filter(|j| j.id == id) else {
            return;
        };
        if outcome
            .result
            .as_ref()
            .is_err_and(|f| f.code == "interrupted")
            && self.stop.is_cancelled()
        {
            // We are stopping, not the script: the next process goes on with it.
            return;
        }
        if self.memory.life.state == State::Installing {
            self.detach().await;
        }
        self.job_cancel = None;
        self.job_exits = None;
        let (result, code, message) = match &outcome.result {
            Ok(()) => (wire::JobResult::Done, String::new(), String::new()),
            Err(f) if f.code == "cancelled" => {
                (wire::JobResult::Cancelled, f.code.clone(), f.detail.clone())
            }
            Err(f) => (wire::JobResult::Failed, f.code.clone(), f.detail.clone()),
        };
        match &outcome.result {
            Ok(()) => self.say(&format!("{} is done", job.kind)),
            Err(f) => self.say(&format!("{} failed: {}", job.kind, f.detail)),
        }
        let fact = What::JobEnded(wire::JobEnded {
            job: id.to_string(),
            kind: job.kind,
            result: result.into(),
            code,
            message,
            exit_code: outcome.exit_code,
            started_at_ms: job.started_at_ms,
        });
        self.memory.job = None;
        self.memory.job_ended(id);
        self.status.lock().job = None;
        let result = outcome.result.map_err(|f| {
            let reason = if f.code == "cancelled" {
                "install_cancelled".into()
            } else {
                f.code
            };
            (reason, f.detail)
        });
        self.event_with(Event::JobEnded { job: id, result }, vec![fact])
            .await;
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
