//! What all connections of one gateway share. Nothing here outlives the process, and nothing needs to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use warren_proto::bus::Bus;
use warren_proto::bus::clock::ControlClock;
use warren_proto::bus::keyring::Keyring;
use warren_proto::bus::ticket::{self, Ticket};

use crate::config::Config;
use crate::console::Consoles;
use crate::metrics::Metrics;
use crate::mine::Mines;
use crate::sessions::Sessions;
use crate::strangers::{Proxies, Room, Strangers};
use crate::transfer::Transfers;

/// Chunks of files on their way at one time, of all streams: 128 MiB.
const CHUNKS: usize = 512;

pub struct Edge {
    pub bus: Bus,
    /// A second connection, for bytes of files.
    pub bulk: Bus,
    pub chunks: Arc<Semaphore>,
    pub transfers: Transfers,
    pub metrics: Arc<Metrics>,
    pub consoles: Consoles,
    pub mines: Mines,
    pub sessions: Sessions,
    pub strangers: Arc<Strangers>,
    pub proxies: Proxies,
    pub stop: CancellationToken,
    keys: RwLock<Keyring>,
    clock: Mutex<Option<ControlClock>>,
    /// Set once control has told its keys.
    pub keyed: AtomicBool,
    /// A ticket named a key that is not known here: ask control.
    pub want_keys: Notify,
}

impl Edge {
    pub fn new(bus: Bus, bulk: Bus, config: &Config, stop: CancellationToken) -> Arc<Self> {
        let metrics: Arc<Metrics> = Arc::default();
        let room = Room {
            per_address: config.strangers_per_address,
            all: config.strangers,
        };
        Arc::new(Self {
            bus,
            bulk,
            transfers: Transfers::default(),
            chunks: Arc::new(Semaphore::new(CHUNKS)),
            strangers: Arc::new(Strangers::new(room, metrics.clone())),
            proxies: Proxies(config.trusted_proxies.clone()),
            metrics,
            consoles: Consoles::default(),
            mines: Mines::default(),
            sessions: Sessions::default(),
            stop,
            keys: RwLock::default(),
            clock: Mutex::default(),
            keyed: AtomicBool::new(false),
            want_keys: Notify::new(),
        })
    }

    /// Control's time in milliseconds; this machine's until control was heard.
    pub fn now_ms(&self) -> i64 {
        match *self.clock.lock() {
            Some(clock) => clock.now_ms(Instant::now()),
            None => wall_ms(),
        }
    }

    pub fn learn_time(&self, control_ms: i64) {
        *self.clock.lock() = Some(ControlClock::learn(control_ms, Instant::now()));
    }

    pub fn set_keys(&self, keys: Keyring) {
        *self.keys.write() = keys;
        self.keyed.store(true, Relaxed);
    }

    /// Checks a ticket and that nothing issued before its holder's revocation passes.
    /// # Errors
    /// Why it does not hold; counted.
    pub fn check(&self, text: &str) -> Result<Ticket, ticket::Refused> {
        let checked = ticket::verify(&self.keys.read(), text, self.now_ms());
        let checked = checked.and_then(|t| {
            let dead = self.sessions.is_revoked(t.session, t.user, t.iat);
            if dead {
                Err(ticket::Refused::Expired)
            } else {
                Ok(t)
            }
        });
        if let Err(refused) = checked {
            self.metrics.tickets_refused.add(1);
            if refused == ticket::Refused::UnknownKey {
                self.want_keys.notify_one();
            }
        }
        checked
    }
}

fn wall_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
