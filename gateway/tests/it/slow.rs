//! A viewer that does not read: told what it missed, and nobody else notices.

use serde_json::json;

use crate::browser::Browser;
use crate::rig::{Person, Rig};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_viewer_is_told_its_gap_and_may_fetch_it() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    let mut browsers = Vec::new();
    for _ in 0..2 {
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
                &rig.control.ticket(&person.for_server(&agent)),
            )
            .await;
        browser.hear("ok").await;
        browsers.push(browser);
    }
    let (mut slow, mut quick) = (browsers.remove(0), browsers.remove(0));
    let run = agent.run();
    let total = 24u64 << 20;
    // No faster than the quick one reads, or on a busy machine it would be a slow one too.
    for i in 0..(total >> 18) {
        let piece = vec![u8::try_from(i % 251).unwrap(); 256 << 10];
        agent.print(&piece).await;
        let printed = (i + 1) << 18;
        quick
            .until("what was printed", |b| b.end(run, 0) == printed)
            .await;
    }
    assert_eq!(quick.unbroken(run, 0), (0, agent.bytes()));
    assert!(
        quick.said.iter().all(|m| m["t"] != "gap"),
        "{:?}",
        quick.said
    );

    agent.stats().await;
    slow.until("the end", |b| b.said.iter().any(|m| m["t"] == "stats"))
        .await;
    let gaps: Vec<(u64, u64)> = slow
        .said
        .iter()
        .filter(|m| m["t"] == "gap")
        .map(|m| {
            assert_eq!(m["reason"], "slow");
            (m["from"].as_u64().unwrap(), m["to"].as_u64().unwrap())
        })
        .collect();
    assert!(!gaps.is_empty());
    // Frames and gaps together are everything, each byte once.
    let frames = slow.live[&(run, 0)]
        .iter()
        .map(|(o, d)| (*o, *o + d.len() as u64));
    let mut spans: Vec<_> = frames.chain(gaps.iter().copied()).collect();
    spans.sort_unstable();
    let end = spans.iter().fold(0, |end, (from, to)| {
        assert_eq!(*from, end);
        *to
    });
    assert_eq!(end, total);
    let skipped: u64 = gaps.iter().map(|(from, to)| to - from).sum();
    assert_eq!(rig.gateway.edge.metrics.bytes_skipped.get(), skipped);
    // It may fetch what it missed.
    let (from, to) = (gaps[0].0, gaps[0].1.min(gaps[0].0 + 300_000));
    slow.say(json!({"t": "range", "id": 1, "req": 1, "run": run, "stream": "game", "from": from, "to": to})).await;
    slow.hear("range").await;
    let got: Vec<u8> = slow.asked[&(run, 0)]
        .iter()
        .flat_map(|(_, d)| d.clone())
        .collect();
    assert_eq!(got.len() as u64, to - from);
}
