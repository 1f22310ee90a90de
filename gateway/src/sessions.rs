//! Who is connected under which session, and who was revoked lately.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use warren_proto::bus::ticket::MAX_LIFE_S;
use warren_proto::ids::{SessionId, UserId};

use crate::ws::viewer::{REVOKED, Viewer};

/// As long as a ticket from before a revocation could still be shown.
const REMEMBER: Duration = Duration::from_secs(MAX_LIFE_S.unsigned_abs() + 60);

#[derive(Default)]
pub struct Sessions {
    inner: Arc<Mutex<Inner>>,
    /// New sessions wait to be asked about, see [`Sessions::unasked`].
    pub fresh: Notify,
}

#[derive(Default)]
struct Inner {
    viewers: HashMap<SessionId, HashMap<u64, Arc<Viewer>>>,
    /// What goes on under a session without a viewer: transfers of files.
    held: HashMap<u64, (SessionId, UserId, CancellationToken)>,
    next: u64,
    unasked: Vec<SessionId>,
    ended: HashMap<SessionId, Instant>,
    /// Until then tickets issued up to this Unix second by control's clock are dead.
    users: HashMap<UserId, (Instant, i64)>,
}

impl Inner {
    fn has(&self, session: SessionId) -> bool {
        let held = self.held.values().any(|(of, ..)| *of == session);
        held || self.viewers.contains_key(&session)
    }
}

/// Something that goes on under a session, until it is dropped.
pub struct Held {
    pub cut: CancellationToken,
    number: u64,
    inner: Arc<Mutex<Inner>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.inner.lock().held.remove(&self.number);
    }
}

impl Sessions {
    /// Notes a connection whose ticket was checked. A session that is new here is asked about once, in case its
    /// revocation was told before this gateway listened.
    pub fn register(&self, session: SessionId, user: UserId, viewer: &Arc<Viewer>) {
        viewer.identify(session, user);
        let mut inner = self.inner.lock();
        let known = inner.has(session);
        inner
            .viewers
            .entry(session)
            .or_default()
            .insert(viewer.key, viewer.clone());
        if !known {
            inner.unasked.push(session);
            self.fresh.notify_one();
        }
    }

    pub fn forget(&self, viewer: &Viewer) {
        let Some((session, _)) = viewer.who() else {
            return;
        };
        let mut inner = self.inner.lock();
        if let Some(viewers) = inner.viewers.get_mut(&session) {
            viewers.remove(&viewer.key);
            if viewers.is_empty() {
                inner.viewers.remove(&session);
            }
        }
    }

    /// Notes something else that goes on under a ticket that was checked; `cut` of what it gives is cancelled when the session
    /// ends.
    pub fn hold(&self, session: SessionId, user: UserId) -> Held {
        let cut = CancellationToken::new();
        let mut inner = self.inner.lock();
        let known = inner.has(session);
        let number = inner.next;
        inner.next += 1;
        inner.held.insert(number, (session, user, cut.clone()));
        if !known {
            inner.unasked.push(session);
            self.fresh.notify_one();
        }
        Held {
            cut,
            number,
            inner: self.inner.clone(),
        }
    }

    /// Sessions that nobody has asked control about yet; each is given out once.
    pub fn unasked(&self) -> Vec<SessionId> {
        let mut inner = self.inner.lock();
        let unasked = std::mem::take(&mut inner.unasked);
        unasked.into_iter().filter(|s| inner.has(*s)).collect()
    }

    pub fn all(&self) -> Vec<SessionId> {
        let inner = self.inner.lock();
        let held = inner.held.values().map(|(session, ..)| *session);
        let all: HashSet<_> = inner.viewers.keys().copied().chain(held).collect();
        all.into_iter().collect()
    }

    pub fn is_revoked(&self, session: SessionId, user: UserId, issued_s: i64) -> bool {
        let inner = self.inner.lock();
        let user_dead = inner
            .users
            .get(&user)
            .is_some_and(|(_, until_s)| issued_s <= *until_s);
        user_dead || inner.ended.contains_key(&session)
    }

    /// Ends everything of these sessions and users; gives the number of connections. `now_ms` is control's time.
    pub fn revoke(&self, sessions: &[SessionId], users: &[UserId], now_ms: i64) -> u64 {
        let mut doomed = Vec::new();
        let mut cut = 0;
        {
            let mut inner = self.inner.lock();
            for (session, user, token) in inner.held.values() {
                if sessions.contains(session) || users.contains(user) {
                    token.cancel();
                    cut += 1;
                }
            }
            let (now, until) = (Instant::now(), Instant::now() + REMEMBER);
            inner.ended.retain(|_, at| *at > now);
            inner.users.retain(|_, (at, _)| *at > now);
            for session in sessions {
                inner.ended.insert(*session, until);
                doomed.extend(
                    inner
                        .viewers
                        .remove(session)
                        .into_iter()
                        .flat_map(HashMap::into_values),
                );
            }
            for user in users {
                // The clock here runs behind control's by the way of a tick; rounded so that no ticket from
                // before slips through. One issued in the same moment is refused, and asked for again.
                inner.users.insert(*user, (until, (now_ms + 250) / 1000));
            }
            if !users.is_empty() {
                let of_users = |v: &Arc<Viewer>| v.who().is_some_and(|(_, u)| users.contains(&u));
                doomed.extend(
                    inner
                        .viewers
                        .values()
                        .flat_map(HashMap::values)
                        .filter(|v| of_users(v))
                        .cloned(),
                );
            }
        }
        for viewer in &doomed {
            viewer.cut(REVOKED);
        }
        doomed.len() as u64 + cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_from_before_a_revocation_are_dead_and_later_ones_live() {
        let sessions = Sessions::default();
        let (session, user, other) = (SessionId::new(), UserId::new(), UserId::new());
        sessions.revoke(&[], &[user], 1_000_500);
        // Control's clock may be a little ahead.
        sessions.revoke(&[], &[other], 1_000_800);
        assert!(sessions.is_revoked(session, other, 1001));
        let other = UserId::new();
        assert!(sessions.is_revoked(session, user, 999));
        assert!(sessions.is_revoked(session, user, 1000));
        assert!(!sessions.is_revoked(session, user, 1001));
        assert!(!sessions.is_revoked(session, other, 999));
        sessions.revoke(&[session], &[], 1_000_500);
        assert!(sessions.is_revoked(session, other, 5000));
    }
}
