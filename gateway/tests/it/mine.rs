//! The topic `mine`: events as far as the ticket goes.

use bytes::Bytes;
use serde_json::json;
use warren_proto::bus::ticket::Mine;
use warren_proto::ids::{NodeId, ServerId};
use warren_proto::subjects;

use crate::browser::Browser;
use crate::rig::{Person, Rig, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyone_hears_of_what_they_may_see() {
    let rig = Rig::start().await;
    let (mine, other, node) = (ServerId::new(), ServerId::new(), NodeId::new());
    let scope = Mine {
        servers: vec![mine],
        ..Mine::default()
    };
    let all = Mine {
        all: true,
        ..Mine::default()
    };
    let mut owner = subscribed(&rig, scope).await;
    let mut admin = subscribed(&rig, all).await;
    let mut nobody = subscribed(&rig, Mine::default()).await;
    let told = [
        (subjects::event_server(other, "state"), 1),
        (subjects::event_node(node, "online"), 2),
        (subjects::event_server(mine, "state"), 3),
    ];
    let edge = rig.gateway.edge.clone();
    // Interest crosses accounts in its own time.
    let heard = edge.metrics.events_in.get();
    loop {
        rig.control
            .bus
            .publish("event.server.x.warmup".into(), "{}".into())
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        if edge.metrics.events_in.get() > heard {
            break;
        }
    }
    for (subject, seq) in &told {
        let event = json!({"specversion": "1.0", "sequence": seq.to_string(), "data": {"big": 9_007_199_254_740_993u64}});
        rig.control
            .bus
            .publish(subject.clone(), Bytes::from(event.to_string()))
            .await
            .unwrap();
    }
    for seq in [1, 2, 3] {
        let event = admin.hear("event").await;
        assert_eq!((&event["id"], &event["seq"]), (&json!(7), &json!(seq)));
        assert_eq!(
            event["event"]["data"]["big"].to_string(),
            "9007199254740993"
        );
    }
    assert_eq!(owner.hear("event").await["seq"], json!(3));
    eventually("all were handed out", || edge.metrics.events_out.get() == 4).await;
    nobody.say(json!({"t": "ping", "n": 1})).await;
    nobody.hear("pong").await;
    assert!(nobody.said.is_empty());
    // Who comes now is told where the events stand.
    let person = Person::new();
    let mut late = Browser::authed(
        rig.gateway.address,
        &rig.control.ticket(&person.mine(Mine::default())),
    )
    .await;
    late.say(json!({"t": "sub", "id": 1, "topic": "mine", "after": 0}))
        .await;
    assert_eq!(late.hear("ok").await["seq"], json!(3));
}

async fn tell(rig: &Rig, server: ServerId, seq: u64) {
    let event = json!({"specversion": "1.0", "sequence": seq.to_string()});
    let subject = subjects::event_server(server, "state");
    rig.control
        .bus
        .publish(subject, Bytes::from(event.to_string()))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_have_missed_something_is_told_to_fetch() {
    let mut rig = Rig::start().await;
    let server = ServerId::new();
    let scope = Mine {
        servers: vec![server],
        ..Mine::default()
    };
    let mut browser = subscribed(&rig, scope.clone()).await;
    // Interest crosses accounts in its own time.
    let edge = rig.gateway.edge.clone();
    while edge.metrics.events_in.get() == 0 {
        tell(&rig, server, 4).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    tell(&rig, server, 5).await;
    while browser.hear("event").await["seq"] != json!(5) {}
    // A number is skipped: of another's server, or lost; nobody here knows.
    tell(&rig, server, 7).await;
    let back = browser.hear("back").await;
    assert_eq!((&back["id"], &back["seq"]), (&json!(7), &json!(7)));
    assert_eq!(browser.hear("event").await["seq"], json!(7));
    // Who left at 5 missed it; who left at 7 did not.
    for (after, missed) in [(5, true), (7, false)] {
        let ticket = rig.control.ticket(&Person::new().mine(scope.clone()));
        let mut late = Browser::authed(rig.gateway.address, &ticket).await;
        late.say(json!({"t": "sub", "id": 3, "topic": "mine", "after": after}))
            .await;
        late.hear("ok").await;
        late.say(json!({"t": "ping", "n": 1})).await;
        late.hear("pong").await;
        let told = late.said.iter().any(|m| m["t"] == "back");
        assert_eq!(told, missed, "{after}: {:?}", late.said);
    }
    rig.nats.kill9();
    rig.nats.restart().unwrap();
    assert_eq!(browser.hear("back").await["seq"], json!(7));
}

async fn subscribed(rig: &Rig, scope: Mine) -> Browser {
    let ticket = rig.control.ticket(&Person::new().mine(scope));
    let mut browser = Browser::authed(rig.gateway.address, &ticket).await;
    browser
        .say(json!({"t": "sub", "id": 7, "topic": "mine"}))
        .await;
    browser.hear("ok").await;
    browser
}
