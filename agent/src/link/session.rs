//! Browsers' sessions: a ticket that was verified here, kept in memory until it ends or is revoked.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;
use warren_proto::bus::keyring::Keyring;
use warren_proto::bus::ticket::{self, Scope, Ticket};
use warren_proto::ids::{NodeId, ServerId, SessionId, UserId, WatchId};
use warren_proto::wire;

/// More at one time is an attack or a leak; the oldest go.
const MAX_SESSIONS: usize = 8192;
/// A ticket that was signed before a revocation may come later: so long it is remembered.
const REVOKED_FOR_MS: i64 = (ticket::MAX_LIFE_S + 120) * 1000;
const MAX_REVOKED: usize = 65_536;

/// See the module.
#[derive(Default)]
pub struct Sessions {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    open: HashMap<WatchId, Ticket>,
    /// Session or user id, until when it is remembered, and up to which second its tickets are dead: a person's rights change, and
    /// tickets that control signs after that are good.
    revoked: HashMap<String, (i64, i64)>,
}

/// A failure for an answer.
pub fn refuse(code: &str, message: impl Into<String>, retryable: bool) -> wire::Failure {
    wire::Failure {
        code: code.into(),
        message: message.into(),
        retryable,
    }
}

/// The ticket carries no such right.
pub fn lacks(right: &str) -> wire::Failure {
    let refused = ticket::Refused::Right;
    refuse(refused.code(), format!("{refused}: {right}"), false)
}

impl Sessions {
    /// Verifies a ticket and opens a session for it. `now_ms` is control's time.
    pub fn open(
        &self,
        keys: &Keyring,
        node: NodeId,
        text: &str,
        now_ms: i64,
    ) -> Result<wire::Opened, wire::Failure> {
        let ticket = ticket::verify(keys, text, now_ms)
            .map_err(|e| refuse(e.code(), e.to_string(), false))?;
        match &ticket.scope {
            Scope::Server { node: for_node, .. } if *for_node == node => {}
            _ => {
                let refused = ticket::Refused::Scope;
                return Err(refuse(refused.code(), refused.to_string(), false));
            }
        }
        let mut inner = self.inner.lock();
        inner.tidy(now_ms);
        let ids = [ticket.session.to_string(), ticket.user.to_string()];
        let dead = |id: &String| {
            inner
                .revoked
                .get(id)
                .is_some_and(|(_, up_to)| ticket.iat <= *up_to)
        };
        if ids.iter().any(dead) {
            return Err(refuse(
                "ticket_revoked",
                "this session has been ended",
                false,
            ));
        }
        if inner.open.len() >= MAX_SESSIONS {
            let first = inner.open.iter().min_by_key(|(_, t)| t.exp);
            if let Some(id) = first.map(|(id, _)| *id) {
                inner.open.remove(&id);
            }
        }
        let id = WatchId::new();
        let opened = wire::Opened {
            session: id.to_string(),
            expires_at_ms: ticket.expires_at_ms(),
        };
        inner.open.insert(id, ticket);
        Ok(opened)
    }

    /// Ends a session; one that is not there is as good.
    pub fn close(&self, session: &str) {
        if let Ok(id) = session.parse::<WatchId>() {
            self.inner.lock().open.remove(&id);
        }
    }

    /// The ticket of a session for `server` that is open now.
    pub fn who(
        &self,
        session: &str,
        server: ServerId,
        now_ms: i64,
    ) -> Result<Ticket, wire::Failure> {
        let gone = || {
            refuse(
                "session_unknown",
                "open the session again with a fresh ticket",
                true,
            )
        };
        let id: WatchId = session.parse().map_err(|_| gone())?;
        let mut inner = self.inner.lock();
        let ticket = inner.open.get(&id).cloned().ok_or_else(gone)?;
        if ticket.expires_at_ms() <= now_ms {
            inner.open.remove(&id);
            return Err(gone());
        }
        let fits = matches!(&ticket.scope, Scope::Server { server: s, .. } if *s == server);
        if !fits {
            let refused = ticket::Refused::Scope;
            return Err(refuse(refused.code(), refused.to_string(), false));
        }
        Ok(ticket)
    }

    /// The ticket of a session that may do `right` with `server` now.
    pub fn check(
        &self,
        session: &str,
        server: ServerId,
        right: &str,
        now_ms: i64,
    ) -> Result<Ticket, wire::Failure> {
        let ticket = self.who(session, server, now_ms)?;
        match ticket.may(right) {
            true => Ok(ticket),
            false => Err(lacks(right)),
        }
    }

    /// Whose sessions are open now, and for which servers.
    pub fn holders(&self, now_ms: i64) -> HashSet<(SessionId, UserId, ServerId)> {
        let inner = self.inner.lock();
        let good = inner.open.values().filter(|t| t.expires_at_ms() > now_ms);
        let all = good.filter_map(|t| match t.scope {
            Scope::Server { server, .. } => Some((t.session, t.user, server)),
            Scope::Mine(_) => None,
        });
        all.collect()
    }

    /// Ends what was opened under these ids, and keeps unexpired tickets of them out.
    pub fn revoke(&self, revoke: &wire::Revoke, now_ms: i64) {
        let mut inner = self.inner.lock();
        inner.tidy(now_ms);
        let until = now_ms + REVOKED_FOR_MS;
        // This node's idea of control's time may be a little behind.
        let now_s = (now_ms + 250) / 1000;
        let sessions = revoke.sessions.iter().map(|id| (id, i64::MAX));
        let users = revoke.users.iter().map(|id| (id, now_s));
        for (id, up_to) in sessions.chain(users) {
            if inner.revoked.len() < MAX_REVOKED {
                inner.revoked.insert(id.clone(), (until, up_to));
            }
        }
        inner.open.retain(|_, t| {
            !revoke.sessions.contains(&t.session.to_string())
                && !revoke.users.contains(&t.user.to_string())
        });
    }

    /// Sessions at this moment.
    pub fn count(&self) -> usize {
        self.inner.lock().open.len()
    }
}

impl Inner {
    fn tidy(&mut self, now_ms: i64) {
        self.open.retain(|_, t| t.expires_at_ms() > now_ms);
        self.revoked.retain(|_, (until, _)| *until > now_ms);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use warren_proto::bus::keyring::{Signer, Use};

    const NOW_MS: i64 = 1_700_000_000_000;

    struct Bench {
        sessions: Sessions,
        keys: Keyring,
        signer: Signer,
        node: NodeId,
        server: ServerId,
    }

    impl Bench {
        fn new() -> Self {
            let signer = Signer::create();
            let mut keys = Keyring::default();
            keys.pin(Use::Ticket, signer.id(), &signer.public())
                .unwrap();
            Self {
                sessions: Sessions::default(),
                keys,
                signer,
                node: NodeId::new(),
                server: ServerId::new(),
            }
        }

        fn ticket(&self, node: NodeId) -> Ticket {
            Ticket {
                user: UserId::new(),
                session: SessionId::new(),
                scope: Scope::Server {
                    server: self.server,
                    node,
                },
                rights: vec![ticket::right::WATCH.into()],
                upload_bytes: None,
                iat: NOW_MS / 1000,
                exp: NOW_MS / 1000 + 60,
            }
        }

        fn open(&self, ticket: &Ticket) -> Result<wire::Opened, wire::Failure> {
            let text = ticket::sign(&self.signer, ticket).unwrap();
            self.sessions.open(&self.keys, self.node, &text, NOW_MS)
        }

        fn check(&self, session: &str, right: &str, now_ms: i64) -> Result<Ticket, String> {
            let checked = self.sessions.check(session, self.server, right, now_ms);
            checked.map_err(|f| f.code)
        }
    }

    #[test]
    fn a_session_may_do_what_its_ticket_says_until_it_ends() {
        let bench = Bench::new();
        let session = bench.open(&bench.ticket(bench.node)).unwrap().session;
        assert!(bench.check(&session, ticket::right::WATCH, NOW_MS).is_ok());
        assert_eq!(
            bench
                .check(&session, ticket::right::INPUT, NOW_MS)
                .unwrap_err(),
            "ticket_right"
        );
        let other = bench
            .sessions
            .check(&session, ServerId::new(), ticket::right::WATCH, NOW_MS);
        assert_eq!(other.unwrap_err().code, "ticket_scope");
        assert_eq!(
            bench
                .check(&session, ticket::right::WATCH, NOW_MS + 60_000)
                .unwrap_err(),
            "session_unknown"
        );
        assert_eq!(
            bench.check("x", ticket::right::WATCH, NOW_MS).unwrap_err(),
            "session_unknown"
        );
    }

    #[test]
    fn tickets_for_other_nodes_and_from_strangers_open_nothing() {
        let bench = Bench::new();
        assert_eq!(
            bench.open(&bench.ticket(NodeId::new())).unwrap_err().code,
            "ticket_scope"
        );
        let stranger = Signer::create();
        let text = ticket::sign(&stranger, &bench.ticket(bench.node)).unwrap();
        let opened = bench.sessions.open(&bench.keys, bench.node, &text, NOW_MS);
        assert_eq!(opened.unwrap_err().code, "ticket_unknown_key");
    }

    #[test]
    fn a_revoked_session_ends_and_its_ticket_opens_no_other() {
        let bench = Bench::new();
        let ticket = bench.ticket(bench.node);
        let session = bench.open(&ticket).unwrap().session;
        let revoke = wire::Revoke {
            counter: 1,
            sessions: Vec::new(),
            users: vec![ticket.user.to_string()],
        };
        bench.sessions.revoke(&revoke, NOW_MS);
        assert!(bench.check(&session, ticket::right::WATCH, NOW_MS).is_err());
        assert_eq!(bench.open(&ticket).unwrap_err().code, "ticket_revoked");
        assert_eq!(bench.sessions.count(), 0);
        // What control signs for that person afterwards is good; of a session nothing ever is.
        let mut later = ticket.clone();
        (later.iat, later.exp) = (ticket.iat + 1, ticket.exp + 1);
        assert!(bench.open(&later).is_ok());
        let revoke = wire::Revoke {
            counter: 2,
            sessions: vec![ticket.session.to_string()],
            users: Vec::new(),
        };
        bench.sessions.revoke(&revoke, NOW_MS);
        assert_eq!(bench.open(&later).unwrap_err().code, "ticket_revoked");
    }
}
