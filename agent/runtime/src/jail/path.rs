//! Paths as users type them, made harmless.

use std::fmt;
use std::str::FromStr;

use super::Error;

/// A path below the root: no empty, `.` or `..` component, no NUL. The root is the empty path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RelPath(String);

impl RelPath {
    /// The root itself.
    pub fn root() -> Self {
        Self::default()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Last component.
    pub fn name(&self) -> Option<&str> {
        self.split().1
    }

    /// The path of an entry in this directory.
    pub fn join(&self, name: &str) -> Result<Self, Error> {
        format!("{}/{name}", self.0).parse()
    }

    pub(super) fn split(&self) -> (Self, Option<&str>) {
        match self.0.rsplit_once('/') {
            Some((parent, name)) => (Self(parent.to_owned()), Some(name)),
            None if self.is_root() => (Self::root(), None),
            None => (Self::root(), Some(&self.0)),
        }
    }

    /// This path and all above it below the root, topmost first.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        self.0
            .match_indices('/')
            .map(|(at, _)| Self(self.0[..at].to_owned()))
            .chain((!self.is_root()).then(|| self.clone()))
    }

    pub(super) fn starts_with(&self, above: &Self) -> bool {
        above.is_root()
            || self.0 == above.0
            || self
                .0
                .strip_prefix(&above.0)
                .is_some_and(|rest| rest.starts_with('/'))
    }
}

impl FromStr for RelPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadPath(text.chars().take(200).collect());
        if text.len() > 4000 || text.contains('\0') {
            return Err(bad());
        }
        let mut clean = String::with_capacity(text.len());
        for part in text.split('/') {
            match part {
                "" | "." => continue,
                ".." => return Err(Error::Outside(text.chars().take(200).collect())),
                part if part.len() > 255 => return Err(bad()),
                part => {
                    if !clean.is_empty() {
                        clean.push('/');
                    }
                    clean.push_str(part);
                }
            }
        }
        Ok(Self(clean))
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn path(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    #[test]
    fn slashes_and_dots_vanish() {
        assert_eq!(path("//a/./b//c/").as_str(), "a/b/c");
        assert!(path("/").is_root());
        assert!(path("./.").is_root());
    }

    #[test]
    fn going_up_is_refused_wherever_it_stands() {
        for text in ["..", "/..", "a/../b", "a/.."] {
            assert!(matches!(text.parse::<RelPath>(), Err(Error::Outside(_))));
        }
        assert_eq!(path("..a/b..").as_str(), "..a/b..");
    }

    #[test]
    fn ancestors_come_from_the_top() {
        let all: Vec<_> = path("a/b/c").ancestors().map(|p| p.0).collect();
        assert_eq!(all, ["a", "a/b", "a/b/c"]);
        assert_eq!(RelPath::root().ancestors().count(), 0);
    }

    #[test]
    fn a_prefix_counts_by_components() {
        assert!(path("a/b").starts_with(&path("a")));
        assert!(!path("ab").starts_with(&path("a")));
    }
}
