//! Sockets that have shown no ticket yet. They cost a descriptor and a task and prove nothing, so they are few:
//! when there is one too many, the oldest goes. A browser shows its ticket with its first message and is among
//! them for a moment; whoever only holds sockets open pushes out himself, and nobody else.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use parking_lot::Mutex;

use crate::metrics::Metrics;
use crate::ws::viewer::{Cut, Viewer};

/// Without a ticket nobody stays longer.
pub const PATIENCE: Duration = Duration::from_secs(10);

const TOO_MANY_HERE: Cut = Cut {
    code: 4429,
    reason: "too many connections without a ticket from this address",
};
const TOO_MANY: Cut = Cut {
    code: 4429,
    reason: "too many connections without a ticket",
};

/// How many there may be.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// From one address (an IPv6 network of 64 bits counts as one).
    pub per_address: usize,
    /// In all.
    pub all: usize,
}

/// See the module.
pub struct Strangers {
    room: Room,
    inside: Mutex<Inside>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Inside {
    next: u64,
    /// Oldest first.
    all: BTreeMap<u64, (IpAddr, Arc<Viewer>)>,
    /// Oldest first.
    by_address: HashMap<IpAddr, VecDeque<u64>>,
}

impl Inside {
    fn remove(&mut self, number: u64) -> Option<Arc<Viewer>> {
        let (address, viewer) = self.all.remove(&number)?;
        if let Some(theirs) = self.by_address.get_mut(&address) {
            theirs.retain(|n| *n != number);
            if theirs.is_empty() {
                self.by_address.remove(&address);
            }
        }
        Some(viewer)
    }
}

impl Strangers {
    pub fn new(room: Room, metrics: Arc<Metrics>) -> Self {
        Self {
            room,
            inside: Mutex::default(),
            metrics,
        }
    }

    /// Counts a socket in until what it gives is dropped.
    pub fn enter(self: &Arc<Self>, address: IpAddr, viewer: &Arc<Viewer>) -> Entered {
        let address = network(address);
        let mut inside = self.inside.lock();
        let number = inside.next;
        inside.next += 1;
        inside.all.insert(number, (address, viewer.clone()));
        let theirs = inside.by_address.entry(address).or_default();
        theirs.push_back(number);
        let here = (theirs.len() > self.room.per_address)
            .then(|| theirs.front().copied())
            .flatten();
        let over = inside.all.len() > self.room.all;
        let oldest = over.then(|| inside.all.keys().next().copied()).flatten();
        self.metrics.strangers.add(1);
        if let Some(viewer) = here.and_then(|number| inside.remove(number)) {
            self.metrics.strangers.add(-1);
            self.metrics.strangers_cut_by_address.add(1);
            viewer.cut(TOO_MANY_HERE);
        } else if let Some(viewer) = oldest.and_then(|number| inside.remove(number)) {
            self.metrics.strangers.add(-1);
            self.metrics.strangers_cut.add(1);
            viewer.cut(TOO_MANY);
        }
        Entered {
            strangers: self.clone(),
            number,
        }
    }
}

/// One socket among the strangers.
pub struct Entered {
    strangers: Arc<Strangers>,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if self.strangers.inside.lock().remove(self.number).is_some() {
            self.strangers.metrics.strangers.add(-1);
        }
    }
}

/// Whose word about the client's address is believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies(pub Vec<IpAddr>);

impl Proxies {
    /// Control and proxies on this machine are always believed: what listens on loopback is reached through them.
    fn trusts(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.0.contains(&address)
    }

    /// From the right, the first address that is no proxy: the left end is whatever the client wrote.
    pub fn client(&self, direct: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = direct.to_canonical();
        let hops: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .collect();
        for hop in hops.into_iter().rev().take(16) {
            if !self.trusts(client) {
                break;
            }
            match hop.trim().parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }
}

/// One subscriber's IPv6 addresses are a network of 64 bits.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn viewer(metrics: &Arc<Metrics>) -> Arc<Viewer> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap());
        Viewer::new(stream.await.unwrap(), metrics.clone())
    }

    #[tokio::test]
    async fn the_oldest_goes_first_of_its_address_then_of_all() {
        let metrics = Arc::new(Metrics::default());
        let room = Room {
            per_address: 2,
            all: 3,
        };
        let strangers = Arc::new(Strangers::new(room, metrics.clone()));
        let mut inside = Vec::new();
        for address in ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.1"] {
            let viewer = viewer(&metrics).await;
            let entered = strangers.enter(address.parse().unwrap(), &viewer);
            inside.push((viewer, entered));
        }
        let cut = |at: usize| inside[at].0.was_cut();
        assert_eq!((cut(0), cut(1), cut(3)), (Some(TOO_MANY_HERE), None, None));
        let newest = viewer(&metrics).await;
        let _entered = strangers.enter("2001:db8::1".parse().unwrap(), &newest);
        assert_eq!((cut(1), cut(2)), (Some(TOO_MANY), None));
        assert_eq!(metrics.strangers.get(), 3);
        assert_eq!(metrics.strangers_cut_by_address.get(), 1);
        assert_eq!(metrics.strangers_cut.get(), 1);
        inside.clear();
        assert_eq!(metrics.strangers.get(), 1);
    }

    #[test]
    fn a_forged_forwarding_gives_no_second_address() {
        let proxies = Proxies(vec!["192.0.2.7".parse().unwrap()]);
        let seen = |direct: &str, forwarded: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            let direct = direct.parse().unwrap();
            proxies.client(direct, &headers).to_string()
        };
        assert_eq!(seen("127.0.0.1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(
            seen("127.0.0.1", "1.1.1.1, 203.0.113.9, 192.0.2.7"),
            "203.0.113.9"
        );
        assert_eq!(seen("198.51.100.1", "203.0.113.9"), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", "nonsense"), "127.0.0.1");
    }

    #[test]
    fn a_subscribers_ipv6_network_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2:3"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
