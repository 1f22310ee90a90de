//! Who gets in, how far, and how fast out again.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use warren_proto::bus::keyring::Signer;
use warren_proto::bus::ticket::{self, Scope, right};
use warren_proto::ids::{NodeId, ServerId, SessionId};

use crate::browser::Browser;
use crate::rig::{Person, Rig, eventually, now_s};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_ticket_nobody_gets_anywhere() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    let at = rig.gateway.address;
    let person = Person::new();
    let good = person.for_server(&agent);

    let mut browser = Browser::connect(at).await;
    browser
        .watch(1, agent.server, &rig.control.ticket(&good))
        .await;
    assert_eq!(browser.until_closed().await, 4401, "no auth first");

    let mut expired = good.clone();
    (expired.iat, expired.exp) = (now_s() - 300, now_s() - 1);
    let forged = ticket::sign(&Signer::create(), &good).unwrap();
    for text in [
        rig.control.ticket(&expired),
        forged,
        "x".into(),
        String::new(),
    ] {
        let mut browser = Browser::authed(at, &text).await;
        assert_eq!(browser.until_closed().await, 4401);
    }

    let mut browser = Browser::authed(at, &rig.control.ticket(&good)).await;
    let stranger = Person::new();
    let no_watch = person.with(good.scope.clone(), &[right::INPUT]);
    let elsewhere = Scope::Server {
        server: ServerId::new(),
        node: agent.node,
    };
    for ticket in [
        rig.control.ticket(&person.with(elsewhere, &[right::WATCH])),
        rig.control.ticket(&stranger.for_server(&agent)),
        rig.control.ticket(&person.mine(Default::default())),
        rig.control.ticket(&no_watch),
        rig.control.ticket(&expired),
    ] {
        browser.watch(1, agent.server, &ticket).await;
        let error = browser.hear("error").await;
        assert_eq!(error["id"], json!(1), "{error}");
    }
    // A ticket that only watches types nothing.
    let reader = person.with(good.scope.clone(), &[right::WATCH]);
    browser
        .watch(1, agent.server, &rig.control.ticket(&reader))
        .await;
    browser.hear("ok").await;
    browser
        .say(json!({"t": "input", "id": 1, "req": 1, "line": "stop"}))
        .await;
    assert_eq!(browser.hear("input").await["result"], "refused");
    assert!(agent.typed.lock().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_server_on_a_wrong_node_is_refused_by_the_agent() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    let person = Person::new();
    let mut browser = Browser::authed(
        rig.gateway.address,
        &rig.control.ticket(&person.mine(Default::default())),
    )
    .await;
    let wrong = person.with(
        Scope::Server {
            server: agent.server,
            node: NodeId::new(),
        },
        &[right::WATCH],
    );
    browser
        .watch(1, agent.server, &rig.control.ticket(&wrong))
        .await;
    // Nobody is there: nothing of the server's bytes is shown.
    browser.hear("ok").await;
    assert!(browser.live.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_session_or_user_is_out_within_a_second() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    let (by_session, by_user, stays) = (Person::new(), Person::new(), Person::new());
    let mut browsers = Vec::new();
    for person in [by_session, by_user, stays] {
        let mut browser = Browser::authed(
            rig.gateway.address,
            &rig.control.ticket(&person.mine(Default::default())),
        )
        .await;
        browser
            .watch(
                1,
                agent.server,
                &rig.control.ticket(&person.for_server(&agent)),
            )
            .await;
        browser.hear("ok").await;
        browsers.push(browser);
    }
    let old = rig.control.ticket(&by_user.for_server(&agent));
    let began = Instant::now();
    rig.control
        .revoke(&[by_session.session], &[by_user.user], false)
        .await;
    for browser in &mut browsers[..2] {
        assert_eq!(browser.until_closed().await, 4403);
        assert!(
            browser
                .said
                .iter()
                .any(|m| m["t"] == "end" && m["code"] == "revoked")
        );
    }
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    browsers[2].say(json!({"t": "ping", "n": 1})).await;
    browsers[2].hear("pong").await;
    // A ticket from before does not come back in.
    assert_eq!(
        Browser::authed(rig.gateway.address, &old)
            .await
            .until_closed()
            .await,
        4401
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missed_revocation_is_asked_for() {
    let rig = Rig::start().await;
    let (missed, silent, late) = (Person::new(), Person::new(), Person::new());
    let open = async |p: Person| {
        let mut browser = Browser::authed(
            rig.gateway.address,
            &rig.control.ticket(&p.mine(Default::default())),
        )
        .await;
        browser
            .say(json!({"t": "sub", "id": 1, "topic": "mine"}))
            .await;
        browser.hear("ok").await;
        browser
    };
    // The message is lost; the next tick's counter tells.
    let mut browser = open(missed).await;
    let began = Instant::now();
    rig.control.revoke(&[missed.session], &[], true).await;
    assert_eq!(browser.until_closed().await, 4403);
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    // Ticks stop altogether.
    let mut browser = open(silent).await;
    rig.control
        .ticking
        .store(false, std::sync::atomic::Ordering::Relaxed);
    rig.control.ended.lock().insert(silent.session.to_string());
    assert_eq!(browser.until_closed().await, 4403);
    // Revoked before this gateway heard of the session: asked once when it appears.
    rig.control
        .ticking
        .store(true, std::sync::atomic::Ordering::Relaxed);
    rig.control.ended.lock().insert(late.session.to_string());
    let mut browser = Browser::authed(
        rig.gateway.address,
        &rig.control.ticket(&late.mine(Default::default())),
    )
    .await;
    let began = Instant::now();
    assert_eq!(browser.until_closed().await, 4403);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_ends_its_topic_unless_it_is_renewed() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    let person = Person::new();
    let short = |mut t: warren_proto::bus::ticket::Ticket| {
        t.exp = now_s() + 3;
        rig.control.ticket(&t)
    };
    let mut browser = Browser::authed(
        rig.gateway.address,
        &rig.control.ticket(&person.mine(Default::default())),
    )
    .await;
    for id in [1, 2] {
        browser
            .watch(id, agent.server, &short(person.for_server(&agent)))
            .await;
        browser.hear("ok").await;
    }
    browser.say(json!({"t": "renew", "id": 2, "ticket": rig.control.ticket(&person.for_server(&agent))})).await;
    let end = browser.hear("end").await;
    assert_eq!((&end["id"], &end["code"]), (&json!(1), &json!("expired")));
    agent.print(b"still here").await;
    let run = agent.run();
    browser.until("bytes", |b| b.end(run, 0) == 10).await;
    // The connection itself ends with its own ticket.
    let mut browser =
        Browser::authed(rig.gateway.address, &short(person.mine(Default::default()))).await;
    assert_eq!(browser.until_closed().await, 4401);
    // Another person's ticket renews nothing.
    let mut browser = Browser::authed(
        rig.gateway.address,
        &rig.control.ticket(&person.mine(Default::default())),
    )
    .await;
    browser.say(json!({"t": "auth", "ticket": rig.control.ticket(&Person { session: SessionId::new(), ..person }.mine(Default::default()))})).await;
    assert_eq!(browser.until_closed().await, 4401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_and_giants_are_cut_off() {
    let rig = Rig::start().await;
    let auth = || rig.control.ticket(&Person::new().mine(Default::default()));
    let mut browser = Browser::authed(rig.gateway.address, &auth()).await;
    for id in 0..70 {
        browser
            .say(json!({"t": "sub", "id": id, "topic": "mine"}))
            .await;
    }
    assert_eq!(browser.until_closed().await, 4429);
    let mut browser = Browser::authed(rig.gateway.address, &auth()).await;
    for n in 0..300 {
        browser.say(json!({"t": "ping", "n": n})).await;
    }
    assert_eq!(browser.until_closed().await, 4429);
    let mut browser = Browser::authed(rig.gateway.address, &auth()).await;
    browser
        .say(json!({"t": "ping", "n": 1, "pad": "x".repeat(200_000)}))
        .await;
    assert!(matches!(browser.until_closed().await, 1009 | 1006));
    let edge = rig.gateway.edge.clone();
    eventually("all are gone", || {
        edge.metrics.viewers.get() == 0 && edge.metrics.subscriptions.get() == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_origin_is_refused_and_the_pages_answer() {
    let rig = Rig::start().await;
    let get = async |path: &str, more: &str| {
        let mut stream = tokio::net::TcpStream::connect(rig.gateway.address)
            .await
            .unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: panel\r\n{more}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).await.unwrap();
        page
    };
    assert!(get("/healthz", "").await.starts_with("HTTP/1.1 200"));
    assert!(get("/readyz", "").await.starts_with("HTTP/1.1 200"));
    assert!(
        get("/metrics", "")
            .await
            .contains("warren_gateway_viewers 0")
    );
    assert!(get("/ws", "").await.starts_with("HTTP/1.1 426"));
    let mut stream = tokio::net::TcpStream::connect(rig.gateway.address)
        .await
        .unwrap();
    let evil = "GET /ws HTTP/1.1\r\nhost: panel\r\norigin: https://evil\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(evil.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 403");
}
