//! One node with a stolen key does all it may as fast as it can: the others must not notice.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;
use warren_control::{
    db::Lane,
    ingest::console::{self, Upload},
};
use warren_proto::{
    ids::{RunId, ServerId},
    wire,
};

use crate::{fake_node::FakeNode, on_both, world::World};

on_both! {
    uploads_of_a_million_streams_do_not_stop_the_console_of_others
    an_upload_that_the_database_refuses_fails_itself_alone
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
    assert!(began.elapsed() < Duration::from_secs(10));
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
