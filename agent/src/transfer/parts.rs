//! Parts of files, as they are asked for: put together, and counted before anything is done for them. How many there are,
//! and how long, is the other node's word.

use super::Failed;

/// A part of a file: its place in the list, offset and length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub file: usize,
    pub offset: u64,
    pub length: u64,
}

/// Parts that are asked for together.
pub(super) type Group = Vec<Part>;

/// Parts put together as far as one ask may go. One group after the other: a large server has very many.
pub(super) struct Groups {
    parts: std::vec::IntoIter<Part>,
    /// Of the one that did not fit whole.
    rest: Option<Part>,
    most: usize,
    bytes: u64,
    stretch: u64,
}

impl Groups {
    pub fn of(parts: Vec<Part>, most: usize, bytes: u64, stretch: u64) -> Self {
        Self {
            parts: parts.into_iter(),
            rest: None,
            most,
            bytes,
            stretch,
        }
    }
}

impl Iterator for Groups {
    type Item = Group;

    fn next(&mut self) -> Option<Group> {
        let (mut group, mut full) = (Group::new(), 0);
        while let Some(part) = self.rest.take().or_else(|| self.parts.next()) {
            if part.length == 0 {
                continue;
            }
            let length = part.length.min(self.stretch);
            if group.len() >= self.most || (!group.is_empty() && full + length > self.bytes) {
                self.rest = Some(part);
                break;
            }
            group.push(Part { length, ..part });
            full += length;
            if length < part.length {
                self.rest = Some(Part {
                    offset: part.offset + length,
                    length: part.length - length,
                    ..part
                });
            }
        }
        (!group.is_empty()).then_some(group)
    }
}

pub(super) fn bytes_of(parts: &[Part]) -> u64 {
    let lengths = parts.iter().map(|part| part.length);
    lengths.fold(0, u64::saturating_add)
}

/// What may come beside the files that are listed whole, and what it is that bounds it.
#[derive(Clone)]
pub(super) struct Spare {
    pub bytes: u64,
    pub why: Failed,
}

impl Spare {
    /// The files with holes say only one by one how much they have.
    pub fn take(&mut self, parts: &[Part]) -> Result<(), Failed> {
        let left = self.bytes.checked_sub(bytes_of(parts));
        self.bytes = left.ok_or_else(|| self.why.clone())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::link::session::refuse;

    #[test]
    fn parts_are_asked_for_together_as_far_as_one_ask_goes() {
        let part = |file, length| Part {
            file,
            offset: 0,
            length,
        };
        let parts = vec![part(0, 10), part(1, 0), part(2, 25), part(3, 5)];
        let shape: Vec<Vec<(usize, u64, u64)>> = Groups::of(parts, 2, 20, 15)
            .map(|g| g.iter().map(|p| (p.file, p.offset, p.length)).collect())
            .collect();
        assert_eq!(
            shape,
            [
                vec![(0, 0, 10)],
                vec![(2, 0, 15)],
                vec![(2, 15, 10), (3, 0, 5)]
            ]
        );
        let many: Vec<Part> = (0..5).map(|file| part(file, 1)).collect();
        assert_eq!(Groups::of(many, 2, 100, 100).count(), 3);
    }

    #[test]
    fn what_another_node_claims_to_have_costs_nothing_before_it_is_asked_for() {
        let all = Part {
            file: 0,
            offset: 0,
            length: u64::MAX,
        };
        assert_eq!(bytes_of(&[all, all]), u64::MAX);
        let mut groups = Groups::of(vec![all, all], 64, 1 << 18, 1 << 18);
        assert_eq!(groups.next().unwrap().len(), 1);
        assert_eq!(groups.next().unwrap()[0].offset, 1 << 18);
        let mut spare = Spare {
            bytes: 100,
            why: refuse("disk_full", "no", false),
        };
        let some = Part { length: 60, ..all };
        spare.take(&[some]).unwrap();
        assert_eq!(spare.take(&[some]).unwrap_err().code, "disk_full");
    }
}
