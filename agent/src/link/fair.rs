//! Shares what this node can do at one time, so that no gateway, session or server takes all of it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use warren_proto::ids::ServerId;
use warren_proto::wire;

use super::session::refuse;

/// Asks of sessions that are carried out at one time, all servers together.
const AT_ONCE: usize = 64;
/// Asks of sessions that may wait for their turn; beyond it they are answered `busy`.
const WAITING: usize = 192;
/// Of one server: a game that reads no input, or a slow disk under one server, holds so many and no more.
const PER_SERVER: usize = 8;

/// All that sessions may hold at one time. Whoever serves must have room for more, for control's own asks.
pub const SESSIONS: usize = AT_ONCE + WAITING;

/// See the module.
pub struct Fair {
    turns: Arc<Semaphore>,
    room: Arc<Semaphore>,
    servers: Arc<Mutex<HashMap<ServerId, usize>>>,
    per_server: usize,
}

/// One ask at work; its place is free again when this is dropped.
#[must_use]
pub struct Place {
    _room: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

/// One ask at work for a server.
#[must_use]
pub struct Seat {
    servers: Arc<Mutex<HashMap<ServerId, usize>>>,
    server: ServerId,
}

impl Default for Fair {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            room: Arc::new(Semaphore::new(SESSIONS)),
            servers: Arc::default(),
            per_server: PER_SERVER,
        }
    }
}

impl Fair {
    /// With so many seats at each server.
    pub fn with_seats(per_server: usize) -> Self {
        Self {
            per_server,
            ..Self::default()
        }
    }

    /// Waits for a turn among the asks of sessions.
    /// # Errors
    /// `busy` when too many wait already.
    pub async fn turn(&self) -> Result<Place, wire::Failure> {
        let busy = || {
            refuse(
                "busy",
                "this node is asked too much at once; try again",
                true,
            )
        };
        let room = self.room.clone().try_acquire_owned().map_err(|_| busy())?;
        // Never closed, so this waits for a turn and no more.
        let turn = self
            .turns
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| busy())?;
        Ok(Place {
            _room: room,
            _turn: turn,
        })
    }

    /// Takes a seat at a server, if one is left.
    /// # Errors
    /// `busy` when the server has enough to do.
    pub fn seat(&self, server: ServerId) -> Result<Seat, wire::Failure> {
        let mut servers = self.servers.lock();
        let held = servers.entry(server).or_default();
        if *held >= self.per_server {
            let text = "this server is asked too much at once; try again";
            return Err(refuse("busy", text, true));
        }
        *held += 1;
        Ok(Seat {
            servers: self.servers.clone(),
            server,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut servers = self.servers.lock();
        if let Some(held) = servers.get_mut(&self.server) {
            *held -= 1;
            if *held == 0 {
                servers.remove(&self.server);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_server_leaves_room_for_others_and_nothing_is_kept_of_it() {
        let fair = Fair::default();
        let (loud, quiet) = (ServerId::new(), ServerId::new());
        let mut seats: Vec<_> = (0..PER_SERVER).map(|_| fair.seat(loud).unwrap()).collect();
        assert_eq!(fair.seat(loud).err().unwrap().code, "busy");
        drop(fair.seat(quiet).unwrap());
        seats.pop();
        seats.push(fair.seat(loud).unwrap());
        drop(seats);
        assert!(fair.servers.lock().is_empty());
    }

    #[tokio::test]
    async fn sessions_wait_up_to_a_bound() {
        let fair = Arc::new(Fair::default());
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(fair.turn().await.unwrap());
        }
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let fair = fair.clone();
                tokio::spawn(async move { fair.turn().await.map(drop) })
            })
            .collect();
        while fair.room.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(fair.turn().await.err().unwrap().code, "busy");
        held.clear();
        for wait in waiting {
            wait.await.unwrap().unwrap();
        }
        assert_eq!(fair.room.available_permits(), SESSIONS);
    }
}
