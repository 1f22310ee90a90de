use std::time::Duration;

use sea_orm::{ActiveValue::Set, EntityTrait};
use warren_control::{
    console::{chunk, history, keep, search, size},
    db::Lane,
};
use warren_entity::{console_chunks, console_runs, console_streams};
use warren_harness::eventually_async;
use warren_proto::{
    bus::CallError,
    ids::{RunId, ServerId},
    wire::{ConsoleRange, ConsoleStream},
};

use crate::{fake_node::FakeNode, http_panel::Panel, on_both, with_two_controls, world::World};

on_both! {
    bytes_are_stored_once_whatever_is_sent_again
    a_gap_stays_a_gap
    a_word_across_two_uploads_is_found_with_its_time
    a_search_over_64_mib_finds_what_came_last
    a_search_stops_at_its_limit
    searches_beyond_the_bound_are_told_to_come_again
    history_is_let_go_by_size_and_age
}
with_two_controls! {
    bytes_are_stored_once_whatever_is_sent_again
}

async fn read(world: &World, server: ServerId, run: RunId) -> Vec<u8> {
    let place = history::place(&world.app, server, Some(run))
        .await
        .unwrap()
        .unwrap();
    let pieces = history::range(&world.app, &place, ConsoleStream::Game, 0, 0, u64::MAX)
        .await
        .unwrap();
    let mut at = 0;
    let mut all = Vec::new();
    for piece in pieces {
        assert_eq!(piece.start, at, "without gap or overlap");
        at = piece.end;
        all.extend(piece.data.unwrap());
    }
    all
}

async fn bytes_are_stored_once_whatever_is_sent_again(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let run = RunId::new();
    let text: String = (0..4000).map(|i| format!("line {i}\n")).collect();
    let mut at = 0;
    let mut step = 7;
    while at < text.len() {
        let end = (at + step).min(text.len());
        step = step * 5 % 3001 + 1;
        // Overlapping backwards, in doubles, and both at once.
        let from = at.saturating_sub(step / 2);
        let range = FakeNode::range(server, run, from as u64, &text[from..end]);
        let print = || node.print(vec![range.clone()]);
        let both = tokio::join!(print(), print());
        for answer in [both.0, both.1] {
            // One of a node is in hand at a time: the other may have been refused, and comes again.
            let answer = match answer {
                Err(CallError::Failed { code, .. }) if code == "busy" => print().await,
                answer => answer,
            };
            assert_eq!(answer.unwrap()[0].committed, end as u64);
        }
        at = end;
    }
    let ahead = node
        .print(vec![FakeNode::range(
            server,
            run,
            text.len() as u64 + 1,
            "x",
        )])
        .await
        .unwrap();
    assert_eq!(
        ahead[0].committed,
        text.len() as u64,
        "a hole is answered with what is there"
    );
    assert_eq!(read(&world, server, run).await, text.as_bytes());
}

async fn a_gap_stays_a_gap(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let run = RunId::new();
    node.print(vec![FakeNode::range(server, run, 0, "before")])
        .await
        .unwrap();
    let gap = ConsoleRange {
        server: server.to_string(),
        run: run.to_string(),
        offset: 6,
        gap_to: 1000,
        ..Default::default()
    };
    let committed = node
        .print(vec![gap, FakeNode::range(server, run, 1000, "after")])
        .await
        .unwrap();
    assert_eq!(committed[0].committed, 1005);
    let place = history::place(&world.app, server, Some(run))
        .await
        .unwrap()
        .unwrap();
    let pieces = history::range(&world.app, &place, ConsoleStream::Game, 0, 0, u64::MAX)
        .await
        .unwrap();
    let seen: Vec<_> = pieces
        .iter()
        .map(|p| (p.start, p.end, p.data.is_some()))
        .collect();
    assert_eq!(seen, [(0, 6, true), (6, 1000, false), (1000, 1005, true)]);
}

fn query(text: &str) -> search::Query {
    search::Query {
        text: text.into(),
        run: None,
        limit: 50,
    }
}

async fn a_word_across_two_uploads_is_found_with_its_time(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let run = RunId::new();
    let first = "one\n\u{1b}[32mPlayer Ali";
    node.print(vec![FakeNode::range(server, run, 0, first)])
        .await
        .unwrap();
    node.print(vec![FakeNode::range(
        server,
        run,
        first.len() as u64,
        "ce\u{1b}[0m joined\r\nmore\n",
    )])
    .await
    .unwrap();
    let hits = search::search(&world.app, server, &query("player alice"))
        .await
        .unwrap();
    assert_eq!(hits.len(), 1);
    assert_eq!((&*hits[0].line, hits[0].offset), ("Player Alice joined", 4));
    assert!(hits[0].at_ms.is_some());
}

/// Lines of a game, straight into the tables.
pub async fn fill(
    world: &World,
    node: &FakeNode,
    server: ServerId,
    chunks: i64,
    at_ms: i64,
) -> RunId {
    const CHUNK: usize = 32 * 1024;
    let run = RunId::new();
    let mut text = Vec::with_capacity(CHUNK + 128);
    let mut n = 0;
    while text.len() < CHUNK {
        n += 1;
        text.extend(
            format!(
                "[12:00:{:02}] [Server thread/INFO]: {n:x} moved to {}, {}\n",
                n % 60,
                n * 37 % 9973,
                n * 91 % 7919
            )
            .bytes(),
        );
    }
    text.truncate(CHUNK - 1);
    text.push(b'\n');
    let (encoding, packed) = chunk::pack(&text);
    let size = CHUNK as i64;
    let tx = world.app.db.begin(Lane::Machines).await.unwrap();
    let row = console_runs::ActiveModel {
        id: Set(run.to_string()),
        server_id: Set(server.to_string()),
        node_id: Set(node.id.to_string()),
        kind: Set("game".into()),
        started_at_ms: Set(at_ms),
        ended_at_ms: Set(None),
        exit_code: Set(None),
        oom: Set(false),
        image: Set(None),
        end_offset: Set(None),
    };
    console_runs::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let tx = world.app.db.bulk.begin(Lane::Machines).await.unwrap();
    let stream = console_streams::ActiveModel {
        node_id: Set(node.id.to_string()),
        server_id: Set(server.to_string()),
        run_id: Set(run.to_string()),
        stream: Set(0),
        committed: Set(chunks * size),
        first_kept: Set(0),
        stored_bytes: Set(chunks * packed.len() as i64),
        last_at_ms: Set(at_ms),
    };
    console_streams::Entity::insert(stream)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    let taken = size::Changes::from([(
        (node.id.to_string(), server.to_string()),
        chunks * packed.len() as i64,
    )]);
    size::add(&*tx, taken).await.unwrap();
    for some in (0..chunks).collect::<Vec<_>>().chunks(200) {
        let rows = some.iter().map(|i| console_chunks::ActiveModel {
            node_id: Set(node.id.to_string()),
            server_id: Set(server.to_string()),
            run_id: Set(run.to_string()),
            stream: Set(0),
            start: Set(i * size),
            end: Set((i + 1) * size),
            gap: Set(false),
            encoding: Set(encoding),
            data: Set(packed.clone()),
            times: Set(Vec::new()),
            at_ms: Set(at_ms + i),
        });
        console_chunks::Entity::insert_many(rows)
            .exec_without_returning(&*tx)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    run
}

async fn a_search_over_64_mib_finds_what_came_last(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    let run = fill(&world, &node, server, 2048, world.app.clock.now_ms()).await;
    let end = 2048 * 32 * 1024;
    node.print(vec![FakeNode::range(
        server,
        run,
        end,
        "a needle in the hay\n",
    )])
    .await
    .unwrap();
    let hits = search::search(&world.app, server, &query("NEEDLE in"))
        .await
        .unwrap();
    assert_eq!((hits.len(), hits[0].offset), (1, end));
}

async fn a_search_stops_at_its_limit(world: World) {
    let node = FakeNode::join(&world).await;
    let server = world.server(node.id).await;
    fill(&world, &node, server, 1024, world.app.clock.now_ms()).await;
    let hits = search::search(&world.app, server, &query("moved to"))
        .await
        .unwrap();
    assert_eq!(hits.len(), 50);
    assert!(hits.is_sorted_by_key(|hit| std::cmp::Reverse(hit.offset)));
    assert!(hits[0].offset > 1023 * 32 * 1024, "the newest first");
    let hits = search::search(&world.app, server, &query("is nowhere"))
        .await
        .unwrap();
    assert_eq!(hits.len(), 0);
}

async fn searches_beyond_the_bound_are_told_to_come_again(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let node = FakeNode::join(&panel.world).await;
    let server = panel.world.server(node.id).await;
    fill(&panel.world, &node, server, 256, 1).await;
    let path = format!("/servers/{server}/console/search?q=nowhere");
    let asks = (0..60).map(|_| admin.get(&path));
    let answers = futures_util::future::join_all(asks).await;
    let (good, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|a| a.status.as_u16() == 200);
    assert!(!good.is_empty() && !refused.is_empty(), "{}", good.len());
    for answer in refused {
        assert!(answer.headers.contains_key("retry-after"));
        assert_eq!(answer.problem(429), "busy");
    }
    // Those who hang up hold nobody up.
    for _ in 0..30 {
        let gone = admin.get(&path);
        tokio::time::timeout(Duration::from_millis(5), gone)
            .await
            .ok();
    }
    eventually_async("a turn", Duration::from_secs(10), || async {
        (admin.get(&path).await.status.as_u16() == 200).then_some(())
    })
    .await
    .unwrap();
}

async fn history_is_let_go_by_size_and_age(world: World) {
    let node = FakeNode::join(&world).await;
    let (old, big) = (world.server(node.id).await, world.server(node.id).await);
    let now_ms = world.app.clock.now_ms();
    fill(&world, &node, old, 10, now_ms - 40 * 86_400_000).await;
    let run = fill(&world, &node, big, 40, now_ms).await;
    assert_eq!(keep::sweep(&world.app).await.unwrap(), 10, "by age");
    let place = history::place(&world.app, big, Some(run))
        .await
        .unwrap()
        .unwrap();
    let before = history::streams(&world.app, &place).await.unwrap()[0].stored_bytes;
    let mut config = (*world.app.config).clone();
    config.console_keep_bytes = before / 2;
    let mut ground = (*world.app).clone();
    ground.config = std::sync::Arc::new(config);
    assert_eq!(keep::sweep(&ground).await.unwrap(), 20, "by size");
    let stream = &history::streams(&ground, &place).await.unwrap()[0];
    assert_eq!(stream.first_kept, 20 * 32 * 1024);
    assert!(stream.stored_bytes <= before / 2);
    assert_eq!(keep::sweep(&ground).await.unwrap(), 0);
}
