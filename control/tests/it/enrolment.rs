use std::time::Duration;

use sea_orm::EntityTrait;
use warren_control::{
    clock::Clock,
    node::{
        credential, push,
        token::{self, TokenAsk},
    },
};
use warren_entity::{join_tokens, nodes, revoked_keys};
use warren_harness::eventually_async;
use warren_proto::{
    bus::{CallError, Creds, Seed, events::Link},
    ids::NodeId,
    join::JoinToken,
    subjects::up,
    wire,
};

use crate::{
    fake_node::{
        FakeNode, connect, register, registration, rejoining, stranger, token_for, token_of,
    },
    on_both, with_two_controls,
    world::{SOON, World},
};

on_both! {
    a_machine_with_a_token_becomes_a_node
    a_token_is_good_for_its_uses_and_no_more
    a_lost_answer_is_given_again_and_burns_nothing
    a_withdrawn_or_wrong_token_is_refused
    a_rejoin_keeps_the_id_and_shuts_the_old_key_out
    a_running_node_is_not_taken_over_by_its_id
    a_node_that_is_away_is_not_taken_over_without_its_key
    a_token_made_for_a_node_takes_it_back_and_no_other
    a_lost_answer_to_a_rejoin_is_given_again
    a_revoked_node_is_shut_out_within_a_second_and_after_a_restart_of_nats
    a_quiet_node_keeps_its_connection_while_accounts_are_pushed
    a_rotated_key_retires_the_old_one_once_it_speaks
    a_hello_with_a_new_key_retires_the_old_one_whoever_saw_it_connect
    renewing_the_same_key_refuses_none
    a_node_that_asks_for_keys_without_end_gets_one
    a_refused_key_is_remembered_until_its_own_end
}
with_two_controls! {
    a_token_is_good_for_its_uses_and_no_more
    a_revoked_node_is_shut_out_within_a_second_and_after_a_restart_of_nats
}

fn code(error: CallError) -> String {
    match error {
        CallError::Failed { code, .. } => code,
        other => panic!("{other}"),
    }
}

async fn node_row(world: &World, node: &FakeNode) -> nodes::Model {
    nodes::Entity::find_by_id(node.id.to_string())
        .one(world.app.db.read())
        .await
        .unwrap()
        .unwrap()
}

async fn a_machine_with_a_token_becomes_a_node(world: World) {
    let node = FakeNode::join(&world).await;
    let row = node_row(&world, &node).await;
    assert_eq!(row.name, "rack-7");
    assert!(row.online);
    assert_eq!(row.current_boot, Some(node.boot.to_string()));
}

async fn a_token_is_good_for_its_uses_and_no_more(world: World) {
    let token = token_of(&world, 3).await;
    let bus = stranger(&token).await;
    let tries = (0..12).map(|_| {
        let (bus, ask) = (
            bus.clone(),
            registration(&token, &nkeys::KeyPair::new_user()),
        );
        async move { register(&bus, &ask).await }
    });
    let results = futures_util::future::join_all(tries).await;
    let taken = results.iter().filter(|r| r.is_ok()).count();
    assert_eq!(taken, 3);
    for refused in results.into_iter().filter_map(Result::err) {
        assert_eq!(code(refused), "token_used_up");
    }
    let rows = nodes::Entity::find()
        .all(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(rows.len(), 3);
    let row = join_tokens::Entity::find_by_id(token.id.to_string())
        .one(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(row.unwrap().uses_left, 0);
}

async fn a_lost_answer_is_given_again_and_burns_nothing(world: World) {
    let token = token_of(&world, 1).await;
    let bus = stranger(&token).await;
    let ask = registration(&token, &nkeys::KeyPair::new_user());
    let first = register(&bus, &ask).await.unwrap();
    let again = register(&bus, &ask).await.unwrap();
    assert_eq!(first.node, again.node);
}

async fn a_withdrawn_or_wrong_token_is_refused(world: World) {
    let token = token_of(&world, 2).await;
    let bus = stranger(&token).await;
    let mut ask = registration(&token, &nkeys::KeyPair::new_user());
    ask.secret = "guessed".into();
    assert_eq!(
        code(register(&bus, &ask).await.unwrap_err()),
        "token_unknown"
    );
    let mut ask = registration(&token, &nkeys::KeyPair::new_user());
    ask.public_key = nkeys::KeyPair::new_user().public_key();
    assert_eq!(code(register(&bus, &ask).await.unwrap_err()), "bad_proof");
    assert!(token::withdraw(&world.app, token.id).await.unwrap());
    // The credential itself is refused by the bus.
    let mut link = bus.link();
    tokio::time::timeout(SOON, link.wait_for(|l| matches!(l, Link::Refused { .. })))
        .await
        .unwrap()
        .unwrap();
}

async fn a_rejoin_keeps_the_id_and_shuts_the_old_key_out(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let (id, old) = leave(&world, node).await;
    let old_key = old.public_key();
    let token = token_of(&world, 1).await;
    let key = nkeys::KeyPair::new_user();
    let ask = rejoining(&token, &key, id, &old);
    let registered = register(&stranger(&token).await, &ask).await.unwrap();
    assert_eq!(registered.node, id.to_string());
    let refused = revoked_keys::Entity::find_by_id(old_key)
        .one(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(refused.unwrap().node_id, Some(id.to_string()));
    let mut node = FakeNode::from_registered(&registered, key).await;
    node.listen().await;
    node.hello().await.unwrap();
    eventually_async("its server to be sent again", SOON, || async {
        let told = node.told.lock().unwrap();
        told.applies
            .iter()
            .any(|a| a.servers.iter().any(|s| s.server == server.to_string()))
            .then_some(())
    })
    .await
    .unwrap();
}

/// Its process ends; the panel shows it as away.
async fn leave(world: &World, node: FakeNode) -> (NodeId, nkeys::KeyPair) {
    node.bus.close(Duration::from_secs(1)).await;
    let (id, key) = (node.id, node.key);
    eventually_async("the node to be away", SOON, || async {
        let row = nodes::Entity::find_by_id(id.to_string())
            .one(world.app.db.read())
            .await
            .unwrap()?;
        (!row.online).then_some(())
    })
    .await
    .unwrap();
    (id, key)
}

async fn uses_left(world: &World, token: &JoinToken) -> i64 {
    let row = join_tokens::Entity::find_by_id(token.id.to_string())
        .one(world.app.db.read())
        .await
        .unwrap();
    row.unwrap().uses_left
}

async fn a_running_node_is_not_taken_over_by_its_id(world: World) {
    let node = FakeNode::join(&world).await;
    let token = token_of(&world, 1).await;
    let ask = rejoining(&token, &nkeys::KeyPair::new_user(), node.id, &node.key);
    let refused = register(&stranger(&token).await, &ask).await.unwrap_err();
    assert_eq!(code(refused), "node_online");
    assert_eq!(uses_left(&world, &token).await, 1, "nothing is half done");
}

async fn a_node_that_is_away_is_not_taken_over_without_its_key(world: World) {
    let victim = FakeNode::join(&world).await;
    let (id, old) = leave(&world, victim).await;
    let (token, other) = (token_of(&world, 5).await, token_of(&world, 1).await);
    let bus = stranger(&token).await;
    let (key, second) = (nkeys::KeyPair::new_user(), nkeys::KeyPair::new_user());
    let mut bare = registration(&token, &key);
    bare.former_node = id.to_string();
    let guessed = rejoining(&token, &key, id, &nkeys::KeyPair::new_user());
    // Heard once, a proof is good for one token and one new key.
    let mut for_another_token = bare.clone();
    for_another_token.former_proof = rejoining(&other, &key, id, &old).former_proof;
    let mut for_another_key = bare.clone();
    for_another_key.former_proof = rejoining(&token, &second, id, &old).former_proof;
    for ask in [bare, guessed, for_another_token, for_another_key] {
        match register(&bus, &ask).await.unwrap_err() {
            CallError::Failed { code, message, .. } => {
                assert_eq!(code, "rejoin_unproven");
                assert!(message.contains("identity.json"), "{message}");
                assert!(message.contains("/api/v1/nodes/tokens"), "{message}");
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(uses_left(&world, &token).await, 5, "nothing is half done");
    let row = nodes::Entity::find_by_id(id.to_string())
        .one(world.app.db.read())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.public_key, old.public_key());
    let none = revoked_keys::Entity::find_by_id(old.public_key())
        .one(world.app.db.read())
        .await
        .unwrap();
    assert!(none.is_none(), "the node's own key is as good as before");
}

async fn a_token_made_for_a_node_takes_it_back_and_no_other(world: World) {
    let node = FakeNode::join(&world).await;
    let other = FakeNode::join(&world).await;
    let token = token_for(&world, node.id).await;
    let bus = stranger(&token).await;
    let key = nkeys::KeyPair::new_user();
    // The key is lost, and with it the identity: the token says who the machine was.
    let ask = registration(&token, &key);
    assert_eq!(code(register(&bus, &ask).await.unwrap_err()), "node_online");
    let (id, old) = leave(&world, node).await;
    let wrong = rejoining(&token, &key, other.id, &other.key);
    assert_eq!(
        code(register(&bus, &wrong).await.unwrap_err()),
        "token_for_other_node"
    );
    assert_eq!(uses_left(&world, &token).await, 1);
    let registered = register(&bus, &ask).await.unwrap();
    assert_eq!(registered.node, id.to_string());
    let refused = revoked_keys::Entity::find_by_id(old.public_key())
        .one(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(refused.unwrap().node_id, Some(id.to_string()));
    let second = registration(&token, &nkeys::KeyPair::new_user());
    assert_eq!(
        code(register(&bus, &second).await.unwrap_err()),
        "token_used_up"
    );
    let of_nobody = TokenAsk {
        node: Some(NodeId::new()),
        local: true,
        ..TokenAsk::default()
    };
    let gone = token::create(&world.app, &of_nobody);
    assert!(matches!(gone.await, Err(token::TokenError::NoNode(_))));
}

async fn a_lost_answer_to_a_rejoin_is_given_again(world: World) {
    let node = FakeNode::join(&world).await;
    let (id, old) = leave(&world, node).await;
    let token = token_of(&world, 1).await;
    let bus = stranger(&token).await;
    let ask = rejoining(&token, &nkeys::KeyPair::new_user(), id, &old);
    for _ in 0..2 {
        assert_eq!(register(&bus, &ask).await.unwrap().node, id.to_string());
    }
}

async fn a_revoked_node_is_shut_out_within_a_second_and_after_a_restart_of_nats(mut world: World) {
    let node = FakeNode::join(&world).await;
    let mut link = node.bus.link();
    let began = std::time::Instant::now();
    assert!(credential::revoke(&world.app, node.id).await.unwrap());
    tokio::time::timeout(SOON, link.wait_for(|l| *l != Link::Up))
        .await
        .unwrap()
        .unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    let refused = link.wait_for(|l| matches!(l, Link::Refused { .. }));
    tokio::time::timeout(SOON, refused).await.unwrap().unwrap();
    world.nats.restart().unwrap();
    let again = connect(world.config.nats_urls.clone(), node.bus.creds()).await;
    let refused = again.ready(SOON).await.unwrap_err();
    assert!(
        matches!(refused, warren_proto::bus::Error::Refused(_)),
        "{refused}"
    );
}

async fn a_rotated_key_retires_the_old_one_once_it_speaks(world: World) {
    let node = FakeNode::join(&world).await;
    let fresh = nkeys::KeyPair::new_user();
    let public = fresh.public_key();
    let renew = wire::Renew {
        proof: fresh
            .sign(format!("{}\n{public}", node.id).as_bytes())
            .unwrap(),
        public_key: public.clone(),
    };
    let renewed: wire::Renewed = node.ask(up::RENEW, &renew).await.unwrap();
    // Killed between the two steps: the old key still gets in.
    let old = connect(world.config.nats_urls.clone(), node.bus.creds()).await;
    old.ready(SOON).await.unwrap();
    let creds = Creds::new(renewed.jwt, Seed::of(&fresh).unwrap()).unwrap();
    let new = connect(world.config.nats_urls.clone(), creds).await;
    new.ready(SOON).await.unwrap();
    let mut link = old.link();
    tokio::time::timeout(SOON, link.wait_for(|l| matches!(l, Link::Refused { .. })))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(node_row(&world, &node).await.public_key, public);
    // A key that nobody proved is not taken.
    let stolen = wire::Renew {
        public_key: nkeys::KeyPair::new_user().public_key(),
        proof: Vec::new(),
    };
    let subject = warren_proto::subjects::ask(node.id, up::RENEW);
    let refused = new
        .call::<wire::Renewed>(
            subject,
            up::RENEW,
            Some(node.id),
            &stolen,
            Duration::from_secs(5),
        )
        .await
        .unwrap_err();
    assert_eq!(code(refused), "refused");
}

/// As if control had been away at the moment in which the new key connected.
async fn a_hello_with_a_new_key_retires_the_old_one_whoever_saw_it_connect(world: World) {
    let node = FakeNode::join(&world).await;
    let fresh = nkeys::KeyPair::new_user();
    let public = fresh.public_key();
    let renew = wire::Renew {
        proof: fresh
            .sign(format!("{}\n{public}", node.id).as_bytes())
            .unwrap(),
        public_key: public.clone(),
    };
    let _: wire::Renewed = node.ask(up::RENEW, &renew).await.unwrap();
    let mut link = node.bus.link();
    let mut hello = node.hello_of();
    hello.public_key = public.clone();
    let text = format!("{}\n{}\n{public}", node.id, node.boot);
    // Whoever has only the old key can't say it.
    hello.key_proof = node.key.sign(text.as_bytes()).unwrap();
    let _: wire::HelloAnswer = node.ask(up::HELLO, &hello).await.unwrap();
    assert_ne!(node_row(&world, &node).await.public_key, public);
    hello.key_proof = fresh.sign(text.as_bytes()).unwrap();
    // Its answer may be lost with the connection that it ends.
    drop(node.ask::<wire::HelloAnswer>(up::HELLO, &hello).await);
    tokio::time::timeout(SOON, link.wait_for(|l| matches!(l, Link::Refused { .. })))
        .await
        .unwrap()
        .unwrap();
    let row = node_row(&world, &node).await;
    assert_eq!((row.public_key, row.pending_key), (public, None));
}

async fn a_quiet_node_keeps_its_connection_while_accounts_are_pushed(world: World) {
    let node = FakeNode::join(&world).await;
    let other = FakeNode::join(&world).await;
    // Whatever pushes the start brought are through once another node's revocation is.
    let mut gone = other.bus.link();
    credential::revoke(&world.app, other.id).await.unwrap();
    tokio::time::timeout(SOON, gone.wait_for(|l| *l != Link::Up))
        .await
        .unwrap()
        .unwrap();
    let mut link = node.bus.link();
    link.mark_unchanged();
    for _ in 0..5 {
        world.app.nudges.revoked();
        assert!(
            tokio::time::timeout(Duration::from_millis(700), link.changed())
                .await
                .is_err()
        );
    }
}

fn renewal(node: &FakeNode, key: &nkeys::KeyPair) -> wire::Renew {
    let public = key.public_key();
    wire::Renew {
        proof: key
            .sign(format!("{}\n{public}", node.id).as_bytes())
            .unwrap(),
        public_key: public,
    }
}

async fn refused_keys(world: &World) -> Vec<revoked_keys::Model> {
    revoked_keys::Entity::find()
        .all(world.app.db.read())
        .await
        .unwrap()
}

async fn renewing_the_same_key_refuses_none(world: World) {
    let node = FakeNode::join(&world).await;
    for _ in 0..3 {
        let renew = renewal(&node, &node.key);
        credential::renew(&world.app, node.id, &renew)
            .await
            .unwrap();
    }
    let row = node_row(&world, &node).await;
    assert_eq!(
        (row.public_key, row.pending_key),
        (node.key.public_key(), None)
    );
    assert!(refused_keys(&world).await.is_empty());
}

async fn a_node_that_asks_for_keys_without_end_gets_one(world: World) {
    let node = FakeNode::join(&world).await;
    let mut ground = (*world.app).clone();
    ground.clock = Clock::standing(world.app.clock.now_ms());
    let fresh = || nkeys::KeyPair::new_user();
    let first = fresh();
    let ask = renewal(&node, &first);
    credential::renew(&ground, node.id, &ask).await.unwrap();
    for _ in 0..50 {
        let again = credential::renew(&ground, node.id, &renewal(&node, &fresh())).await;
        assert!(
            matches!(again, Err(credential::Error::TooSoon)),
            "{again:?}"
        );
    }
    // The same one, whose answer was lost, is given again.
    credential::renew(&ground, node.id, &ask).await.unwrap();
    assert!(refused_keys(&world).await.is_empty());
    // Patience does not help either.
    let mut refused = 0;
    for _ in 0..30 {
        ground.clock.advance(11 * 60_000);
        let again = credential::renew(&ground, node.id, &renewal(&node, &fresh())).await;
        refused += usize::from(matches!(again, Err(credential::Error::TooMany)));
    }
    assert_eq!((refused, refused_keys(&world).await.len()), (22, 8));
    // The key in use is renewed all the same.
    let own = renewal(&node, &node.key);
    credential::renew(&ground, node.id, &own).await.unwrap();
}

async fn a_refused_key_is_remembered_until_its_own_end(world: World) {
    let node = FakeNode::join(&world).await;
    let joined = node_row(&world, &node).await.jwt_expires_at_ms;
    let mut ground = (*world.app).clone();
    let day = 86_400_000;
    ground.clock = Clock::standing(world.app.clock.now_ms() + 30 * day);
    let fresh = nkeys::KeyPair::new_user();
    let renewed = credential::renew(&ground, node.id, &renewal(&node, &fresh))
        .await
        .unwrap();
    assert!(renewed.jwt_expires_at_ms > joined + 29 * day);
    credential::spoke(&ground, node.id, &fresh.public_key())
        .await
        .unwrap();
    let refused = refused_keys(&world).await;
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].public_key, node.key.public_key());
    assert_eq!(refused[0].expires_at_ms, joined, "not the new key's end");
    let row = node_row(&world, &node).await;
    assert_eq!(row.jwt_expires_at_ms, renewed.jwt_expires_at_ms);
    ground.clock.advance(62 * day);
    push::prune(&ground).await.unwrap();
    assert!(refused_keys(&world).await.is_empty());
}
