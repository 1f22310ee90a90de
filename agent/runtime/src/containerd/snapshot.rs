//! Snapshots that can be written to.
//!
//! containerd's snapshotter makes a directory and then commits its number to its database. Killed in between it gives
//! the same number again, to whoever asks next and for ever, and the directory stands in everybody's way: no container
//! starts and no image unpacks until the next snapshot is removed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use containerd_client::services::v1::snapshots::PrepareSnapshotRequest;
use containerd_client::types::Mount;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use super::client::{Client, SLOW, call};
use crate::runtime::{Error, Result};

/// What the snapshotter makes in a directory of its own. Nothing is written there before the number is committed.
const PARTS: [&str; 2] = ["work", "fs"];

/// A writable snapshot over `parent` (empty: over nothing); it belongs to the lease, if one is given.
/// # Errors
/// `Conflict` if there is one of that name.
pub async fn prepare(
    client: &Client,
    what: &str,
    key: &str,
    parent: &str,
    lease: Option<&str>,
) -> Result<Vec<Mount>> {
    let again = || try_prepare(client, what, key, parent, lease);
    let outcome = again().await;
    let Some(path) = outcome.as_ref().err().and_then(in_the_way) else {
        return outcome;
    };
    // Held open from before containerd stumbles once more: so it is this very directory, and none that somebody was
    // given meanwhile, that belongs to nobody.
    let Ok(torn) = open(&path) else {
        return again().await;
    };
    let outcome = again().await;
    if outcome.as_ref().err().and_then(in_the_way).as_ref() != Some(&path) {
        return outcome;
    }
    tracing::warn!(path = %path.display(), "a snapshot that containerd forgot while dying is taken away");
    let removed = remove(&torn, &path);
    match again().await {
        // Another start took it away, and the number is somebody's by now, or was one ago.
        Ok(mounts) => Ok(mounts),
        Err(error) if in_the_way(&error).as_ref() == Some(&path) => {
            Err(removed.err().unwrap_or(error))
        }
        Err(error) => Err(error),
    }
}

async fn try_prepare(
    client: &Client,
    what: &str,
    key: &str,
    parent: &str,
    lease: Option<&str>,
) -> Result<Vec<Mount>> {
    let message = PrepareSnapshotRequest {
        snapshotter: client.snapshotter.clone(),
        key: key.to_owned(),
        parent: parent.to_owned(),
        labels: HashMap::new(),
    };
    let request = match lease {
        Some(lease) => client.leased(message, lease)?,
        None => client.request(message),
    };
    let prepared = call(what, SLOW, client.snapshots().prepare(request)).await?;
    Ok(prepared.mounts)
}

/// The directory that the snapshotter stumbles over, from its words.
fn in_the_way(error: &Error) -> Option<PathBuf> {
    let Error::Refused { detail, .. } = error else {
        return None;
    };
    let (_, names) = detail.split_once("failed to rename: rename ")?;
    let (_, to) = names.split_once(": file exists")?.0.split_once(' ')?;
    let path = Path::new(to);
    let number = path.file_name()?.to_str()?.parse::<u64>().ok();
    let among = path.parent()?.file_name()? == "snapshots";
    (number.is_some() && among && path.is_absolute()).then(|| path.to_owned())
}

fn open(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
}

/// Only what is empty goes, so no file can be lost by it.
fn remove(torn: &OwnedFd, path: &Path) -> Result<()> {
    let outcome = PARTS
        .iter()
        .try_for_each(|part| gone(rustix::fs::unlinkat(torn, *part, AtFlags::REMOVEDIR)))
        .and_then(|()| gone(rustix::fs::rmdir(path)));
    outcome.map_err(|errno| Error::Refused {
        what: "prepare a snapshot".into(),
        detail: format!(
            "{} belongs to no snapshot and stands in the way of new ones, and can't be removed ({errno}): stop \
             containerd, move it away, start containerd",
            path.display()
        ),
    })
}

fn gone(outcome: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match outcome {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn refused(detail: &str) -> Error {
        Error::Refused {
            what: "prepare".into(),
            detail: detail.into(),
        }
    }

    #[test]
    fn only_a_numbered_directory_among_snapshots_is_in_the_way() {
        let of = |to: &str| {
            in_the_way(&refused(&format!(
                "failed to rename: rename /c/snapshots/new-1 {to}: file exists"
            )))
        };
        assert_eq!(of("/c/snapshots/4"), Some("/c/snapshots/4".into()));
        for other in [
            "/c/snapshots/new-4",
            "/c/4",
            "c/snapshots/4",
            "/c/snapshots/4/..",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(
            in_the_way(&refused("failed to rename: no space left on device")),
            None
        );
    }

    #[test]
    fn a_directory_with_something_in_it_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("4");
        std::fs::create_dir_all(path.join("fs")).unwrap();
        std::fs::create_dir_all(path.join("work")).unwrap();
        std::fs::write(path.join("fs/world"), "kept").unwrap();
        let error = remove(&open(&path).unwrap(), &path).unwrap_err();
        assert!(error.to_string().contains("move it away"), "{error}");
        assert!(path.join("fs/world").is_file());
        std::fs::remove_file(path.join("fs/world")).unwrap();
        remove(&open(&path).unwrap(), &path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn one_that_was_made_anew_meanwhile_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("4");
        std::fs::create_dir_all(path.join("fs")).unwrap();
        let torn = open(&path).unwrap();
        std::fs::rename(&path, dir.path().join("gone")).unwrap();
        std::fs::create_dir_all(path.join("fs")).unwrap();
        remove(&torn, &path).unwrap_err();
        assert!(path.join("fs").is_dir());
    }
}
