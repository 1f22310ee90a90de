//! What is said to control and when, decided without saying it: inputs in, actions out.
//!
//! Nothing is lost by a failure here: an upload that got no answer is sent again, and control takes
//! each fact and byte once. One request of a kind is under way at a time, so a slow control is never
//! flooded.

use std::collections::BTreeMap;

use warren_proto::wire;

use crate::journal::Position;

/// Heartbeat, milliseconds.
pub const HEARTBEAT_MS: i64 = 5000;
/// Metrics batch, milliseconds.
pub const METRICS_MS: i64 = 15_000;
/// Console upload, milliseconds, unless [`CONSOLE_BYTES`] wait.
pub const CONSOLE_MS: i64 = 1000;
/// So many waiting console bytes are sent at once.
pub const CONSOLE_BYTES: u64 = 256 * 1024;
/// After servers were met that were not here, milliseconds: many come at once, and get into their state.
const MET_MS: i64 = 1000;
const FIRST_RETRY_MS: i64 = 250;
const LAST_RETRY_MS: i64 = 10_000;

/// Each has its own place in the queue: one under way, one due time, one back-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Who we are and what we hold.
    Hello,
    /// Alive, and what time it is.
    Heartbeat,
    /// The journal.
    Facts,
    /// The spools.
    Console,
    /// The figures.
    Metrics,
}

impl Lane {
    const ALL: [Self; 5] = [
        Self::Hello,
        Self::Heartbeat,
        Self::Facts,
        Self::Console,
        Self::Metrics,
    ];
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The connection is up (again).
    Connected,
    /// It is not.
    Disconnected,
    /// Time passes.
    Tick,
    /// The journal holds something new.
    Facts,
    /// So many console bytes are not committed.
    Console(u64),
    /// Control has named servers that were not here, or that it believed to be elsewhere.
    Met,
    /// An admin decided that this identity is the one to keep.
    Kept,
    /// The answer to the action with that id; `sent_ms` is when it was sent.
    Answer {
        /// Of the action.
        id: u64,
        /// What came, or why nothing did.
        answer: Result<Answer, Failed>,
    },
}

/// An answer of control.
#[derive(Debug)]
pub enum Answer {
    /// To hello.
    Hello(wire::HelloAnswer),
    /// To a heartbeat.
    Heartbeat(wire::HeartbeatAnswer),
    /// To facts: what control expects next. `None`: there was nothing to send.
    Facts(Option<wire::FactAnswer>),
    /// To console bytes. `None`: there was nothing to send.
    Console(Option<wire::ConsoleUploaded>),
    /// To metrics.
    Metrics,
}

/// No answer, or a no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Stable code, `timeout` and the like included.
    pub code: String,
    /// For the log.
    pub message: String,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send a request; its answer comes back under `id`. Facts go from `from` on.
    Send {
        /// To be given back.
        id: u64,
        /// Which.
        lane: Lane,
        /// For [`Lane::Facts`]: `None` is the oldest held.
        from: Option<Position>,
    },
    /// Control has committed everything below.
    Free(Position),
    /// Control has committed these bytes.
    Committed(Vec<wire::ConsolePosition>),
    /// Control's clock at the moment of its answer, and the id of what it answered.
    Clock {
        /// Control's Unix milliseconds.
        control_ms: i64,
        /// For the time it was sent.
        id: u64,
    },
    /// Control's keys, to be pinned anew.
    Keys(Vec<wire::VerifyKey>),
    /// Set or cleared: games run, nothing is applied, uploads wait.
    Quarantine(Option<String>),
    /// Control knows us: hello was answered.
    Greeted,
    /// A line for the log, once per trouble.
    Complain(Lane, Failed),
}

#[derive(Debug, Default)]
struct Slot {
    under_way: Option<u64>,
    /// A hello was answered after this was sent: control may be an earlier one since, and what it had taken before
    /// is not taken any more.
    stale: bool,
    due_ms: Option<i64>,
    failures: u32,
    complained: bool,
}

/// See the module.
pub struct Core {
    connected: bool,
    greeted: bool,
    quarantined: bool,
    slots: BTreeMap<Lane, Slot>,
    next_id: u64,
    next_fact: Option<Position>,
    /// Since the last hello; true if it told of facts that control had not read.
    catching_up: Option<bool>,
    /// Facts were read while a hello was on its way: what it observed may have passed.
    overtaken: bool,
    console_waiting: u64,
    /// State of a small generator: retries are jittered, tests repeatable.
    dice: u64,
}

impl Core {
    /// `seed` differs per node and start, so that a thousand nodes do not retry in step.
    pub fn new(seed: u64) -> Self {
        Self {
            connected: false,
            greeted: false,
            quarantined: false,
            slots: Lane::ALL.iter().map(|l| (*l, Slot::default())).collect(),
            next_id: 1,
            next_fact: None,
            catching_up: None,
            overtaken: false,
            console_waiting: 0,
            dice: seed | 1,
        }
    }

    /// Hello was answered on this connection and this identity has not forked.
    pub fn is_up(&self) -> bool {
        self.connected && self.greeted && !self.quarantined
    }

    /// When [`Input::Tick`] is wanted next, milliseconds on the caller's clock.
    pub fn next_due_ms(&self) -> Option<i64> {
        if !self.connected {
            return None;
        }
        let mine = self.slots.iter().filter(|(lane, _)| self.is_open(**lane));
        let free = mine.filter(|(_, s)| s.under_way.is_none());
        free.filter_map(|(_, s)| s.due_ms).min()
    }

    /// What may be said now. The rest stays due until it may.
    fn is_open(&self, lane: Lane) -> bool {
        match lane {
            Lane::Hello => true,
            Lane::Heartbeat => self.greeted,
            Lane::Facts | Lane::Console | Lane::Metrics => self.greeted && !self.quarantined,
        }
    }

    /// Takes what happened at `now_ms` (monotonic) and says what to do.
    pub fn take(&mut self, input: Input, now_ms: i64) -> Vec<Action> {
        let mut out = Vec::new();
        match input {
            Input::Connected => self.connected(now_ms),
            Input::Disconnected => self.connected = false,
            Input::Tick => {}
            Input::Facts => self.due_by(Lane::Facts, now_ms),
            Input::Console(bytes) => {
                self.console_waiting = bytes;
                let wait = if bytes >= CONSOLE_BYTES {
                    0
                } else {
                    CONSOLE_MS
                };
                if bytes > 0 {
                    self.due_by(Lane::Console, now_ms + wait);
                }
            }
            Input::Kept => self.due_by(Lane::Hello, now_ms),
            // Control may believe them to be in a state that another machine had brought them to.
            Input::Met => self.due_by(Lane::Hello, now_ms + MET_MS),
            Input::Answer { id, answer } => self.answer(id, answer, now_ms, &mut out),
        }
        self.send_due(now_ms, &mut out);
        out
    }

    fn slot(&mut self, lane: Lane) -> &mut Slot {
        self.slots.entry(lane).or_default()
    }

    fn due_by(&mut self, lane: Lane, at_ms: i64) {
        let slot = self.slot(lane);
        // A back-off is not cut short by news.
        if slot.failures > 0 && slot.due_ms.is_some() {
            return;
        }
        slot.due_ms = Some(slot.due_ms.map_or(at_ms, |d| d.min(at_ms)));
    }

    fn connected(&mut self, now_ms: i64) {
        self.connected = true;
        self.greeted = false;
        for slot in self.slots.values_mut() {
            // What was under way on the old connection is answered by a timeout of its own at the
            // latest; a new connection need not wait for it.
            *slot = Slot::default();
        }
        self.slot(Lane::Hello).due_ms = Some(now_ms);
    }

    fn send_due(&mut self, now_ms: i64, out: &mut Vec<Action>) {
        if !self.connected {
            return;
        }
        for lane in Lane::ALL {
            let open = self.is_open(lane);
            let id = self.next_id;
            let from = self.next_fact.filter(|_| lane == Lane::Facts);
            let slot = self.slot(lane);
            let due = slot.due_ms.is_some_and(|d| d <= now_ms);
            if !open || !due || slot.under_way.is_some() {
                continue;
            }
            slot.under_way = Some(id);
            slot.due_ms = None;
            self.next_id += 1;
            out.push(Action::Send { id, lane, from });
        }
    }

    fn answer(
        &mut self,
        id: u64,
        answer: Result<Answer, Failed>,
        now_ms: i64,
        out: &mut Vec<Action>,
    ) {
        let found = self.slots.iter().find(|(_, s)| s.under_way == Some(id));
        let Some(lane) = found.map(|(l, _)| *l) else {
            return;
        };
        let slot = self.slot(lane);
        slot.under_way = None;
        if std::mem::take(&mut slot.stale) && answer.is_ok() {
            self.due_by(lane, now_ms);
            return;
        }
        match answer {
            Err(failed) => self.failed(lane, failed, now_ms, out),
            // The same would be sent at once, and again.
            Ok(Answer::Facts(Some(facts))) if self.is_where_it_was(&facts) => {
                let failed = Failed {
                    code: "not_taken".into(),
                    message: "control took none of these facts".into(),
                };
                self.failed(lane, failed, now_ms, out);
            }
            Ok(answer) => {
                let slot = self.slot(lane);
                slot.failures = 0;
                slot.complained = false;
                self.succeeded(id, answer, now_ms, out);
            }
        }
    }

    fn is_where_it_was(&self, facts: &wire::FactAnswer) -> bool {
        let next = facts.next.as_ref().and_then(position);
        next.is_some() && next == self.next_fact
    }

    fn failed(&mut self, lane: Lane, failed: Failed, now_ms: i64, out: &mut Vec<Action>) {
        let roll = self.roll();
        let slot = self.slot(lane);
        let wait = (FIRST_RETRY_MS << slot.failures.min(10)).min(LAST_RETRY_MS);
        slot.failures += 1;
        // Between half and all of it.
        slot.due_ms =
            Some(now_ms + wait / 2 + (roll % (wait / 2).max(1).unsigned_abs()).cast_signed());
        if slot.failures == 3 && !slot.complained {
            slot.complained = true;
            out.push(Action::Complain(lane, failed));
        }
    }

    fn succeeded(&mut self, id: u64, answer: Answer, now_ms: i64, out: &mut Vec<Action>) {
        match answer {
            Answer::Hello(hello) => self.greeted(id, hello, now_ms, out),
            Answer::Heartbeat(beat) => {
                out.push(Action::Clock {
                    control_ms: beat.control_time_ms,
                    id,
                });
                self.due_by(Lane::Heartbeat, now_ms + HEARTBEAT_MS);
                if beat.say_hello {
                    self.due_by(Lane::Hello, now_ms);
                }
                let before = self.next_fact;
                self.expects(beat.next_fact.as_ref(), out);
                if was_put_back(before, self.next_fact) {
                    // Control's database is an earlier one: it gets again what is still here, and compares all.
                    self.due_by(Lane::Hello, now_ms);
                }
            }
            Answer::Facts(Some(facts)) => {
                self.catching_up = self.catching_up.map(|_| true);
                self.overtaken |= self.slot(Lane::Hello).under_way.is_some();
                self.expects(facts.next.as_ref(), out);
                self.due_by(Lane::Facts, now_ms);
            }
            Answer::Console(Some(stored)) => {
                out.push(Action::Committed(stored.committed));
                if self.console_waiting > 0 {
                    let full = self.console_waiting >= CONSOLE_BYTES;
                    let wait = if full { 0 } else { CONSOLE_MS };
                    self.due_by(Lane::Console, now_ms + wait);
                }
            }
            Answer::Facts(None) => {
                // Control believes what a hello observed only with every fact read: now it may.
                if self.catching_up.take() == Some(true) {
                    self.due_by(Lane::Hello, now_ms);
                }
            }
            Answer::Console(None) => {}
            Answer::Metrics => self.due_by(Lane::Metrics, now_ms + METRICS_MS),
        }
    }

    fn greeted(&mut self, id: u64, hello: wire::HelloAnswer, now_ms: i64, out: &mut Vec<Action>) {
        out.push(Action::Clock {
            control_ms: hello.control_time_ms,
            id,
        });
        let because = hello.quarantined_because;
        let quarantined = !because.is_empty();
        if quarantined != self.quarantined {
            out.push(Action::Quarantine(quarantined.then_some(because)));
        }
        self.quarantined = quarantined;
        self.greeted = true;
        self.due_by(Lane::Heartbeat, now_ms + HEARTBEAT_MS);
        if quarantined {
            return;
        }
        if !hello.keys.is_empty() {
            out.push(Action::Keys(hello.keys));
        }
        for lane in [Lane::Facts, Lane::Console] {
            let slot = self.slot(lane);
            slot.stale = slot.under_way.is_some();
        }
        self.expects(hello.next_fact.as_ref(), out);
        out.push(Action::Committed(hello.console));
        out.push(Action::Greeted);
        self.catching_up = Some(std::mem::take(&mut self.overtaken));
        self.due_by(Lane::Facts, now_ms);
        self.due_by(Lane::Console, now_ms);
        self.due_by(Lane::Metrics, now_ms + 1000);
    }

    fn expects(&mut self, next: Option<&wire::JournalPosition>, out: &mut Vec<Action>) {
        let Some(position) = next.and_then(position) else {
            return;
        };
        self.next_fact = Some(position);
        out.push(Action::Free(position));
    }

    fn roll(&mut self) -> u64 {
        // xorshift64: enough to keep nodes out of step.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice
    }
}

/// Whether control expects less than it did, or another boot.
fn was_put_back(before: Option<Position>, now: Option<Position>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => now.boot != before.boot || now.seq < before.seq,
        _ => false,
    }
}

/// Whether control still expects the first of the facts that it was sent: then they are sent again with growing
/// waits, not in a tight loop.
pub fn took_none(sent: &wire::FactBatch, answer: &wire::FactAnswer) -> bool {
    let first = sent.facts.first().map_or(0, |f| f.seq);
    let next = answer.next.as_ref();
    next.is_some_and(|n| n.boot == sent.boot && n.seq == first)
}

fn position(wire: &wire::JournalPosition) -> Option<Position> {
    let boot = wire.boot.parse().ok()?;
    (wire.seq > 0).then_some(Position {
        boot,
        seq: wire.seq,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use warren_proto::ids::BootId;

    fn sends(actions: &[Action]) -> Vec<Lane> {
        let lanes = actions.iter().filter_map(|a| match a {
            Action::Send { lane, .. } => Some(*lane),
            _ => None,
        });
        lanes.collect()
    }

    fn id(actions: &[Action], wanted: Lane) -> u64 {
        let found = actions.iter().find_map(|a| match a {
            Action::Send { id, lane, .. } if *lane == wanted => Some(*id),
            _ => None,
        });
        found.unwrap()
    }

    fn ok(id: u64, answer: Answer) -> Input {
        Input::Answer {
            id,
            answer: Ok(answer),
        }
    }

    fn lost(id: u64) -> Input {
        Input::Answer {
            id,
            answer: Err(Failed {
                code: "timeout".into(),
                message: String::new(),
            }),
        }
    }

    #[test]
    fn what_may_not_be_said_yet_wakes_nobody() {
        let mut core = Core::new(7);
        let hello = id(&core.take(Input::Connected, 0), Lane::Hello);
        core.take(Input::Facts, 0);
        core.take(Input::Console(9), 0);
        assert_eq!(core.next_due_ms(), None, "hello is under way");
        let forked = wire::HelloAnswer {
            quarantined_because: "two".into(),
            ..Default::default()
        };
        core.take(ok(hello, Answer::Hello(forked)), 10);
        assert_eq!(core.next_due_ms(), Some(10 + HEARTBEAT_MS));
    }

    #[test]
    fn facts_that_move_nothing_are_not_sent_in_a_loop() {
        let mut core = up();
        let expected = wire::FactAnswer {
            next: Some(wire::JournalPosition {
                boot: BootId::new().to_string(),
                seq: 2,
                end: 0,
            }),
        };
        let facts = |out: &[Action]| id(out, Lane::Facts);
        let first = facts(&core.take(Input::Facts, 0));
        let out = core.take(ok(first, Answer::Facts(Some(expected.clone()))), 0);
        let out = core.take(ok(facts(&out), Answer::Facts(Some(expected))), 0);
        assert_eq!(sends(&out), [], "control stands where it stood");
        assert!(core.next_due_ms().is_some());
    }

    #[test]
    fn hello_is_said_again_once_every_fact_was_read() {
        let mut core = Core::new(7);
        let hello = id(&core.take(Input::Connected, 0), Lane::Hello);
        let out = core.take(ok(hello, Answer::Hello(wire::HelloAnswer::default())), 0);
        let facts = id(&out, Lane::Facts);
        let out = core.take(
            ok(facts, Answer::Facts(Some(wire::FactAnswer { next: None }))),
            0,
        );
        let out = core.take(ok(id(&out, Lane::Facts), Answer::Facts(None)), 0);
        let hello = id(&out, Lane::Hello);
        let out = core.take(ok(hello, Answer::Hello(wire::HelloAnswer::default())), 0);
        let out = core.take(ok(id(&out, Lane::Facts), Answer::Facts(None)), 0);
        assert!(!sends(&out).contains(&Lane::Hello), "there was nothing new");
    }

    #[test]
    fn a_control_that_expects_less_than_before_is_greeted_anew() {
        let mut core = up();
        let boot = BootId::new().to_string();
        let beat = |seq| wire::HeartbeatAnswer {
            next_fact: Some(wire::JournalPosition {
                boot: boot.clone(),
                seq,
                end: 0,
            }),
            ..Default::default()
        };
        for (at, seq) in [(1, 9), (2, 9), (3, 4)] {
            let now_ms = at * HEARTBEAT_MS;
            let due = id(&core.take(Input::Tick, now_ms), Lane::Heartbeat);
            let out = core.take(ok(due, Answer::Heartbeat(beat(seq))), now_ms);
            assert_eq!(sends(&out).contains(&Lane::Hello), seq == 4);
        }
    }

    fn up() -> Core {
        let mut core = Core::new(7);
        let hello = id(&core.take(Input::Connected, 0), Lane::Hello);
        let out = core.take(ok(hello, Answer::Hello(wire::HelloAnswer::default())), 0);
        let (facts, console) = (id(&out, Lane::Facts), id(&out, Lane::Console));
        core.take(ok(facts, Answer::Facts(None)), 0);
        core.take(ok(console, Answer::Console(None)), 0);
        core
    }

    #[test]
    fn hello_comes_first_after_every_connect() {
        let mut core = up();
        assert!(core.is_up());
        core.take(Input::Disconnected, 10);
        assert!(!core.is_up());
        assert_eq!(core.take(Input::Facts, 20), []);
        assert_eq!(sends(&core.take(Input::Connected, 30)), [Lane::Hello]);
        assert_eq!(sends(&core.take(Input::Facts, 40)), []);
    }

    #[test]
    fn one_batch_is_under_way_and_the_next_follows_its_answer() {
        let mut core = up();
        let boot = BootId::new();
        let first = core.take(Input::Facts, 5);
        assert_eq!(sends(&first), [Lane::Facts]);
        assert_eq!(sends(&core.take(Input::Facts, 6)), []);
        let next = wire::JournalPosition {
            boot: boot.to_string(),
            seq: 9,
            end: 0,
        };
        let answer = wire::FactAnswer { next: Some(next) };
        let out = core.take(ok(id(&first, Lane::Facts), Answer::Facts(Some(answer))), 7);
        let at = Position { boot, seq: 9 };
        assert!(out.contains(&Action::Free(at)));
        assert!(
            matches!(out.last(), Some(Action::Send { lane: Lane::Facts, from: Some(p), .. }) if *p == at)
        );
    }

    #[test]
    fn what_an_earlier_control_had_taken_frees_nothing_after_a_hello() {
        let mut core = up();
        let boot = BootId::new();
        let upload = core.take(Input::Facts, 5);
        let hello = core.take(Input::Kept, 6);
        let next = |seq| wire::JournalPosition {
            boot: boot.to_string(),
            seq,
            end: 0,
        };
        // Its database was put back: it expects what it had before.
        let put_back = wire::HelloAnswer {
            next_fact: Some(next(1)),
            ..Default::default()
        };
        let out = core.take(ok(id(&hello, Lane::Hello), Answer::Hello(put_back)), 7);
        assert!(out.contains(&Action::Free(Position { boot, seq: 1 })));
        let late = wire::FactAnswer {
            next: Some(next(9)),
        };
        let out = core.take(ok(id(&upload, Lane::Facts), Answer::Facts(Some(late))), 8);
        let again = Position { boot, seq: 1 };
        assert!(
            matches!(out.as_slice(), [Action::Send { lane: Lane::Facts, from: Some(p), .. }] if *p == again),
            "{out:?}"
        );
    }

    #[test]
    fn a_lost_answer_is_asked_again_with_growing_jittered_waits() {
        let mut core = up();
        let mut now = 100;
        let mut out = core.take(Input::Facts, now);
        let mut waits = Vec::new();
        for n in 0..8 {
            let after = core.take(lost(id(&out, Lane::Facts)), now);
            assert_eq!(
                after.iter().any(|a| matches!(a, Action::Complain(..))),
                n == 2
            );
            assert_eq!(sends(&core.take(Input::Facts, now)), []);
            let due = core.slots[&Lane::Facts].due_ms.unwrap();
            waits.push(due - now);
            now = due;
            out = core.take(Input::Tick, now);
        }
        assert!(waits.iter().all(|w| *w <= LAST_RETRY_MS));
        assert!(waits[5] > waits[0]);
    }

    #[test]
    fn an_answer_of_the_old_connection_is_ignored() {
        let mut core = up();
        let old = id(&core.take(Input::Facts, 5), Lane::Facts);
        core.take(Input::Disconnected, 6);
        core.take(Input::Connected, 7);
        let answer = wire::FactAnswer { next: None };
        assert_eq!(core.take(ok(old, Answer::Facts(Some(answer))), 8), []);
    }

    #[test]
    fn heartbeats_and_metrics_keep_their_beat() {
        let mut core = up();
        let beat = core.take(Input::Tick, HEARTBEAT_MS);
        assert_eq!(sends(&beat), [Lane::Heartbeat, Lane::Metrics]);
        let answer = wire::HeartbeatAnswer {
            say_hello: true,
            ..Default::default()
        };
        let out = core.take(
            ok(id(&beat, Lane::Heartbeat), Answer::Heartbeat(answer)),
            HEARTBEAT_MS,
        );
        assert_eq!(sends(&out), [Lane::Hello]);
        core.take(ok(id(&beat, Lane::Metrics), Answer::Metrics), HEARTBEAT_MS);
        assert_eq!(
            core.slots[&Lane::Metrics].due_ms,
            Some(HEARTBEAT_MS + METRICS_MS)
        );
    }

    #[test]
    fn much_console_goes_at_once_and_little_waits_a_second() {
        let mut core = up();
        core.take(Input::Tick, 1000);
        assert_eq!(sends(&core.take(Input::Console(10), 2000)), []);
        assert_eq!(sends(&core.take(Input::Tick, 2999)), []);
        let out = core.take(Input::Tick, 3000);
        assert_eq!(sends(&out), [Lane::Console]);
        core.take(Input::Console(CONSOLE_BYTES), 3001);
        let stored = wire::ConsoleUploaded::default();
        let out = core.take(
            ok(id(&out, Lane::Console), Answer::Console(Some(stored))),
            3002,
        );
        assert_eq!(sends(&out), [Lane::Console]);
    }

    #[test]
    fn a_forked_identity_only_beats_until_it_is_kept() {
        let mut core = Core::new(3);
        let hello = id(&core.take(Input::Connected, 0), Lane::Hello);
        let answer = wire::HelloAnswer {
            quarantined_because: "another machine speaks as this node".into(),
            ..Default::default()
        };
        let out = core.take(ok(hello, Answer::Hello(answer)), 0);
        assert!(out.iter().any(|a| matches!(a, Action::Quarantine(Some(_)))));
        assert!(!core.is_up());
        core.take(Input::Facts, 1);
        core.take(Input::Console(1 << 20), 1);
        assert_eq!(
            sends(&core.take(Input::Tick, HEARTBEAT_MS)),
            [Lane::Heartbeat]
        );
        let hello = id(&core.take(Input::Kept, HEARTBEAT_MS), Lane::Hello);
        let out = core.take(
            ok(hello, Answer::Hello(wire::HelloAnswer::default())),
            HEARTBEAT_MS,
        );
        assert!(out.contains(&Action::Quarantine(None)));
        assert!(sends(&out).contains(&Lane::Facts));
    }
}
