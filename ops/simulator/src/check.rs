//! What must be true once everything has had its time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use warren_proto::ids::{NodeId, ServerId};
use warren_proto::state::State;

use crate::db::Node;
use crate::host::{Task, key_of};
use crate::world::{Place, World};

impl World {
    /// The machine whose process speaks for a node.
    fn speaker(&self, node: NodeId) -> Option<Place> {
        let current = self.store.db.rows.nodes.get(&node)?.current?;
        (0..self.machines.len()).find(|place| {
            let machine = &self.machines[*place];
            let agent = machine.agent.as_ref();
            machine.node == node && agent.is_some_and(|a| a.boot.id == current)
        })
    }

    /// What is not yet as it should be. Empty: all is at rest.
    pub fn unsettled(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (node, row) in &self.store.db.rows.nodes {
            let Some(place) = self.speaker(*node) else {
                all.push(format!("nobody speaks for node {node}"));
                continue;
            };
            self.node_at_rest(*node, row, place, &mut all);
        }
        self.jobs_at_rest(&mut all);
        if !self.store.is_published() {
            all.push("events wait".into());
        }
        all
    }

    fn node_at_rest(&self, node: NodeId, row: &Node, place: Place, all: &mut Vec<String>) {
        let machine = &self.machines[place];
        let Some(agent) = &machine.agent else { return };
        if row.undecided {
            all.push(format!("{node}: nobody has decided"));
        }
        let position = agent.ledger.position();
        if !row.online || row.applied != row.rev || position.rev.cast_signed() != row.rev {
            let (applied, rev, has) = (row.applied, row.rev, position.rev);
            all.push(format!("{node}: applied {applied} of {rev}, has {has}"));
        }
        let end = agent.pages.end();
        if row.cursor.boot != Some(end.boot) || row.cursor.next_seq != end.seq {
            let expected = row.cursor.next_seq;
            all.push(format!("{node}: facts to {expected} of {}", end.seq));
        }
        let mut here = BTreeSet::new();
        for (server, memory, wanted) in agent.states() {
            here.insert(server);
            let generation = wanted.map_or(0, |w| w.generation);
            self.server_at_rest(node, server, memory.life.state, generation, place, all);
        }
        for (server, wanted) in &self.store.db.rows.servers {
            if wanted.node == node && !wanted.deleted && !here.contains(server) {
                all.push(format!("{server} is not on its node"));
            }
        }
        for ((at, server), stone) in &self.store.db.rows.stones {
            if *at == node && !stone.confirmed {
                let back = self.store.db.rows.servers.get(server);
                let back = back.is_some_and(|s| s.node == node && s.generation > stone.generation);
                if !back {
                    all.push(format!("the tombstone of {server} is not confirmed"));
                }
            }
        }
        let host = machine.host.lock();
        for server in host.games.keys().chain(host.installs.keys()) {
            if !here.contains(server) {
                all.push(format!("{server} has a container and no actor"));
            }
        }
        for (server, run, stream, len) in host.spools.ends() {
            let known = self.store.db.rows.servers.contains_key(&server);
            // A database that was put back is told of the newest run alone; others are freed once committed.
            let newest = host.seen.get(&server).and_then(|s| s.run) == Some(run);
            let known = known && (newest || !self.restored);
            let key = warren_control::ingest::piece::Key {
                node,
                server,
                run,
                stream,
            };
            let has = self.store.db.consoles.get(&key).map_or(0, |c| c.committed);
            if known && has < len {
                all.push(format!("console {run} stream {stream}: {has} of {len}"));
            }
        }
    }

    fn server_at_rest(
        &self,
        node: NodeId,
        server: ServerId,
        state: State,
        generation: u64,
        place: Place,
        all: &mut Vec<String>,
    ) {
        let Some(row) = self.store.db.rows.servers.get(&server) else {
            if !self.store.db.rows.orphans.contains(&(node, server)) {
                all.push(format!("{server} is no orphan, and nobody knows it"));
            }
            return;
        };
        if row.node != node || row.deleted {
            all.push(format!("{server} is still on {node}"));
            return;
        }
        if row.generation.unsigned_abs() != generation {
            let wanted = row.generation;
            all.push(format!("{server}: generation {generation} of {wanted}"));
        }
        if row.state != state {
            all.push(format!("{server}: {state}, and control says {}", row.state));
        }
        let host = self.machines[place].host.lock();
        let up = host.games.get(&server).is_some_and(|h| h.task == Task::Up);
        if up != (state == State::Running) {
            all.push(format!("{server}: {state}, and its container runs: {up}"));
        }
        if row.suspended && up {
            all.push(format!("{server} is suspended and runs"));
        }
        // A start waits for the install that somebody has to ask for.
        let waits = row.suspended || (state == State::New && row.installable);
        if let Some(intent) = row.intent.filter(|_| !waits) {
            all.push(format!("{server} is {state}, and {intent} is not settled"));
        }
    }

    fn jobs_at_rest(&self, all: &mut Vec<String>) {
        for (id, job) in &self.store.db.rows.jobs {
            if matches!(job.state, "pending" | "running") {
                all.push(format!("job {id} of {} is {}", job.server, job.state));
            }
        }
    }

    /// What must hold at the end, besides rest.
    pub fn verdicts(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        self.one_owner(&mut all);
        self.jobs_end_once(&mut all);
        self.facts_once(&mut all);
        self.gaps_are_true(&mut all);
        self.events_in_order(&mut all);
        all
    }

    fn one_owner(&self, all: &mut Vec<String>) {
        let mut owners: BTreeMap<ServerId, usize> = BTreeMap::new();
        for node in self.store.db.rows.nodes.keys() {
            let Some(place) = self.speaker(*node) else {
                continue;
            };
            let host = self.machines[place].host.lock();
            let known = |server: &ServerId| self.store.db.rows.servers.contains_key(server);
            // A database that was put back has forgotten a server that was made and moved since: both nodes show it
            // as an orphan, nobody alive can say whose it is, and an admin decides.
            let judged = |server: &ServerId| known(server) || !self.restored;
            let up = host.games.iter().filter(|(_, h)| h.task == Task::Up);
            for (server, _) in up.filter(|(server, _)| judged(server)) {
                *owners.entry(*server).or_default() += 1;
            }
        }
        for (server, count) in owners.into_iter().filter(|(_, n)| *n > 1) {
            all.push(format!("{server} runs on {count} nodes"));
        }
    }

    fn jobs_end_once(&self, all: &mut Vec<String>) {
        for (id, job) in &self.store.db.rows.jobs {
            let late = job.ends.len() == 2 && job.ends[0] == "lost";
            if job.ends.len() > 1 && !late {
                all.push(format!("job {id} ended as {:?}", job.ends));
            }
        }
        for machine in &self.machines {
            let host = machine.host.lock();
            for ((_, job), runs) in host.scripts.iter().filter(|(_, runs)| runs.len() > 1) {
                all.push(format!("the script of job {job} ran {} times", runs.len()));
            }
        }
    }

    /// Every fact that was decided came once, or a gap says where it was.
    fn facts_once(&self, all: &mut Vec<String>) {
        for node in self.store.db.rows.nodes.keys() {
            let mut stored: HashMap<Vec<u8>, u32> = HashMap::new();
            let mut gaps = Vec::new();
            for fact in self.store.db.facts.iter().filter(|f| f.node == *node) {
                match &fact.fact {
                    Some(said) if fact.to_seq == fact.seq => {
                        *stored.entry(key_of(said)).or_default() += 1;
                    }
                    _ => gaps.push((fact.boot.to_string(), fact.seq, fact.to_seq)),
                }
            }
            let Some(place) = self.speaker(*node) else {
                continue;
            };
            // Of a forked identity one branch is lost; so are boots that a damaged ledger has forgotten.
            let twice = self.machines.iter().any(|m| m.node == *node && m.forked);
            if twice {
                continue;
            }
            let host = self.machines[place].host.lock();
            for key in &host.promises.made {
                let places = host.promises.places.get(key);
                let in_gap = places.into_iter().flatten().any(|(boot, seq)| {
                    gaps.iter()
                        .any(|(b, from, to)| b == boot && (from..=to).contains(&seq))
                });
                match stored.get(key).copied().unwrap_or(0) {
                    1 => {}
                    0 if in_gap => {}
                    n => all.push(format!("a fact came {n} times: {}", describe(key))),
                }
            }
        }
    }

    /// Bytes that are missing were given up by their node.
    fn gaps_are_true(&self, all: &mut Vec<String>) {
        let mut given: BTreeMap<_, Vec<(u64, u64)>> = BTreeMap::new();
        for machine in &self.machines {
            for (key, ranges) in &machine.host.lock().spools.given_up {
                given.entry(*key).or_default().extend(ranges);
            }
        }
        for (key, console) in &self.store.db.consoles {
            for gap in console.chunks.iter().filter(|c| c.data.is_none()) {
                let ranges = given.get(&(key.run, key.stream));
                let mut at = gap.start;
                while at < gap.end {
                    let covering = ranges.into_iter().flatten();
                    let Some((_, to)) = covering.clone().find(|(f, t)| (*f..*t).contains(&at))
                    else {
                        let (run, end) = (key.run, gap.end);
                        all.push(format!("bytes {at} to {end} of run {run} are missing"));
                        break;
                    };
                    at = *to;
                }
            }
        }
    }

    fn events_in_order(&self, all: &mut Vec<String>) {
        let mut last: BTreeMap<Option<ServerId>, u64> = BTreeMap::new();
        for event in self.store.db.outbox.iter().filter(|e| e.server.is_some()) {
            let Some(seq) = event.seq else { continue };
            let before = last.insert(event.server, seq).unwrap_or(0);
            if before > seq {
                let server = event.server;
                all.push(format!("event {seq} of {server:?} comes after {before}"));
            }
        }
    }
}

fn describe(key: &[u8]) -> String {
    use warren_proto::{Message as _, wire};
    let fact = wire::Fact::decode(key);
    fact.map(|f| format!("{f:?}")).unwrap_or_default()
}
