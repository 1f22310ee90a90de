//! Control's side of the SYS account: pushing account JWTs (which is how a revocation happens) and seeing
//! connections end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::accounts::{Account, Realm, Revocations, Storage};
use super::client::{Bus, Error, Subscription};
use super::jwt;
use crate::ids::NodeId;

#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error(transparent)]
    Bus(#[from] Error),
    #[error(transparent)]
    Jwt(#[from] jwt::Error),
}

/// What servers said to a pushed account JWT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Server id to its name, of those that took it.
    pub taken: BTreeMap<String, String>,
    /// Server id to its words, of those that did not.
    pub refused: BTreeMap<String, String>,
    /// Of the account's JWT: it has to fit into one message.
    pub bytes: usize,
}

impl Pushed {
    /// Whether this server has answered, perhaps under the new id that it got by a restart.
    fn answered(&self, id: &str, name: &str) -> bool {
        self.refused.contains_key(id) || self.took(id, name)
    }

    fn took(&self, id: &str, name: &str) -> bool {
        self.taken.contains_key(id) || (!name.is_empty() && self.taken.values().any(|n| n == name))
    }
}

/// Pushes account JWTs with an `iat` that only rises: servers keep the newer one, and two in one second would
/// leave each with its own.
///
/// A push is not free: nats-server (2.9.10, 2.15.1) builds the account's exports and imports anew, and every answer
/// that is on its way across them at that moment is dropped. [`Pusher::needs`] says when one is due.
pub struct Pusher {
    bus: Bus,
    storage: Storage,
    last_iat: BTreeMap<Account, i64>,
    held: BTreeMap<Account, Held>,
    /// Server id to name, as last seen.
    known: BTreeMap<String, String>,
}

impl Pusher {
    /// `bus` is a connection with [`Realm::sys_creds`].
    pub fn new(bus: Bus, storage: Storage) -> Self {
        Self {
            bus,
            storage,
            last_iat: BTreeMap::new(),
            held: BTreeMap::new(),
            known: BTreeMap::new(),
        }
    }

    /// Whether a push would tell any known server something: a key that it does not refuse yet. Keys that need no
    /// refusing any more are no reason; they leave with the next push.
    pub fn needs(&self, account: Account, revocations: &Revocations) -> bool {
        self.held
            .get(&account)
            .is_none_or(|held| !held.covers(revocations, self.known.keys()))
    }

    /// Signs the account with these revocations and hands it to all servers. Returns as soon as every known
    /// server has answered, else after `within` with those that did: repeat until [`Pusher::missing`] is empty.
    /// # Errors
    /// [`PushError::Bus`] while not connected; whoever pushes has stored the revocation before and pushes again.
    pub async fn push(
        &mut self,
        realm: &Realm,
        account: Account,
        revocations: &Revocations,
        now_s: i64,
        within: Duration,
    ) -> Result<Pushed, PushError> {
        let last = self.last_iat.get(&account).copied().unwrap_or(i64::MIN);
        let iat = now_s.max(last.saturating_add(1));
        let jwt = realm.account_jwt(account, self.storage, revocations, iat)?;
        self.last_iat.insert(account, iat);
        let mut pushed = Pushed {
            bytes: jwt.len(),
            ..Pushed::default()
        };
        let known = &self.known;
        self.gather("$SYS.REQ.CLAIMS.UPDATE", jwt, within, |answer| {
            let id = answer.server.id;
            match answer.error {
                None => pushed.taken.insert(id, answer.server.name),
                Some(error) => pushed.refused.insert(id, error.description),
            };
            !known.is_empty() && known.iter().all(|(id, name)| pushed.answered(id, name))
        })
        .await?;
        let held = Held {
            revocations: revocations.clone(),
            taken: pushed.taken.keys().cloned().collect(),
        };
        self.held.insert(account, held);
        Ok(pushed)
    }

    /// Known servers that did not take what was pushed, by name.
    pub fn missing(&self, pushed: &Pushed) -> Vec<String> {
        let missing = self
            .known
            .iter()
            .filter(|(id, name)| !pushed.took(id, name));
        missing.map(|(_, name)| name.clone()).collect()
    }

    /// Asks every server of the cluster for its name; waits all of `within`, because none knows how many there
    /// are. What it finds is what [`Pusher::push`] waits for.
    /// # Errors
    /// [`PushError::Bus`] while not connected.
    pub async fn look_around(
        &mut self,
        within: Duration,
    ) -> Result<&BTreeMap<String, String>, PushError> {
        let mut found = BTreeMap::new();
        self.gather("$SYS.REQ.SERVER.PING", String::new(), within, |answer| {
            found.insert(answer.server.id, answer.server.name);
            false
        })
        .await?;
        self.known = found;
        Ok(&self.known)
    }

    async fn gather(
        &self,
        subject: &str,
        body: String,
        within: Duration,
        mut take: impl FnMut(Answer) -> bool,
    ) -> Result<(), PushError> {
        let until = Instant::now() + within;
        let inbox = self.bus.raw().new_inbox();
        let mut answers = self.bus.subscribe(inbox.clone(), 256).await?;
        self.bus
            .publish_with_reply(subject.into(), inbox, body.into())
            .await?;
        while let Ok(Some(message)) = timeout_at(until, answers.next()).await {
            match serde_json::from_slice::<Answer>(&message.payload) {
                Ok(answer) => {
                    if take(answer) {
                        break;
                    }
                }
                Err(error) => tracing::warn!(%error, "a nats-server answered in an unknown shape"),
            }
        }
        Ok(())
    }
}

/// What was pushed last, and the ids of the servers that took it.
struct Held {
    revocations: Revocations,
    taken: BTreeSet<String>,
}

impl Held {
    /// By id: a server that was started anew has another one and is told again.
    fn covers<'a>(
        &self,
        revocations: &Revocations,
        mut servers: impl Iterator<Item = &'a String>,
    ) -> bool {
        revocations
            .iter()
            .all(|(key, until)| self.revocations.get(key) == Some(until))
            && servers.all(|id| self.taken.contains(id))
    }
}

#[derive(Deserialize)]
struct Answer {
    server: ServerName,
    #[serde(default)]
    error: Option<ServerError>,
}

#[derive(Deserialize)]
struct ServerName {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct ServerError {
    #[serde(default)]
    description: String,
}

/// A connection that began or ended, told by the server itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The name in its credential; `None` if that is no node (an enrolling machine).
    pub node: Option<NodeId>,
    /// Public nkey: tells an old credential's connection from the new one's.
    pub user_key: String,
    pub connected: bool,
    /// The server's words on why it ended: "Credentials Revoked", "Client Closed", …
    pub reason: Option<String>,
}

/// Who connects to and goes from `account`. Quick, and lost with the connection: use it beside heartbeats.
pub struct Presences {
    events: Subscription,
}

impl Presences {
    /// # Errors
    /// As [`Bus::subscribe`].
    pub async fn watch(bus: &Bus, realm: &Realm, account: Account) -> Result<Self, PushError> {
        let account = realm.public(account)?;
        let events = bus
            .subscribe(format!("$SYS.ACCOUNT.{account}.*"), 16_384)
            .await?;
        Ok(Self { events })
    }

    /// `None` once the connection is closed for good.
    pub async fn next(&mut self) -> Option<Presence> {
        loop {
            let message = self.events.next().await?;
            let connected = match message.subject.rsplit('.').next() {
                Some("CONNECT") => true,
                Some("DISCONNECT") => false,
                _ => continue,
            };
            match serde_json::from_slice::<ConnectionEvent>(&message.payload) {
                Ok(event) => return Some(event.into_presence(connected)),
                Err(error) => tracing::warn!(%error, "a connection event of unknown shape"),
            }
        }
    }

    pub fn dropped(&self) -> u64 {
        self.events.dropped()
    }
}

#[derive(Deserialize)]
struct ConnectionEvent {
    client: ConnectionClient,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct ConnectionClient {
    #[serde(default)]
    user: String,
    /// The credential that the server has checked. `name` beside it is the client's own claim and is not
    /// looked at, and `name_tag` is the user's name in 2.9 but the account's in 2.12.
    #[serde(default)]
    jwt: String,
}

impl ConnectionEvent {
    fn into_presence(self, connected: bool) -> Presence {
        let claims = jwt::read::<jwt::User>(&self.client.jwt).ok();
        let name = claims.filter(|c| c.sub == self.client.user).map(|c| c.name);
        Presence {
            node: name.and_then(|n| n.parse().ok()),
            user_key: self.client.user,
            connected,
            reason: self.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_due_for_a_new_key_a_later_moment_and_a_new_server_only() {
        let held = Held {
            revocations: [("UA".to_owned(), 10), ("UB".to_owned(), 20)].into(),
            taken: ["N1".to_owned()].into(),
        };
        let covers = |keys: &[(&str, i64)], servers: &[&str]| {
            let keys = keys.iter().map(|(k, at)| ((*k).to_owned(), *at)).collect();
            let servers: Vec<String> = servers.iter().map(|s| (*s).to_owned()).collect();
            held.covers(&keys, servers.iter())
        };
        assert!(covers(&[("UA", 10), ("UB", 20)], &["N1"]));
        assert!(covers(&[("UA", 10)], &["N1"]), "one less is no reason");
        assert!(covers(&[("UA", 10)], &[]), "no server known yet");
        assert!(!covers(&[("UA", 11)], &["N1"]), "refused to a later moment");
        assert!(!covers(&[("UC", 10)], &["N1"]));
        assert!(
            !covers(&[("UA", 10)], &["N1", "N2"]),
            "it has not been told"
        );
    }
}
