//! Runs of the game: from its start to its last byte.

use warren_proto::ids::RunId;
use warren_proto::wire::fact::What;
use warren_proto::{state::State, wire};

use super::super::lifecycle::{Cause, Event};
use super::super::memory::Ended;
use super::super::start::Failure;
use super::hands::{Attach, Container, Hands};
use super::{Actor, Begun, Msg};

impl<H: Hands> Actor<H> {
    pub(super) fn start(&mut self, cause: Cause) {
        let Some(run) = self.memory.run.as_ref().map(|r| r.id) else {
            return;
        };
        match &self.row {
            Some(row) => self.hands.start(run, row, cause),
            None => {
                // Its file was damaged; control sends it again, and the start is tried again until then.
                let mut failure = Failure::new("no_row", "the node waits for the server's row");
                failure.passing = true;
                self.hands.tell(Msg::StartDone(run, Err(failure)));
            }
        }
    }

    pub(super) async fn start_done(&mut self, run: RunId, result: Result<Box<Begun>, Failure>) {
        if !self.is_current(run) {
            return;
        }
        self.hands.start_over(run, result.is_err());
        match result {
            Err(failure) => {
                let event = Event::StartFailed {
                    code: failure.code,
                    detail: failure.detail,
                    passing: failure.passing,
                };
                self.event(event).await;
            }
            Ok(begun) => {
                let at_ms = begun.started_at_ms;
                if let Some(run) = &mut self.memory.run {
                    run.started = true;
                    run.started_at_ms = at_ms;
                }
                let fact = What::RunStarted(wire::RunStarted {
                    run: run.to_string(),
                    started_at_ms: at_ms,
                    image: begun.image.clone(),
                    pid: begun.pid,
                });
                self.attach(run, begun.pid, Some(begun.veth));
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
        let markers = (self.memory.life.state == State::Starting).then(|| self.markers());
        self.hands.attach(Attach {
            run,
            pid,
            veth,
            started_at_ms: self.memory.run.as_ref().map_or(0, |r| r.started_at_ms),
            markers: markers.as_deref(),
        });
    }

    pub(super) async fn ended(&mut self, run: &str, ended: Ended) {
        let job = self.memory.job.as_mut();
        if let Some(job) = job.filter(|j| j.run.is_some_and(|r| r.to_string() == run)) {
            // Deleting the container forgets how it ended, as with a game.
            job.ended.get_or_insert(ended);
            self.commit(Vec::new()).await;
            self.hands.job_exited(ended);
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
        if !self.hands.is_starting() {
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
        self.hands.delete(Container::Game).await;
        self.hands.detach().await;
        let spool_end = self.hands.end_console(run.id);
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
}
