//! Takes connections, and bounds them: those that have not logged in, of an address, of a person, of a server, in all.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use warren_proto::ids::{ServerId, UserId};
use warren_proto::subjects::{self, gate};
use warren_proto::wire::{HostKeys as Told, HostKeysAsk};

use super::conn::Conn;
use super::gate::Door;
use super::memory::Memory;
use super::seat::Seat;
use crate::edge::Edge;
use crate::ssh::auth::authenticate;
use crate::ssh::kex::HostKeys;
use crate::ssh::reason;
use crate::ssh::transport::Transport;
use crate::strangers::network;

/// Versions and keys are exchanged by then, and somebody has logged in.
const KEYS: Duration = Duration::from_secs(15);
const LOGIN: Duration = Duration::from_secs(60);
const ASK: Duration = Duration::from_secs(3);
/// Another has the address: again after this.
const TAKEN: Duration = Duration::from_secs(5);
/// Out of descriptors: others must end first.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// In all.
    pub all: usize,
    /// From one address (an IPv6 network of 64 bits counts as one).
    pub per_address: usize,
    /// Of those, before they have logged in.
    pub strangers_per_address: usize,
    pub per_user: usize,
    pub per_server: usize,
    /// Bytes that clients may have on their way to us, in all; above half of it they get less each.
    pub memory_bytes: usize,
}

/// Counts by whom.
struct Places<K>(Arc<Mutex<HashMap<K, usize>>>);

/// One of them; free again when it is dropped.
struct Place<K: Eq + Hash>(Arc<Mutex<HashMap<K, usize>>>, K);

impl<K: Eq + Hash + Copy> Places<K> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn take(&self, who: K, most: usize) -> Option<Place<K>> {
        let mut all = self.0.lock();
        let held = all.entry(who).or_default();
        if *held >= most {
            return None;
        }
        *held += 1;
        Some(Place(self.0.clone(), who))
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut all = self.0.lock();
        if let Some(held) = all.get_mut(&self.1) {
            *held -= 1;
            if *held == 0 {
                all.remove(&self.1);
            }
        }
    }
}

struct Hall {
    edge: Arc<Edge>,
    bounds: Bounds,
    keys: Arc<HostKeys>,
    panel: String,
    memory: Arc<Memory>,
    all: Places<()>,
    addresses: Places<IpAddr>,
    strangers: Places<IpAddr>,
    users: Places<UserId>,
    servers: Places<ServerId>,
}

/// What control gives for the asking, as soon as it answers.
async fn host_keys(edge: &Edge) -> (HostKeys, String) {
    loop {
        let subject = subjects::gate_ask(gate::HOST_KEYS);
        let asked = edge
            .bus
            .call(subject, gate::HOST_KEYS, None, &HostKeysAsk {}, ASK);
        match asked.await {
            Ok::<Told, _>(told) => {
                let secret = |kind: &str| {
                    let key = told.keys.iter().find(|key| key.kind == kind);
                    key.map(|key| key.secret.clone()).unwrap_or_default()
                };
                let (ed25519, ecdsa) = (secret("ssh-ed25519"), secret("ecdsa-sha2-nistp256"));
                match HostKeys::new(&ed25519, &ecdsa) {
                    Some(keys) => return (keys, told.panel),
                    None => tracing::error!("control told SSH host keys that are none"),
                }
            }
            Err(error) => tracing::debug!(%error, "SSH host keys not told yet"),
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// As [`serve`], once the address is free.
pub async fn serve_later(listen: SocketAddr, edge: Arc<Edge>, bounds: Bounds) {
    loop {
        tokio::select! {
            () = edge.stop.cancelled() => return,
            () = sleep(TAKEN) => {}
        }
        if let Ok(listener) = TcpListener::bind(listen).await {
            tracing::info!("SFTP listens on {listen}");
            return serve(listener, edge, bounds).await;
        }
    }
}

/// Serves until the gateway stops. Nobody is let in before control has told the host keys.
pub async fn serve(listener: TcpListener, edge: Arc<Edge>, bounds: Bounds) {
    let (keys, panel) = tokio::select! {
        () = edge.stop.cancelled() => return,
        keys = host_keys(&edge) => keys,
    };
    let hall = Arc::new(Hall {
        edge: edge.clone(),
        bounds,
        keys: Arc::new(keys),
        panel,
        memory: Memory::new(edge.clone(), bounds.memory_bytes),
        all: Places::new(),
        addresses: Places::new(),
        strangers: Places::new(),
        users: Places::new(),
        servers: Places::new(),
    });
    loop {
        let accepted = tokio::select! {
            () = edge.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "an SFTP connection could not be accepted");
                sleep(EXHAUSTED).await;
                continue;
            }
        };
        let address = from.ip().to_canonical();
        let who = network(address);
        let places = (
            hall.all.take((), bounds.all),
            hall.addresses.take(who, bounds.per_address),
            hall.strangers.take(who, bounds.strangers_per_address),
        );
        let (Some(all), Some(here), Some(stranger)) = places else {
            edge.metrics.sftp_turned_away.add(1);
            continue;
        };
        let hall = hall.clone();
        tokio::spawn(async move {
            let _places = (all, here);
            hall.one(stream, address, stranger).await;
        });
    }
}

impl Hall {
    async fn one(&self, stream: TcpStream, address: IpAddr, stranger: Place<IpAddr>) {
        let edge = &self.edge;
        let accepted = tokio::select! {
            () = edge.stop.cancelled() => return,
            accepted = timeout(KEYS, Transport::accept(stream, self.keys.clone())) => accepted,
        };
        let mut transport = match accepted {
            Ok(Ok(transport)) => transport,
            Ok(Err(error)) => {
                tracing::debug!(%error, "no SSH connection");
                return;
            }
            Err(_) => {
                edge.metrics.sftp_silent.add(1);
                return;
            }
        };
        let door = Door {
            edge: edge.clone(),
            address,
            client: transport.client(),
        };
        let entered = tokio::select! {
            () = edge.stop.cancelled() => return,
            entered = timeout(LOGIN, authenticate(&mut transport, &door)) => entered,
        };
        let seat = match entered {
            Ok(Ok(seat)) => seat,
            Ok(Err(error)) => {
                transport.say_bye(&error).await;
                return;
            }
            Err(_) => {
                edge.metrics.sftp_silent.add(1);
                transport
                    .disconnect(reason::BY_APPLICATION, "the log-in took too long")
                    .await;
                return;
            }
        };
        drop(stranger);
        self.inside(transport, seat).await;
    }

    async fn inside(&self, mut transport: Transport, seat: Arc<Seat>) {
        let edge = &self.edge;
        let ticket = seat.line.ticket();
        let places = (
            self.users.take(ticket.user, self.bounds.per_user),
            self.servers.take(seat.line.server, self.bounds.per_server),
        );
        let (Some(_user), Some(_server)) = places else {
            edge.metrics.sftp_turned_away.add(1);
            let text = "too many SFTP connections of yours, or to this server";
            transport
                .disconnect(reason::TOO_MANY_CONNECTIONS, text)
                .await;
            seat.leave().await;
            return;
        };
        let held = edge.sessions.hold(ticket.session, ticket.user);
        // What was revoked before it was held.
        if edge
            .sessions
            .is_revoked(ticket.session, ticket.user, ticket.iat)
        {
            held.cut.cancel();
        }
        edge.metrics.sftp.add(1);
        let conn = Conn::new(transport, seat, self.memory.clone(), &self.panel);
        conn.run(held.cut.clone(), edge.stop.clone()).await;
        edge.metrics.sftp.add(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let places: Places<u8> = Places::new();
        let first = places.take(1, 2);
        let second = places.take(1, 2);
        assert!(first.is_some() && second.is_some());
        assert!(places.take(1, 2).is_none() && places.take(2, 2).is_some());
        drop(first);
        assert!(places.take(1, 2).is_some());
        drop(second);
        assert!(places.0.lock().is_empty());
    }
}
