//! Jobs that own the files: asked for once, answered for once.

use warren_proto::ids::JobId;
use warren_proto::wire::fact::What;
use warren_proto::{state::State, wire};

use super::super::lifecycle::Event;
use super::super::memory::Job;
use super::super::start::Failure;
use super::super::status::{Bytes, JobView};
use super::super::{convert, install};
use super::hands::{Hands, Script, Work};
use super::{Actor, Msg};
use crate::job::Kind;

/// Whether a job runs the egg's install script; all others do their own work.
fn installs(kind: &str) -> bool {
    matches!(
        Kind::parse(kind),
        None | Some(Kind::Install | Kind::Reinstall)
    )
}

impl<H: Hands> Actor<H> {
    pub(super) async fn job_start(
        &mut self,
        ask: wire::JobStart,
    ) -> Result<wire::JobStatus, wire::Failure> {
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
            return Ok(self.hands.job_status(id));
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
        if Kind::parse(&ask.kind).is_none_or(|kind| !kind.holds()) {
            let text = format!("this agent knows no job {:?} that holds a server", ask.kind);
            return Err(refuse("unknown_kind", text, false));
        }
        if self.hands.is_journal_full() {
            let text =
                "the node has too many facts that control has not taken; no new job until it has";
            return Err(refuse("journal_full", text.into(), true));
        }
        let quiet = !installs(&ask.kind);
        let (kind, wipe) = (ask.kind.clone(), ask.wipe);
        if quiet {
            self.hands.keep_work(id, ask)?;
        }
        self.memory.job = Some(Job {
            id,
            kind,
            wipe,
            started_at_ms: self.hands.now().wall_ms,
            run: None,
            ended: None,
            cancelled: false,
        });
        self.set_job_view(id, -1.0, "waiting for the game to stop");
        self.event(Event::JobWanted { job: id, quiet }).await;
        Ok(self.hands.job_status(id))
    }

    pub(super) fn set_job_view(&mut self, id: JobId, percent: f64, step: &str) {
        let kind = self.memory.job.as_ref().map(|j| j.kind.clone());
        self.hands.show_job(Some(JobView {
            id,
            kind: kind.unwrap_or_default(),
            percent,
            step: step.into(),
            bytes: Bytes::default(),
        }));
    }

    pub(super) async fn job_cancel(&mut self, id: JobId) -> Result<wire::JobStatus, wire::Failure> {
        if let Some(job) = self.memory.job.as_mut().filter(|j| j.id == id) {
            job.cancelled = true;
            let begun = self.memory.life.hold.as_ref().is_some_and(|h| h.begun);
            self.commit(Vec::new()).await;
            if !(begun && self.hands.cancel_job()) {
                let failure = Failure::new("cancelled", "the job was cancelled");
                self.job_done(id, install::Outcome::of(Err(failure))).await;
            }
        }
        Ok(self.hands.job_status(id))
    }

    /// Starts the job's task, or goes on with what an earlier process has begun.
    pub(super) fn begin_job(&mut self, id: JobId, found: Option<Script>) {
        let (Some(job), row) = (
            self.memory.job.clone().filter(|j| j.id == id),
            self.row.clone(),
        ) else {
            return;
        };
        if !installs(&job.kind) {
            self.set_job_view(id, -1.0, "starting");
            if let Err(failure) = self.hands.begin_work(&job) {
                self.job_failed(id, failure);
            }
            return;
        }
        let row = row.unwrap_or_default();
        if !row.spec.as_ref().is_some_and(convert::installable) {
            let text = "the egg has no install script and image";
            return self.job_failed(id, Failure::new("nothing_to_install", text));
        }
        let run = match job.run {
            Some(run) => run,
            None => self.hands.fresh_run(),
        };
        self.job_run = Some(run);
        self.set_job_view(id, -1.0, "starting");
        if found.is_none() {
            self.say(&format!("{} begins", job.kind));
        }
        let work = Work {
            job: &job,
            row,
            run,
            found,
        };
        if let Err(failure) = self.hands.begin_job(work) {
            self.job_failed(id, failure);
        }
    }

    fn job_failed(&self, id: JobId, failure: Failure) {
        let outcome = install::Outcome::of(Err(failure));
        self.hands.tell(Msg::JobDone(id, outcome));
    }

    pub(super) async fn job_done(&mut self, id: JobId, outcome: install::Outcome) {
        let Some(job) = self.memory.job.clone().filter(|j| j.id == id) else {
            return;
        };
        if outcome
            .result
            .as_ref()
            .is_err_and(|f| f.code == "interrupted")
            && self.hands.is_stopping()
        {
            // We are stopping, not the script: the next process goes on with it.
            return;
        }
        if self.memory.life.state == State::Installing {
            self.hands.detach().await;
        }
        self.hands.job_over();
        let (result, code, message) = match &outcome.result {
            Ok(_) => (wire::JobResult::Done, String::new(), String::new()),
            Err(f) if f.code == "cancelled" => {
                (wire::JobResult::Cancelled, f.code.clone(), f.detail.clone())
            }
            Err(f) => (wire::JobResult::Failed, f.code.clone(), f.detail.clone()),
        };
        match &outcome.result {
            Ok(_) => self.say(&format!("{} is done", job.kind)),
            // How it ended for the server shows by what comes next.
            Err(_) if Kind::parse(&job.kind) == Some(Kind::Handover) => {}
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
            run: self
                .job_run
                .take()
                .or(job.run)
                .map(|r| r.to_string())
                .unwrap_or_default(),
            made: outcome.result.as_ref().ok().cloned().flatten(),
        });
        self.memory.job = None;
        self.memory.job_ended(id);
        self.hands.show_job(None);
        let result = outcome.result.map(drop).map_err(|f| {
            let reason = if f.code == "cancelled" {
                "install_cancelled".into()
            } else {
                f.code
            };
            (reason, f.detail)
        });
        self.event_with(Event::JobEnded { job: id, result }, vec![fact])
            .await;
        self.hands.job_told();
    }
}
