//! Who may do what: one table of keys and one function that everything asks.

mod door;
mod keys;
pub mod lend;
pub mod load;
pub mod preset;
mod set;

use std::sync::Arc;

pub use door::Door;
pub use keys::{Key, Set, UnknownKey};
pub use set::KeySet;
use warren_proto::ids::{ApiKeyId, LocationId, NodeId, ServerId, SessionId, UserId};

/// What proves that somebody is who they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A browser's log-in.
    Session(SessionId),
    /// A personal API key.
    ApiKey(ApiKeyId),
}

/// What a role that somebody was given is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The whole panel.
    Everything,
    /// All nodes that stand there, and what runs on them.
    Location(LocationId),
    /// One node and what runs on it.
    Node(NodeId),
    /// One server.
    Server(ServerId),
}

/// A role that somebody has at this moment, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The role's keys.
    pub keys: KeySet,
    /// Over what.
    pub reach: Reach,
}

/// Somebody who asks for something, with what they have at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// Their name, for audit rows.
    pub username: String,
    /// May do everything.
    pub admin: bool,
    /// Their roles.
    pub grants: Arc<[Grant]>,
    /// Has rights on servers of others: lists have to look for them.
    pub shared: bool,
    /// How they proved it.
    pub via: Via,
    /// What that proof is good for: an API key may be made for some permission keys alone.
    pub scope: KeySet,
}

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Nothing in particular: lists, creation, the panel.
    Panel,
    /// One node.
    Node {
        /// Which.
        id: NodeId,
        /// Where it stands.
        location: Option<LocationId>,
    },
    /// One server.
    Server {
        /// Which.
        id: ServerId,
        /// Who owns it.
        owner: UserId,
        /// Where it is.
        node: NodeId,
        /// Where that stands.
        location: Option<LocationId>,
        /// What its owner gave to the one who asks.
        shared: KeySet,
    },
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// May see it, may not do this.
    Deny,
    /// May not know that it exists.
    Hide,
}

impl Reach {
    /// Whether a role over this is one over `resource`.
    #[must_use]
    pub fn covers(self, resource: Resource) -> bool {
        let (node_of, location_of, server_of) = match resource {
            Resource::Panel => (None, None, None),
            Resource::Node { id, location } => (Some(id), location, None),
            Resource::Server {
                id, node, location, ..
            } => (Some(node), location, Some(id)),
        };
        match self {
            Self::Everything => true,
            Self::Location(here) => location_of == Some(here),
            Self::Node(node) => node_of == Some(node),
            Self::Server(server) => server_of == Some(server),
        }
    }
}

impl Actor {
    /// The same with at most these keys. An admin has a role of them over everything instead: no shortcut is left.
    #[must_use]
    pub fn within(mut self, scope: KeySet) -> Self {
        self.scope = self.scope & scope;
        self.grants = if self.admin {
            let keys = self.scope;
            let reach = Reach::Everything;
            Arc::new([Grant { keys, reach }])
        } else {
            let narrowed = self.grants.iter().map(|g| Grant {
                keys: g.keys & scope,
                ..*g
            });
            narrowed.collect()
        };
        self.admin = false;
        self
    }

    /// The keys of their roles over something, whether or not they may see it.
    fn granted(&self, resource: Resource) -> KeySet {
        let covering = self.grants.iter().filter(|g| g.reach.covers(resource));
        covering.fold(KeySet::NONE, |all, grant| all | grant.keys)
    }
}

/// The keys that an actor has on a resource. A right over what one may not see is none.
#[must_use]
pub fn held(actor: &Actor, resource: Resource) -> KeySet {
    if actor.admin {
        return KeySet::all();
    }
    let granted = actor.granted(resource);
    match resource {
        Resource::Panel => granted,
        Resource::Node { .. } if granted.has(Key::NodeRead) => granted,
        Resource::Node { .. } => KeySet::NONE,
        Resource::Server { owner, shared, .. } => {
            let of_servers = KeySet::of(Set::Server);
            let own = if owner == actor.user {
                of_servers
            } else {
                shared & of_servers
            };
            let all = granted | (own & actor.scope);
            if (all & of_servers).is_empty() {
                return KeySet::NONE;
            }
            all | KeySet::from_iter([Key::ServerRead])
        }
    }
}

/// The one decision. Extractors, tickets and event credentials ask it and nothing else.
#[must_use]
pub fn decide(actor: &Actor, key: Key, resource: Resource) -> Decision {
    let held = held(actor, resource);
    if held.has(key) {
        return Decision::Allow;
    }
    match resource {
        Resource::Panel => Decision::Deny,
        _ if held.is_empty() => Decision::Hide,
        _ => Decision::Deny,
    }
}

/// Whether an actor may do it.
#[must_use]
pub fn may(actor: &Actor, key: Key, resource: Resource) -> bool {
    decide(actor, key, resource) == Decision::Allow
}

/// What the actor may on some node, of what counts there: for what a page offers, before a node is chosen and decides.
#[must_use]
pub fn on_some_node(actor: &Actor) -> KeySet {
    let places = actor.grants.iter().filter(|grant| match grant.reach {
        Reach::Everything | Reach::Location(_) | Reach::Node(_) => true,
        Reach::Server(_) => false,
    });
    let keys = if actor.admin {
        KeySet::all()
    } else {
        places.fold(KeySet::NONE, |all, grant| all | grant.keys)
    };
    if keys.has(Key::NodeRead) {
        keys & (KeySet::of(Set::Node) | KeySet::from_iter([Key::ServerCreate]))
    } else {
        KeySet::NONE
    }
}

/// Whether an actor sees all servers and all nodes: what is told of none in particular is for them alone.
#[must_use]
pub fn sees_everything(actor: &Actor) -> bool {
    may(actor, Key::ServerRead, Resource::Panel) && may(actor, Key::NodeRead, Resource::Panel)
}

#[cfg(test)]
mod tests;
