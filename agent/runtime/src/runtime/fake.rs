//! An engine in memory, for tests of what stands above. Tests turn the games: [`Fake::exit`],
//! [`Fake::print`]. It writes consoles into the real spool file and reads stdin from nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::*;

/// Cheap handle; clones share the same machine, so a "restarted agent" keeps its clone.
#[derive(Clone)]
pub struct Fake {
    inner: Arc<Mutex<Inner>>,
    events: broadcast::Sender<Event>,
}

struct Inner {
    images: BTreeSet<String>,
    registry: HashMap<String, std::result::Result<(), ImageProblem>>,
    containers: BTreeMap<String, Container>,
    next_pid: u32,
    lost: Option<String>,
    fail_start: HashMap<String, String>,
    calls: Vec<String>,
}

struct Container {
    spec: ContainerSpec,
    created_at: SystemTime,
    state: FoundState,
    signals: Vec<i32>,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    pub fn new() -> Self {
        let (events, _) = broadcast::channel(Events::CAPACITY);
        let inner = Inner {
            images: BTreeSet::new(),
            registry: HashMap::new(),
            containers: BTreeMap::new(),
            next_pid: 1000,
            lost: None,
            fail_start: HashMap::new(),
            calls: Vec::new(),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            events,
        }
    }

    /// Puts an image into the fake registry.
    pub fn offer(&self, image: &str) {
        self.registry(image, Ok(()));
    }

    /// The registry answers this for the image.
    pub fn registry(&self, image: &str, answer: std::result::Result<(), ImageProblem>) {
        self.inner.lock().registry.insert(full(image), answer);
    }

    /// Starting that container will fail with this text.
    pub fn fail_start(&self, id: &str, detail: &str) {
        self.inner
            .lock()
            .fail_start
            .insert(id.to_owned(), detail.to_owned());
    }

    /// The game ends by itself.
    pub fn exit(&self, id: &str, code: u32, oom: bool) {
        let exit = Exit {
            code,
            at: SystemTime::now(),
            oom,
        };
        let mut inner = self.inner.lock();
        let Some(container) = inner.containers.get_mut(id) else {
            return;
        };
        if !matches!(container.state, FoundState::Running { .. }) {
            return;
        }
        container.state = FoundState::Stopped(exit.clone());
        let (id, run) = (container.spec.id.clone(), container.spec.run.clone());
        drop(inner);
        self.send(Event::Exit { id, run, exit });
    }

    /// The machine restarts: all tasks are gone, and nobody was there to be told.
    pub fn reboot(&self) {
        for container in self.inner.lock().containers.values_mut() {
            container.state = FoundState::NoTask;
        }
    }

    /// The shim was killed: the task is gone and nobody knows how it ended.
    pub fn vanish(&self, id: &str) {
        let mut inner = self.inner.lock();
        let Some(container) = inner.containers.get_mut(id) else {
            return;
        };
        container.state = FoundState::NoTask;
        let (id, run) = (container.spec.id.clone(), container.spec.run.clone());
        drop(inner);
        self.send(Event::Gone { id, run });
    }

    /// The game prints: bytes go to the end of its spool file.
    pub fn print(&self, id: &str, bytes: &[u8]) -> std::io::Result<()> {
        let path = match self.inner.lock().containers.get(id) {
            Some(container) => container.spec.console.stdout.clone(),
            None => return Err(std::io::ErrorKind::NotFound.into()),
        };
        std::fs::OpenOptions::new()
            .append(true)
            .open(path)?
            .write_all(bytes)
    }

    /// containerd goes away (`Some(reason)`) or comes back (`None`).
    pub fn containerd(&self, lost: Option<&str>) {
        self.inner.lock().lost = lost.map(str::to_owned);
        self.send(match lost {
            Some(reason) => Event::ContainerdLost {
                reason: reason.to_owned(),
            },
            None => Event::ContainerdBack,
        });
    }

    /// Signals that a container got so far.
    pub fn signals(&self, id: &str) -> Vec<i32> {
        self.inner
            .lock()
            .containers
            .get(id)
            .map(|c| c.signals.clone())
            .unwrap_or_default()
    }

    /// The spec a container was made from.
    pub fn spec(&self, id: &str) -> Option<ContainerSpec> {
        self.inner.lock().containers.get(id).map(|c| c.spec.clone())
    }

    /// Calls so far, as `verb id`.
    pub fn calls(&self) -> Vec<String> {
        self.inner.lock().calls.clone()
    }

    fn send(&self, event: Event) {
        // Nobody listening is fine: a broadcast without receivers drops by design.
        let _ = self.events.send(event);
    }

    fn call<T>(&self, what: String, act: impl FnOnce(&mut Inner) -> Result<T>) -> Result<T> {
        let mut inner = self.inner.lock();
        inner.calls.push(what);
        match &inner.lost {
            Some(reason) => Err(Error::Unavailable(reason.clone())),
            None => act(&mut inner),
        }
    }

    fn signal(&self, id: &ContainerId, signal: i32) -> Result<bool> {
        self.call(format!("kill {id} {signal}"), |inner| {
            let Some(container) = inner.containers.get_mut(id.as_str()) else {
                return Err(Error::NotFound {
                    what: format!("container {id}"),
                });
            };
            container.signals.push(signal);
            Ok(signal == 9 && matches!(container.state, FoundState::Running { .. }))
        })
    }
}

fn full(image: &str) -> String {
    match image.parse::<ImageRef>() {
        Ok(parsed) => parsed.to_string(),
        Err(_) => image.to_owned(),
    }
}

fn found(container: &Container) -> Found {
    Found {
        id: container.spec.id.clone(),
        labels: container.spec.labels.clone(),
        run: container.spec.run.clone(),
        image: container.spec.image.to_string(),
        created_at: container.created_at,
        state: container.state.clone(),
    }
}

fn digest(image: &str) -> String {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(image)))
}

fn start(inner: &mut Inner, spec: ContainerSpec) -> Result<Running> {
    let id = spec.id.to_string();
    if inner.containers.contains_key(&id) {
        return Err(Error::Conflict {
            what: format!("container {id}"),
        });
    }
    if !inner.images.contains(&spec.image.to_string()) {
        return Err(Error::NotFound {
            what: format!("image {}", spec.image),
        });
    }
    if let Some(detail) = inner.fail_start.get(&id) {
        return Err(Error::Refused {
            what: format!("start {id}"),
            detail: detail.clone(),
        });
    }
    inner.next_pid += 1;
    let (pid, now) = (inner.next_pid, SystemTime::now());
    let running = Running {
        pid,
        pid_start_ticks: u64::from(pid),
        started_at: now,
        run: spec.run.clone(),
    };
    let state = FoundState::Running {
        pid,
        pid_start_ticks: u64::from(pid),
    };
    let container = Container {
        spec,
        created_at: now,
        state,
        signals: Vec::new(),
    };
    inner.containers.insert(id, container);
    Ok(running)
}

fn pull(inner: &mut Inner, request: &PullRequest) -> Result<Pulled> {
    let name = request.image.to_string();
    let here = inner.images.contains(&name);
    let mut stale_because = None;
    let ask = match request.policy {
        PullPolicy::Always => true,
        PullPolicy::IfMissing => !here,
        PullPolicy::Never if here => false,
        PullPolicy::Never => return Err(Error::image(name, ImageProblem::Absent)),
    };
    if ask {
        let missing = Err(ImageProblem::NotFound("no such image".into()));
        match inner.registry.get(&name).cloned().unwrap_or(missing) {
            Ok(()) => {
                inner.images.insert(name.clone());
            }
            Err(problem @ ImageProblem::Unreachable(_)) if here => {
                stale_because = Some(problem.to_string());
            }
            Err(problem) => return Err(Error::image(name, problem)),
        }
    }
    if let Some(progress) = &request.progress {
        progress.send_modify(|p| p.phase = PullPhase::Done);
    }
    Ok(Pulled {
        image: request.image.clone(),
        digest: digest(&name),
        fetched_bytes: 0,
        stale_because,
    })
}

impl Runtime for Fake {
    fn probe(&self) -> BoxFuture<'_, Result<Probe>> {
        Box::pin(async {
            self.call("probe".into(), |_| {
                Ok(Probe {
                    containerd_version: "fake".into(),
                    snapshotter: "fake".into(),
                    engine_root: None,
                    runc_version: None,
                    kernel: "fake".into(),
                    cgroup: CgroupVersion::V1,
                    controllers: Vec::new(),
                    openat2: true,
                    seccomp: true,
                    nft_version: None,
                    ip_forward: true,
                    can_raise_rlimits: false,
                    nofile_hard: 20_000,
                    cpus: 2,
                    memory_bytes: 8 << 30,
                    swap_bytes: 0,
                    warnings: Vec::new(),
                })
            })
        })
    }

    fn pull(&self, request: PullRequest) -> BoxFuture<'_, Result<Pulled>> {
        Box::pin(async move {
            if request.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            self.call(format!("pull {}", request.image), |inner| {
                pull(inner, &request)
            })
        })
    }

    fn image_present<'a>(&'a self, image: &'a ImageRef) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move {
            self.call(format!("image_present {image}"), |inner| {
                let name = image.to_string();
                Ok(inner.images.contains(&name).then(|| digest(&name)))
            })
        })
    }

    fn remove_image<'a>(&'a self, image: &'a ImageRef) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.call(format!("remove_image {image}"), |inner| {
                inner.images.remove(&image.to_string());
                Ok(())
            })
        })
    }

    fn create_and_start(&self, spec: ContainerSpec) -> BoxFuture<'_, Result<Running>> {
        Box::pin(async move { self.call(format!("start {}", spec.id), |inner| start(inner, spec)) })
    }

    fn adopt(&self) -> BoxFuture<'_, Result<Vec<Found>>> {
        Box::pin(async {
            self.call("adopt".into(), |inner| {
                Ok(inner.containers.values().map(found).collect())
            })
        })
    }

    fn find<'a>(&'a self, id: &'a ContainerId) -> BoxFuture<'a, Result<Option<Found>>> {
        Box::pin(async move {
            self.call(format!("find {id}"), |inner| {
                Ok(inner.containers.get(id.as_str()).map(found))
            })
        })
    }

    fn kill<'a>(
        &'a self,
        id: &'a ContainerId,
        signal: i32,
        _all: bool,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.signal(id, signal)? {
                self.exit(id.as_str(), 137, false);
            }
            Ok(())
        })
    }

    fn delete<'a>(&'a self, id: &'a ContainerId) -> BoxFuture<'a, Result<Option<Exit>>> {
        Box::pin(async move {
            let known = self.call(format!("delete {id}"), |inner| {
                Ok(inner.containers.contains_key(id.as_str()))
            })?;
            if !known {
                return Ok(None);
            }
            self.exit(id.as_str(), 137, false);
            let gone = self.inner.lock().containers.remove(id.as_str());
            Ok(match gone.map(|c| c.state) {
                Some(FoundState::Stopped(exit)) => Some(exit),
                _ => None,
            })
        })
    }

    fn update_limits<'a>(
        &'a self,
        id: &'a ContainerId,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.call(format!("update_limits {id}"), |inner| {
                let container = inner.containers.get_mut(id.as_str());
                let container = container.ok_or_else(|| Error::NotFound {
                    what: format!("container {id}"),
                })?;
                container.spec.limits = limits.clone();
                Ok(())
            })
        })
    }

    fn room(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn purge(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.call("purge".into(), |inner| {
                inner.containers.clear();
                inner.images.clear();
                Ok(())
            })
        })
    }

    fn events(&self) -> Events {
        Events::new(self.events.subscribe())
    }
}
