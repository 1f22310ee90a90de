//! Where the files of repositories are. Only the agent itself speaks to a store; a worker has a pipe.

mod directory;
mod s3;

use std::time::Duration;

use bytes::Bytes;
use warren_proto::ids::ServerId;
use warren_proto::wire;
use warren_proto::wire::repository;

use super::frame::{FileKind, FileName};
use crate::server::deps::Settings;
use crate::server::start::Failure;

pub use directory::Directory;
pub use s3::S3;

/// A store with one repository in it.
pub enum Store {
    /// Of this machine.
    Directory(Directory),
    /// Of anybody who speaks S3.
    S3(S3),
}

/// So often something that may pass is tried.
const TRIES: u32 = 4;

impl Store {
    /// The store of a job.
    /// # Errors
    /// The node does not allow it, or it makes no sense.
    pub fn open(repository: &wire::Repository, settings: &Settings) -> Result<Self, Failure> {
        // Ours are named by servers' ids: nothing else becomes part of a path.
        let name: ServerId = repository
            .name
            .parse()
            .map_err(|_| Failure::new("store_invalid", "that is no name of a repository"))?;
        match &repository.store {
            Some(repository::Store::Directory(at)) => {
                let dir = allowed(&at.path, settings)?;
                Directory::open(&dir, name, settings.disk_floor_bytes).map(Self::Directory)
            }
            Some(repository::Store::S3(at)) => S3::open(at, name).map(Self::S3),
            None => Err(Failure::new("store_invalid", "no store was named")),
        }
    }

    /// Names and sizes of all files of a kind.
    /// # Errors
    /// The store, in words.
    pub async fn list(&self, kind: FileKind) -> Result<Vec<(String, u32)>, Failure> {
        match self {
            Self::Directory(at) => at.list(kind).await,
            Self::S3(at) => patiently(|| at.list(kind)).await,
        }
    }

    /// A file, or a part of it.
    /// # Errors
    /// It is not there, or not as long as asked for; the store.
    pub async fn read(&self, file: &FileName, part: Option<(u32, u32)>) -> Result<Bytes, Failure> {
        let bytes = match self {
            Self::Directory(at) => at.read(file, part).await,
            Self::S3(at) => patiently(|| at.read(file, part)).await,
        }?;
        // A store that lies about sizes must not make a blob of something else.
        match part {
            Some((_, length)) if bytes.len() != length as usize => Err(Failure::new(
                "store_short",
                format!(
                    "the store gave {} bytes of {} in place of {length}",
                    bytes.len(),
                    file.path()
                ),
            )),
            _ => Ok(bytes),
        }
    }

    /// A new file. One that is there already is left as it is.
    /// # Errors
    /// The store.
    pub async fn write(&self, file: &FileName, bytes: Bytes) -> Result<(), Failure> {
        match self {
            Self::Directory(at) => at.write(file, bytes).await,
            Self::S3(at) => patiently(|| at.write(file, bytes.clone())).await,
        }
    }

    /// A file goes. One that is not there is gone.
    /// # Errors
    /// The store.
    pub async fn remove(&self, file: &FileName) -> Result<(), Failure> {
        match self {
            Self::Directory(at) => at.remove(file).await,
            Self::S3(at) => patiently(|| at.remove(file)).await,
        }
    }

    /// Writes, reads and removes a small file.
    /// # Errors
    /// What does not work, in words.
    pub async fn probe(&self) -> Result<(), Failure> {
        let id = hex::encode(rand::random::<[u8; 32]>());
        let file = FileName::new(FileKind::Key, &id).map_err(|e| Failure::new("internal", e))?;
        let sent = Bytes::from_static(b"{\"warren\":\"probe\"}");
        self.write(&file, sent.clone()).await?;
        let got = self.read(&file, None).await;
        self.remove(&file).await?;
        match got? == sent {
            true => Ok(()),
            false => Err(Failure::new(
                "store_lies",
                "the store gave back other bytes than were written",
            )),
        }
    }

    /// Bytes of all its packs and indexes.
    /// # Errors
    /// The store.
    pub async fn size(&self) -> Result<u64, Failure> {
        let mut sum = 0_u64;
        for kind in [FileKind::Pack, FileKind::Index, FileKind::Snapshot] {
            let files = self.list(kind).await?;
            sum += files.iter().map(|(_, size)| u64::from(*size)).sum::<u64>();
        }
        Ok(sum)
    }
}

/// The directory that control names, if the node's settings allow it; by default the first of them.
fn allowed(path: &str, settings: &Settings) -> Result<std::path::PathBuf, Failure> {
    let all = &settings.backup_dirs;
    let found = match path.is_empty() {
        true => all.first(),
        false => all.iter().find(|dir| dir.to_str() == Some(path)),
    };
    found.cloned().ok_or_else(|| {
        let text = match path.is_empty() {
            true => "this node keeps no backups: backup_dirs in its settings is empty".to_owned(),
            false => format!("{path:?} is not among the backup_dirs of this node's settings"),
        };
        Failure::new("store_not_allowed", text)
    })
}

/// Tries again what may pass: a store that is busy or away for a moment.
async fn patiently<T, F: Future<Output = Result<T, Failure>>>(
    work: impl Fn() -> F,
) -> Result<T, Failure> {
    let mut wait = Duration::from_millis(200);
    for _ in 1..TRIES {
        match work().await {
            Err(failure) if failure.passing => tokio::time::sleep(wait).await,
            done => return done,
        }
        wait *= 4;
    }
    work().await
}
