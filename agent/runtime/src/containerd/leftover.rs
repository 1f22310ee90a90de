//! Creating a task where an earlier create left something. An agent or a containerd that is killed in the middle leaves
//! a shim in the making, one that was never given a task, or one that the next containerd does not know. Nothing of
//! the game ran in any of them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use containerd_client::services::v1 as api;
use rustix::mount::UnmountFlags;
use rustix::process::{Pid, Signal};
use tonic::Request;

use super::client::{SLOW, call};
use super::{Shared, task};
use crate::runtime::{ContainerId, Error, Result};

/// How long it may stand in the way.
const PATIENCE: Duration = Duration::from_secs(15);
/// Whatever containerd is still at is over by then.
const SETTLED: Duration = Duration::from_secs(3);
/// Where containerd keeps what belongs to a shim, below its state and below its root.
const BUNDLES: &str = "io.containerd.runtime.v2.task";

/// `tasks.create`, over what is left of an earlier one.
pub async fn create_task(
    shared: &Shared,
    id: &ContainerId,
    request: Request<api::CreateTaskRequest>,
) -> Result<api::CreateTaskResponse> {
    let began = Instant::now();
    let (meta, extensions, body) = request.into_parts();
    loop {
        let request = Request::from_parts(meta.clone(), extensions.clone(), body.clone());
        let error = match call("create", SLOW, shared.client.tasks().create(request)).await {
            Err(error) if is_left(&error) && began.elapsed() < PATIENCE => error,
            other => return other,
        };
        tracing::info!(container = %id, %error, "an earlier start stands in the way and is ended");
        if let Err(error) = task::end_leftover(shared, id.as_str()).await {
            tracing::debug!(container = %id, %error, "it can't be ended yet");
        } else if began.elapsed() > SETTLED
            && let Some(bundle) = bundle(&error, &shared.config.namespace, id.as_str())
        {
            let (namespace, id) = (shared.config.namespace.clone(), id.clone());
            let cleared = tokio::task::spawn_blocking(move || clear(&bundle, &namespace, &id));
            if let Ok(Err(error)) = cleared.await {
                tracing::warn!(%error, "a shim that containerd does not know could not be taken away");
            }
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(100..300))).await;
    }
}

fn is_left(error: &Error) -> bool {
    match error {
        Error::Conflict { .. } => true,
        // The shim's directory, which is there before its task can be asked for, or is just being taken away.
        Error::Refused { detail, .. } => {
            let traces = [
                "file exists",
                "existing socket",
                "no such file or directory",
            ];
            detail.contains("failed to start shim") && traces.iter().any(|t| detail.contains(t))
        }
        _ => false,
    }
}

/// The shim's directory that containerd stumbles over, if it is this container's.
fn bundle(error: &Error, namespace: &str, id: &str) -> Option<PathBuf> {
    let Error::Refused { detail, .. } = error else {
        return None;
    };
    let (_, rest) = detail.split_once("mkdir ")?;
    let (path, _) = rest.split_once(": file exists")?;
    let path = Path::new(path);
    is_bundle(path, namespace, id).then(|| path.to_owned())
}

fn is_bundle(path: &Path, namespace: &str, id: &str) -> bool {
    path.is_absolute() && path.ends_with(Path::new(BUNDLES).join(namespace).join(id))
}

/// Ends the shim of a directory that containerd has no task of, and removes what belongs to it.
fn clear(bundle: &Path, namespace: &str, id: &ContainerId) -> std::io::Result<()> {
    for pid in shims(namespace, id.as_str())? {
        // Gone by itself meanwhile is as good.
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    // No mount in most cases, and then this fails.
    let _ = rustix::mount::unmount(bundle.join("rootfs"), UnmountFlags::DETACH);
    if let Ok(work) = std::fs::read_link(bundle.join("work"))
        && is_bundle(&work, namespace, id.as_str())
    {
        gone(std::fs::remove_dir_all(work))?;
    }
    gone(std::fs::remove_dir_all(bundle))?;
    tracing::warn!(container = %id, "a shim that containerd did not know was taken away");
    Ok(())
}

/// containerd died while it made the two, or while it removed them: either may be missing.
fn gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Shims of this container, by what they were started with.
fn shims(namespace: &str, id: &str) -> std::io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        // It may have ended since.
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let words: Vec<&[u8]> = line.split(|b| *b == 0).collect();
        if is_shim(&words, namespace, id) {
            found.extend(Pid::from_raw(pid));
        }
    }
    Ok(found)
}

fn is_shim(words: &[&[u8]], namespace: &str, id: &str) -> bool {
    let program = words.first().map(|w| Path::new(OsStr::from_bytes(w)));
    let name = program.and_then(Path::file_name);
    let says = |flag: &str, value: &str| {
        let pair = [flag.as_bytes(), value.as_bytes()];
        words.windows(2).any(|two| two == pair)
    };
    name == Some(OsStr::new("containerd-shim-runc-v2"))
        && says("-namespace", namespace)
        && says("-id", id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn refused(detail: &str) -> Error {
        Error::Refused {
            what: "create".into(),
            detail: detail.into(),
        }
    }

    #[test]
    fn only_the_containers_own_directory_is_taken_away() {
        let of = |path: &str| {
            let error = refused(&format!("failed to start shim: mkdir {path}: file exists"));
            assert!(is_left(&error));
            bundle(&error, "warren-x", "game").is_some()
        };
        assert!(of("/run/c/io.containerd.runtime.v2.task/warren-x/game"));
        assert!(!of("/run/c/io.containerd.runtime.v2.task/warren-x/other"));
        assert!(!of("/run/c/io.containerd.runtime.v2.task/other/game"));
        assert!(!of("io.containerd.runtime.v2.task/warren-x/game"));
        assert!(!of("/home/warren-x/game"));
    }

    #[test]
    fn a_directory_of_which_half_is_gone_is_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let of = |place: &str| dir.path().join(place).join(BUNDLES).join("warren-x/game");
        let (bundle, work) = (of("state"), of("root"));
        let id: ContainerId = "game".parse().unwrap();
        for work_is_there in [true, false] {
            std::fs::create_dir_all(&bundle).unwrap();
            std::os::unix::fs::symlink(&work, bundle.join("work")).unwrap();
            if work_is_there {
                std::fs::create_dir_all(&work).unwrap();
            }
            clear(&bundle, "warren-x", &id).unwrap();
            assert!(!bundle.exists() && !work.exists());
        }
    }

    #[test]
    fn other_refusals_are_no_leftover() {
        assert!(!is_left(&refused(
            "exec: \"./game\": no such file or directory"
        )));
        assert!(!is_left(&refused(
            "failed to start shim: permission denied"
        )));
        assert!(is_left(&Error::Conflict {
            what: "create".into()
        }));
    }

    #[test]
    fn a_shim_is_known_by_program_namespace_and_id() {
        let words = |text: &'static str| -> Vec<&'static [u8]> {
            text.split(' ').map(str::as_bytes).collect()
        };
        let shim = words("/usr/bin/containerd-shim-runc-v2 -namespace n -id game -address /run/c");
        assert!(is_shim(&shim, "n", "game"));
        assert!(!is_shim(&shim, "n", "gam") && !is_shim(&shim, "m", "game"));
        let other = words("/bin/sh containerd-shim-runc-v2 -namespace n -id game");
        assert!(!is_shim(&other, "n", "game"));
    }
}
