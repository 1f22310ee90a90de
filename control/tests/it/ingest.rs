use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use warren_control::metrics::{codec, roll};
use warren_entity::{audit_log, console_runs, facts, metric_chunks, outbox, server_samples};
use warren_harness::eventually_async;
use warren_proto::{
    ids::{RunId, ServerId},
    subjects::up,
    wire::{self, State, fact::What},
};

use crate::{
    fake_node::FakeNode,
    on_both, with_two_controls,
    world::{SOON, World},
};

on_both! {
    a_fact_is_stored_with_its_effect_and_its_event
    what_is_sent_twice_is_stored_once
    a_hole_is_answered_with_what_is_expected
    what_cannot_be_understood_is_kept_raw_and_holds_nothing_up
    another_nodes_server_is_out_of_reach
    a_new_boot_goes_on_where_the_old_one_ended
    samples_are_stored_once_and_read_as_lines
    samples_are_averaged_once_and_again_only_when_some_come_late
    samples_and_facts_of_the_same_servers_hold_each_other_up_never
}
with_two_controls! {
    samples_are_stored_once_and_read_as_lines
    samples_are_averaged_once_and_again_only_when_some_come_late
    samples_and_facts_of_the_same_servers_hold_each_other_up_never
    what_is_sent_twice_is_stored_once
    many_nodes_at_once_lose_and_double_nothing
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_come_through_kills_of_control_and_of_nats_once_on_sqlite() {
    kills(World::of_processes(false, 1).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_come_through_kills_of_control_and_of_nats_once_on_postgres() {
    kills(World::of_processes(true, 1).await).await;
}

async fn stored(world: &World, node: &FakeNode) -> Vec<facts::Model> {
    facts::Entity::find()
        .filter(facts::Column::NodeId.eq(node.id.to_string()))
        .order_by_asc(facts::Column::Ordinal)
        .order_by_asc(facts::Column::Seq)
        .all(world.app.db.read())
        .await
        .unwrap()
}

fn assert_without_hole(facts: &[facts::Model]) {
    for (i, fact) in facts.iter().enumerate() {
        assert_eq!(fact.seq, i as i64 + 1);
    }
}

async fn a_fact_is_stored_with_its_effect_and_its_event(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let run = RunId::new();
    let started = What::RunStarted(wire::RunStarted {
        run: run.to_string(),
        started_at_ms: 5,
        ..Default::default()
    });
    let typed = What::InputTyped(wire::InputTyped {
        run: run.to_string(),
        actor: "somebody".into(),
        bytes: 5,
    });
    let batch = vec![
        node.boot_started(None),
        node.state(server, State::New, State::Stopped),
        node.state(server, State::Stopped, State::Starting),
        node.fact(Some(server), started),
        node.state(server, State::Starting, State::Running),
        node.fact(Some(server), typed),
    ];
    let next = node.upload_surely(batch).await;
    assert_eq!((next.boot, next.seq), (node.boot.to_string(), 7));
    let row = world.row(server).await;
    assert_eq!(
        (&*row.state, row.run_id),
        ("running", Some(run.to_string()))
    );
    let runs = console_runs::Entity::find()
        .all(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(runs.len(), 1);
    let typed = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("control.console"))
        .one(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(typed.unwrap().actor_id.as_deref(), Some("somebody"));
    let events = outbox::Entity::find()
        .filter(outbox::Column::ServerId.eq(server.to_string()))
        .order_by_asc(outbox::Column::Ord)
        .all(world.app.db.read())
        .await
        .unwrap();
    let kinds: Vec<_> = events.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(kinds, ["state", "state", "run_started", "state", "input"]);
    assert!(
        stored(&world, &node)
            .await
            .iter()
            .all(|f| f.error.is_none())
    );
}

async fn what_is_sent_twice_is_stored_once(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let batch = vec![
        node.boot_started(None),
        node.state(server, State::New, State::Installing),
        node.state(server, State::Installing, State::Stopped),
    ];
    let sends = (0..10).map(|_| node.upload_surely(batch.clone()));
    for next in futures_util::future::join_all(sends).await {
        assert_eq!(next.seq, 4);
    }
    let facts = stored(&world, &node).await;
    assert_eq!(facts.len(), 3);
    assert_without_hole(&facts);
    let events = outbox::Entity::find()
        .filter(outbox::Column::ServerId.eq(server.to_string()))
        .count(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(events, 2);
}

async fn a_hole_is_answered_with_what_is_expected(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let first = node.boot_started(None);
    let second = node.state(server, State::New, State::Stopped);
    let third = node.state(server, State::Stopped, State::Starting);
    assert_eq!(node.upload_surely(vec![first]).await.seq, 2);
    assert_eq!(node.upload_surely(vec![third.clone()]).await.seq, 2);
    assert_eq!(node.upload_surely(vec![second, third]).await.seq, 4);
}

async fn what_cannot_be_understood_is_kept_raw_and_holds_nothing_up(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let first = node.boot_started(None);
    let impossible = node.state(server, State::Running, State::New);
    let nul = node.fact(
        Some(server),
        What::StateChanged(wire::StateChanged {
            from: State::New.into(),
            to: State::Stopped.into(),
            reason: "a\0b".into(),
            detail: "\0".into(),
            ..Default::default()
        }),
    );
    let unknown = wire::Fact {
        what: None,
        ..node.fact(Some(server), What::Released(wire::Released::default()))
    };
    let last = node.state(server, State::Stopped, State::Starting);
    // A fact that is no message at all stands between the others.
    let encode = |f: &wire::Fact| prost::Message::encode_to_vec(f);
    let garbage = vec![0xff, 0xff, 0xff];
    let garbled = warren_control::ingest::lifecycle::RawBatch {
        speaker: node.boot.to_string(),
        boot: node.boot.to_string(),
        facts: vec![
            encode(&first),
            encode(&impossible),
            encode(&nul),
            encode(&unknown),
            garbage.clone(),
            {
                let mut later = last.clone();
                later.seq += 1;
                encode(&later)
            },
        ],
    };
    let answer: wire::FactAnswer = eventually_async("an answer", SOON, || async {
        node.ask(up::LIFECYCLE, &garbled).await.ok()
    })
    .await
    .unwrap();
    assert_eq!(answer.next.unwrap().seq, 7);
    let facts = stored(&world, &node).await;
    assert_without_hole(&facts);
    let bad: Vec<i64> = facts
        .iter()
        .filter(|f| f.error.is_some())
        .map(|f| f.seq)
        .collect();
    assert_eq!(bad, [2, 4, 5]);
    assert_eq!(facts[4].body, garbage);
    assert_eq!(world.row(server).await.state, "starting");
}

async fn another_nodes_server_is_out_of_reach(world: World) {
    let owner = FakeNode::join(&world).await;
    let mut thief = FakeNode::join(&world).await;
    let server = world.server(owner.id).await;
    let run = RunId::new();
    let batch = vec![
        thief.boot_started(None),
        thief.state(server, State::New, State::Stopped),
        thief.fact(
            Some(server),
            What::Removed(wire::Removed { generation: 99 }),
        ),
    ];
    assert_eq!(thief.upload_surely(batch).await.seq, 4);
    let row = world.row(server).await;
    assert_eq!((&*row.state, row.deleted_at_ms), ("new", None));
    owner
        .print(vec![FakeNode::range(server, run, 0, "mine\n")])
        .await
        .unwrap();
    thief
        .print(vec![FakeNode::range(server, run, 5, "forged\n")])
        .await
        .unwrap();
    thief
        .print(vec![FakeNode::range(server, run, 0, "forged\n")])
        .await
        .unwrap();
    let sample = wire::MetricsBatch {
        boot: thief.boot.to_string(),
        servers: vec![wire::ServerSample {
            server: server.to_string(),
            at_ms: 1,
            ..Default::default()
        }],
        ..Default::default()
    };
    thief
        .ask::<wire::MetricsAnswer>(up::METRICS, &sample)
        .await
        .unwrap();
    assert_eq!(newest(&world, server).await, None);
    let place = warren_control::console::history::place(&world.app, server, Some(run))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(place.node_id, owner.id.to_string());
    let pieces = warren_control::console::history::range(
        &world.app,
        &place,
        wire::ConsoleStream::Game,
        0,
        0,
        1000,
    )
    .await
    .unwrap();
    assert_eq!(pieces[0].data.as_deref(), Some(&b"mine\n"[..]));
    assert_eq!(pieces.len(), 1);
    // Events of that server come from its own node alone.
    let events = outbox::Entity::find()
        .filter(outbox::Column::ServerId.eq(server.to_string()))
        .count(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(events, 0);
}

async fn a_new_boot_goes_on_where_the_old_one_ended(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let old = node.boot;
    let batch = vec![
        node.boot_started(None),
        node.state(server, State::New, State::Stopped),
    ];
    let unsent = node.state(server, State::Stopped, State::Starting);
    node.upload_surely(batch).await;
    node.reboot().await;
    node.journal = vec![
        wire::JournalPosition {
            boot: old.to_string(),
            seq: 3,
            end: 4,
        },
        wire::JournalPosition {
            boot: node.boot.to_string(),
            seq: 1,
            end: 2,
        },
    ];
    let answer = node.hello().await.unwrap();
    let next = answer.next_fact.unwrap();
    assert_eq!((next.boot, next.seq), (old.to_string(), 3));
    let started = node.boot_started(Some((old, 3)));
    // The new boot can't begin before the old one is read to its end.
    let next = node.upload_surely(vec![started.clone()]).await;
    assert_eq!((next.boot, next.seq), (old.to_string(), 3));
    let batch = wire::FactBatch {
        speaker: node.boot.to_string(),
        boot: old.to_string(),
        facts: vec![unsent],
    };
    node.ask::<wire::FactAnswer>(up::LIFECYCLE, &batch)
        .await
        .unwrap();
    let next = node.upload_surely(vec![started]).await;
    assert_eq!((next.boot, next.seq), (node.boot.to_string(), 2));
    assert_eq!(world.row(server).await.state, "starting");
    // Every fact came: nobody is told that some are lost.
    let events = outbox::Entity::find().all(world.app.db.read()).await;
    let events = format!("{:?}", events.unwrap());
    assert!(!events.contains("facts_lost"), "{events}");
}

async fn kills(mut world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let mut all = vec![
        node.boot_started(None),
        node.state(server, State::New, State::Stopped),
    ];
    for _ in 0..300 {
        all.push(node.state(server, State::Stopped, State::Starting));
        all.push(node.state(server, State::Starting, State::Stopped));
    }
    let sender = {
        let all = all.clone();
        let (bus, id, boot) = (node.bus.clone(), node.id, node.boot);
        tokio::spawn(async move {
            let mut from = 0;
            while from < all.len() {
                let batch = wire::FactBatch {
                    speaker: boot.to_string(),
                    boot: boot.to_string(),
                    facts: all[from..(from + 3).min(all.len())].to_vec(),
                };
                let subject = warren_proto::subjects::from_node(id, up::LIFECYCLE);
                let answer = bus
                    .call::<wire::FactAnswer>(
                        subject,
                        up::LIFECYCLE,
                        Some(id),
                        &batch,
                        Duration::from_millis(700),
                    )
                    .await;
                if let Ok(answer) = answer {
                    from = usize::try_from(answer.next.unwrap().seq).unwrap() - 1;
                } else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        })
    };
    for _ in 0..3 {
        progress(&world, &node).await;
        world.processes[0].kill9();
        world.processes.clear();
        world.spawn_control();
        progress(&world, &node).await;
        world.nats.restart().unwrap();
    }
    tokio::time::timeout(Duration::from_secs(60), sender)
        .await
        .unwrap()
        .unwrap();
    let facts = stored(&world, &node).await;
    assert_eq!(facts.len(), all.len());
    assert_without_hole(&facts);
    let events = outbox::Entity::find()
        .filter(outbox::Column::ServerId.eq(server.to_string()))
        .count(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(events as usize, all.len() - 1);
}

/// Some more facts were stored, or all are.
async fn progress(world: &World, node: &FakeNode) {
    let before = stored(world, node).await.len();
    let all = usize::try_from(node.next_seq).unwrap() - 1;
    eventually_async("more facts to be stored", SOON, || async {
        let now = stored(world, node).await.len();
        (now > before || now == all).then_some(())
    })
    .await
    .unwrap();
}

async fn many_nodes_at_once_lose_and_double_nothing(world: World) {
    let mut nodes = Vec::new();
    for _ in 0..6 {
        let node = FakeNode::join(&world).await;
        let servers: Vec<ServerId> = vec![world.server(node.id).await, world.server(node.id).await];
        nodes.push((node, servers));
    }
    let work = nodes.into_iter().map(|(mut node, servers)| {
        tokio::spawn(async move {
            let first = node.boot_started(None);
            node.upload_surely(vec![first]).await;
            for round in 0..30 {
                let (from, to) = if round % 2 == 0 {
                    (State::Stopped, State::Starting)
                } else {
                    (State::Starting, State::Stopped)
                };
                let batch: Vec<_> = servers.iter().map(|s| node.state(*s, from, to)).collect();
                // Twice at once: both controls may get it.
                let (a, b) = tokio::join!(
                    node.upload_surely(batch.clone()),
                    node.upload_surely(batch.clone())
                );
                assert_eq!(a.seq, b.seq);
            }
            (node, servers)
        })
    });
    for done in futures_util::future::join_all(work).await {
        let (node, servers) = done.unwrap();
        let facts = stored(&world, &node).await;
        assert_eq!(facts.len(), 61);
        assert_without_hole(&facts);
        for server in servers {
            let events = outbox::Entity::find()
                .filter(outbox::Column::ServerId.eq(server.to_string()))
                .count(world.app.db.read())
                .await
                .unwrap();
            assert_eq!(events, 30);
        }
    }
}

async fn newest(world: &World, server: ServerId) -> Option<serde_json::Value> {
    let row = server_samples::Entity::find_by_id(server.to_string());
    let row = row.one(world.app.db.bulk.read()).await.unwrap();
    row.map(|row| row.sample)
}

async fn samples_are_stored_once_and_read_as_lines(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let now_ms = world.app.clock.now_ms();
    let begin_s = now_ms / 1000 - 600;
    for i in 0..40u64 {
        let at_ms = (begin_s + i as i64 * 15) * 1000;
        let batch = wire::MetricsBatch {
            boot: node.boot.to_string(),
            node: Some(wire::NodeSample {
                at_ms,
                cpu_percent: 50.0,
                ..Default::default()
            }),
            servers: vec![wire::ServerSample {
                server: server.to_string(),
                at_ms,
                cpu_percent: 12.5,
                memory_bytes: 1000 + i,
                rx_bytes: i * 1500,
                ..Default::default()
            }],
        };
        for _ in 0..2 {
            node.ask::<wire::MetricsAnswer>(up::METRICS, &batch)
                .await
                .unwrap();
        }
    }
    let id = server.to_string();
    let series = warren_control::metrics::series::read(&world.app, &id, begin_s, begin_s + 600, 15)
        .await
        .unwrap();
    let cpu: Vec<f64> = series.lines["cpu_percent"]
        .iter()
        .flatten()
        .copied()
        .collect();
    assert_eq!(cpu, vec![12.5; 40]);
    let rx: Vec<f64> = series.lines["rx_bytes_per_s"]
        .iter()
        .flatten()
        .copied()
        .collect();
    assert_eq!(rx, vec![100.0; 39]);
    let newest = newest(&world, server).await.unwrap();
    assert_eq!(newest["memory_bytes"], 1039);
    let node_series = warren_control::metrics::series::read(
        &world.app,
        &node.id.to_string(),
        begin_s,
        begin_s + 600,
        60,
    )
    .await
    .unwrap();
    assert!(
        node_series.lines["cpu_percent"]
            .iter()
            .flatten()
            .all(|v| *v == 50.0)
    );
}

async fn samples_are_averaged_once_and_again_only_when_some_come_late(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let id = server.to_string();
    // An hour of a day that is over, at whatever time this runs: its minutes are due for their hour too.
    let begin_s = (world.app.clock.now_s() / 86_400 - 2) * 86_400 + 10 * 3600;
    let send = async |from: i64, to: i64| {
        let samples = (from..to).map(|i| wire::ServerSample {
            server: id.clone(),
            at_ms: (begin_s + i * 15) * 1000,
            memory_bytes: (i * 10) as u64,
            ..Default::default()
        });
        let batch = wire::MetricsBatch {
            boot: node.boot.to_string(),
            servers: samples.collect(),
            ..Default::default()
        };
        let sent: wire::MetricsAnswer = node.ask(up::METRICS, &batch).await.unwrap();
        sent
    };
    let rows = async |step_s: i32| {
        let chunks = metric_chunks::Entity::find()
            .filter(metric_chunks::Column::StepS.eq(step_s))
            .all(world.app.db.bulk.read())
            .await
            .unwrap();
        chunks
            .iter()
            .flat_map(|chunk| codec::unpack(&chunk.data))
            .collect::<Vec<_>>()
    };
    let memory = codec::SERVER
        .iter()
        .position(|name| *name == "memory_bytes")
        .unwrap();
    let hours = async || {
        let hours = rows(roll::HOUR_S).await;
        hours
            .iter()
            .map(|row| row.values[memory])
            .collect::<Vec<_>>()
    };
    let apps = || std::iter::once(&world.app).chain(&world.others);
    let sweep = async || {
        let mut averaged = 0;
        for app in apps() {
            averaged += roll::sweep(app).await.unwrap();
        }
        averaged
    };
    // The last minute is only half there.
    send(0, 198).await;
    assert_eq!(sweep().await, 2, "an hour and its day");
    let minutes = rows(roll::MINUTE_S).await;
    assert_eq!(minutes.len(), 50);
    assert_eq!(minutes[0].values[memory], 15);
    assert_eq!(minutes[49].values[memory], 1965);
    assert_eq!(hours().await, [994]);
    assert_eq!(sweep().await, 0, "what is idle costs nothing");
    // The node was away and brings the rest now: the minute and the hour are whole.
    send(198, 240).await;
    assert_eq!(sweep().await, 2);
    let minutes = rows(roll::MINUTE_S).await;
    assert_eq!(minutes.len(), 60);
    assert_eq!(minutes[49].values[memory], 1975);
    assert_eq!(hours().await, [1195]);
    assert_eq!(sweep().await, 0);
}

async fn samples_and_facts_of_the_same_servers_hold_each_other_up_never(world: World) {
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let mut node = FakeNode::join(&world).await;
        let mut servers = Vec::new();
        for _ in 0..6 {
            servers.push(world.server(node.id).await);
        }
        let first = node.boot_started(None);
        node.upload_surely(vec![first]).await;
        nodes.push((node, servers));
    }
    let rounds = nodes.iter_mut().map(|(node, servers)| {
        let world = &world;
        async move {
            for round in 0..15 {
                // Facts in an order that is not the one of ids.
                let mut facts = Vec::new();
                for server in servers.iter().rev() {
                    facts.push(node.state(*server, State::Stopped, State::Starting));
                    facts.push(node.state(*server, State::Starting, State::Stopped));
                }
                let samples = servers.iter().map(|server| wire::ServerSample {
                    server: server.to_string(),
                    at_ms: world.app.clock.now_ms(),
                    memory_bytes: round,
                    ..Default::default()
                });
                let batch = wire::MetricsBatch {
                    boot: node.boot.to_string(),
                    servers: samples.collect(),
                    ..Default::default()
                };
                let (facts, samples) = tokio::join!(
                    node.upload(facts),
                    node.ask::<wire::MetricsAnswer>(up::METRICS, &batch)
                );
                facts.unwrap();
                samples.unwrap();
            }
        }
    });
    futures_util::future::join_all(rounds).await;
    for (_, servers) in &nodes {
        for server in servers {
            let newest = newest(&world, *server).await.unwrap();
            assert_eq!(newest["memory_bytes"], 14);
        }
    }
}
