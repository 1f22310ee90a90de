//! People who may do nothing for a while.

use serde_json::json;
use warren_control::{
    consumer::review,
    node::{
        enroll,
        token::{self, TokenAsk},
    },
};

use crate::{
    fake_node::FakeNode,
    http_panel::{PASSWORD, Panel},
    on_both,
    world::World,
};

on_both! {
    every_door_of_somebody_suspended_is_closed_until_it_is_lifted
    nobody_suspends_whom_they_may_not_change_nor_the_last_admin
}

async fn every_door_of_somebody_suspended_is_closed_until_it_is_lifted(world: World) {
    let panel = Panel::open(world).await;
    let node = FakeNode::join(&panel.world).await;
    let root = panel.as_admin().await;
    let ann = panel.logged_in("ann", false).await;
    let server = panel.world.server_of(node.id, ann.id.unwrap()).await;
    let made = ann
        .post("/account/api-keys", json!({"name": "k"}))
        .await
        .expect(201);
    let mut robot = panel.nobody();
    robot.key = made["secret"].as_str().map(str::to_owned);
    let ticket = ann
        .post(&format!("/servers/{server}/ticket"), json!({}))
        .await
        .expect(200);
    let renew = warren_proto::wire::TicketRenew {
        ticket: ticket["ticket"].as_str().unwrap().into(),
    };
    let app = &panel.world.app;
    warren_control::gate::renew(app, &renew).await.unwrap();
    let body = json!({"name": "bot", "servers": [server.to_string()]});
    ann.post("/event-consumers", body).await.expect(201);
    let path = format!("/users/{}/suspension", ann.id.unwrap());
    let long = root.put(&path, json!({"reason": "x".repeat(513)})).await;
    assert_eq!(long.fields(), ["reason too_long"]);
    let reason = json!({"reason": "Unpaid since October"});
    let shown = root.put(&path, reason).await.expect(200);
    assert_eq!(shown["suspended"]["reason"], "Unpaid since October");
    // Every door, also those that look as if they were open still.
    assert_eq!(ann.get("/account").await.problem(401), "session_ended");
    let refused = robot.get("/account").await;
    assert!(
        refused.text.contains("Unpaid since October"),
        "{}",
        refused.text
    );
    assert_eq!(refused.problem(403), "account_suspended");
    let mut again = panel.nobody();
    assert_eq!(
        again.log_in("ann", "guess").await.problem(401),
        "bad_credentials"
    );
    assert_eq!(
        again.log_in("ann", PASSWORD).await.problem(403),
        "account_suspended"
    );
    warren_control::gate::renew(app, &renew).await.unwrap_err();
    review::review(app).await.unwrap();
    let left = root.get("/event-consumers").await.expect(200);
    assert_eq!(left["items"], json!([]));
    // What they own goes on and is looked after by others.
    root.get(&format!("/servers/{server}")).await.expect(200);
    // The reason can be put right without another beginning.
    let since = shown["suspended"]["since"].clone();
    let shown = root.put(&path, json!({"reason": ""})).await.expect(200);
    assert_eq!(shown["suspended"], json!({"since": since, "reason": ""}));
    root.delete(&path).await.expect(200);
    assert_eq!(root.delete(&path).await.problem(409), "not_suspended");
    robot.get("/account").await.expect(200);
    again.log_in("ann", PASSWORD).await.expect(200);
    let log = root.get("/audit?action=person.suspend").await.expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 3);
}

async fn nobody_suspends_whom_they_may_not_change_nor_the_last_admin(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let of =
        |person: &crate::http_panel::Person| format!("/users/{}/suspension", person.id.unwrap());
    let bob = panel.logged_in("bob", false).await;
    assert_eq!(
        bob.put(&of(&root), json!({})).await.problem(403),
        "forbidden"
    );
    let role = json!({"name": "Door", "keys": ["person.suspend"]});
    let role = root.post("/roles", role).await.expect(201);
    let give = json!({"user": bob.id.unwrap().to_string(), "reach": "everything"});
    let path = format!("/roles/{}/grants", role["id"].as_str().unwrap());
    root.post(&path, give).await.expect(201);
    assert_eq!(
        bob.put(&of(&root), json!({})).await.problem(403),
        "more_than_own"
    );
    assert_eq!(
        bob.put(&of(&bob), json!({})).await.problem(409),
        "own_account"
    );
    let ann = panel.logged_in("ann", false).await;
    bob.put(&of(&ann), json!({})).await.expect(200);
    // Two admins: one can be suspended, and then the other is the last.
    let other = panel.logged_in("other", true).await;
    root.put(&of(&other), json!({})).await.expect(200);
    let demote = json!({"admin": false});
    let own = root
        .patch(&format!("/users/{}", root.id.unwrap()), demote)
        .await;
    assert_eq!(own.problem(409), "own_account");
    // A suspended maker's join token is worth nothing.
    let third = panel.logged_in("third", true).await;
    let ask = TokenAsk {
        created_by: third.id,
        local: true,
        ..TokenAsk::default()
    };
    let token = token::create(&panel.world.app, &ask).await.unwrap();
    root.put(&of(&third), json!({})).await.expect(200);
    let token = warren_proto::join::JoinToken::decode(&token.token).unwrap();
    let key = nkeys::KeyPair::new_user();
    let refused = enroll::register(
        &panel.world.app,
        &crate::fake_node::registration(&token, &key),
    )
    .await;
    assert!(refused.is_err());
}
