//! Bytes: tail then live, holes, runs, reconnects, a node that goes and comes back.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::json;
use warren_proto::ids::RunId;

use crate::browser::Browser;
use crate::rig::{Agent, Person, Rig, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tail_then_live_has_no_gap_and_no_double() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    for i in 0..200 {
        agent.lose(format!("before {i}\r\n").as_bytes());
    }
    let printer = agent.clone();
    let printing = tokio::spawn(async move {
        for i in 0..2000 {
            printer.print(format!("line {i}\r\n").as_bytes()).await;
            if i % 10 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let mut browser = watching(&rig, &agent).await;
    printing.await.unwrap();
    let (run, all) = (agent.run(), agent.bytes());
    browser
        .until("the last line", |b| b.end(run, 0) == all.len() as u64)
        .await;
    let (start, got) = browser.unbroken(run, 0);
    assert_eq!(got, all[usize::try_from(start).unwrap()..]);
    assert!(start == 0, "the tail was cut at {start}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_frames_are_mended_in_place() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    let mut browser = watching(&rig, &agent).await;
    browser.hear("ok").await;
    for i in 0..300u32 {
        let line = format!("line {i}\r\n");
        if i % 7 == 3 {
            agent.lose(line.as_bytes())
        } else {
            agent.print(line.as_bytes()).await
        }
    }
    // The very last one is lost too: only the stats tell of it.
    agent.lose(b"last\r\n");
    agent.stats().await;
    let (run, all) = (agent.run(), agent.bytes());
    browser
        .until("the last line", |b| b.end(run, 0) == all.len() as u64)
        .await;
    assert_eq!(browser.unbroken(run, 0), (0, all));
    let stats = browser.hear("stats").await;
    assert_eq!(
        (&stats["id"], &stats["state"]),
        (&json!(1), &json!("running"))
    );
    assert_eq!(stats["cpu_percent"], json!(12.5));
    assert!(rig.gateway.edge.metrics.repairs.get() > 0);
    assert_eq!(rig.gateway.edge.metrics.gaps.get(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_viewers_cost_the_bus_no_more_than_one() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    agent.lose(b"hello\r\n");
    let mut first = watching(&rig, &agent).await;
    first.hear("ok").await;
    let (subs, opened, tails) = (
        subscriptions(&rig).await,
        agent.opened.load(Relaxed),
        agent.tails.load(Relaxed),
    );
    let mut others = Vec::new();
    for _ in 0..100 {
        let mut browser = watching(&rig, &agent).await;
        browser.hear("ok").await;
        others.push(browser);
    }
    assert_eq!(subscriptions(&rig).await, subs);
    assert_eq!(
        agent.opened.load(Relaxed),
        opened,
        "a viewer that only watches opens nothing at the agent"
    );
    assert_eq!(agent.tails.load(Relaxed), tails);
    assert_eq!(rig.gateway.edge.metrics.consoles.get(), 1);
    agent.print(b"to all\r\n").await;
    let run = agent.run();
    for browser in others.iter_mut().chain([&mut first]) {
        browser.until("the line", |b| b.end(run, 0) == 15).await;
        assert_eq!(browser.unbroken(run, 0).1, b"hello\r\nto all\r\n");
    }
    // The one whose session held the watch goes; the others keep it.
    let watched = agent.watched.load(Relaxed);
    drop(first);
    eventually("another viewer holds the watch", || {
        agent.watched.load(Relaxed) > watched
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_goes_on_where_it_left() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    agent.lose(&vec![b'x'; 700_000]);
    let run = agent.run();
    let mut stays = watching(&rig, &agent).await;
    stays.hear("ok").await;
    // Within what the gateway has at hand, and far before it.
    for at in [690_000u64, 100_000] {
        let mut browser = returning(&rig, &agent, run, at).await;
        browser
            .until("everything", |b| covered(b, run, at) == 700_000)
            .await;
    }
    // From a run that is over: its rest, then the new one from its start.
    let new = agent.new_run();
    agent.print(b"new run\r\n").await;
    stays.until("the new run", |b| b.end(new, 0) == 9).await;
    assert_eq!(stays.hear("run").await["run"], json!(new));
    let mut late = returning(&rig, &agent, run, 699_000).await;
    late.until("both runs", |b| {
        b.end(new, 0) == 9 && covered(b, run, 699_000) == 700_000
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_away_is_shown_from_the_database() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    agent.lose(b"stored\r\n");
    let run = agent.run();
    rig.control
        .history
        .lock()
        .insert(agent.server.to_string(), (run, agent.bytes()));
    agent.vanish().await;
    let mut browser = watching(&rig, &agent).await;
    browser
        .until("what is stored", |b| b.end(run, 0) == 8)
        .await;
    assert_eq!(browser.hear("node").await["state"], "offline");
    // It comes back with more, part of it printed while away.
    agent.lose(b"while away\r\n");
    agent.dial(&rig.nats).await;
    assert_eq!(browser.hear("node").await["state"], "online");
    agent.print(b"again\r\n").await;
    let all = agent.bytes();
    browser
        .until("the rest", |b| b.end(run, 0) == all.len() as u64)
        .await;
    assert_eq!(browser.unbroken(run, 0), (0, all));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_forgot_its_sessions_and_a_killed_bus_are_got_over() {
    let mut rig = Rig::start().await;
    let agent = rig.agent().await;
    let mut browser = watching(&rig, &agent).await;
    browser.hear("ok").await;
    agent.forget_sessions();
    browser
        .say(json!({"t": "input", "id": 1, "req": 1, "line": "after restart"}))
        .await;
    assert_eq!(browser.hear("input").await["result"], "written");
    rig.nats.kill9();
    agent.lose(b"while the bus is gone\r\n");
    rig.nats.restart().unwrap();
    let (run, edge) = (agent.run(), rig.gateway.edge.clone());
    eventually("gateway is back", || edge.bus.is_up()).await;
    let all = agent.bytes();
    browser
        .until("what was missed", |b| b.end(run, 0) == all.len() as u64)
        .await;
    assert_eq!(browser.unbroken(run, 0), (0, all));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_typed_in_order_and_answered() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    let mut browser = watching(&rig, &agent).await;
    browser.hear("ok").await;
    for i in 0..20 {
        browser
            .say(json!({"t": "input", "id": 1, "req": i, "line": format!("say {i}")}))
            .await;
    }
    for i in 0..20 {
        let answer = browser.hear("input").await;
        assert_eq!(
            (&answer["req"], &answer["result"]),
            (&json!(i), &json!("written"))
        );
    }
    assert_eq!(
        *agent.typed.lock(),
        (0..20).map(|i| format!("say {i}")).collect::<Vec<_>>()
    );
    agent.off.store(true, Relaxed);
    let long = "x".repeat(4095);
    for (line, result) in [
        ("to nobody", "off"),
        ("two\nlines", "refused"),
        (long.as_str(), "refused"),
    ] {
        browser
            .say(json!({"t": "input", "id": 1, "req": 99, "line": line}))
            .await;
        assert_eq!(browser.hear("input").await["result"], result);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_comes_from_the_agent_or_from_the_database() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    agent.lose(&(0..600_000u32).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    let (run, all) = (agent.run(), agent.bytes());
    rig.control
        .history
        .lock()
        .insert(agent.server.to_string(), (run, all.clone()));
    let mut browser = watching(&rig, &agent).await;
    browser.hear("ok").await;
    for _ in 0..2 {
        browser.asked.clear();
        browser.say(json!({"t": "range", "id": 1, "req": 5, "run": run, "stream": "game", "from": 1000, "to": 500_000})).await;
        assert_eq!(browser.hear("range").await["req"], json!(5));
        let got: Vec<u8> = browser.asked[&(run, 0)]
            .iter()
            .flat_map(|(_, d)| d.clone())
            .collect();
        assert_eq!(got, all[1000..500_000]);
        agent.vanish().await;
    }
}

async fn watching(rig: &Rig, agent: &Agent) -> Browser {
    let person = Person::new();
    let mut browser = Browser::authed(
        rig.gateway.address,
        &rig.control.ticket(&person.mine(Default::default())),
    )
    .await;
    browser
        .watch(
            1,
            agent.server,
            &rig.control.ticket(&person.for_server(agent)),
        )
        .await;
    browser
}

/// A browser that has everything of `run` up to `at`.
async fn returning(rig: &Rig, agent: &Agent, run: RunId, at: u64) -> Browser {
    let person = Person::new();
    let auth = rig.control.ticket(&person.mine(Default::default()));
    let mut browser = Browser::authed(rig.gateway.address, &auth).await;
    let ticket = rig.control.ticket(&person.for_server(agent));
    let sub = json!({"t": "sub", "id": 1, "topic": "server", "server": agent.server, "ticket": ticket,
        "from": {"run": run, "game": at}});
    browser.say(sub).await;
    browser
}

/// How far the bytes reach without a hole from `at`, whichever kind of frame carried them.
fn covered(browser: &Browser, run: RunId, at: u64) -> u64 {
    let mut spans: Vec<(u64, u64)> = [&browser.live, &browser.asked]
        .iter()
        .filter_map(|all| all.get(&(run, 0)))
        .flatten()
        .map(|(o, d)| (*o, *o + d.len() as u64))
        .collect();
    spans.sort_unstable();
    spans.iter().fold(
        at,
        |end, (from, to)| if *from <= end { end.max(*to) } else { end },
    )
}

/// Subscriptions that nats-server holds for gateways, from its monitoring page.
async fn subscriptions(rig: &Rig) -> u64 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", rig.monitor))
        .await
        .unwrap();
    stream
        .write_all(b"GET /connz?subs=0 HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    let json: serde_json::Value =
        serde_json::from_str(page.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let of_gateway = json["connections"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["name"] == "warren-gateway")
        .unwrap();
    of_gateway["subscriptions"].as_u64().unwrap()
}
