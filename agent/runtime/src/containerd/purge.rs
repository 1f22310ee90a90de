//! Leaving a machine: nothing of ours stays in containerd or in the cgroups.

use std::path::{Path, PathBuf};
use std::time::Duration;

use containerd_client::services::v1 as api;

use super::client::{QUICK, SLOW, call};
use super::{Shared, task};
use crate::runtime::{Error, Result};

/// Collection of layers runs beside us; the namespace can go once it is done.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

pub async fn purge(shared: &Shared) -> Result<()> {
    for found in task::list(shared).await? {
        task::delete(shared, found.id.as_str()).await?;
    }
    remove_leases(shared).await?;
    remove_images(shared).await?;
    remove_namespace(shared).await?;
    remove_cgroups(&shared.config.cgroup_parent);
    Ok(())
}

async fn remove_leases(shared: &Shared) -> Result<()> {
    let client = &shared.client;
    let request = client.request(api::ListRequest {
        filters: Vec::new(),
    });
    let leases = call("list leases", QUICK, client.leases().list(request)).await?;
    for lease in leases.leases {
        let request = client.request(api::DeleteRequest {
            id: lease.id,
            sync: false,
        });
        absent_is_fine(call("delete a lease", QUICK, client.leases().delete(request)).await)?;
    }
    Ok(())
}

async fn remove_images(shared: &Shared) -> Result<()> {
    let client = &shared.client;
    let request = client.request(api::ListImagesRequest {
        filters: Vec::new(),
    });
    let images = call("list images", QUICK, client.images().list(request)).await?;
    let mut images = images.images.into_iter().peekable();
    while let Some(image) = images.next() {
        let request = client.request(api::DeleteImageRequest {
            name: image.name,
            // The last one waits for the collection of all that nobody names any more.
            sync: images.peek().is_none(),
            target: None,
        });
        absent_is_fine(call("remove an image", SLOW, client.images().delete(request)).await)?;
    }
    Ok(())
}

async fn remove_namespace(shared: &Shared) -> Result<()> {
    let mut tries = 0;
    loop {
        match shared.client.delete_namespace().await {
            Err(Error::Refused { detail, .. }) if tries < TRIES => {
                tracing::debug!(detail, "the namespace is not empty yet");
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            other => return absent_is_fine(other),
        }
    }
}

fn absent_is_fine<T>(outcome: Result<T>) -> Result<()> {
    match outcome {
        Err(Error::NotFound { .. }) => Ok(()),
        other => other.map(drop),
    }
}

/// runc removes the containers' groups and leaves their parent.
fn remove_cgroups(parent: &str) {
    let below = parent.trim_start_matches('/');
    let root = Path::new("/sys/fs/cgroup");
    let mut places: Vec<PathBuf> = vec![root.join(below)];
    for hierarchy in std::fs::read_dir(root).into_iter().flatten().flatten() {
        places.push(hierarchy.path().join(below));
    }
    for place in places {
        // Absent in most hierarchies; one that holds a process is not ours to break.
        let _ = std::fs::remove_dir(place);
    }
}
