//! The decision, held against a model that fits on a page.

#![allow(clippy::unwrap_used)]

use super::*;

fn actor(admin: bool, grants: &[Grant]) -> Actor {
    Actor {
        user: UserId::new(),
        username: "x".into(),
        admin,
        grants: grants.into(),
        shared: false,
        via: Via::Session(SessionId::new()),
        scope: KeySet::all(),
    }
}

fn server_of(owner: UserId) -> Resource {
    Resource::Server {
        id: ServerId::new(),
        owner,
        node: NodeId::new(),
        location: None,
        shared: KeySet::NONE,
    }
}

fn node() -> Resource {
    Resource::Node {
        id: NodeId::new(),
        location: None,
    }
}

fn keys(names: &[Key]) -> KeySet {
    names.iter().copied().collect()
}

#[test]
fn an_admin_may_do_everything() {
    let admin = actor(true, &[]);
    for key in Key::ALL {
        for resource in [Resource::Panel, node(), server_of(UserId::new())] {
            assert_eq!(decide(&admin, *key, resource), Decision::Allow);
        }
    }
}

#[test]
fn an_owner_has_all_of_the_server_set_on_it_and_nothing_else() {
    let owner = actor(false, &[]);
    for key in Key::ALL {
        let on_it = decide(&owner, *key, server_of(owner.user));
        assert_eq!(on_it == Decision::Allow, key.set() == Set::Server, "{key}");
        assert_ne!(on_it, Decision::Hide);
        assert_eq!(decide(&owner, *key, Resource::Panel), Decision::Deny);
    }
}

#[test]
fn a_stranger_does_not_even_learn_that_it_exists() {
    let stranger = actor(false, &[]);
    for key in Key::ALL {
        assert_eq!(
            decide(&stranger, *key, server_of(UserId::new())),
            Decision::Hide
        );
        assert_eq!(decide(&stranger, *key, node()), Decision::Hide);
    }
    assert!(held(&stranger, server_of(UserId::new())).is_empty());
}

#[test]
fn a_share_gives_its_keys_there_and_never_one_of_another_set() {
    let someone = actor(false, &[]);
    let with = |shared| match server_of(UserId::new()) {
        Resource::Server {
            id, owner, node, ..
        } => Resource::Server {
            id,
            owner,
            node,
            location: None,
            shared,
        },
        other => other,
    };
    let given = keys(&[Key::ControlStart, Key::ServerSuspend, Key::NodeDelete]);
    let there = with(given);
    assert_eq!(
        held(&someone, there),
        keys(&[Key::ServerRead, Key::ControlStart])
    );
    assert_eq!(
        decide(&someone, Key::ControlStop, there),
        Decision::Deny,
        "it is seen"
    );
    let nothing = with(keys(&[Key::NodeDelete]));
    assert_eq!(
        decide(&someone, Key::ServerRead, nothing),
        Decision::Hide,
        "rights that are none show nothing"
    );
}

/// What the rules say, without any of the code above: one line a rule.
fn model(actor: &Actor, key: Key, resource: Resource) -> bool {
    let of_servers = |key: Key| key.set() == Set::Server;
    let granted = |key: Key| {
        actor.grants.iter().any(|grant| {
            let there = match (grant.reach, resource) {
                (Reach::Everything, _) => true,
                (Reach::Location(l), Resource::Node { location, .. })
                | (Reach::Location(l), Resource::Server { location, .. }) => location == Some(l),
                (Reach::Node(n), Resource::Node { id, .. }) => n == id,
                (Reach::Node(n), Resource::Server { node, .. }) => n == node,
                (Reach::Server(s), Resource::Server { id, .. }) => s == id,
                _ => false,
            };
            there && grant.keys.has(key)
        })
    };
    let own = |key: Key| match resource {
        Resource::Server { owner, shared, .. } => {
            of_servers(key) && (owner == actor.user || shared.has(key))
        }
        _ => false,
    };
    let any = |key: Key| granted(key) || own(key);
    let sees = match resource {
        Resource::Panel => true,
        Resource::Node { .. } => any(Key::NodeRead),
        Resource::Server { .. } => Key::ALL.iter().any(|k| of_servers(*k) && any(*k)),
    };
    let seeing = key == Key::ServerRead && matches!(resource, Resource::Server { .. });
    actor.admin || (sees && (any(key) || seeing))
}

/// Small numbers, so that people and things meet often.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides
    }

    fn keys(&mut self) -> KeySet {
        let sparse = self.roll(4) > 0;
        let odds = if sparse { 40 } else { 3 };
        Key::ALL
            .iter()
            .copied()
            .filter(|_| self.roll(odds) == 0)
            .collect()
    }
}

#[test]
fn every_mix_of_roles_shares_and_resources_is_decided_as_the_model_does() {
    let ids: Vec<(NodeId, LocationId, ServerId, UserId)> = (0..3)
        .map(|_| {
            (
                NodeId::new(),
                LocationId::new(),
                ServerId::new(),
                UserId::new(),
            )
        })
        .collect();
    let mut dice = Dice(0x5eed_0fa2_1d11);
    let (mut allowed, mut hidden) = (0, 0);
    for _ in 0..20_000 {
        let grants: Vec<Grant> = (0..dice.roll(4))
            .map(|_| Grant {
                keys: dice.keys(),
                reach: match dice.roll(4) {
                    0 => Reach::Everything,
                    1 => Reach::Location(ids[dice.roll(3)].1),
                    2 => Reach::Node(ids[dice.roll(3)].0),
                    _ => Reach::Server(ids[dice.roll(3)].2),
                },
            })
            .collect();
        let mut one = actor(dice.roll(50) == 0, &grants);
        one.user = ids[dice.roll(3)].3;
        let location = [None, Some(ids[dice.roll(3)].1)][dice.roll(2)];
        let resource = match dice.roll(5) {
            0 => Resource::Panel,
            1 => Resource::Node {
                id: ids[dice.roll(3)].0,
                location,
            },
            _ => Resource::Server {
                id: ids[dice.roll(3)].2,
                owner: ids[dice.roll(3)].3,
                node: ids[dice.roll(3)].0,
                location,
                shared: dice.keys(),
            },
        };
        let some = dice.roll(Key::ALL.len());
        for key in [Key::ALL[some], Key::ServerRead, Key::NodeRead] {
            let decision = decide(&one, key, resource);
            let may = decision == Decision::Allow;
            assert_eq!(
                may,
                model(&one, key, resource),
                "{key} {one:?} {resource:?}"
            );
            assert_eq!(may, held(&one, resource).has(key));
            allowed += usize::from(may);
            hidden += usize::from(decision == Decision::Hide);
        }
    }
    assert!(allowed > 5000 && hidden > 5000, "{allowed} {hidden}");
}
