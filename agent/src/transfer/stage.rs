//! Where files arrive: beside the servers' directories, on their disk, and by one rename in the place of theirs.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use warren_proto::ids::{ServerId, TransferId};

use super::Of;
use crate::clock;
use crate::disk::write_atomic;
use crate::server::deps::Settings;

/// What nobody has spoken of for so long goes: control that is gone for good can't say that it is over.
const ABANDONED: Duration = Duration::from_secs(14 * 86_400);

/// One transfer's directory.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    dir: PathBuf,
    files: PathBuf,
    trash: PathBuf,
    server: ServerId,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    server: Option<ServerId>,
    /// The files go, or went, to the server's own place.
    placed: bool,
}

fn gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn sync(dir: Option<&Path>) -> io::Result<()> {
    match dir {
        Some(dir) => std::fs::File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

impl Stage {
    pub fn of(settings: &Settings, of: Of) -> Self {
        Self {
            dir: settings.transfer_dir.join(of.transfer.to_string()),
            // Only renamed, as a whole.
            files: settings.files_of(of.server),
            trash: settings.trash_dir.clone(),
            server: of.server,
        }
    }

    /// Where files are staged.
    pub fn new_dir(&self) -> PathBuf {
        self.dir.join("new")
    }

    fn note(&self) -> Note {
        let bytes = std::fs::read(self.dir.join("note.json")).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn write(&self, placed: bool) -> io::Result<()> {
        let note = Note {
            server: Some(self.server),
            placed,
        };
        let bytes = serde_json::to_vec(&note).map_err(io::Error::other)?;
        write_atomic(&self.dir.join("note.json"), &bytes)
    }

    /// The files are where the server's are.
    pub fn is_placed(&self) -> bool {
        self.note().placed && !self.new_dir().exists() && self.files.exists()
    }

    /// Makes the directory that files arrive in.
    pub fn make(&self, uid: u32) -> io::Result<()> {
        std::fs::create_dir_all(self.new_dir())?;
        self.write(false)?;
        std::os::unix::fs::chown(self.new_dir(), Some(uid), Some(uid))
    }

    /// Puts the files in the server's place. Once again after a kill at any moment: it goes on. What stands there is of
    /// nobody: control has looked that the server is another node's.
    pub fn place(&self) -> io::Result<()> {
        if self.is_placed() {
            return Ok(());
        }
        if !self.new_dir().exists() {
            let text = "nothing has come of these files";
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        self.write(true)?;
        if self.files.exists() {
            std::fs::create_dir_all(&self.trash)?;
            let until = clock::wall_ms() + 7 * 86_400_000;
            let aside = self.trash.join(format!("{}-{until}", self.server));
            std::fs::rename(&self.files, aside)?;
        }
        std::fs::rename(self.new_dir(), &self.files)?;
        sync(self.files.parent())?;
        sync(Some(&self.dir))
    }

    /// Removes what is here of the transfer, and with `files` also what was put in the server's place.
    pub fn clear(&self, files: bool) -> io::Result<()> {
        if files && self.is_placed() {
            std::fs::rename(&self.files, self.new_dir())?;
        }
        gone(std::fs::remove_dir_all(&self.dir))
    }
}

/// Removes what is left of transfers that nobody has spoken of for long. Blocks.
pub fn sweep(settings: &Settings, comes: impl Fn(TransferId) -> bool) {
    let Ok(entries) = std::fs::read_dir(&settings.transfer_dir) else {
        return;
    };
    for entry in entries.flatten() {
        let id = entry.file_name().to_string_lossy().parse::<TransferId>();
        let modified = entry.metadata().and_then(|m| m.modified());
        let old = modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED));
        if old
            && id.is_ok_and(|id| !comes(id))
            && let Err(e) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!("{} stays: {e}", entry.path().display());
        }
    }
}
