//! Files that came in part: which there are, so that what nobody comes back for is thrown away. What of a file has come
//! stands beside its final name and its size is the truth; this is only where to look.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use warren_proto::ids::{ServerId, UploadId};
use warren_runtime::jail::{Jail, RelPath, WriteOptions};

use crate::server::deps::Settings;

/// Nobody comes back after so long.
const AGE: Duration = Duration::from_secs(24 * 3600);
/// Of one server; the oldest go.
const PER_SERVER: usize = 256;

/// One file that came in part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    path: String,
    /// The machine's boot in which it was last written.
    host_boot: String,
    /// So many bytes were on the disk for certain: after a power cut, what stands behind them may be anything.
    synced: u64,
}

#[derive(Clone)]
pub(super) struct Kept {
    dir: PathBuf,
}

impl Kept {
    pub fn open(dir: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let dir = dir.to_owned();
        Ok(Self { dir })
    }

    fn place(&self, server: ServerId, upload: UploadId) -> PathBuf {
        self.dir.join(format!("{server}.{upload}"))
    }

    pub fn count(&self) -> usize {
        std::fs::read_dir(&self.dir).map_or(0, Iterator::count)
    }

    /// Notes an upload, before the first byte of it is anywhere.
    pub fn note(
        &self,
        server: ServerId,
        upload: UploadId,
        path: &RelPath,
        host_boot: &str,
        synced: u64,
    ) -> std::io::Result<()> {
        let entry = Entry {
            path: path.as_str().to_owned(),
            host_boot: host_boot.to_owned(),
            synced,
        };
        let text = serde_json::to_vec(&entry)?;
        crate::disk::write_framed(&self.place(server, upload), &text)
    }

    pub fn get(&self, server: ServerId, upload: UploadId) -> Option<Entry> {
        read(&self.place(server, upload))
    }

    pub fn forget(&self, server: ServerId, upload: UploadId) {
        // One that stays is swept, and finds nothing then.
        let _ = std::fs::remove_file(self.place(server, upload));
    }

    /// Throws away what is too old or too much. Blocks on the disk.
    pub fn sweep(&self, settings: &Settings, in_use: impl Fn(ServerId, UploadId) -> bool) {
        let Ok(all) = std::fs::read_dir(&self.dir) else {
            return;
        };
        let mut found: Vec<_> = all
            .flatten()
            .filter_map(|item| {
                let name = item.file_name().into_string().ok()?;
                let (server, upload) = name.split_once('.')?;
                let at = item.metadata().and_then(|m| m.modified()).ok()?;
                Some((at, server.parse().ok()?, upload.parse().ok()?))
            })
            .collect();
        // Newest first: what comes after enough of them goes.
        found.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        let mut seen = std::collections::HashMap::<ServerId, usize>::new();
        for (at, server, upload) in found {
            let count = seen.entry(server).or_default();
            *count += 1;
            let age = at.elapsed().unwrap_or_default();
            if (age < AGE && *count <= PER_SERVER) || in_use(server, upload) {
                continue;
            }
            self.give_up(settings, server, upload, age);
        }
    }

    fn give_up(&self, settings: &Settings, server: ServerId, upload: UploadId, age: Duration) {
        let Some(entry) = self.get(server, upload) else {
            return self.forget(server, upload);
        };
        let (Ok(jail), Ok(path)) = (
            Jail::open(&settings.files_of(server)),
            entry.path.parse::<RelPath>(),
        ) else {
            return self.forget(server, upload);
        };
        let id = upload.to_string();
        // The note is as old as the last time that it was opened; bytes may have come since.
        let partial = jail.partial(&path, &id, true, &WriteOptions::default());
        let touched = partial
            .as_ref()
            .ok()
            .and_then(|p| p.file().metadata().ok())
            .and_then(|m| m.modified().ok())
            .and_then(|at: SystemTime| at.elapsed().ok());
        if age >= AGE && touched.is_some_and(|t| t < AGE) {
            return;
        }
        match jail.discard_partial(&path, &id) {
            Ok(()) => self.forget(server, upload),
            Err(e) => tracing::warn!(server.id = %server, "an upload that was given up stays: {e}"),
        }
    }
}

impl Entry {
    /// How much of what is there can be believed.
    pub fn certain(&self, size: u64, host_boot: &str) -> u64 {
        match self.host_boot == host_boot {
            true => size,
            false => size.min(self.synced),
        }
    }

    pub fn is_of(&self, path: &RelPath) -> bool {
        self.path == path.as_str()
    }
}

fn read(path: &Path) -> Option<Entry> {
    let body = crate::disk::read_framed(path).ok().flatten()?;
    serde_json::from_slice(&body).ok()
}
