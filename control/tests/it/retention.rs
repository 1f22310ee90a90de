//! What has had its time goes, once, and whatever else fails.

use std::time::Duration;

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use warren_control::{
    app::Ground, config::Config, console::keep, db::Lane, outbox::Lease, retention,
};
use warren_entity::{console_chunks, console_streams, leases, revocations};
use warren_harness::eventually_async;

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
}
with_two_controls! {
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
