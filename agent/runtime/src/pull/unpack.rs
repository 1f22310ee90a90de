//! Layers into snapshots, from the lowest to the top.

use std::collections::HashMap;
use std::time::Duration;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::snapshots as snap;
use containerd_client::types::Descriptor as ApiDescriptor;
use rand::Rng as _;

use super::lease::Lease;
use super::manifest::{Config, Descriptor, layer_type};
use crate::containerd::client::{Client, QUICK, SLOW, call};
use crate::containerd::snapshot;
use crate::runtime::{Error, ImageProblem, Result};

/// Large layers on slow disks take minutes.
const APPLY: Duration = Duration::from_secs(1800);

pub struct Unpacker<'a> {
    client: &'a Client,
    lease: &'a Lease,
    image: &'a str,
    diffs: &'a [String],
    chain: Vec<String>,
    done: usize,
}

impl<'a> Unpacker<'a> {
    pub fn new(client: &'a Client, lease: &'a Lease, image: &'a str, config: &'a Config) -> Self {
        Self {
            client,
            lease,
            image,
            diffs: &config.rootfs.diff_ids,
            chain: config.chain_ids(),
            done: 0,
        }
    }

    /// Name of the uppermost snapshot.
    pub fn top(&self) -> String {
        self.chain.last().cloned().unwrap_or_default()
    }

    /// Unpacks the next layer, unless its snapshot is here already.
    pub async fn layer(&mut self, layer: &Descriptor) -> Result<()> {
        let n = self.done;
        let missing = || {
            let text = "more layers than diff ids".to_owned();
            Error::image(self.image, ImageProblem::Corrupt(text))
        };
        let name = self.chain.get(n).ok_or_else(missing)?;
        let diff = self.diffs.get(n).ok_or_else(missing)?;
        let parent = match n {
            0 => "",
            n => self.chain.get(n - 1).map_or("", String::as_str),
        };
        self.done += 1;
        if self.present(name).await? {
            return self.lease.hold_snapshot(name).await;
        }
        let key = format!("warren-unpack-{:016x}", rand::rng().random::<u64>());
        let outcome = self.apply(&key, parent, layer, diff).await;
        let outcome = match outcome {
            Ok(()) => self.commit(&key, name).await,
            failed => failed,
        };
        if outcome.is_err() {
            self.remove(&key).await;
        }
        outcome
    }

    async fn present(&self, name: &str) -> Result<bool> {
        let request = self.client.request(snap::StatSnapshotRequest {
            snapshotter: self.client.snapshotter.clone(),
            key: name.to_owned(),
        });
        let mut snapshots = self.client.snapshots();
        match call("look for a snapshot", QUICK, snapshots.stat(request)).await {
            Err(Error::NotFound { .. }) => Ok(false),
            other => other.map(|_| true),
        }
    }

    async fn apply(&self, key: &str, parent: &str, layer: &Descriptor, diff: &str) -> Result<()> {
        let lease = self.lease.id();
        let what = "prepare a snapshot";
        let mounts = snapshot::prepare(self.client, what, key, parent, Some(&lease)).await?;
        let media_type = layer_type(&layer.media_type).map_err(|p| Error::image(self.image, p))?;
        let request = self.client.leased(
            api::ApplyRequest {
                diff: Some(ApiDescriptor {
                    media_type: media_type.to_owned(),
                    digest: layer.digest.clone(),
                    size: layer.size,
                    annotations: HashMap::new(),
                }),
                mounts,
                ..Default::default()
            },
            &lease,
        )?;
        let applied = match call("unpack a layer", APPLY, self.client.diff().apply(request)).await {
            // A tar or compression that can't be read: the image is at fault, not this machine.
            Err(Error::Refused { detail, .. }) => {
                let text = format!("layer {}: {detail}", layer.digest);
                return Err(Error::image(self.image, ImageProblem::Corrupt(text)));
            }
            other => other?.applied,
        };
        let got = applied.map(|d| d.digest).unwrap_or_default();
        if got != diff {
            let text = format!("layer {} unpacks to {got}, not {diff}", layer.digest);
            return Err(Error::image(self.image, ImageProblem::Corrupt(text)));
        }
        Ok(())
    }

    async fn commit(&self, key: &str, name: &str) -> Result<()> {
        let request = self.client.leased(
            snap::CommitSnapshotRequest {
                snapshotter: self.client.snapshotter.clone(),
                name: name.to_owned(),
                key: key.to_owned(),
                labels: HashMap::new(),
            },
            &self.lease.id(),
        )?;
        let mut snapshots = self.client.snapshots();
        match call("commit a snapshot", SLOW, snapshots.commit(request)).await {
            // Another image with the same layers was faster.
            Err(Error::Conflict { .. }) => {
                self.remove(key).await;
                self.lease.hold_snapshot(name).await
            }
            other => other.map(drop),
        }
    }

    async fn remove(&self, key: &str) {
        let request = self.client.request(snap::RemoveSnapshotRequest {
            snapshotter: self.client.snapshotter.clone(),
            key: key.to_owned(),
        });
        let mut snapshots = self.client.snapshots();
        match call("remove a snapshot", QUICK, snapshots.remove(request)).await {
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => tracing::warn!(key, %error, "left to the lease: a half unpacked layer"),
        }
    }
}
