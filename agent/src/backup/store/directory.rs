//! A directory of this machine.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use warren_proto::ids::ServerId;

use super::super::frame::{FileKind, FileName, MOST_BODY};
use crate::server::start::Failure;

/// See the module.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
    floor_bytes: u64,
}

impl Directory {
    /// Makes what is missing of it. `floor_bytes` of its disk stay free.
    /// # Errors
    /// The disk.
    pub fn open(dir: &Path, name: ServerId, floor_bytes: u64) -> Result<Self, Failure> {
        let root = dir.join(name.to_string());
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        let dirs = ["index", "keys", "snapshots", "data", "tmp", "locks"];
        for dir in dirs {
            let dir = root.join(dir);
            builder.create(&dir).map_err(|e| said("create", &dir, &e))?;
        }
        Ok(Self { root, floor_bytes })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || work(store)).await;
        done.map_err(|e| Failure::new("internal", e))?
    }

    pub(super) async fn list(&self, kind: FileKind) -> Result<Vec<(String, u32)>, Failure> {
        self.blocking(move |at| {
            let mut found = Vec::new();
            match kind {
                FileKind::Config => match std::fs::metadata(at.root.join("config")) {
                    Ok(meta) => found.push((String::new(), size(meta.len()))),
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => return Err(said("look at", &at.root.join("config"), &e)),
                },
                FileKind::Pack => {
                    let data = at.root.join("data");
                    for dir in std::fs::read_dir(&data).map_err(|e| said("list", &data, &e))? {
                        let dir = dir.map_err(|e| said("list", &data, &e))?.path();
                        list_into(&dir, kind, &mut found)?;
                    }
                }
                kind => list_into(&at.root.join(kind.dir()), kind, &mut found)?,
            }
            Ok(found)
        })
        .await
    }

    pub(super) async fn read(
        &self,
        file: &FileName,
        part: Option<(u32, u32)>,
    ) -> Result<Bytes, Failure> {
        let file = file.clone();
        self.blocking(move |at| {
            let path = at.root.join(file.path());
            let read = || -> io::Result<Vec<u8>> {
                let mut file = std::fs::File::open(&path)?;
                let most = match part {
                    Some((offset, length)) => {
                        file.seek(SeekFrom::Start(u64::from(offset)))?;
                        u64::from(length)
                    }
                    None => MOST_BODY as u64 + 1,
                };
                let mut bytes = Vec::new();
                file.take(most).read_to_end(&mut bytes)?;
                Ok(bytes)
            };
            let bytes = read().map_err(|e| said("read", &path, &e))?;
            match bytes.len() > MOST_BODY {
                true => Err(Failure::new(
                    "store_damaged",
                    format!("{} is larger than any file of a repository", path.display()),
                )),
                false => Ok(bytes.into()),
            }
        })
        .await
    }

    pub(super) async fn write(&self, file: &FileName, bytes: Bytes) -> Result<(), Failure> {
        let file = file.clone();
        self.blocking(move |at| at.put(&file, &bytes)).await
    }

    /// Beside, fsynced, then linked in place: a crash leaves a whole file or none, and none is written over.
    fn put(&self, file: &FileName, bytes: &[u8]) -> Result<(), Failure> {
        let free = warren_runtime::console::free_bytes(&self.root).unwrap_or(u64::MAX);
        if free < self.floor_bytes.saturating_add(bytes.len() as u64) {
            let text = format!(
                "only {} MiB are free on the disk of {}, and {} MiB must stay free: free space on it",
                free >> 20,
                self.root.display(),
                self.floor_bytes >> 20
            );
            return Err(Failure::new("disk_full", text));
        }
        let path = self.root.join(file.path());
        let dir = path.parent().unwrap_or(&self.root).to_owned();
        if file.kind() == FileKind::Pack {
            let made = std::fs::DirBuilder::new().mode(0o700).create(&dir);
            match made {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(said("create", &dir, &e));
                }
                _ => {}
            }
        }
        let beside = self
            .root
            .join("tmp")
            .join(hex::encode(rand::random::<[u8; 16]>()));
        let write = || -> io::Result<()> {
            let mut out = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&beside)?;
            out.write_all(bytes)?;
            out.sync_all()?;
            match std::fs::hard_link(&beside, &path) {
                // Named after its content, or the config that was made first.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                linked => linked?,
            }
            std::fs::File::open(&dir)?.sync_all()
        };
        let written = write();
        // What stays is taken for nothing: no file of a repository is in there.
        let _ = std::fs::remove_file(&beside);
        written.map_err(|e| said("write", &path, &e))
    }

    pub(super) async fn remove(&self, file: &FileName) -> Result<(), Failure> {
        let file = file.clone();
        self.blocking(move |at| {
            let path = at.root.join(file.path());
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(said("remove", &path, &e)),
                _ => Ok(()),
            }
        })
        .await
    }
}

fn list_into(dir: &Path, kind: FileKind, found: &mut Vec<(String, u32)>) -> Result<(), Failure> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(said("list", dir, &e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| said("list", dir, &e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if FileName::new(kind, &name).is_err() {
            continue;
        }
        // Gone since: somebody prunes.
        let Ok(meta) = entry.metadata() else { continue };
        found.push((name, size(meta.len())));
    }
    Ok(())
}

fn size(len: u64) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn said(what: &str, path: &Path, e: &io::Error) -> Failure {
    let code = match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk_full",
        io::ErrorKind::NotFound => "store_missing",
        _ => "store",
    };
    Failure::new(code, format!("{what} {}: {e}", path.display()))
}
