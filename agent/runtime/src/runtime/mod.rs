//! What the agent asks of a container engine. `containerd` is the real one, `fake` serves pure tests.

mod error;
pub mod fake;
pub mod image;
pub mod limits;
pub mod spec;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::SystemTime;

use tokio::sync::broadcast;

pub use error::{Error, HostDirProblem, ImageProblem, Result};
pub use image::{ImageRef, PullPhase, PullPolicy, PullProgress, PullRequest, Pulled, RegistryAuth};
pub use limits::{Limits, Memory, Swap};
pub use spec::{
    BindMount, Console, ContainerId, ContainerSpec, HostFiles, HostMount, Profile, RootFs,
};

/// A boxed future: `async fn` in a trait would not be object safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One container engine on this machine. Cheap to share as `Arc<dyn Runtime>`.
///
/// Every call has a deadline of its own. [`Error::Unavailable`] means that containerd is away for the
/// moment and says nothing about the games: they keep running.
pub trait Runtime: Send + Sync + 'static {
    /// Looks at the engine and at the host. Slow (it runs `nft`); meant for agent start and reports.
    fn probe(&self) -> BoxFuture<'_, Result<Probe>>;

    /// Makes an image present and unpacked. Equal requests running at once share one transfer.
    fn pull(&self, request: PullRequest) -> BoxFuture<'_, Result<Pulled>>;

    /// Whether the image is present and unpacked, without asking any registry. Its digest if so.
    fn image_present<'a>(&'a self, image: &'a ImageRef) -> BoxFuture<'a, Result<Option<String>>>;

    /// Forgets an image; its layers go once nothing else needs them. Absent is success.
    fn remove_image<'a>(&'a self, image: &'a ImageRef) -> BoxFuture<'a, Result<()>>;

    /// Creates the container from a present image and starts it. On failure nothing is left behind.
    /// # Errors
    /// `Conflict` if a container of that id exists; `NotFound` if the image is not present.
    fn create_and_start(&self, spec: ContainerSpec) -> BoxFuture<'_, Result<Running>>;

    /// All containers that carry our label, running or not. Subscribe with [`Runtime::events`] first.
    fn adopt(&self) -> BoxFuture<'_, Result<Vec<Found>>>;

    /// One container of ours, or `None`.
    fn find<'a>(&'a self, id: &'a ContainerId) -> BoxFuture<'a, Result<Option<Found>>>;

    /// Sends a signal to the first process, or to all of them. A process that is gone is success.
    fn kill<'a>(&'a self, id: &'a ContainerId, signal: i32, all: bool)
    -> BoxFuture<'a, Result<()>>;

    /// Removes a container with its task and snapshot, killing what still runs. Absent is success.
    /// Returns how it ended, when that was still known.
    fn delete<'a>(&'a self, id: &'a ContainerId) -> BoxFuture<'a, Result<Option<Exit>>>;

    /// Applies limits to a running container. `nofile` and `shm` need a new start.
    fn update_limits<'a>(
        &'a self,
        id: &'a ContainerId,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<()>>;

    /// Whether the engine's own disk has room for something new.
    /// # Errors
    /// `DiskFull` below the floor.
    fn room(&self) -> BoxFuture<'_, Result<()>>;

    /// Removes all that this node has in the engine: containers, images, its namespace, its cgroups.
    /// For a machine that leaves.
    fn purge(&self) -> BoxFuture<'_, Result<()>>;

    /// What happens from now on. Each container that ran gives exactly one `Exit` or `Gone`, also
    /// when it ended while containerd or the event stream was away.
    fn events(&self) -> Events;
}

/// A task that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Host pid of the first process.
    pub pid: u32,
    /// Start time of that process in clock ticks since boot (`/proc/<pid>/stat`, field 22): with the
    /// pid it names the process beyond reuse of the number. Zero if it ended before we looked.
    pub pid_start_ticks: u64,
    pub started_at: SystemTime,
    /// The run id given in [`ContainerSpec::run`].
    pub run: String,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Exit code of the first process; 128 + n when signal n ended it.
    pub code: u32,
    pub at: SystemTime,
    /// The kernel's memory limit ended it: killed by SIGKILL, and the cgroup counts an OOM kill.
    pub oom: bool,
}

/// A container of ours as found on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub id: ContainerId,
    /// The caller's labels only.
    pub labels: BTreeMap<String, String>,
    pub run: String,
    pub image: String,
    pub created_at: SystemTime,
    pub state: FoundState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundState {
    Running {
        pid: u32,
        pid_start_ticks: u64,
    },
    /// Frozen; the processes exist.
    Paused {
        pid: u32,
    },
    /// Ended, and its exit still waits to be read; [`Runtime::delete`] clears it.
    Stopped(Exit),
    /// A record without a task: created and never started, the machine rebooted, or the shim died.
    NoTask,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Exit {
        id: ContainerId,
        run: String,
        exit: Exit,
    },
    /// The kernel killed something in the container's cgroup; the container itself may live on.
    Oom { id: ContainerId, run: String },
    /// The task vanished without an exit code (its shim was killed). Treat as a crash.
    Gone { id: ContainerId, run: String },
    /// The connection broke. Games run on; calls answer `Unavailable` until `ContainerdBack`.
    ContainerdLost { reason: String },
    /// Connected again; exits that happened meanwhile follow as ordinary events.
    ContainerdBack,
    /// This receiver was too slow and lost that many events: call [`Runtime::adopt`].
    Missed { count: u64 },
}

/// A subscription to [`Event`]s.
pub struct Events {
    inner: broadcast::Receiver<Event>,
}

impl Events {
    /// Events each subscriber may lag behind before it gets [`Event::Missed`].
    pub const CAPACITY: usize = 1024;

    pub(crate) fn new(inner: broadcast::Receiver<Event>) -> Self {
        Self { inner }
    }

    /// The next event; `None` once the runtime is gone.
    pub async fn next(&mut self) -> Option<Event> {
        match self.inner.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(Event::Missed { count }),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// What the machine can do, and what is odd about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// As containerd says, e.g. `1.6.20~ds1`.
    pub containerd_version: String,
    pub snapshotter: String,
    /// Where it keeps the layers; `None` if it does not say.
    pub engine_root: Option<PathBuf>,
    pub runc_version: Option<String>,
    pub kernel: String,
    pub cgroup: CgroupVersion,
    /// v1 or v2 controllers that bite: `cpu`, `cpuset`, `memory`, `pids`, `blkio`/`io`.
    pub controllers: Vec<String>,
    pub openat2: bool,
    pub seccomp: bool,
    pub nft_version: Option<String>,
    pub ip_forward: bool,
    /// CAP_SYS_RESOURCE: without it limits of open files are clamped to our own.
    pub can_raise_rlimits: bool,
    /// This process' hard limit of open files.
    pub nofile_hard: u64,
    pub cpus: u32,
    pub memory_bytes: u64,
    pub swap_bytes: u64,
    pub warnings: Vec<Warning>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupVersion {
    V1,
    V2,
}

/// Something about this machine that a person should know, with a stable name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Stable, e.g. `forward_drop_docker`, `ip_forward_off`, `openat2_missing`.
    pub code: &'static str,
    /// What it means here and what to do.
    pub message: String,
    /// Servers can't run (or not safely) until it is mended.
    pub blocking: bool,
}
