//! Changes to a text that do not touch each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

#[derive(Default)]
pub(super) struct Patches {
    list: Vec<(Range<usize>, String)>,
    by_span: HashMap<(usize, usize), usize>,
    /// Start and end of what is replaced.
    taken: BTreeMap<usize, usize>,
    /// Where something is only put in.
    points: BTreeSet<usize>,
}

impl Patches {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Gives another text to a patch of just that span; false if there is none.
    pub fn replace(&mut self, span: &Range<usize>, text: &str) -> bool {
        let found = self.by_span.get(&(span.start, span.end));
        let Some((_, old)) = found.and_then(|index| self.list.get_mut(*index)) else {
            return false;
        };
        text.clone_into(old);
        true
    }

    /// Adds a patch; false if it touches another one.
    pub fn add(&mut self, span: Range<usize>, text: String) -> bool {
        let before = self.taken.range(..span.end.max(span.start)).next_back();
        if before.is_some_and(|(_, end)| *end > span.start) {
            return false;
        }
        if span.is_empty() {
            self.points.insert(span.start);
        } else if self.points.range(span.start + 1..span.end).next().is_some() {
            return false;
        } else {
            self.taken.insert(span.start, span.end);
        }
        self.by_span.insert((span.start, span.end), self.list.len());
        self.list.push((span, text));
        true
    }

    /// The text with all patches made; what goes to one place stays in order. `None`: a patch fits no text like this.
    pub fn make(mut self, text: &str) -> Option<String> {
        self.list.sort_by_key(|(span, _)| (span.start, span.end));
        let mut out = String::with_capacity(text.len() + 256);
        let mut at = 0;
        for (span, new) in &self.list {
            out.push_str(text.get(at..span.start)?);
            out.push_str(new);
            at = span.end;
        }
        out.push_str(text.get(at..)?);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_that_touch_are_refused() {
        let mut patches = Patches::default();
        assert!(patches.add(2..4, "x".into()));
        assert!(patches.add(4..4, "y".into()));
        assert!(patches.add(4..4, "z".into()));
        assert!(patches.add(2..2, "w".into()));
        for span in [1..3, 3..5, 2..4, 3..3, 0..9] {
            assert!(!patches.add(span.clone(), String::new()), "{span:?}");
        }
        assert!(patches.replace(&(2..4), "X"));
        assert!(!patches.replace(&(0..1), "X"));
        assert_eq!(patches.make("abcdef").as_deref(), Some("abwXyzef"));
    }
}
