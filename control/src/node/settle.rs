//! What a hello or a heartbeat means for what control has stored. Pure: [`super::hello`] and
//! [`super::presence`] read the rows and carry out what is decided here.

use std::collections::{HashMap, HashSet};

use warren_proto::ids::BootId;

use crate::ingest::cursor::{Cursor, Held};

/// Jobs younger than this are not lost yet: the node's answer and its hello may have crossed.
const JOB_SETTLES_MS: i64 = 5_000;

/// No database falls so far behind its nodes, however old the copy that is put back. A node that says otherwise is
/// believed this much, so that no claim of its lifts a count to where no later one can stand above.
pub const MOST_AHEAD: i64 = 1 << 32;

/// Whether a node claims what it can't have.
#[must_use]
pub fn is_absurd(ours: i64, claimed: i64) -> bool {
    claimed > believed(ours, i64::MAX)
}

fn believed(ours: i64, claimed: i64) -> i64 {
    claimed.min(ours.saturating_add(MOST_AHEAD))
}

/// What control knows of a node's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// None before the first hello.
    pub ledger: Option<&'a str>,
    /// Of the node.
    pub rev: i64,
    /// Which of it the node has.
    pub applied: i64,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revs {
    /// Of the node.
    pub rev: i64,
    /// Which of it the node has.
    pub applied: i64,
    /// The node is ahead of this database: every row is to be written under a rev above all that it has.
    pub anew: bool,
}

/// Compares ledgers. An unknown one is sent everything; one that is ahead of control (a restored database) makes
/// control raise its revs above it. The revs of an unknown one are of another life: rows that bore them here would
/// be taken for its own.
#[must_use]
pub fn ledger(known: Known<'_>, ledger: &str, applied: i64) -> Revs {
    let ours = known.ledger == Some(ledger);
    let applied = believed(known.rev, applied);
    let rev = known.rev.max(applied);
    Revs {
        rev,
        applied: if ours { applied } else { 0 },
        anew: rev > known.rev || (!ours && applied > 0),
    }
}

/// Whether control had met the process that took a ledger's newest rows, before the hello at hand gave ordinals from
/// `next` on. If not, they are a copy's or of a time that a restored database has forgotten, and the ledger's rev
/// means nothing here, whatever its id.
#[must_use]
pub fn is_met(taken_in: Option<BootId>, boots: &HashMap<BootId, i64>, next: i64) -> bool {
    taken_in.is_none_or(|boot| boots.get(&boot).is_some_and(|ordinal| *ordinal < next))
}

/// What a node has applied by its heartbeat, if its ledger is the one that control knows and not ahead of
/// control; otherwise only a hello can tell.
#[must_use]
pub fn beat(known: Known<'_>, said: Option<(&str, i64)>) -> Option<i64> {
    let (ledger, rev) = said?;
    (known.ledger == Some(ledger) && rev <= known.rev).then_some(rev)
}

/// A server's row, as much of it as decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The node that speaks owns it.
    pub here: bool,
    /// Of the row.
    pub generation: i64,
    /// Deleted softly.
    pub deleted: bool,
}

/// What a server that a node has means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// The node knows a later generation (a restored database): the row's has to lie above.
    Raise(i64),
    /// Another node's by now, or deleted: a tombstone of that generation.
    Bury(i64),
    /// Control knows nothing of it.
    Strange,
}

/// Judges a server that a node has at generation `seen`. `buried`: generation of its tombstone there, if that
/// is not confirmed yet.
#[must_use]
pub fn server(row: Option<Row>, buried: Option<i64>, seen: i64) -> Verdict {
    match row {
        // It has come back since: the tombstone is history.
        Some(row) if row.here && !row.deleted => match seen > row.generation {
            true => Verdict::Raise(believed(row.generation, seen) + 1),
            false => Verdict::Fine,
        },
        // A tombstone below what the node has (a restored database) would be ignored there.
        _ if buried.is_some_and(|generation| generation >= seen) => Verdict::Fine,
        Some(row) => {
            let seen = believed(row.generation, seen);
            Verdict::Bury(row.generation.max(seen) + 1)
        }
        None if let Some(buried) = buried => Verdict::Bury(believed(buried, seen) + 1),
        None => Verdict::Strange,
    }
}

/// The generation that a row needs which its node left out, as it takes none below `floor` (a restored database).
/// None: the row is no longer the node's, or has come above meanwhile.
#[must_use]
pub fn left_out(row: Row, floor: i64) -> Option<i64> {
    let floor = believed(row.generation, floor);
    (row.here && !row.deleted && row.generation < floor).then_some(floor + 1)
}

/// Ordinals for boots that control has not met, from `next` on. `listed` is a hello's list, newest first;
/// boots that only the journal names are older than all of it.
#[must_use]
pub fn order(
    known: &HashMap<BootId, i64>,
    listed: &[BootId],
    journal: &[BootId],
    next: i64,
) -> Vec<(BootId, i64)> {
    let only_journal = journal.iter().filter(|b| !listed.contains(b));
    let oldest_first = only_journal.chain(listed.iter().rev());
    let mut met = HashSet::new();
    let new = oldest_first.filter(|b| !known.contains_key(b) && met.insert(**b));
    new.copied().zip(next..).collect()
}

/// Whether control has read every fact that the node had written when it spoke, and none that it wrote later: a
/// hello that was long on its way tells of states that have passed.
#[must_use]
pub fn caught_up(cursor: Cursor, journal: &[Held]) -> bool {
    journal.iter().all(|held| {
        held.end == 0
            || (cursor.boot == Some(held.boot.id) && held.end == cursor.next_seq)
            || held.boot.ordinal < cursor.ordinal
    })
}

/// Whether a job that control started, every fact of its node read, is lost.
#[must_use]
pub fn is_lost(listed: bool, sent_at_ms: i64, now_ms: i64) -> bool {
    !listed && sent_at_ms < now_ms - JOB_SETTLES_MS
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ingest::cursor::Boot;

    #[test]
    fn a_node_ahead_makes_control_write_anew() {
        let known = Known {
            ledger: Some("a"),
            rev: 5,
            applied: 3,
        };
        let revs = |rev, applied, anew| Revs { rev, applied, anew };
        assert_eq!(ledger(known, "a", 4), revs(5, 4, false));
        assert_eq!(ledger(known, "a", 9), revs(9, 9, true));
        assert_eq!(ledger(known, "b", 9), revs(9, 0, true));
        assert_eq!(ledger(known, "b", 2), revs(5, 0, true));
        assert_eq!(ledger(known, "b", 0), revs(5, 0, false));
        assert_eq!(beat(known, Some(("a", 5))), Some(5));
        assert_eq!(beat(known, Some(("a", 6))), None);
        assert_eq!(beat(known, Some(("b", 1))), None);
        assert_eq!(beat(known, None), None);
        let [old, new, other] = [(); 3].map(|()| BootId::new());
        let boots = HashMap::from([(old, 3), (new, 4)]);
        assert!(is_met(None, &boots, 4) && is_met(Some(old), &boots, 4));
        assert!(!is_met(Some(new), &boots, 4) && !is_met(Some(other), &boots, 4));
    }

    #[test]
    fn a_claim_beyond_belief_lifts_no_count_far() {
        let known = Known {
            ledger: Some("a"),
            rev: 5,
            applied: 3,
        };
        let lie = ledger(known, "a", i64::MAX);
        assert_eq!(lie.rev, 5 + MOST_AHEAD);
        let row = Row {
            here: true,
            generation: 7,
            deleted: false,
        };
        let raised = Verdict::Raise(7 + MOST_AHEAD + 1);
        assert_eq!(server(Some(row), None, i64::MAX), raised);
        assert_eq!(left_out(row, i64::MAX), Some(7 + MOST_AHEAD + 1));
        let full = Row {
            generation: i64::MAX - 1,
            ..row
        };
        assert_eq!(server(Some(full), None, i64::MAX - 1), Verdict::Fine);
        assert!(is_absurd(5, i64::MAX) && !is_absurd(5, 5 + MOST_AHEAD));
    }

    #[test]
    fn what_a_node_has_is_kept_raised_buried_or_strange() {
        let row = |here, generation, deleted| {
            Some(Row {
                here,
                generation,
                deleted,
            })
        };
        assert_eq!(server(row(true, 3, false), None, 3), Verdict::Fine);
        assert_eq!(server(row(true, 3, false), None, 7), Verdict::Raise(8));
        assert_eq!(server(row(false, 3, false), None, 2), Verdict::Bury(4));
        assert_eq!(server(row(true, 3, true), None, 9), Verdict::Bury(10));
        assert_eq!(server(row(true, 3, true), Some(3), 3), Verdict::Fine);
        // Of a restored database: the node knows later ones.
        assert_eq!(server(row(true, 3, true), Some(3), 5), Verdict::Bury(6));
        assert_eq!(server(row(true, 3, false), Some(2), 5), Verdict::Raise(6));
        assert_eq!(server(None, None, 1), Verdict::Strange);
        let floor = |row: Option<Row>| left_out(row.unwrap(), 7);
        assert_eq!(floor(row(true, 3, false)), Some(8));
        assert_eq!(floor(row(true, 7, false)), None);
        assert_eq!(floor(row(false, 3, false)), None);
        assert_eq!(floor(row(true, 3, true)), None);
    }

    #[test]
    fn new_boots_are_ordered_oldest_first_and_once() {
        let [a, b, c, d] = [(); 4].map(|()| BootId::new());
        let known = HashMap::from([(b, 7)]);
        let new = order(&known, &[d, c, b], &[a, c, a], 8);
        assert_eq!(new, [(a, 8), (c, 9), (d, 10)]);
    }

    #[test]
    fn caught_up_means_every_boot_read_to_its_end() {
        let boot = |ordinal| Boot {
            id: BootId::new(),
            ordinal,
        };
        let (old, new) = (boot(1), boot(2));
        let held = |boot, end| Held { boot, seq: 1, end };
        let cursor = Cursor {
            boot: Some(new.id),
            ordinal: 2,
            next_seq: 5,
        };
        assert!(caught_up(cursor, &[held(old, 90), held(new, 5)]));
        assert!(!caught_up(cursor, &[held(new, 6)]));
        assert!(!caught_up(cursor, &[held(new, 4)]), "said before");
        assert!(caught_up(cursor, &[held(boot(3), 0)]));
        assert!(!caught_up(cursor, &[held(boot(3), 2)]));
        assert!(is_lost(false, 0, 5_001) && !is_lost(true, 0, 9_000) && !is_lost(false, 0, 5_000));
    }
}
