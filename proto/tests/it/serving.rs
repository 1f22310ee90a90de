//! That every request is answered, and that what is dropped is counted.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use warren_proto::bus::{CallError, ServeOptions, failure};
use warren_proto::ids::NodeId;
use warren_proto::subjects::{self, down, up};
use warren_proto::wire::Tick;

use crate::nats::{Rig, SOON, next, on_each_server, settled};

on_each_server! {
    async fn failures_panics_and_delays_are_answered(rig: Rig) {
        let id = NodeId::new();
        let (node, control) = (rig.node(id).await, rig.control().await);
        let options = ServeOptions { deadline: Duration::from_millis(300), ..Default::default() };
        let _desk = node.serve(subjects::asked_of(id), options, |ask| async move {
            match ask.kind.as_str() {
                "apply" => Err(failure("stale", "older", true)),
                "jobs" => panic!("a bug"),
                "open" => std::future::pending().await,
                _ => { let tick: Tick = ask.open()?; Ok(ask.ok(&tick)) }
            }
        }).await.unwrap();
        settled(&node).await;
        let code = async |word: &str| {
            let call = control.call::<Tick>(subjects::to_node(id, word), word, Some(id), &Tick::default(), SOON).await;
            match call { Err(CallError::Failed { code, .. }) => code, other => format!("{other:?}") }
        };
        assert_eq!(code(down::APPLY).await, "stale");
        assert_eq!(code(down::JOBS).await, "internal");
        assert_eq!(code(down::OPEN).await, "timeout");
        assert_eq!(node.counters().handler_failed.load(Relaxed), 2);
        // An envelope about another node, or none at all, is answered as such and counted.
        let other = Some(NodeId::new());
        let call = control.call::<Tick>(subjects::to_node(id, down::FILES), down::FILES, other, &Tick::default(), SOON).await;
        assert!(matches!(call, Err(CallError::Refused(_))));
        let answer = control.request(subjects::to_node(id, down::FILES), Bytes::from_static(b"\xff"), SOON).await;
        assert!(answer.is_ok());
        assert_eq!(node.counters().envelope_refused.load(Relaxed), 2);
    }
}

on_each_server! {
    async fn a_slow_request_delays_no_other(rig: Rig) {
        let id = NodeId::new();
        let (node, control) = (rig.node(id).await, rig.control().await);
        let gate = Arc::new(Semaphore::new(0));
        let held = gate.clone();
        let options = ServeOptions { concurrency: 2, waiting: 1, ..Default::default() };
        let _desk = node.serve(subjects::asked_of(id), options, move |ask| {
            let held = held.clone();
            async move {
                if ask.kind == "jobs" { let _ = held.acquire().await; }
                Ok(ask.ok(&Tick::default()))
            }
        }).await.unwrap();
        settled(&node).await;
        let slow = |c: &warren_proto::bus::Bus| {
            let c = c.clone();
            tokio::spawn(async move { c.call::<Tick>(subjects::to_node(id, down::JOBS), down::JOBS, Some(id), &Tick::default(), SOON).await })
        };
        let first = slow(&control);
        let quick = control.call::<Tick>(subjects::to_node(id, down::OPEN), down::OPEN, Some(id), &Tick::default(), SOON).await;
        assert!(quick.is_ok());
        // Two at work and one waiting; the next is told so at once instead of waiting out its deadline.
        let others = [slow(&control), slow(&control), slow(&control), slow(&control)];
        let busy = async { while node.counters().busy.load(Relaxed) < 2 { tokio::time::sleep(Duration::from_millis(10)).await } };
        tokio::time::timeout(SOON, busy).await.expect("nobody was told busy");
        gate.add_permits(100);
        assert!(first.await.unwrap().is_ok());
        let mut told_busy = 0;
        for other in others {
            match other.await.unwrap() {
                Ok(_) => {}
                Err(CallError::Failed { code, retryable: true, .. }) if code == "busy" => told_busy += 1,
                Err(e) => panic!("{e}"),
            }
        }
        assert_eq!(told_busy, 2);
    }
}

on_each_server! {
    async fn a_request_whose_answer_goes_elsewhere_is_not_even_handled(rig: Rig) {
        let control = rig.control().await;
        let _desk = control.serve(subjects::from_any_node(up::HEARTBEAT), ServeOptions::default(), |_| async {
            panic!("handled")
        }).await.unwrap();
        // From inside CORE, where no bridge rewrites the reply.
        let other = rig.control().await;
        let subject = subjects::from_node(NodeId::new(), up::HEARTBEAT);
        for aim in ["$JS.API.STREAM.DELETE.EVENT", "event.server.x.y", "gate.tell.tick"] {
            other.publish_with_reply(subject.clone(), aim.into(), Bytes::new()).await.unwrap();
        }
        let refused = async { while control.counters().reply_refused.load(Relaxed) < 3 { tokio::time::sleep(Duration::from_millis(10)).await } };
        tokio::time::timeout(SOON, refused).await.expect("not counted");
        assert_eq!(control.counters().handler_failed.load(Relaxed), 0);
    }
}

on_each_server! {
    async fn what_overflows_is_counted(rig: Rig) {
        let id = NodeId::new();
        let (node, control) = (rig.node(id).await, rig.control().await);
        let subject = subjects::to_node(id, "flood");
        let mut sub = node.subscribe(subject.clone(), 10).await.unwrap();
        let mut end = node.subscribe(subjects::to_node(id, "end"), 1).await.unwrap();
        settled(&node).await;
        for i in 0..1000u64 {
            control.publish(subject.clone(), i.to_be_bytes().to_vec().into()).await.unwrap();
        }
        control.publish(subjects::to_node(id, "end"), Bytes::new()).await.unwrap();
        next(&mut end, "end").await;
        let mut kept = 0;
        while tokio::time::timeout(Duration::from_millis(300), sub.next()).await.is_ok() { kept += 1 }
        assert_eq!(kept + sub.dropped(), 1000);
        assert!(sub.dropped() > 0);
        assert_eq!(node.counters().dropped.load(Relaxed), sub.dropped());
    }
}

on_each_server! {
    async fn one_subject_takes_plain_and_signed_requests_and_tells_them_apart(rig: Rig) {
        let id = NodeId::new();
        let (node, control) = (rig.node(id).await, rig.control().await);
        let _desk = node.serve(subjects::asked_of(id), ServeOptions::default(), |ask| async move {
            let tick: Tick = ask.open()?;
            Ok(ask.ok(&Tick { counter: u64::from(ask.signed), ..tick }))
        }).await.unwrap();
        settled(&node).await;
        for (kind, signed) in [("console", 0), ("console.signed", 1)] {
            let subject = subjects::to_node(id, down::CONSOLE);
            let answer: Tick = control.call(subject, kind, Some(id), &Tick::default(), SOON).await.unwrap();
            assert_eq!(answer.counter, signed);
        }
    }
}
