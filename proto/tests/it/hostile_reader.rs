//! What an event consumer's credential can not do.

use std::time::Duration;

use async_nats::jetstream;
use bytes::Bytes;
use warren_proto::ids::{ConsumerId, NodeId, ServerId};
use warren_proto::subjects::{self, down, gate, up};

use crate::hostile_node::{STREAM_SUBJECTS, SYSTEM_SUBJECTS};
use crate::layout::{durable, event_stream};
use crate::nats::{Rig, denied_publishes, denied_subscriptions, on_each_server};

on_each_server! {
    async fn it_pulls_acks_and_inspects_only_what_is_its_own(rig: Rig) {
        let (mine, other) = (ServerId::new(), ServerId::new());
        let (me, neighbour) = (ConsumerId::new(), ConsumerId::new());
        let control = rig.control().await;
        let js = jetstream::new(control.raw().clone());
        let stream = js.create_stream(event_stream()).await.unwrap();
        stream.create_consumer(durable(me, mine)).await.unwrap();
        stream.create_consumer(durable(neighbour, other)).await.unwrap();
        js.publish(subjects::event_server(other, "state"), "secret".into()).await.unwrap().await.unwrap();
        let reader = rig.reader(me, &[mine]).await;
        let mut subjects: Vec<String> = STREAM_SUBJECTS.iter().chain(&SYSTEM_SUBJECTS).map(|s| (*s).into()).collect();
        for verb in ["MSG.NEXT", "INFO", "DELETE", "CREATE"] {
            subjects.push(format!("CORE.API.CONSUMER.{verb}.EVENT.{neighbour}"));
            subjects.push(format!("$JS.API.CONSUMER.{verb}.EVENT.{me}"));
        }
        subjects.extend([
            format!("CORE.API.CONSUMER.DELETE.EVENT.{me}"),
            "CORE.API.STREAM.INFO.EVENT".into(),
            "CORE.API.STREAM.DELETE.EVENT".into(),
            format!("$JS.ACK.EVENT.{neighbour}.1.1.1.1.1"),
            subjects::event_server(mine, "forged"),
            subjects::from_node(NodeId::new(), up::LIFECYCLE),
            subjects::to_node(NodeId::new(), down::OPEN),
            subjects::gate_ask(gate::KEYS),
            subjects::consumer_inbox(neighbour) + ".x",
        ]);
        denied_publishes(&reader, &subjects).await;
        let mut theirs: jetstream::consumer::PullConsumer = stream.get_consumer(&neighbour.to_string()).await.unwrap();
        let info = theirs.info().await.unwrap();
        assert_eq!((info.num_pending, info.num_ack_pending), (1, 0));
    }
}

on_each_server! {
    async fn it_hears_only_its_servers(rig: Rig) {
        let (mine, other) = (ServerId::new(), ServerId::new());
        let reader = rig.reader(ConsumerId::new(), &[mine]).await;
        let subjects = [
            ">".into(), "event.>".into(), "event.server.>".into(), "event.server.*.state".into(), "event.node.>".into(),
            format!("event.server.{other}.>"), format!("event.server.{other}.state"), "_INB.>".into(), "_INB.*.>".into(),
            "_R_.>".into(), "$JS.>".into(), "$SYS.>".into(), "node.>".into(), "gate.>".into(), "agent.>".into(),
        ];
        denied_subscriptions(&reader, &subjects).await;
    }
}

on_each_server! {
    async fn a_pull_aimed_elsewhere_changes_no_stream(rig: Rig) {
        let (mine, me) = (ServerId::new(), ConsumerId::new());
        let control = rig.control().await;
        let js = jetstream::new(control.raw().clone());
        let mut stream = js.create_stream(event_stream()).await.unwrap();
        stream.create_consumer(durable(me, mine)).await.unwrap();
        js.publish(subjects::event_server(mine, "state"), "one".into()).await.unwrap().await.unwrap();
        let reader = rig.reader(me, &[mine]).await;
        let pull = format!("CORE.API.CONSUMER.MSG.NEXT.EVENT.{me}");
        let info = format!("CORE.API.CONSUMER.INFO.EVENT.{me}");
        let aims = [
            "$JS.API.STREAM.DELETE.EVENT".into(), "$JS.API.STREAM.PURGE.EVENT".into(),
            subjects::event_server(mine, "forged"), subjects::gate_tell(gate::REVOKED),
            subjects::to_node(NodeId::new(), down::APPLY), "$JS.API.CONSUMER.DELETE.EVENT.x".into(),
        ];
        for aim in aims {
            for ask in [&pull, &info] {
                reader.publish_with_reply(ask.clone(), aim.clone(), Bytes::from_static(b"1")).await.unwrap();
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let state = &stream.info().await.unwrap().state;
        assert_eq!((state.messages, state.last_sequence, state.consumer_count), (1, 1, 1));
    }
}

on_each_server! {
    /// NATS can forbid nobody to name another subject of its account as the place for an answer (docs/events.md).
    async fn what_it_has_delivered_elsewhere_is_told_from_a_live_event(rig: Rig) {
        let (mine, theirs, me) = (ServerId::new(), ServerId::new(), ConsumerId::new());
        let control = rig.control().await;
        let js = jetstream::new(control.raw().clone());
        let stream = js.create_stream(event_stream()).await.unwrap();
        stream.create_consumer(durable(me, mine)).await.unwrap();
        js.publish(subjects::event_server(mine, "state"), "mine".into()).await.unwrap().await.unwrap();
        let (reader, other) = (rig.reader(me, &[mine]).await, rig.reader(ConsumerId::new(), &[theirs]).await);
        let mut live = other.subscribe(format!("event.server.{theirs}.>"), 64).await.unwrap();
        let genuine = loop {
            js.publish(subjects::event_server(theirs, "state"), "theirs".into()).await.unwrap().await.unwrap();
            if let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(300), live.next()).await { break event }
        };
        let by_pull = |reply: &Option<async_nats::Subject>| reply.as_ref().is_some_and(|r| r.starts_with("$JS.ACK."));
        assert_eq!(genuine.payload.as_ref(), &b"theirs"[..]);
        assert!(!by_pull(&genuine.reply), "{:?}", genuine.reply);
        let pull = format!("CORE.API.CONSUMER.MSG.NEXT.EVENT.{me}");
        let aim = subjects::event_server(theirs, "state");
        reader.publish_with_reply(pull, aim, Bytes::from_static(b"1")).await.unwrap();
        let aimed = loop {
            let next = tokio::time::timeout(Duration::from_secs(5), live.next()).await;
            let next = next.expect("as documented, it arrives").unwrap();
            if next.payload.as_ref() != b"theirs" { break next }
            assert!(!by_pull(&next.reply), "{:?}", next.reply);
        };
        assert_eq!(aimed.payload.as_ref(), b"mine", "it is what the sender may see, unchanged");
        let reply = aimed.reply.expect("a delivery by a pull says so");
        assert!(reply.starts_with(&format!("$JS.ACK.EVENT.{me}.")), "{reply}");
    }
}
