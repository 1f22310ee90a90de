//! One uid per server, from a range of the node: a shared one would let a server that breaks out, or
//! a shared mount, read its neighbours' files.

use std::collections::BTreeSet;
use std::ops::Range;

/// The lowest uid of the range that nobody has. `None` if all are taken.
pub fn allocate(range: Range<u32>, taken: &BTreeSet<u32>) -> Option<u32> {
    // Root and the overflow uid mean something else everywhere.
    range
        .filter(|uid| !matches!(*uid, 0 | 65_534 | u32::MAX))
        .find(|uid| !taken.contains(uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_one_is_given_and_a_freed_one_again() {
        let mut taken = BTreeSet::from([200_000, 200_001, 200_003]);
        assert_eq!(allocate(200_000..200_005, &taken), Some(200_002));
        taken.remove(&200_000);
        assert_eq!(allocate(200_000..200_005, &taken), Some(200_000));
    }

    #[test]
    fn a_full_range_gives_nothing_and_root_is_never_given() {
        assert_eq!(allocate(5..6, &BTreeSet::from([5])), None);
        assert_eq!(allocate(0..2, &BTreeSet::new()), Some(1));
    }
}
