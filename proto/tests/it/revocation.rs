//! How a credential ends: revoked, expired, replaced; and that it stays ended.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use warren_proto::bus::accounts::{Account, Revocations, Storage};
use warren_proto::bus::sys::{Presences, Pusher};
use warren_proto::bus::{Bus, Error, Link};
use warren_proto::ids::NodeId;

use crate::nats::{Rig, SOON, creds, now_s, on_each_server};

on_each_server! {
    async fn a_revoked_node_is_kicked_within_a_second_and_stays_out(rig: Rig) {
        let mut rig = rig;
        let (id, bystander) = (NodeId::new(), NodeId::new());
        let old = rig.node_creds(id);
        let node = rig.connect(old.clone()).await;
        let other = rig.node(bystander).await;
        let sys = rig.sys().await;
        let mut presences = Presences::watch(&sys, &rig.realm, Account::Edge).await.unwrap();
        let mut pusher = Pusher::new(sys, Storage::default());
        assert_eq!(pusher.look_around(Duration::from_millis(500)).await.unwrap().len(), 1);

        let key = old.seed.key().unwrap().public_key();
        let revoked = Revocations::from([(key.clone(), now_s())]);
        let mut link = node.link();
        let began = Instant::now();
        let pushed = pusher.push(&rig.realm, Account::Edge, &revoked, now_s(), SOON).await.unwrap();
        assert_eq!((pushed.taken.len(), pusher.missing(&pushed).len()), (1, 0), "{pushed:?}");
        leaves(&mut link, &Link::Up).await;
        let took = began.elapsed();
        eprintln!("kicked after {took:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");

        let gone = async {
            loop {
                let presence = presences.next().await.unwrap();
                if !presence.connected && presence.user_key == key {
                    return presence;
                }
            }
        };
        let gone = tokio::time::timeout(SOON, gone).await.expect("no presence");
        assert_eq!(gone.node, Some(id));
        assert!(gone.reason.is_some_and(|r| r.contains("Revoked")));

        refused(&rig, old.clone()).await;
        assert!(is_up_again(&other).await, "a bystander was hurt");
        // The full resolver remembers, though the configuration's preload knows of no revocation.
        rig.kill();
        rig.launch().await;
        refused(&rig, old).await;
        assert!(is_up_again(&other).await);
        // A restarted server has another id; it is not waited for under its old one.
        pusher_is_up(&mut pusher, &rig, &revoked).await;
        // The same node id comes in with a new key.
        rig.node(id).await;
    }
}

on_each_server! {
    async fn two_pushes_in_one_second_both_count(rig: Rig) {
        let (a, b) = (NodeId::new(), NodeId::new());
        let (creds_a, creds_b) = (rig.node_creds(a), rig.node_creds(b));
        let (node_a, node_b) = (rig.connect(creds_a.clone()).await, rig.connect(creds_b.clone()).await);
        let mut pusher = Pusher::new(rig.sys().await, Storage::default());
        pusher.look_around(Duration::from_millis(300)).await.unwrap();
        let mut revoked = Revocations::new();
        for (creds, node) in [(&creds_a, &node_a), (&creds_b, &node_b)] {
            revoked.insert(creds.seed.key().unwrap().public_key(), now_s());
            let mut link = node.link();
            pusher.push(&rig.realm, Account::Edge, &revoked, now_s(), SOON).await.unwrap();
            leaves(&mut link, &Link::Up).await;
        }
        refused(&rig, creds_a).await;
        refused(&rig, creds_b).await;
    }
}

on_each_server! {
    async fn an_expired_credential_ends_its_connection(rig: Rig) {
        let id = NodeId::new();
        let short = creds(|user| rig.realm.mint_node(id, user, now_s(), now_s() + 2));
        let node = rig.connect(short.clone()).await;
        let mut link = node.link();
        leaves(&mut link, &Link::Up).await;
        refused(&rig, short).await;
    }
}

on_each_server! {
    async fn a_new_key_takes_over_without_a_restart(rig: Rig) {
        let id = NodeId::new();
        let old = rig.node_creds(id);
        let node = rig.connect(old.clone()).await;
        let new = rig.node_creds(id);
        node.set_creds(new.clone(), true).await.unwrap();
        assert!(is_up_again(&node).await);
        let mut pusher = Pusher::new(rig.sys().await, Storage::default());
        let revoked = Revocations::from([(old.seed.key().unwrap().public_key(), now_s())]);
        pusher.push(&rig.realm, Account::Edge, &revoked, now_s(), Duration::from_millis(500)).await.unwrap();
        refused(&rig, old).await;
        assert!(is_up_again(&node).await, "the new key was hurt by the old one's end");
        // Another node's credential is none for this connection.
        assert!(node.set_creds(rig.node_creds(NodeId::new()), false).await.is_err());
    }
}

on_each_server! {
    async fn the_panic_button_ends_everyone(rig: Rig) {
        let node = rig.node(NodeId::new()).await;
        let mut pusher = Pusher::new(rig.sys().await, Storage::default());
        let mut link = node.link();
        let all = Revocations::from([("*".to_owned(), now_s())]);
        pusher.push(&rig.realm, Account::Edge, &all, now_s(), Duration::from_millis(500)).await.unwrap();
        leaves(&mut link, &Link::Up).await;
    }
}

on_each_server! {
    async fn eleven_thousand_refused_keys_leave_room_for_one_more(rig: Rig) {
        let mut rig = rig;
        let id = NodeId::new();
        let old = rig.node_creds(id);
        let node = rig.connect(old.clone()).await;
        let other = rig.node(NodeId::new()).await;
        let mut pusher = Pusher::new(rig.sys().await, Storage::default());
        pusher.look_around(Duration::from_millis(500)).await.unwrap();
        let key = || nkeys::KeyPair::new_user().public_key();
        let mut revoked: Revocations = (0..11_000).map(|_| (key(), now_s())).collect();
        let pushed = pusher.push(&rig.realm, Account::Edge, &revoked, now_s(), SOON).await.unwrap();
        eprintln!("{} refused keys: {} bytes", revoked.len(), pushed.bytes);
        // Beyond 1 MiB current servers take none: control raises an alarm at two thirds of it.
        assert!((1_000_000..1 << 20).contains(&pushed.bytes), "{}", pushed.bytes);
        assert_eq!((pushed.taken.len(), pushed.refused.len()), (1, 0), "{pushed:?}");
        assert!(is_up_again(&node).await && is_up_again(&other).await);

        revoked.insert(old.seed.key().unwrap().public_key(), now_s());
        let mut link = node.link();
        let began = Instant::now();
        pusher.push(&rig.realm, Account::Edge, &revoked, now_s(), SOON).await.unwrap();
        leaves(&mut link, &Link::Up).await;
        let took = began.elapsed();
        eprintln!("kicked after {took:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        refused(&rig, old.clone()).await;
        assert!(is_up_again(&other).await);
        rig.kill();
        rig.launch().await;
        refused(&rig, old).await;
        assert!(is_up_again(&other).await);
    }
}

async fn pusher_is_up(pusher: &mut Pusher, rig: &Rig, revoked: &Revocations) {
    let pushed = async {
        loop {
            let began = Instant::now();
            match pusher
                .push(&rig.realm, Account::Edge, revoked, now_s(), SOON)
                .await
            {
                Ok(pushed) => return (pusher.missing(&pushed), began.elapsed()),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    let (missing, took) = tokio::time::timeout(SOON, pushed)
        .await
        .expect("never pushed");
    assert!(
        missing.is_empty() && took < Duration::from_secs(5),
        "{missing:?} {took:?}"
    );
}

async fn leaves(link: &mut watch::Receiver<Link>, state: &Link) {
    tokio::time::timeout(SOON, link.wait_for(|l| l != state))
        .await
        .expect("still connected")
        .unwrap();
}

/// Refused now or within moments: in the second in which it ends, a credential may be taken once more and
/// its connection is ended at once.
async fn refused(rig: &Rig, creds: warren_proto::bus::Creds) {
    let tried = async {
        loop {
            match rig.connecting(creds.clone()).await.ready(SOON).await {
                Err(Error::Refused(_)) => break,
                Ok(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(e) => panic!("{e}"),
            }
        }
    };
    let limit = Duration::from_secs(3);
    tokio::time::timeout(limit, tried)
        .await
        .expect("the credential is still taken");
}

/// Connected now or soon: a reconnect may be under way, because each push ends the scope's connections on
/// old servers.
async fn is_up_again(bus: &Bus) -> bool {
    let mut link = bus.link();
    let up = tokio::time::timeout(SOON, link.wait_for(|l| *l == Link::Up)).await;
    up.is_ok() && bus.flush(SOON).await.is_ok()
}
