//! What a nats-server of a given version can do. A field that the connected server does not know is never
//! sent: 2.9.10 ignores it in silence, 2.12 refuses it.

use std::fmt;
use std::str::FromStr;

/// The oldest server that we run on: Debian 12's.
pub const FLOOR: Version = Version::new(2, 9, 10);
/// Below this one known security fixes are missing; the panel says so.
pub const ADVISED: Version = Version::new(2, 11, 16);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl Version {
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Whether we run on it at all, and whether it is too old to be happy with.
    pub fn support(self) -> Support {
        if self < FLOOR {
            Support::TooOld
        } else if self < ADVISED {
            Support::Dated
        } else {
            Support::Fine
        }
    }

    pub fn caps(self) -> Caps {
        Caps {
            sync_always: self >= Self::new(2, 10, 0),
            filter_subjects: self >= Self::new(2, 10, 0),
            no_responders_across_accounts: self >= Self::new(2, 10, 0),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    TooOld,
    Dated,
    Fine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// `jetstream { sync_interval: always }`.
    pub sync_always: bool,
    /// A consumer with several filters. Below it is dropped without an error, and the reader sees everything.
    pub filter_subjects: bool,
    /// A request to nobody in another account fails at once instead of by its deadline.
    pub no_responders_across_accounts: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no nats-server version")]
pub struct NotAVersion(String);

impl FromStr for Version {
    type Err = NotAVersion;

    /// Takes `2.9.10`, `v2.9.10` and `2.12.0-RC.1` (which counts as 2.12.0).
    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let bad = || NotAVersion(text.chars().take(40).collect());
        let plain = text.trim().trim_start_matches('v');
        let plain = plain.split(['-', '+']).next().unwrap_or_default();
        let mut parts = plain
            .split('.')
            .map(|p| p.parse::<u32>().map_err(|_| bad()));
        let mut next = || parts.next().unwrap_or_else(|| Err(bad()));
        let version = Self::new(next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(bad());
        }
        Ok(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Finds the version in what `nats-server --version` prints (`nats-server: v2.9.10`).
/// # Errors
/// If the line holds none.
pub fn from_banner(banner: &str) -> Result<Version, NotAVersion> {
    banner
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .ok_or_else(|| NotAVersion(banner.chars().take(40).collect()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let v = |t: &str| t.parse::<Version>().unwrap();
        assert!(v("2.9.9") < FLOOR && v("2.9.10") == FLOOR && v("2.10.0") > FLOOR);
        assert_eq!(v("2.12.0-RC.1"), Version::new(2, 12, 0));
        assert_eq!(v("2.9.9").support(), Support::TooOld);
        assert_eq!(v("2.9.10").support(), Support::Dated);
        assert_eq!(v("2.12.8").support(), Support::Fine);
        assert!(!v("2.9.10").caps().sync_always && v("2.10.26").caps().sync_always);
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "2", "2.9", "2.9.10.1", "a.b.c", "2.9.99999999999"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_banner_names_its_version() {
        assert_eq!(from_banner("nats-server: v2.9.10\n").unwrap(), FLOOR);
        assert!(from_banner("something else").is_err());
    }
}
