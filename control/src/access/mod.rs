//! Who may do what: one table of keys and one function that everything asks.

mod keys;

pub use keys::{Key, Set, UnknownKey};
use warren_proto::ids::{ApiKeyId, NodeId, ServerId, SessionId, UserId};

/// What proves that somebody is who they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A browser's log-in.
    Session(SessionId),
    /// A personal API key.
    ApiKey(ApiKeyId),
}

/// Somebody who asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// Their name, for audit rows.
    pub username: String,
    /// May do everything.
    pub admin: bool,
    /// How they proved it.
    pub via: Via,
}

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Nothing in particular: lists, creation, the panel.
    Panel,
    /// One node.
    Node(NodeId),
    /// One server.
    Server {
        /// Which.
        id: ServerId,
        /// Who owns it.
        owner: UserId,
        /// Where it is.
        node: NodeId,
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

/// The one decision. Extractors, tickets and event credentials ask here and nowhere else.
#[must_use]
pub fn decide(actor: &Actor, key: Key, resource: Resource) -> Decision {
    if actor.admin {
        return Decision::Allow;
    }
    match resource {
        Resource::Server { owner, .. } if owner == actor.user => match key.set() {
            Set::Server => Decision::Allow,
            Set::Node | Set::Egg | Set::Person | Set::Admin => Decision::Deny,
        },
        Resource::Server { .. } | Resource::Node(_) => Decision::Hide,
        Resource::Panel => Decision::Deny,
    }
}

/// The keys that an actor holds on a resource, for clients that grey out what is not possible.
#[must_use]
pub fn held(actor: &Actor, resource: Resource) -> Vec<Key> {
    Key::ALL
        .iter()
        .copied()
        .filter(|key| decide(actor, *key, resource) == Decision::Allow)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn actor(admin: bool) -> Actor {
        Actor {
            user: UserId::new(),
            username: "x".into(),
            admin,
            via: Via::Session(SessionId::new()),
        }
    }

    fn server_of(owner: UserId) -> Resource {
        Resource::Server {
            id: ServerId::new(),
            owner,
            node: NodeId::new(),
        }
    }

    #[test]
    fn an_admin_may_do_everything() {
        let admin = actor(true);
        for key in Key::ALL {
            for resource in [
                Resource::Panel,
                Resource::Node(NodeId::new()),
                server_of(UserId::new()),
            ] {
                assert_eq!(decide(&admin, *key, resource), Decision::Allow);
            }
        }
    }

    #[test]
    fn an_owner_has_all_of_the_server_set_on_it_and_nothing_else() {
        let owner = actor(false);
        for key in Key::ALL {
            let on_it = decide(&owner, *key, server_of(owner.user));
            assert_eq!(on_it == Decision::Allow, key.set() == Set::Server, "{key}");
            assert_ne!(on_it, Decision::Hide);
            assert_eq!(decide(&owner, *key, Resource::Panel), Decision::Deny);
        }
    }

    #[test]
    fn a_stranger_does_not_even_learn_that_it_exists() {
        let stranger = actor(false);
        for key in Key::ALL {
            assert_eq!(
                decide(&stranger, *key, server_of(UserId::new())),
                Decision::Hide
            );
            assert_eq!(
                decide(&stranger, *key, Resource::Node(NodeId::new())),
                Decision::Hide
            );
        }
        assert!(held(&stranger, server_of(UserId::new())).is_empty());
    }
}
