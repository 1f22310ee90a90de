//! Room on the disk where containerd keeps images and the layers of containers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use containerd_client::services::v1 as api;
use tokio::sync::OnceCell;

use super::client::{Client, QUICK, call};
use crate::console::free_bytes;
use crate::runtime::{Error, Result};

/// How often a transfer looks. Between two looks a fast line brings some ten megabytes, a small part of any floor.
const LOOK: Duration = Duration::from_millis(200);

/// Knows the disk and how much of it must stay free.
pub struct Room {
    client: Client,
    floor_bytes: u64,
    root: OnceCell<PathBuf>,
}

impl Room {
    pub fn new(client: Client, floor_bytes: u64) -> Self {
        Self {
            client,
            floor_bytes,
            root: OnceCell::new(),
        }
    }

    /// containerd's folder for our snapshots. `None` while it does not say.
    pub async fn root(&self) -> Option<&Path> {
        let found = self.root.get_or_try_init(|| async {
            let filter = format!(
                "type==io.containerd.snapshotter.v1,id=={}",
                self.client.snapshotter
            );
            let request = self.client.request(api::PluginsRequest {
                filters: vec![filter],
            });
            let mut client = self.client.introspection();
            let answer = call("ask for its folders", QUICK, client.plugins(request)).await?;
            let root = answer.plugins.iter().find_map(|p| p.exports.get("root"));
            root.map(PathBuf::from).ok_or(Error::Cancelled)
        });
        found.await.ok().map(PathBuf::as_path)
    }

    /// Whether `bytes` more fit above the floor.
    /// # Errors
    /// `DiskFull` with the figures. A disk that is not known is no error: the kernel has the last word.
    pub async fn check(&self, what: &str, bytes: u64) -> Result<()> {
        let Some(root) = self.root().await else {
            return Ok(());
        };
        let Ok(free) = free_bytes(root) else {
            return Ok(());
        };
        if self.floor_bytes == 0 || free >= self.floor_bytes.saturating_add(bytes) {
            return Ok(());
        }
        let mib = |bytes: u64| bytes >> 20;
        let need = match bytes {
            0 => String::new(),
            bytes => format!("it needs at least {} MiB, ", mib(bytes)),
        };
        Err(Error::DiskFull(format!(
            "{what}: {need}{} MiB are free on the disk of {}, and {} MiB must stay free (disk_floor_bytes): free space on it, then try again",
            mib(free),
            root.display(),
            mib(self.floor_bytes)
        )))
    }

    /// Resolves once the floor is reached.
    pub async fn run_out(&self, what: &str) -> Error {
        loop {
            if let Err(full) = self.check(what, 0).await {
                return full;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
