//! The world: virtual time, a network that misbehaves, machines and controls, in one queue of events.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use warren_agent::journal::Position;
use warren_agent::link::core::{Action, Answer, Failed, Input, Lane, took_none};
use warren_proto::ids::{BootId, JobId, NodeId, RunId, ServerId};
use warren_proto::wire::{self, job_ask};

use crate::agent::Agent;
use crate::control::{Store, refuse};
use crate::db::{Db, Node};
use crate::down::Control;
use crate::host::{Doing, Host};
use crate::plant::Plant;
use crate::rng::Rng;
use crate::wanted::Stream;

/// Far more than any seed needs.
const MOST_EVENTS: u64 = 30_000;

/// A machine's place in the world.
pub type Place = usize;

/// What an agent asks of control.
#[derive(Debug, Clone)]
pub enum Up {
    /// Who it is.
    Hello(Box<wire::Hello>),
    /// That it is there.
    Heartbeat(wire::Heartbeat),
    /// What happened.
    Facts(wire::FactBatch),
    /// What was printed.
    Console(wire::ConsoleUpload),
    /// Figures, which decide nothing here.
    Metrics,
}

/// What control asks of an agent.
#[derive(Debug, Clone)]
pub enum Down {
    /// Take rows.
    Apply(wire::Apply),
    /// About a job.
    Job(JobId, Box<job_ask::Ask>),
    /// An admin's word on a forked identity.
    Keep(bool),
}

/// What an agent answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// To rows.
    Applied(Result<wire::ApplyAnswer, wire::Failure>),
    /// About a job.
    Job(JobId, Result<wire::JobStatus, wire::Failure>),
}

/// What happens at a moment. Where there is an epoch, it is void if the process is another by then.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // Each waits in the queue once, and the large ones are the most.
pub enum Event {
    /// An agent's process starts.
    Boot(Place),
    /// Its machine's containers can be looked at.
    Adopt(Place, u64),
    /// Timers of link and actors.
    Wake(Place, u64),
    /// The connection comes up.
    Connect(Place, u64),
    /// A request is put together.
    Build(Place, u64, u64, Lane, Option<Position>),
    /// It reaches control.
    Arrive(Place, u64, u64, Up),
    /// The answer reaches the agent.
    Return(Place, u64, u64, Result<Answer, Failed>),
    /// Nothing came in time.
    Timeout(Place, u64, u64),
    /// What an actor asked for is done.
    Do(Place, u64, ServerId, Doing),
    /// A start came to its end.
    Started(Place, u64, ServerId, RunId, bool),
    /// The memory of a script's container may be on disk now.
    Script(
        Place,
        u64,
        ServerId,
        JobId,
        RunId,
        Option<oneshot::Receiver<()>>,
    ),
    /// A game shows its marker.
    Marker(Place, ServerId, RunId),
    /// It is found by who follows its console.
    Found(Place, u64, ServerId, RunId),
    /// A game or script prints.
    Print(Place, ServerId, RunId),
    /// A game or script ends by itself or as asked.
    Exit(Place, ServerId, RunId, i32),
    /// The agent hears of it.
    Heard(Place, u64, ServerId, RunId, i32),
    /// A removed server's console is forgotten once control has it.
    Drain(Place, u64, ServerId, i64),
    /// Control asks.
    Ask(
        usize,
        u64,
        u64,
        Place,
        Option<warren_proto::ids::BootId>,
        Down,
    ),
    /// And is answered.
    Answered(usize, u64, u64, NodeId, Reply),
    /// Or is not.
    Unanswered(usize, u64, u64, NodeId),
    /// Control looks what is behind.
    Look(usize, u64),
    /// Control numbers and publishes.
    Outbox(usize, u64),
    /// Control starts.
    Control(usize),
    /// Something breaks.
    Fault,
    /// Somebody wants something.
    Wish,
    /// It is mended again.
    Mend(Mend),
}

/// What is mended.
#[derive(Debug, Clone, Copy)]
pub enum Mend {
    /// A machine's connection.
    Link(Place),
    /// A machine's disk.
    Disk(Place),
    /// The database.
    Database,
}

struct Due(i64, u64, Event);

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// One machine with its agent.
pub struct Machine {
    /// Whose identity.
    pub node: NodeId,
    /// The machine.
    pub host: Arc<Mutex<Host>>,
    /// The process, if there is one.
    pub agent: Option<Agent>,
    /// Counts processes.
    pub epoch: u64,
    /// Cut off.
    pub cut: bool,
    /// The link is up.
    pub linked: bool,
    /// It is a copy, or was copied, or was shut out once: two speak of the same.
    pub forked: bool,
    /// The next [`Event::Wake`].
    pub wake_ms: i64,
}

/// See the module.
pub struct World {
    /// Virtual milliseconds.
    pub now: i64,
    /// Everything random.
    pub rng: Rng,
    /// All machines.
    pub machines: Vec<Machine>,
    /// All controls.
    pub controls: Vec<Control>,
    /// Their database.
    pub store: Store,
    /// Their bus.
    pub stream: Stream,
    /// A copy of the database from earlier.
    pub snapshot: Option<Db>,
    /// The database was put back once.
    pub restored: bool,
    /// Which kinds of faults happen, a bit each.
    pub faults: u32,
    /// Messages lost of a thousand.
    pub loss: u64,
    /// What went wrong.
    pub wrong: Vec<String>,
    /// Things break.
    pub chaos: bool,
    /// What happened, if somebody wants to know.
    pub trace: Option<Vec<String>>,
    queue: BinaryHeap<Reverse<Due>>,
    count: u64,
    /// Events so far.
    pub steps: u64,
}

impl World {
    /// Two or three nodes and one or two controls.
    pub fn new(seed: u64, plant: Plant, faults: u32, traced: bool) -> Self {
        let mut rng = Rng::new(seed);
        let store = Store {
            db: Db::default(),
            rng: Rng::new(seed ^ 0xdb),
            now_ms: 0,
            errors: 0,
            plant,
            next_event: 0,
            wrong: Vec::new(),
            ordered: std::collections::BTreeSet::new(),
        };
        let loss = if rng.chance(500) { rng.below(80) } else { 0 };
        let mut world = Self {
            now: 0,
            machines: Vec::new(),
            controls: Vec::new(),
            store,
            stream: Stream::default(),
            snapshot: None,
            restored: false,
            faults,
            loss,
            wrong: Vec::new(),
            chaos: true,
            trace: traced.then(Vec::new),
            queue: BinaryHeap::new(),
            count: 0,
            steps: 0,
            rng,
        };
        for _ in 0..world.rng.span(1, 2) {
            let node: NodeId = world.rng.id();
            world.store.db.rows.nodes.insert(node, fresh_node());
            let host = Host::new(Rng::new(world.rng.bits()), plant);
            world.add_machine(node, host, false);
        }
        for n in 0..world.rng.span(1, 2).unsigned_abs() {
            world.controls.push(Control::new(n));
            let place = world.controls.len() - 1;
            world.at(0, Event::Control(place));
        }
        world.at(1, Event::Wish);
        world.at(500, Event::Fault);
        world
    }

    /// Puts a machine there and turns it on.
    pub fn add_machine(&mut self, node: NodeId, host: Host, forked: bool) {
        self.machines.push(Machine {
            node,
            host: Arc::new(Mutex::new(host)),
            agent: None,
            epoch: 0,
            cut: false,
            linked: false,
            forked,
            wake_ms: i64::MAX,
        });
        let place = self.machines.len() - 1;
        self.at(1, Event::Boot(place));
    }

    /// Something happens in `delay` milliseconds.
    pub fn at(&mut self, delay: i64, event: Event) {
        self.count += 1;
        self.queue
            .push(Reverse(Due(self.now + delay.max(0), self.count, event)));
    }

    /// For who reads the trace.
    pub fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{now:>7} {}", text()));
        }
    }

    /// Something that must never be.
    pub fn fail(&mut self, text: String) {
        self.note(|| format!("WRONG {text}"));
        self.wrong.push(text);
    }

    /// Runs to a time, or until something is wrong.
    pub fn run_until(&mut self, until: i64) {
        while self.wrong.is_empty() {
            let Some(Reverse(due)) = self.queue.peek() else {
                break;
            };
            if due.0 > until {
                break;
            }
            let Some(Reverse(Due(at, _, event))) = self.queue.pop() else {
                break;
            };
            self.now = at;
            self.steps += 1;
            if self.steps > MOST_EVENTS {
                self.fail("there is no end of events: something spins".into());
            }
            for machine in &self.machines {
                machine.host.lock().mono_ms = at;
            }
            self.happen(event);
            self.collect();
        }
        self.now = self.now.max(until);
    }

    /// What store and machines found wrong.
    fn collect(&mut self) {
        let mut found = std::mem::take(&mut self.store.wrong);
        for machine in &self.machines {
            found.append(&mut machine.host.lock().wrong);
        }
        for text in found {
            self.fail(text);
        }
    }

    /// The process is still the same.
    pub fn is_current(&self, place: Place, epoch: u64) -> bool {
        let machine = &self.machines[place];
        machine.epoch == epoch && machine.agent.is_some()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Boot(place) => self.boot(place),
            Event::Adopt(place, epoch) if self.is_current(place, epoch) => {
                self.with(place, |agent| {
                    agent.adopt();
                    agent.work()
                });
            }
            Event::Wake(place, epoch) if self.is_current(place, epoch) => self.wake(place),
            Event::Connect(place, epoch) if self.is_current(place, epoch) => {
                if !self.machines[place].cut {
                    self.machines[place].linked = true;
                    self.link(place, Input::Connected);
                }
            }
            Event::Build(place, epoch, id, lane, from) if self.is_current(place, epoch) => {
                self.build(place, id, lane, from);
            }
            Event::Arrive(place, epoch, id, up) => self.arrive(place, epoch, id, up),
            Event::Return(place, epoch, id, answer) if self.is_current(place, epoch) => {
                self.returned(place, id, answer);
            }
            Event::Timeout(place, epoch, id) if self.is_current(place, epoch) => {
                self.returned(place, id, Err(failed("timeout")));
            }
            Event::Ask(control, epoch, token, place, boot, down) => {
                self.asked(control, epoch, token, place, boot, down);
            }
            Event::Answered(control, epoch, token, node, reply) => {
                self.answered(control, epoch, token, node, Some(reply));
            }
            Event::Unanswered(control, epoch, token, node) => {
                self.answered(control, epoch, token, node, None);
            }
            Event::Look(control, epoch) => self.look(control, epoch),
            Event::Outbox(control, epoch) => self.outbox(control, epoch),
            Event::Control(control) => self.start_control(control),
            Event::Fault => self.fault(),
            Event::Wish => self.somebody_wishes(),
            Event::Mend(mend) => self.mend(mend),
            Event::Adopt(..)
            | Event::Wake(..)
            | Event::Connect(..)
            | Event::Build(..)
            | Event::Return(..)
            | Event::Timeout(..) => {}
            other => self.on_machine(other),
        }
    }

    /// Works with an agent; if it was killed meanwhile, that is seen here.
    pub fn with(&mut self, place: Place, work: impl FnOnce(&mut Agent) -> bool) {
        let Some(agent) = self.machines[place].agent.as_mut() else {
            return;
        };
        if !work(agent) {
            self.kill(place);
            return;
        }
        self.settle(place);
    }

    /// After an agent has worked: what its actors asked for, and when it is to be woken.
    pub fn settle(&mut self, place: Place) {
        let doing = std::mem::take(&mut self.machines[place].host.lock().doing);
        let epoch = self.machines[place].epoch;
        let found: Vec<(ServerId, RunId)> = {
            let mut host = self.machines[place].host.lock();
            let host = &mut *host;
            let done = host.games.iter().filter(|(_, held)| held.done);
            done.filter(|(server, _)| host.finding.remove(server))
                .map(|(server, held)| (*server, held.run))
                .collect()
        };
        for (server, run) in found {
            self.at(1, Event::Found(place, epoch, server, run));
        }
        for (server, doing) in doing {
            let delay = self.rng.span(0, 20);
            self.at(delay, Event::Do(place, epoch, server, doing));
        }
        if self.machines[place].linked {
            self.news(place);
        }
        self.schedule(place);
    }

    /// The link hears of facts and bytes.
    fn news(&mut self, place: Place) {
        let (facts, bytes) = {
            let mut host = self.machines[place].host.lock();
            (true, host.spools.waiting())
        };
        let now = self.now;
        let Some(agent) = self.machines[place].agent.as_mut() else {
            return;
        };
        let mut actions = Vec::new();
        if std::mem::take(&mut agent.met) {
            actions.extend(agent.take(Input::Met, now));
        }
        if facts && agent.has_news() {
            actions.extend(agent.take(Input::Facts, now));
        }
        if bytes != agent.bytes_told {
            agent.bytes_told = bytes;
            actions.extend(agent.take(Input::Console(bytes), now));
        }
        self.act(place, actions);
    }

    fn schedule(&mut self, place: Place) {
        let now = self.now;
        let machine = &mut self.machines[place];
        let Some(agent) = &machine.agent else { return };
        let link = agent.core.next_due_ms().filter(|_| machine.linked);
        let next = link.into_iter().chain(agent.due_ms()).min();
        let next = next.unwrap_or(now + 60_000).max(now);
        if next < machine.wake_ms || machine.wake_ms <= now {
            machine.wake_ms = next;
            let epoch = machine.epoch;
            self.at(next - now, Event::Wake(place, epoch));
        }
    }

    fn wake(&mut self, place: Place) {
        let now = self.now;
        if self.machines[place].wake_ms <= now {
            self.machines[place].wake_ms = i64::MAX;
        }
        self.machines[place].host.lock().flush();
        if self.machines[place].linked {
            self.link(place, Input::Tick);
        }
        self.with(place, |agent| agent.tick(now));
    }

    /// A process starts, as far as it comes.
    fn boot(&mut self, place: Place) {
        if self.machines[place].agent.is_some() {
            return;
        }
        let (node, seed) = (self.machines[place].node, self.rng.bits());
        let machine = &mut self.machines[place];
        machine.epoch += 1;
        machine.linked = false;
        machine.wake_ms = i64::MAX;
        machine.agent = Agent::start(node, &machine.host, seed);
        let epoch = machine.epoch;
        let Some(agent) = &self.machines[place].agent else {
            self.note(|| format!("machine {place}: the agent can't start"));
            self.machines[place].host.lock().end_process();
            self.at(1000, Event::Boot(place));
            return;
        };
        let boot = agent.boot.id;
        self.note(|| format!("machine {place}: boot {boot}"));
        // containerd may be away for longer than the bus.
        let away = if self.rng.chance(200) { 5000 } else { 50 };
        let (adopt, connect) = (self.rng.span(1, away), self.rng.span(1, 300));
        self.at(adopt, Event::Adopt(place, epoch));
        self.at(connect, Event::Connect(place, epoch));
        self.with(place, Agent::work);
    }

    /// The process ends at once; the machine and its games go on.
    pub fn kill(&mut self, place: Place) {
        if self.machines[place].agent.take().is_none() {
            return;
        }
        self.note(|| format!("machine {place}: the agent is killed"));
        self.machines[place].epoch += 1;
        self.machines[place].linked = false;
        self.machines[place].host.lock().end_process();
        let delay = self.rng.span(10, 3000);
        self.at(delay, Event::Boot(place));
    }

    /// Tells a link.
    pub fn link(&mut self, place: Place, input: Input) {
        let now = self.now;
        let Some(agent) = self.machines[place].agent.as_mut() else {
            return;
        };
        let actions = agent.take(input, now);
        self.act(place, actions);
        self.schedule(place);
    }

    fn act(&mut self, place: Place, actions: Vec<Action>) {
        let epoch = self.machines[place].epoch;
        for action in actions {
            match action {
                Action::Send { id, lane, from } => {
                    let delay = self.rng.span(0, 3);
                    self.at(delay, Event::Build(place, epoch, id, lane, from));
                }
                Action::Free(position) => {
                    if let Some(book) = &mut self.machines[place].host.lock().book {
                        book.free(position);
                    }
                }
                Action::Committed(positions) => {
                    let mut host = self.machines[place].host.lock();
                    host.spools.committed(&positions);
                }
                Action::Quarantine(because) => {
                    self.note(|| format!("machine {place}: quarantine {because:?}"));
                    self.machines[place].forked = true;
                    if let Some(agent) = &mut self.machines[place].agent {
                        agent.quarantined = because;
                    }
                }
                Action::Greeted => {
                    if let Some(agent) = &mut self.machines[place].agent {
                        agent.bytes_told = 0;
                    }
                }
                Action::Clock { .. } | Action::Keys(_) | Action::Complain(..) => {}
            }
        }
        if !self.dead(place) && self.machines[place].host.lock().disk.is_dead() {
            self.kill(place);
        }
    }

    /// A hello as control takes it, with what the process before answers meanwhile.
    fn hello(
        &mut self,
        node: NodeId,
        hello: &wire::Hello,
    ) -> Result<wire::HelloAnswer, wire::Failure> {
        let followed = self.store.followed(node, hello);
        // An answer may be lost, and then nobody knows better.
        let heard = followed.filter(|boot| self.speaks(*boot) && !self.rng.chance(50));
        let answer = self.store.hello(node, hello, heard)?;
        let speaker = self.store.db.rows.nodes.get(&node).and_then(|n| n.current);
        if let Some(heard) = heard.filter(|heard| speaker != Some(*heard)) {
            self.wrong
                .push(format!("boot {heard} speaks, and another took its place"));
        }
        Ok(answer)
    }

    /// Whether that process is there and its link holds.
    fn speaks(&self, boot: BootId) -> bool {
        let is = |agent: &Agent| agent.boot.id == boot;
        self.machines
            .iter()
            .any(|m| m.linked && !m.cut && m.agent.as_ref().is_some_and(is))
    }

    fn dead(&self, place: Place) -> bool {
        self.machines[place].agent.is_none()
    }

    /// A request as the link's task makes it.
    fn build(&mut self, place: Place, id: u64, lane: Lane, from: Option<Position>) {
        let epoch = self.machines[place].epoch;
        let Some(agent) = self.machines[place].agent.as_mut() else {
            return;
        };
        let (up, patience) = match lane {
            Lane::Hello => (Up::Hello(Box::new(agent.hello())), 2000),
            Lane::Heartbeat => (Up::Heartbeat(agent.heartbeat()), 2000),
            Lane::Facts => match agent.batch(from) {
                Some(batch) => {
                    agent.calls.insert(id, batch.wire.clone());
                    (Up::Facts(batch.wire), 10_000)
                }
                None => return self.link(place, answer(id, Ok(Answer::Facts(None)))),
            },
            Lane::Console => {
                let boot = agent.boot.id;
                let batch = self.machines[place].host.lock().spools.batch(boot);
                match batch {
                    Some(batch) => (Up::Console(batch), 10_000),
                    None => return self.link(place, answer(id, Ok(Answer::Console(None)))),
                }
            }
            Lane::Metrics => (Up::Metrics, 10_000),
        };
        self.at(patience, Event::Timeout(place, epoch, id));
        if self.machines[place].cut {
            return;
        }
        let twice = self.chaos && self.rng.chance(self.loss / 2);
        for _ in 0..=u8::from(twice) {
            if let Some(delay) = self.transit() {
                self.at(delay, Event::Arrive(place, epoch, id, up.clone()));
            }
        }
    }

    /// How long a message takes; none if it is lost.
    pub fn transit(&mut self) -> Option<i64> {
        if self.chaos && self.rng.chance(self.loss) {
            return None;
        }
        let slow = self.chaos && self.rng.chance(20);
        Some(match slow {
            true => self.rng.span(100, 6000),
            false => self.rng.span(1, 30),
        })
    }

    fn arrive(&mut self, place: Place, epoch: u64, id: u64, up: Up) {
        if self.machines[place].cut {
            return;
        }
        let alive: Vec<usize> = (0..self.controls.len())
            .filter(|c| self.controls[*c].alive)
            .collect();
        let Some(control) = self.rng.pick(&alive).copied() else {
            return;
        };
        let node = self.machines[place].node;
        self.set_clock(control);
        let answer = match &up {
            Up::Hello(hello) => self.hello(node, hello).map(Answer::Hello),
            Up::Heartbeat(beat) => self
                .store
                .heartbeat(node, beat)
                .map(|(mut answer, behind)| {
                    let met = &self.controls[control].met;
                    answer.say_hello |= !met.knows(node, &beat.boot);
                    if behind {
                        self.controls[control].due.insert(node);
                    }
                    Answer::Heartbeat(answer)
                }),
            Up::Facts(batch) => self
                .store
                .facts(node, batch)
                .map(|a| Answer::Facts(Some(a))),
            Up::Console(upload) => {
                let stored = self.store.console(node, upload);
                stored.map(|a| Answer::Console(Some(a)))
            }
            Up::Metrics => Ok(Answer::Metrics),
        };
        self.note(|| {
            format!(
                "machine {place} -> control {control}: {} = {}",
                brief(&up),
                outcome(&answer)
            )
        });
        if let Up::Hello(hello) = &up
            && answer.is_ok()
        {
            self.controls[control].met.greet(node, &hello.boot);
            self.controls[control].due.insert(node);
        }
        let due = std::mem::take(&mut self.controls[control].due);
        for node in due {
            self.reconcile(control, node);
        }
        // Control may be killed after its commit and before its answer.
        let delay = self.transit().filter(|_| !self.machines[place].cut);
        if let Some(delay) = delay {
            let answer = answer.map_err(|f| failed(&f.code));
            self.at(delay, Event::Return(place, epoch, id, answer));
        }
    }

    fn returned(&mut self, place: Place, id: u64, result: Result<Answer, Failed>) {
        if !self.machines[place].linked && result.is_ok() {
            return;
        }
        let sent = self.machines[place]
            .agent
            .as_mut()
            .and_then(|a| a.calls.remove(&id));
        let result = match result {
            Ok(Answer::Facts(Some(answer))) => match sent {
                // A late answer: the call has ended.
                None => return,
                Some(sent) if took_none(&sent, &answer) => Err(failed("not_taken")),
                Some(_) => Ok(Answer::Facts(Some(answer))),
            },
            Ok(Answer::Console(Some(stored))) => {
                let moved = {
                    let mut host = self.machines[place].host.lock();
                    let moved = host.spools.committed(&stored.committed);
                    let waiting = host.spools.waiting();
                    drop(host);
                    if let Some(agent) = &mut self.machines[place].agent {
                        agent.bytes_told = waiting;
                    }
                    moved.then_some(waiting)
                };
                if let Some(waiting) = moved {
                    self.link(place, Input::Console(waiting));
                }
                match moved {
                    Some(_) => Ok(Answer::Console(Some(stored))),
                    None => Err(failed("not_taken")),
                }
            }
            other => other,
        };
        self.link(place, answer(id, result));
        if let Some(agent) = &self.machines[place].agent
            && !agent.is_alive()
        {
            self.kill(place);
        }
    }

    /// Control's clock for what follows.
    pub fn set_clock(&mut self, control: usize) {
        self.store.now_ms = 1_700_000_000_000 + self.now + self.controls[control].wall_off_ms;
    }
}

fn answer(id: u64, answer: Result<Answer, Failed>) -> Input {
    Input::Answer { id, answer }
}

/// No answer, or a no.
pub fn failed(code: &str) -> Failed {
    Failed {
        code: code.into(),
        message: String::new(),
    }
}

/// A node that has just joined.
fn fresh_node() -> Node {
    Node {
        current: None,
        quarantined: None,
        undecided: false,
        ledger: None,
        rev: 0,
        applied: 0,
        met: true,
        online: false,
        last_seen_ms: 0,
        next_ordinal: 1,
        boots: BTreeMap::new(),
        cursor: warren_control::ingest::cursor::Cursor {
            boot: None,
            ordinal: 0,
            next_seq: 1,
        },
    }
}

fn brief(up: &Up) -> String {
    match up {
        Up::Hello(h) => format!(
            "hello {} rev {} journal {:?}",
            h.boot,
            h.ledger.as_ref().map_or(0, |l| l.rev),
            h.journal.iter().map(|j| (j.seq, j.end)).collect::<Vec<_>>()
        ),
        Up::Heartbeat(b) => format!("heartbeat rev {}", b.ledger.as_ref().map_or(0, |l| l.rev)),
        Up::Facts(b) => format!(
            "facts of {} {:?}",
            b.boot,
            b.facts.iter().map(fact).collect::<Vec<_>>()
        ),
        Up::Console(u) => format!(
            "console {:?}",
            u.ranges
                .iter()
                .map(|r| (r.stream, r.offset, r.length, r.gap_to))
                .collect::<Vec<_>>()
        ),
        Up::Metrics => "metrics".into(),
    }
}

fn fact(fact: &wire::Fact) -> String {
    use wire::fact::What;
    let what = match &fact.what {
        Some(What::StateChanged(s)) => format!("{:?}>{:?} {}", s.from(), s.to(), s.reason),
        Some(What::RunStarted(_)) => "run started".into(),
        Some(What::RunEnded(_)) => "run ended".into(),
        Some(What::JobEnded(j)) => format!("job {:?}", j.result()),
        Some(What::BootStarted(b)) => format!("boot after {}", b.previous_last_seq),
        Some(What::FactGap(g)) => format!("gap to {}", g.to_seq),
        Some(What::Removed(r)) => format!("removed {}", r.generation),
        Some(What::Released(_)) => "released".into(),
        other => format!("{other:?}"),
    };
    let server = fact.server.get(22..).unwrap_or("");
    format!("{}:{server} g{} {what}", fact.seq, fact.generation)
}

fn outcome(answer: &Result<Answer, wire::Failure>) -> String {
    match answer {
        Ok(Answer::Facts(Some(a))) => format!("next {:?}", a.next.as_ref().map(|n| n.seq)),
        Ok(Answer::Hello(a)) => format!(
            "next {:?} {}",
            a.next_fact.as_ref().map(|n| n.seq),
            a.quarantined_because
        ),
        Ok(Answer::Console(Some(a))) => format!(
            "stored {:?}",
            a.committed.iter().map(|c| c.committed).collect::<Vec<_>>()
        ),
        Ok(_) => "ok".into(),
        Err(f) => f.code.clone(),
    }
}

/// For asks that nobody can answer.
pub fn away() -> wire::Failure {
    refuse("away", true)
}
