//! Every row of the subject table, across the accounts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_nats::jetstream::{self, consumer, stream};
use bytes::Bytes;
use futures_util::StreamExt;
use warren_proto::bus::{Bus, ServeOptions, Serving};
use warren_proto::ids::{ConsumerId, JobId, NodeId, ServerId};
use warren_proto::subjects::{self, bulk, down, gate, up};
use warren_proto::wire::{ConsoleFrame, Tick};

use crate::nats::{Rig, SOON, next, nothing, on_each_server, settled};

on_each_server! {
    async fn uplinks_are_handled_once_by_one_control(rig: Rig) {
        let (a, b) = (rig.control().await, rig.control().await);
        let handled = Arc::new(AtomicU64::new(0));
        let mut desks = Vec::new();
        for control in [&a, &b] {
            for word in [up::LIFECYCLE, up::CONSOLE, up::METRICS, up::HEARTBEAT] {
                desks.push(count_asks(control, subjects::from_any_node(word), &handled).await);
            }
            desks.push(count_asks(control, subjects::ASK_ANY.into(), &handled).await);
        }
        let id = NodeId::new();
        let node = rig.node(id).await;
        for word in [up::LIFECYCLE, up::CONSOLE, up::METRICS, up::HEARTBEAT] {
            asked_until_there(&node, subjects::from_node(id, word), word, Some(id)).await;
        }
        asked_until_there(&node, subjects::ask(id, up::HELLO), up::HELLO, Some(id)).await;
        handled.store(0, Relaxed);
        let kinds = [up::LIFECYCLE, up::CONSOLE, up::METRICS, up::HEARTBEAT, up::HELLO, up::RENEW];
        for (i, kind) in (0u64..).zip(kinds.iter().cycle().take(60)) {
            let subject = match *kind {
                up::HELLO | up::RENEW => subjects::ask(id, kind),
                _ => subjects::from_node(id, kind),
            };
            let asked = Tick { counter: i, control_time_ms: 0 };
            let answer: Tick = node.call(subject, kind, Some(id), &asked, SOON).await.unwrap();
            assert_eq!(answer.counter, i + 1);
        }
        assert_eq!(handled.load(Relaxed), 60);
    }
}

on_each_server! {
    async fn a_full_upload_passes(rig: Rig) {
        let control = rig.control().await;
        let _desk = control.serve(subjects::from_any_node(up::CONSOLE), queue(), |ask| async move {
            let frame: ConsoleFrame = ask.open()?;
            Ok(ask.ok(&Tick { counter: frame.data.len() as u64, control_time_ms: 0 }))
        }).await.unwrap();
        let id = NodeId::new();
        let node = rig.node(id).await;
        let hello = ConsoleFrame::default();
        while node.call::<Tick>(subjects::from_node(id, up::CONSOLE), up::CONSOLE, Some(id), &hello, SOON).await.is_err() {}
        let data = Bytes::from(vec![7u8; warren_proto::envelope::MAX_BODY_BYTES - 64]);
        let length = data.len() as u64;
        let frame = ConsoleFrame { data, ..Default::default() };
        let answer: Tick = node
            .call(subjects::from_node(id, up::CONSOLE), up::CONSOLE, Some(id), &frame, SOON)
            .await
            .unwrap();
        assert_eq!(answer.counter, length);
    }
}

on_each_server! {
    async fn a_stranger_with_a_token_may_register(rig: Rig) {
        let control = rig.control().await;
        let _desk = control.serve(subjects::ENROLL_REGISTER.into(), queue(), echo).await.unwrap();
        let stranger = rig.enrolling().await;
        let answer = asked_until_there(&stranger, subjects::ENROLL_REGISTER.into(), "register", None).await;
        assert_eq!(answer.counter, 2);
    }
}

on_each_server! {
    async fn live_bytes_reach_gateways_and_control(rig: Rig) {
        let (id, server, job) = (NodeId::new(), ServerId::new(), JobId::new());
        let node = rig.node(id).await;
        for hearer in [rig.gateway().await, rig.control().await] {
            let subjects = [
                subjects::live_console(id, server),
                subjects::live_stats(id, server),
                subjects::xfer_from(id, job),
            ];
            for subject in subjects {
                let mut sub = hearer.subscribe(subject.clone(), 2048).await.unwrap();
                wait_for_interest(&node, &subject, &mut sub).await;
                for i in 0..500u64 {
                    node.publish(subject.clone(), i.to_be_bytes().to_vec().into()).await.unwrap();
                }
                for i in 0..500u64 {
                    let message = next(&mut sub, &subject).await;
                    assert_eq!(message.payload[..], i.to_be_bytes());
                }
            }
        }
    }
}

on_each_server! {
    async fn a_node_answers_control_and_gateways(rig: Rig) {
        let id = NodeId::new();
        let node = rig.node(id).await;
        let _desk = node.serve(subjects::asked_of(id), ServeOptions::default(), echo).await.unwrap();
        settled(&node).await;
        for asker in [rig.control().await, rig.gateway().await] {
            for word in [down::OPEN, down::CONSOLE, down::FILES, down::APPLY] {
                let answer = asked_until_there(&asker, subjects::to_node(id, word), word, Some(id)).await;
                assert_eq!(answer.counter, 2);
            }
        }
        assert_eq!(node.counters().denied.load(Relaxed), 1, "only the settling marker was denied");
    }
}

on_each_server! {
    async fn bytes_are_asked_of_a_nodes_second_connection_and_of_no_other(rig: Rig) {
        let id = NodeId::new();
        let (first, second) = (rig.node(id).await, rig.node(id).await);
        let deaf = ServeOptions::default;
        let _desk = first.serve(subjects::asked_of(id), deaf(), |_| async { panic!("asked on the first") }).await.unwrap();
        let options = ServeOptions { until_sent: true, ..ServeOptions::default() };
        let _bulk = second.serve(subjects::bulk_of(id), options, echo).await.unwrap();
        settled(&first).await;
        settled(&second).await;
        let gateway = rig.gateway().await;
        for word in [bulk::OPEN, bulk::READ, bulk::WRITE, bulk::CLOSE] {
            let answer = asked_until_there(&gateway, subjects::bulk_to(id, word), word, Some(id)).await;
            assert_eq!(answer.counter, 2);
        }
    }
}

on_each_server! {
    async fn chunks_towards_a_node_come_in_order(rig: Rig) {
        let (id, job) = (NodeId::new(), JobId::new());
        let (node, gateway) = (rig.node(id).await, rig.gateway().await);
        let subject = subjects::xfer_to(id, job);
        let mut sub = node.subscribe(subject.clone(), 256).await.unwrap();
        settled(&node).await;
        let chunk = Bytes::from(vec![1u8; 256 * 1024]);
        for _ in 0..40 {
            gateway.publish(subject.clone(), chunk.clone()).await.unwrap();
        }
        for _ in 0..40 {
            assert_eq!(next(&mut sub, "chunk").await.payload.len(), chunk.len());
        }
    }
}

on_each_server! {
    async fn gateways_ask_control_and_are_told(rig: Rig) {
        let (control, gateway) = (rig.control().await, rig.gateway().await);
        let _desk = control.serve(subjects::GATE_ASK_ANY.into(), queue(), echo).await.unwrap();
        let answer = asked_until_there(&gateway, subjects::gate_ask(gate::KEYS), gate::KEYS, None).await;
        assert_eq!(answer.counter, 2);
        let mut told = gateway.subscribe(subjects::GATE_TELL_ANY.into(), 64).await.unwrap();
        wait_for_interest(&control, &subjects::gate_tell(gate::TICK), &mut told).await;
        control.publish(subjects::gate_tell(gate::REVOKED), "r".into()).await.unwrap();
        assert_eq!(next(&mut told, "told").await.subject.as_str(), "gate.tell.revoked");
    }
}

on_each_server! {
    async fn events_reach_gateways_and_readers_live_and_by_replay(rig: Rig) {
        let (control, gateway) = (rig.control().await, rig.gateway().await);
        let (mine, other) = (ServerId::new(), ServerId::new());
        let js = jetstream::new(control.raw().clone());
        let events = js.create_stream(event_stream()).await.unwrap();
        let id = ConsumerId::new();
        let reader = rig.reader(id, &[mine]).await;
        let all = rig.reader(ConsumerId::new(), &[]).await;
        events.create_consumer(durable(id, mine)).await.unwrap();

        let mut at_gateway = gateway.subscribe(subjects::EVENT_ANY.into(), 64).await.unwrap();
        let mut at_all = all.subscribe(subjects::EVENT_ANY.into(), 64).await.unwrap();
        let mut at_reader = reader.subscribe(format!("event.server.{mine}.>"), 64).await.unwrap();
        wait_for_interest(&control, &subjects::event_server(mine, "warmup"), &mut at_reader).await;
        wait_for_interest(&control, &subjects::event_server(mine, "warmup"), &mut at_gateway).await;
        wait_for_interest(&control, &subjects::event_server(mine, "warmup"), &mut at_all).await;
        drain(&mut at_reader).await;
        drain(&mut at_gateway).await;
        drain(&mut at_all).await;

        for i in 0..10 {
            for server in [mine, other] {
                let body = Bytes::from(i.to_string());
                js.publish(subjects::event_server(server, "state"), body).await.unwrap().await.unwrap();
            }
        }
        for i in 0..10 {
            assert_eq!(next(&mut at_reader, "live event").await.payload, i.to_string());
            next(&mut at_gateway, "event of mine").await;
            next(&mut at_gateway, "event of other").await;
            next(&mut at_all, "event of mine").await;
            next(&mut at_all, "event of other").await;
        }
        nothing(&mut at_reader, "event of another server").await;

        let replay = jetstream::with_prefix(reader.raw().clone(), "CORE.API");
        let pull: consumer::PullConsumer =
            replay.get_consumer_from_stream(id.to_string(), "EVENT").await.unwrap();
        let mut batch = pull.fetch().max_messages(200).messages().await.unwrap();
        let mut replayed = 0;
        while let Some(message) = batch.next().await {
            let message = message.unwrap();
            assert!(message.subject.starts_with(&format!("event.server.{mine}.")));
            if message.subject.ends_with(".state") {
                replayed += 1;
            }
            message.double_ack().await.unwrap();
        }
        assert_eq!(replayed, 10);
    }
}

pub fn event_stream() -> stream::Config {
    stream::Config {
        name: subjects::EVENT_STREAM.into(),
        subjects: vec![subjects::EVENT_ANY.into()],
        ..Default::default()
    }
}

pub fn durable(id: ConsumerId, server: ServerId) -> consumer::pull::Config {
    consumer::pull::Config {
        durable_name: Some(id.to_string()),
        filter_subject: format!("event.server.{server}.>"),
        ..Default::default()
    }
}

/// Publishes until the subscription hears, because interest crosses accounts in its own time.
pub async fn wait_for_interest(
    from: &Bus,
    subject: &str,
    at: &mut warren_proto::bus::Subscription,
) {
    let heard = async {
        loop {
            from.publish(subject.to_owned(), "interest?".into())
                .await
                .unwrap();
            let wait = std::time::Duration::from_millis(50);
            if tokio::time::timeout(wait, at.next()).await.is_ok() {
                break;
            }
        }
    };
    tokio::time::timeout(SOON, heard)
        .await
        .expect("no interest");
    drain(at).await;
}

/// Asks until somebody is there: newer servers say at once that nobody is, and interest takes a moment.
pub async fn asked_until_there(
    bus: &Bus,
    subject: String,
    kind: &str,
    node: Option<NodeId>,
) -> Tick {
    let asked = Tick {
        counter: 1,
        control_time_ms: 0,
    };
    let answered = async {
        loop {
            let wait = std::time::Duration::from_secs(1);
            match bus.call(subject.clone(), kind, node, &asked, wait).await {
                Ok(answer) => break answer,
                Err(e) => assert!(e.retryable(), "{e}"),
            }
        }
    };
    tokio::time::timeout(SOON, answered)
        .await
        .expect("nobody answers")
}

async fn drain(sub: &mut warren_proto::bus::Subscription) {
    let quiet = std::time::Duration::from_millis(150);
    while tokio::time::timeout(quiet, sub.next()).await.is_ok() {}
}

fn queue() -> ServeOptions {
    ServeOptions {
        queue: Some(subjects::CONTROL_QUEUE),
        ..Default::default()
    }
}

pub async fn echo(ask: warren_proto::bus::Ask) -> Result<Bytes, warren_proto::wire::Failure> {
    let tick: Tick = ask.open()?;
    Ok(ask.ok(&Tick {
        counter: tick.counter + 1,
        control_time_ms: 0,
    }))
}

async fn count_asks(control: &Bus, subject: String, handled: &Arc<AtomicU64>) -> Serving {
    let handled = handled.clone();
    let handler = move |ask| {
        handled.fetch_add(1, Relaxed);
        echo(ask)
    };
    control.serve(subject, queue(), handler).await.unwrap()
}
