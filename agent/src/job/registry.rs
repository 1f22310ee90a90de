//! Jobs of all servers that run beside their games, and the work of those that hold a server until it may begin.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use warren_proto::ids::{JobId, ServerId};
use warren_proto::wire;
use warren_proto::wire::fact::What;

use super::meter::{Figures, Meter};
use super::notes::{Begun, Note, Notes};
use super::{At, Done, Kind, Progress, Work, interrupted, recover, work};
use crate::clock;
use crate::server::deps::Deps;
use crate::server::start::Failure;
use crate::server::status::{Bytes, JobView, Status};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

type Kept = (JobId, Box<dyn Work>);

struct Inner {
    notes: Notes,
    beside: Mutex<HashMap<JobId, Beside>>,
    /// By server: an actor has one job at a time.
    kept: Mutex<HashMap<ServerId, Kept>>,
    /// What an earlier process has left.
    left: Mutex<Vec<Note>>,
    /// Of jobs that held a server and whose end is about to be told.
    over: Mutex<HashMap<ServerId, Note>>,
}

struct Beside {
    server: ServerId,
    view: JobView,
    cancel: CancellationToken,
}

impl Jobs {
    /// Opens what an earlier process has left.
    /// # Errors
    /// The disk.
    pub fn open(dir: PathBuf) -> std::io::Result<Self> {
        let (notes, left) = Notes::open(dir)?;
        Ok(Self {
            inner: Arc::new(Inner {
                notes,
                beside: Mutex::default(),
                kept: Mutex::default(),
                left: Mutex::new(left),
                over: Mutex::default(),
            }),
        })
    }

    /// Starts a job beside the game, or says how the one of that id goes. `status`: the server's.
    /// # Errors
    /// With a code for control.
    pub async fn begin(
        &self,
        deps: &Arc<Deps>,
        status: &Arc<Mutex<Status>>,
        server: ServerId,
        ask: wire::JobStart,
    ) -> Result<wire::JobStatus, wire::Failure> {
        let Ok(id) = ask.job.parse::<JobId>() else {
            return Err(refuse("bad_message", "that is no job id", false));
        };
        if let Some(known) = self.status(id) {
            return Ok(known);
        }
        {
            let status = status.lock();
            if let Some(job) = &status.job {
                let text = format!("job {} has the server's files", job.id);
                return Err(refuse("busy", &text, true));
            }
            if status.generation < ask.generation {
                let text = "the node has an older state of this server";
                return Err(refuse("stale", text, true));
            }
        }
        if deps.journal.under_pressure() {
            let text =
                "the node has too many facts that control has not taken; no new job until it has";
            return Err(refuse("journal_full", text, true));
        }
        let kind = ask.kind.clone();
        let work = work(ask)?;
        let cancel = CancellationToken::new();
        let view = JobView {
            id,
            kind: kind.clone(),
            percent: -1.0,
            step: "starting".into(),
            bytes: Bytes::default(),
        };
        let shown = view.status();
        {
            let mut beside = self.inner.beside.lock();
            if let Some(known) = beside.get(&id) {
                return Ok(known.view.status());
            }
            let lane = Kind::parse(&kind).map(Kind::lane);
            let clashes = |b: &Beside| {
                b.server == server && Kind::parse(&b.view.kind).map(Kind::lane) == lane
            };
            if let Some(other) = beside.values().find(|b| clashes(b)) {
                let text = format!("job {} works on the same", other.view.id);
                return Err(refuse("busy", &text, true));
            }
            beside.insert(
                id,
                Beside {
                    server,
                    view,
                    cancel: cancel.clone(),
                },
            );
        }
        let begun = Begun {
            job: id,
            server,
            kind,
            started_at_ms: clock::wall_ms(),
            note: serde_json::Value::Null,
        };
        let note = match self.inner.notes.begin(begun).await {
            Ok(note) => note,
            Err(e) => {
                self.inner.beside.lock().remove(&id);
                let text = format!("the job can't be written down: {e}");
                return Err(refuse("disk", &text, true));
            }
        };
        let at = self.at(deps, status, note, cancel);
        self.spawn(at, move |at| work.run(at));
        Ok(shown)
    }

    fn at(
        &self,
        deps: &Arc<Deps>,
        status: &Arc<Mutex<Status>>,
        note: Note,
        cancel: CancellationToken,
    ) -> At {
        let begun = note.begun();
        let (inner, id) = (Arc::downgrade(&self.inner), begun.job);
        let progress = metered(move |figures, bytes| {
            if let Some(inner) = inner.upgrade()
                && let Some(beside) = inner.beside.lock().get_mut(&id)
            {
                beside.view.percent = figures.percent();
                beside.view.step = figures.step;
                beside.view.bytes = bytes;
            }
        });
        At {
            deps: deps.clone(),
            server: begun.server,
            job: id,
            cancel,
            status: status.clone(),
            progress,
            note,
        }
    }

    fn spawn(&self, at: At, run: impl FnOnce(At) -> super::Doing + Send + 'static) {
        let jobs = self.clone();
        tokio::spawn(async move {
            let done = guarded(run(at.clone())).await;
            jobs.end(&at, done).await;
        });
    }

    async fn end(&self, at: &At, done: Done) {
        let begun = at.note.begun();
        let (deps, server) = (&at.deps, at.server);
        match &done {
            Ok(_) => deps
                .consoles
                .say(server, &format!("{} is done", begun.kind)),
            Err(f) => {
                let text = format!("{} failed: {}", begun.kind, f.detail);
                deps.consoles.say(server, &text);
            }
        }
        let fact = wire::Fact {
            server: server.to_string(),
            generation: at.status.lock().generation,
            what: Some(What::JobEnded(ended(&begun, done))),
            ..Default::default()
        };
        // Without it on disk the process after this one says how the job has ended.
        if deps.journal.append(fact).await.is_none() {
            return;
        }
        if let Err(e) = self.inner.notes.end(&at.note).await {
            error!(server.id = %server, "the end of job {} can't be noted: {e}", at.job);
        }
        self.inner.beside.lock().remove(&at.job);
        info!(server.id = %server, "job {} ({}) has ended", at.job, begun.kind);
    }

    /// Ends what an earlier process has left running beside games, for each server that is here.
    pub fn resume(
        &self,
        deps: &Arc<Deps>,
        status_of: impl Fn(ServerId) -> Option<Arc<Mutex<Status>>>,
    ) {
        // Those of a job that holds its server wait for its actor, which knows of it.
        let waits = |note: &Note| {
            let begun = note.begun();
            let of = status_of(begun.server);
            of.is_some_and(|s| s.lock().job.as_ref().is_some_and(|j| j.id == begun.job))
        };
        let left: Vec<Note> = {
            let mut left = self.inner.left.lock();
            left.extract_if(.., |note| !waits(note)).collect()
        };
        for note in left {
            let begun = note.begun();
            if Kind::parse(&begun.kind).is_some_and(Kind::holds) {
                // Its end was told.
                self.inner.over.lock().insert(begun.server, note);
                self.told(begun.server);
                continue;
            }
            let status = status_of(begun.server);
            // Of a server that is gone nobody waits for the end, but its note must go.
            let status = status.unwrap_or_else(|| Arc::new(Mutex::new(Status::unknown())));
            let cancel = CancellationToken::new();
            let view = JobView {
                id: begun.job,
                kind: begun.kind.clone(),
                percent: -1.0,
                step: "the agent was restarted".into(),
                bytes: Bytes::default(),
            };
            let beside = Beside {
                server: begun.server,
                view,
                cancel: cancel.clone(),
            };
            self.inner.beside.lock().insert(begun.job, beside);
            let at = self.at(deps, &status, note, cancel);
            self.spawn(at, move |at| match Kind::parse(&begun.kind) {
                Some(kind) => recover(kind, at),
                None => Box::pin(async { Err(interrupted()) }),
            });
        }
    }

    /// Keeps the work of a job that holds a server until its actor gives it the files.
    /// # Errors
    /// Nobody here can do it.
    pub fn keep(
        &self,
        server: ServerId,
        job: JobId,
        ask: wire::JobStart,
    ) -> Result<(), wire::Failure> {
        let work = work(ask)?;
        self.inner.kept.lock().insert(server, (job, work));
        Ok(())
    }

    /// The job that held the server is over.
    pub fn forget(&self, server: ServerId) {
        self.inner.kept.lock().remove(&server);
    }

    /// Does the work that was kept for a job which holds its server; without it, brings to an end what an earlier
    /// process has left.
    pub async fn hold(
        &self,
        holding: Holding,
        show: impl Fn(JobView) + Send + Sync + 'static,
    ) -> Done {
        let Holding {
            deps,
            status,
            server,
            job,
            kind,
            cancel,
        } = holding;
        let kept = self.inner.kept.lock().remove(&server);
        let work = kept.filter(|(id, _)| *id == job).map(|(_, work)| work);
        let left = {
            let mut left = self.inner.left.lock();
            let at = left.iter().position(|note| note.begun().job == job);
            at.map(|at| left.swap_remove(at))
        };
        let note = match left {
            Some(note) => note,
            None => {
                let begun = Begun {
                    job,
                    server,
                    kind: kind.clone(),
                    started_at_ms: clock::wall_ms(),
                    note: serde_json::Value::Null,
                };
                let begun = self.inner.notes.begin(begun).await;
                begun.map_err(|e| Failure::new("disk", e))?
            }
        };
        let named = kind.clone();
        let progress = metered(move |figures, bytes| {
            show(JobView {
                id: job,
                kind: named.clone(),
                percent: figures.percent(),
                step: figures.step,
                bytes,
            });
        });
        let at = At {
            deps,
            server,
            job,
            cancel,
            status,
            progress,
            note: note.clone(),
        };
        let done = match (work, Kind::parse(&kind)) {
            (Some(work), _) => guarded(work.run(at)).await,
            (None, Some(kind)) => guarded(recover(kind, at)).await,
            (None, None) => Err(interrupted()),
        };
        self.inner.over.lock().insert(server, note);
        done
    }

    /// The actor's memory and a fact tell of the end of the job that held the server: its note has nothing more to
    /// say.
    pub fn told(&self, server: ServerId) {
        let Some(note) = self.inner.over.lock().remove(&server) else {
            return;
        };
        let jobs = self.clone();
        tokio::spawn(async move {
            if let Err(e) = jobs.inner.notes.end(&note).await {
                error!(server.id = %server, "the end of a job can't be noted: {e}");
            }
        });
    }

    /// Ends a job beside a game. False: there is none of that id.
    pub fn cancel(&self, job: JobId) -> bool {
        let beside = self.inner.beside.lock();
        let found = beside.get(&job);
        if let Some(found) = found {
            found.cancel.cancel();
        }
        found.is_some()
    }

    /// Ends all jobs beside a server's game: its files go.
    pub fn cancel_of(&self, server: ServerId) {
        let beside = self.inner.beside.lock();
        for found in beside.values().filter(|b| b.server == server) {
            found.cancel.cancel();
        }
    }

    /// A job that runs beside a server's game.
    pub fn beside(&self, server: ServerId) -> Option<JobId> {
        let beside = self.inner.beside.lock();
        let found = beside.values().find(|b| b.server == server);
        found.map(|b| b.view.id)
    }

    /// For who asks; none: not one of these.
    pub fn status(&self, job: JobId) -> Option<wire::JobStatus> {
        if let Some(found) = self.inner.beside.lock().get(&job) {
            return Some(found.view.status());
        }
        self.inner.notes.has_ended(job).then(|| wire::JobStatus {
            job: job.to_string(),
            state: "ended".into(),
            percent: -1.0,
            ..Default::default()
        })
    }

    /// For hello. What is left and not yet gone on with runs as far as anybody outside can tell.
    pub fn running(&self) -> Vec<wire::RunningJob> {
        let beside = self.inner.beside.lock();
        let running = beside.values().map(|b| wire::RunningJob {
            job: b.view.id.to_string(),
            kind: b.view.kind.clone(),
            server: b.server.to_string(),
        });
        let left = self.inner.left.lock();
        let left = left.iter().map(|note| {
            let begun = note.begun();
            wire::RunningJob {
                job: begun.job.to_string(),
                kind: begun.kind,
                server: begun.server.to_string(),
            }
        });
        running.chain(left).collect()
    }
}

/// A job that holds its server.
pub struct Holding {
    /// What all servers share.
    pub deps: Arc<Deps>,
    /// The server's.
    pub status: Arc<Mutex<Status>>,
    /// Whose files.
    pub server: ServerId,
    /// The job.
    pub job: JobId,
    /// As in the start.
    pub kind: String,
    /// Ends it.
    pub cancel: CancellationToken,
}

fn metered(show: impl Fn(Figures, Bytes) + Send + Sync + 'static) -> Progress {
    let meter = Mutex::new(Meter::default());
    Arc::new(move |figures: Figures| {
        let bytes = meter.lock().take(&figures, Instant::now());
        show(figures, bytes);
    })
}

/// A mistake of ours in one job ends that job.
async fn guarded(doing: super::Doing) -> Done {
    match tokio::spawn(doing).await {
        Ok(done) => done,
        Err(e) => {
            error!("a job broke off: {e}");
            Err(Failure::new(
                "internal",
                "the job broke off; the agent's log says where",
            ))
        }
    }
}

fn ended(begun: &Begun, done: Done) -> wire::JobEnded {
    let (result, code, message) = match &done {
        Ok(_) => (wire::JobResult::Done, String::new(), String::new()),
        Err(f) if f.code == "cancelled" => {
            (wire::JobResult::Cancelled, f.code.clone(), f.detail.clone())
        }
        Err(f) => (wire::JobResult::Failed, f.code.clone(), f.detail.clone()),
    };
    wire::JobEnded {
        job: begun.job.to_string(),
        kind: begun.kind.clone(),
        result: result.into(),
        code,
        message,
        exit_code: None,
        started_at_ms: begun.started_at_ms,
        run: String::new(),
        made: done.ok().flatten(),
    }
}

fn refuse(code: &str, message: &str, retryable: bool) -> wire::Failure {
    wire::Failure {
        code: code.into(),
        message: message.into(),
        retryable,
    }
}
