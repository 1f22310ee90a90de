//! Control's database in memory. A transaction is all or nothing; what a table holds is what decides.

use std::collections::{BTreeMap, BTreeSet};

use warren_control::ingest::cursor::Cursor;
use warren_control::ingest::piece::Key;
use warren_proto::ids::{BootId, JobId, NodeId, ServerId};
use warren_proto::state::State;
use warren_proto::wire;

/// `nodes`, with its cursor and boots.
#[derive(Debug, Clone)]
pub struct Node {
    /// Who speaks.
    pub current: Option<BootId>,
    /// Who is shut out.
    pub quarantined: Option<BootId>,
    /// An admin has not decided yet.
    pub undecided: bool,
    /// Its ledger.
    pub ledger: Option<String>,
    /// Raised by every change.
    pub rev: i64,
    /// Which of it the node has.
    pub applied: i64,
    /// It has said hello to this database since it was put back.
    pub met: bool,
    /// Counts as there.
    pub online: bool,
    /// By control's clock.
    pub last_seen_ms: i64,
    /// For the next boot.
    pub next_ordinal: i64,
    /// Ordinal, and what was expected when it was left.
    pub boots: BTreeMap<String, (BootId, i64, u64)>,
    /// The next fact.
    pub cursor: Cursor,
}

/// `servers`.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its owner.
    pub node: NodeId,
    /// Counts changes.
    pub generation: i64,
    /// The node's, as of the last change.
    pub rev: i64,
    /// `start`, `stop`, `kill`.
    pub power: &'static str,
    /// When that was ordered.
    pub power_generation: i64,
    /// Counts restarts.
    pub restarts: i64,
    /// What people wait for.
    pub intent: Option<&'static str>,
    /// Must not run.
    pub suspended: bool,
    /// Has an install script.
    pub installable: bool,
    /// Softly.
    pub deleted: bool,
    /// As last told.
    pub state: State,
}

impl Server {
    /// An order that people wait for is given again.
    pub fn renew_order(&mut self) {
        if let Some(intent) = self.intent {
            self.power_generation = self.generation;
            self.intent = Some(if intent == "restart" { "start" } else { intent });
        }
    }
}

/// `tombstones`.
#[derive(Debug, Clone, Copy)]
pub struct Stone {
    /// Rows at or below it are ignored.
    pub generation: i64,
    /// The node's.
    pub rev: i64,
    /// Carried out.
    pub confirmed: bool,
}

/// `operations`.
#[derive(Debug, Clone)]
pub struct Job {
    /// For that server.
    pub server: ServerId,
    /// On that node.
    pub node: NodeId,
    /// `pending`, `running`, or how it ended.
    pub state: &'static str,
    /// To work from.
    pub generation: i64,
    /// When the node took it.
    pub sent_at_ms: Option<i64>,
    /// When the node was first seen to have ended it.
    pub ended_at_ms: Option<i64>,
    /// Somebody wants it to end.
    pub cancel: bool,
    /// Every end it was given.
    pub ends: Vec<&'static str>,
}

/// `facts`.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Whose.
    pub node: NodeId,
    /// Of its boot.
    pub ordinal: i64,
    /// Within the boot.
    pub seq: u64,
    /// The last one that it stands for.
    pub to_seq: u64,
    /// Which boot.
    pub boot: BootId,
    /// As sent; none for a loss that control wrote down.
    pub fact: Option<wire::Fact>,
}

/// `outbox`.
#[derive(Debug, Clone)]
pub struct Event {
    /// Message id of the stream.
    pub id: u64,
    /// Of the server, or of none.
    pub server: Option<ServerId>,
    /// Of the node.
    pub node: NodeId,
    /// The speaker's clock.
    pub at_ms: i64,
    /// Given once it is committed.
    pub seq: Option<u64>,
    /// In the stream.
    pub published: bool,
}

/// A piece of a console.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// First byte.
    pub start: u64,
    /// Past the last.
    pub end: u64,
    /// Bytes; none for a gap.
    pub data: Option<Vec<u8>>,
}

/// `console_streams` and `console_chunks`.
#[derive(Debug, Clone, Default)]
pub struct Console {
    /// Below it everything is stored.
    pub committed: u64,
    /// What is stored, as it was.
    pub chunks: Vec<Chunk>,
}

/// Rows that change; copied when a transaction begins.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// By id.
    pub nodes: BTreeMap<NodeId, Node>,
    /// By id.
    pub servers: BTreeMap<ServerId, Server>,
    /// By node and server.
    pub stones: BTreeMap<(NodeId, ServerId), Stone>,
    /// Of a node, known to it alone.
    pub orphans: BTreeSet<(NodeId, ServerId)>,
    /// By id.
    pub jobs: BTreeMap<JobId, Job>,
    /// Last number given to an event.
    pub numbered: u64,
    /// Who publishes, and until when.
    pub lease: (u64, i64),
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Db {
    /// Changed in place.
    pub rows: Rows,
    /// Only grow.
    pub facts: Vec<Fact>,
    /// In the order of writing.
    pub outbox: Vec<Event>,
    /// By stream.
    pub consoles: BTreeMap<Key, Console>,
}

/// Where a transaction began.
pub struct Begun {
    rows: Rows,
    facts: usize,
    outbox: usize,
}

impl Db {
    /// Begins a transaction on everything but consoles.
    pub fn begin(&self) -> Begun {
        Begun {
            rows: self.rows.clone(),
            facts: self.facts.len(),
            outbox: self.outbox.len(),
        }
    }

    /// As if it had never begun.
    pub fn roll_back(&mut self, begun: Begun) {
        self.rows = begun.rows;
        self.facts.truncate(begun.facts);
        self.outbox.truncate(begun.outbox);
    }

    /// The next rev of a node.
    pub fn raise_rev(&mut self, node: NodeId) -> i64 {
        match self.rows.nodes.get_mut(&node) {
            Some(row) => {
                row.rev += 1;
                row.rev
            }
            None => 0,
        }
    }

    /// A server's wanted state changes.
    pub fn bump(&mut self, server: ServerId) -> Option<i64> {
        let node = self.rows.servers.get(&server)?.node;
        let rev = self.raise_rev(node);
        let row = self.rows.servers.get_mut(&server)?;
        row.generation += 1;
        row.rev = rev;
        Some(row.generation)
    }

    /// A tombstone of a server on a node; an older one is replaced.
    pub fn bury(&mut self, node: NodeId, server: ServerId, generation: i64, rev: i64) {
        let stone = Stone {
            generation,
            rev,
            confirmed: false,
        };
        self.rows.stones.insert((node, server), stone);
    }

    /// A public event in the transaction of what it tells.
    pub fn tell(&mut self, id: u64, server: Option<ServerId>, node: NodeId, at_ms: i64) {
        self.outbox.push(Event {
            id,
            server,
            node,
            at_ms,
            seq: None,
            published: false,
        });
    }
}
