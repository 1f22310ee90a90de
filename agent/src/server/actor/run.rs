//! Runs of the game: from its start to its last byte.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;
use warren_proto::ids::RunId;
use warren_proto::wire::fact::What;
use warren_proto::{state::State, wire};
use warren_runtime::console::StdinWriter;

use super::super::deps::DiskPolicy;
use super::super::lifecycle::{Cause, Event};
use super::super::memory::Ended;
use super::super::start::{self, Failure, Started};
use super::super::status::Up;
use super::super::stop;
use super::{Actor, Msg};
use crate::clock;
use crate::console::Kind;
use crate::console::tail::Finder;

/// How long the last bytes of a console may take.
const LAST_BYTES_WAIT: Duration = Duration::from_secs(3);

impl Actor {
    pub(super) fn start(&mut self, cause: Cause) {
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
                tell(Msg::StartDone(run, Err(e.into())));
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

    pub(super) async fn start_done(&mut self, run: RunId, result: Result<Box<Started>, Failure>) {
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

    pub(super) async fn done_without_markers(&mut self) {
        let none = self.markers().is_empty();
        if none && self.memory.life.state == State::Starting {
            self.event(Event::Done).await;
        }
    }

    pub(super) fn markers(&self) -> Vec<warren_egg::DoneMarker> {
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
    pub(super) fn attach(&mut self, run: RunId, pid: u32, veth: Option<String>) {
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
        let finder: Option<Finder> = (self.memory.life.state == State::Starting).then(|| {
            let mut matcher = warren_egg::DoneMatcher::new(&self.markers());
            let tell = self.tell();
            let finder: Finder = Box::new(move |bytes| {
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

    pub(super) fn ask_stop(&self) {
        let how = self.row.as_ref().and_then(|r| r.spec.as_ref());
        let how = how
            .and_then(|s| s.stop.as_ref())
            .and_then(|s| s.how.clone());
        let stdin = self.status.lock().stdin.clone();
        stop::ask(self.deps.clone(), self.server, how, stdin);
    }

    pub(super) async fn ended(&mut self, run: &str, ended: Ended) {
        let job = self.memory.job.as_mut();
        if let Some(job) = job.filter(|j| j.run.is_some_and(|r| r.to_string() == run)) {
            // Deleting the container forgets how it ended, as with a game.
            job.ended.get_or_insert(ended);
            self.commit(Vec::new()).await;
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

    pub(super) async fn finish_run(&mut self) {
        // Deleting the container forgets how it ended: so that is written down before.
        self.commit(Vec::new()).await;
        let (event, facts) = self.close_run().await;
        self.event_with(event, facts).await;
    }

    /// Takes the last bytes and removes the container of a run that has ended.
    pub(super) async fn close_run(&mut self) -> (Event, Vec<What>) {
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

    pub(super) async fn detach(&mut self) {
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
}
