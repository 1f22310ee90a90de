//! Carrying out a tombstone: container, network and files go; files may wait in the trash.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;
use warren_proto::ids::ServerId;
use warren_runtime::net::NetKey;

use super::deps::Deps;
use super::install;
use super::start::{Failure, blocking, container_of};
use crate::clock;

const AGAIN: Duration = Duration::from_secs(5);
/// How long what was printed may take to reach control before its files go.
const DRAIN: Duration = Duration::from_secs(60);

/// Tries until all is gone. False: the agent is stopping.
pub async fn run(deps: &Arc<Deps>, server: ServerId, stop: &CancellationToken) -> bool {
    let stones = deps.ledger.open_tombstones();
    let stone = stones.into_iter().find(|(id, _)| *id == server);
    let keep_s = stone.map_or(0, |(_, s)| s.keep_files_s);
    loop {
        match once(deps, server, keep_s).await {
            Ok(()) => break,
            Err(e) => warn!(server.id = %server, "not gone yet: {}", e.detail),
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.cancelled() => return false,
        }
    }
    drain(deps.clone(), server, stop.clone());
    true
}

async fn once(deps: &Arc<Deps>, server: ServerId, keep_s: u32) -> Result<(), Failure> {
    deps.runtime.delete(&container_of(server)?).await?;
    deps.runtime.delete(&install::container_of(server)?).await?;
    let key: NetKey = server.to_string().parse()?;
    deps.network.remove(&key).await?;
    let settings = deps.settings.clone();
    blocking(move || {
        for ending in ["", ".install", ".install-etc"] {
            let _ = std::fs::remove_dir_all(settings.run_dir.join(format!("{server}{ending}")));
        }
        let _ = std::fs::remove_dir_all(settings.deleted_of(server));
        let files = settings.files_of(server);
        if !files.exists() {
            return Ok(());
        }
        // By rename first: what takes long to delete is out of the way at once.
        std::fs::create_dir_all(&settings.trash_dir)?;
        let until = clock::wall_ms() + i64::from(keep_s) * 1000;
        let name = format!("{server}-{until}");
        std::fs::rename(&files, settings.trash_dir.join(name))?;
        Ok(())
    })
    .await
}

/// Lets control have the rest of the console, then forgets it.
pub fn drain(deps: Arc<Deps>, server: ServerId, stop: CancellationToken) {
    tokio::spawn(async move {
        let until = tokio::time::Instant::now() + DRAIN;
        while deps.consoles.waits(server) && tokio::time::Instant::now() < until {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
            // It has come back meanwhile: what its game prints now is no leftover.
            if deps.ledger.wanted(server).is_some() {
                return;
            }
        }
        if deps.ledger.wanted(server).is_none() {
            deps.consoles.remove(server);
        }
    });
}

/// Deletes what has been in the trash for its time. Blocks, perhaps for long.
pub fn empty_trash(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let until = name
            .rsplit_once('-')
            .and_then(|(_, t)| t.parse::<i64>().ok());
        if until.is_some_and(|t| t <= clock::wall_ms())
            && let Err(e) = std::fs::remove_dir_all(entry.path())
        {
            warn!("{} stays: {e}", entry.path().display());
        }
    }
}
