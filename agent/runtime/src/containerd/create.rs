//! From a spec to a running process.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use containerd_client::services::v1 as api;
use prost::Message as _;
use prost_types::Any;

use super::client::{QUICK, SLOW, call};
use super::{Shared, host_files, leftover, oci, snapshot, task};
use crate::host_dir;
use crate::pull::LocalImage;
use crate::runtime::{BindMount, Console, ContainerSpec, Error, Result, Running};

const RUNTIME: &str = "io.containerd.runc.v2";
const SPEC_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
const OPTIONS_TYPE: &str = "containerd.runc.v1.Options";

/// Labels of ours on every container; the caller's may not begin so.
pub const OURS: &str = "warren.runtime/";
pub const LABEL_RUN: &str = "warren.runtime/run";
pub const LABEL_FILES: &str = "warren.runtime/host-files";

/// Wide enough that games do not wrap lines.
const COLUMNS: u32 = 500;
const ROWS: u32 = 50;

/// runc's options, which containerd-client does not carry.
#[derive(Clone, PartialEq, prost::Message)]
struct RuncOptions {
    #[prost(uint32, tag = "4")]
    io_uid: u32,
    #[prost(uint32, tag = "5")]
    io_gid: u32,
    #[prost(string, tag = "7")]
    root: String,
}

pub async fn create_and_start(shared: &Arc<Shared>, spec: ContainerSpec) -> Result<Running> {
    let image = shared.local.find(&spec.image).await?;
    let image = image.ok_or_else(|| Error::NotFound {
        what: format!("image {}", spec.image),
    })?;
    check(&spec)?;
    if !spec.host_dirs.is_empty() {
        let dirs = spec.host_dirs.clone();
        blocking(move || dirs.iter().try_for_each(|mount| mount.dir.is_still_there())).await?;
    }
    shared.room.check(&format!("start {}", spec.id), 0).await?;
    let turn = shared.turns.of(spec.id.as_str()).await;
    let generated = match spec.host_files.clone() {
        Some(files) => {
            let spec = spec.clone();
            blocking(move || host_files::write(&spec, &files)).await?
        }
        None => Vec::new(),
    };
    // In a task of its own, so that a caller who gives up half way leaves nothing half made.
    let shared = shared.clone();
    let started = tokio::spawn(async move {
        let _turn = turn;
        let made = create_record(&shared, &spec, &image, &generated).await;
        // Without an answer it may have been made all the same.
        let may_be_there = made.as_ref().err().is_none_or(Error::retryable);
        let outcome = match made {
            Ok(()) => start(&shared, &spec, &image).await,
            Err(error) => Err(error),
        };
        if outcome.is_err() && may_be_there {
            undo(shared, spec).await;
        }
        outcome
    });
    started.await.map_err(|e| Error::Refused {
        what: "start".into(),
        detail: e.to_string(),
    })?
}

/// How often and how long a failed start is tried to be taken back while containerd is away.
const UNDO_TRIES: u32 = 60;
const UNDO_PAUSE: Duration = Duration::from_secs(1);

/// Takes a failed start back. While containerd is away that goes on behind the caller's back; the run
/// stays known, so that its end is told if it did start after all.
async fn undo(shared: Arc<Shared>, spec: ContainerSpec) {
    match task::delete_run(&shared, spec.id.as_str(), &spec.run).await {
        Ok(()) => return shared.tracker.never_ran(spec.id.as_str()),
        Err(error) => tracing::warn!(container = %spec.id, %error, "a failed start stays for now"),
    }
    tokio::spawn(async move {
        for _ in 0..UNDO_TRIES {
            tokio::time::sleep(UNDO_PAUSE).await;
            let _turn = shared.turns.of(spec.id.as_str()).await;
            match task::delete_run(&shared, spec.id.as_str(), &spec.run).await {
                Ok(()) => return,
                Err(error) => tracing::debug!(container = %spec.id, %error, "still there"),
            }
        }
        tracing::error!(container = %spec.id, "a failed start could not be cleaned up");
    });
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::Refused {
        what: "file work".into(),
        detail: e.to_string(),
    })?
}

fn check(spec: &ContainerSpec) -> Result<()> {
    for (key, value) in &spec.labels {
        if key.starts_with(OURS) || key.is_empty() || key.len() + value.len() > 4096 {
            return Err(Error::Invalid(format!("label {key:?}")));
        }
    }
    let console = &spec.console;
    let spools = [Some(&console.stdout), console.stderr.as_ref()];
    for spool in spools.into_iter().flatten() {
        // A missing file makes the shim fail late and unclearly; a FIFO would block the game.
        if !spool.is_file() {
            let text = format!("console file {} is missing", spool.display());
            return Err(Error::Invalid(text));
        }
    }
    if console.tty && console.stderr.is_some() {
        return Err(Error::Invalid("a terminal has no separate stderr".into()));
    }
    for bind in &spec.mounts {
        if !bind.source.exists() {
            let text = format!("mount source {} is missing", bind.source.display());
            return Err(Error::Invalid(text));
        }
    }
    Ok(())
}

/// The record goes first: it names the snapshot, which is thereby safe from collection the moment it
/// is made. No lease is needed, and two commits to containerd's database are saved per start.
async fn create_record(
    shared: &Shared,
    spec: &ContainerSpec,
    image: &LocalImage,
    generated: &[BindMount],
) -> Result<()> {
    let (client, id) = (&shared.client, spec.id.to_string());
    let cgroup = shared.cgroup_path(&id);
    let document = oci::document(spec, image, generated, &cgroup, &shared.host())?;
    let mut labels: HashMap<String, String> = spec.labels.clone().into_iter().collect();
    labels.insert(LABEL_RUN.into(), spec.run.clone());
    if let Some(files) = &spec.host_files {
        labels.insert(LABEL_FILES.into(), files.dir.display().to_string());
    }
    let container = api::Container {
        id: id.clone(),
        labels,
        image: spec.image.to_string(),
        runtime: Some(api::container::Runtime {
            name: RUNTIME.into(),
            options: Some(options(shared, spec)),
        }),
        spec: Some(Any {
            type_url: SPEC_TYPE.into(),
            value: document.to_string().into_bytes(),
        }),
        snapshotter: client.snapshotter.clone(),
        snapshot_key: id,
        ..Default::default()
    };
    let request = client.request(api::CreateContainerRequest {
        container: Some(container),
    });
    let what = format!("container {}", spec.id);
    call(&what, QUICK, client.containers().create(request)).await?;
    Ok(())
}

fn options(shared: &Shared, spec: &ContainerSpec) -> Any {
    let root = shared.config.runc_root.as_deref().map(Path::display);
    let options = RuncOptions {
        // Without a terminal, pipes must belong to the game: it may open /dev/stdout again.
        io_uid: spec.uid,
        io_gid: spec.gid,
        root: root.map(|r| r.to_string()).unwrap_or_default(),
    };
    Any {
        type_url: OPTIONS_TYPE.into(),
        value: options.encode_to_vec(),
    }
}

async fn start(shared: &Shared, spec: &ContainerSpec, image: &LocalImage) -> Result<Running> {
    let (client, id) = (&shared.client, spec.id.to_string());
    let what = "prepare the root filesystem";
    let rootfs = match snapshot::prepare(client, what, &id, &image.top, None).await {
        // Left over from a container whose record was removed by hand.
        Err(Error::Conflict { .. }) => {
            task::remove_snapshot(shared, &id).await?;
            snapshot::prepare(client, what, &id, &image.top, None).await?
        }
        other => other?,
    };
    let (stdin, stdout, stderr) = stdio(&spec.console);
    let request = client.request(api::CreateTaskRequest {
        container_id: id.clone(),
        rootfs,
        stdin,
        stdout,
        stderr,
        terminal: spec.console.tty,
        options: Some(options(shared, spec)),
        ..Default::default()
    });
    let created = leftover::create_task(shared, &spec.id, request)
        .await
        .map_err(plain)?;
    if !spec.host_dirs.is_empty() {
        // All is mounted by now, and nothing of the image or the game has run yet.
        let (pid, dirs) = (created.pid, spec.host_dirs.clone());
        blocking(move || host_dir::verify(pid, &dirs)).await?;
    }
    // Known before it runs: a process that exits at once must not be missed.
    shared.tracker.alive(&spec.id, &spec.run, created.pid);
    if spec.console.tty {
        resize(shared, &id).await;
    }
    let request = client.request(api::StartRequest {
        container_id: id,
        exec_id: String::new(),
    });
    call("start", SLOW, client.tasks().start(request))
        .await
        .map_err(plain)?;
    Ok(Running {
        pid: created.pid,
        pid_start_ticks: task::start_ticks(created.pid),
        started_at: std::time::SystemTime::now(),
        run: spec.run.clone(),
    })
}

fn stdio(console: &Console) -> (String, String, String) {
    let text = |path: &Path| path.display().to_string();
    let stdin = console.stdin.as_deref().map(text).unwrap_or_default();
    let stdout = text(&console.stdout);
    let stderr = match (console.tty, &console.stderr) {
        (true, _) => String::new(),
        (false, Some(stderr)) => text(stderr),
        (false, None) => stdout.clone(),
    };
    (stdin, stdout, stderr)
}

async fn resize(shared: &Shared, id: &str) {
    let client = &shared.client;
    let request = client.request(api::ResizePtyRequest {
        container_id: id.to_owned(),
        exec_id: String::new(),
        width: COLUMNS,
        height: ROWS,
    });
    if let Err(error) = call("resize", QUICK, client.tasks().resize_pty(request)).await {
        // Lines wrap at 80 columns then; no reason not to start.
        tracing::warn!(container = id, %error, "could not widen the terminal");
    }
}

/// runc says what happened at the end of a long chain of prefixes.
fn plain(error: Error) -> Error {
    let Error::Refused { what, detail } = error else {
        return error;
    };
    let prefixes = [
        "failed to create shim task: ",
        "OCI runtime create failed: ",
        "OCI runtime start failed: ",
        "runc create failed: ",
        "unable to start container process: ",
    ];
    let mut rest = detail.as_str();
    for prefix in prefixes {
        rest = rest.split_once(prefix).map_or(rest, |(_, after)| after);
    }
    let rest = rest.strip_suffix(": unknown").unwrap_or(rest).to_owned();
    Error::Refused { what, detail: rest }
}
