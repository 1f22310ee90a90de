//! What others may see of a server without asking its actor.

use std::sync::Arc;

use warren_proto::ids::{JobId, RunId};
use warren_proto::{state::State, wire};
use warren_runtime::console::StdinWriter;
use warren_runtime::jail::Denylist;

use super::memory::{Ended, Memory};
use crate::clock;

/// A job as it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct JobView {
    /// Control's id.
    pub id: JobId,
    /// `install`, `reinstall`.
    pub kind: String,
    /// 0 to 100, or -1.
    pub percent: f64,
    /// In words.
    pub step: String,
    /// Of how much is done, where it is counted in bytes.
    pub bytes: Bytes,
}

/// Progress in bytes; zeros where it is not counted in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bytes {
    /// So far.
    pub done: u64,
    /// In all.
    pub total: u64,
    /// Of late.
    pub per_second: u64,
}

impl JobView {
    /// For who asks.
    pub fn status(&self) -> wire::JobStatus {
        wire::JobStatus {
            job: self.id.to_string(),
            state: "running".into(),
            percent: self.percent,
            step: self.step.clone(),
            done_bytes: self.bytes.done,
            total_bytes: self.bytes.total,
            bytes_per_second: self.bytes.per_second,
        }
    }
}

/// A game that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Up {
    /// First process.
    pub pid: u32,
    /// Host's end of its network.
    pub veth: Option<String>,
    /// Unix milliseconds.
    pub started_at_ms: i64,
}

/// See the module.
#[derive(Clone)]
pub struct Status {
    /// As last reported.
    pub state: State,
    /// See [`Memory::generation`].
    pub generation: u64,
    /// Newest run.
    pub run: Option<RunId>,
    /// Unix milliseconds, 0 while it does not run.
    pub started_at_ms: i64,
    /// While the container runs.
    pub up: Option<Up>,
    /// While a job runs.
    pub job: Option<JobView>,
    /// Jobs that are over.
    pub ended_jobs: Vec<JobId>,
    /// While the container runs.
    pub stdin: Option<Arc<StdinWriter>>,
    /// What people type to stop it.
    pub stop_command: Option<String>,
    /// Files may take so many bytes; 0 is no limit.
    pub disk_limit: u64,
    /// Files take so many, as last counted.
    pub disk_bytes: u64,
    /// What the egg keeps back from people.
    pub denylist: Arc<Denylist>,
}

impl Status {
    pub(super) fn of(memory: &Memory, row: Option<&wire::WantedServer>) -> Self {
        let mut status = Self {
            state: State::New,
            generation: 0,
            run: None,
            started_at_ms: 0,
            up: None,
            job: None,
            ended_jobs: Vec::new(),
            stdin: None,
            stop_command: None,
            disk_limit: 0,
            disk_bytes: 0,
            denylist: Arc::default(),
        };
        status.update(memory, row);
        if let Some(job) = &memory.job {
            status.job = Some(JobView {
                id: job.id,
                kind: job.kind.clone(),
                percent: -1.0,
                step: "going on".into(),
                bytes: Bytes::default(),
            });
        }
        status
    }

    /// Of a server that is not here.
    pub fn unknown() -> Self {
        Self::of(&Memory::default(), None)
    }

    pub(super) fn update(&mut self, memory: &Memory, row: Option<&wire::WantedServer>) {
        self.state = memory.life.state;
        self.run = memory.run.as_ref().map(|r| r.id);
        let started = memory.run.as_ref().map_or(0, |r| r.started_at_ms);
        self.started_at_ms = if self.state.is_up() { started } else { 0 };
        self.ended_jobs = memory.ended_jobs.iter().copied().collect();
        self.generation = memory.generation(row);
        let Some(row) = row else { return };
        let Some(spec) = &row.spec else { return };
        self.disk_limit = spec.limits.as_ref().map_or(0, |l| l.disk_bytes);
        if !self.denylist.is_of(&spec.file_denylist) {
            self.denylist = Arc::new(Denylist::new(&spec.file_denylist));
        }
        let how = spec.stop.as_ref().and_then(|s| s.how.as_ref());
        self.stop_command = match how {
            Some(wire::stop::How::Command(command)) => Some(command.clone()),
            _ => None,
        };
    }

    /// For who asks about a job.
    pub fn job_status(&self, id: JobId) -> wire::JobStatus {
        if let Some(running) = self.job.as_ref().filter(|j| j.id == id) {
            return running.status();
        }
        let state = match self.ended_jobs.contains(&id) {
            true => "ended",
            false => "unknown",
        };
        wire::JobStatus {
            job: id.to_string(),
            state: state.into(),
            percent: -1.0,
            ..Default::default()
        }
    }
}

impl Ended {
    /// As the runtime tells it.
    pub fn of(exit: &warren_runtime::runtime::Exit) -> Self {
        Self {
            code: Some(i32::try_from(exit.code).unwrap_or(i32::MAX)),
            oom: exit.oom,
            at_ms: clock::to_ms(exit.at),
        }
    }

    /// Nobody knows how.
    pub fn unknown() -> Self {
        Self {
            code: None,
            oom: false,
            at_ms: clock::wall_ms(),
        }
    }
}
