//! The fork check: which process may speak for a node's identity. Pure.

use warren_proto::ids::BootId;

/// What a hello means for the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The process that speaks already.
    Same,
    /// A later process of the same machine: it knows the one before.
    Next,
    /// Does not know control's current boot: a clone, or a restored image.
    Forked,
    /// Follows control's current boot, which still speaks: a clone of what was running.
    Doubled,
}

/// Judges a hello. `boots` is the ledger's list, newest first and the speaker included; `quarantined` is shut out;
/// `alive` has answered since this hello came, see [`follows`].
#[must_use]
pub fn judge(
    current: Option<BootId>,
    quarantined: Option<BootId>,
    boot: BootId,
    boots: &[BootId],
    alive: Option<BootId>,
) -> Verdict {
    match current {
        None => Verdict::Next,
        Some(current) if current == boot => Verdict::Same,
        // It may have learnt the current boot's name meanwhile; an admin decides, not it.
        Some(_) if quarantined == Some(boot) => Verdict::Forked,
        Some(current) => {
            let newest = |known: &&BootId| **known == current || Some(**known) == quarantined;
            match boots.iter().find(newest) {
                Some(known) if *known == current && alive == Some(current) => Verdict::Doubled,
                Some(known) if *known == current => Verdict::Next,
                // It comes from the one that was shut out, even where that one had followed the current one.
                _ => Verdict::Forked,
            }
        }
    }
}

/// The process that must be asked whether it is alive before `boot` may follow it: a machine starts an agent when the
/// one before is over, and a copy of that machine can't know. None where the end was seen (`ended`), or where the
/// answer changes nothing.
#[must_use]
pub fn follows(
    current: Option<BootId>,
    quarantined: Option<BootId>,
    boot: BootId,
    boots: &[BootId],
    ended: &[BootId],
) -> Option<BootId> {
    let current = current?;
    let next = judge(Some(current), quarantined, boot, boots, None) == Verdict::Next;
    (next && !ended.contains(&current)).then_some(current)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(
        current: Option<BootId>,
        quarantined: Option<BootId>,
        boot: BootId,
        boots: &[BootId],
    ) -> Verdict {
        super::judge(current, quarantined, boot, boots, None)
    }

    #[test]
    fn a_process_that_knows_the_one_before_follows_it() {
        let (a, b) = (BootId::new(), BootId::new());
        assert_eq!(judge(None, None, a, &[a]), Verdict::Next);
        assert_eq!(judge(Some(a), None, a, &[a]), Verdict::Same);
        assert_eq!(judge(Some(a), None, b, &[b, a]), Verdict::Next);
    }

    #[test]
    fn a_clone_is_forked_whichever_speaks_first() {
        let (old, original, clone) = (BootId::new(), BootId::new(), BootId::new());
        assert_eq!(
            judge(Some(original), None, clone, &[clone, old]),
            Verdict::Forked
        );
        assert_eq!(
            judge(Some(original), Some(clone), clone, &[clone, original]),
            Verdict::Forked
        );
        // The clone's next process, whose list names the original that it was made of.
        let next = BootId::new();
        assert_eq!(
            judge(Some(original), Some(clone), next, &[next, clone, original]),
            Verdict::Forked
        );
        // An admin has kept the clone.
        assert_eq!(
            judge(Some(clone), Some(original), next, &[next, clone, original]),
            Verdict::Next
        );
        // The image's own older process.
        assert_eq!(judge(Some(original), None, old, &[old]), Verdict::Forked);
    }

    #[test]
    fn a_clone_of_what_runs_is_doubled_and_a_successor_is_not() {
        let (original, clone) = (BootId::new(), BootId::new());
        let boots = [clone, original];
        let asked = follows(Some(original), None, clone, &boots, &[]);
        assert_eq!(asked, Some(original));
        let doubled = super::judge(Some(original), None, clone, &boots, Some(original));
        assert_eq!(doubled, Verdict::Doubled);
        assert_eq!(judge(Some(original), None, clone, &boots), Verdict::Next);
        // Another took its place while the answer was waited for.
        let other = BootId::new();
        let late = super::judge(Some(other), None, clone, &boots, Some(original));
        assert_eq!(late, Verdict::Forked);
    }

    #[test]
    fn nobody_is_asked_whose_end_was_seen_or_who_does_not_matter() {
        let (a, b) = (BootId::new(), BootId::new());
        assert_eq!(follows(None, None, a, &[a], &[]), None);
        assert_eq!(follows(Some(a), None, a, &[a], &[]), None);
        assert_eq!(follows(Some(a), None, b, &[b, a], &[a]), None);
        assert_eq!(follows(Some(a), None, b, &[b], &[]), None, "forked anyway");
    }
}
