//! Images as they are on this node.

use std::collections::HashMap;
use std::sync::Arc;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::snapshots::StatSnapshotRequest;
use parking_lot::Mutex;

use super::manifest::{self, Config, Execution, Parsed};
use super::store;
use crate::containerd::client::{Client, QUICK, call};
use crate::runtime::{Error, ImageRef, Result};

/// A present image, ready for a container.
#[derive(Debug, Clone)]
pub struct LocalImage {
    /// What the name points at.
    pub digest: String,
    /// Name of the snapshot that a container's root is made from.
    pub top: String,
    pub execution: Execution,
}

/// Looks images up; what a digest holds never changes and is remembered.
pub struct Local {
    client: Client,
    known: Mutex<HashMap<String, Arc<LocalImage>>>,
}

/// Remembered images at most; beyond it the memory starts afresh.
const KNOWN: usize = 1000;

impl Local {
    pub fn new(client: Client) -> Self {
        Self {
            client,
            known: Mutex::new(HashMap::new()),
        }
    }

    /// The image if its name, its configuration and its top snapshot are here.
    pub async fn find(&self, image: &ImageRef) -> Result<Option<Arc<LocalImage>>> {
        let request = self.client.request(api::GetImageRequest {
            name: image.to_string(),
        });
        let found = call(
            "look for an image",
            QUICK,
            self.client.images().get(request),
        )
        .await;
        let target = match found {
            Err(Error::NotFound { .. }) => return Ok(None),
            other => other?.image.and_then(|i| i.target),
        };
        let Some(target) = target else {
            return Ok(None);
        };
        let known = self.known.lock().get(&target.digest).cloned();
        let image = match known {
            Some(image) => image,
            None => match self.load(&target.digest).await {
                Ok(Some(image)) => Arc::new(image),
                Ok(None) | Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        if !self.unpacked(&image.top).await? {
            return Ok(None);
        }
        let mut known = self.known.lock();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(target.digest, image.clone());
        Ok(Some(image))
    }

    /// Drops what is remembered of a digest.
    pub fn forget(&self, digest: &str) {
        self.known.lock().remove(digest);
    }

    async fn unpacked(&self, top: &str) -> Result<bool> {
        let request = self.client.request(StatSnapshotRequest {
            snapshotter: self.client.snapshotter.clone(),
            key: top.to_owned(),
        });
        let mut snapshots = self.client.snapshots();
        match call("look for a snapshot", QUICK, snapshots.stat(request)).await {
            Err(Error::NotFound { .. }) => Ok(false),
            other => other.map(|_| true),
        }
    }

    async fn load(&self, digest: &str) -> Result<Option<LocalImage>> {
        let host = manifest::host_platform();
        let mut at = digest.to_owned();
        // An index, then a manifest; never deeper.
        for _ in 0..2 {
            let bytes = store::read(&self.client, &at, 8 << 20).await?;
            match manifest::parse(&bytes, None) {
                Ok((Parsed::Index(entries), _)) => match manifest::choose(&entries, &host) {
                    Ok(entry) => at = entry.digest,
                    Err(_) => return Ok(None),
                },
                Ok((Parsed::Manifest(manifest), _)) => {
                    let config = store::read(&self.client, &manifest.config.digest, 8 << 20);
                    let parsed = Config::parse(&config.await?, manifest.layers.len(), &host);
                    let Ok(config) = parsed else { return Ok(None) };
                    let top = config.chain_ids().pop().unwrap_or_default();
                    return Ok(Some(LocalImage {
                        digest: digest.to_owned(),
                        top,
                        execution: config.config.unwrap_or_default(),
                    }));
                }
                Err(_) => return Ok(None),
            }
        }
        Ok(None)
    }
}
