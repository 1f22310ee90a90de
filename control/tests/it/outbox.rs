use std::{collections::BTreeMap, time::Duration};

use async_nats::jetstream;
use futures_util::StreamExt;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use warren_entity::outbox;
use warren_harness::eventually_async;
use warren_proto::{ids::ServerId, wire::State};

use crate::{
    fake_node::FakeNode,
    on_both, with_two_controls,
    world::{SOON, World},
};

on_both! {
    events_are_published_in_the_order_of_commits
    a_deleted_stream_is_filled_again
}
with_two_controls! {
    events_are_published_in_the_order_of_commits
}

/// Everything that the stream holds: subject, CloudEvent.
async fn stream(world: &World) -> Vec<(String, serde_json::Value)> {
    let context = jetstream::new(world.app.bus.raw().clone());
    let Ok(stream) = context.get_stream("EVENT").await else {
        return Vec::new();
    };
    let config = jetstream::consumer::pull::Config {
        ack_policy: jetstream::consumer::AckPolicy::None,
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer
        .fetch()
        .max_messages(10_000)
        .expires(Duration::from_millis(300))
        .messages()
        .await
        .unwrap();
    let mut all = Vec::new();
    while let Some(Ok(message)) = messages.next().await {
        all.push((
            message.subject.to_string(),
            serde_json::from_slice(&message.payload).unwrap(),
        ));
    }
    all
}

async fn chatter(node: &mut FakeNode, server: ServerId, rounds: usize) {
    for _ in 0..rounds {
        let batch = vec![
            node.state(server, State::Stopped, State::Starting),
            node.state(server, State::Starting, State::Stopped),
        ];
        node.upload_surely(batch).await;
    }
}

async fn published(world: &World) {
    eventually_async("all events to be published", SOON, || async {
        let waiting = outbox::Entity::find()
            .filter(outbox::Column::PublishedAtMs.is_null())
            .count(world.app.db.read())
            .await
            .unwrap();
        (waiting == 0).then_some(())
    })
    .await
    .unwrap();
}

async fn assert_complete(world: &World) {
    let rows = outbox::Entity::find()
        .all(world.app.db.read())
        .await
        .unwrap();
    let sent = stream(world).await;
    let mut ids: Vec<String> = sent
        .iter()
        .map(|(_, e)| e["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    let mut wanted: Vec<String> = rows.iter().map(|r| r.id.clone()).collect();
    wanted.sort();
    assert_eq!(ids, wanted, "each event once");
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for (subject, event) in sent {
        let key = subject.rsplit_once('.').unwrap().0.to_owned();
        let seq: i64 = event["sequence"].as_str().unwrap().parse().unwrap();
        let before = last.insert(key.clone(), seq).unwrap_or(0);
        assert!(seq > before, "{key}: {before} then {seq}");
    }
}

async fn events_are_published_in_the_order_of_commits(world: World) {
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let mut node = FakeNode::join(&world).await;
        let server = world.server(node.id).await;
        tasks.push(tokio::spawn(async move {
            let first = node.boot_started(None);
            node.upload_surely(vec![first]).await;
            chatter(&mut node, server, 15).await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    published(&world).await;
    assert_complete(&world).await;
    let seqs: Vec<Option<i64>> = {
        let rows = outbox::Entity::find()
            .all(world.app.db.read())
            .await
            .unwrap();
        rows.iter().map(|r| r.seq).collect()
    };
    let mut numbers: Vec<i64> = seqs.into_iter().flatten().collect();
    numbers.sort_unstable();
    let expected: Vec<i64> = (1..=i64::try_from(numbers.len()).unwrap()).collect();
    assert_eq!(numbers, expected, "numbers without a hole");
}

async fn a_deleted_stream_is_filled_again(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let first = node.boot_started(None);
    node.upload_surely(vec![first]).await;
    chatter(&mut node, server, 5).await;
    published(&world).await;
    let context = jetstream::new(world.app.bus.raw().clone());
    context.delete_stream("EVENT").await.unwrap();
    let rows = outbox::Entity::find()
        .count(world.app.db.read())
        .await
        .unwrap();
    eventually_async(
        "the stream to be filled again",
        Duration::from_secs(40),
        || async { (stream(&world).await.len() as u64 == rows).then_some(()) },
    )
    .await
    .unwrap();
    assert_complete(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_control_takes_the_outbox_over_within_five_seconds() {
    let mut world = World::of_processes(true, 2).await;
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let first = node.boot_started(None);
    node.upload_surely(vec![first]).await;
    chatter(&mut node, server, 5).await;
    published(&world).await;
    for _ in 0..2 {
        // Whichever held the lease: one of the two kills hits it.
        world.processes[0].kill9();
        let began = std::time::Instant::now();
        chatter(&mut node, server, 5).await;
        published(&world).await;
        assert!(
            began.elapsed() < Duration::from_secs(8),
            "{:?}",
            began.elapsed()
        );
        world.processes.remove(0);
        world.spawn_control();
    }
    assert_complete(&world).await;
}
