//! What happens on a machine by itself: games start, print, end; scripts run; actors hear of it.

use tokio::sync::oneshot;
use warren_agent::server::actor::hands::Script;
use warren_agent::server::actor::{Begun, Msg};
use warren_agent::server::install::Outcome;
use warren_agent::server::lifecycle::Cause;
use warren_agent::server::memory::Ended;
use warren_agent::server::start::Failure;
use warren_proto::ids::{JobId, RunId, ServerId};

use crate::host::{Doing, Held, Task};
use crate::world::{Event, Place, World};

/// What a removed server's console is waited for.
const DRAIN_MS: i64 = 60_000;

impl World {
    /// Events of machines.
    pub fn on_machine(&mut self, event: Event) {
        match event {
            Event::Do(place, epoch, server, doing) if self.is_current(place, epoch) => {
                self.carry_out(place, server, doing);
            }
            Event::Started(place, epoch, server, run, ok) if self.is_current(place, epoch) => {
                self.started(place, server, run, ok);
            }
            Event::Script(place, epoch, server, job, run, written)
                if self.is_current(place, epoch) =>
            {
                self.script(place, server, job, run, written);
            }
            Event::Marker(place, server, run) => self.marker(place, server, run),
            Event::Found(place, epoch, server, run) if self.is_current(place, epoch) => {
                self.tell_actor(place, server, Msg::Done(run));
            }
            Event::Print(place, server, run) => self.print(place, server, run),
            Event::Exit(place, server, run, code) => self.exit(place, server, run, code),
            Event::Heard(place, epoch, server, run, code) if self.is_current(place, epoch) => {
                let at_ms = self.machines[place].host.lock().wall_ms();
                let ended = Ended {
                    code: Some(code),
                    oom: false,
                    at_ms,
                };
                let msg = Msg::Ended {
                    run: run.to_string(),
                    ended,
                };
                self.tell_actor(place, server, msg);
            }
            Event::Drain(place, epoch, server, until) if self.is_current(place, epoch) => {
                self.drain(place, server, until);
            }
            _ => {}
        }
    }

    /// Gives an actor a message and lets it work.
    pub fn tell_actor(&mut self, place: Place, server: ServerId, msg: Msg) {
        self.with(place, |agent| {
            agent.tell(server, msg);
            agent.work()
        });
    }

    fn carry_out(&mut self, place: Place, server: ServerId, doing: Doing) {
        let epoch = self.machines[place].epoch;
        match doing {
            Doing::Start(run, generation, cause, order) => {
                self.start(place, server, run, generation, cause, order);
            }
            Doing::AskStop => {
                // Some games do not listen.
                if let Some(run) = self.up(place, server)
                    && !(self.chaos && self.rng.chance(150))
                {
                    let delay = self.rng.span(5, 1500);
                    self.at(delay, Event::Exit(place, server, run, 0));
                }
            }
            Doing::Kill => {
                if let Some(run) = self.up(place, server) {
                    let delay = self.rng.span(1, 30);
                    self.at(delay, Event::Exit(place, server, run, 137));
                }
            }
            Doing::Remove => {
                self.remove(place, server);
                let until = self.now + DRAIN_MS;
                self.at(5, Event::Drain(place, epoch, server, until));
            }
            Doing::Job(job, run, found) => self.begin(place, server, job, run, found),
            Doing::CancelJob => {
                let host = self.machines[place].host.lock();
                let held = host.installs.get(&server).filter(|h| h.task == Task::Up);
                let run = held.map(|h| h.run);
                drop(host);
                if let Some(run) = run {
                    self.at(5, Event::Exit(place, server, run, 137));
                }
            }
        }
    }

    fn up(&self, place: Place, server: ServerId) -> Option<RunId> {
        let host = self.machines[place].host.lock();
        let held = host.games.get(&server).filter(|h| h.task == Task::Up);
        held.map(|h| h.run)
    }

    fn start(
        &mut self,
        place: Place,
        server: ServerId,
        run: RunId,
        generation: u64,
        cause: Cause,
        order: u64,
    ) {
        let epoch = self.machines[place].epoch;
        let fails = self.chaos && self.rng.chance(80);
        let aborted = {
            let host = self.machines[place].host.lock();
            host.starting.get(&server).copied().unwrap_or(false)
        };
        let ok = !fails && !aborted;
        if ok {
            self.note(|| format!("machine {place}: {server} runs ({cause:?}, order {order})"));
            let asked = matches!(cause, Cause::Asked);
            let mut host = self.machines[place].host.lock();
            let old = host.games.get(&server).map(|h| h.task);
            if old == Some(Task::Up) {
                host.wrong
                    .push(format!("{server} is started twice at once"));
            }
            host.files.insert(server);
            let held = Held {
                run,
                generation,
                job: None,
                task: Task::Up,
                done: false,
                order: if asked { order } else { 0 },
            };
            host.games.insert(server, held);
        }
        if ok {
            let (marker, print) = (self.rng.span(5, 800), self.rng.span(1, 300));
            self.at(marker, Event::Marker(place, server, run));
            self.at(print, Event::Print(place, server, run));
            if self.chaos && self.rng.chance(300) {
                let (delay, code) = (self.rng.span(1, 15_000), self.rng.span(0, 1));
                let code = i32::try_from(code).unwrap_or(1);
                self.at(delay, Event::Exit(place, server, run, code));
            }
        }
        let delay = self.rng.span(1, 20);
        self.at(delay, Event::Started(place, epoch, server, run, ok));
    }

    fn started(&mut self, place: Place, server: ServerId, run: RunId, ok: bool) {
        let passing = self.rng.chance(700);
        let aborted = {
            let host = self.machines[place].host.lock();
            host.starting.get(&server).copied().unwrap_or(false)
        };
        let result = match ok {
            true => Ok(Box::new(Begun {
                started_at_ms: self.machines[place].host.lock().wall_ms(),
                pid: 1,
                image: String::new(),
                veth: String::new(),
            })),
            false if aborted => Err(Failure::new("cancelled", "")),
            false => {
                let mut failure = Failure::new("unavailable", "");
                failure.passing = passing;
                Err(failure)
            }
        };
        self.tell_actor(place, server, Msg::StartDone(run, result));
    }

    fn marker(&mut self, place: Place, server: ServerId, run: RunId) {
        {
            let mut host = self.machines[place].host.lock();
            let held = host.games.get_mut(&server);
            let Some(held) = held.filter(|h| h.run == run && h.task == Task::Up) else {
                return;
            };
            held.done = true;
            let order = held.order;
            host.acted_on(server, order);
        }
        if self.machines[place].agent.is_some() {
            self.settle(place);
        }
    }

    fn print(&mut self, place: Place, server: ServerId, run: RunId) {
        let bytes = self.rng.span(1, 300).unsigned_abs();
        {
            let mut host = self.machines[place].host.lock();
            let all = host.games.values().chain(host.installs.values());
            let mut mine = all.filter(|h| h.run == run);
            if !mine.any(|h| h.task == Task::Up) {
                return;
            }
            host.spools.print(server, run, bytes);
        }
        if self.chaos {
            let delay = self.rng.span(300, 4000);
            self.at(delay, Event::Print(place, server, run));
        }
        if self.machines[place].agent.is_some() {
            self.settle(place);
        }
    }

    fn exit(&mut self, place: Place, server: ServerId, run: RunId, code: i32) {
        {
            let mut host = self.machines[place].host.lock();
            let host = &mut *host;
            let all = host.games.get_mut(&server).into_iter();
            let all = all.chain(host.installs.get_mut(&server));
            let mut mine = all.filter(|h| h.run == run && h.task == Task::Up);
            let Some(held) = mine.next() else { return };
            held.task = Task::Ended(code);
            let order = held.order;
            host.acted_on(server, order);
        }
        self.note(|| format!("machine {place}: {server} ends with {code}"));
        if self.machines[place].agent.is_some() {
            let epoch = self.machines[place].epoch;
            // An event that was missed is found by looking a little later.
            let missed = self.chaos && self.rng.chance(50);
            let delay = if missed { 2000 } else { self.rng.span(1, 20) };
            self.at(delay, Event::Heard(place, epoch, server, run, code));
        }
    }

    fn remove(&mut self, place: Place, server: ServerId) {
        let node = self.machines[place].node;
        let ordered = self.store.ordered.contains(&(node, server));
        {
            let mut host = self.machines[place].host.lock();
            if host.games.get(&server).is_some_and(|h| h.task == Task::Up) {
                host.wrong
                    .push(format!("{server} is removed while it runs"));
            }
            if !ordered {
                host.wrong
                    .push(format!("{server} is removed and nobody asked for it"));
            }
            host.games.remove(&server);
            host.installs.remove(&server);
            host.files.remove(&server);
            // Should it come back, it is a new one here.
            host.acted.remove(&server);
            host.started_from.remove(&server);
            host.scripts.retain(|(s, _), _| *s != server);
        }
        self.tell_actor(place, server, Msg::Removed);
    }

    fn drain(&mut self, place: Place, server: ServerId, until: i64) {
        let epoch = self.machines[place].epoch;
        let waits = self.machines[place].host.lock().spools.waits(server);
        if waits && self.now < until {
            self.at(1000, Event::Drain(place, epoch, server, until));
            return;
        }
        let here = self.machines[place].agent.as_ref();
        // It may have come back meanwhile.
        if !here.is_some_and(|a| a.has(server)) {
            self.machines[place].host.lock().spools.remove(server);
        }
    }

    fn begin(
        &mut self,
        place: Place,
        server: ServerId,
        job: JobId,
        run: RunId,
        found: Option<Script>,
    ) {
        let epoch = self.machines[place].epoch;
        match found {
            Some(Script::Ended(ended)) => {
                let code = ended.code.unwrap_or(1);
                self.job_done(place, server, job, code);
            }
            // It runs, and its end is heard.
            Some(Script::Running { .. }) => {
                self.at(50, Event::Script(place, epoch, server, job, run, None))
            }
            None => {
                let (written, asked) = oneshot::channel();
                self.tell_actor(place, server, Msg::Committing(job, run, written));
                let delay = self.rng.span(1, 50);
                let event = Event::Script(place, epoch, server, job, run, Some(asked));
                self.at(delay, event);
            }
        }
    }

    fn script(
        &mut self,
        place: Place,
        server: ServerId,
        job: JobId,
        run: RunId,
        written: Option<oneshot::Receiver<()>>,
    ) {
        if let Some(mut written) = written {
            let cancelled = self.is_cancelled(place, server);
            if written.try_recv().is_err() || cancelled {
                return self.job_done(place, server, job, 137);
            }
            {
                let mut host = self.machines[place].host.lock();
                let held = Held {
                    run,
                    generation: 0,
                    job: Some(job),
                    task: Task::Up,
                    done: false,
                    order: 0,
                };
                host.files.insert(server);
                host.installs.insert(server, held);
                host.scripts.entry((server, job)).or_default().push(run);
            }
            self.note(|| format!("machine {place}: {server} is installed"));
            let (print, exit) = (self.rng.span(1, 100), self.rng.span(20, 3000));
            let code = i32::from(self.chaos && self.rng.chance(150));
            self.at(print, Event::Print(place, server, run));
            self.at(exit, Event::Exit(place, server, run, code));
            let epoch = self.machines[place].epoch;
            self.at(50, Event::Script(place, epoch, server, job, run, None));
            return;
        }
        // The job's task waits for the end of the container.
        let task = {
            let host = self.machines[place].host.lock();
            host.installs.get(&server).map(|h| h.task)
        };
        match task {
            Some(Task::Ended(code)) => self.job_done(place, server, job, code),
            Some(Task::Up) => {
                let epoch = self.machines[place].epoch;
                self.at(50, Event::Script(place, epoch, server, job, run, None));
            }
            _ => {}
        }
    }

    fn is_cancelled(&self, place: Place, server: ServerId) -> bool {
        let host = self.machines[place].host.lock();
        host.working.get(&server).copied().unwrap_or(false)
    }

    fn job_done(&mut self, place: Place, server: ServerId, job: JobId, code: i32) {
        let result = match code {
            _ if self.is_cancelled(place, server) => Err(Failure::new("cancelled", "")),
            0 => Ok(None),
            _ => Err(Failure::new("install_failed", "")),
        };
        self.machines[place].host.lock().installs.remove(&server);
        let outcome = Outcome {
            result,
            exit_code: Some(code),
        };
        self.tell_actor(place, server, Msg::JobDone(job, outcome));
    }
}
