use std::time::Duration;

use async_nats::jetstream;
use futures_util::StreamExt;
use warren_control::consumer::{self, Wanted};
use warren_harness::eventually_async;
use warren_proto::{
    bus::{Bus, Creds, events::Link},
    ids::ServerId,
    wire::State,
};

use crate::{
    fake_node::{FakeNode, connect},
    on_both,
    world::{SOON, World},
};

on_both! {
    a_consumer_gets_its_servers_events_live_and_by_replay_and_no_others
    a_revoked_consumer_is_shut_out
}

async fn consumer(world: &World, servers: Vec<ServerId>) -> (consumer::Created, Bus) {
    let wanted = Wanted {
        name: "grafana".into(),
        servers: Some(servers),
        expires_in_s: Some(3600),
        created_by: None,
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
