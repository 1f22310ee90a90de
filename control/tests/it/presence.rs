use std::{os::unix::fs::PermissionsExt, time::Duration};

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use warren_control::{
    app::Ground,
    db::Role,
    node::{
        beats::{self, Beat},
        presence::{self, Keep},
    },
};
use warren_entity::{nodes, orphans, outbox};
use warren_harness::eventually_async;
use warren_proto::{
    bus::CallError,
    ids::{BootId, ServerId},
    subjects::up,
    wire::{self, State},
};

use crate::{
    fake_node::FakeNode,
    on_both, with_two_controls,
    world::{SOON, World},
};

on_both! {
    a_node_that_hangs_up_is_away_within_seconds
    a_clone_is_quarantined_until_an_admin_picks_one
    a_clone_of_what_runs_is_shut_out_and_a_successor_is_not
    a_process_whose_end_was_seen_is_not_asked
    a_node_ahead_of_a_restored_database_takes_its_wanted_state_again
    a_node_whose_answer_is_ahead_takes_its_wanted_state_again
    a_row_that_its_node_has_buried_is_written_anew_above
    what_control_does_not_know_is_an_orphan
    facts_freed_before_a_restore_are_named_as_lost
    a_node_with_a_new_disk_goes_on
    a_boot_freed_before_a_restore_is_named_by_the_next
    many_heartbeats_at_once_are_each_taken_as_they_are
    silence_is_noticed_once
}
with_two_controls! {
    a_node_that_hangs_up_is_away_within_seconds
    a_clone_is_quarantined_until_an_admin_picks_one
    a_clone_of_what_runs_is_shut_out_and_a_successor_is_not
    a_process_whose_end_was_seen_is_not_asked
    a_node_ahead_of_a_restored_database_takes_its_wanted_state_again
    what_control_does_not_know_is_an_orphan
    many_heartbeats_at_once_are_each_taken_as_they_are
    silence_is_noticed_once
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_control_on_one_sqlite_file_is_refused_with_what_to_do() {
    let world = World::on_sqlite().await;
    let refused = Ground::open(world.config.clone(), Role::Serve)
        .await
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains("SQLite takes exactly one"),
        "{refused}"
    );
    for name in [
        "warren.db",
        "warren.db-wal",
        "bulk.db",
        "control.key",
        "gateway.creds",
    ] {
        let mode = std::fs::metadata(world.config.data_dir.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{name} is for its owner alone");
    }
    // Tools work beside it.
    Ground::open(world.config.clone(), Role::Tool)
        .await
        .unwrap();
}

async fn row(world: &World, node: &FakeNode) -> nodes::Model {
    nodes::Entity::find_by_id(node.id.to_string())
        .one(world.app.db.read())
        .await
        .unwrap()
        .unwrap()
}

/// Every control asks for a hello until one has come to it.
async fn greet_all(world: &World, node: &FakeNode) {
    for control in std::iter::once(&world.app).chain(&world.others) {
        let hello = node.hello_of();
        presence::hello(control, node.id, &hello, None)
            .await
            .unwrap();
    }
}

async fn a_node_that_hangs_up_is_away_within_seconds(world: World) {
    let node = FakeNode::join(&world).await;
    greet_all(&world, &node).await;
    let beat = wire::Heartbeat {
        boot: node.boot.to_string(),
        ledger: node.hello_of().ledger,
        load: Some(wire::NodeSample {
            cpu_percent: 33.0,
            ..Default::default()
        }),
        ..Default::default()
    };
    let answer: wire::HeartbeatAnswer = node.ask(up::HEARTBEAT, &beat).await.unwrap();
    assert!(!answer.say_hello);
    assert_eq!(row(&world, &node).await.load.unwrap()["cpu_percent"], 33.0);
    node.bus.close(Duration::from_secs(1)).await;
    let began = std::time::Instant::now();
    eventually_async("the node to be away", SOON, || async {
        (!row(&world, &node).await.online).then_some(())
    })
    .await
    .unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
}

async fn a_clone_is_quarantined_until_an_admin_picks_one(world: World) {
    let mut node = FakeNode::join(&world).await;
    let original = node.boot;
    let clone = BootId::new();
    let mut hello = node.hello_of();
    hello.boot = clone.to_string();
    hello.boots = vec![clone.to_string()];
    let answer: wire::HelloAnswer = node.ask(up::HELLO, &hello).await.unwrap();
    assert!(answer.quarantined_because.contains("two machines"));
    assert_eq!(
        row(&world, &node).await.current_boot,
        Some(original.to_string())
    );
    // Its facts wait.
    let batch = wire::FactBatch {
        speaker: clone.to_string(),
        boot: clone.to_string(),
        facts: vec![node.boot_started(None)],
    };
    let refused = node
        .ask::<wire::FactAnswer>(up::LIFECYCLE, &batch)
        .await
        .unwrap_err();
    assert!(matches!(refused, CallError::Failed { code, .. } if code == "quarantined"));
    let tx = world
        .app
        .db
        .begin(warren_control::db::Lane::People)
        .await
        .unwrap();
    let before = row(&world, &node).await;
    let decided = presence::decide_in(&*tx, &before, Keep::Newcomer, 1)
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(decided.winner, Some(clone.to_string()));
    let beat = wire::Heartbeat {
        boot: clone.to_string(),
        ledger: hello.ledger.clone(),
        ..Default::default()
    };
    let answer: wire::HeartbeatAnswer = node.ask(up::HEARTBEAT, &beat).await.unwrap();
    assert!(answer.say_hello, "it learns that it is kept");
    let answer: wire::HelloAnswer = node.ask(up::HELLO, &hello).await.unwrap();
    assert_eq!(answer.quarantined_because, "");
    let answer = node.hello().await.unwrap();
    assert!(
        !answer.quarantined_because.is_empty(),
        "now the other one is shut out"
    );
}

async fn a_clone_of_what_runs_is_shut_out_and_a_successor_is_not(world: World) {
    let mut node = FakeNode::join(&world).await;
    let original = node.boot;
    let mut hello = node.hello_of();
    hello.boot = BootId::new().to_string();
    hello.boots.insert(0, hello.boot.clone());
    let answer: wire::HelloAnswer = node.ask(up::HELLO, &hello).await.unwrap();
    assert!(answer.quarantined_because.contains("still alive"));
    let after = row(&world, &node).await;
    assert_eq!(after.current_boot, Some(original.to_string()));
    assert_eq!(after.quarantined_boot, Some(hello.boot.clone()));
    // The original's next process, on a machine that has not seen its end: nobody answers as the one before.
    node.silent();
    let next = BootId::new();
    (node.boot, node.boots) = (next, vec![next, original]);
    assert_eq!(node.hello().await.unwrap().quarantined_because, "");
    assert_eq!(
        row(&world, &node).await.current_boot,
        Some(next.to_string())
    );
    let again: wire::HelloAnswer = node.ask(up::HELLO, &hello).await.unwrap();
    assert!(!again.quarantined_because.is_empty(), "still shut out");
}

async fn a_process_whose_end_was_seen_is_not_asked(world: World) {
    let mut node = FakeNode::join(&world).await;
    let (before, next) = (node.boot, BootId::new());
    // It would answer; its successor knows better, as it has seen the end.
    (node.boot, node.boots) = (next, vec![next, before]);
    let hello = wire::Hello {
        ended: vec![before.to_string()],
        ..node.hello_of()
    };
    let answer: wire::HelloAnswer = node.ask(up::HELLO, &hello).await.unwrap();
    assert_eq!(answer.quarantined_because, "");
}

async fn a_node_ahead_of_a_restored_database_takes_its_wanted_state_again(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    eventually_async("the row", SOON, || async {
        (node.told.lock().unwrap().applied_rev >= 1).then_some(())
    })
    .await
    .unwrap();
    node.told.lock().unwrap().applied_rev = 50;
    node.servers = vec![wire::ObservedServer {
        server: server.to_string(),
        generation: 70,
        state: State::Stopped.into(),
        ..Default::default()
    }];
    node.hello().await.unwrap();
    assert!(row(&world, &node).await.rev > 50);
    eventually_async("the row under a higher generation", SOON, || async {
        let told = node.told.lock().unwrap();
        let sent = told.applies.iter().flat_map(|a| &a.servers);
        sent.filter(|s| s.generation > 70 && s.rev > 50)
            .count()
            .checked_sub(1)
    })
    .await
    .unwrap();
}

async fn a_node_whose_answer_is_ahead_takes_its_wanted_state_again(world: World) {
    let node = FakeNode::join(&world).await;
    node.told.lock().unwrap().applied_rev = 50;
    let server = world.server(node.id).await.to_string();
    eventually_async(
        "the row under a rev that the node has not",
        SOON,
        || async {
            let row = node.told.lock().unwrap().wanted(&server)?;
            (row.rev > 50).then_some(())
        },
    )
    .await
    .unwrap();
    eventually_async("its confirmation", SOON, || async {
        let row = row(&world, &node).await;
        (row.applied_rev == row.rev).then_some(())
    })
    .await
    .unwrap();
}

async fn a_row_that_its_node_has_buried_is_written_anew_above(world: World) {
    let node = FakeNode::join(&world).await;
    node.told.lock().unwrap().floor = 9;
    let server = world.server(node.id).await.to_string();
    eventually_async("a row that the node takes", SOON, || async {
        let row = node.told.lock().unwrap().wanted(&server)?;
        (row.generation > 9).then_some(())
    })
    .await
    .unwrap();
}

async fn what_control_does_not_know_is_an_orphan(world: World) {
    let mut node = FakeNode::join(&world).await;
    let strange = ServerId::new();
    node.servers = vec![wire::ObservedServer {
        server: strange.to_string(),
        generation: 3,
        state: State::Running.into(),
        ..Default::default()
    }];
    node.hello().await.unwrap();
    let all = orphans::Entity::find()
        .all(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(
        (&*all[0].server_id, &*all[0].state),
        (&*strange.to_string(), "running")
    );
    node.servers.clear();
    node.hello().await.unwrap();
    assert!(
        orphans::Entity::find()
            .all(world.app.db.read())
            .await
            .unwrap()
            .is_empty()
    );
}

async fn facts_freed_before_a_restore_are_named_as_lost(world: World) {
    let mut node = FakeNode::join(&world).await;
    node.journal = vec![wire::JournalPosition {
        boot: node.boot.to_string(),
        seq: 8,
        end: 10,
    }];
    let next = node.hello().await.unwrap().next_fact.unwrap();
    assert_eq!(next.seq, 8);
    let facts = warren_entity::facts::Entity::find()
        .all(world.app.db.read())
        .await
        .unwrap();
    assert_eq!((facts.len(), &*facts[0].kind), (1, "fact_gap"));
}

async fn a_node_with_a_new_disk_goes_on(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let batch = vec![
        node.boot_started(None),
        node.state(server, State::New, State::Stopped),
    ];
    node.upload_surely(batch).await;
    // Another disk: an admin has let it in again, so its boot follows whatever was before.
    let tx = world
        .app
        .db
        .begin(warren_control::db::Lane::People)
        .await
        .unwrap();
    let mut gone: nodes::ActiveModel = row(&world, &node).await.into();
    gone.current_boot = sea_orm::ActiveValue::Set(None);
    nodes::Entity::update(gone).exec(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    node.reboot().await;
    node.boots = vec![node.boot];
    node.journal = vec![wire::JournalPosition {
        boot: node.boot.to_string(),
        seq: 1,
        end: 2,
    }];
    node.hello().await.unwrap();
    let batch = vec![
        node.boot_started(None),
        node.state(server, State::Stopped, State::Starting),
    ];
    assert_eq!(node.upload_surely(batch).await.seq, 3);
    assert_eq!(world.row(server).await.state, "starting");
}

async fn a_boot_freed_before_a_restore_is_named_by_the_next(world: World) {
    let mut node = FakeNode::join(&world).await;
    let old = node.boot;
    let first = node.boot_started(None);
    node.upload_surely(vec![first]).await;
    node.reboot().await;
    node.journal = vec![wire::JournalPosition {
        boot: node.boot.to_string(),
        seq: 1,
        end: 2,
    }];
    node.hello().await.unwrap();
    let started = node.boot_started(Some((old, 9)));
    node.upload_surely(vec![started]).await;
    let facts = warren_entity::facts::Entity::find()
        .all(world.app.db.read())
        .await
        .unwrap();
    let lost: Vec<_> = facts.iter().filter(|f| f.kind == "fact_gap").collect();
    assert_eq!((lost.len(), lost[0].seq), (1, 2));
}

fn beat_of(node: &FakeNode, cpu_percent: Option<f64>) -> Beat {
    let load = cpu_percent.map(|cpu_percent| wire::NodeSample {
        cpu_percent,
        ..Default::default()
    });
    let beat = wire::Heartbeat {
        boot: node.boot.to_string(),
        ledger: node.hello_of().ledger,
        journal_bytes: 7,
        load,
        ..Default::default()
    };
    Beat {
        node: node.id,
        beat,
    }
}

async fn many_heartbeats_at_once_are_each_taken_as_they_are(world: World) {
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(FakeNode::join(&world).await);
    }
    for node in &nodes {
        greet_all(&world, node).await;
    }
    let away = &nodes[3];
    away.bus.close(Duration::from_secs(1)).await;
    eventually_async("the node to be away", SOON, || async {
        (!row(&world, away).await.online).then_some(())
    })
    .await
    .unwrap();
    let stranger = Beat {
        node: warren_proto::ids::NodeId::new(),
        ..beat_of(&nodes[0], None)
    };
    let mut other_process = beat_of(&nodes[2], Some(99.0));
    other_process.beat.boot = BootId::new().to_string();
    let beats = vec![
        beat_of(&nodes[1], Some(1.0)),
        beat_of(&nodes[0], Some(2.0)),
        stranger,
        other_process,
        // Twice in one batch: the later word counts.
        beat_of(&nodes[1], Some(3.0)),
        beat_of(away, Some(4.0)),
        beat_of(&nodes[1], None),
    ];
    let count = beats.len();
    let beats: Vec<(usize, Beat)> = beats.into_iter().enumerate().collect();
    let last = world.others.last().unwrap_or(&world.app);
    let (a, b) = tokio::join!(
        beats::heartbeats(&world.app, beats.clone()),
        beats::heartbeats(last, beats.into_iter().rev().collect()),
    );
    for answers in [a.unwrap(), b.unwrap()] {
        assert_eq!(answers.len(), count);
        for (place, answer) in answers {
            match place {
                2 => assert!(matches!(answer, Err(presence::Error::Unknown))),
                3 => assert!(answer.unwrap().say_hello),
                _ => assert!(!answer.unwrap().say_hello, "{place}"),
            }
        }
    }
    let cpu = async |node: &FakeNode| {
        row(&world, node)
            .await
            .load
            .map(|l| l["cpu_percent"].clone())
    };
    assert_eq!(cpu(&nodes[0]).await, Some(2.0.into()));
    assert!([Some(3.0.into()), Some(1.0.into())].contains(&cpu(&nodes[1]).await));
    assert_eq!(
        cpu(&nodes[2]).await,
        None,
        "another process does not speak for it"
    );
    let back = row(&world, away).await;
    assert!(back.online && back.journal_bytes == 7);
    let told = outbox::Entity::find()
        .filter(outbox::Column::Kind.eq("online"))
        .filter(outbox::Column::NodeId.eq(away.id.to_string()))
        .count(world.app.db.read());
    assert_eq!(told.await.unwrap(), 2, "when it joined, and now once");
}

async fn silence_is_noticed_once(world: World) {
    let node = FakeNode::join(&world).await;
    let tx = world
        .app
        .db
        .begin(warren_control::db::Lane::People)
        .await
        .unwrap();
    let mut silent: nodes::ActiveModel = row(&world, &node).await.into();
    silent.last_seen_at_ms = sea_orm::ActiveValue::Set(Some(1));
    nodes::Entity::update(silent).exec(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    let apps = std::iter::once(&world.app).chain(&world.others);
    for swept in
        futures_util::future::join_all(apps.cycle().take(4).map(|a| presence::sweep(a))).await
    {
        swept.unwrap();
    }
    assert!(!row(&world, &node).await.online);
    let told = outbox::Entity::find()
        .filter(outbox::Column::Kind.eq("offline"))
        .count(world.app.db.read());
    assert_eq!(told.await.unwrap(), 1);
}
