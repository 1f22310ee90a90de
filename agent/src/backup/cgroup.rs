//! A cgroup of its own for a worker, where the machine lets us make one: its memory is its own affair, not the agent's.

use std::path::{Path, PathBuf};

use tracing::debug;
use warren_proto::ids::JobId;

/// Memory of a worker: a few packs in the making, an index, and what deriving a key takes.
const MEMORY_BYTES: u64 = 1 << 30;
const PIDS: u32 = 128;

/// Removed when it is dropped; by then nothing runs in it.
#[derive(Debug)]
pub struct Cgroup {
    dirs: Vec<PathBuf>,
}

impl Cgroup {
    /// Below the cgroup that the node's containers are in. None: the machine does not let us, and the worker's own
    /// bound of its data holds alone.
    pub fn make(parent: &str, job: JobId) -> Option<Self> {
        let root = Path::new("/sys/fs/cgroup");
        let below = format!("{}/worker-{job}", parent.trim_matches('/'));
        let unified = root.join("cgroup.controllers").exists();
        let (dirs, limits): (Vec<PathBuf>, Vec<(usize, &str, String)>) = match unified {
            true => (
                vec![root.join(&below)],
                vec![
                    (0, "memory.max", MEMORY_BYTES.to_string()),
                    (0, "pids.max", PIDS.to_string()),
                ],
            ),
            false => (
                vec![
                    root.join("memory").join(&below),
                    root.join("pids").join(&below),
                ],
                vec![
                    (0, "memory.limit_in_bytes", MEMORY_BYTES.to_string()),
                    (1, "pids.max", PIDS.to_string()),
                ],
            ),
        };
        let made = Self { dirs };
        for dir in &made.dirs {
            if let Err(e) = std::fs::create_dir(dir) {
                debug!("no cgroup for a worker at {}: {e}", dir.display());
                return None;
            }
        }
        for (dir, file, value) in limits {
            let path = made.dirs.get(dir).map(|d| d.join(file))?;
            if let Err(e) = std::fs::write(&path, value) {
                debug!("no limit for a worker at {}: {e}", path.display());
            }
        }
        Some(made)
    }

    /// Puts a process in.
    pub fn take(&self, pid: u32) {
        for dir in &self.dirs {
            if let Err(e) = std::fs::write(dir.join("cgroup.procs"), pid.to_string()) {
                debug!("a worker stays out of {}: {e}", dir.display());
            }
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for dir in &self.dirs {
            // One that stays goes with its parent when the node leaves.
            let _ = std::fs::remove_dir(dir);
        }
    }
}
