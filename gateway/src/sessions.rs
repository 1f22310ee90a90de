//! Who is connected under which session, and who was revoked lately.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use warren_proto::bus::ticket::MAX_LIFE_S;
use warren_proto::ids::{SessionId, UserId};

use crate::ws::viewer::{REVOKED, Viewer};

/// As long as a ticket from before a revocation could still be shown.
const REMEMBER: Duration = Duration::from_secs(MAX_LIFE_S.unsigned_abs() + 60);

#[derive(Default)]
pub struct Sessions {
    inner: Mutex<Inner>,
    /// New sessions wait to be asked about, see [`Sessions::unasked`].
    pub fresh: Notify,
}

#[derive(Default)]
struct Inner {
    viewers: HashMap<SessionId, HashMap<u64, Arc<Viewer>>>,
    unasked: Vec<SessionId>,
    ended: HashMap<SessionId, Instant>,
    /// Until then tickets issued up to this Unix second by control's clock are dead.
    users: HashMap<UserId, (Instant, i64)>,
}

impl Sessions {
    /// Notes a connection whose ticket was checked. A session that is new here is asked about once, in case its
    /// revocation was told before this gateway listened.
    pub fn register(&self, session: SessionId, user: UserId, viewer: &Arc<Viewer>) {
        viewer.identify(session, user);
        let mut inner = self.inner.lock();
        let known = inner.viewers.contains_key(&session);
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

    /// Sessions that nobody has asked control about yet; each is given out once.
    pub fn unasked(&self) -> Vec<SessionId> {
        let mut inner = self.inner.lock();
        let unasked = std::mem::take(&mut inner.unasked);
        unasked
            .into_iter()
            .filter(|s| inner.viewers.contains_key(s))
            .collect()
    }

    pub fn all(&self) -> Vec<SessionId> {
        self.inner.lock().viewers.keys().copied().collect()
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
        {
            let mut inner = self.inner.lock();
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
        doomed.len() as u64
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
