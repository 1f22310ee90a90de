//! The real hands of an actor: containerd, the data directory, consoles.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use warren_proto::ids::{JobId, RunId, ServerId};
use warren_proto::wire;
use warren_runtime::console::StdinWriter;

use super::super::deps::{Deps, DiskPolicy};
use super::super::lifecycle::{Cause, Now};
use super::super::memory::{Ended, Job, Memory};
use super::super::start::{self, Failure};
use super::super::status::{Bytes, JobView, Status, Up};
use super::super::{install, remove, stop};
use super::hands::{Attach, Container, Hands, Script, Work};
use super::{Begun, Msg, OnGone};
use crate::clock;
use crate::console::Kind;
use crate::console::tail::Finder;
use crate::job::Holding;
use crate::journal::Position;

/// How long the journal may take before the actor goes on; the fact stays queued.
const JOURNAL_WAIT: Duration = Duration::from_secs(5);
/// How long the last bytes of a console may take.
const LAST_BYTES_WAIT: Duration = Duration::from_secs(3);

/// See the module.
pub struct Rim {
    pub(super) server: ServerId,
    pub(super) deps: Arc<Deps>,
    pub(super) status: Arc<Mutex<Status>>,
    pub(super) tx: mpsc::WeakSender<Msg>,
    pub(super) stop: CancellationToken,
    pub(super) on_gone: OnGone,
    pub(super) starting: Option<CancellationToken>,
    pub(super) tail: Option<(CancellationToken, tokio::task::JoinHandle<()>)>,
    pub(super) job_cancel: Option<CancellationToken>,
    pub(super) job_exits: Option<mpsc::Sender<Ended>>,
}

impl Rim {
    fn teller(&self) -> impl Fn(Msg) + Send + Sync + 'static {
        let tx = self.tx.clone();
        move |msg| {
            if let Some(tx) = tx.upgrade() {
                // A full queue is waited for elsewhere: these come from tasks of this actor alone.
                tokio::spawn(async move { tx.send(msg).await });
            }
        }
    }

    fn over_disk_limit(&self) -> Option<Failure> {
        let (used, limit) = {
            let status = self.status.lock();
            (status.disk_bytes, status.disk_limit)
        };
        let over = limit > 0 && used > limit;
        (over && self.deps.settings.disk_policy == DiskPolicy::Stop).then(|| {
            let text = format!(
                "its files take {} MiB, the limit is {} MiB: delete some, or raise it",
                used >> 20,
                limit >> 20
            );
            Failure::new("disk_limit", text)
        })
    }

    fn finder(&self, run: RunId, markers: &[warren_egg::DoneMarker]) -> Finder {
        let mut matcher = warren_egg::DoneMatcher::new(markers);
        let tell = self.teller();
        Box::new(move |bytes| {
            let done = matcher.push(bytes);
            if done {
                tell(Msg::Done(run));
            }
            done
        })
    }

    fn progress(&self, id: JobId, kind: String) -> install::Progress {
        let status = self.status.clone();
        Box::new(move |percent, step| {
            status.lock().job = Some(JobView {
                id,
                kind: kind.clone(),
                percent,
                step: step.to_owned(),
                bytes: Bytes::default(),
            });
        })
    }

    fn committing(&self, id: JobId, run: RunId) -> install::Committing {
        let tx = self.tx.clone();
        Box::new(move || {
            let tx = tx.clone();
            Box::pin(async move {
                let (done, written) = oneshot::channel();
                match tx.upgrade() {
                    Some(tx) => {
                        let told = tx.send(Msg::Committing(id, run, done)).await.is_ok();
                        told && written.await.is_ok()
                    }
                    None => false,
                }
            })
        })
    }
}

impl Hands for Rim {
    fn now(&self) -> Now {
        Now {
            mono_ms: clock::mono_ms(),
            wall_ms: clock::wall_ms(),
        }
    }

    fn host_boot(&self) -> &str {
        &self.deps.settings.host_boot
    }

    fn fresh_run(&mut self) -> RunId {
        RunId::new()
    }

    fn tell(&self, msg: Msg) {
        self.teller()(msg);
    }

    fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    async fn remember(&mut self, memory: &[u8]) -> bool {
        let (ledger, server, copy) = (self.deps.ledger.clone(), self.server, memory.to_vec());
        let saved = tokio::task::spawn_blocking(move || ledger.remember(server, &copy)).await;
        match saved {
            Ok(Ok(())) => return true,
            // The game goes on; the next step tries again.
            Ok(Err(e)) => error!(server.id = %self.server, "{e}"),
            Err(e) => error!(server.id = %self.server, "{e}"),
        }
        false
    }

    fn journal_end(&self) -> Position {
        self.deps.journal.end()
    }

    async fn write(&mut self, fact: wire::Fact) -> bool {
        let written = self.deps.journal.append(fact);
        let written = tokio::time::timeout(JOURNAL_WAIT, written).await;
        if written.is_err() {
            warn!(server.id = %self.server, "the journal is slow; going on");
        }
        matches!(written, Ok(Some(_)))
    }

    async fn had(&mut self, fact: &wire::Fact, since: Position) -> bool {
        let (journal, copy) = (self.deps.journal.clone(), fact.clone());
        let there = tokio::task::spawn_blocking(move || journal.had(&copy, since)).await;
        there.unwrap_or(false)
    }

    fn is_journal_full(&self) -> bool {
        self.deps.journal.under_pressure()
    }

    async fn bury(&mut self, generation: u64) {
        let (ledger, server) = (self.deps.ledger.clone(), self.server);
        let buried = tokio::task::spawn_blocking(move || ledger.bury(server, generation)).await;
        match buried {
            Ok(Ok(())) => {}
            // The tombstone stays open: the next start of the agent carries it out again.
            Ok(Err(e)) => error!(server.id = %self.server, "{e}"),
            Err(e) => error!(server.id = %self.server, "{e}"),
        }
    }

    fn say(&self, text: &str) {
        self.deps.consoles.say(self.server, text);
    }

    fn show(&mut self, memory: &Memory, row: Option<&wire::WantedServer>) {
        self.status.lock().update(memory, row);
    }

    fn show_job(&mut self, job: Option<JobView>) {
        self.status.lock().job = job;
    }

    fn job_status(&self, job: JobId) -> wire::JobStatus {
        self.status.lock().job_status(job)
    }

    fn start(&mut self, run: RunId, row: &wire::WantedServer, cause: Cause) {
        let tell = self.teller();
        if let Some(failure) = self.over_disk_limit() {
            tell(Msg::StartDone(run, Err(failure)));
            return;
        }
        let cancel = CancellationToken::new();
        self.starting = Some(cancel.clone());
        let paths = match self.deps.consoles.begin(self.server, run, Kind::Game) {
            Ok(paths) => paths,
            Err(e) => {
                tell(Msg::StartDone(run, Err(e.into())));
                return;
            }
        };
        let start = start::Start {
            deps: self.deps.clone(),
            server: self.server,
            row: row.clone(),
            run,
            paths,
            cause,
            cancel,
        };
        tokio::spawn(async move {
            let result = start.run().await.map(|started| {
                Box::new(Begun {
                    started_at_ms: clock::to_ms(started.running.started_at),
                    pid: started.running.pid,
                    image: started.image,
                    veth: started.attached.veth,
                })
            });
            tell(Msg::StartDone(run, result));
        });
    }

    fn is_starting(&self) -> bool {
        self.starting.is_some()
    }

    fn abort_start(&mut self) -> bool {
        if let Some(starting) = &self.starting {
            starting.cancel();
        }
        self.starting.is_some()
    }

    fn start_over(&mut self, run: RunId, failed: bool) {
        self.starting = None;
        if failed {
            self.deps.consoles.server(self.server).end(run);
        }
    }

    fn attach(&mut self, up: Attach<'_>) {
        let consoles = &self.deps.consoles;
        let stdin = consoles.server(self.server).paths(up.run).map(|p| p.stdin);
        let stdin = stdin.map(|path| StdinWriter::open(&path));
        let stdin = match stdin {
            Some(Ok(stdin)) => Some(Arc::new(stdin)),
            Some(Err(e)) => {
                warn!(server.id = %self.server, "no stdin: {e}");
                None
            }
            None => None,
        };
        let finder = up.markers.map(|markers| self.finder(up.run, markers));
        let ended = CancellationToken::new();
        let tail = consoles.follow(self.server, up.run, finder, ended.clone());
        self.tail = Some((ended, tail));
        let mut status = self.status.lock();
        status.stdin = stdin;
        status.up = Some(Up {
            pid: up.pid,
            veth: up.veth,
            started_at_ms: up.started_at_ms,
        });
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

    fn end_console(&mut self, run: RunId) -> u64 {
        self.deps.consoles.server(self.server).end(run)
    }

    async fn delete(&mut self, which: Container) {
        let id = match which {
            Container::Game => start::container_of(self.server),
            Container::Install => install::container_of(self.server),
        };
        if let Ok(id) = id
            && let Err(e) = self.deps.runtime.delete(&id).await
        {
            // The next start removes it.
            warn!(server.id = %self.server, "the ended container stays for now: {e}");
        }
    }

    async fn veth(&mut self) -> Option<String> {
        let all = self.deps.network.list().await.ok()?;
        let key = self.server.to_string();
        let ours = all.into_iter().find(|a| a.key.as_str() == key);
        ours.map(|a| a.veth)
    }

    fn ask_stop(&mut self, row: Option<&wire::WantedServer>) {
        let how = row.and_then(|r| r.spec.as_ref());
        let how = how
            .and_then(|s| s.stop.as_ref())
            .and_then(|s| s.how.clone());
        let stdin = self.status.lock().stdin.clone();
        stop::ask(self.deps.clone(), self.server, how, stdin);
    }

    fn kill(&mut self) {
        stop::kill(self.deps.clone(), self.server);
    }

    fn change_live(&mut self, before: &wire::WantedServer, row: &wire::WantedServer) {
        stop::change_live(&self.deps, self.server, before, row);
    }

    fn bring_in_line(&mut self, row: &wire::WantedServer) {
        stop::bring_in_line(&self.deps, self.server, row);
    }

    fn remove(&mut self) {
        self.deps.jobs.cancel_of(self.server);
        let done = self.teller();
        let (deps, server) = (self.deps.clone(), self.server);
        let stop = self.stop.clone();
        tokio::spawn(async move {
            if remove::run(&deps, server, &stop).await {
                done(Msg::Removed);
            }
        });
    }

    fn gone(&mut self, generation: u64) {
        info!(server.id = %self.server, "server {} is gone from this node", self.server);
        (self.on_gone)(self.server, generation);
    }

    fn keep_work(&mut self, job: JobId, ask: wire::JobStart) -> Result<(), wire::Failure> {
        self.deps.jobs.keep(self.server, job, ask)
    }

    fn begin_work(&mut self, job: &Job) -> Result<(), Failure> {
        let cancel = CancellationToken::new();
        if job.cancelled {
            cancel.cancel();
        }
        self.job_cancel = Some(cancel.clone());
        let holding = Holding {
            deps: self.deps.clone(),
            status: self.status.clone(),
            server: self.server,
            job: job.id,
            kind: job.kind.clone(),
            cancel,
        };
        let (jobs, status, tell) = (self.deps.jobs.clone(), self.status.clone(), self.teller());
        let id = job.id;
        tokio::spawn(async move {
            let show = move |view| status.lock().job = Some(view);
            let done = jobs.hold(holding, show).await;
            tell(Msg::JobDone(id, install::Outcome::of(done)));
        });
        Ok(())
    }

    fn begin_job(&mut self, work: Work<'_>) -> Result<(), Failure> {
        let (id, run) = (work.job.id, work.run);
        let consoles = &self.deps.consoles;
        let paths = match consoles.server(self.server).paths(run) {
            Some(paths) => paths,
            None => consoles.begin(self.server, run, Kind::Install)?,
        };
        let ended = CancellationToken::new();
        let tail = consoles.follow(self.server, run, None, ended.clone());
        self.tail = Some((ended, tail));
        let (exits_tx, exits) = mpsc::channel(2);
        let running = work.found.is_some();
        let mut begun_at_ms = None;
        match work.found {
            Some(Script::Ended(ended)) => {
                let _ = exits_tx.try_send(ended);
            }
            Some(Script::Running { since_ms }) => begun_at_ms = Some(since_ms),
            None => {}
        }
        self.job_exits = Some(exits_tx);
        let cancel = CancellationToken::new();
        if work.job.cancelled {
            cancel.cancel();
        }
        self.job_cancel = Some(cancel.clone());
        let install = install::Install {
            deps: self.deps.clone(),
            server: self.server,
            row: work.row,
            job: id,
            wipe: work.job.wipe,
            run,
            begun_at_ms,
            paths,
            cancel,
            exits,
            progress: self.progress(id, work.job.kind.clone()),
            committing: self.committing(id, run),
        };
        let tell = self.teller();
        tokio::spawn(async move {
            let outcome = install.run(running).await;
            tell(Msg::JobDone(id, outcome));
        });
        Ok(())
    }

    async fn sweep_install(&mut self) {
        install::sweep(&self.deps, self.server).await;
    }

    fn job_exited(&mut self, ended: Ended) {
        if let Some(exits) = &self.job_exits {
            // One exit per container; the job may have given up waiting.
            let _ = exits.try_send(ended);
        }
    }

    fn cancel_job(&mut self) -> bool {
        if let Some(cancel) = &self.job_cancel {
            cancel.cancel();
        }
        self.job_cancel.is_some()
    }

    fn job_told(&mut self) {
        self.deps.jobs.told(self.server);
    }

    fn job_over(&mut self) {
        self.deps.jobs.forget(self.server);
        self.job_cancel = None;
        self.job_exits = None;
    }
}
