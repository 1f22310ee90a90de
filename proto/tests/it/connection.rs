//! Coming up, falling down, coming back; and whom a connection trusts.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use warren_proto::bus::config::Tls;
use warren_proto::bus::{Bus, Error, Link, Options};
use warren_proto::ids::NodeId;
use warren_proto::subjects;

use crate::nats::{NOT, Rig, SOON, binaries, on_each_server, settled};

on_each_server! {
    async fn a_killed_server_is_found_again_and_subscriptions_live_on(rig: Rig) {
        let mut rig = rig;
        let id = NodeId::new();
        let (node, control) = (rig.node(id).await, rig.control().await);
        let mut sub = node.subscribe(subjects::asked_of(id), 64).await.unwrap();
        settled(&node).await;
        rig.kill();
        for bus in [&node, &control] {
            let mut link = bus.link();
            tokio::time::timeout(SOON, link.wait_for(|l| *l == Link::Down)).await.unwrap().unwrap();
        }
        // Nothing is queued for a server that is not there.
        let began = Instant::now();
        assert!(matches!(control.publish("event.x".into(), Bytes::new()).await, Err(Error::Disconnected)));
        let asked = control.request("agent.x.y".into(), Bytes::new(), SOON).await;
        assert!(matches!(asked, Err(Error::Disconnected)));
        assert!(began.elapsed() < Duration::from_secs(1));
        rig.launch().await;
        let began = Instant::now();
        for bus in [&node, &control] {
            bus.ready(SOON).await.unwrap();
        }
        eprintln!("back after {:?}", began.elapsed());
        crate::layout::wait_for_interest(&control, &subjects::to_node(id, "x"), &mut sub).await;
    }
}

on_each_server! {
    async fn a_program_may_start_before_its_server(rig: Rig) {
        let mut rig = rig;
        rig.kill();
        let node = rig.connecting(rig.node_creds(NodeId::new())).await;
        assert!(matches!(node.ready(NOT).await, Err(Error::Timeout(_))));
        rig.launch().await;
        assert_eq!(node.ready(SOON).await.unwrap(), rig.version);
    }
}

on_each_server! {
    async fn a_frozen_server_is_noticed_within_twenty_seconds(rig: Rig) {
        let node = rig.node(NodeId::new()).await;
        let mut link = node.link();
        let pid = nix::unistd::Pid::from_raw(i32::try_from(rig.pid()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
        let began = Instant::now();
        tokio::time::timeout(Duration::from_secs(20), link.wait_for(|l| *l == Link::Down)).await.expect("not noticed").unwrap();
        eprintln!("noticed after {:?}", began.elapsed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_pinned_ca_is_trusted() {
    for binary in binaries() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, other) = (authority(), authority());
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .unwrap()
            .signed_by(&key, &ours)
            .unwrap();
        let file = |name: &str, text: String| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let tls = Tls {
            cert: file("cert.pem", cert.pem()),
            key: file("key.pem", key.serialize_pem()),
            ca: file("ca.pem", ours.pem()),
        };
        let rig = Rig::start(&binary, Some(tls)).await;
        let id = NodeId::new();
        let connect = async |ca: Option<String>| {
            let options = Options {
                urls: vec![rig.url.clone()],
                name: "t".into(),
                creds: rig.node_creds(id),
                ca_pem: ca,
            };
            let bus = Bus::start(options).await.unwrap();
            (bus.ready(Duration::from_secs(5)).await, bus)
        };
        let (ready, bus) = connect(Some(ours.pem())).await;
        ready.unwrap();
        let _sub = bus.subscribe(subjects::asked_of(id), 4).await.unwrap();
        settled(&bus).await;
        drop(bus);
        let (ready, _) = connect(Some(other.pem())).await;
        assert!(ready.is_err(), "another CA was trusted");
        let (ready, _) = connect(None).await;
        assert!(ready.is_err(), "a self-made CA was trusted unasked");
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
