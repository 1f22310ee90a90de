use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use warren_control::{db::Lane, reconcile::jobs, wanted};
use warren_entity::{allocations, operations, outbox};
use warren_harness::eventually_async;
use warren_proto::{
    ids::{AllocationId, JobId, NodeId, ServerId},
    wire::{self, State, fact::What, job_ask::Ask},
};

use crate::{
    fake_node::FakeNode,
    on_both, with_two_controls,
    world::{SOON, World},
};

on_both! {
    a_change_reaches_the_node_and_only_the_latest_after_it_was_away
    a_removal_is_sent_until_confirmed_and_frees_the_ports
    a_job_is_started_and_ends_by_its_fact
    a_job_that_the_node_forgot_is_lost
    a_job_that_has_ended_is_not_told_of_as_running
    what_is_told_of_a_job_waits_for_its_server
    many_changes_at_once_have_revs_in_the_order_of_commits
}
with_two_controls! {
    a_change_reaches_the_node_and_only_the_latest_after_it_was_away
    many_changes_at_once_have_revs_in_the_order_of_commits
}

async fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    eventually_async(what, SOON, || std::future::ready(probe()))
        .await
        .unwrap()
}

async fn a_change_reaches_the_node_and_only_the_latest_after_it_was_away(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    until("the first row", || {
        (node.told.lock().unwrap().applied_rev >= 1).then_some(())
    })
    .await;
    node.told.lock().unwrap().deaf = true;
    let mut last = None;
    for _ in 0..5 {
        last = Some(world.bump(server).await);
    }
    let before = node.told.lock().unwrap().applies.len();
    node.told.lock().unwrap().deaf = false;
    world.app.nudges.node(node.id);
    let last = last.unwrap();
    until("the latest row", || {
        (node.told.lock().unwrap().applied_rev >= last.rev as u64).then_some(())
    })
    .await;
    let told = node.told.lock().unwrap();
    let applies = &told.applies[before..];
    assert!(applies.iter().all(|a| a.from <= last.rev as u64));
    let sent = applies.iter().flat_map(|a| &a.servers);
    let older = sent.filter(|s| s.generation < last.generation as u64);
    // What a control was sending in that moment may still arrive; nothing of the four before is sent anew.
    assert!(older.count() <= 2, "{applies:?}");
    let newest = applies.iter().rev().find_map(|a| a.servers.last());
    assert_eq!(newest.unwrap().generation, last.generation as u64);
}

async fn a_removal_is_sent_until_confirmed_and_frees_the_ports(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let now_ms = world.app.clock.now_ms();
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    let port = allocations::ActiveModel {
        id: Set(AllocationId::new().to_string()),
        node_id: Set(node.id.to_string()),
        ip: Set("0.0.0.0".into()),
        port: Set(25565),
        server_id: Set(Some(server.to_string())),
        is_primary: Set(true),
        alias: Set(None),
        taken_by: Set(None),
        reserved_for: Set(None),
        withdrawn: sea_orm::ActiveValue::Set(false),
        created_at_ms: Set(now_ms),
    };
    allocations::Entity::insert(port)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    let bumped = wanted::remove(&*tx, &server.to_string(), 0, now_ms)
        .await
        .unwrap();
    let deletion = operation(server, node.id, "delete", "running", now_ms);
    operations::Entity::insert(deletion)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    world.app.nudges.node(node.id);
    until("the tombstone", || {
        let told = node.told.lock().unwrap();
        let mut stones = told.applies.iter().flat_map(|a| &a.tombstones);
        stones
            .any(|t| t.server == server.to_string() && t.generation == bumped.generation as u64)
            .then_some(())
    })
    .await;
    let taken = || async {
        let ports = allocations::Entity::find()
            .all(world.app.db.read())
            .await
            .unwrap();
        ports[0].server_id.is_some()
    };
    assert!(taken().await, "in use until the node says that it is gone");
    let removed = What::Removed(wire::Removed {
        generation: bumped.generation as u64,
    });
    let batch = vec![node.boot_started(None), node.fact(Some(server), removed)];
    node.upload_surely(batch).await;
    assert!(!taken().await);
    let ended = operations::Entity::find()
        .one(world.app.db.read())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.state, "done");
}

fn operation(
    server: ServerId,
    node: NodeId,
    kind: &str,
    state: &str,
    now_ms: i64,
) -> operations::ActiveModel {
    operations::ActiveModel {
        id: Set(JobId::new().to_string()),
        kind: Set(kind.into()),
        server_id: Set(Some(server.to_string())),
        node_id: Set(Some(node.to_string())),
        lane: Set(Some("files".into())),
        state: Set(state.into()),
        percent: Set(None),
        step: Set(None),
        code: Set(None),
        message: Set(None),
        generation: Set(1),
        wipe: Set(false),
        run_id: Set(None),
        exit_code: Set(None),
        actor: Set(None),
        created_at_ms: Set(now_ms),
        sent_at_ms: Set(None),
        started_at_ms: Set(None),
        ended_at_ms: Set(None),
        cancel_asked_at_ms: Set(None),
        ..Default::default()
    }
}

async fn begin_job(world: &World, node: &FakeNode, server: ServerId) -> String {
    let row = operation(
        server,
        node.id,
        "install",
        "pending",
        world.app.clock.now_ms(),
    );
    let id = row.id.clone().unwrap();
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    operations::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    world.app.nudges.node(node.id);
    until("the job's start", || {
        let told = node.told.lock().unwrap();
        let mut asks = told.jobs.iter().filter_map(|j| j.ask.as_ref());
        asks.any(|a| matches!(a, Ask::Start(s) if s.job == id))
            .then_some(())
    })
    .await;
    id
}

async fn state_of(world: &World, job: &str) -> operations::Model {
    operations::Entity::find_by_id(job)
        .one(world.app.db.read())
        .await
        .unwrap()
        .unwrap()
}

async fn a_job_is_started_and_ends_by_its_fact(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let job = begin_job(&world, &node, server).await;
    eventually_async("the job to run", SOON, || async {
        (state_of(&world, &job).await.state == "running").then_some(())
    })
    .await
    .unwrap();
    let ended = What::JobEnded(wire::JobEnded {
        job: job.clone(),
        kind: "install".into(),
        result: wire::JobResult::Failed.into(),
        code: "script_failed".into(),
        message: "the install script ended with 3".into(),
        exit_code: Some(3),
        ..Default::default()
    });
    let batch = vec![
        node.boot_started(None),
        node.state(server, State::New, State::Installing),
        node.state(server, State::Installing, State::Error),
        node.fact(Some(server), ended),
    ];
    node.upload_surely(batch).await;
    let job = state_of(&world, &job).await;
    assert_eq!((&*job.state, job.exit_code), ("failed", Some(3)));
    assert_eq!(world.row(server).await.install.unwrap()["exit_code"], 3);
}

async fn a_job_that_the_node_forgot_is_lost(world: World) {
    let mut node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let job = begin_job(&world, &node, server).await;
    eventually_async("the job to run", SOON, || async {
        (state_of(&world, &job).await.sent_at_ms.is_some()).then_some(())
    })
    .await
    .unwrap();
    // As if it had been sent a while ago.
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    let mut row: operations::ActiveModel = state_of(&world, &job).await.into();
    row.sent_at_ms = Set(Some(1));
    operations::Entity::update(row).exec(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    node.jobs = vec![wire::RunningJob {
        job: job.clone(),
        ..Default::default()
    }];
    node.hello().await.unwrap();
    assert_eq!(state_of(&world, &job).await.state, "running");
    node.jobs.clear();
    node.hello().await.unwrap();
    assert_eq!(state_of(&world, &job).await.state, "lost");
}

async fn operation_events(world: &World) -> u64 {
    outbox::Entity::find()
        .filter(outbox::Column::Kind.eq("operation"))
        .count(world.app.db.read())
        .await
        .unwrap()
}

async fn stored(world: &World, row: operations::ActiveModel) -> operations::Model {
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    let id = row.id.clone().unwrap();
    operations::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    state_of(world, &id).await
}

fn half_done() -> wire::JobStatus {
    wire::JobStatus {
        state: "running".into(),
        percent: 50.0,
        ..Default::default()
    }
}

async fn a_job_that_has_ended_is_not_told_of_as_running(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let row = operation(server, node.id, "install", "done", 1);
    let mut before = stored(&world, row).await;
    // As it was when its node was asked.
    before.state = "running".into();
    jobs::note(&world.app, node.id, &before, &half_done())
        .await
        .unwrap();
    assert_eq!(state_of(&world, &before.id).await.state, "done");
    assert_eq!(operation_events(&world).await, 0);
}

async fn what_is_told_of_a_job_waits_for_its_server(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    // Of another kind: reconcile leaves it alone.
    let job = stored(&world, operation(server, node.id, "backup", "running", 1)).await;
    let tx = world.app.db.begin(Lane::Machines).await.unwrap();
    wanted::bump(&*tx, &server.to_string()).await.unwrap();
    let (app, id) = (world.app.clone(), node.id);
    let noting = tokio::spawn(async move { jobs::note(&app, id, &job, &half_done()).await });
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert!(!noting.is_finished(), "it does not hold the server's row");
    tx.commit().await.unwrap();
    noting.await.unwrap().unwrap();
    assert_eq!(operation_events(&world).await, 1);
}

async fn many_changes_at_once_have_revs_in_the_order_of_commits(world: World) {
    let node = FakeNode::join(&world).await;
    let servers = [
        world.server(node.id).await,
        world.server(node.id).await,
        world.server(node.id).await,
    ];
    let controls: Vec<_> = std::iter::once(&world.app).chain(&world.others).collect();
    let changes = (0..60).map(|i| {
        let (app, server) = (controls[i % controls.len()].clone(), servers[i % 3]);
        tokio::spawn(async move {
            let tx = app.db.begin(Lane::People).await.unwrap();
            let bumped = wanted::bump(&*tx, &server.to_string()).await.unwrap();
            tx.commit().await.unwrap();
            app.nudges.node(node_of(&app, server).await);
            bumped.rev
        })
    });
    let mut revs: Vec<i64> = futures_util::future::join_all(changes)
        .await
        .into_iter()
        .map(|r| r.unwrap())
        .collect();
    revs.sort_unstable();
    revs.dedup();
    assert_eq!(revs.len(), 60, "no two changes share a rev");
    until("everything to be applied", || {
        (node.told.lock().unwrap().applied_rev >= 63).then_some(())
    })
    .await;
    let told = node.told.lock().unwrap();
    for server in servers {
        let generation = world_generation(&told.applies, server);
        assert_eq!(generation, 21);
    }
}

async fn node_of(app: &warren_control::app::App, server: ServerId) -> NodeId {
    let row = warren_entity::servers::Entity::find_by_id(server.to_string())
        .one(app.db.read())
        .await
        .unwrap()
        .unwrap();
    row.node_id.parse().unwrap()
}

fn world_generation(applies: &[wire::Apply], server: ServerId) -> u64 {
    let sent = applies
        .iter()
        .flat_map(|a| &a.servers)
        .filter(|s| s.server == server.to_string());
    sent.map(|s| s.generation).max().unwrap()
}
