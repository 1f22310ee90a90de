//! What of jobs must survive a process: which run, what each has to take back, which have ended. No credentials.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use warren_proto::ids::{JobId, ServerId};

use crate::disk::write_atomic;

/// Ended jobs that are remembered, so that a repeated start is answered and not done again.
const MAX_ENDED: usize = 512;

/// A job that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// Control's id.
    pub job: JobId,
    /// Whose.
    pub server: ServerId,
    /// As in the start.
    pub kind: String,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    /// Its own words to a process after this one.
    pub note: serde_json::Value,
}

/// A job's words to a process after this one.
#[derive(Clone)]
pub struct Note {
    path: PathBuf,
    begun: Arc<Mutex<Begun>>,
}

impl Note {
    /// What was last written.
    pub fn read(&self) -> serde_json::Value {
        self.begun.lock().note.clone()
    }

    /// Writes; it is on disk when this returns.
    /// # Errors
    /// The disk; then the job must not go on.
    pub async fn write(&self, note: serde_json::Value) -> io::Result<()> {
        let begun = {
            let mut begun = self.begun.lock();
            begun.note = note;
            begun.clone()
        };
        let path = self.path.clone();
        spawn(move || put(&path, &begun)).await
    }

    pub(super) fn begun(&self) -> Begun {
        self.begun.lock().clone()
    }
}

/// The directory of notes.
pub struct Notes {
    dir: PathBuf,
    ended: Mutex<VecDeque<JobId>>,
}

impl Notes {
    /// Opens the directory, with what an earlier process has left running.
    /// # Errors
    /// The disk.
    pub fn open(dir: PathBuf) -> io::Result<(Self, Vec<Note>)> {
        std::fs::create_dir_all(&dir)?;
        let ended = match std::fs::read(dir.join("ended.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => VecDeque::new(),
            Err(e) => return Err(e),
        };
        let mut left = Vec::new();
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|s| s.to_str());
            if stem.is_none_or(|s| s.parse::<JobId>().is_err()) {
                continue;
            }
            match serde_json::from_slice::<Begun>(&std::fs::read(&path)?) {
                Ok(begun) => left.push(Note {
                    path,
                    begun: Arc::new(Mutex::new(begun)),
                }),
                Err(e) => {
                    tracing::error!("the note {} of a job can't be read: {e}", path.display())
                }
            }
        }
        let ended = Mutex::new(ended);
        Ok((Self { dir, ended }, left))
    }

    /// Notes that a job begins.
    /// # Errors
    /// The disk.
    pub async fn begin(&self, begun: Begun) -> io::Result<Note> {
        let path = self.dir.join(format!("{}.json", begun.job));
        let note = Note {
            path: path.clone(),
            begun: Arc::new(Mutex::new(begun.clone())),
        };
        spawn(move || put(&path, &begun)).await?;
        Ok(note)
    }

    /// Whether a job has ended.
    pub fn has_ended(&self, job: JobId) -> bool {
        self.ended.lock().contains(&job)
    }

    /// Notes that it has; its fact is in the journal.
    /// # Errors
    /// The disk: a process after this one tells of its end again, and control takes the first.
    pub async fn end(&self, note: &Note) -> io::Result<()> {
        let ended = {
            let mut ended = self.ended.lock();
            ended.push_back(note.begun().job);
            while ended.len() > MAX_ENDED {
                ended.pop_front();
            }
            ended.clone()
        };
        let (dir, path) = (self.dir.join("ended.json"), note.path.clone());
        spawn(move || {
            write_atomic(&dir, &serde_json::to_vec(&ended).map_err(io::Error::other)?)?;
            std::fs::remove_file(path)
        })
        .await
    }
}

fn put(path: &Path, begun: &Begun) -> io::Result<()> {
    write_atomic(path, &serde_json::to_vec(begun).map_err(io::Error::other)?)
}

async fn spawn(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
