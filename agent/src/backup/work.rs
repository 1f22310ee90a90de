//! Backup, restore and forget as jobs.

use std::sync::Arc;

use serde_json::json;
use warren_proto::ids::ServerId;
use warren_proto::wire;
use warren_proto::wire::job_ended::Made;

use super::cgroup::Cgroup;
use super::frame::{Report, Task, What};
use super::process::Worker;
use super::store::Store;
use super::switch::{Open, Switch};
use super::{handle, hooks, strange};
use crate::job::{At, Doing, Done, Figures, Work, cancelled, interrupted};
use crate::server::deps::Settings;
use crate::server::start::{self, Failure, blocking};

/// Lines of ignore rules that a job may bring.
const MOST_RULES: usize = 1000;

impl Work for wire::BackupWork {
    fn run(self: Box<Self>, at: At) -> Doing {
        Box::pin(async move { backup(*self, at).await })
    }
}

impl Work for wire::RestoreWork {
    fn run(self: Box<Self>, at: At) -> Doing {
        Box::pin(async move { restore(*self, at).await })
    }
}

impl Work for wire::ForgetWork {
    fn run(self: Box<Self>, at: At) -> Doing {
        Box::pin(async move { forget(*self, at).await })
    }
}

fn worker(
    at: &At,
    dir: &std::path::Path,
    write: bool,
    store: &Arc<Store>,
) -> Result<Worker, Failure> {
    Ok(Worker {
        exe: at.deps.settings.worker_exe.clone(),
        dir: handle(dir)?,
        uid: start::uid_of(&at.deps, at.server)?,
        write,
        cgroup: Cgroup::make(&at.deps.settings.cgroup_parent, at.job),
        store: store.clone(),
        cancel: at.cancel.clone(),
        progress: at.progress.clone(),
    })
}

/// Unless somebody ends the job first.
async fn unless_cancelled<T>(
    at: &At,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        () = at.cancel.cancelled() => Err(cancelled()),
    }
}

async fn backup(work: wire::BackupWork, at: At) -> Done {
    let repository = work.repository.unwrap_or_default();
    let store = Arc::new(Store::open(&repository, &at.deps.settings)?);
    let root = at.deps.settings.files_of(at.server);
    let worker = worker(&at, &root, false, &store)?;
    (at.progress)(Figures::step("looking at the store"));
    let before = unless_cancelled(&at, store.size()).await?;
    let task = Task {
        password: repository.password,
        what: What::Backup {
            host: at.server.to_string(),
            tag: work.backup,
            ignore: work.ignore.into_iter().take(MOST_RULES).collect(),
        },
    };
    let asked = hooks::before(&at, &work.hooks.unwrap_or_default()).await;
    let made = match asked {
        Ok(()) => worker.run(task).await,
        Err(failure) => Err(failure),
    };
    // However it went: a game that was told to keep its files still must not stay so.
    hooks::after(&at).await;
    let Report::Made {
        snapshot,
        total_bytes,
        files,
        skipped,
        warnings,
    } = made?
    else {
        return Err(strange());
    };
    // The snapshot is there; that its store can't be counted now changes nothing.
    let after = store.size().await.unwrap_or(before);
    Ok(Some(Made::Backup(wire::BackupMade {
        snapshot,
        total_bytes,
        added_bytes: after.saturating_sub(before),
        files,
        skipped,
        warnings,
        repository_bytes: after,
    })))
}

async fn forget(work: wire::ForgetWork, at: At) -> Done {
    let repository = work.repository.unwrap_or_default();
    let store = Arc::new(Store::open(&repository, &at.deps.settings)?);
    let dir = at.deps.settings.run_dir.join("empty");
    std::fs::create_dir_all(&dir)?;
    let task = Task {
        password: repository.password,
        what: What::Forget {
            snapshots: work.snapshots,
            prune: work.prune,
        },
    };
    match worker(&at, &dir, false, &store)?.run(task).await? {
        Report::Forgotten => {}
        _ => return Err(strange()),
    }
    let repository_bytes = store.size().await.unwrap_or_default();
    Ok(Some(Made::Forgotten(wire::Forgotten { repository_bytes })))
}

/// Where files of a restore are staged: beside the servers' directories, on their disk.
fn stage_of(settings: &Settings, server: ServerId) -> std::path::PathBuf {
    settings.restore_dir.join(server.to_string())
}

async fn restore(work: wire::RestoreWork, at: At) -> Done {
    let repository = work.repository.unwrap_or_default();
    let store = Arc::new(Store::open(&repository, &at.deps.settings)?);
    let settings = &at.deps.settings;
    let (root, stage) = (settings.files_of(at.server), stage_of(settings, at.server));
    let uid = start::uid_of(&at.deps, at.server)?;
    let paths = work.paths.clone();
    let (to, from) = (root.clone(), stage.clone());
    let switch = blocking(move || {
        start::ensure_root(&to, uid)?;
        Ok(Switch::stage(&to, &from, &paths, uid)?)
    })
    .await?;
    let staged = stage_files(
        &at,
        &repository.password,
        &work.snapshot,
        &switch,
        &store,
        uid,
    )
    .await;
    let open = match staged {
        Ok(()) => opened(switch.clone()).await,
        Err(failure) => Err(failure),
    };
    let open = match open {
        Ok(open) => open,
        Err(failure) => {
            tidy(&switch).await;
            return Err(failure);
        }
    };
    // From here on there is no way back but through.
    let note = json!({ "switch": switch });
    if let Err(e) = at.note.write(note).await {
        tidy(&switch).await;
        return Err(Failure::new("disk", e));
    }
    (at.progress)(Figures::step("putting the files in place"));
    switched(open).await
}

async fn stage_files(
    at: &At,
    password: &str,
    snapshot: &str,
    switch: &Switch,
    store: &Arc<Store>,
    uid: u32,
) -> Result<(), Failure> {
    let worker = worker(at, &switch.new_dir(), true, store)?;
    let task = Task {
        password: password.to_owned(),
        what: What::Restore {
            snapshot: snapshot.to_owned(),
            paths: switch.paths.clone(),
        },
    };
    match worker.run(task).await? {
        Report::Restored { warnings, .. } => {
            for warning in warnings {
                at.deps.consoles.say(at.server, &warning);
            }
        }
        _ => return Err(strange()),
    }
    let ready = switch.clone();
    blocking(move || ready.prepare(uid).map_err(|e| blocked(&e))).await?;
    match at.cancel.is_cancelled() {
        true => Err(cancelled()),
        false => Ok(()),
    }
}

fn blocked(e: &std::io::Error) -> Failure {
    let text = format!("the files can't be put in place: {e}");
    Failure::new("path_blocked", text)
}

async fn opened(switch: Switch) -> Result<Open, Failure> {
    blocking(move || switch.open().map_err(|e| blocked(&e))).await
}

async fn switched(open: Open) -> Done {
    let switch = open.switch.clone();
    blocking(move || {
        while open.step()? {}
        Ok(())
    })
    .await?;
    tidy(&switch).await;
    Ok(None)
}

async fn tidy(switch: &Switch) {
    let switch = switch.clone();
    let cleared = blocking(move || Ok(switch.clear()?)).await;
    if let Err(e) = cleared {
        // The next restore of this server begins by removing it.
        tracing::warn!("what a restore has left can't be removed: {}", e.detail);
    }
}

/// Ends what an earlier process has left: a switch that has begun is gone through with, anything before it is
/// taken back.
pub fn recover_restore(at: At) -> Doing {
    Box::pin(async move {
        let note = at.note.read();
        let switch = note.get("switch").cloned();
        match switch.map(serde_json::from_value::<Switch>) {
            Some(Ok(switch)) => switched(opened(switch).await?).await,
            _ => {
                let stage = stage_of(&at.deps.settings, at.server);
                blocking(move || match std::fs::remove_dir_all(stage) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
                    _ => Ok(()),
                })
                .await?;
                Err(interrupted())
            }
        }
    })
}

/// A game that was told to keep its files still is told that it need not.
pub fn recover_backup(at: At) -> Doing {
    Box::pin(async move {
        hooks::after(&at).await;
        Err(interrupted())
    })
}
