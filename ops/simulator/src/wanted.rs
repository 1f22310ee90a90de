//! What people want, what nodes are sent of it, and what the world hears: the rest of control.

use std::collections::BTreeMap;

use warren_control::ingest::outcome;
use warren_control::node::settle;
use warren_control::outbox;
use warren_control::reconcile::{jobs, page};
use warren_proto::ids::{BootId, JobId, NodeId, ServerId};
use warren_proto::state::State;
use warren_proto::wire::{self, job_ask::Ask};

use crate::control::{Answer, Store};
use crate::db::{Job, Server};
use crate::plant::Plant;

/// Small, so that paging happens.
const BOUNDS: page::Bounds = page::Bounds {
    rows: 3,
    bytes: 600,
};
/// A lease without renewal.
const LEASE_MS: i64 = 3500;
/// Events that are numbered or published at a time.
const BATCH: usize = 16;

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Run.
    Start,
    /// End with grace.
    Stop,
    /// End and run again.
    Restart,
    /// End at once.
    Kill,
    /// Must not run, or may again.
    Suspend(bool),
    /// Delete it.
    Delete,
    /// Run the install script again.
    Reinstall,
    /// Break the job off.
    Cancel,
    /// Another node gets it, the old one is not asked.
    Move(NodeId),
}

/// Where events go; kept by the bus and not by the database.
#[derive(Debug, Default)]
pub struct Stream {
    /// Message ids that were stored.
    pub ids: std::collections::BTreeSet<u64>,
    /// Last number per server or node since the database was last restored.
    last: BTreeMap<(Option<ServerId>, Option<NodeId>), u64>,
}

impl Stream {
    /// Numbers begin anew.
    pub fn restored(&mut self) {
        self.last.clear();
    }
}

impl Store {
    /// A person makes a server.
    pub fn create(&mut self, id: ServerId, node: NodeId, installable: bool, job: JobId) {
        let begun = self.db.begin();
        let rev = self.db.raise_rev(node);
        let start = self.rng.chance(700);
        self.db.rows.servers.insert(
            id,
            Server {
                node,
                generation: 1,
                rev,
                power: if start { "start" } else { "stop" },
                power_generation: i64::from(start),
                restarts: 0,
                intent: start.then_some("start"),
                suspended: false,
                installable,
                deleted: false,
                state: State::New,
            },
        );
        if installable {
            self.begin_job(job, id, node, 1);
        }
        self.tell(Some(id), node, self.now_ms);
        // Who asked is told of an error and asks again, or not.
        let _ = self.end(begun, ());
    }

    fn begin_job(&mut self, id: JobId, server: ServerId, node: NodeId, generation: i64) {
        self.db.rows.jobs.insert(
            id,
            Job {
                server,
                node,
                state: "pending",
                generation,
                sent_at_ms: None,
                ended_at_ms: None,
                cancel: false,
                ends: Vec::new(),
            },
        );
    }

    fn active(&self, server: ServerId) -> Option<JobId> {
        let mut jobs = self.db.rows.jobs.iter();
        let active =
            jobs.find(|(_, j)| j.server == server && matches!(j.state, "pending" | "running"));
        active.map(|(id, _)| *id)
    }

    /// A person does something with a server, if control lets them.
    pub fn wish(&mut self, id: ServerId, wish: Wish, job: JobId) -> Answer<bool> {
        let begun = self.db.begin();
        let Some(row) = self.db.rows.servers.get(&id).filter(|s| !s.deleted) else {
            return Ok(false);
        };
        let (node, state, suspended) = (row.node, row.state, row.suspended);
        let active = self.active(id);
        let may_start = !suspended && active.is_none() && state != State::New;
        let allowed = match wish {
            Wish::Start | Wish::Restart => may_start,
            Wish::Reinstall => row.installable && !suspended && active.is_none(),
            Wish::Cancel => active.is_some(),
            Wish::Move(to) => to != node,
            _ => true,
        };
        if !allowed {
            return Ok(false);
        }
        match wish {
            Wish::Cancel => {
                let job = active.and_then(|id| self.db.rows.jobs.get_mut(&id));
                job.into_iter().for_each(|j| j.cancel = true);
            }
            Wish::Move(to) => self.move_to(id, node, to),
            Wish::Delete => self.delete(id, node),
            _ => self.order(id, wish, state, job),
        }
        let node = match wish {
            Wish::Move(to) => to,
            _ => node,
        };
        self.tell(Some(id), node, self.now_ms);
        self.end(begun, true)
    }

    fn order(&mut self, id: ServerId, wish: Wish, state: State, job: JobId) {
        let Some(generation) = self.db.bump(id) else {
            return;
        };
        let Some(row) = self.db.rows.servers.get_mut(&id) else {
            return;
        };
        let (power, there, intent) = match wish {
            Wish::Start => ("start", state == State::Running, "start"),
            Wish::Restart => ("start", false, "restart"),
            Wish::Suspend(on) => {
                row.suspended = on;
                row.intent = row.intent.filter(|_| !on);
                return;
            }
            Wish::Reinstall => ("stop", true, "stop"),
            _ => {
                let there = matches!(
                    state,
                    State::Stopped | State::New | State::Installing | State::Error
                );
                let word = if wish == Wish::Kill { "kill" } else { "stop" };
                (word, there, word)
            }
        };
        row.power = power;
        row.power_generation = generation;
        row.restarts += i64::from(wish == Wish::Restart);
        row.intent = (!there).then_some(intent);
        if wish == Wish::Reinstall {
            let node = row.node;
            self.begin_job(job, id, node, generation);
        }
    }

    fn end_jobs(&mut self, server: ServerId, state: &'static str) {
        for job in self.db.rows.jobs.values_mut() {
            if job.server == server && matches!(job.state, "pending" | "running") {
                job.state = state;
                job.ends.push(state);
            }
        }
    }

    fn delete(&mut self, id: ServerId, node: NodeId) {
        let Some(generation) = self.db.bump(id) else {
            return;
        };
        let Some(row) = self.db.rows.servers.get_mut(&id) else {
            return;
        };
        row.deleted = true;
        let rev = row.rev;
        self.bury(node, id, generation, rev);
        self.end_jobs(id, "cancelled");
    }

    /// By force: the old node gets a tombstone, the new one a row above it.
    fn move_to(&mut self, id: ServerId, from: NodeId, to: NodeId) {
        let Some(generation) = self.db.bump(id) else {
            return;
        };
        let rev = self.db.rows.servers.get(&id).map_or(0, |r| r.rev);
        self.bury(from, id, generation, rev);
        let rev = self.db.raise_rev(to);
        if let Some(row) = self.db.rows.servers.get_mut(&id) {
            row.node = to;
            row.generation = generation + 1;
            row.rev = rev;
            // The new node has nothing of it yet.
            row.state = State::New;
            row.installable = false;
        }
        self.end_jobs(id, "lost");
    }

    /// The next message for a node.
    pub fn next_apply(&self, node: NodeId) -> Option<wire::Apply> {
        let row = self.db.rows.nodes.get(&node).filter(|n| n.online)?;
        let ledger = row.ledger.clone()?;
        if !page::is_due(row.applied, row.rev) {
            return None;
        }
        let (from, rev) = (row.applied, row.rev);
        let inside = |r: i64| r > from && r <= rev;
        let servers = self.db.rows.servers.iter();
        let mut rows: Vec<(&ServerId, &Server)> = servers
            .filter(|(_, s)| s.node == node && !s.deleted && inside(s.rev))
            .collect();
        rows.sort_by_key(|(_, s)| s.rev);
        rows.truncate(BOUNDS.rows);
        let stones = self.db.rows.stones.iter();
        let mut stones: Vec<_> = stones
            .filter(|((n, _), s)| *n == node && !s.confirmed && inside(s.rev))
            .collect();
        stones.sort_by_key(|(_, s)| s.rev);
        stones.truncate(BOUNDS.rows);
        let sizes: Vec<page::Row> = rows
            .iter()
            .map(|(_, s)| page::Row {
                rev: s.rev,
                bytes: 256,
            })
            .collect();
        let revs: Vec<i64> = stones.iter().map(|(_, s)| s.rev).collect();
        let page = page::cut(from, rev, &sizes, &revs, BOUNDS).ok()?;
        let rows = rows.into_iter().filter(|(_, s)| s.rev <= page.to);
        let stones = stones.into_iter().filter(|(_, s)| s.rev <= page.to);
        Some(wire::Apply {
            ledger,
            from: page.from.unsigned_abs(),
            to: match self.plant {
                Plant::PageJumps => rev.unsigned_abs(),
                _ => page.to.unsigned_abs(),
            },
            servers: rows.map(|(id, s)| to_wire(*id, s)).collect(),
            tombstones: stones
                .map(|((_, server), s)| wire::Tombstone {
                    server: server.to_string(),
                    generation: s.generation.unsigned_abs(),
                    rev: s.rev.unsigned_abs(),
                    keep_files_s: 0,
                })
                .collect(),
            snapshot: page.snapshot,
        })
    }

    /// Notes what a node has. False when it does not fit what was sent.
    pub fn applied(
        &mut self,
        node: NodeId,
        sent: &wire::Apply,
        answer: &wire::ApplyAnswer,
    ) -> Answer<bool> {
        let Some(rev) = page::confirmed(sent, answer).map(u64::cast_signed) else {
            return Ok(false);
        };
        let begun = self.db.begin();
        let row = self.db.rows.nodes.get_mut(&node);
        let Some(row) = row.filter(|n| n.ledger.as_deref() == Some(&*sent.ledger)) else {
            return Ok(false);
        };
        if rev > row.rev {
            self.compare_ledger(node, &sent.ledger, rev)?;
        } else {
            row.applied = rev.max(row.applied);
        }
        for out in &answer.left_out {
            let Ok(server) = out.server.parse::<ServerId>() else {
                continue;
            };
            let row = self.settled_row(node, server);
            let floor = out.floor.cast_signed();
            if let Some(generation) = row.and_then(|row| settle::left_out(row, floor)) {
                self.raise(node, server, generation);
            }
        }
        self.settle_orders(node, rev);
        for orphan in answer.orphans.iter().filter_map(|o| o.parse().ok()) {
            self.db.rows.orphans.insert((node, orphan));
        }
        self.end(begun, true)
    }

    /// Orders that a node has taken and found fulfilled.
    pub fn settle_orders(&mut self, node: NodeId, applied: i64) {
        let now_ms = self.now_ms;
        let mut told = Vec::new();
        for (server, row) in &mut self.db.rows.servers {
            let mine = row.node == node && !row.deleted && row.rev <= applied;
            if mine && row.intent.is_some_and(|i| outcome::is_there(i, row.state)) {
                row.intent = None;
                told.push(*server);
            }
        }
        for server in told {
            self.tell(Some(server), node, now_ms);
        }
    }

    /// Jobs of a node that are not over, oldest first, with what is to be asked.
    pub fn open_jobs(&mut self, node: NodeId) -> Vec<(JobId, Ask)> {
        let jobs = self.db.rows.jobs.iter();
        let open = jobs.filter(|(_, j)| j.node == node && matches!(j.state, "pending" | "running"));
        open.map(|(id, job)| {
            let text = id.to_string();
            let ask = match jobs::step(job.state, job.cancel) {
                jobs::Step::Start => Ask::Start(wire::JobStart {
                    job: text,
                    server: job.server.to_string(),
                    kind: "install".into(),
                    generation: job.generation.unsigned_abs(),
                    wipe: false,
                    work: None,
                }),
                jobs::Step::Cancel => Ask::Cancel(wire::JobCancel { job: text }),
                jobs::Step::Look => Ask::Status(wire::JobStatusAsk { job: text }),
            };
            (*id, ask)
        })
        .collect()
    }

    /// A job ends here and not by a fact.
    pub fn end_job(&mut self, id: JobId, state: &'static str) {
        let begun = self.db.begin();
        let Some(job) = self.db.rows.jobs.get_mut(&id) else {
            return;
        };
        if !matches!(job.state, "pending" | "running") {
            return;
        }
        job.state = state;
        job.ends.push(state);
        let (server, node) = (job.server, job.node);
        self.tell(Some(server), node, self.now_ms);
        let _ = self.end(begun, ());
    }

    /// A node said how a job goes.
    pub fn note_job(&mut self, id: JobId, status: &wire::JobStatus) {
        let now_ms = self.now_ms;
        let asked = self.db.rows.jobs.get(&id).map(|j| jobs::Asked {
            sent_at_ms: j.sent_at_ms,
            ended_at_ms: j.ended_at_ms,
            cancel: j.cancel,
        });
        let end = asked.and_then(|asked| jobs::silent(&status.state, asked, now_ms));
        if let Some(end) = end {
            return self.end_job(id, end);
        }
        if status.state == "unknown" {
            return;
        }
        let ended = status.state == "ended";
        let begun = self.db.begin();
        let Some(job) = self.db.rows.jobs.get_mut(&id) else {
            return;
        };
        if !matches!(job.state, "pending" | "running") {
            return;
        }
        if job.sent_at_ms.is_some() && job.ended_at_ms.is_some() == ended {
            return;
        }
        job.state = "running";
        job.sent_at_ms = job.sent_at_ms.or(Some(now_ms));
        job.ended_at_ms = ended.then_some(now_ms);
        let (server, node) = (job.server, job.node);
        self.tell(Some(server), node, now_ms);
        let _ = self.end(begun, ());
    }

    /// A node refused what it was asked about a job.
    pub fn refused_job(&mut self, id: JobId, failure: &wire::Failure) {
        let sent = self
            .db
            .rows
            .jobs
            .get(&id)
            .is_some_and(|j| j.sent_at_ms.is_some());
        if !jobs::ends(&failure.code, failure.retryable, sent) {
            return;
        }
        if matches!(&*failure.code, "other_boot" | "quarantined") {
            let text = format!("job {id} fails because its ask was {}", failure.code);
            self.wrong.push(text);
        }
        self.end_job(id, "failed");
    }

    /// An admin decides about a forked identity: whether the newcomer won, and who did.
    pub fn decide(&mut self, node: NodeId, newcomer: bool) -> Option<(bool, Option<BootId>)> {
        let row = self.db.rows.nodes.get_mut(&node)?;
        if !std::mem::take(&mut row.undecided) {
            return None;
        }
        if newcomer {
            std::mem::swap(&mut row.current, &mut row.quarantined);
            // An unknown ledger makes the next heartbeat ask for a hello, which compares everything.
            row.ledger = None;
        }
        let winner = row.current;
        self.tell(None, node, self.now_ms);
        Some((newcomer, winner))
    }

    /// Everything is numbered and in the stream.
    pub fn is_published(&self) -> bool {
        self.db.outbox.iter().all(|e| e.published)
    }

    /// Nodes that were silent for long are away.
    pub fn sweep(&mut self, silence_ms: i64) {
        let before = self.now_ms - silence_ms;
        let nodes = self.db.rows.nodes.iter_mut();
        let silent = nodes.filter(|(_, n)| n.online && n.last_seen_ms < before);
        let gone: Vec<NodeId> = silent
            .map(|(id, node)| {
                node.online = false;
                *id
            })
            .collect();
        for node in gone {
            self.tell(None, node, self.now_ms);
        }
    }

    /// Takes or keeps the lease of the outbox.
    pub fn hold(&mut self, me: u64) -> bool {
        let (holder, until) = self.db.rows.lease;
        if holder != me && until >= self.now_ms {
            return false;
        }
        self.db.rows.lease = (me, self.now_ms + LEASE_MS);
        true
    }

    /// Numbers what was committed.
    pub fn number(&mut self) {
        let mut rows: Vec<usize> = (0..self.db.outbox.len())
            .filter(|n| self.db.outbox[*n].seq.is_none())
            .collect();
        if self.plant == Plant::OutboxByTime {
            rows.sort_by_key(|n| self.db.outbox[*n].at_ms);
        }
        let begun = self.db.begin();
        let rows = &rows[..rows.len().min(BATCH)];
        for n in rows {
            self.db.rows.numbered += 1;
            self.db.outbox[*n].seq = Some(self.db.rows.numbered);
        }
        let _ = self.end(begun, ());
        // A number above the counter was rolled back.
        let last = self.db.rows.numbered;
        for n in rows {
            let event = &mut self.db.outbox[*n];
            event.seq = event.seq.filter(|seq| *seq <= last);
        }
    }

    /// Publishes what is numbered, in waves. False: the stream did not take all.
    pub fn publish(&mut self, stream: &mut Stream, losses: u64) -> bool {
        let outbox = self.db.outbox.iter().enumerate();
        let mut rest: Vec<(u64, usize)> = outbox
            .filter(|(_, e)| !e.published)
            .filter_map(|(n, e)| Some((e.seq?, n)))
            .collect();
        rest.sort_unstable();
        rest.truncate(BATCH);
        while !rest.is_empty() {
            let (wave, later) = outbox::wave(rest, |(_, n)| {
                let event = &self.db.outbox[*n];
                (event.server, event.server.is_none().then_some(event.node))
            });
            rest = later;
            let mut all = true;
            for (seq, n) in wave {
                // Lost on the way there, or only its acknowledgement.
                let (lost, unheard) = (self.rng.chance(losses), self.rng.chance(losses));
                if !lost {
                    self.send(stream, seq, n);
                }
                match lost || unheard {
                    true => all = false,
                    false => self.db.outbox[n].published = true,
                }
            }
            if !all {
                return false;
            }
        }
        true
    }

    fn send(&mut self, stream: &mut Stream, seq: u64, n: usize) {
        let event = &self.db.outbox[n];
        if !stream.ids.insert(event.id) {
            return;
        }
        let node = event.server.is_none().then_some(event.node);
        let last = stream.last.entry((event.server, node)).or_default();
        if seq <= *last {
            let text = format!(
                "event {seq} of {:?} is published after {last}",
                event.server
            );
            self.wrong.push(text);
        }
        *last = seq;
    }
}

fn to_wire(id: ServerId, row: &Server) -> wire::WantedServer {
    let power = match row.power {
        "start" => wire::Power::Start,
        "kill" => wire::Power::Kill,
        _ => wire::Power::Stop,
    };
    let marker = wire::DoneMarker {
        pattern: Some(wire::done_marker::Pattern::Contains("up".into())),
    };
    wire::WantedServer {
        server: id.to_string(),
        generation: row.generation.unsigned_abs(),
        rev: row.rev.unsigned_abs(),
        power: Some(wire::PowerOrder {
            power: power.into(),
            generation: row.power_generation.unsigned_abs(),
            restarts: row.restarts.unsigned_abs(),
        }),
        suspended: row.suspended,
        moved: false,
        spec: Some(wire::ServerSpec {
            done: vec![marker],
            crash: Some(wire::CrashPolicy {
                restart: true,
                max_restarts: 3,
                window_s: 60,
                clean_exit_is_crash: false,
            }),
            stop: Some(wire::Stop {
                grace_ms: 2000,
                how: None,
            }),
            install: row.installable.then(|| wire::InstallSpec {
                image: "image".into(),
                script: "true".into(),
                ..Default::default()
            }),
            ..Default::default()
        }),
    }
}
