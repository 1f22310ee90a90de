//! How often one may ask: a bucket per network and one per credential, told in `ratelimit` headers.

use std::{collections::HashMap, hash::Hash};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;

use crate::{
    auth::Network,
    error::{Error, Result},
};

/// A bucket that fills evenly and empties by one with each request.
#[derive(Debug, Clone, Copy)]
struct Policy {
    name: &'static str,
    per_second: i64,
    burst: i64,
}

/// Wide: a school or a company may sit behind one address.
const NETWORK: Policy = Policy {
    name: "network",
    per_second: 200,
    burst: 1000,
};
const CREDENTIAL: Policy = Policy {
    name: "credential",
    per_second: 50,
    burst: 500,
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
struct Buckets<K>(Mutex<HashMap<K, i64>>, Policy);

impl<K: Hash + Eq> Buckets<K> {
    fn take(&self, key: K, now_us: i64) -> std::result::Result<Left, i64> {
        let Policy {
            name,
            per_second,
            burst,
        } = self.1;
        let step_us = 1_000_000 / per_second;
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
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            networks: Buckets(Mutex::default(), NETWORK),
            credentials: Buckets(Mutex::default(), CREDENTIAL),
        }
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
        let refused = |wait_us: i64| Error::TooMany {
            code: "too_many_requests",
            detail: "too many requests; slow down, and prefer the WebSocket to polling".into(),
            retry_after_s: u64::try_from((wait_us + 999_999) / 1_000_000).unwrap_or(1),
        };
        let left = self.networks.take(network, now_us).map_err(refused)?;
        match credential {
            None => Ok(left),
            Some(key) => self.credentials.take(key, now_us).map_err(refused),
        }
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
