//! What a stolen gateway credential can not do.

use async_nats::jetstream;
use prost::Message;
use warren_proto::bus::ServeOptions;
use warren_proto::bus::keyring::{Keyring, Signer, Use};
use warren_proto::bus::serve::failure;
use warren_proto::bus::signed::Verifier;
use warren_proto::ids::{BootId, NodeId, ServerId};
use warren_proto::subjects::{self, down, gate, up};
use warren_proto::wire::{Accepted, Apply, SignedCommand};

use crate::hostile_node::{STREAM_SUBJECTS, SYSTEM_SUBJECTS};
use crate::layout::event_stream;
use crate::nats::{Rig, SOON, denied_publishes, denied_subscriptions, on_each_server, settled};

on_each_server! {
    async fn it_touches_no_stream_event_or_uplink(rig: Rig) {
        let (node, server) = (NodeId::new(), ServerId::new());
        let control = rig.control().await;
        let js = jetstream::new(control.raw().clone());
        js.create_stream(event_stream()).await.unwrap();
        let gateway = rig.gateway().await;
        let mut subjects: Vec<String> = STREAM_SUBJECTS.iter().chain(&SYSTEM_SUBJECTS).map(|s| (*s).into()).collect();
        subjects.extend([up::LIFECYCLE, up::CONSOLE, up::METRICS, up::HEARTBEAT].map(|w| subjects::from_node(node, w)));
        subjects.extend([
            subjects::ask(node, up::HELLO),
            subjects::live_console(node, server),
            subjects::event_server(server, "state"),
            subjects::event_node(node, "state"),
            subjects::gate_tell(gate::REVOKED),
            subjects::gate_tell(gate::TICK),
            subjects::ENROLL_REGISTER.into(),
            subjects::node_inbox(node) + ".x",
            "CORE.API.CONSUMER.MSG.NEXT.EVENT.x".into(),
        ]);
        denied_publishes(&gateway, &subjects).await;
        let mut stream = js.get_stream("EVENT").await.unwrap();
        assert_eq!(stream.info().await.unwrap().state.messages, 0);
    }
}

on_each_server! {
    async fn it_hears_only_live_bytes_events_and_what_it_is_told(rig: Rig) {
        let node = NodeId::new();
        let gateway = rig.gateway().await;
        let mut subjects: Vec<String> = [
            ">", "node.>", "node.*.lifecycle", "node.*.console", "node.*.ask.*", "agent.>", "agent.*.open",
            "gate.>", "gate.ask.*", "_INB.>", "_INB.*.>", "_INBOX.>", "_R_.>", "$JS.>", "$SYS.>", "enroll.>",
        ].map(String::from).into();
        subjects.extend(["bulk.>".into(), "bulk.*.*".into(), subjects::bulk_of(node)]);
        subjects.push(subjects::asked_of(node));
        subjects.push(subjects::node_inbox(node) + ".>");
        denied_subscriptions(&gateway, &subjects).await;
    }
}

on_each_server! {
    async fn apply_from_a_gateway_is_not_believed(rig: Rig) {
        let (id, boot) = (NodeId::new(), BootId::new());
        let (node, gateway) = (rig.node(id).await, rig.gateway().await);
        let control_key = Signer::create();
        let mut keys = Keyring::default();
        keys.pin(Use::Command, control_key.id(), &control_key.public()).unwrap();
        let verifier = std::sync::Arc::new(std::sync::Mutex::new(Verifier::new(id, boot)));
        let _desk = node.serve(subjects::asked_of(id), ServeOptions::default(), move |ask| {
            let (keys, verifier) = (keys.clone(), verifier.clone());
            async move {
                let signed: SignedCommand = ask.open()?;
                let checked = verifier.lock().unwrap().check(&keys, &signed, &ask.kind, 1_000);
                checked.map(|_| ask.ok(&Accepted {})).map_err(|r| failure(r.code(), &r.to_string(), false))
            }
        }).await.unwrap();
        settled(&node).await;
        let thief = Signer::create();
        let order = |signer: &Signer| warren_proto::bus::signed::sign(signer, warren_proto::bus::signed::Order {
            node: id, boot, verb: down::APPLY, expires_at_ms: 20_000, body: &Apply::default().encode_to_vec(),
        });
        let say = async |command: SignedCommand| {
            gateway.call::<Accepted>(subjects::to_node(id, down::APPLY), down::APPLY, Some(id), &command, SOON).await
        };
        let unsigned = SignedCommand { signature: Vec::new(), ..order(&control_key) };
        assert_eq!(say(unsigned).await.unwrap_err().to_string().split(':').next(), Some("bad_signature"));
        assert_eq!(say(order(&thief)).await.unwrap_err().to_string().split(':').next(), Some("unknown_key"));
        let good = order(&control_key);
        say(good.clone()).await.unwrap();
        // What a gateway may have seen pass by is of no use to it.
        assert_eq!(say(good).await.unwrap_err().to_string().split(':').next(), Some("replayed"));
    }
}
