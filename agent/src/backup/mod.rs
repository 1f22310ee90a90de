//! Backups of servers: snapshots in restic repositories, made, brought back and forgotten by a worker process that is
//! shut in with the files, on a store that only the agent speaks to.

mod cgroup;
mod frame;
mod hooks;
mod process;
mod store;
mod switch;
pub mod work;
pub mod worker;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use warren_proto::ids::JobId;
use warren_proto::wire;

use crate::server::deps::Deps;
use crate::server::start::Failure;
use frame::{Report, Task, What};
use process::Worker;
use store::Store;

/// Directories of snapshots that are listed at once: each opens a repository.
static LISTS: Semaphore = Semaphore::const_new(2);
const MOST_ENTRIES: usize = 1000;
/// Whoever lists needs no file of anybody.
const NOBODY: u32 = 65_534;

/// Lists a directory of a snapshot.
/// # Errors
/// With a code for control.
pub async fn list(
    deps: &Arc<Deps>,
    ask: wire::SnapshotList,
) -> Result<wire::SnapshotEntries, wire::Failure> {
    let busy = || {
        refuse(
            Failure::new("busy", "other backups are being looked into"),
            true,
        )
    };
    let _place = LISTS.try_acquire().map_err(|_| busy())?;
    let entries = listed(deps, ask).await;
    entries.map_err(|f| refuse(f, false))
}

async fn listed(
    deps: &Arc<Deps>,
    ask: wire::SnapshotList,
) -> Result<wire::SnapshotEntries, Failure> {
    let repository = ask.repository.unwrap_or_default();
    // It needs no file of the server, and sees none.
    let dir = deps.settings.run_dir.join("empty");
    std::fs::create_dir_all(&dir)?;
    let worker = Worker {
        exe: deps.settings.worker_exe.clone(),
        dir: handle(&dir)?,
        uid: NOBODY,
        write: false,
        cgroup: cgroup::Cgroup::make(&deps.settings.cgroup_parent, JobId::new()),
        store: Arc::new(Store::open(&repository, &deps.settings)?),
        cancel: CancellationToken::new(),
        progress: Arc::new(|_| {}),
    };
    let limit = match ask.limit as usize {
        0 => MOST_ENTRIES,
        n => n.min(MOST_ENTRIES),
    };
    let task = Task {
        password: repository.password,
        what: What::List {
            snapshot: ask.snapshot,
            path: ask.path,
            after: ask.after,
            limit,
        },
    };
    match worker.run(task).await? {
        Report::Listing { entries, next } => Ok(wire::SnapshotEntries {
            entries: entries
                .into_iter()
                .map(|e| wire::SnapshotEntry {
                    name: e.name,
                    kind: e.kind,
                    size_bytes: e.size_bytes,
                    modified_at_ms: e.modified_at_ms,
                })
                .collect(),
            next,
        }),
        _ => Err(strange()),
    }
}

/// Tries a store from here.
/// # Errors
/// What does not work, in words.
pub async fn probe(deps: &Arc<Deps>, ask: wire::StoreProbe) -> Result<(), wire::Failure> {
    let repository = ask.repository.unwrap_or_default();
    let store = Store::open(&repository, &deps.settings).map_err(|f| refuse(f, false))?;
    store.probe().await.map_err(|f| refuse(f, false))
}

fn handle(dir: &Path) -> Result<OwnedFd, Failure> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(dir, flags, Mode::empty());
    opened.map_err(|e| Failure::new("files", format!("open {}: {e}", dir.display())))
}

fn strange() -> Failure {
    Failure::new(
        "worker_strange",
        "the backup worker answered something else",
    )
}

fn refuse(f: Failure, retryable: bool) -> wire::Failure {
    wire::Failure {
        code: f.code,
        message: f.detail,
        retryable,
    }
}
