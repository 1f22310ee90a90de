//! Containers that exist: finding, signalling, changing and removing them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::snapshots::RemoveSnapshotRequest;
use containerd_client::types::v1::{Process, Status};
use futures_util::{StreamExt as _, TryStreamExt as _};
use prost_types::Any;

use super::client::{QUICK, SLOW, call, time};
use super::create::{LABEL_FILES, LABEL_RUN, OURS};
use super::{Shared, host_files, oci};
use crate::runtime::{ContainerId, Error, Exit, Found, FoundState, Limits, Result};
use crate::stats::cgroup;

const SIGKILL: u32 = 9;
/// Tasks asked for at once when all are listed.
const AT_ONCE: usize = 16;
/// How long a killed process may take to be gone.
const DYING: Duration = Duration::from_secs(20);

/// All containers of ours, and their tasks.
pub async fn list(shared: &Shared) -> Result<Vec<Found>> {
    let client = &shared.client;
    let request = client.request(api::ListContainersRequest {
        filters: vec![format!("labels.\"{LABEL_RUN}\"")],
    });
    let containers = call("list containers", QUICK, client.containers().list(request)).await?;
    // The list of tasks leaves out what a shim does not answer for; each is asked for by itself.
    let looks = containers.containers.into_iter().map(|c| look(shared, c));
    let found: Vec<Option<Found>> = futures_util::stream::iter(looks)
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// One container of ours.
pub async fn find(shared: &Shared, id: &ContainerId) -> Result<Option<Found>> {
    match record(shared, id.as_str()).await? {
        Some(container) => look(shared, container).await,
        None => Ok(None),
    }
}

async fn record(shared: &Shared, id: &str) -> Result<Option<api::Container>> {
    let client = &shared.client;
    let request = client.request(api::GetContainerRequest { id: id.to_owned() });
    match call("get a container", QUICK, client.containers().get(request)).await {
        Err(Error::NotFound { .. }) => Ok(None),
        other => Ok(other?.container),
    }
}

/// The task's process as containerd knows it; `None` if there is no task.
pub async fn process(shared: &Shared, id: &str) -> Result<Option<Process>> {
    let client = &shared.client;
    let request = client.request(api::GetRequest {
        container_id: id.to_owned(),
        exec_id: String::new(),
    });
    match call("get a task", QUICK, client.tasks().get(request)).await {
        Err(Error::NotFound { .. }) => Ok(None),
        other => Ok(other?.process),
    }
}

async fn look(shared: &Shared, container: api::Container) -> Result<Option<Found>> {
    let Some(run) = container.labels.get(LABEL_RUN).cloned() else {
        return Ok(None);
    };
    let Ok(id) = container.id.parse::<ContainerId>() else {
        return Ok(None);
    };
    let process = process(shared, id.as_str()).await?;
    let state = state(shared, id.as_str(), process.as_ref());
    if let FoundState::Running { pid, .. } | FoundState::Paused { pid } = state {
        shared.tracker.alive(&id, &run, pid);
    }
    let theirs = |(key, _): &(String, String)| !key.starts_with(OURS);
    let labels: BTreeMap<_, _> = container.labels.into_iter().filter(theirs).collect();
    Ok(Some(Found {
        id,
        labels,
        run,
        image: container.image,
        created_at: time(container.created_at),
        state,
    }))
}

fn state(shared: &Shared, id: &str, process: Option<&Process>) -> FoundState {
    let Some(process) = process else {
        return FoundState::NoTask;
    };
    let pid = process.pid;
    match process.status() {
        Status::Running | Status::Pausing => FoundState::Running {
            pid,
            pid_start_ticks: start_ticks(pid),
        },
        Status::Paused => FoundState::Paused { pid },
        Status::Stopped => {
            FoundState::Stopped(exit(shared, id, process.exit_status, process.exited_at))
        }
        // Created and never started: nothing of the game ran.
        Status::Created | Status::Unknown => FoundState::NoTask,
    }
}

/// An exit, with the kernel's word on whether memory was the reason.
pub fn exit(shared: &Shared, id: &str, code: u32, at: Option<prost_types::Timestamp>) -> Exit {
    let killed = code == 128 + SIGKILL && !shared.tracker.killed_by_us(id);
    Exit {
        code,
        at: time(at),
        // The cgroup lives until the task is deleted, so its counter can still be asked.
        oom: killed && cgroup::oom_kills(&shared.cgroup_path(id)) > 0,
    }
}

/// Start time of a process in clock ticks since boot; zero if it is gone.
pub fn start_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold spaces and brackets; fields count from its end.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = rest.split_whitespace().nth(19);
    field.and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

pub async fn kill(shared: &Shared, id: &ContainerId, signal: i32, all: bool) -> Result<()> {
    let signal = u32::try_from(signal)
        .ok()
        .filter(|n| (1..=64).contains(n))
        .ok_or_else(|| Error::Invalid(format!("signal {signal}")))?;
    send(shared, id.as_str(), signal, all).await
}

async fn send(shared: &Shared, id: &str, signal: u32, all: bool) -> Result<()> {
    if signal == SIGKILL {
        shared.tracker.we_killed(id);
    }
    let client = &shared.client;
    let request = client.request(api::KillRequest {
        container_id: id.to_owned(),
        exec_id: String::new(),
        signal,
        all,
    });
    match call("signal a task", SLOW, client.tasks().kill(request)).await {
        Err(Error::NotFound { .. }) => Ok(()),
        // The shim's words for a process that ended a moment ago.
        Err(Error::Refused { detail, .. }) if detail.contains("already finished") => Ok(()),
        other => other.map(drop),
    }
}

/// Removes task, record, snapshot and generated files; whatever is gone already is fine.
pub async fn delete(shared: &Shared, id: &str) -> Result<Option<Exit>> {
    let record = record(shared, id).await?;
    let exit = end(shared, id).await?;
    if let Some(record) = &record {
        let client = &shared.client;
        let request = client.request(api::DeleteContainerRequest { id: id.to_owned() });
        match call(
            "delete a container",
            QUICK,
            client.containers().delete(request),
        )
        .await
        {
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        if let Some(dir) = record.labels.get(LABEL_FILES) {
            host_files::remove(Path::new(dir));
        }
    }
    remove_snapshot(shared, id).await?;
    Ok(exit)
}

/// As [`delete`], unless the id belongs to another run by now.
pub async fn delete_run(shared: &Shared, id: &str, run: &str) -> Result<()> {
    match record(shared, id).await? {
        Some(record) if record.labels.get(LABEL_RUN).is_some_and(|r| r != run) => Ok(()),
        // Without a record the snapshot may still be there.
        _ => delete(shared, id).await.map(drop),
    }
}

/// Ends what an earlier create left, a shim that was never given a task included.
pub async fn end_leftover(shared: &Shared, id: &str) -> Result<()> {
    if process(shared, id).await?.is_some() {
        return end(shared, id).await.map(drop);
    }
    delete_task(shared, id).await
}

/// Brings the task to its end and deletes it.
async fn end(shared: &Shared, id: &str) -> Result<Option<Exit>> {
    let client = &shared.client;
    let Some(process) = process(shared, id).await? else {
        return Ok(None);
    };
    let mut known = None;
    if process.status() == Status::Stopped {
        known = Some(exit(shared, id, process.exit_status, process.exited_at));
    } else {
        send(shared, id, SIGKILL, true).await?;
        let request = client.request(api::WaitRequest {
            container_id: id.to_owned(),
            exec_id: String::new(),
        });
        match call(
            "wait for a killed task",
            DYING,
            client.tasks().wait(request),
        )
        .await
        {
            Ok(ended) if process.status() != Status::Created => {
                known = Some(exit(shared, id, ended.exit_status, ended.exited_at));
            }
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    delete_task(shared, id).await?;
    shared.tracker.ended(id, process.pid, known.clone());
    Ok(known)
}

/// Waits for the copy of the console to end; the deadline bounds that too.
async fn delete_task(shared: &Shared, id: &str) -> Result<()> {
    let client = &shared.client;
    let request = client.request(api::DeleteTaskRequest {
        container_id: id.to_owned(),
    });
    match call("delete a task", SLOW, client.tasks().delete(request)).await {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

pub async fn remove_snapshot(shared: &Shared, id: &str) -> Result<()> {
    let client = &shared.client;
    let request = client.request(RemoveSnapshotRequest {
        snapshotter: client.snapshotter.clone(),
        key: id.to_owned(),
    });
    let mut snapshots = client.snapshots();
    match call("remove a snapshot", QUICK, snapshots.remove(request)).await {
        Err(Error::NotFound { .. }) => Ok(()),
        other => other.map(drop),
    }
}

pub async fn update_limits(shared: &Shared, id: &ContainerId, limits: &Limits) -> Result<()> {
    let client = &shared.client;
    let resources = oci::resources(limits, &shared.host(), false)?;
    let request = client.request(api::UpdateTaskRequest {
        container_id: id.to_string(),
        resources: Some(Any {
            type_url: "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources".into(),
            value: resources.to_string().into_bytes(),
        }),
        annotations: HashMap::new(),
    });
    call("change limits", SLOW, client.tasks().update(request)).await?;
    Ok(())
}
