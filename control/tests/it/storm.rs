//! One node with a stolen key does all it may as fast as it can: the others must not notice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use warren_control::{
    db::Lane,
    ingest::console::{self, Upload},
    node::view,
};
use warren_entity::{node_boots, nodes, outbox};
use warren_harness::eventually_async;
use warren_proto::{
    bus::CallError,
    ids::{BootId, RunId, ServerId},
    subjects::up,
    wire::{self, State},
};

use crate::{
    fake_node::FakeNode,
    on_both,
    world::{SOON, World},
};

on_both! {
    uploads_of_a_million_streams_do_not_stop_the_console_of_others
    an_upload_that_the_database_refuses_fails_itself_alone
    a_storm_of_hellos_does_not_delay_the_heartbeats_of_others
    boots_that_a_node_makes_up_are_bounded
    a_node_that_does_not_wait_for_answers_is_muted_and_shown
}

/// Ranges of servers that nobody knows.
fn made_up(count: usize) -> Vec<wire::ConsoleRange> {
    (0..count)
        .map(|_| wire::ConsoleRange {
            server: ServerId::new().to_string(),
            run: RunId::new().to_string(),
            gap_to: 1,
            ..Default::default()
        })
        .collect()
}

async fn uploads_of_a_million_streams_do_not_stop_the_console_of_others(world: World) {
    let (hostile, honest) = (FakeNode::join(&world).await, FakeNode::join(&world).await);
    let server = world.server(honest.id).await;
    let run = RunId::new();
    let upload = |node: &FakeNode, ranges| Upload {
        node: node.id,
        upload: wire::ConsoleUpload {
            boot: node.boot.to_string(),
            ranges,
        },
    };
    // As one turn of the queue holds them: sixteen of one node beside another's.
    let mut uploads: Vec<Upload> = (0..16).map(|_| upload(&hostile, made_up(4096))).collect();
    uploads.push(upload(
        &honest,
        vec![FakeNode::range(server, run, 0, "heard")],
    ));
    let began = Instant::now();
    let mut answers = console::store(&world.app, uploads).await;
    assert_eq!(answers.pop().unwrap().unwrap().committed[0].committed, 5);
    for answer in answers {
        assert_eq!(answer.unwrap_err().code, "malformed");
    }
    // As many as are possible, too.
    let mut uploads: Vec<Upload> = (0..130).map(|_| upload(&hostile, made_up(512))).collect();
    uploads.push(upload(
        &honest,
        vec![FakeNode::range(server, run, 5, " again")],
    ));
    let mut answers = console::store(&world.app, uploads).await;
    assert_eq!(answers.pop().unwrap().unwrap().committed[0].committed, 11);
    assert!(answers.iter().all(Result::is_ok));
    assert!(began.elapsed() < Duration::from_secs(60));
}

async fn an_upload_that_the_database_refuses_fails_itself_alone(world: World) {
    let (bad, good) = (FakeNode::join(&world).await, FakeNode::join(&world).await);
    let (poisoned, server) = (world.server(bad.id).await, world.server(good.id).await);
    // Any refusal does: here of a second stream of that server.
    let tx = world.app.db.bulk.begin(Lane::People).await.unwrap();
    tx.execute_unprepared(&format!(
        "CREATE UNIQUE INDEX poison ON console_streams (server_id) WHERE server_id = '{poisoned}'"
    ))
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let run = RunId::new();
    let mut warren = FakeNode::range(poisoned, run, 0, "x");
    warren.stream = wire::ConsoleStream::Warren.into();
    let poison = vec![FakeNode::range(poisoned, run, 0, "x"), warren];
    let run = RunId::new();
    let upload = |node: &FakeNode, ranges| Upload {
        node: node.id,
        upload: wire::ConsoleUpload {
            boot: node.boot.to_string(),
            ranges,
        },
    };
    let uploads = vec![
        upload(&good, vec![FakeNode::range(server, run, 0, "one")]),
        upload(&bad, poison),
        upload(&good, vec![FakeNode::range(server, run, 3, "two")]),
    ];
    let answers = console::store(&world.app, uploads).await;
    let failure = answers[1].clone().unwrap_err();
    assert_eq!((&*failure.code, failure.retryable), ("database", true));
    assert_eq!(answers[0].clone().unwrap().committed[0].committed, 3);
    assert_eq!(answers[2].clone().unwrap().committed[0].committed, 6);
}

/// A hello with as much in it as may be.
fn heavy(node: &FakeNode) -> wire::Hello {
    let mut hello = node.hello_of();
    hello.servers = (0..10_000)
        .map(|_| wire::ObservedServer {
            server: ServerId::new().to_string(),
            generation: 1,
            state: State::Running.into(),
            ..Default::default()
        })
        .collect();
    hello.journal = (0..2000)
        .map(|_| wire::JournalPosition {
            boot: BootId::new().to_string(),
            seq: 1,
            end: 2,
        })
        .collect();
    hello
}

async fn a_storm_of_hellos_does_not_delay_the_heartbeats_of_others(world: World) {
    let hostile = Arc::new(FakeNode::join(&world).await);
    let honest = FakeNode::join(&world).await;
    let began = Instant::now();
    hostile
        .ask::<wire::HelloAnswer>(up::HELLO, &heavy(&hostile))
        .await
        .unwrap();
    eprintln!("the heaviest hello takes {:?}", began.elapsed());
    let stop = Arc::new(AtomicBool::new(false));
    // More at a time than fit into two seconds; each leaves the machine some air.
    let storm: Vec<_> = (0..6)
        .map(|_| {
            let (node, stop) = (hostile.clone(), stop.clone());
            let hello = heavy(&node);
            tokio::spawn(async move {
                while !stop.load(Relaxed) {
                    drop(node.ask::<wire::HelloAnswer>(up::HELLO, &hello).await);
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            })
        })
        .collect();
    let beat = wire::Heartbeat {
        boot: honest.boot.to_string(),
        ledger: honest.hello_of().ledger,
        ..Default::default()
    };
    let began = Instant::now();
    let mut worst = Duration::ZERO;
    let mut beats = 0;
    while began.elapsed() < Duration::from_secs(6) {
        let sent = Instant::now();
        // The call itself gives up after 2 s.
        let answer: Result<wire::HeartbeatAnswer, _> = honest.ask(up::HEARTBEAT, &beat).await;
        answer.unwrap_or_else(|e| panic!("after {beats} heartbeats: {e}"));
        worst = worst.max(sent.elapsed());
        beats += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.store(true, Relaxed);
    for one in storm {
        one.await.unwrap();
    }
    eprintln!("{beats} heartbeats, the slowest took {worst:?}");
    assert!(worst < Duration::from_secs(2), "{worst:?}");
}

async fn boots_that_a_node_makes_up_are_bounded(world: World) {
    let node = FakeNode::join(&world).await;
    let mut taken = 0;
    while taken < 4 {
        let mut hello = node.hello_of();
        hello.journal = (0..4096)
            .map(|_| wire::JournalPosition {
                boot: BootId::new().to_string(),
                seq: 1,
                end: 1,
            })
            .collect();
        let answer: Result<wire::HelloAnswer, _> = node.ask(up::HELLO, &hello).await;
        taken += usize::from(answer.is_ok());
    }
    let rows = node_boots::Entity::find()
        .count(world.app.db.read())
        .await
        .unwrap();
    assert!(rows <= 8192 + 16, "{rows} boots");
    // The process that speaks is still known.
    node.hello().await.ok();
}

async fn a_node_that_does_not_wait_for_answers_is_muted_and_shown(world: World) {
    let hostile = Arc::new(FakeNode::join(&world).await);
    let mut honest = FakeNode::join(&world).await;
    let server = world.server(honest.id).await;
    let batch = wire::FactBatch {
        speaker: hostile.boot.to_string(),
        boot: hostile.boot.to_string(),
        facts: vec![wire::Fact::default(); 50],
    };
    let began = Instant::now();
    let mut codes = Vec::new();
    while !codes.contains(&"muted".to_owned()) {
        assert!(began.elapsed() < SOON, "{codes:?}");
        let storm = (0..100).map(|_| hostile.ask::<wire::FactAnswer>(up::LIFECYCLE, &batch));
        codes = futures_util::future::join_all(storm)
            .await
            .into_iter()
            .filter_map(|answer| match answer {
                Err(CallError::Failed { code, .. }) => Some(code),
                _ => None,
            })
            .collect();
    }
    let hello = hostile.hello().await.unwrap_err();
    assert!(matches!(hello, CallError::Failed { code, .. } if code == "muted"));
    // Its heartbeats are: it is there, and the panel says what is wrong with it.
    let beat = wire::Heartbeat {
        boot: hostile.boot.to_string(),
        ..Default::default()
    };
    let _: wire::HeartbeatAnswer = hostile.ask(up::HEARTBEAT, &beat).await.unwrap();
    let shown = eventually_async("the mute to be shown", SOON, || async {
        let row = nodes::Entity::find_by_id(hostile.id.to_string());
        let row = row.one(world.app.db.read()).await.unwrap().unwrap();
        let now_ms = world.app.clock.now_ms();
        let node = view::node(&row, view::Tenants::default(), None, now_ms);
        node.conditions.into_iter().find(|c| c.code == "muted")
    });
    assert!(shown.await.unwrap().message.contains("without waiting"));
    let events = outbox::Entity::find()
        .filter(outbox::Column::NodeId.eq(hostile.id.to_string()))
        .all(world.app.db.read())
        .await
        .unwrap();
    let told = events.iter().filter(|e| e.data["code"] == "muted").count();
    assert_eq!(told, 1);
    // Nobody else is touched.
    let facts = vec![
        honest.boot_started(None),
        honest.state(server, State::New, State::Stopped),
    ];
    assert_eq!(honest.upload_surely(facts).await.seq, 3);
}
