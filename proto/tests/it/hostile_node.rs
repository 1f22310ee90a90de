//! What a stolen node key can not do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_nats::jetstream;
use warren_proto::bus::{Bus, ServeOptions};
use warren_proto::envelope;
use warren_proto::ids::{GatewayId, JobId, NodeId, ServerId};
use warren_proto::subjects::{self, bulk, down, gate, up, xfer};
use warren_proto::wire::{ConsoleFrame, Tick};

use crate::layout::{echo, event_stream, wait_for_interest};
use crate::nats::{Rig, SOON, denied_publishes, denied_subscriptions, on_each_server, settled};

on_each_server! {
    async fn nothing_of_another_may_be_said(rig: Rig) {
        let (id, other, server, job) = (NodeId::new(), NodeId::new(), ServerId::new(), JobId::new());
        let node = rig.node(id).await;
        let mut subjects = vec![
            subjects::from_node(other, up::LIFECYCLE),
            subjects::from_node(other, up::CONSOLE),
            subjects::from_node(other, up::METRICS),
            subjects::from_node(other, up::HEARTBEAT),
            subjects::ask(other, up::HELLO),
            subjects::ask(other, up::RENEW),
            subjects::live_console(other, server),
            subjects::live_stats(other, server),
            subjects::xfer_from(other, job),
            subjects::event_server(server, "state"),
            subjects::event_node(id, "state"),
            subjects::gate_tell(gate::REVOKED),
            subjects::gate_tell(gate::TICK),
            subjects::node_inbox(other) + ".x",
            subjects::gateway_inbox(GatewayId::new()) + ".x",
        ];
        subjects.extend([down::APPLY, down::JOBS, down::REVOKE, down::OPEN, down::CONSOLE].map(|w| subjects::to_node(other, w)));
        // Not even to itself.
        subjects.push(subjects::to_node(id, down::APPLY));
        subjects.extend([id, other].map(|node| subjects::bulk_to(node, bulk::OPEN)));
        // Files of others: neither in the name of another that may have them, nor in one's own from one's own.
        subjects.extend([(other, NodeId::new()), (id, other), (other, other)].map(|(from, to)| subjects::xfer_ask(from, to, xfer::READ)));
        subjects.extend([gate::KEYS, gate::RENEW, gate::SESSIONS, gate::HISTORY, gate::HOST_KEYS, gate::LOGIN, gate::LOGOUT].map(subjects::gate_ask));
        subjects.extend(STREAM_SUBJECTS.map(String::from));
        subjects.extend(SYSTEM_SUBJECTS.map(String::from));
        subjects.push(format!("$SYS.ACCOUNT.{}.DISCONNECT", rig.account(warren_proto::bus::accounts::Account::Edge)));
        subjects.push(subjects::ENROLL_REGISTER.into());
        denied_publishes(&node, &subjects).await;
    }
}

on_each_server! {
    async fn nothing_of_another_may_be_heard(rig: Rig) {
        let (id, other) = (NodeId::new(), NodeId::new());
        let node = rig.node(id).await;
        let mut subjects: Vec<String> = [
            ">", "*", "*.>", "node.>", "node.*.>", "node.*.lifecycle", "agent.>", "agent.*.>", "agent.*.apply",
            "gate.>", "gate.tell.>", "event.>", "event.server.*.state", "_INB.>", "_INB.*.>", "_INBOX.>", "_R_.>",
            "$JS.>", "$JS.API.>", "$JS.ACK.>", "$SYS.>", "$KV.>", "enroll.>", "enroll.v1.register",
        ].map(String::from).into();
        subjects.extend(["bulk.>".into(), "bulk.*.*".into(), subjects::bulk_of(other)]);
        subjects.extend(["xfer.>".into(), "xfer.*.*.*".into(), format!("xfer.*.{id}.*"), subjects::xfer_of(other)]);
        subjects.push(subjects::asked_of(other));
        subjects.push(subjects::to_node(other, down::APPLY));
        subjects.push(subjects::node_inbox(other) + ".>");
        // Nor what it says itself: nobody needs an echo.
        subjects.push(format!("node.{id}.>"));
        denied_subscriptions(&node, &subjects).await;
    }
}

on_each_server! {
    async fn misdirected_answers_never_reach_another_nodes_uplink(rig: Rig) {
        let (id, victim) = (NodeId::new(), NodeId::new());
        let control = rig.control().await;
        let (honest, stray) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut desks = Vec::new();
        for word in [up::LIFECYCLE, up::CONSOLE, up::METRICS, up::HEARTBEAT, "ask.*"] {
            let (honest, stray) = (honest.clone(), stray.clone());
            let handler = move |ask: warren_proto::bus::Ask| {
                let counter = if ask.node == Some(victim) { &stray } else { &honest };
                counter.fetch_add(1, Relaxed);
                echo(ask)
            };
            let options = ServeOptions { queue: Some("control"), ..Default::default() };
            desks.push(control.serve(subjects::from_any_node(word), options, handler).await.unwrap());
        }
        settled_interest(&rig, id).await;
        let node = rig.node(id).await;
        let aims = [
            subjects::from_node(victim, up::HEARTBEAT),
            subjects::from_node(victim, up::LIFECYCLE),
            subjects::from_node(victim, up::METRICS),
            subjects::from_node(victim, up::CONSOLE),
            subjects::ask(victim, up::HELLO),
        ];
        let body = envelope::request(up::HELLO, Some(id), &Tick::default());
        for aim in &aims {
            for _ in 0..5 {
                node.publish_with_reply(subjects::ask(id, up::HELLO), aim.clone(), body.clone()).await.unwrap();
            }
        }
        reaches(&honest, 25).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(stray.load(Relaxed), 0);
    }
}

on_each_server! {
    async fn misdirected_answers_are_refused_where_live_bytes_are_read(rig: Rig) {
        let (id, victim, server) = (NodeId::new(), NodeId::new(), ServerId::new());
        let (control, gateway, node) = (rig.control().await, rig.gateway().await, rig.node(id).await);
        let victim_bus = rig.node(victim).await;
        let _desk = control.serve(subjects::ASK_ANY.into(), ServeOptions::default(), echo).await.unwrap();
        settled_interest(&rig, id).await;
        let live = subjects::live_console(victim, server);
        let mut heard = gateway.subscribe(live.clone(), 64).await.unwrap();
        wait_for_interest(&victim_bus, &live, &mut heard).await;
        let victims_desk = victim_bus.serve(subjects::asked_of(victim), ServeOptions::default(), |ask| async move {
            panic!("{} was taken", ask.subject)
        }).await.unwrap();
        settled(&victim_bus).await;

        let body = envelope::request(up::HELLO, Some(id), &Tick::default());
        for aim in [live.clone(), subjects::to_node(victim, down::APPLY)] {
            node.publish_with_reply(subjects::ask(id, up::HELLO), aim, body.clone()).await.unwrap();
        }
        // If the server lets it through, it is an answer about another node, and no frame.
        if let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(800), heard.next()).await {
            let read = gateway.hear::<ConsoleFrame>(message.payload, "console", victim);
            assert!(read.is_err(), "a forged frame was believed");
            assert_eq!(gateway.counters().envelope_refused.load(Relaxed), 1);
        }
        victims_desk.close(SOON).await;
        assert_eq!(victim_bus.counters().handler_failed.load(Relaxed), 0);
    }
}

on_each_server! {
    async fn answers_aimed_at_jetstream_change_nothing(rig: Rig) {
        let id = NodeId::new();
        let (control, node) = (rig.control().await, rig.node(id).await);
        let js = jetstream::new(control.raw().clone());
        js.create_stream(event_stream()).await.unwrap();
        js.publish(subjects::event_server(ServerId::new(), "state"), "kept".into()).await.unwrap().await.unwrap();
        let handled = Arc::new(AtomicU64::new(0));
        let count = handled.clone();
        let _desk = control.serve(subjects::ASK_ANY.into(), ServeOptions::default(), move |ask| {
            count.fetch_add(1, Relaxed);
            echo(ask)
        }).await.unwrap();
        settled_interest(&rig, id).await;
        let aims = STREAM_SUBJECTS.iter().copied().chain(["event.server.x.forged", "gate.tell.revoked"]);
        let mut sent = 0;
        for aim in aims {
            let body = envelope::request(up::HELLO, Some(id), &Tick::default());
            node.publish_with_reply(subjects::ask(id, up::HELLO), aim.into(), body).await.unwrap();
            sent += 1;
        }
        reaches(&handled, sent).await;
        let mut stream = js.get_stream("EVENT").await.unwrap();
        let state = &stream.info().await.unwrap().state;
        assert_eq!((state.messages, state.last_sequence, state.consumer_count), (1, 1, 0));
    }
}

on_each_server! {
    async fn an_enrolling_machine_can_only_register(rig: Rig) {
        let stranger = rig.enrolling().await;
        let node = NodeId::new();
        let mut subjects: Vec<String> = STREAM_SUBJECTS.iter().chain(&SYSTEM_SUBJECTS).map(|s| (*s).into()).collect();
        subjects.extend([
            subjects::from_node(node, up::LIFECYCLE), subjects::ask(node, up::HELLO), subjects::to_node(node, down::APPLY),
            subjects::gate_ask(gate::KEYS), "enroll.v1.other".into(), "enroll.v1".into(), subjects::node_inbox(node) + ".x",
        ]);
        denied_publishes(&stranger, &subjects).await;
        let heard = [">", "enroll.>", "enroll.v1.register", "agent.>", "node.>", "_INB.>", "event.>", "gate.tell.>"];
        denied_subscriptions(&stranger, &heard.map(String::from)).await;
    }
}

on_each_server! {
    async fn a_name_that_is_a_wildcard_is_granted_nothing_by_us(rig: Rig) {
        // The type allows no such id; a JWT that some other signer made is not taken.
        assert!("*".parse::<NodeId>().is_err());
        let user = nkeys::KeyPair::new_user();
        let rogue = nkeys::KeyPair::new_account();
        let claims = serde_json::json!({"type": "user", "version": 2, "issuer_account": rig.account(warren_proto::bus::accounts::Account::Edge)});
        let jwt = warren_proto::bus::jwt::sign(&rogue, warren_proto::bus::jwt::Claims {
            jti: String::new(), iat: 1, iss: String::new(), name: "*".into(), sub: user.public_key(), exp: None, nats: claims,
        }).unwrap();
        let creds = warren_proto::bus::Creds { jwt, seed: warren_proto::bus::Seed::of(&user).unwrap() };
        let bus = rig.connecting(creds).await;
        assert!(matches!(bus.ready(SOON).await, Err(warren_proto::bus::Error::Refused(_))));
    }
}

pub const STREAM_SUBJECTS: [&str; 9] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.DELETE.EVENT",
    "$JS.API.STREAM.PURGE.EVENT",
    "$JS.API.STREAM.CREATE.X",
    "$JS.API.CONSUMER.CREATE.EVENT",
    "$JS.API.CONSUMER.DURABLE.CREATE.EVENT.x",
    "$JS.API.CONSUMER.MSG.NEXT.EVENT.x",
    "$JS.API.DIRECT.GET.EVENT",
    "$JS.ACK.EVENT.x.1.1.1.1.1",
];
pub const SYSTEM_SUBJECTS: [&str; 5] = [
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.CLAIMS.UPDATE",
    "$SYS.REQ.CLAIMS.LIST",
    "$KV.x.y",
    "anything",
];

async fn reaches(counter: &AtomicU64, wanted: u64) {
    let there = async {
        while counter.load(Relaxed) < wanted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, there)
        .await
        .expect("control never heard them");
}

/// Waits until questions of nodes reach control.
async fn settled_interest(rig: &Rig, id: NodeId) {
    let probe: Bus = rig.node(id).await;
    let asked = async {
        loop {
            let wait = Duration::from_millis(200);
            let subject = subjects::ask(id, up::RENEW);
            if probe
                .call::<Tick>(subject, up::RENEW, Some(id), &Tick::default(), wait)
                .await
                .is_ok()
            {
                break;
            }
        }
    };
    tokio::time::timeout(SOON, asked)
        .await
        .expect("control does not answer");
}
