//! What an API key is for, where it may come from and how often.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use warren_entity::audit_log;

use crate::{
    fake_node::FakeNode,
    http_panel::{Panel, Person},
    on_both,
    world::World,
};

on_both! {
    a_key_for_some_permissions_has_no_others_whoever_made_it
    a_key_for_nodes_sees_no_server
    a_key_of_an_admin_makes_nothing_stronger_than_itself
    a_key_is_good_from_its_own_addresses_alone
    a_key_for_few_requests_is_told_to_wait
    what_a_key_can_not_be_for_is_named
}

async fn key(panel: &Panel, owner: &Person, more: Value) -> Person {
    let mut body = json!({"name": "robot"});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let made = owner.post("/account/api-keys", body).await.expect(201);
    let mut robot = panel.nobody();
    robot.key = made["secret"].as_str().map(str::to_owned);
    robot.id = owner.id;
    robot
}

async fn a_key_for_some_permissions_has_no_others_whoever_made_it(world: World) {
    let panel = Panel::open(world).await;
    let node = FakeNode::join(&panel.world).await;
    let owner = panel.logged_in("ann", false).await;
    let server = panel.world.server_of(node.id, owner.id.unwrap()).await;
    let path = format!("/servers/{server}");
    let root = panel.as_admin().await;
    for maker in [&root, &owner] {
        let robot = key(&panel, maker, json!({"keys": ["control.start"]})).await;
        let seen = robot.get("/servers").await.expect(200);
        assert_eq!(seen["items"].as_array().unwrap().len(), 1);
        robot.get(&path).await.expect(200);
        let power = async |signal: &str| {
            robot
                .post(&format!("{path}/power"), json!({"action": signal}))
                .await
        };
        assert_ne!(power("start").await.status, 403);
        assert_eq!(power("kill").await.problem(403), "forbidden");
        let typed = robot
            .post(&format!("{path}/input"), json!({"line": "x"}))
            .await;
        assert_eq!(typed.problem(403), "forbidden");
        assert_eq!(
            robot.delete(&format!("{path}?name=x")).await.problem(403),
            "forbidden"
        );
        assert_eq!(robot.get("/users").await.problem(403), "forbidden");
        assert_eq!(robot.get("/audit").await.problem(403), "forbidden");
        let session = robot.get("/session").await.expect(200);
        let panel_wide = session["permissions"].as_array().unwrap();
        assert!(
            panel_wide.iter().all(|k| k == "control.start"),
            "{panel_wide:?}"
        );
    }
    // What its maker loses, it loses.
    let robot = key(&panel, &owner, json!({"keys": ["audit.read"]})).await;
    assert_eq!(
        robot.get("/audit").await.problem(403),
        "forbidden",
        "nor does it gain"
    );
}

async fn a_key_for_nodes_sees_no_server(world: World) {
    let panel = Panel::open(world).await;
    let node = FakeNode::join(&panel.world).await;
    let owner = panel.logged_in("ann", false).await;
    let server = panel.world.server_of(node.id, owner.id.unwrap()).await;
    let root = panel.as_admin().await;
    for maker in [&root, &owner] {
        let robot = key(&panel, maker, json!({"keys": ["node.read"]})).await;
        let seen = robot.get("/servers").await.expect(200);
        assert_eq!(seen["items"], json!([]));
        let one = robot.get(&format!("/servers/{server}")).await;
        assert_eq!(one.problem(404), "not_found");
    }
    let robot = key(&panel, &root, json!({"keys": ["node.read"]})).await;
    let nodes = robot.get("/nodes").await.expect(200);
    assert_eq!(nodes["items"].as_array().unwrap().len(), 1);
}

async fn a_key_of_an_admin_makes_nothing_stronger_than_itself(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let ann = panel.logged_in("ann", false).await;
    let keys = [
        "role.read",
        "role.create",
        "role.update",
        "person.read",
        "person.update",
    ];
    let robot = key(&panel, &root, json!({"keys": keys})).await;
    let strong = json!({"name": "Strong", "keys": ["audit.read"]});
    assert_eq!(
        robot.post("/roles", strong).await.problem(403),
        "more_than_own"
    );
    robot
        .post("/roles", json!({"name": "Weak", "keys": ["person.read"]}))
        .await
        .expect(201);
    let reset = robot
        .post(&format!("/users/{}/password", ann.id.unwrap()), json!({}))
        .await;
    reset.expect(201);
    let admin = robot
        .patch(
            &format!("/users/{}", ann.id.unwrap()),
            json!({"admin": true}),
        )
        .await;
    assert_eq!(admin.problem(403), "more_than_own");
    let other = panel.logged_in("root2", true).await;
    let reset = robot
        .post(&format!("/users/{}/password", other.id.unwrap()), json!({}))
        .await;
    assert_eq!(
        reset.problem(403),
        "more_than_own",
        "an admin has more than it"
    );
    // It ends itself and nothing else.
    let list = root.get("/account/api-keys").await.expect(200);
    let own = list["items"][0]["id"].as_str().unwrap().to_owned();
    let full = root
        .post("/account/api-keys", json!({"name": "full"}))
        .await
        .expect(201);
    let full = full["key"]["id"].as_str().unwrap();
    let refused = robot.delete(&format!("/account/api-keys/{full}")).await;
    assert_eq!(refused.problem(403), "forbidden");
    robot
        .delete(&format!("/account/api-keys/{own}"))
        .await
        .expect(204);
    assert_eq!(robot.get("/session").await.problem(401), "bad_api_key");
}

async fn a_key_is_good_from_its_own_addresses_alone(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let here = key(
        &panel,
        &ann,
        json!({"addresses": ["10.0.0.0/8", "127.0.0.1"]}),
    )
    .await;
    here.get("/account").await.expect(200);
    let there = key(&panel, &ann, json!({"addresses": ["2001:db8::/32"]})).await;
    for _ in 0..3 {
        let refused = there.get("/account").await;
        assert_eq!(refused.problem(403), "address_not_allowed");
    }
    let noted = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("api_key.refused"))
        .count(panel.world.app.db.read())
        .await
        .unwrap();
    assert_eq!(noted, 1, "once a minute");
    let list = ann.get("/account/api-keys").await.expect(200);
    assert_eq!(
        list["items"][0]["last_used_at"],
        json!(null),
        "refused is not used"
    );
}

async fn a_key_for_few_requests_is_told_to_wait(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let robot = key(&panel, &ann, json!({"requests_per_minute": 2})).await;
    robot.get("/account").await.expect(200);
    robot.get("/account").await.expect(200);
    let refused = robot.get("/account").await;
    assert_eq!(refused.headers["retry-after"], "30");
    assert_eq!(refused.problem(429), "too_many_requests");
    ann.get("/account").await.expect(200);
}

async fn what_a_key_can_not_be_for_is_named(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    for (body, wrong) in [
        (json!({"keys": []}), "keys required"),
        (json!({"keys": ["control.fly"]}), "keys.0 unknown"),
        (json!({"addresses": []}), "addresses out_of_range"),
        (
            json!({"addresses": ["10.0.0.0/8", "here"]}),
            "addresses.1 invalid",
        ),
        (
            json!({"requests_per_minute": 0}),
            "requests_per_minute out_of_range",
        ),
        (
            json!({"requests_per_minute": 3001}),
            "requests_per_minute out_of_range",
        ),
    ] {
        let mut whole = json!({"name": "robot"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(body.as_object().unwrap().clone());
        let refused = ann.post("/account/api-keys", whole).await;
        assert_eq!(refused.fields(), [wrong], "{body}");
    }
    let list = ann.get("/account/api-keys").await.expect(200);
    assert_eq!(list["items"], json!([]));
}
