//! Jobs as control starts them and hears of their end.

use std::path::PathBuf;

use warren_proto::bus::CallError;
use warren_proto::ids::{JobId, ServerId};
use warren_proto::subjects::down;
use warren_proto::wire::job_start::Work;
use warren_proto::wire::{self, fact::What, job_ask::Ask};

use crate::rig::Rig;

impl Rig {
    pub fn files_of(&self, server: ServerId) -> PathBuf {
        self.data().join("servers").join(server.to_string())
    }

    pub async fn start_job(
        &self,
        server: ServerId,
        kind: &str,
        work: Work,
    ) -> Result<JobId, CallError> {
        let job = JobId::new();
        let status = self.start_job_as(job, server, kind, work).await?;
        assert_eq!(status.state, "running");
        Ok(job)
    }

    /// Starts it, or hears how it goes.
    pub async fn start_job_as(
        &self,
        job: JobId,
        server: ServerId,
        kind: &str,
        work: Work,
    ) -> Result<wire::JobStatus, CallError> {
        let start = wire::JobStart {
            job: job.to_string(),
            server: server.to_string(),
            kind: kind.into(),
            generation: 0,
            wipe: false,
            work: Some(work),
        };
        let ask = wire::JobAsk {
            ask: Some(Ask::Start(start)),
        };
        self.control.ask(down::JOBS, &ask).await
    }

    /// How it goes; none: the agent does not know it.
    pub async fn job_status(&self, job: JobId) -> Option<wire::JobStatus> {
        let ask = wire::JobAsk {
            ask: Some(Ask::Status(wire::JobStatusAsk {
                job: job.to_string(),
            })),
        };
        self.control.ask(down::JOBS, &ask).await.ok()
    }

    pub async fn job_ended(&self, server: ServerId, job: JobId) -> wire::JobEnded {
        let find = |rig: &Self| {
            let facts = rig.control.facts_of(&server.to_string());
            facts.into_iter().find_map(|what| match what {
                What::JobEnded(ended) if ended.job == job.to_string() => Some(ended),
                _ => None,
            })
        };
        self.until("the job's end", |rig| find(rig).is_some()).await;
        find(self).unwrap()
    }

    /// Its place is free for the next one a moment after its end is told.
    pub async fn job_has_left(&self, job: JobId) {
        while self.job_status(job).await.unwrap().state != "ended" {
            tokio::task::yield_now().await;
        }
    }
}
