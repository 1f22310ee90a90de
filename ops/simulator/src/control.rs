//! Control's work on its database: each function is one transaction, and what is decided in it is decided by
//! `warren-control`'s own functions.

use std::collections::{BTreeSet, HashMap};

use warren_control::ingest::cursor::{self, Boot, Cursor, Held, Lost};
use warren_control::ingest::outcome;
use warren_control::ingest::piece::{self, Key};
use warren_control::node::identity::{self, Verdict};
use warren_control::node::settle;
use warren_proto::ids::{BootId, JobId, NodeId, RunId, ServerId};
use warren_proto::state::State;
use warren_proto::wire::{self, fact::What};

use crate::console::byte_at;
use crate::db::{Begun, Chunk, Db, Fact, Node};
use crate::plant::Plant;
use crate::rng::Rng;

/// Answer of control.
pub type Answer<T> = Result<T, wire::Failure>;

/// A refusal.
pub fn refuse(code: &str, retryable: bool) -> wire::Failure {
    wire::Failure {
        code: code.into(),
        message: String::new(),
        retryable,
    }
}

/// The database and what a transaction on it needs.
pub struct Store {
    /// Rows.
    pub db: Db,
    /// For errors.
    pub rng: Rng,
    /// The clock of the control that works now.
    pub now_ms: i64,
    /// Errors, per thousand transactions.
    pub errors: u64,
    /// Fault planted on purpose.
    pub plant: Plant,
    /// Message id of the next event; a restored database does not take it back.
    pub next_event: u64,
    /// What went wrong.
    pub wrong: Vec<String>,
    /// Every tombstone that was ever ordered.
    pub ordered: BTreeSet<(NodeId, ServerId)>,
}

/// How a commit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commit {
    Done,
    /// Nothing of it is there.
    Failed,
    /// It is there, and nobody was told.
    Unknown,
}

impl Store {
    /// Ends a transaction, or the database does.
    fn commit(&mut self, begun: Begun) -> Commit {
        if !self.rng.chance(self.errors) {
            return Commit::Done;
        }
        if self.rng.chance(300) {
            return Commit::Unknown;
        }
        self.db.roll_back(begun);
        Commit::Failed
    }

    /// [`Store::commit`] as a caller sees it.
    pub fn end<T>(&mut self, begun: Begun, value: T) -> Answer<T> {
        match self.commit(begun) {
            Commit::Done => Ok(value),
            Commit::Failed | Commit::Unknown => Err(refuse("database", true)),
        }
    }

    /// A public event.
    pub fn tell(&mut self, server: Option<ServerId>, node: NodeId, at_ms: i64) {
        self.next_event += 1;
        self.db.tell(self.next_event, server, node, at_ms);
    }

    /// A tombstone.
    pub fn bury(&mut self, node: NodeId, server: ServerId, generation: i64, rev: i64) {
        self.ordered.insert((node, server));
        self.db.bury(node, server, generation, rev);
    }

    fn node(&mut self, node: NodeId) -> Answer<&mut Node> {
        let row = self.db.rows.nodes.get_mut(&node);
        row.ok_or_else(|| refuse("unknown_node", false))
    }

    /// The process that `hello` follows and that must be asked whether it is alive.
    pub fn followed(&self, node: NodeId, hello: &wire::Hello) -> Option<BootId> {
        let row = self.db.rows.nodes.get(&node)?;
        let read = |list: &[String]| -> Vec<BootId> {
            list.iter().filter_map(|b| b.parse().ok()).collect()
        };
        let (boots, ended) = (read(&hello.boots), read(&hello.ended));
        let boot = hello.boot.parse().ok()?;
        identity::follows(row.current, row.quarantined, boot, &boots, &ended)
    }

    /// `ask.hello`. `alive` has answered since it came.
    pub fn hello(
        &mut self,
        node: NodeId,
        hello: &wire::Hello,
        alive: Option<BootId>,
    ) -> Answer<wire::HelloAnswer> {
        let begun = self.db.begin();
        let (answer, runs) = self.greet(node, hello, alive)?;
        let mut answer = self.end(begun, answer)?;
        if answer.quarantined_because.is_empty() {
            answer.console = self.positions(node, &runs);
        }
        Ok(answer)
    }

    fn greet(
        &mut self,
        node: NodeId,
        hello: &wire::Hello,
        alive: Option<BootId>,
    ) -> Answer<(wire::HelloAnswer, Vec<(ServerId, RunId)>)> {
        let now_ms = self.now_ms;
        let mut answer = wire::HelloAnswer {
            control_time_ms: now_ms,
            ..Default::default()
        };
        let bad = || refuse("malformed", false);
        let boot: BootId = hello.boot.parse().map_err(|_| bad())?;
        let boots: Vec<BootId> = hello.boots.iter().filter_map(|b| b.parse().ok()).collect();
        let plant = self.plant;
        let row = self.node(node)?;
        let verdict = identity::judge(row.current, row.quarantined, boot, &boots, alive);
        let shut_out = match verdict {
            Verdict::Same | Verdict::Next => false,
            Verdict::Forked => plant != Plant::ForkCheckOff,
            Verdict::Doubled => plant != Plant::AliveNotAsked,
        };
        if shut_out {
            if row.quarantined != Some(boot) {
                row.quarantined = Some(boot);
                row.undecided = true;
                self.tell(None, node, now_ms);
            }
            answer.quarantined_because = "forked".into();
            return Ok((answer, Vec::new()));
        }
        let next = self.node(node)?.next_ordinal;
        let ordinals = self.order_boots(node, &boots, hello)?;
        let journal = held(hello, &ordinals);
        self.settle_journal(node, &ordinals, &journal)?;
        let taken_in = hello.ledger.as_ref().and_then(|l| l.boot.parse().ok());
        let met = settle::is_met(taken_in, &ordinals, next);
        self.settle_ledger(node, hello, met)?;
        self.settle_servers(node, hello);
        let cursor = self.node(node)?.cursor;
        if settle::caught_up(cursor, &journal) {
            self.confirm_stones(node, hello);
            self.lose_jobs(node, hello);
            self.trust_states(node, hello);
        }
        let row = self.node(node)?;
        row.current = Some(boot);
        row.met = true;
        row.last_seen_ms = now_ms;
        if !std::mem::replace(&mut row.online, true) {
            self.tell(None, node, now_ms);
        }
        answer.next_fact = Some(position(cursor));
        let runs = hello.servers.iter();
        let runs = runs.filter_map(|s| Some((s.server.parse().ok()?, s.run.parse().ok()?)));
        Ok((answer, runs.collect()))
    }

    fn order_boots(
        &mut self,
        node: NodeId,
        boots: &[BootId],
        hello: &wire::Hello,
    ) -> Answer<HashMap<BootId, i64>> {
        let row = self.node(node)?;
        let mut known: HashMap<BootId, i64> =
            row.boots.values().map(|(id, n, _)| (*id, *n)).collect();
        let journal: Vec<BootId> = hello
            .journal
            .iter()
            .filter_map(|j| j.boot.parse().ok())
            .collect();
        for (boot, ordinal) in settle::order(&known, boots, &journal, row.next_ordinal) {
            row.boots.insert(boot.to_string(), (boot, ordinal, 1));
            row.next_ordinal = ordinal + 1;
            known.insert(boot, ordinal);
        }
        known.retain(|boot, _| boots.contains(boot) || journal.contains(boot));
        Ok(known)
    }

    fn settle_journal(
        &mut self,
        node: NodeId,
        boots: &HashMap<BootId, i64>,
        journal: &[Held],
    ) -> Answer<()> {
        let row = self.node(node)?;
        let before = row.cursor;
        let ours = row.boots.values().filter(|(id, ..)| boots.contains_key(id));
        let ours: Vec<(Boot, u64)> = ours
            .map(|&(id, ordinal, next_seq)| (Boot { id, ordinal }, next_seq))
            .collect();
        let listed: Vec<Boot> = ours.iter().map(|(boot, _)| *boot).collect();
        let (after, lost) = cursor::reposition(cursor::rejoin(before, &ours), journal, &listed);
        for lost in lost {
            self.record_loss(node, lost);
        }
        if after != before {
            self.regain(node, after, journal);
        }
        self.store_cursor(node, before, after)
    }

    fn regain(&mut self, node: NodeId, after: Cursor, journal: &[Held]) {
        let noted = |f: &&Fact| f.node == node && f.fact.is_none();
        let said: Vec<Lost> = self.db.facts.iter().filter(noted).map(loss_of).collect();
        for (lost, left) in cursor::regained(after, journal, &said) {
            self.db.facts.retain(|f| !(noted(&f) && loss_of(f) == lost));
            if let Some(left) = left {
                self.record_loss(node, left);
            }
        }
    }

    fn store_cursor(&mut self, node: NodeId, before: Cursor, after: Cursor) -> Answer<()> {
        let row = self.node(node)?;
        if let Some(left) = before.boot.filter(|b| Some(*b) != after.boot)
            && let Some(boot) = row.boots.get_mut(&left.to_string())
        {
            boot.2 = before.next_seq;
        }
        row.cursor = after;
        Ok(())
    }

    fn record_loss(&mut self, node: NodeId, lost: Lost) {
        let ordinal = lost.boot.ordinal;
        let there = |f: &Fact| f.node == node && f.ordinal == ordinal && f.seq == lost.from_seq;
        if !self.db.facts.iter().any(there) {
            self.db.facts.push(Fact {
                node,
                ordinal,
                seq: lost.from_seq,
                to_seq: lost.to_seq,
                boot: lost.boot.id,
                fact: None,
            });
        }
        self.tell(None, node, self.now_ms);
    }

    fn settle_ledger(&mut self, node: NodeId, hello: &wire::Hello, met: bool) -> Answer<()> {
        let Some(said) = &hello.ledger else {
            return Ok(());
        };
        if !met {
            self.node(node)?.ledger = None;
        }
        self.compare_ledger(node, &said.id, said.rev.cast_signed())
    }

    /// What control knows of a node's ledger against where the node says that it stands.
    pub fn compare_ledger(&mut self, node: NodeId, ledger: &str, applied: i64) -> Answer<()> {
        let row = self.node(node)?;
        let known = settle::Known {
            ledger: row.ledger.as_deref(),
            rev: row.rev,
            applied: row.applied,
        };
        let revs = settle::ledger(known, ledger, applied);
        let before = row.rev;
        row.ledger = Some(ledger.to_owned());
        (row.rev, row.applied) = (revs.rev, revs.applied);
        if !revs.anew {
            return Ok(());
        }
        let above = revs.rev - before + 1;
        let servers: Vec<ServerId> = self
            .db
            .rows
            .servers
            .iter()
            .filter(|(_, s)| s.node == node && !s.deleted)
            .map(|(id, _)| *id)
            .collect();
        for server in servers {
            let rev = self.db.raise_rev(node);
            if let Some(row) = self.db.rows.servers.get_mut(&server) {
                row.rev = rev;
                row.generation += above;
                row.renew_order();
            }
        }
        let stones: Vec<ServerId> = self
            .db
            .rows
            .stones
            .iter()
            .filter(|((n, _), s)| *n == node && !s.confirmed)
            .map(|((_, server), _)| *server)
            .collect();
        for server in stones {
            let rev = self.db.raise_rev(node);
            if let Some(stone) = self.db.rows.stones.get_mut(&(node, server)) {
                stone.rev = rev;
                stone.generation += above;
            }
        }
        Ok(())
    }

    /// Writes a row anew under a generation that its node will take.
    pub fn raise(&mut self, node: NodeId, server: ServerId, generation: i64) {
        let rev = self.db.raise_rev(node);
        if let Some(row) = self.db.rows.servers.get_mut(&server) {
            (row.generation, row.rev) = (generation, rev);
            row.renew_order();
        }
    }

    /// A server's row, as much of it as decides what a node's word on it means.
    pub(crate) fn settled_row(&self, node: NodeId, server: ServerId) -> Option<settle::Row> {
        let row = self.db.rows.servers.get(&server)?;
        Some(settle::Row {
            here: row.node == node,
            generation: row.generation,
            deleted: row.deleted,
        })
    }

    fn settle_servers(&mut self, node: NodeId, hello: &wire::Hello) {
        let mut strange = BTreeSet::new();
        for seen in &hello.servers {
            let Ok(server) = seen.server.parse::<ServerId>() else {
                continue;
            };
            let row = self.settled_row(node, server);
            let stone = self.db.rows.stones.get(&(node, server));
            let buried = stone.filter(|s| !s.confirmed).map(|s| s.generation);
            match settle::server(row, buried, seen.generation.cast_signed()) {
                settle::Verdict::Fine => {}
                settle::Verdict::Raise(generation) => self.raise(node, server, generation),
                settle::Verdict::Bury(generation) => {
                    let rev = self.db.raise_rev(node);
                    self.bury(node, server, generation, rev);
                }
                settle::Verdict::Strange => {
                    strange.insert(server);
                    self.db.rows.orphans.insert((node, server));
                }
            }
        }
        let orphans = &mut self.db.rows.orphans;
        orphans.retain(|(n, server)| *n != node || strange.contains(server));
    }

    fn confirm_stones(&mut self, node: NodeId, hello: &wire::Hello) {
        let there: BTreeSet<ServerId> = hello
            .servers
            .iter()
            .filter_map(|s| s.server.parse().ok())
            .collect();
        let applied = hello.ledger.as_ref().map_or(0, |l| l.rev).cast_signed();
        for ((at, server), stone) in &mut self.db.rows.stones {
            if *at == node && stone.rev <= applied && !there.contains(server) {
                stone.confirmed = true;
            }
        }
    }

    fn lose_jobs(&mut self, node: NodeId, hello: &wire::Hello) {
        let listed: BTreeSet<&str> = hello.jobs.iter().map(|j| &*j.job).collect();
        let now_ms = self.now_ms;
        let mut told = Vec::new();
        for (id, job) in &mut self.db.rows.jobs {
            let running = job.node == node && job.state == "running";
            let Some(sent_at_ms) = job.sent_at_ms.filter(|_| running) else {
                continue;
            };
            if settle::is_lost(listed.contains(&*id.to_string()), sent_at_ms, now_ms) {
                job.state = "lost";
                job.ends.push("lost");
                told.push(job.server);
            }
        }
        for server in told {
            self.tell(Some(server), node, now_ms);
        }
    }

    fn trust_states(&mut self, node: NodeId, hello: &wire::Hello) {
        let applied = hello.ledger.as_ref().map_or(0, |l| l.rev).cast_signed();
        let mut told = Vec::new();
        for seen in &hello.servers {
            let (Ok(server), Ok(state)) = (
                seen.server.parse::<ServerId>(),
                State::try_from(seen.state()),
            ) else {
                continue;
            };
            let row = self.db.rows.servers.get_mut(&server);
            let Some(row) = row.filter(|r| r.node == node && !r.deleted) else {
                continue;
            };
            let order = outcome::Order {
                intent: row.intent,
                generation: row.power_generation,
                taken: applied >= row.rev,
            };
            let settled = outcome::settles(order, seen.generation.cast_signed(), None, state);
            if settled || row.state != state {
                row.state = state;
                row.intent = row.intent.filter(|_| !settled);
                told.push(server);
            }
        }
        for server in told {
            self.tell(Some(server), node, self.now_ms);
        }
    }

    /// What control has of these runs, nothing included.
    fn positions(&self, node: NodeId, runs: &[(ServerId, RunId)]) -> Vec<wire::ConsolePosition> {
        let keys = runs.iter().flat_map(|&(server, run)| {
            (0..3).map(move |stream| Key {
                node,
                server,
                run,
                stream,
            })
        });
        keys.map(|key| {
            let console = self.db.consoles.get(&key);
            committed(&key, console.map_or(0, |c| c.committed))
        })
        .collect()
    }

    /// `heartbeat`.
    pub fn heartbeat(
        &mut self,
        node: NodeId,
        beat: &wire::Heartbeat,
    ) -> Answer<(wire::HeartbeatAnswer, bool)> {
        let now_ms = self.now_ms;
        let begun = self.db.begin();
        let row = self.node(node)?;
        let mut answer = wire::HeartbeatAnswer {
            control_time_ms: now_ms,
            ..Default::default()
        };
        if row.current.is_none_or(|b| b.to_string() != beat.boot) {
            answer.say_hello = true;
            return Ok((answer, false));
        }
        let known = settle::Known {
            ledger: row.ledger.as_deref(),
            rev: row.rev,
            applied: row.applied,
        };
        let said = beat.ledger.as_ref();
        let applied = settle::beat(known, said.map(|l| (&*l.id, l.rev.cast_signed())));
        answer.say_hello = applied.is_none();
        let advanced = applied.is_some_and(|a| a > row.applied);
        row.applied = applied.unwrap_or(row.applied);
        let applied = row.applied;
        row.last_seen_ms = now_ms;
        answer.next_fact = Some(position(row.cursor));
        let back = !std::mem::replace(&mut row.online, true);
        let behind = row.applied < row.rev || back;
        if back {
            self.tell(None, node, now_ms);
        }
        if advanced {
            self.settle_orders(node, applied);
        }
        self.end(begun, (answer, behind))
    }

    /// `lifecycle`.
    pub fn facts(&mut self, node: NodeId, batch: &wire::FactBatch) -> Answer<wire::FactAnswer> {
        let begun = self.db.begin();
        let (before, after) = self.take_facts(node, batch)?;
        let answer = wire::FactAnswer {
            next: Some(position(after)),
        };
        match (self.commit(begun), self.plant) {
            (Commit::Done, _) | (_, Plant::AckBeforeCommit) => Ok(answer),
            (_, Plant::CursorOnError) => {
                self.store_cursor(node, before, after)?;
                Err(refuse("database", true))
            }
            _ => Err(refuse("database", true)),
        }
    }

    fn take_facts(&mut self, node: NodeId, batch: &wire::FactBatch) -> Answer<(Cursor, Cursor)> {
        let id: BootId = batch.boot.parse().map_err(|_| refuse("malformed", false))?;
        let row = self.node(node)?;
        if row.current.is_none_or(|b| b.to_string() != batch.speaker) {
            return Err(refuse("unknown_boot", true));
        }
        let before = row.cursor;
        let Some(&(_, ordinal, _)) = row.boots.get(&batch.boot) else {
            return Err(refuse("unknown_boot", true));
        };
        let boot = Boot { id, ordinal };
        let placed = cursor::place(before, boot, &batch.facts);
        for &(n, seq) in &placed.rows {
            let fact = &batch.facts[n];
            self.effect(node, fact);
            self.insert(node, boot, seq, fact);
        }
        if placed.cursor != before {
            self.store_cursor(node, before, placed.cursor)?;
        }
        Ok((before, placed.cursor))
    }

    fn insert(&mut self, node: NodeId, boot: Boot, seq: u64, fact: &wire::Fact) {
        let to_seq = match &fact.what {
            Some(What::FactGap(gap)) if gap.boot == boot.id.to_string() => gap.to_seq.max(seq),
            _ => seq,
        };
        let last = self.db.facts.iter().rev().find(|f| f.node == node);
        if let Some(last) = last.filter(|f| f.ordinal == boot.ordinal && f.to_seq >= seq) {
            let text = format!("fact {seq} of boot {} after {}", boot.id, last.to_seq);
            self.wrong.push(text);
        }
        self.db.facts.push(Fact {
            node,
            ordinal: boot.ordinal,
            seq,
            to_seq,
            boot: boot.id,
            fact: Some(fact.clone()),
        });
    }

    /// What the fact changes, as `ingest::effect` writes it down.
    fn effect(&mut self, node: NodeId, fact: &wire::Fact) {
        let at_ms = fact.at_ms;
        match &fact.what {
            Some(What::BootStarted(started)) => return self.boot_started(node, started),
            Some(What::FactGap(_) | What::NodeCondition(_)) => {
                return self.tell(None, node, at_ms);
            }
            Some(What::Removed(removed)) => return self.removed(node, fact, removed.generation),
            Some(What::Released(_)) | None => return,
            _ => {}
        }
        let Ok(server) = fact.server.parse::<ServerId>() else {
            return;
        };
        let Some(row) = self.db.rows.servers.get_mut(&server) else {
            return;
        };
        if row.node != node {
            return;
        }
        let applied = self.db.rows.nodes.get(&node).map_or(0, |n| n.applied);
        match &fact.what {
            Some(What::StateChanged(change)) => {
                let (Ok(from), Ok(to)) =
                    (State::try_from(change.from()), State::try_from(change.to()))
                else {
                    return;
                };
                if !from.may_go_to(to) {
                    let text = format!("{server} went from {from} to {to}");
                    self.wrong.push(text);
                    return;
                }
                row.state = to;
                let order = outcome::Order {
                    intent: row.intent,
                    generation: row.power_generation,
                    taken: applied >= row.rev,
                };
                if outcome::settles(order, fact.generation.cast_signed(), Some(from), to) {
                    row.intent = None;
                }
            }
            Some(What::JobEnded(ended)) => self.job_ended(node, server, ended),
            _ => {}
        }
        self.tell(Some(server), node, at_ms);
    }

    fn boot_started(&mut self, node: NodeId, started: &wire::BootStarted) {
        let Ok(row) = self.node(node) else { return };
        let Some(&(id, ordinal, next_seq)) = row.boots.get(&started.previous_boot) else {
            return;
        };
        let previous = Boot { id, ordinal };
        if let Some(lost) = outcome::lost_before(previous, next_seq, started) {
            self.record_loss(node, lost);
        }
    }

    fn removed(&mut self, node: NodeId, fact: &wire::Fact, generation: u64) {
        let Ok(server) = fact.server.parse::<ServerId>() else {
            return;
        };
        let stone = self.db.rows.stones.get_mut(&(node, server));
        let Some(stone) = stone.filter(|s| s.generation <= generation.cast_signed()) else {
            return;
        };
        stone.confirmed = true;
        self.tell(Some(server), node, self.now_ms);
    }

    fn job_ended(&mut self, node: NodeId, server: ServerId, ended: &wire::JobEnded) {
        let Ok(id) = ended.job.parse::<JobId>() else {
            return;
        };
        let (Some(state), Some(job)) = (
            outcome::ended_as(ended.result()),
            self.db.rows.jobs.get_mut(&id),
        ) else {
            return;
        };
        if job.server == server && job.node == node && outcome::OPEN.contains(&job.state) {
            job.state = state;
            job.ends.push(state);
        }
    }

    /// `console`.
    pub fn console(
        &mut self,
        node: NodeId,
        upload: &wire::ConsoleUpload,
    ) -> Answer<wire::ConsoleUploaded> {
        let current = self.node(node)?.current;
        if current.is_none_or(|b| b.to_string() != upload.boot) {
            return Err(refuse("unknown_boot", true));
        }
        let pieces = piece::parse_all(node, upload)?;
        if self.rng.chance(self.errors) {
            return Err(refuse("database", true));
        }
        let mut seen = std::collections::BTreeMap::new();
        for (key, piece) in pieces {
            if !self.db.rows.servers.contains_key(&key.server) {
                let end = seen.entry(key).or_insert(0);
                *end = piece.end.max(*end);
                continue;
            }
            let console = self.db.consoles.entry(key).or_default();
            let piece = match self.plant {
                Plant::ConsoleBelowCursor => Some(piece),
                _ => piece::beyond(console.committed, piece),
            };
            if let Some(piece) = piece {
                let wrong = check(&key, console.committed, &piece);
                console.committed = piece.end.max(console.committed);
                console.chunks.push(Chunk {
                    start: piece.start,
                    end: piece.end,
                    data: piece.data,
                });
                self.wrong.extend(wrong);
            }
            seen.insert(key, console.committed);
        }
        let positions = seen.iter().map(|(key, end)| committed(key, *end));
        Ok(wire::ConsoleUploaded {
            committed: positions.collect(),
        })
    }
}

/// What a stored piece must be: right behind the cursor, and what the game wrote.
fn check(key: &Key, committed: u64, piece: &piece::Piece) -> Option<String> {
    let run = key.run;
    if piece.start != committed {
        return Some(format!(
            "bytes {} of run {run} are stored at {committed}",
            piece.start
        ));
    }
    let data = piece.data.as_ref()?;
    let good = (piece.start..)
        .zip(data)
        .all(|(at, byte)| byte_at(run, key.stream, at) == *byte);
    (!good).then(|| format!("bytes from {} of run {run} are not the game's", piece.start))
}

fn committed(key: &Key, end: u64) -> wire::ConsolePosition {
    wire::ConsolePosition {
        server: key.server.to_string(),
        run: key.run.to_string(),
        stream: key.stream,
        committed: end,
    }
}

fn held(hello: &wire::Hello, ordinals: &HashMap<BootId, i64>) -> Vec<Held> {
    let all = hello.journal.iter().filter_map(|j| {
        let id = j.boot.parse().ok()?;
        let ordinal = *ordinals.get(&id)?;
        Some(Held {
            boot: Boot { id, ordinal },
            seq: j.seq,
            end: j.end,
        })
    });
    let mut journal: Vec<Held> = all.collect();
    journal.sort_by_key(|held| held.boot.ordinal);
    journal
}

/// The next fact that is expected, as nodes hear it.
pub fn position(cursor: Cursor) -> wire::JournalPosition {
    wire::JournalPosition {
        boot: cursor.boot.map(|b| b.to_string()).unwrap_or_default(),
        seq: cursor.next_seq,
        end: 0,
    }
}

/// A note of what is lost.
fn loss_of(fact: &Fact) -> Lost {
    Lost {
        boot: Boot {
            id: fact.boot,
            ordinal: fact.ordinal,
        },
        from_seq: fact.seq,
        to_seq: fact.to_seq,
    }
}
