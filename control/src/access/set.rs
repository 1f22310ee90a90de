//! Sets of permission keys, as one number: requests compare them, tables keep their names.

use std::ops::{BitAnd, BitOr};

use super::{Key, Set};
use crate::error::Fields;

/// A set of permission keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeySet(u128);

// One bit a key.
const _: () = assert!(Key::ALL.len() <= 128);

impl KeySet {
    /// No key.
    pub const NONE: Self = Self(0);

    /// Every key there is.
    #[must_use]
    pub fn all() -> Self {
        Key::ALL.iter().copied().collect()
    }

    /// The keys of one set.
    #[must_use]
    pub fn of(set: Set) -> Self {
        Key::of(set).collect()
    }

    /// What a table keeps: names that are no keys (any more) count for nothing.
    #[must_use]
    pub fn stored(names: &serde_json::Value) -> Self {
        let names = names.as_array().into_iter().flatten();
        names
            .filter_map(|name| name.as_str()?.parse::<Key>().ok())
            .collect()
    }

    /// Reads permission keys that a request names.
    #[must_use]
    pub fn asked(fields: &mut Fields, field: &str, names: &[String]) -> Self {
        if names.len() > Key::ALL.len() {
            let most = Key::ALL.len();
            fields.refuse(
                field,
                "too_many",
                format!("names {} keys; there are {most}", names.len()),
            );
            return Self::NONE;
        }
        let mut all = Vec::new();
        for (at, name) in names.iter().enumerate() {
            match name.parse::<Key>() {
                Ok(key) => all.push(key),
                Err(_) => fields.refuse(
                    format!("{field}.{at}"),
                    "unknown",
                    "is no permission key; GET /api/v1/permissions lists them",
                ),
            }
        }
        all.into_iter().collect()
    }

    /// For a table, and for the API.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        self.iter().map(|key| key.as_str().to_owned()).collect()
    }

    /// Whether this key is in it.
    #[must_use]
    pub fn has(self, key: Key) -> bool {
        self.0 & bit(key) != 0
    }

    /// Whether there is none in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that `other` lacks.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// In the order of the table of keys.
    pub fn iter(self) -> impl Iterator<Item = Key> {
        Key::ALL.iter().copied().filter(move |key| self.has(*key))
    }
}

fn bit(key: Key) -> u128 {
    1 << (key as u32)
}

impl FromIterator<Key> for KeySet {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        Self(keys.into_iter().fold(0, |all, key| all | bit(key)))
    }
}

impl BitOr for KeySet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for KeySet {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_reads_back_from_its_names_and_ignores_what_is_no_key() {
        for key in Key::ALL {
            let one: KeySet = [*key].into_iter().collect();
            assert!(one.has(*key));
            assert_eq!(one.iter().count(), 1);
            assert_eq!(KeySet::stored(&json!(one.names())), one);
        }
        assert_eq!(KeySet::all().iter().count(), Key::ALL.len());
        let odd = json!(["control.fly", 7, "control.start"]);
        assert_eq!(KeySet::stored(&odd).names(), ["control.start"]);
        assert!(KeySet::stored(&json!("control.start")).is_empty());
    }

    #[test]
    fn what_another_lacks_is_told() {
        let server = KeySet::of(Set::Server);
        assert!(server.without(KeySet::all()).is_empty());
        assert_eq!(KeySet::all().without(server) & server, KeySet::NONE);
    }
}
