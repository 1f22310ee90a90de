//! Control's processes: they make nodes take what is wanted, and tell the world.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use warren_control::node::presence::{Met, SILENCE_MS};
use warren_proto::ids::{BootId, JobId, NodeId};
use warren_proto::wire::{self, job_ask::Ask};

use crate::control::refuse;
use crate::world::{Down, Event, Place, Reply, World};

/// Without a nudge, nodes are looked at this often.
const LOOK_MS: i64 = 2000;
/// An ask without an answer.
const PATIENCE_MS: i64 = 5000;

/// What a control waits for from a node.
struct Waiting {
    token: u64,
    sent: Option<wire::Apply>,
    jobs: VecDeque<(JobId, Ask)>,
    again: bool,
}

/// One control process.
pub struct Control {
    /// Its place among all.
    pub number: u64,
    /// It runs.
    pub alive: bool,
    /// Counts processes.
    pub epoch: u64,
    /// How far its clock is off.
    pub wall_off_ms: i64,
    /// Nodes to be looked at.
    pub due: BTreeSet<NodeId>,
    /// Nodes that have said hello to this process.
    pub met: Met,
    started_ms: i64,
    desks: BTreeMap<NodeId, Waiting>,
    token: u64,
}

impl Control {
    /// Not started yet.
    pub fn new(number: u64) -> Self {
        Self {
            number,
            alive: false,
            epoch: 0,
            wall_off_ms: 0,
            due: BTreeSet::new(),
            met: Met::default(),
            started_ms: 0,
            desks: BTreeMap::new(),
            token: 0,
        }
    }
}

impl World {
    /// A control starts; it keeps nothing but its database.
    pub fn start_control(&mut self, n: usize) {
        let now = self.now;
        let control = &mut self.controls[n];
        if control.alive {
            return;
        }
        control.alive = true;
        control.epoch += 1;
        control.started_ms = now;
        control.met = Met::default();
        control.desks.clear();
        control.due.clear();
        let epoch = control.epoch;
        self.at(10, Event::Look(n, epoch));
        self.at(20, Event::Outbox(n, epoch));
        self.note(|| format!("control {n} starts"));
    }

    /// A control is killed.
    pub fn kill_control(&mut self, n: usize) {
        self.controls[n].alive = false;
        self.controls[n].epoch += 1;
        self.note(|| format!("control {n} is killed"));
        let delay = self.rng.span(100, 4000);
        self.at(delay, Event::Control(n));
    }

    fn is_control(&self, n: usize, epoch: u64) -> bool {
        self.controls[n].alive && self.controls[n].epoch == epoch
    }

    /// The timer: nodes that are behind, jobs that are open, nodes that are silent.
    pub fn look(&mut self, n: usize, epoch: u64) {
        if !self.is_control(n, epoch) {
            return;
        }
        self.at(LOOK_MS, Event::Look(n, epoch));
        self.set_clock(n);
        // A control that was away is no sign of nodes that are.
        if self.now - self.controls[n].started_ms > SILENCE_MS {
            self.store.sweep(SILENCE_MS);
        }
        let nodes: Vec<NodeId> = self.store.db.rows.nodes.keys().copied().collect();
        for node in nodes {
            let row = &self.store.db.rows.nodes[&node];
            let behind = row.online && row.applied < row.rev;
            let jobs = self.store.db.rows.jobs.values();
            let mut open = jobs.filter(|j| matches!(j.state, "pending" | "running"));
            if behind || (row.online && open.any(|j| j.node == node)) {
                self.reconcile(n, node);
            }
        }
    }

    /// Numbers and publishes while the lease is held.
    pub fn outbox(&mut self, n: usize, epoch: u64) {
        if !self.is_control(n, epoch) {
            return;
        }
        self.at(1000, Event::Outbox(n, epoch));
        self.set_clock(n);
        let me = self.controls[n].number + 1;
        if !self.store.hold(me) {
            return;
        }
        let losses = if self.chaos { self.loss * 3 } else { 0 };
        // Bounded: a database that fails numbers nothing.
        for _ in 0..8 {
            self.store.number();
            if !self.store.publish(&mut self.stream, losses) || self.store.is_published() {
                return;
            }
        }
    }

    /// One round over a node: rows first, then jobs.
    pub fn reconcile(&mut self, n: usize, node: NodeId) {
        if let Some(desk) = self.controls[n].desks.get_mut(&node) {
            desk.again = true;
            return;
        }
        let desk = Waiting {
            token: 0,
            sent: None,
            jobs: VecDeque::new(),
            again: false,
        };
        self.controls[n].desks.insert(node, desk);
        self.next_rows(n, node);
    }

    fn next_rows(&mut self, n: usize, node: NodeId) {
        self.set_clock(n);
        match self.store.next_apply(node) {
            Some(apply) => self.ask(n, node, Down::Apply(apply)),
            None => {
                let jobs = self.store.open_jobs(node).into();
                if let Some(desk) = self.controls[n].desks.get_mut(&node) {
                    desk.jobs = jobs;
                }
                self.next_job(n, node);
            }
        }
    }

    fn next_job(&mut self, n: usize, node: NodeId) {
        let desk = self.controls[n].desks.get_mut(&node);
        match desk.and_then(|d| d.jobs.pop_front()) {
            Some((id, ask)) => self.ask(n, node, Down::Job(id, Box::new(ask))),
            None => self.done(n, node),
        }
    }

    fn done(&mut self, n: usize, node: NodeId) {
        let desk = self.controls[n].desks.remove(&node);
        if desk.is_some_and(|d| d.again) {
            self.reconcile(n, node);
        }
    }

    /// Asks every machine that claims to be the node, in the name of the process that speaks for it.
    fn ask(&mut self, n: usize, node: NodeId, down: Down) {
        self.controls[n].token += 1;
        let (token, epoch) = (self.controls[n].token, self.controls[n].epoch);
        if let Some(desk) = self.controls[n].desks.get_mut(&node) {
            desk.token = token;
            desk.sent = match &down {
                Down::Apply(apply) => Some(apply.clone()),
                _ => None,
            };
        }
        let row = self.store.db.rows.nodes.get(&node).filter(|r| r.online);
        let Some(boot) = row.map(|r| r.current) else {
            // Nobody waits for a node that is known to be away.
            return self.done(n, node);
        };
        self.at(PATIENCE_MS, Event::Unanswered(n, epoch, token, node));
        self.send_down(n, token, node, boot, &down);
    }

    /// To every machine of that identity.
    pub fn send_down(
        &mut self,
        n: usize,
        token: u64,
        node: NodeId,
        boot: Option<BootId>,
        down: &Down,
    ) {
        let epoch = self.controls[n].epoch;
        for place in 0..self.machines.len() {
            if self.machines[place].node != node {
                continue;
            }
            let twice = self.chaos && self.rng.chance(self.loss / 2);
            for _ in 0..=u8::from(twice) {
                if let Some(delay) = self.transit() {
                    let event = Event::Ask(n, epoch, token, place, boot, down.clone());
                    self.at(delay, event);
                }
            }
        }
    }

    /// An ask reaches a machine.
    pub fn asked(
        &mut self,
        n: usize,
        epoch: u64,
        token: u64,
        place: Place,
        boot: Option<BootId>,
        down: Down,
    ) {
        if !self.machines[place].linked {
            return;
        }
        let node = self.machines[place].node;
        let Some(agent) = self.machines[place].agent.as_mut() else {
            return;
        };
        let ours = boot == Some(agent.boot.id);
        let reply = match down {
            Down::Apply(apply) => Reply::Applied(match ours {
                true => agent.apply(apply),
                false => Err(refuse("other_boot", false)),
            }),
            Down::Job(id, ask) => Reply::Job(
                id,
                match ours {
                    true => agent.jobs(*ask),
                    false => Err(refuse("other_boot", false)),
                },
            ),
            Down::Keep(keep) => {
                if ours && keep {
                    self.link(place, warren_agent::link::core::Input::Kept);
                }
                return;
            }
        };
        let alive = self.machines[place]
            .agent
            .as_mut()
            .is_some_and(|a| a.work());
        self.note(|| format!("control {n} -> machine {place}: {}", brief(&reply)));
        if !alive {
            self.kill(place);
            return;
        }
        self.settle(place);
        if let Some(delay) = self.transit().filter(|_| !self.machines[place].cut) {
            self.at(delay, Event::Answered(n, epoch, token, node, reply));
        }
    }

    /// A node's answer, or none.
    pub fn answered(
        &mut self,
        n: usize,
        epoch: u64,
        token: u64,
        node: NodeId,
        reply: Option<Reply>,
    ) {
        if !self.is_control(n, epoch) {
            return;
        }
        let Some(desk) = self.controls[n].desks.get_mut(&node) else {
            return;
        };
        if desk.token != token {
            return;
        }
        desk.token = 0;
        let sent = desk.sent.take();
        self.set_clock(n);
        match (reply, sent) {
            (Some(Reply::Applied(Ok(answer))), Some(sent)) => {
                match self.store.applied(node, &sent, &answer) {
                    Ok(true) => self.next_rows(n, node),
                    _ => self.done(n, node),
                }
            }
            (Some(Reply::Job(id, Ok(status))), _) => {
                self.store.note_job(id, &status);
                self.next_job(n, node);
            }
            (Some(Reply::Job(id, Err(failure))), _) => {
                self.store.refused_job(id, &failure);
                self.next_job(n, node);
            }
            (_, Some(_)) => self.done(n, node),
            _ => self.next_job(n, node),
        }
    }

    /// Admins decide about every forked identity.
    pub fn decide(&mut self) {
        let nodes: Vec<NodeId> = self.store.db.rows.nodes.keys().copied().collect();
        for node in nodes {
            // An admin looks which machine is there; if both are, they may pick either.
            let Some(row) = self.store.db.rows.nodes.get(&node) else {
                continue;
            };
            let (current, other) = (row.current, row.quarantined);
            let is_there = |wanted: Option<BootId>| {
                let mut boots = self.machines.iter().filter(|m| m.node == node);
                boots.any(|m| wanted.is_some() && m.agent.as_ref().map(|a| a.boot.id) == wanted)
            };
            let newcomer = is_there(other) && (!is_there(current) || self.rng.chance(300));
            let Some((winner, boot)) = self.store.decide(node, newcomer) else {
                continue;
            };
            self.note(|| format!("an admin keeps {boot:?}"));
            if winner && let Some(n) = (0..self.controls.len()).find(|n| self.controls[*n].alive) {
                self.send_down(n, 0, node, boot, &Down::Keep(true));
            }
        }
    }
}

fn brief(reply: &Reply) -> String {
    match reply {
        Reply::Applied(Ok(a)) => {
            format!("applied, rev {}", a.ledger.as_ref().map_or(0, |l| l.rev))
        }
        Reply::Applied(Err(f)) => format!("apply refused: {}", f.code),
        Reply::Job(_, Ok(status)) => format!("job {}", status.state),
        Reply::Job(_, Err(f)) => format!("job refused: {}", f.code),
    }
}
