//! The real engine: containerd by gRPC, core v1 services only (1.6 to 2.x are one code path).

pub(crate) mod client;
mod create;
mod events;
mod host;
mod host_files;
mod leftover;
mod oci;
mod probe;
mod purge;
pub(crate) mod room;
mod seccomp;
pub(crate) mod snapshot;
mod task;
mod track;
mod turns;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::pull::{Local, Puller};
use crate::runtime::{
    BoxFuture, ContainerId, ContainerSpec, Error, Event, Events, Exit, Found, ImageRef, Limits,
    Probe, PullRequest, Pulled, Result, Running, Runtime,
};
use client::{Client, QUICK, call};
use host::HostFacts;
use room::Room;
use track::Tracker;

/// Where containerd is and which names on this machine are ours.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its gRPC socket.
    pub socket: PathBuf,
    /// Unique per Warren on this machine; never `default`, `k8s.io` or `moby`.
    pub namespace: String,
    pub snapshotter: String,
    /// runc's state directory. `None`: containerd's own choice, which several instances share.
    pub runc_root: Option<PathBuf>,
    /// Absolute cgroup path below which containers are put, e.g. `/warren-a1b2`.
    pub cgroup_parent: String,
    /// Registries spoken to over plain http, as `host` or `host:port`. Loopback always is.
    pub insecure_registries: Vec<String>,
    /// PEM files of CAs that registries' certificates may come from, besides those the machine trusts.
    pub registry_ca_files: Vec<PathBuf>,
    /// So many bytes of containerd's disk stay free: below it nothing is pulled or created. 0: no floor.
    pub disk_floor_bytes: u64,
}

impl Config {
    /// Names that all follow from a node's tag (1 to 6 of `[a-z0-9]`).
    /// # Errors
    /// `Invalid` for another tag.
    pub fn tagged(socket: &Path, tag: &str) -> Result<Self> {
        check_tag(tag)?;
        Ok(Self {
            socket: socket.to_owned(),
            namespace: format!("warren-{tag}"),
            snapshotter: "overlayfs".into(),
            runc_root: None,
            cgroup_parent: format!("/warren-{tag}"),
            insecure_registries: Vec::new(),
            registry_ca_files: Vec::new(),
            disk_floor_bytes: 0,
        })
    }
}

/// A node's tag goes into interface names of at most 15 characters.
pub(crate) fn check_tag(tag: &str) -> Result<()> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    if tag.is_empty() || tag.len() > 6 || !tag.bytes().all(plain) {
        return Err(Error::Invalid(format!(
            "tag {tag:?}: 1 to 6 lower-case letters and digits"
        )));
    }
    Ok(())
}

/// Handle to one containerd namespace. The event watcher ends when the last handle is dropped.
#[derive(Clone)]
pub struct Containerd {
    shared: Arc<Shared>,
    puller: Arc<Puller>,
    _watcher: Arc<DropGuard>,
}

pub(crate) struct Shared {
    pub client: Client,
    pub config: Config,
    pub local: Arc<Local>,
    pub room: Arc<Room>,
    pub tracker: Tracker,
    pub turns: turns::Turns,
    pub host: Mutex<Arc<HostFacts>>,
}

impl Shared {
    pub fn host(&self) -> Arc<HostFacts> {
        self.host.lock().clone()
    }

    pub fn cgroup_path(&self, id: &str) -> String {
        format!("{}/{id}", self.config.cgroup_parent)
    }
}

impl Containerd {
    /// Sets up the handle and starts watching events. Does not wait for containerd: calls answer
    /// `Unavailable` until it is there. Must be called within a tokio runtime.
    pub fn new(config: Config) -> Result<Self> {
        let forbidden = ["default", "k8s.io", "moby", ""];
        if forbidden.contains(&config.namespace.as_str()) {
            let text = format!(
                "containerd namespace {:?} belongs to others",
                config.namespace
            );
            return Err(Error::Invalid(text));
        }
        let parent = &config.cgroup_parent;
        if !parent.starts_with('/') || parent.len() < 2 || parent.contains("..") {
            return Err(Error::Invalid(format!("cgroup parent {parent:?}")));
        }
        let client = Client::new(&config.socket, &config.namespace, &config.snapshotter)?;
        let local = Arc::new(Local::new(client.clone()));
        let insecure = config.insecure_registries.clone();
        let cas = &config.registry_ca_files;
        let room = Arc::new(Room::new(client.clone(), config.disk_floor_bytes));
        let puller = Puller::new(client.clone(), local.clone(), room.clone(), insecure, cas)?;
        let (sender, _) = broadcast::channel(Events::CAPACITY);
        let shared = Arc::new(Shared {
            client,
            config,
            local,
            room,
            tracker: Tracker::new(sender),
            turns: turns::Turns::default(),
            host: Mutex::new(Arc::new(HostFacts::read(None))),
        });
        let stop = CancellationToken::new();
        tokio::spawn(events::watch(shared.clone(), stop.clone()));
        Ok(Self {
            shared,
            puller: Arc::new(puller),
            _watcher: Arc::new(stop.drop_guard()),
        })
    }

    async fn remove_image_now(&self, image: &ImageRef) -> Result<()> {
        let client = &self.shared.client;
        let request = client.request(containerd_client::services::v1::DeleteImageRequest {
            name: image.to_string(),
            sync: false,
            target: None,
        });
        match call("remove an image", QUICK, client.images().delete(request)).await {
            Err(Error::NotFound { .. }) => Ok(()),
            other => other.map(drop),
        }
    }
}

impl Runtime for Containerd {
    fn probe(&self) -> BoxFuture<'_, Result<Probe>> {
        Box::pin(probe::probe(&self.shared))
    }

    fn pull(&self, request: PullRequest) -> BoxFuture<'_, Result<Pulled>> {
        Box::pin(self.puller.pull(request))
    }

    fn image_present<'a>(&'a self, image: &'a ImageRef) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move {
            let found = self.shared.local.find(image).await?;
            Ok(found.map(|image| image.digest.clone()))
        })
    }

    fn remove_image<'a>(&'a self, image: &'a ImageRef) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.remove_image_now(image))
    }

    fn create_and_start(&self, spec: ContainerSpec) -> BoxFuture<'_, Result<Running>> {
        Box::pin(create::create_and_start(&self.shared, spec))
    }

    fn adopt(&self) -> BoxFuture<'_, Result<Vec<Found>>> {
        Box::pin(task::list(&self.shared))
    }

    fn find<'a>(&'a self, id: &'a ContainerId) -> BoxFuture<'a, Result<Option<Found>>> {
        Box::pin(task::find(&self.shared, id))
    }

    fn kill<'a>(
        &'a self,
        id: &'a ContainerId,
        signal: i32,
        all: bool,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(task::kill(&self.shared, id, signal, all))
    }

    fn delete<'a>(&'a self, id: &'a ContainerId) -> BoxFuture<'a, Result<Option<Exit>>> {
        Box::pin(task::delete(&self.shared, id.as_str()))
    }

    fn update_limits<'a>(
        &'a self,
        id: &'a ContainerId,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(task::update_limits(&self.shared, id, limits))
    }

    fn room(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.shared.room.check("containers", 0))
    }

    fn purge(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(purge::purge(&self.shared))
    }

    fn events(&self) -> Events {
        Events::new(self.shared.tracker.subscribe())
    }
}

/// Sends an event on behalf of the watcher.
pub(crate) type Sender = broadcast::Sender<Event>;
