//! What breaks, what people want meanwhile, and how it is mended.

use warren_proto::ids::{JobId, ServerId};

use crate::host::Host;
use crate::rng::Rng;
use crate::wanted::Wish;
use crate::world::{Event, Mend, Place, World};

/// Kinds of faults, a bit each in [`World::faults`].
pub const KINDS: [(&str, u32); 12] = [
    ("links that are cut", 1),
    ("agents that are killed", 1 << 1),
    ("machines that lose power", 1 << 2),
    ("controls that are killed", 1 << 3),
    ("clocks that jump", 1 << 4),
    ("disks that are full", 1 << 5),
    ("databases that fail", 1 << 6),
    ("a database that is put back", 1 << 7),
    ("a machine that is cloned", 1 << 8),
    ("consoles that are cut", 1 << 9),
    ("ledgers that are damaged", 1 << 10),
    ("servers that change their node", 1 << 11),
];

/// All of them.
pub const EVERYTHING: u32 = (1 << KINDS.len()) - 1;

impl World {
    fn may(&self, bit: u32) -> bool {
        self.faults & (1 << bit) != 0
    }

    /// Something breaks, and a little later something else.
    pub fn fault(&mut self) {
        if !self.chaos {
            return;
        }
        let next = self.rng.span(100, 5000);
        self.at(next, Event::Fault);
        let place = self.rng.place(self.machines.len());
        let kind = u32::try_from(self.rng.below(16)).unwrap_or(0);
        match kind {
            0 if self.may(0) => self.cut_link(place),
            1 | 12 | 13 | 14 if self.may(1) => {
                let calls = u32::try_from(self.rng.below(40)).unwrap_or(0);
                self.machines[place].host.lock().disk.light(calls);
            }
            2 if self.may(2) && self.rng.chance(500) => {
                self.note(|| format!("machine {place}: power cut"));
                self.kill(place);
                self.machines[place].host.lock().power_cut();
            }
            3 if self.may(3) => {
                let n = self.rng.place(self.controls.len());
                self.kill_control(n);
            }
            4 if self.may(4) => self.clock_jumps(place),
            5 if self.may(5) => {
                self.note(|| format!("machine {place}: disk full"));
                self.machines[place].host.lock().disk.fill(true);
                let delay = self.rng.span(50, 9000);
                self.at(delay, Event::Mend(Mend::Disk(place)));
            }
            6 | 15 if self.may(6) => {
                self.store.errors = self.rng.below(400);
                let delay = self.rng.span(500, 8000);
                self.at(delay, Event::Mend(Mend::Database));
            }
            7 if self.may(7) => self.put_back(),
            8 if self.may(8) && self.machines.len() < 3 && self.rng.chance(200) => {
                self.clone_machine(place);
            }
            9 if self.may(9) => self.cut_console(place),
            10 if self.may(10) && self.rng.chance(300) => self.damage(place),
            _ => {}
        }
    }

    fn cut_link(&mut self, place: Place) {
        self.note(|| format!("machine {place}: link cut"));
        self.machines[place].cut = true;
        if std::mem::take(&mut self.machines[place].linked) {
            self.link(place, warren_agent::link::core::Input::Disconnected);
        }
        let delay = self.rng.span(50, 25_000);
        self.at(delay, Event::Mend(Mend::Link(place)));
    }

    fn clock_jumps(&mut self, place: Place) {
        let by = self.rng.span(-7_200_000, 7_200_000);
        if self.rng.chance(700) {
            self.machines[place].host.lock().wall_off_ms += by;
            self.note(|| format!("machine {place}: clock jumps by {by} ms"));
        } else {
            let n = self.rng.place(self.controls.len());
            // Controls agree to within some seconds, as the lease wants it.
            self.controls[n].wall_off_ms = by / 2000;
        }
    }

    /// A copy of the database is made, or an earlier one comes back.
    fn put_back(&mut self) {
        if self.restored {
            return;
        }
        let Some(snapshot) = self.snapshot.take() else {
            self.snapshot = Some(self.store.db.clone());
            self.note(|| "the database is copied".into());
            return;
        };
        if self.rng.chance(500) {
            self.snapshot = Some(snapshot);
            return;
        }
        self.note(|| "the database is put back".into());
        self.store.db = snapshot;
        // What is ordered of a node before its next hello may take a rev and a generation that it has seen with
        // another content: nobody can tell the two apart. People wait for the node here.
        for node in self.store.db.rows.nodes.values_mut() {
            node.met = false;
        }
        self.restored = true;
        // A row of the copy may be older than what a machine has started from, and is the truth now.
        for machine in &self.machines {
            machine.host.lock().started_from.clear();
        }
        self.stream.restored();
        for n in 0..self.controls.len() {
            if self.controls[n].alive {
                self.kill_control(n);
            }
        }
    }

    /// The machine's disk is copied to another one, and both run.
    fn clone_machine(&mut self, place: Place) {
        let node = self.machines[place].node;
        if self.machines[place].forked {
            return;
        }
        self.note(|| format!("machine {place} is cloned"));
        let copy = {
            let host = self.machines[place].host.lock();
            let mut copy = Host::new(Rng::new(self.rng.bits()), host.plant);
            copy.disk = host.disk.copy();
            copy.files = host.files.clone();
            copy.spools = host.spools.copy();
            copy.promises = host.promises.clone();
            copy.mono_ms = host.mono_ms;
            copy
        };
        self.machines[place].forked = true;
        self.add_machine(node, copy, true);
    }

    fn cut_console(&mut self, place: Place) {
        if self.machines[place].agent.is_none() {
            return;
        }
        let servers: Vec<ServerId> = {
            let host = self.machines[place].host.lock();
            host.games.keys().copied().collect()
        };
        let Some(server) = self.rng.pick(&servers).copied() else {
            return;
        };
        let keep = self.rng.below(200);
        let cut = self.machines[place].host.lock().spools.cut(server, keep);
        if let Some((run, cut)) = cut {
            self.note(|| format!("machine {place}: console of {run} is cut {cut:?}"));
        }
    }

    fn damage(&mut self, place: Place) {
        let part = if self.rng.chance(500) {
            "wanted"
        } else {
            "ledger/ledger"
        };
        self.kill(place);
        let mut rng = Rng::new(self.rng.bits());
        if self.machines[place].host.lock().disk.damage(part, &mut rng) {
            self.note(|| format!("machine {place}: {part} is damaged"));
            if part != "wanted" {
                // With the ledger its list of boots is gone: nobody can tell it from a clone.
                self.machines[place].forked = true;
            }
        }
    }

    /// One thing is mended.
    pub fn mend(&mut self, mend: Mend) {
        match mend {
            Mend::Link(place) => {
                if std::mem::take(&mut self.machines[place].cut) {
                    self.note(|| format!("machine {place}: link is back"));
                    let epoch = self.machines[place].epoch;
                    let delay = self.rng.span(1, 500);
                    self.at(delay, Event::Connect(place, epoch));
                }
            }
            Mend::Disk(place) => self.machines[place].host.lock().disk.fill(false),
            Mend::Database => self.store.errors = 0,
        }
    }

    /// Everything that is broken is mended, and nothing breaks any more.
    pub fn heal(&mut self) {
        self.note(|| "from here on nothing breaks".into());
        self.chaos = false;
        self.store.errors = 0;
        for place in 0..self.machines.len() {
            self.machines[place].host.lock().disk.fill(false);
            self.machines[place].host.lock().disk.calm();
            self.mend(Mend::Link(place));
        }
        for n in 0..self.controls.len() {
            self.controls[n].wall_off_ms = 0;
            self.at(1, Event::Control(n));
        }
    }

    /// A person wants something, and a little later something else.
    pub fn somebody_wishes(&mut self) {
        if !self.chaos {
            return;
        }
        let next = self.rng.span(50, 4000);
        self.at(next, Event::Wish);
        let alive: Vec<usize> = (0..self.controls.len())
            .filter(|n| self.controls[*n].alive)
            .collect();
        let Some(n) = self.rng.pick(&alive).copied() else {
            return;
        };
        self.set_clock(n);
        let servers: Vec<ServerId> = self.store.db.rows.servers.keys().copied().collect();
        let nodes = self.store.db.rows.nodes.iter();
        let nodes: Vec<_> = nodes.filter(|(_, n)| n.met).map(|(id, _)| *id).collect();
        let servers: Vec<ServerId> = {
            let met = |s: &ServerId| {
                let row = self.store.db.rows.servers.get(s);
                row.is_some_and(|row| nodes.contains(&row.node))
            };
            servers.into_iter().filter(met).collect()
        };
        let job: JobId = self.rng.id();
        let (Some(server), false) = (self.rng.pick(&servers).copied(), self.rng.chance(150)) else {
            if self.store.db.rows.servers.len() < 4
                && let Some(node) = self.rng.pick(&nodes).copied()
            {
                let (id, installable) = (self.rng.id(), self.rng.chance(500));
                self.store.create(id, node, installable, job);
                self.note(|| format!("{id} is made on {node}, installable {installable}"));
                self.reconcile(n, node);
            }
            return;
        };
        let wish = match self.rng.below(20) {
            0..=5 => Wish::Start,
            6..=8 => Wish::Stop,
            9..=11 => Wish::Restart,
            12 => Wish::Kill,
            13 => Wish::Suspend(true),
            14 | 15 => Wish::Suspend(false),
            16 => Wish::Reinstall,
            17 => Wish::Cancel,
            18 => Wish::Delete,
            _ => match self.rng.pick(&nodes).copied() {
                Some(node) if self.may(11) => Wish::Move(node),
                _ => return,
            },
        };
        let done = self.store.wish(server, wish, job);
        if done.as_ref().is_ok_and(|done| *done) {
            self.note(|| format!("{wish:?} of {server}"));
        }
        if let Some(row) = self.store.db.rows.servers.get(&server) {
            let node = row.node;
            self.reconcile(n, node);
        }
    }
}
