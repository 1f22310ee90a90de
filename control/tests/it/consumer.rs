use std::time::Duration;

use async_nats::jetstream;
use futures_util::StreamExt;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use warren_control::{
    consumer::{self, Wanted, review},
    db::Lane,
};
use warren_entity::{audit_log, servers, users};
use warren_harness::eventually_async;
use warren_proto::{
    bus::{Bus, Creds, events::Link},
    ids::ServerId,
    wire::State,
};

use crate::{
    fake_node::{FakeNode, connect},
    http_panel::{Panel, Person},
    on_both,
    world::{SOON, World},
};

on_both! {
    a_consumer_gets_its_servers_events_live_and_by_replay_and_no_others
    a_revoked_consumer_is_shut_out
    an_inbox_is_named_by_its_credential_alone
    a_credential_ends_with_the_key_that_made_it
    a_credential_ends_with_the_right_to_one_of_its_servers
    a_credential_for_all_ends_with_its_makers_power
    a_deleted_server_takes_nobodys_credential_along
    a_person_has_some_consumers_and_no_more
}

async fn consumer(world: &World, servers: Vec<ServerId>) -> (consumer::Created, Bus) {
    let wanted = Wanted {
        name: "grafana".into(),
        servers: Some(servers),
        expires_in_s: Some(3600),
        created_by: None,
        api_key: None,
    };
    let made = consumer::create(&world.app, &wanted).await.unwrap();
    let creds = Creds::from_file_text(&made.creds).unwrap();
    let bus = connect(made.nats_urls.clone(), creds).await;
    bus.ready(SOON).await.unwrap();
    (made, bus)
}

async fn pull(bus: &Bus, durables: &[String]) -> Vec<String> {
    let mut subjects = Vec::new();
    for durable in durables {
        let context = jetstream::with_prefix(bus.raw().clone(), "CORE.API");
        let stream = context.get_stream_no_info("EVENT").await.unwrap();
        let consumer: jetstream::consumer::PullConsumer =
            stream.get_consumer(durable).await.unwrap();
        let mut messages = consumer
            .fetch()
            .max_messages(100)
            .expires(Duration::from_millis(400))
            .messages()
            .await
            .unwrap();
        while let Some(Ok(message)) = messages.next().await {
            message.ack().await.unwrap();
            subjects.push(message.subject.to_string());
        }
    }
    subjects
}

async fn a_consumer_gets_its_servers_events_live_and_by_replay_and_no_others(world: World) {
    let mut node = FakeNode::join(&world).await;
    let (a, b, c) = (
        world.server(node.id).await,
        world.server(node.id).await,
        world.server(node.id).await,
    );
    let batch = vec![
        node.boot_started(None),
        node.state(a, State::New, State::Stopped),
        node.state(b, State::New, State::Stopped),
        node.state(c, State::New, State::Stopped),
    ];
    node.upload_surely(batch).await;
    let (made, bus) = consumer(&world, vec![a, b]).await;
    assert_eq!(
        made.subjects,
        [format!("event.server.{a}.>"), format!("event.server.{b}.>")]
    );
    let replayed = eventually_async("the events from before", SOON, || async {
        let got = pull(&bus, &made.durables).await;
        (!got.is_empty()).then_some(got)
    })
    .await
    .unwrap();
    for subject in &replayed {
        assert!(!subject.contains(&c.to_string()), "{subject}");
    }
    let mut live = bus.subscribe(made.subjects[0].clone(), 10).await.unwrap();
    let mut foreign = bus
        .subscribe(format!("event.server.{c}.>"), 10)
        .await
        .unwrap();
    let seen = loop {
        let batch = vec![
            node.state(a, State::Stopped, State::Starting),
            node.state(a, State::Starting, State::Stopped),
            node.state(c, State::Stopped, State::Starting),
            node.state(c, State::Starting, State::Stopped),
        ];
        node.upload_surely(batch).await;
        if let Ok(Some(message)) = tokio::time::timeout(Duration::from_secs(2), live.next()).await {
            break message;
        }
    };
    let event: serde_json::Value = serde_json::from_slice(&seen.payload).unwrap();
    assert_eq!(
        (&event["specversion"], &event["type"]),
        (&"1.0".into(), &"warren.server.state".into())
    );
    assert!(foreign.try_next().is_none());
}

async fn a_revoked_consumer_is_shut_out(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let (made, bus) = consumer(&world, vec![server]).await;
    let mut link = bus.link();
    let began = std::time::Instant::now();
    assert!(consumer::revoke(&world.app, made.id).await.unwrap());
    tokio::time::timeout(SOON, link.wait_for(|l| *l != Link::Up))
        .await
        .unwrap()
        .unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

async fn an_inbox_is_named_by_its_credential_alone(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let (made, bus) = consumer(&world, vec![server]).await;
    assert_eq!(made.inbox_prefix, format!("_INB.{}", bus.id()));
    assert!(!made.inbox_prefix.contains(&made.id.to_string()));
    for durable in &made.durables {
        assert!(!made.inbox_prefix.contains(durable));
    }
    // It works: an answer arrives there.
    assert!(pull(&bus, &made.durables).await.is_empty());
}

async fn made_by(person: &Person, servers: Value) -> (String, Bus) {
    let ask = json!({"name": "grafana", "servers": servers});
    let made = person.post("/event-consumers", ask).await.expect(201);
    let creds = Creds::from_file_text(made["creds"].as_str().unwrap()).unwrap();
    let urls: Vec<String> = serde_json::from_value(made["nats_urls"].clone()).unwrap();
    let bus = connect(urls, creds).await;
    bus.ready(SOON).await.unwrap();
    (made["consumer"]["id"].as_str().unwrap().to_owned(), bus)
}

async fn gone_within_a_second(bus: &Bus, began: std::time::Instant) {
    let mut link = bus.link();
    tokio::time::timeout(SOON, link.wait_for(|l| *l != Link::Up))
        .await
        .expect("it ends")
        .unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    // And for good.
    let refused = link.wait_for(|l| matches!(l, Link::Refused { .. }));
    tokio::time::timeout(SOON, refused).await.unwrap().unwrap();
}

async fn a_credential_ends_with_the_key_that_made_it(world: World) {
    let panel = Panel::open(world).await;
    let owner = panel.logged_in("ann", false).await;
    let node = FakeNode::join(&panel.world).await;
    let server = panel.world.server_of(node.id, owner.id.unwrap()).await;
    let key = owner
        .post("/account/api-keys", json!({"name": "ci"}))
        .await
        .expect(201);
    let mut program = panel.nobody();
    program.key = Some(key["secret"].as_str().unwrap().to_owned());
    let (by_key, bus) = made_by(&program, json!([server])).await;
    let (by_hand, other) = made_by(&owner, json!([server])).await;
    let path = format!("/account/api-keys/{}", key["key"]["id"].as_str().unwrap());
    let began = std::time::Instant::now();
    owner.delete(&path).await.expect(204);
    gone_within_a_second(&bus, began).await;
    assert!(other.is_up());
    let left = owner.get("/event-consumers").await.expect(200);
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert_eq!(left["items"][0]["id"], by_hand);
    let note = eventually_async("an audit row", SOON, || async {
        audit_log::Entity::find()
            .filter(audit_log::Column::ResourceId.eq(&by_key))
            .filter(audit_log::Column::Action.eq("event_consumer.end"))
            .one(panel.world.app.db.read())
            .await
            .unwrap()
    });
    let diff = note.await.unwrap().diff.unwrap();
    assert_eq!(diff["because"], "its API key was revoked");
}

async fn a_credential_ends_with_the_right_to_one_of_its_servers(world: World) {
    let panel = Panel::open(world).await;
    let (ann, bob) = (
        panel.logged_in("ann", false).await,
        panel.logged_in("bob", false).await,
    );
    let node = FakeNode::join(&panel.world).await;
    let mut servers = Vec::new();
    for _ in 0..2 {
        servers.push(panel.world.server_of(node.id, ann.id.unwrap()).await);
    }
    let hers = json!({"name": "x", "servers": [servers[0]]});
    assert_eq!(
        bob.post("/event-consumers", hers).await.problem(404),
        "not_found"
    );
    let (_, one) = made_by(&ann, json!([servers[0]])).await;
    let (_, both) = made_by(&ann, json!(servers)).await;
    let world = &panel.world;
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    servers::Entity::update_many()
        .col_expr(
            servers::Column::OwnerId,
            Expr::value(bob.id.unwrap().to_string()),
        )
        .filter(servers::Column::Id.eq(servers[1].to_string()))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let began = std::time::Instant::now();
    world.app.nudges.rights();
    gone_within_a_second(&both, began).await;
    assert!(one.is_up());
    assert_eq!(review::review(&world.app).await.unwrap(), 0);
}

async fn a_credential_for_all_ends_with_its_makers_power(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let ann = panel.logged_in("ann", false).await;
    let all = json!({"name": "x", "servers": null});
    assert_eq!(
        ann.post("/event-consumers", all).await.problem(403),
        "forbidden"
    );
    let (_, bus) = made_by(&admin, Value::Null).await;
    let world = &panel.world;
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    users::Entity::update_many()
        .col_expr(users::Column::Admin, Expr::value(false))
        .filter(users::Column::Id.eq(admin.id.unwrap().to_string()))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let began = std::time::Instant::now();
    world.app.nudges.rights();
    gone_within_a_second(&bus, began).await;
}

async fn a_deleted_server_takes_nobodys_credential_along(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let node = FakeNode::join(&panel.world).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(panel.world.server_of(node.id, ann.id.unwrap()).await);
    }
    let (_, bus) = made_by(&ann, json!(ids)).await;
    let world = &panel.world;
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    servers::Entity::update_many()
        .col_expr(servers::Column::DeletedAtMs, Expr::value(Some(1i64)))
        .filter(servers::Column::Id.eq(ids[0].to_string()))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(review::review(&world.app).await.unwrap(), 0);
    assert!(bus.is_up());
}

async fn a_person_has_some_consumers_and_no_more(world: World) {
    let (user, other) = (world.user().await, world.user().await);
    // Credentials for all servers end with their makers' power.
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    users::Entity::update_many()
        .col_expr(users::Column::Admin, Expr::value(true))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let create = async |user| {
        let wanted = Wanted {
            name: "again".into(),
            servers: None,
            expires_in_s: Some(3600),
            created_by: Some(user),
            api_key: None,
        };
        consumer::create(&world.app, &wanted).await
    };
    let mut made = Vec::new();
    for _ in 0..20 {
        made.push(create(user).await.unwrap().id);
    }
    assert!(matches!(
        create(user).await,
        Err(consumer::Error::TooMany(_))
    ));
    create(other).await.unwrap();
    // Revoking makes room, but what the bus has to remember is bounded too.
    let mut more = 0;
    while more < 200 {
        consumer::revoke(&world.app, made.pop().unwrap())
            .await
            .unwrap();
        match create(user).await {
            Ok(fresh) => made.push(fresh.id),
            Err(consumer::Error::TooMany(_)) => break,
            Err(other) => panic!("{other}"),
        }
        more += 1;
    }
    assert_eq!(more, 80);
}
