//! What has had its time goes, once, and whatever else fails.

use std::time::Duration;

use async_nats::jetstream;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
};
use warren_control::{
    app::Ground,
    config::Config,
    console::keep,
    consumer::{self, Wanted},
    db::{Lane, Store},
    outbox::Lease,
    retention,
};
use warren_entity::{
    console_chunks, console_runs, console_sizes, console_streams, eggs, event_consumers,
    join_tokens, leases, node_cursors, nodes, operations, revocations, servers, tombstones, users,
};
use warren_harness::eventually_async;
use warren_proto::{
    ids::{JobId, RunId, ServerId},
    wire::State,
};

use crate::{
    console::fill,
    fake_node::FakeNode,
    on_both, with_two_controls,
    world::{SOON, World},
};

const DAY_MS: i64 = 86_400_000;

on_both! {
    sweeps_at_the_same_time_subtract_what_they_deleted
    a_lease_is_kept_while_the_work_goes_on
    a_sweep_that_fails_keeps_no_other_from_its_work
    operations_and_runs_go_by_their_age_and_what_goes_on_stays
    what_was_deleted_softly_goes_after_30_days_once_nothing_points_to_it
    an_expired_consumer_leaves_nothing_in_jetstream
    sizes_follow_what_is_uploaded_and_let_go
}
with_two_controls! {
    operations_and_runs_go_by_their_age_and_what_goes_on_stays
    sweeps_at_the_same_time_subtract_what_they_deleted
    a_lease_is_kept_while_the_work_goes_on
}

/// The ground of each control, under another configuration.
fn grounds(world: &World, change: impl Fn(&mut Config)) -> Vec<Ground> {
    let apps = std::iter::once(&world.app).chain(&world.others);
    apps.map(|app| {
        let mut ground = Ground::clone(app);
        let mut config = (*ground.config).clone();
        change(&mut config);
        ground.config = config.into();
        ground
    })
    .collect()
}

async fn sweeps_at_the_same_time_subtract_what_they_deleted(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    fill(&world, &node, server, 400, world.app.clock.now_ms()).await;
    let db = world.app.db.bulk.read();
    let before = console_streams::Entity::find()
        .one(db)
        .await
        .unwrap()
        .unwrap();
    let grounds = grounds(&world, |config| {
        config.console_keep_bytes = before.stored_bytes / 4
    });
    let sweeps = grounds.iter().cycle().take(4).map(keep::sweep);
    for swept in futures_util::future::join_all(sweeps).await {
        swept.unwrap();
    }
    let row = console_streams::Entity::find()
        .one(db)
        .await
        .unwrap()
        .unwrap();
    let chunks = console_chunks::Entity::find().all(db).await.unwrap();
    let stored: usize = chunks.iter().map(|c| c.data.len() + c.times.len()).sum();
    assert_eq!(row.stored_bytes, stored as i64, "counted as it is");
    assert_eq!(
        row.first_kept,
        chunks.iter().map(|c| c.start).min().unwrap()
    );
    let kept = before.stored_bytes / 4;
    let one = before.stored_bytes / 400;
    assert!(
        (kept - one..=kept).contains(&row.stored_bytes),
        "and no more went than had to"
    );
}

async fn a_lease_is_kept_while_the_work_goes_on(world: World) {
    let grounds = grounds(&world, |_| {});
    let first = Lease::new(&grounds[0], "work", "first");
    let second = Lease::new(grounds.last().unwrap(), "work", "second");
    assert!(first.hold().await.unwrap());
    let until = async || {
        let row = leases::Entity::find_by_id("work");
        row.one(world.app.db.read())
            .await
            .unwrap()
            .unwrap()
            .expires_at_ms
    };
    let begun = until().await;
    let work = async {
        // Longer than a lease lives without renewal.
        eventually_async("the lease to outlive its first term", SOON, || async {
            assert!(!second.hold().await.unwrap(), "one at a time");
            (until().await > begun + 4000).then_some(())
        })
        .await
        .unwrap();
    };
    assert_eq!(first.keep(work).await, Some(()));
    first.let_go().await.unwrap();
    assert!(second.hold().await.unwrap());
    // Whoever has lost it stops.
    let forever = tokio::time::timeout(
        Duration::from_secs(10),
        first.keep(std::future::pending::<()>()),
    );
    assert_eq!(forever.await.unwrap(), None);
}

async fn a_sweep_that_fails_keeps_no_other_from_its_work(world: World) {
    let old = revocations::ActiveModel {
        counter: Set(1_000_000),
        kind: Set("user".into()),
        subject_id: Set("somebody".into()),
        at_ms: Set(world.app.clock.now_ms() - 2 * DAY_MS),
    };
    let tx = world.app.db.begin(Lane::Machines).await.unwrap();
    revocations::Entity::insert(old)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let tx = world.app.db.bulk.begin(Lane::Machines).await.unwrap();
    tx.execute_unprepared("DROP TABLE console_chunks")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    keep::sweep(&world.app).await.unwrap_err();
    retention::round(&world.app).await.unwrap();
    let left = revocations::Entity::find()
        .filter(revocations::Column::Counter.eq(1_000_000))
        .one(world.app.db.read())
        .await
        .unwrap();
    assert_eq!(left, None);
}

async fn sql(store: &Store, text: &str) {
    let tx = store.begin(Lane::Machines).await.unwrap();
    tx.execute_unprepared(text).await.unwrap();
    tx.commit().await.unwrap();
}

async fn operation(world: &World, server: ServerId, ended_at_ms: Option<i64>) -> String {
    let id = JobId::new().to_string();
    let row = operations::ActiveModel {
        id: Set(id.clone()),
        kind: Set("install".into()),
        lane: Set(Some("files".into())),
        server_id: Set(Some(server.to_string())),
        node_id: Set(None),
        state: Set(ended_at_ms.map_or("running", |_| "done").into()),
        generation: Set(1),
        wipe: Set(false),
        created_at_ms: Set(1),
        ended_at_ms: Set(ended_at_ms),
        ..Default::default()
    };
    let tx = world.app.db.begin(Lane::Machines).await.unwrap();
    operations::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

async fn operations_and_runs_go_by_their_age_and_what_goes_on_stays(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let now_ms = world.app.clock.now_ms();
    operation(&world, server, Some(now_ms - 91 * DAY_MS)).await;
    let young = operation(&world, server, Some(now_ms - 89 * DAY_MS)).await;
    let open = operation(&world, server, None).await;
    // Three runs of long ago: one that ended, one that goes on in silence, and a stranger's stream.
    let ended = fill(&world, &node, server, 3, now_ms - 40 * DAY_MS).await;
    let quiet = fill(&world, &node, server, 3, now_ms - 39 * DAY_MS).await;
    let stray = fill(&world, &node, server, 3, now_ms - 38 * DAY_MS).await;
    let fresh = fill(&world, &node, server, 3, now_ms).await;
    let at = now_ms - 39 * DAY_MS;
    sql(
        &world.app.db.main,
        &format!("UPDATE console_runs SET ended_at_ms = {at} WHERE id = '{ended}'"),
    )
    .await;
    sql(
        &world.app.db.main,
        &format!("DELETE FROM console_runs WHERE id = '{stray}'"),
    )
    .await;
    // Whatever control does it: one after the other, and both at once.
    let apps = || std::iter::once(&world.app).chain(&world.others);
    for swept in futures_util::future::join_all(apps().map(retention::round)).await {
        swept.unwrap();
    }
    for app in apps() {
        retention::round(app).await.unwrap();
        retention::history::stray_streams(app).await.unwrap();
        retention::history::empty_sizes(app).await.unwrap();
    }
    let db = world.app.db.read();
    let left = operations::Entity::find().all(db).await.unwrap();
    let mut left: Vec<String> = left.into_iter().map(|o| o.id).collect();
    left.sort();
    let mut kept = [young, open];
    kept.sort();
    assert_eq!(left, kept);
    let named = |mut runs: Vec<String>| {
        runs.sort();
        runs
    };
    let runs = console_runs::Entity::find().all(db).await.unwrap();
    let runs = named(runs.into_iter().map(|r| r.id).collect());
    let kept = named(vec![quiet.to_string(), fresh.to_string()]);
    assert_eq!(runs, kept);
    let streams = console_streams::Entity::find()
        .all(world.app.db.bulk.read())
        .await
        .unwrap();
    assert!(
        streams.iter().all(|s| s.committed == 3 * 32 * 1024),
        "places stay"
    );
    let streams = named(streams.into_iter().map(|s| s.run_id).collect());
    assert_eq!(streams, kept);
}

async fn what_was_deleted_softly_goes_after_30_days_once_nothing_points_to_it(world: World) {
    let node = FakeNode::join(&world).await;
    let away = FakeNode::join(&world).await;
    let gone = FakeNode::join(&world).await;
    let (old, young, unconfirmed, alive) = (
        world.server(node.id).await,
        world.server(node.id).await,
        world.server(away.id).await,
        world.server(node.id).await,
    );
    let lost = world.server(gone.id).await;
    let now_ms = world.app.clock.now_ms();
    let main = &world.app.db.main;
    let long_ago = now_ms - 31 * DAY_MS;
    for server in [old, unconfirmed, lost] {
        sql(
            main,
            &format!("UPDATE servers SET deleted_at_ms = {long_ago} WHERE id = '{server}'"),
        )
        .await;
    }
    let lately = now_ms - 29 * DAY_MS;
    sql(
        main,
        &format!("UPDATE servers SET deleted_at_ms = {lately} WHERE id = '{young}'"),
    )
    .await;
    for (server, node) in [(unconfirmed, away.id), (lost, gone.id)] {
        sql(
            main,
            &format!(
                "INSERT INTO tombstones (server_id, node_id, generation, rev, keep_files_s, \
            created_at_ms) VALUES ('{server}', '{node}', 1, 1, 0, 1)"
            ),
        )
        .await;
    }
    sql(
        main,
        &format!(
            "UPDATE nodes SET deleted_at_ms = {long_ago} WHERE id = '{}'",
            gone.id
        ),
    )
    .await;
    // Every egg and owner of a test server is its own.
    sql(main, &format!("UPDATE eggs SET deleted_at_ms = {long_ago}")).await;
    sql(
        main,
        &format!("UPDATE users SET deleted_at_ms = {long_ago}"),
    )
    .await;
    sql(
        main,
        &format!("UPDATE join_tokens SET expires_at_ms = {long_ago}"),
    )
    .await;
    retention::round(&world.app).await.unwrap();
    let db = world.app.db.read();
    let left = servers::Entity::find().all(db).await.unwrap();
    let left: std::collections::BTreeSet<String> = left.into_iter().map(|s| s.id).collect();
    let kept = [young, unconfirmed, alive].map(|s| s.to_string()).into();
    assert_eq!(left, kept, "what its node has not confirmed stays");
    let nodes_left = nodes::Entity::find().count(db).await.unwrap();
    assert_eq!(nodes_left, 2);
    assert_eq!(node_cursors::Entity::find().count(db).await.unwrap(), 2);
    assert_eq!(eggs::Entity::find().count(db).await.unwrap(), 3);
    assert_eq!(users::Entity::find().count(db).await.unwrap(), 3);
    assert_eq!(
        join_tokens::Entity::find().count(db).await.unwrap(),
        2,
        "those that nodes came with"
    );
    assert_eq!(tombstones::Entity::find().count(db).await.unwrap(), 1);
}

async fn an_expired_consumer_leaves_nothing_in_jetstream(world: World) {
    let ask = |name: &str, expires_in_s| Wanted {
        name: name.into(),
        servers: None,
        expires_in_s,
        created_by: None,
        api_key: None,
    };
    let old = consumer::create(&world.app, &ask("old", Some(60)))
        .await
        .unwrap();
    let good = consumer::create(&world.app, &ask("good", None))
        .await
        .unwrap();
    let past = world.app.clock.now_ms() - 2 * 3_600_000;
    sql(
        &world.app.db.main,
        &format!(
            "UPDATE event_consumers SET expires_at_ms = {past} WHERE id = '{}'",
            old.id
        ),
    )
    .await;
    assert_eq!(consumer::keep::sweep(&world.app).await.unwrap(), 1);
    let stream = jetstream::new(world.app.bus.raw().clone())
        .get_stream("EVENT")
        .await
        .unwrap();
    let has = async |id: String| {
        let found: Result<jetstream::consumer::PullConsumer, _> = stream.get_consumer(&id).await;
        found.is_ok()
    };
    assert!(!has(old.id.to_string()).await);
    assert!(has(good.id.to_string()).await);
    let rows = event_consumers::Entity::find()
        .all(world.app.db.read())
        .await
        .unwrap();
    let ids: Vec<String> = rows.into_iter().map(|row| row.id).collect();
    assert_eq!(ids, [good.id.to_string()]);
    // A durable that is gone already is no reason to keep the row.
    sql(
        &world.app.db.main,
        "UPDATE event_consumers SET revoked_at_ms = 1",
    )
    .await;
    stream.delete_consumer(&good.id.to_string()).await.unwrap();
    assert_eq!(consumer::keep::sweep(&world.app).await.unwrap(), 1);
}

async fn sizes_follow_what_is_uploaded_and_let_go(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let facts = vec![
        node.boot_started(None),
        node.state(server, State::New, State::Stopped),
    ];
    node.upload_surely(facts).await;
    let runs = [RunId::new(), RunId::new()];
    for i in 0..20u64 {
        let text = format!("{i:>9}\n");
        let both = runs.map(|run| FakeNode::range(server, run, i * 10, &text));
        node.print(both.into()).await.unwrap();
    }
    let db = world.app.db.bulk.read();
    let counted = async || {
        let sizes = console_sizes::Entity::find().all(db).await.unwrap();
        let streams = console_streams::Entity::find().all(db).await.unwrap();
        let chunks = console_chunks::Entity::find().all(db).await.unwrap();
        let stored: usize = chunks.iter().map(|c| c.data.len() + c.times.len()).sum();
        assert_eq!(
            streams.iter().map(|s| s.stored_bytes).sum::<i64>(),
            stored as i64
        );
        assert_eq!(sizes.iter().map(|s| s.bytes).sum::<i64>(), stored as i64);
        stored
    };
    assert!(counted().await > 0);
    let ground = &grounds(&world, |config| config.console_keep_bytes = 1)[0];
    keep::sweep(ground).await.unwrap();
    assert_eq!(counted().await, 0);
}
