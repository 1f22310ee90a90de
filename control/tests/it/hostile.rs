//! Doors that somebody with a node's key, an old token or an old cookie tries to walk through.

use std::time::Duration;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use warren_control::{
    console::{history, keep},
    db::Lane,
    node::credential,
    session::store,
};
use warren_entity::{facts, outbox, servers, sessions};
use warren_harness::eventually_async;
use warren_proto::{
    bus::CallError,
    ids::{RunId, SessionId},
    subjects::up,
    wire::{self, State, fact::What},
};

use crate::{
    fake_node::{FakeNode, register, registration, rejoining, stranger, token_for, token_of},
    on_both,
    world::{SOON, World},
};

on_both! {
    a_use_renews_its_own_session_alone
    a_gap_that_begins_below_the_cursor_is_taken
    an_upload_of_many_tiny_facts_is_taken_in_parts
    a_time_at_the_end_of_its_type_harms_nobody
    a_job_id_that_is_none_holds_nothing_up
    a_generation_at_the_end_of_its_type_is_refused
    a_lie_about_revs_shuts_nobody_out
    a_fact_that_is_too_large_is_cut_and_named
    a_stranger_does_not_push_out_what_a_server_said
    an_old_token_does_not_undo_a_revocation
    a_node_ahead_of_a_restored_database_takes_each_row_by_a_rev_of_its_own
}

fn code<T: std::fmt::Debug>(result: Result<T, CallError>) -> String {
    match result {
        Err(CallError::Failed { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

async fn log_in(world: &World, expires_at_ms: i64) -> String {
    let user = world.user().await;
    let id = SessionId::new().to_string();
    let row = sessions::ActiveModel {
        id: Set(id.clone()),
        user_id: Set(user.to_string()),
        token_hash: Set(id.clone()),
        created_at_ms: Set(0),
        last_seen_at_ms: Set(0),
        expires_at_ms: Set(expires_at_ms),
        ended_at_ms: Set(None),
        address: Set("192.0.2.1".into()),
        user_agent: Set(String::new()),
        two_steps: Set(false),
    };
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    sessions::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

async fn a_use_renews_its_own_session_alone(world: World) {
    let (used, idle, expired) = (
        log_in(&world, 10_000).await,
        log_in(&world, 10_000).await,
        log_in(&world, 4_000).await,
    );
    let tx = world.app.db.begin(Lane::Machines).await.unwrap();
    store::seen(&*tx, &used, 5_000, 60_000).await.unwrap();
    store::seen(&*tx, &expired, 5_000, 60_000).await.unwrap();
    tx.commit().await.unwrap();
    for (id, expires) in [(used, 65_000), (idle, 10_000), (expired, 4_000)] {
        let row = sessions::Entity::find_by_id(id)
            .one(world.app.db.read())
            .await
            .unwrap();
        assert_eq!(row.unwrap().expires_at_ms, expires);
    }
}

async fn a_gap_that_begins_below_the_cursor_is_taken(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let batch = vec![
        node.boot_started(None),
        node.state(server, State::New, State::Stopped),
        node.state(server, State::Stopped, State::Starting),
    ];
    assert_eq!(node.upload_surely(batch).await.seq, 4);
    // The answer was lost and the journal ran over: 2 to 9 are gone there.
    let gap = wire::Fact {
        seq: 2,
        what: Some(What::FactGap(wire::FactGap {
            boot: node.boot.to_string(),
            from_seq: 2,
            to_seq: 9,
        })),
        ..Default::default()
    };
    node.next_seq = 10;
    let batch = vec![gap, node.state(server, State::Starting, State::Running)];
    assert_eq!(node.upload_surely(batch).await.seq, 11);
    assert_eq!(world.row(server).await.state, "running");
}

async fn an_upload_of_many_tiny_facts_is_taken_in_parts(world: World) {
    let mut node = FakeNode::join(&world).await;
    let mut batch = vec![node.boot_started(None)];
    batch.extend((0..2500).map(|_| wire::Fact {
        seq: {
            node.next_seq += 1;
            node.next_seq - 1
        },
        ..Default::default()
    }));
    let mut seq = 1;
    let mut rounds = 0;
    while seq <= 2501 {
        let rest = batch[usize::try_from(seq - 1).unwrap()..].to_vec();
        let next = node.upload_surely(rest).await.seq;
        assert!(next > seq && next - seq <= 1000, "{seq} to {next}");
        seq = next;
        rounds += 1;
    }
    assert_eq!(rounds, 3);
}

async fn a_time_at_the_end_of_its_type_harms_nobody(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let mut early = node.state(server, State::New, State::Stopped);
    early.at_ms = i64::MIN;
    let mut late = node.state(server, State::Stopped, State::Starting);
    late.at_ms = i64::MAX;
    node.next_seq = 1;
    let started = node.boot_started(None);
    (early.seq, late.seq) = (2, 3);
    assert_eq!(node.upload_surely(vec![started, early, late]).await.seq, 4);
    let events = outbox::Entity::find()
        .filter(outbox::Column::ServerId.eq(server.to_string()))
        .all(world.app.db.read())
        .await
        .unwrap();
    let most = world.app.clock.now_ms() + 2 * 86_400_000;
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|e| (0..most).contains(&e.at_ms)));
    for at_ms in [i64::MIN, i64::MAX] {
        let sample = wire::ServerSample {
            server: server.to_string(),
            at_ms,
            memory_bytes: u64::MAX,
            ..Default::default()
        };
        let batch = wire::MetricsBatch {
            boot: node.boot.to_string(),
            node: Some(wire::NodeSample {
                at_ms,
                ..Default::default()
            }),
            servers: vec![sample],
        };
        let taken = eventually_async("samples to be taken", SOON, || async {
            let answer: Result<wire::MetricsAnswer, _> = node.ask(up::METRICS, &batch).await;
            answer.ok()
        });
        taken.await.unwrap();
    }
}

async fn a_job_id_that_is_none_holds_nothing_up(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let ended = What::JobEnded(wire::JobEnded {
        job: "\0' or 1=1".into(),
        kind: "install\0".into(),
        result: wire::JobResult::Done.into(),
        ..Default::default()
    });
    let batch = vec![node.boot_started(None), node.fact(Some(server), ended)];
    assert_eq!(node.upload_surely(batch).await.seq, 3);
    let kept = facts::Entity::find()
        .filter(facts::Column::Error.is_not_null())
        .count(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(kept, 1);
}

async fn a_generation_at_the_end_of_its_type_is_refused(world: World) {
    let mut node = FakeNode::join(&world).await;
    let owner = FakeNode::join(&world).await;
    let (mine, foreign) = (world.server(node.id).await, world.server(owner.id).await);
    for server in [mine, foreign] {
        node.servers = vec![wire::ObservedServer {
            server: server.to_string(),
            generation: u64::MAX,
            ..Default::default()
        }];
        assert_eq!(code(node.hello().await), "malformed");
    }
    node.servers.clear();
    let mut hello = node.hello_of();
    hello.ledger = Some(wire::LedgerPosition {
        id: node.ledger.to_string(),
        rev: u64::MAX,
        ..Default::default()
    });
    let answer: Result<wire::HelloAnswer, _> = node.ask(up::HELLO, &hello).await;
    assert_eq!(code(answer), "malformed");
    let rows = servers::Entity::find()
        .all(world.app.db.read())
        .await
        .unwrap();
    assert!(rows.iter().all(|r| r.generation == 1), "{rows:?}");
}

async fn a_lie_about_revs_shuts_nobody_out(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let honest = node.hello_of();
    let mut lie = node.hello_of();
    lie.ledger = Some(wire::LedgerPosition {
        id: node.ledger.to_string(),
        rev: (1 << 62) - 1,
        ..Default::default()
    });
    lie.servers = vec![wire::ObservedServer {
        server: server.to_string(),
        generation: (1 << 62) - 1,
        ..Default::default()
    }];
    for hello in [&lie, &honest] {
        let answer: wire::HelloAnswer = node.ask(up::HELLO, hello).await.unwrap();
        assert_eq!(answer.quarantined_because, "");
    }
    let row = world.row(server).await;
    assert!(row.generation < 1 << 34 && row.rev < 1 << 33, "{row:?}");
    // Its next process says what it has been given since, and is heard.
    node.reboot().await;
    node.servers = vec![wire::ObservedServer {
        server: server.to_string(),
        generation: row.generation.unsigned_abs(),
        ..Default::default()
    }];
    node.hello().await.unwrap();
}

async fn a_fact_that_is_too_large_is_cut_and_named(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let large = What::StateChanged(wire::StateChanged {
        reason: "x".repeat(200_000),
        ..Default::default()
    });
    let batch = vec![
        node.boot_started(None),
        node.fact(Some(server), large),
        node.state(server, State::New, State::Stopped),
    ];
    assert_eq!(node.upload_surely(batch).await.seq, 4);
    assert_eq!(world.row(server).await.state, "stopped");
    let kept = facts::Entity::find()
        .filter(facts::Column::Error.is_not_null())
        .one(world.app.db.read())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((kept.seq, kept.body.len()), (2, 4096));
    assert!(kept.error.unwrap().starts_with("too large: 2000"));
}

/// As an agent does: again until it is answered.
async fn print_surely(node: &FakeNode, range: wire::ConsoleRange) {
    eventually_async("bytes to be taken", SOON, || async {
        node.print(vec![range.clone()]).await.ok()
    })
    .await
    .unwrap();
}

async fn a_stranger_does_not_push_out_what_a_server_said(world: World) {
    let (owner, hostile) = (FakeNode::join(&world).await, FakeNode::join(&world).await);
    let server = world.server(owner.id).await;
    let run = RunId::new();
    print_surely(
        &owner,
        FakeNode::range(server, run, 0, "what the game said"),
    )
    .await;
    // Noise that does not shrink, under the other's server and run, from the far future.
    let mut state = 1u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(200_000)
    .collect();
    let mut flood = FakeNode::range(server, run, 0, "");
    flood.length = u32::try_from(noise.len()).unwrap();
    flood.data = noise.into();
    flood.times[0].at_ms += 365 * 86_400_000;
    print_surely(&hostile, flood).await;
    let mut config = (*world.app.config).clone();
    config.console_keep_bytes = 10_000;
    let mut ground = (*world.app).clone();
    ground.config = std::sync::Arc::new(config);
    keep::sweep(&ground).await.unwrap();
    let place = history::place(&ground, server, Some(run))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(place.node_id, owner.id.to_string());
    let pieces = history::range(&ground, &place, wire::ConsoleStream::Game, 0, 0, 1000)
        .await
        .unwrap();
    assert_eq!(pieces[0].data.as_deref(), Some(&b"what the game said"[..]));
}

async fn an_old_token_does_not_undo_a_revocation(world: World) {
    let token = token_of(&world, 3).await;
    let bus = stranger(&token).await;
    let key = nkeys::KeyPair::new_user();
    let first = registration(&token, &key);
    let node = register(&bus, &first).await.unwrap().node;
    let id = node.parse().unwrap();
    let early = token_for(&world, id).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert!(credential::revoke(&world.app, id).await.unwrap());
    let fresh = token_of(&world, 1).await;
    // A stolen key may be why it was revoked: it proves nothing any more, whatever the token.
    for token in [&token, &early, &fresh] {
        let again = rejoining(token, &nkeys::KeyPair::new_user(), id, &key);
        let refused = register(&stranger(token).await, &again).await;
        assert_eq!(code(refused), "node_revoked");
    }
    // One that an admin made for it since takes it back.
    tokio::time::sleep(Duration::from_millis(2)).await;
    let meant = token_for(&world, id).await;
    let again = registration(&meant, &nkeys::KeyPair::new_user());
    let taken = register(&stranger(&meant).await, &again).await.unwrap();
    assert_eq!(taken.node, node);
}

async fn a_node_ahead_of_a_restored_database_takes_each_row_by_a_rev_of_its_own(world: World) {
    let node = FakeNode::join(&world).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.server(node.id).await);
    }
    eventually_async("the rows to be taken", SOON, || async {
        (node.told.lock().unwrap().applied_rev >= 3).then_some(())
    })
    .await
    .unwrap();
    node.told.lock().unwrap().applied_rev = 50;
    node.hello().await.unwrap();
    eventually_async("the rows to be sent anew", SOON, || async {
        (node.told.lock().unwrap().applied_rev >= 53).then_some(())
    })
    .await
    .unwrap();
    let mut revs = Vec::new();
    for id in ids {
        revs.push(world.row(id).await.rev);
    }
    revs.sort_unstable();
    assert_eq!(revs, [51, 52, 53]);
}
