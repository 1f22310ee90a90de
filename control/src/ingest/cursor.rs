//! Where control stands in a node's facts, and what of a batch may be taken. Pure: no database, no clock.

use warren_proto::{
    ids::BootId,
    wire::{self, fact::What},
};

/// The next fact that control expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// None before the first fact of a node.
    pub boot: Option<BootId>,
    /// Order of that boot.
    pub ordinal: i64,
    /// From 1.
    pub next_seq: u64,
}

/// A boot and the order that control gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// Which.
    pub id: BootId,
    /// Order.
    pub ordinal: i64,
}

/// Facts that control will never see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// Whose.
    pub boot: Boot,
    /// First of them.
    pub from_seq: u64,
    /// Last of them; [`TO_ITS_END`] where nobody knows how many there were.
    pub to_seq: u64,
}

/// See [`Lost::to_seq`].
pub const TO_ITS_END: u64 = u64::MAX;

/// What a batch means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// How many facts at the front control has already.
    pub skip: usize,
    /// How many after those are taken now; the rest waits for what is expected.
    pub take: usize,
    /// Where control stands afterwards.
    pub cursor: Cursor,
}

/// Judges a batch of facts of `boot`. What is taken is in order and without a hole; of anything else the
/// node learns from the cursor what is expected.
#[must_use]
pub fn judge(cursor: Cursor, boot: Boot, facts: &[wire::Fact]) -> Taken {
    let nothing = Taken {
        skip: facts.len(),
        take: 0,
        cursor,
    };
    let mut at = if cursor.boot == Some(boot.id) {
        cursor
    } else if cursor.boot.is_some() && boot.ordinal <= cursor.ordinal {
        // An older boot: had already.
        return nothing;
    } else if begins(cursor, facts) {
        Cursor {
            boot: Some(boot.id),
            ordinal: boot.ordinal,
            next_seq: 1,
        }
    } else {
        return Taken { skip: 0, ..nothing };
    };
    let skip = facts
        .iter()
        .take_while(|f| end_of(f, boot.id) < at.next_seq)
        .count();
    let mut take = 0;
    for fact in &facts[skip..] {
        // A gap fact may begin below what is expected: some of what it says is lost had come through.
        let fits = fact.seq == at.next_seq
            || (fact.seq < at.next_seq && end_of(fact, boot.id) >= at.next_seq);
        if !fits {
            break;
        }
        at.next_seq = end_of(fact, boot.id).saturating_add(1);
        take += 1;
    }
    if take == 0 {
        at = cursor;
    }
    Taken {
        skip,
        take,
        cursor: at,
    }
}

/// What of a batch is stored, and under which numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Place in the batch, and the seq of its row.
    pub rows: Vec<(usize, u64)>,
    /// Where control stands afterwards.
    pub cursor: Cursor,
}

/// [`judge`], with the number that each fact's row gets.
#[must_use]
pub fn place(cursor: Cursor, boot: Boot, facts: &[wire::Fact]) -> Placed {
    let taken = judge(cursor, boot, facts);
    let mut free = if cursor.boot == Some(boot.id) {
        cursor.next_seq
    } else {
        1
    };
    let new = facts.iter().enumerate().skip(taken.skip).take(taken.take);
    let rows = new.map(|(n, fact)| {
        // A gap that begins below what came through: its own number has a row already.
        let seq = fact.seq.max(free);
        free = end_of(fact, boot.id).saturating_add(1);
        (n, seq)
    });
    Placed {
        rows: rows.collect(),
        cursor: taken.cursor,
    }
}

/// The last seq that a fact stands for: its own, or the end of the gap that it tells of.
pub(super) fn end_of(fact: &wire::Fact, boot: BootId) -> u64 {
    match &fact.what {
        Some(What::FactGap(gap)) if gap.boot == boot.to_string() && gap.from_seq == fact.seq => {
            gap.to_seq.max(fact.seq)
        }
        _ => fact.seq,
    }
}

/// Whether these facts begin a boot whose predecessor control has read to its end.
fn begins(cursor: Cursor, facts: &[wire::Fact]) -> bool {
    let Some(first) = facts.first() else {
        return false;
    };
    let Some(read) = cursor.boot else {
        return first.seq == 1;
    };
    match &first.what {
        Some(What::BootStarted(started)) if first.seq == 1 => {
            started.previous_boot == read.to_string() && started.previous_last_seq < cursor.next_seq
        }
        _ => false,
    }
}

/// What a journal holds of one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub boot: Boot,
    /// Oldest seq still there.
    pub seq: u64,
    /// First seq not yet written.
    pub end: u64,
}

/// Where to go on with a process that does not know the boot at the cursor: another machine of a forked identity
/// had spoken, and an admin has kept this one. `ours` are its boots and what was expected of each when it was
/// left; the newest that was read is where it had come to.
#[must_use]
pub fn rejoin(cursor: Cursor, ours: &[(Boot, u64)]) -> Cursor {
    let knows = |boot: BootId| ours.iter().any(|(b, _)| b.id == boot);
    if cursor.boot.is_none_or(knows) {
        return cursor;
    }
    let read = ours.iter().filter(|(_, next_seq)| *next_seq > 1);
    match read.max_by_key(|(boot, _)| boot.ordinal) {
        Some((boot, next_seq)) => Cursor {
            boot: Some(boot.id),
            ordinal: boot.ordinal,
            next_seq: *next_seq,
        },
        None => Cursor {
            boot: None,
            ordinal: 0,
            next_seq: 1,
        },
    }
}

/// Compares the cursor with what a node still has (oldest boot first). Where the node can't go on from the
/// cursor any more (it freed what a restored database has forgotten), the cursor moves to what is left and
/// every hole is named. `listed` are all boots that the node remembers.
#[must_use]
pub fn reposition(cursor: Cursor, journal: &[Held], listed: &[Boot]) -> (Cursor, Vec<Lost>) {
    let held_of = |boot: BootId| journal.iter().find(|h| h.boot.id == boot);
    let to = |held: &Held| Cursor {
        boot: Some(held.boot.id),
        ordinal: held.boot.ordinal,
        next_seq: held.seq.max(1),
    };
    let hole = |held: &Held, from: u64| {
        let hole = (held.seq > from).then(|| Lost {
            boot: held.boot,
            from_seq: from,
            to_seq: held.seq - 1,
        });
        Vec::from_iter(hole)
    };
    let Some(boot) = cursor.boot else {
        return match journal.first() {
            Some(first) => {
                let mut lost = passed_over(cursor, first, listed);
                lost.extend(hole(first, 1));
                (to(first), lost)
            }
            None => (cursor, Vec::new()),
        };
    };
    match held_of(boot) {
        Some(held) if held.seq > cursor.next_seq => (to(held), hole(held, cursor.next_seq)),
        Some(_) => (cursor, Vec::new()),
        // The node has nothing of that boot any more: all of it was taken, or a restored database has
        // forgotten, or the disk is new.
        None => match journal.iter().find(|h| h.boot.ordinal > cursor.ordinal) {
            Some(first) => {
                let mut lost = passed_over(cursor, first, listed);
                lost.extend(hole(first, 1));
                (to(first), lost)
            }
            None => (cursor, Vec::new()),
        },
    }
}

/// What was written down as lost and is in the journal all the same: a copy of the node that was chosen later still has
/// it. Of each such loss what is left of it, if anything.
#[must_use]
pub fn regained(after: Cursor, journal: &[Held], said: &[Lost]) -> Vec<(Lost, Option<Lost>)> {
    let of = |lost: &Lost| {
        let held = journal.iter().find(|held| held.boot == lost.boot)?;
        if held.boot.ordinal < after.ordinal {
            return None;
        }
        let begin = match after.boot {
            Some(boot) if boot == held.boot.id => after.next_seq,
            _ => held.seq.max(1),
        };
        let left = (lost.from_seq < begin).then(|| Lost {
            to_seq: begin - 1,
            ..*lost
        });
        (lost.to_seq >= begin).then_some((*lost, left))
    };
    said.iter().filter_map(of).collect()
}

/// The rest of the cursor's boot and all boots from there to the first that is held. What a whole boot says of the
/// one before it is exact, and comes with its first fact.
fn passed_over(cursor: Cursor, first: &Held, listed: &[Boot]) -> Vec<Lost> {
    let at = cursor.boot.map(|id| Boot {
        id,
        ordinal: cursor.ordinal,
    });
    let between = listed
        .iter()
        .filter(|b| b.ordinal > cursor.ordinal && b.ordinal < first.boot.ordinal);
    let mut passed: Vec<Boot> = at.into_iter().chain(between.copied()).collect();
    passed.sort_by_key(|b| b.ordinal);
    if first.seq <= 1 {
        passed.pop();
    }
    let lost = passed.into_iter().map(|boot| Lost {
        boot,
        from_seq: match cursor.boot {
            Some(id) if id == boot.id => cursor.next_seq,
            _ => 1,
        },
        to_seq: TO_ITS_END,
    });
    lost.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(ordinal: i64) -> Boot {
        Boot {
            id: BootId::new(),
            ordinal,
        }
    }

    fn at(boot: Boot, next_seq: u64) -> Cursor {
        Cursor {
            boot: Some(boot.id),
            ordinal: boot.ordinal,
            next_seq,
        }
    }

    fn held(boot: Boot, seq: u64, end: u64) -> Held {
        Held { boot, seq, end }
    }

    fn plain(seq: u64) -> wire::Fact {
        wire::Fact {
            seq,
            what: Some(What::Removed(wire::Removed { generation: 1 })),
            ..Default::default()
        }
    }

    fn started(previous: Boot, last: u64) -> wire::Fact {
        wire::Fact {
            seq: 1,
            what: Some(What::BootStarted(wire::BootStarted {
                previous_boot: previous.id.to_string(),
                previous_last_seq: last,
                ..Default::default()
            })),
            ..Default::default()
        }
    }

    fn gap(boot: Boot, from: u64, to: u64) -> wire::Fact {
        wire::Fact {
            seq: from,
            what: Some(What::FactGap(wire::FactGap {
                boot: boot.id.to_string(),
                from_seq: from,
                to_seq: to,
            })),
            ..Default::default()
        }
    }

    #[test]
    fn what_came_before_is_skipped_and_the_rest_taken() {
        let b = boot(1);
        let taken = judge(at(b, 3), b, &[plain(1), plain(2), plain(3), plain(4)]);
        assert_eq!((taken.skip, taken.take), (2, 2));
        assert_eq!(taken.cursor, at(b, 5));
    }

    #[test]
    fn a_hole_is_never_jumped() {
        let b = boot(1);
        let taken = judge(at(b, 3), b, &[plain(4), plain(5)]);
        assert_eq!((taken.take, taken.cursor), (0, at(b, 3)));
        let taken = judge(at(b, 3), b, &[plain(3), plain(5)]);
        assert_eq!((taken.take, taken.cursor), (1, at(b, 4)));
    }

    #[test]
    fn a_gap_fact_stands_for_what_the_journal_dropped() {
        let b = boot(1);
        let taken = judge(at(b, 3), b, &[gap(b, 3, 90), plain(91)]);
        assert_eq!((taken.take, taken.cursor), (2, at(b, 92)));
        let taken = judge(at(b, 5), b, &[gap(b, 3, 90)]);
        assert_eq!((taken.take, taken.cursor), (1, at(b, 91)));
        let placed = place(at(b, 5), b, &[plain(2), gap(b, 3, 90), plain(91)]);
        assert_eq!(placed.rows, [(1, 5), (2, 91)]);
    }

    #[test]
    fn a_new_boot_begins_only_when_the_old_one_is_read() {
        let (old, new) = (boot(1), boot(2));
        let batch = [started(old, 9), plain(2)];
        assert_eq!(judge(at(old, 10), new, &batch).cursor, at(new, 3));
        let early = judge(at(old, 9), new, &batch);
        assert_eq!((early.skip, early.take, early.cursor), (0, 0, at(old, 9)));
        let unnamed = judge(at(old, 10), new, &[plain(1)]);
        assert_eq!(unnamed.take, 0);
    }

    #[test]
    fn an_older_boot_has_no_effect_any_more() {
        let (old, new) = (boot(1), boot(2));
        let taken = judge(at(new, 3), old, &[plain(1), plain(2)]);
        assert_eq!((taken.skip, taken.take, taken.cursor), (2, 0, at(new, 3)));
    }

    #[test]
    fn a_machine_that_was_kept_goes_on_where_it_was_read_to() {
        let (old, ours, clone, next) = (boot(1), boot(2), boot(3), boot(4));
        let cursor = at(clone, 9);
        assert_eq!(rejoin(cursor, &[(old, 5), (clone, 1)]), cursor);
        let kept = rejoin(cursor, &[(old, 5), (ours, 7), (next, 1)]);
        assert_eq!(kept, at(ours, 7));
        assert_eq!(judge(kept, ours, &[plain(6), plain(7)]).take, 1);
        assert_eq!(rejoin(cursor, &[(next, 1)]).boot, None);
    }

    #[test]
    fn a_restored_database_learns_what_it_will_never_see() {
        let (a, b) = (boot(1), boot(2));
        let none = Cursor {
            boot: None,
            ordinal: 0,
            next_seq: 1,
        };
        let gap = |boot, from_seq, to_seq| Lost {
            boot,
            from_seq,
            to_seq,
        };
        let held_a = [held(a, 1, 5)];
        assert_eq!(reposition(none, &held_a, &[a]), (at(a, 1), vec![]));
        let moved = reposition(at(a, 3), &[held(a, 7, 9)], &[a]);
        assert_eq!(moved, (at(a, 7), vec![gap(a, 3, 6)]));
        // The old boot is freed and the new one whole: its first fact says what is lost.
        let whole = reposition(at(a, 3), &[held(b, 1, 9)], &[b, a]);
        assert_eq!(whole, (at(b, 1), vec![]));
        let part = reposition(at(a, 3), &[held(b, 4, 9)], &[b, a]);
        assert_eq!(part, (at(b, 4), vec![gap(a, 3, TO_ITS_END), gap(b, 1, 3)]));
        // One in between is gone altogether.
        let c = boot(3);
        let far = reposition(at(a, 3), &[held(c, 1, 9)], &[c, b, a]);
        assert_eq!(far, (at(c, 1), vec![gap(a, 3, TO_ITS_END)]));
        // Copied before the node's first word.
        let first = reposition(none, &[held(c, 4, 9)], &[c, b]);
        assert_eq!(first, (at(c, 4), vec![gap(b, 1, TO_ITS_END), gap(c, 1, 3)]));
    }

    #[test]
    fn a_loss_that_a_chosen_copy_still_has_is_none() {
        let (a, b) = (boot(1), boot(2));
        let lost = |boot, from_seq, to_seq| Lost {
            boot,
            from_seq,
            to_seq,
        };
        let whole = lost(a, 1, TO_ITS_END);
        let all = regained(at(a, 1), &[held(a, 1, 8), held(b, 1, 3)], &[whole]);
        assert_eq!(all, vec![(whole, None)]);
        let rest = regained(at(a, 5), &[held(a, 5, 8)], &[whole]);
        assert_eq!(rest, vec![(whole, Some(lost(a, 1, 4)))]);
        let later = lost(b, 2, 6);
        let of_later = regained(at(a, 5), &[held(a, 5, 8), held(b, 4, 9)], &[later]);
        assert_eq!(of_later, vec![(later, Some(lost(b, 2, 3)))]);
        // What the cursor has passed, what ends before, and what nobody holds stays lost.
        assert!(regained(at(b, 1), &[held(a, 1, 8), held(b, 1, 3)], &[whole]).is_empty());
        assert!(regained(at(a, 5), &[held(a, 5, 8)], &[lost(a, 1, 4)]).is_empty());
        assert!(regained(at(b, 1), &[held(b, 1, 3)], &[whole]).is_empty());
    }
}
