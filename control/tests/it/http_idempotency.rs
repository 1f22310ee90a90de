//! Requests that are sent again under one key.

use reqwest::Method;
use sea_orm::{EntityTrait, sea_query::Expr};
use serde_json::{Value, json};
use warren_control::{db::Lane, http::idempotency};
use warren_entity::{idempotent_requests, roles};

use crate::{
    http_panel::{Answer, Panel, Person},
    on_both, with_two_controls,
    world::World,
};

on_both! {
    what_is_sent_again_is_done_once_and_answered_alike
    what_was_refused_is_tried_again
    of_what_was_broken_off_nobody_knows
    a_key_is_its_senders_own
}

with_two_controls! {
    of_many_at_once_one_is_carried_out
}

async fn post(person: &Person, path: &str, key: &str, body: &Value) -> Answer {
    let request = person.request(Method::POST, &format!("/api/v1{path}"));
    let request = request.header("idempotency-key", key).json(body);
    Answer::of(request.send().await.unwrap()).await
}

async fn roles_of(panel: &Panel) -> usize {
    let rows = roles::Entity::find().all(panel.world.app.db.read()).await;
    rows.unwrap().len()
}

async fn what_is_sent_again_is_done_once_and_answered_alike(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let body = json!({"name": "robot"});
    let first = post(&root, "/account/api-keys", "k1", &body).await;
    let again = post(&root, "/account/api-keys", "k1", &body).await;
    assert_eq!(first.status, 201);
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    let keys = root.get("/account/api-keys").await.expect(200);
    assert_eq!(keys["items"].as_array().unwrap().len(), 1);
    // The secret that it shows lies nowhere in plain.
    let secret = first.expect(201)["secret"].as_str().unwrap().to_owned();
    let db = panel.world.app.db.read();
    let row = idempotent_requests::Entity::find()
        .one(db)
        .await
        .unwrap()
        .unwrap();
    let stored = row.body.unwrap();
    assert!(
        !stored
            .windows(secret.len())
            .any(|part| part == secret.as_bytes())
    );
    let other = post(
        &root,
        "/account/api-keys",
        "k1",
        &json!({"name": "another"}),
    )
    .await;
    assert_eq!(other.fields(), ["idempotency-key reused"]);
    let elsewhere = post(&root, "/roles", "k1", &body).await;
    assert_eq!(elsewhere.fields(), ["idempotency-key reused"]);
    let long = post(&root, "/roles", &"x".repeat(256), &body).await;
    assert_eq!(long.fields(), ["idempotency-key invalid"]);
    // A day later it is a request like any other.
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    idempotent_requests::Entity::update_many()
        .col_expr(idempotent_requests::Column::CreatedAtMs, Expr::value(1))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(idempotency::prune(&panel.world.app).await.unwrap(), 1);
    let anew = post(&root, "/account/api-keys", "k1", &body).await;
    assert!(!anew.headers.contains_key("idempotency-replayed"));
    assert_ne!(anew.expect(201)["secret"], secret);
}

async fn what_was_refused_is_tried_again(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let ask = json!({"name": "Support", "keys": []});
    let made = root.post("/roles", ask.clone()).await.expect(201);
    let taken = post(&root, "/roles", "k", &ask).await;
    assert_eq!(taken.fields(), ["name taken"]);
    let path = format!("/roles/{}", made["id"].as_str().unwrap());
    root.delete(&path).await.expect(204);
    post(&root, "/roles", "k", &ask).await.expect(201);
    post(&root, "/roles", "k", &ask).await.expect(201);
    assert_eq!(roles_of(&panel).await, 1);
}

async fn of_what_was_broken_off_nobody_knows(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let ask = json!({"name": "Support", "keys": []});
    post(&root, "/roles", "k", &ask).await.expect(201);
    let set = async |created_at_ms: i64| {
        let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
        idempotent_requests::Entity::update_many()
            .col_expr(
                idempotent_requests::Column::Status,
                Expr::value(None::<i32>),
            )
            .col_expr(
                idempotent_requests::Column::CreatedAtMs,
                Expr::value(created_at_ms),
            )
            .exec(&*tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    let now_ms = panel.world.app.clock.now_ms();
    set(now_ms).await;
    let busy = post(&root, "/roles", "k", &ask).await;
    assert!(busy.headers.contains_key("retry-after"));
    assert_eq!(busy.problem(503), "idempotency_in_progress");
    set(now_ms - 61_000).await;
    let unknown = post(&root, "/roles", "k", &ask).await;
    assert_eq!(unknown.problem(409), "outcome_unknown");
}

async fn a_key_is_its_senders_own(world: World) {
    let panel = Panel::open(world).await;
    let (ann, bob) = (
        panel.logged_in("ann", false).await,
        panel.logged_in("bob", false).await,
    );
    let body = json!({"name": "robot"});
    let of_ann = post(&ann, "/account/api-keys", "k", &body)
        .await
        .expect(201);
    let of_bob = post(&bob, "/account/api-keys", "k", &body)
        .await
        .expect(201);
    assert_ne!(of_ann["secret"], of_bob["secret"]);
    let nobody = post(&panel.nobody(), "/account/api-keys", "k", &body).await;
    assert_eq!(nobody.problem(401), "not_logged_in");
    // Who is out hears nothing again.
    ann.delete("/session").await.expect(204);
    let ended = post(&ann, "/account/api-keys", "k", &body).await;
    assert_eq!(ended.problem(401), "session_ended");
}

async fn of_many_at_once_one_is_carried_out(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let there = panel.elsewhere(&root);
    let ask = json!({"name": "Support", "keys": []});
    let many = (0..24).map(|n| post(if n % 2 == 0 { &root } else { &there }, "/roles", "k", &ask));
    let answers = futures_util::future::join_all(many).await;
    let mut made = Vec::new();
    for answer in answers {
        match answer.status.as_u16() {
            201 => made.push(answer.expect(201)["id"].clone()),
            _ => assert_eq!(answer.problem(503), "idempotency_in_progress"),
        }
    }
    made.dedup();
    assert_eq!(made.len(), 1, "one role, whoever tells of it");
    assert_eq!(roles_of(&panel).await, 1);
}
