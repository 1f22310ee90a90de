//! Who transfers: a ticket that holds, a place among the transfers, and an end within a moment of a revocation.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use warren_proto::bus::ticket::Refused;
use warren_proto::ids::{ServerId, UserId};

use super::problem::Problem;
use crate::bulk::Line;
use crate::edge::Edge;
use crate::sessions::Held;
use crate::ws::handshake::same_origin;

/// On this gateway at one time.
const IN_ALL: usize = 192;
/// Of one person: a browser has six connections to one address, and there may be several.
const PER_USER: usize = 24;

/// Places.
pub struct Transfers {
    all: Arc<Semaphore>,
    users: Arc<Mutex<HashMap<UserId, usize>>>,
}

impl Default for Transfers {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(IN_ALL)),
            users: Arc::default(),
        }
    }
}

struct Place {
    users: Arc<Mutex<HashMap<UserId, usize>>>,
    user: UserId,
    _one: OwnedSemaphorePermit,
}

impl Transfers {
    fn place(&self, user: UserId) -> Option<Place> {
        let one = self.all.clone().try_acquire_owned().ok()?;
        let mut users = self.users.lock();
        let count = users.entry(user).or_default();
        if *count >= PER_USER {
            return None;
        }
        *count += 1;
        Some(Place {
            users: self.users.clone(),
            user,
            _one: one,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut users = self.users.lock();
        if let Some(count) = users.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                users.remove(&self.user);
            }
        }
    }
}

/// See the module.
pub struct Guest {
    pub line: Arc<Line>,
    pub edge: Arc<Edge>,
    held: Held,
    _place: Place,
}

impl Guest {
    /// Lets somebody in who shows a ticket for this server: as the header `x-warren-ticket`, or where a browser fetches by
    /// itself in the address.
    /// # Errors
    /// Why not.
    pub fn admit(
        edge: &Arc<Edge>,
        server: &str,
        query: &Asked,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let (origin, host) = (text(header::ORIGIN.as_str()), text(header::HOST.as_str()));
        if !same_origin(origin.unwrap_or_default(), host.unwrap_or_default()) {
            let detail = "another page may not ask for this";
            return Err(Problem::new(StatusCode::FORBIDDEN, "other_origin", detail));
        }
        let shown = text("x-warren-ticket").or_else(|| query.get("ticket"));
        let Some(shown) = shown else {
            let detail = "ask the panel for a ticket of this server, and show it";
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "ticket_missing",
                detail,
            ));
        };
        let ticket = edge.check(shown)?;
        let line = Line::new(edge, shown.to_owned(), ticket.clone())?;
        if server.parse::<ServerId>() != Ok(line.server) {
            return Err(Refused::Scope.into());
        }
        let Some(place) = edge.transfers.place(ticket.user) else {
            edge.metrics.transfers_refused.add(1);
            let detail = "too many transfers at one time; try again when some are done";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_transfers", detail);
            return Err(problem.with("retry-after", axum::http::HeaderValue::from_static("2")));
        };
        edge.metrics.transfers.add(1);
        let held = edge.sessions.hold(ticket.session, ticket.user);
        let revoked = edge
            .sessions
            .is_revoked(ticket.session, ticket.user, ticket.iat);
        if revoked {
            // Between the check and now.
            held.cut.cancel();
        }
        Ok(Self {
            held,
            line,
            edge: edge.clone(),
            _place: place,
        })
    }

    /// Cancelled when the log-in ends.
    pub fn cut(&self) -> CancellationToken {
        self.held.cut.clone()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.edge.metrics.transfers.add(-1);
        if self.held.cut.is_cancelled() {
            self.edge.metrics.transfers_cut.add(1);
        }
    }
}

/// What stands behind the `?`.
pub struct Asked(pub Vec<(String, String)>);

impl Asked {
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn all(&self, name: &str) -> Vec<String> {
        let found = self.0.iter().filter(|(n, _)| n == name);
        found.map(|(_, value)| value.clone()).collect()
    }

    /// # Errors
    /// If it is missing.
    pub fn path(&self) -> Result<String, Problem> {
        let path = self.get("path").filter(|p| !p.is_empty());
        path.map(str::to_owned)
            .ok_or_else(|| bad("say which file, in `path`"))
    }

    /// # Errors
    /// If it is no number.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let number = text
            .parse()
            .map_err(|_| bad(format!("`{name}` is no number")));
        number.map(Some)
    }

    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| v == "1" || v == "true")
    }
}

/// A request that makes no sense.
pub fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", detail)
}
