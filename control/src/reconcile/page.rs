//! Which of a node's rows go into one `apply`, and what its answer is worth. Pure: revs and sizes in, a cut out.

use warren_proto::wire;

/// What one message may carry.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Rows, and tombstones, that were looked at; a full page says nothing of what comes after it.
    pub rows: usize,
    /// Bytes.
    pub bytes: usize,
}

/// As much of a row as decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The node's, as copied to the row.
    pub rev: i64,
    /// On the wire.
    pub bytes: usize,
}

/// All rows in (from, to] go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// What the node has.
    pub from: i64,
    /// What it has afterwards.
    pub to: i64,
    /// The rows are all there are.
    pub snapshot: bool,
}

/// Rows of one rev can't be told apart, and have to fit into one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rows of one rev do not fit into one message")]
pub struct TooMuch;

/// Whether a node that has applied `applied` lacks anything.
#[must_use]
pub fn is_due(applied: i64, rev: i64) -> bool {
    rev > 0 && applied < rev
}

/// Cuts the next message out of `rows` and `stones`, which lie in (from, rev], ascend by rev and end at
/// `bounds.rows` each.
/// # Errors
/// [`TooMuch`].
pub fn cut(
    from: i64,
    rev: i64,
    rows: &[Row],
    stones: &[i64],
    bounds: Bounds,
) -> Result<Page, TooMuch> {
    // Every rev up to this one is committed: it was raised under the node's row lock.
    let mut to = rev;
    for (len, last) in [
        (rows.len(), rows.last().map(|r| r.rev)),
        (stones.len(), stones.last().copied()),
    ] {
        if len == bounds.rows
            && let Some(last) = last
        {
            to = to.min(last);
        }
    }
    let mut bytes = 0;
    for (n, row) in rows.iter().filter(|r| r.rev <= to).enumerate() {
        bytes += row.bytes;
        if bytes > bounds.bytes && n > 0 {
            // Rows of one rev stay together: the cut lies below this row's rev.
            to = row.rev - 1;
            break;
        }
    }
    if to <= from {
        return Err(TooMuch);
    }
    Ok(Page {
        from,
        to,
        snapshot: from == 0 && to == rev,
    })
}

/// The rev that an answer confirms; none when it does not fit what was sent.
#[must_use]
pub fn confirmed(sent: &wire::Apply, answer: &wire::ApplyAnswer) -> Option<u64> {
    let ledger = answer.ledger.as_ref().filter(|l| l.id == sent.ledger)?;
    (ledger.rev >= sent.to).then_some(ledger.rev)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        rows: 4,
        bytes: 100,
    };

    fn rows(all: &[(i64, usize)]) -> Vec<Row> {
        all.iter().map(|&(rev, bytes)| Row { rev, bytes }).collect()
    }

    fn page(from: i64, to: i64, snapshot: bool) -> Result<Page, TooMuch> {
        Ok(Page { from, to, snapshot })
    }

    #[test]
    fn everything_goes_at_once_if_it_fits() {
        let rows = rows(&[(3, 10), (7, 10)]);
        assert_eq!(cut(0, 9, &rows, &[5], BOUNDS), page(0, 9, true));
        assert_eq!(cut(2, 9, &rows, &[5], BOUNDS), page(2, 9, false));
        assert_eq!(cut(0, 9, &[], &[], BOUNDS), page(0, 9, true));
    }

    #[test]
    fn a_full_page_ends_at_its_last_row() {
        let four = rows(&[(1, 1), (2, 1), (3, 1), (4, 1)]);
        assert_eq!(cut(0, 9, &four, &[], BOUNDS), page(0, 4, false));
        assert_eq!(cut(0, 9, &four, &[1, 2, 2, 3], BOUNDS), page(0, 3, false));
    }

    #[test]
    fn large_rows_are_cut_below_the_one_that_does_not_fit() {
        let large = rows(&[(1, 60), (3, 60)]);
        assert_eq!(cut(0, 9, &large, &[], BOUNDS), page(0, 2, false));
        assert_eq!(cut(0, 9, &rows(&[(3, 900)]), &[], BOUNDS), page(0, 9, true));
        assert_eq!(
            cut(2, 9, &rows(&[(3, 60), (3, 60)]), &[], BOUNDS),
            Err(TooMuch)
        );
    }

    #[test]
    fn only_a_fitting_answer_confirms() {
        let sent = wire::Apply {
            ledger: "a".into(),
            to: 5,
            ..Default::default()
        };
        let answer = |id: &str, rev| wire::ApplyAnswer {
            ledger: Some(wire::LedgerPosition {
                id: id.into(),
                rev,
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(confirmed(&sent, &answer("a", 6)), Some(6));
        assert_eq!(confirmed(&sent, &answer("a", 4)), None);
        assert_eq!(confirmed(&sent, &answer("b", 6)), None);
        assert!(is_due(0, 1) && !is_due(1, 1) && !is_due(0, 0));
    }
}
