//! The event stream: connected for as long as we live, and honest about the time it was not.

use std::sync::Arc;
use std::time::Duration;

use containerd_client::events::{NamespaceUpdate, TaskExit, TaskOom};
use containerd_client::services::v1 as api;
use containerd_client::types::Envelope;
use prost::Message as _;
use prost_types::Any;
use rand::Rng as _;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use super::client::{QUICK, call, explain};
use super::host::HostFacts;
use super::{Shared, probe, task};
use crate::runtime::{Error, Event, Result};
use containerd_client::types::v1::Status;

/// Topic of the events that we send to ourselves.
const HELLO: &str = "/warren/hello";

/// Watches until `stop`. Lost connections are taken up again with a jittered, bounded pause.
pub async fn watch(shared: Arc<Shared>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = watch_for_ever(&shared) => {}
    }
}

async fn watch_for_ever(shared: &Shared) {
    let mut failures = 0_u32;
    let mut lost = false;
    loop {
        let error = match connect(shared).await {
            Ok(stream) => {
                failures = 0;
                if lost {
                    lost = false;
                    shared.tracker.send(Event::ContainerdBack);
                }
                follow(shared, stream).await
            }
            Err(error) => error,
        };
        if !lost {
            lost = true;
            tracing::warn!(%error, "lost containerd's events");
            shared.tracker.send(Event::ContainerdLost {
                reason: error.to_string(),
            });
        }
        failures = failures.saturating_add(1);
        // Quick at first: a restart of containerd takes a fraction of a second.
        let ceiling = 50_u64 << failures.min(6);
        let pause = rand::rng().random_range(ceiling / 2..=ceiling);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Subscribes, and proves it: containerd answers a subscription only with its first event, so we
/// publish one ourselves until it arrives.
async fn connect(shared: &Shared) -> Result<Streaming<Envelope>> {
    let client = &shared.client;
    client.ensure_namespace().await?;
    let request = client.request(api::SubscribeRequest {
        filters: vec![format!(
            "namespace=={},topic~=\"^/(tasks|warren)/\"",
            client.namespace()
        )],
    });
    let mut events = client.events();
    let hello = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let request = client.request(api::PublishRequest {
                topic: HELLO.into(),
                event: Some(Any {
                    type_url: "containerd.events.NamespaceUpdate".into(),
                    value: NamespaceUpdate {
                        name: client.namespace().into(),
                        ..Default::default()
                    }
                    .encode_to_vec(),
                }),
            });
            if let Err(error) = call("publish", QUICK, client.events().publish(request)).await {
                return error;
            }
        }
    };
    let stream = tokio::select! {
        stream = call("subscribe", QUICK, events.subscribe(request)) => stream?,
        error = hello => return Err(error),
    };
    let daemon = probe::daemon_pid(client.socket());
    *shared.host.lock() = Arc::new(HostFacts::read(daemon));
    // Whatever happened while nobody listened, now that nothing more can be missed.
    reconcile(shared).await?;
    Ok(stream)
}

async fn follow(shared: &Shared, mut stream: Streaming<Envelope>) -> Error {
    loop {
        match stream.message().await {
            Ok(Some(envelope)) => {
                if let Err(error) = handle(shared, envelope).await {
                    return error;
                }
            }
            Ok(None) => return Error::Unavailable("the event stream ended".into()),
            Err(status) => return explain("events", &status),
        }
    }
}

async fn handle(shared: &Shared, envelope: Envelope) -> Result<()> {
    let Some(event) = envelope.event else {
        return Ok(());
    };
    match event.type_url.as_str() {
        "containerd.events.TaskExit" => {
            let Ok(exit) = TaskExit::decode(event.value.as_slice()) else {
                tracing::warn!("an exit event that can't be read");
                return reconcile(shared).await;
            };
            if exit.id == exit.container_id {
                ended(shared, exit).await?;
            }
        }
        "containerd.events.TaskOOM" => {
            if let Ok(oom) = TaskOom::decode(event.value.as_slice()) {
                shared.tracker.oom(&oom.container_id);
            }
        }
        _ => {}
    }
    Ok(())
}

async fn ended(shared: &Shared, event: TaskExit) -> Result<()> {
    let id = event.container_id.as_str();
    let Some(pid) = shared.tracker.pid(id) else {
        return Ok(());
    };
    if pid != event.pid {
        // A dead shim's exit may come without the right pid: see for ourselves.
        return check(shared, id, pid).await;
    }
    let exit = task::exit(shared, id, event.exit_status, event.exited_at);
    shared.tracker.ended(id, pid, Some(exit));
    Ok(())
}

/// Compares every run held to be alive with what containerd says now.
async fn reconcile(shared: &Shared) -> Result<()> {
    for (id, pid) in shared.tracker.known() {
        check(shared, &id, pid).await?;
    }
    Ok(())
}

async fn check(shared: &Shared, id: &str, pid: u32) -> Result<()> {
    match task::process(shared, id).await? {
        None => shared.tracker.ended(id, pid, None),
        Some(process) if process.status() == Status::Stopped => {
            let exit = task::exit(shared, id, process.exit_status, process.exited_at);
            shared.tracker.ended(id, pid, Some(exit));
        }
        Some(_) => {}
    }
    Ok(())
}
