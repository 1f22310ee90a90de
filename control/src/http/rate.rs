//! How often one may ask: a bucket per network and one per credential, told in `ratelimit` headers.

use std::{collections::HashMap, hash::Hash};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use warren_proto::ids::ApiKeyId;

use crate::{
    auth::Network,
    error::{Error, Result},
};

/// A bucket that fills evenly and empties by one with each request.
#[derive(Debug, Clone, Copy)]
struct Policy {
    name: &'static str,
    step_us: i64,
    burst: i64,
}

/// Wide: a school or a company may sit behind one address.
const NETWORK: Policy = Policy {
    name: "network",
    step_us: 1_000_000 / 200,
    burst: 1000,
};
const CREDENTIAL: Policy = Policy {
    name: "credential",
    step_us: 1_000_000 / 50,
    burst: 500,
};
/// Of what is written down each time it happens: once a minute is enough.
const NEWS: Policy = Policy {
    name: "news",
    step_us: 60_000_000,
    burst: 1,
};
/// Buckets kept per kind at most.
const ROOM: usize = 50_000;

/// What is left of a bucket after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    policy: &'static str,
    burst: i64,
    remaining: i64,
    reset_s: i64,
}

impl Left {
    /// Says it to the client (RFC draft `ratelimit-headers`).
    pub fn write(&self, headers: &mut HeaderMap) {
        let mut put = |name: &'static str, text: String| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        let Self {
            policy,
            burst,
            remaining,
            reset_s,
        } = self;
        put("ratelimit-policy", format!("\"{policy}\";q={burst}"));
        put(
            "ratelimit",
            format!("\"{policy}\";r={remaining};t={reset_s}"),
        );
    }
}

/// One kind of bucket. Stored is the time at which the bucket will be full (GCRA).
struct Buckets<K>(Mutex<HashMap<K, i64>>);

impl<K: Hash + Eq> Buckets<K> {
    fn take(&self, key: K, policy: Policy, now_us: i64) -> std::result::Result<Left, i64> {
        let Policy {
            name,
            step_us,
            burst,
        } = policy;
        let mut full_at = self.0.lock();
        if full_at.len() >= ROOM {
            full_at.retain(|_, at| *at > now_us);
            if full_at.len() >= ROOM {
                // All of them in use: forgetting favours the clients, never the memory.
                full_at.clear();
            }
        }
        let at = full_at.entry(key).or_insert(now_us);
        let after = (*at).max(now_us) + step_us;
        let debt_us = after - now_us;
        if debt_us > step_us * burst {
            return Err(debt_us - step_us * burst);
        }
        *at = after;
        Ok(Left {
            policy: name,
            burst,
            remaining: burst - debt_us / step_us,
            reset_s: (debt_us + 999_999) / 1_000_000,
        })
    }
}

/// The buckets of this process.
pub struct Rates {
    networks: Buckets<Network>,
    credentials: Buckets<[u8; 16]>,
    keys: Buckets<ApiKeyId>,
    news: Buckets<String>,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            networks: Buckets(Mutex::default()),
            credentials: Buckets(Mutex::default()),
            keys: Buckets(Mutex::default()),
            news: Buckets(Mutex::default()),
        }
    }
}

fn refused(wait_us: i64) -> Error {
    Error::TooMany {
        code: "too_many_requests",
        detail: "too many requests; slow down, and prefer the WebSocket to polling".into(),
        retry_after_s: u64::try_from((wait_us + 999_999) / 1_000_000).unwrap_or(1),
    }
}

impl Rates {
    /// Takes one request from its network's bucket and, if it carries one, its credential's.
    /// # Errors
    /// 429.
    pub fn take(
        &self,
        network: Network,
        credential: Option<[u8; 16]>,
        now_us: i64,
    ) -> Result<Left> {
        let left = self.networks.take(network, NETWORK, now_us);
        let left = left.map_err(refused)?;
        match credential {
            None => Ok(left),
            Some(key) => self
                .credentials
                .take(key, CREDENTIAL, now_us)
                .map_err(refused),
        }
    }

    /// Takes one request from the bucket of a key that was made for few of them.
    /// # Errors
    /// 429.
    pub fn take_key(&self, key: ApiKeyId, per_minute: i32, now_us: i64) -> Result<()> {
        let per_minute = i64::from(per_minute.max(1));
        let policy = Policy {
            name: "key",
            step_us: 60_000_000 / per_minute,
            burst: per_minute,
        };
        let left = self.keys.take(key, policy, now_us);
        left.map(drop).map_err(refused)
    }

    /// Whether this has not happened for a minute.
    pub fn is_news(&self, what: &str, now_us: i64) -> bool {
        self.news.take(what.to_owned(), NEWS, now_us).is_ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let rates = Rates::default();
        let network = Network::of([192, 0, 2, 1].into());
        let mut last = None;
        for _ in 0..CREDENTIAL.burst {
            last = Some(rates.take(network, Some([1; 16]), 0).unwrap());
        }
        assert_eq!(last.unwrap().remaining, 0);
        let refused = rates.take(network, Some([1; 16]), 0).unwrap_err();
        assert!(matches!(
            refused,
            Error::TooMany {
                retry_after_s: 1,
                ..
            }
        ));
        rates.take(network, Some([2; 16]), 0).unwrap();
        rates.take(network, Some([1; 16]), 1_000_000).unwrap();
    }

    #[test]
    fn a_key_for_few_requests_has_a_bucket_of_its_own() {
        let rates = Rates::default();
        let (few, more) = (ApiKeyId::new(), ApiKeyId::new());
        for _ in 0..3 {
            rates.take_key(few, 3, 0).unwrap();
        }
        assert!(rates.take_key(few, 3, 0).is_err());
        rates.take_key(more, 3, 0).unwrap();
        rates.take_key(few, 3, 20_000_000).unwrap();
        assert!(rates.is_news("x", 0) && !rates.is_news("x", 59_000_000));
        assert!(rates.is_news("x", 61_000_000));
    }

    #[test]
    fn made_up_credentials_do_not_help_a_network() {
        let rates = Rates::default();
        let network = Network::of([192, 0, 2, 1].into());
        let taken = (0..2000u32).filter(|n| {
            let mut key = [0; 16];
            key[..4].copy_from_slice(&n.to_le_bytes());
            rates.take(network, Some(key), 0).is_ok()
        });
        assert_eq!(taken.count(), 1000);
    }
}
