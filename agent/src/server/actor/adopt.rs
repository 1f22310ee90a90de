//! Going on after a restart: what the machine has, against what was written down.

use warren_proto::wire::fact::What;
use warren_proto::{state::State, wire};
use warren_runtime::runtime::{Found, FoundState};

use super::super::lifecycle::{self, Event};
use super::super::memory::{Ended, Run};
use super::super::start::Failure;
use super::super::{convert, install, label};
use super::Actor;
use super::hands::{Container, Hands, Script};
use crate::clock;

impl<H: Hands> Actor<H> {
    pub(super) async fn adopt(
        &mut self,
        game: Option<Found>,
        install: Option<Found>,
        host_rebooted: bool,
    ) {
        // A job that waited for the game to end may begin by what is found of the game.
        let begun = self.memory.life.hold.as_ref().is_some_and(|h| h.begun);
        self.adopt_game(game, host_rebooted).await;
        self.adopt_install(install, begun).await;
        if let Some(row) = &self.row {
            let want = convert::want(row);
            self.event(Event::Wanted(want)).await;
        }
    }

    /// Writes facts that were decided and have not come to the journal. Before anything else, while the
    /// journal still holds what the process before us has written.
    pub async fn resend(&mut self) {
        let mut durable = true;
        for (fact, since) in self.memory.owed() {
            if !self.hands.had(&fact, since).await {
                durable = self.hands.write(fact).await;
            }
        }
        if durable {
            self.memory.owed.clear();
        }
    }

    pub(super) async fn adopt_game(&mut self, found: Option<Found>, host_rebooted: bool) {
        if let Some(found) = &found
            && let Some(label::Label::Game { run, .. }) = label::read(&found.labels)
            && !self.is_current(run)
        {
            // The memory is older than the container, or lost: the label knows better.
            self.memory.run = Some(Run {
                id: run,
                started: true,
                started_at_ms: clock::to_ms(found.created_at),
                host_boot: self.hands.host_boot().to_owned(),
                ended: None,
                closed: false,
            });
        }
        // The process before us may have seen the restart and been killed before it acted.
        let since = self.memory.run.as_ref().map(|r| r.host_boot.clone());
        let since = since.filter(|b| !b.is_empty());
        let host_rebooted = since.map_or(host_rebooted, |b| b != self.hands.host_boot());
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
                self.hands.delete(Container::Game).await;
                self.adopt_absent(nothing).await;
            }
            None => self.adopt_absent(nothing).await,
        }
    }

    pub(super) async fn adopt_running(&mut self, pid: u32) {
        let mut facts = Vec::new();
        let image = self.row.as_ref().and_then(|r| r.spec.as_ref());
        let image = image.map(|s| s.image.clone()).unwrap_or_default();
        let now_ms = self.hands.now().wall_ms;
        let run = self.memory.run.as_mut().map(|run| {
            if !run.started {
                // Killed between the start and its fact.
                run.started = true;
                run.started_at_ms = now_ms;
                facts.push(What::RunStarted(wire::RunStarted {
                    run: run.id.to_string(),
                    started_at_ms: run.started_at_ms,
                    image,
                    pid,
                }));
            }
            run.id
        });
        let veth = self.hands.veth().await;
        self.event_with(Event::Adopted(lifecycle::Found::Up), facts)
            .await;
        if let Some(run) = run {
            self.attach(run, pid, veth);
        }
        if let Some(row) = &self.row {
            self.hands.bring_in_line(row);
        }
        if self.memory.life.state == State::Starting {
            self.done_without_markers().await;
        }
        self.say("the agent is back; the game ran on");
    }

    pub(super) async fn adopt_ended(&mut self) {
        let ended = self.memory.run.as_ref().and_then(|r| r.ended);
        let closed = self.memory.run.as_ref().is_none_or(|r| r.closed);
        let Some(ended) = ended.filter(|_| !closed) else {
            let nothing = lifecycle::Found::Nothing {
                host_rebooted: false,
            };
            // Known and told already; only the container is left.
            self.hands.delete(Container::Game).await;
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

    pub(super) async fn adopt_absent(&mut self, nothing: lifecycle::Found) {
        let Some(run) = self.memory.run.clone().filter(|r| r.started && !r.closed) else {
            self.event(Event::Adopted(nothing)).await;
            return;
        };
        if run.ended.is_some() {
            // Its end was written down, the container deleted, and then we were killed.
            self.adopt_ended().await;
            return;
        }
        let spool_end = self.hands.end_console(run.id);
        if let Some(run) = &mut self.memory.run {
            run.closed = true;
        }
        let fact = What::RunEnded(wire::RunEnded {
            run: run.id.to_string(),
            ended_at_ms: self.hands.now().wall_ms,
            exit_code: -1,
            oom: false,
            spool_end,
        });
        self.event_with(Event::Adopted(nothing), vec![fact]).await;
    }

    pub(super) async fn adopt_install(&mut self, found: Option<Found>, begun: bool) {
        let Some(job) = self.memory.job.clone() else {
            if found.is_some() {
                // Left by a job whose end is written down.
                self.hands.delete(Container::Install).await;
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
        if !begun {
            return;
        }
        let since_ms = found.as_ref().map_or(0, |f| clock::to_ms(f.created_at));
        match (found.map(|f| f.state), job.run) {
            (_, None) => self.begin_job(job.id, None),
            (Some(FoundState::Running { .. } | FoundState::Paused { .. }), Some(_)) => {
                self.begin_job(job.id, Some(Script::Running { since_ms }));
            }
            (Some(FoundState::Stopped(exit)), Some(_)) => {
                let ended = job.ended.unwrap_or_else(|| Ended::of(&exit));
                self.begin_job(job.id, Some(Script::Ended(ended)));
            }
            (_, Some(_)) if job.ended.is_some() => {
                let ended = job.ended.map(Script::Ended);
                self.begin_job(job.id, ended);
            }
            (_, Some(_)) => {
                self.hands.sweep_install().await;
                let failure = Failure::new(
                    "interrupted",
                    "the install script was interrupted by a restart of the machine or of containerd",
                );
                self.job_done(job.id, install::Outcome::of(Err(failure)))
                    .await;
            }
        }
    }
}
