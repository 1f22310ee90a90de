//! Which backups have had their time. Pure.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// What is kept; a backup goes that none of these keeps. All left out: everything is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// So many of the newest.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    pub last: Option<u32>,
    /// All that are younger, days.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    pub days: Option<u32>,
    /// The newest of each of so many days that have one (UTC).
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    pub daily: Option<u32>,
    /// The newest of each of so many ISO weeks that have one.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    pub weekly: Option<u32>,
    /// The newest of each of so many months that have one.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    pub monthly: Option<u32>,
}

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A backup, as far as it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Stays, and counts for nothing.
    pub locked: bool,
}

/// Ids of those that go.
#[must_use]
pub fn go(backups: &[Kept], policy: &Retention, now_ms: i64) -> Vec<String> {
    if *policy == Retention::default() {
        return Vec::new();
    }
    let mut open: Vec<&Kept> = backups.iter().filter(|b| !b.locked).collect();
    open.sort_by(|a, b| b.at_ms.cmp(&a.at_ms).then_with(|| b.id.cmp(&a.id)));
    let mut kept: HashSet<&str> = HashSet::new();
    let last = policy.last.unwrap_or_default() as usize;
    kept.extend(open.iter().take(last).map(|b| &*b.id));
    if let Some(days) = policy.days {
        let since = now_ms - i64::from(days) * DAY_MS;
        kept.extend(open.iter().filter(|b| b.at_ms >= since).map(|b| &*b.id));
    }
    for (most, of) in [
        (policy.daily, day as fn(i64) -> (i32, u16)),
        (policy.weekly, week),
        (policy.monthly, month),
    ] {
        let mut seen = HashSet::new();
        for backup in &open {
            if seen.len() >= most.unwrap_or_default() as usize {
                break;
            }
            // The newest comes first.
            if seen.insert(of(backup.at_ms)) {
                kept.insert(&*backup.id);
            }
        }
    }
    let gone = open.iter().filter(|b| !kept.contains(&*b.id));
    gone.map(|b| b.id.clone()).collect()
}

fn at(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn day(ms: i64) -> (i32, u16) {
    (at(ms).year(), at(ms).ordinal())
}

fn week(ms: i64) -> (i32, u16) {
    let (year, week, _) = at(ms).to_iso_week_date();
    (year, u16::from(week))
}

fn month(ms: i64) -> (i32, u16) {
    (at(ms).year(), u16::from(u8::from(at(ms).month())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One a day at noon, the newest first: `0` is today's.
    fn days(count: i64) -> Vec<Kept> {
        (0..count)
            .map(|age| Kept {
                id: format!("{age:03}"),
                at_ms: NOW - age * DAY_MS,
                locked: false,
            })
            .collect()
    }

    /// 2026-03-15 12:00 UTC, a Sunday.
    const NOW: i64 = 1_773_576_000_000;

    fn kept(backups: &[Kept], policy: &Retention) -> Vec<String> {
        let gone = go(backups, policy, NOW);
        let ids = backups.iter().map(|b| b.id.clone());
        ids.filter(|id| !gone.contains(id)).collect()
    }

    #[test]
    fn nothing_said_keeps_all() {
        assert_eq!(kept(&days(5), &Retention::default()).len(), 5);
    }

    #[test]
    fn the_newest_and_the_young_stay() {
        let last = Retention {
            last: Some(2),
            ..Retention::default()
        };
        assert_eq!(kept(&days(5), &last), ["000", "001"]);
        let young = Retention {
            days: Some(3),
            ..Retention::default()
        };
        assert_eq!(kept(&days(5), &young), ["000", "001", "002", "003"]);
    }

    #[test]
    fn a_grandfather_keeps_the_newest_of_each_span() {
        let policy = Retention {
            daily: Some(2),
            weekly: Some(3),
            monthly: Some(3),
            ..Retention::default()
        };
        // Today, yesterday; the Sundays before; the last days of February and of January.
        assert_eq!(
            kept(&days(80), &policy),
            ["000", "001", "007", "014", "015", "043"]
        );
    }

    #[test]
    fn a_locked_one_stays_and_takes_no_other_ones_place() {
        let mut backups = days(4);
        backups[0].locked = true;
        backups[3].locked = true;
        let policy = Retention {
            last: Some(1),
            ..Retention::default()
        };
        assert_eq!(kept(&backups, &policy), ["000", "001", "003"]);
    }

    #[test]
    fn two_of_one_moment_are_told_apart() {
        let mut backups = days(1);
        backups.push(Kept {
            id: "zzz".into(),
            ..backups[0].clone()
        });
        let policy = Retention {
            last: Some(1),
            ..Retention::default()
        };
        assert_eq!(kept(&backups, &policy), ["zzz"]);
    }
}
