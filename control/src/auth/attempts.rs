//! Log-in attempts, limited so that guessing is hopeless and nobody can lock another out.
//!
//! Three counters, each over a quarter of an hour: of an account from one network, of a network over all
//! accounts, and of an account over all networks. The last one would let strangers lock an owner out, so
//! it does not bind networks that the account has logged in from before.

use std::{collections::HashMap, net::IpAddr};

use parking_lot::Mutex;

use crate::error::Error;

const WINDOW_MS: i64 = 15 * 60 * 1000;
/// Wrong passwords for one account from one network.
const PER_PAIR: u32 = 5;
/// Wrong passwords from one network, whatever the account.
const PER_NETWORK: u32 = 30;
/// Wrong passwords for one account from networks that it has never logged in from.
const PER_ACCOUNT: u32 = 50;
/// Wrong codes of a second step for one account, from anywhere.
const PER_CODE: u32 = 10;
const CODE_WINDOW_MS: i64 = 60 * 60 * 1000;
/// Mails to others' addresses that one person has sent, and that one address gets, from anywhere.
const PER_MAIL: u32 = 10;
/// Counters kept at most; beyond it those that expire first go.
const ROOM: usize = 100_000;

/// Who shares a counter: an IPv4 address, or an IPv6 /64, which is what one customer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network([u8; 8]);

impl Network {
    /// The network of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let mut key = [0; 8];
        match address.to_canonical() {
            // ff.. is multicast: no /64 of a client begins so.
            IpAddr::V4(v4) => {
                key[0] = 0xff;
                key[4..].copy_from_slice(&v4.octets());
            }
            IpAddr::V6(v6) => key.copy_from_slice(&v6.octets()[..8]),
        }
        Self(key)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Code(String),
    Mails(String),
    Pair(String, Network),
    Network(Network),
    Account(String),
}

#[derive(Debug, Clone, Copy)]
struct Count {
    wrong: u32,
    until_ms: i64,
}

/// Counts wrong passwords of this process.
#[derive(Default)]
pub struct Attempts(Mutex<HashMap<Who, Count>>);

fn fold(login: &str) -> String {
    login.trim().to_lowercase().chars().take(128).collect()
}

impl Attempts {
    /// Takes one attempt, unless there were too many. `known`: the account has logged in from this network
    /// before. Counted before the password is checked, so that attempts side by side do not slip through;
    /// [`Attempts::right`] takes it back.
    /// # Errors
    /// 429 with the time to wait. It says the same for names that nobody has.
    pub fn take(
        &self,
        login: &str,
        network: Network,
        known: bool,
        now_ms: i64,
    ) -> Result<(), Error> {
        let login = fold(login);
        let pair = Who::Pair(login.clone(), network);
        let (network, account) = (Who::Network(network), Who::Account(login));
        let mut counts = self.0.lock();
        let over = |who: &Who, limit: u32| {
            counts
                .get(who)
                .filter(|c| c.until_ms > now_ms && c.wrong >= limit)
                .map(|c| c.until_ms)
        };
        let mut until = over(&pair, PER_PAIR).max(over(&network, PER_NETWORK));
        if !known {
            until = until.max(over(&account, PER_ACCOUNT));
        }
        if let Some(until_ms) = until {
            return Err(Error::TooMany {
                code: "too_many_attempts",
                detail: "too many wrong passwords; wait a little, or log in from where you have \
                         logged in before"
                    .into(),
                retry_after_s: u64::try_from((until_ms - now_ms + 999) / 1000).unwrap_or(1),
            });
        }
        make_room(&mut counts, now_ms);
        for who in [pair, network, account] {
            let fresh = Count {
                wrong: 0,
                until_ms: now_ms + WINDOW_MS,
            };
            let count = counts.entry(who).or_insert(fresh);
            if count.until_ms <= now_ms {
                *count = fresh;
            }
            count.wrong = count.wrong.saturating_add(1);
        }
        Ok(())
    }

    /// Takes one try at a code of a second step, from wherever: only who knows the password gets as far, so strangers lock
    /// nobody out, and a code of six digits stands against few tries alone.
    /// # Errors
    /// 429 with the time to wait.
    pub fn take_code(&self, login: &str, now_ms: i64) -> Result<(), Error> {
        let mut counts = self.0.lock();
        make_room(&mut counts, now_ms);
        let fresh = Count {
            wrong: 0,
            until_ms: now_ms + CODE_WINDOW_MS,
        };
        let count = counts.entry(Who::Code(fold(login))).or_insert(fresh);
        if count.until_ms <= now_ms {
            *count = fresh;
        }
        if count.wrong >= PER_CODE {
            return Err(Error::TooMany {
                code: "too_many_attempts",
                detail:
                    "too many wrong codes; wait a little, and change the password if it was not you"
                        .into(),
                retry_after_s: u64::try_from((count.until_ms - now_ms + 999) / 1000).unwrap_or(1),
            });
        }
        count.wrong += 1;
        Ok(())
    }

    /// Takes one mail of somebody to an address that need not be theirs: nobody fills others' mailboxes, alone or together.
    /// # Errors
    /// 429 with the time to wait.
    pub fn take_mail(&self, from: &str, to: &str, now_ms: i64) -> Result<(), Error> {
        let mut counts = self.0.lock();
        make_room(&mut counts, now_ms);
        let both = [from, to].map(|who| Who::Mails(fold(who)));
        for who in &both {
            let full = counts
                .get(who)
                .filter(|count| count.until_ms > now_ms && count.wrong >= PER_MAIL);
            if let Some(count) = full {
                return Err(Error::TooMany {
                    code: "too_many_mails",
                    detail: "too many mails were sent by you or to this address; wait a little"
                        .into(),
                    retry_after_s: u64::try_from((count.until_ms - now_ms + 999) / 1000)
                        .unwrap_or(1),
                });
            }
        }
        for who in both {
            let fresh = Count {
                wrong: 0,
                until_ms: now_ms + CODE_WINDOW_MS,
            };
            let count = counts.entry(who).or_insert(fresh);
            if count.until_ms <= now_ms {
                *count = fresh;
            }
            count.wrong += 1;
        }
        Ok(())
    }

    /// The code was right.
    pub fn right_code(&self, login: &str) {
        self.0.lock().remove(&Who::Code(fold(login)));
    }

    /// This attempt was none: as if it had not been taken. What the pair did wrong before still counts.
    pub fn undo(&self, login: &str, network: Network) {
        let login = fold(login);
        let mut counts = self.0.lock();
        let pair = Who::Pair(login.clone(), network);
        for who in [pair, Who::Network(network), Who::Account(login)] {
            if let Some(count) = counts.get_mut(&who) {
                count.wrong = count.wrong.saturating_sub(1);
            }
        }
    }

    /// The password was right: the pair begins anew, the others lose this one attempt.
    pub fn right(&self, login: &str, network: Network) {
        let login = fold(login);
        let mut counts = self.0.lock();
        counts.remove(&Who::Pair(login.clone(), network));
        for who in [Who::Network(network), Who::Account(login)] {
            if let Some(count) = counts.get_mut(&who) {
                count.wrong = count.wrong.saturating_sub(1);
            }
        }
    }
}

fn make_room(counts: &mut HashMap<Who, Count>, now_ms: i64) {
    if counts.len() < ROOM {
        return;
    }
    counts.retain(|_, c| c.until_ms > now_ms);
    if counts.len() >= ROOM {
        let mut ends: Vec<i64> = counts.values().map(|c| c.until_ms).collect();
        let middle = ends.len() / 2;
        let cut = *ends.select_nth_unstable(middle).1;
        counts.retain(|_, c| c.until_ms > cut);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn net(last: u8) -> Network {
        Network::of(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn one_network_gets_five_tries_per_account() {
        let attempts = Attempts::default();
        for _ in 0..PER_PAIR {
            attempts.take("Ann", net(1), false, 0).unwrap();
        }
        let refused = attempts.take(" ann ", net(1), true, 60_000).unwrap_err();
        assert!(matches!(
            refused,
            Error::TooMany {
                retry_after_s: 840,
                ..
            }
        ));
        attempts.take("ann", net(1), false, WINDOW_MS + 1).unwrap();
    }

    #[test]
    fn strangers_lock_nobody_out() {
        let attempts = Attempts::default();
        for n in 10..=255 {
            drop(attempts.take("ann", net(n), false, 0));
        }
        attempts.take("ann", net(7), true, 1).unwrap();
        assert!(attempts.take("ann", net(8), false, 1).is_err());
        attempts.take("bob", net(8), false, 1).unwrap();
    }

    #[test]
    fn one_network_can_not_try_every_account() {
        let attempts = Attempts::default();
        for n in 0..PER_NETWORK {
            attempts
                .take(&format!("user{n}"), net(1), false, 0)
                .unwrap();
        }
        assert!(attempts.take("another", net(1), false, 1).is_err());
        attempts.take("another", net(2), false, 1).unwrap();
    }

    #[test]
    fn a_right_password_gives_the_tries_back() {
        let attempts = Attempts::default();
        for _ in 0..1000 {
            attempts.take("ann", net(1), false, 0).unwrap();
            attempts.right("ann", net(1));
        }
        attempts.take("ann", net(2), false, 0).unwrap();
    }

    #[test]
    fn an_attempt_that_was_none_gives_no_others_back() {
        let attempts = Attempts::default();
        for _ in 0..PER_PAIR {
            attempts.take("ann", net(1), true, 0).unwrap();
            attempts.undo("ann", net(1));
            attempts.take("ann", net(1), true, 0).unwrap();
        }
        assert!(attempts.take("ann", net(1), true, 1).is_err());
    }

    #[test]
    fn codes_are_tried_ten_times_an_hour_from_wherever() {
        let attempts = Attempts::default();
        for _ in 0..PER_CODE {
            attempts.take_code("Ann", 0).unwrap();
        }
        assert!(attempts.take_code("ann", CODE_WINDOW_MS - 1).is_err());
        attempts.take_code("ann", CODE_WINDOW_MS).unwrap();
        attempts.right_code("ANN");
        for _ in 0..PER_CODE {
            attempts.take_code("ann", CODE_WINDOW_MS + 1).unwrap();
        }
    }

    #[test]
    fn nobodys_mailbox_is_filled_by_one_or_by_many() {
        let attempts = Attempts::default();
        for n in 0..PER_MAIL {
            attempts
                .take_mail("ann", &format!("{n}@x.example"), 0)
                .unwrap();
        }
        assert!(attempts.take_mail("ann", "new@x.example", 1).is_err());
        for n in 1..PER_MAIL {
            attempts
                .take_mail(&n.to_string(), "0@X.example", 0)
                .unwrap();
        }
        assert!(attempts.take_mail("bob", "0@x.example", 1).is_err());
        attempts
            .take_mail("bob", "0@x.example", CODE_WINDOW_MS)
            .unwrap();
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_counter() {
        let of = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn the_counters_are_bounded() {
        let mut counts = HashMap::new();
        for n in 0..ROOM {
            let until_ms = 1 + i64::try_from(n).unwrap();
            counts.insert(Who::Account(n.to_string()), Count { wrong: 1, until_ms });
        }
        make_room(&mut counts, 0);
        assert!(counts.len() < ROOM);
    }
}
