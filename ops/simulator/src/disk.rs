//! The disk of a machine, in memory: it fails when it is told to, stops the process at any call, and a power
//! cut undoes what was not synced.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use warren_agent::disk::{Append, Disk};

use crate::rng::Rng;

#[derive(Debug, Clone, Default)]
struct State {
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// What a power cut may bring back, oldest first.
    undo: Vec<(PathBuf, Option<Vec<u8>>)>,
    /// Calls until the process is killed.
    fuse: Option<u32>,
    dead: bool,
    /// Writes are refused.
    full: bool,
}

/// Cheap handle.
#[derive(Debug, Clone, Default)]
pub struct MemDisk(Arc<Mutex<State>>);

fn killed() -> io::Error {
    io::Error::other("killed")
}

impl State {
    /// Counts a call. False: the process is dead.
    fn burn(&mut self) -> bool {
        match &mut self.fuse {
            Some(0) => {
                self.fuse = None;
                self.dead = true;
            }
            Some(n) => *n -= 1,
            None => {}
        }
        !self.dead
    }

    fn write(&mut self) -> io::Result<()> {
        if !self.burn() {
            return Err(killed());
        }
        match self.full {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

impl MemDisk {
    /// A copy with a life of its own.
    pub fn copy(&self) -> Self {
        let state = self.0.lock().clone();
        Self(Arc::new(Mutex::new(State {
            fuse: None,
            dead: false,
            full: false,
            ..state
        })))
    }

    /// Kills the process at one of its next calls.
    pub fn light(&self, calls: u32) {
        self.0.lock().fuse = Some(calls);
    }

    /// A call that may be the last. False: it was, the process is dead.
    pub fn burn(&self) -> bool {
        self.0.lock().burn()
    }

    /// The process was killed at a call.
    pub fn is_dead(&self) -> bool {
        self.0.lock().dead
    }

    /// For the next process.
    pub fn revive(&self) {
        let mut state = self.0.lock();
        state.dead = false;
        state.fuse = None;
    }

    /// Nobody is to be killed any more.
    pub fn calm(&self) {
        self.0.lock().fuse = None;
    }

    /// Refuses writes, or takes them again.
    pub fn fill(&self, full: bool) {
        self.0.lock().full = full;
    }

    /// Some of what was not synced comes undone, the newest first.
    pub fn power_cut(&self, rng: &mut Rng) {
        let mut state = self.0.lock();
        let undone = rng.place(state.undo.len() + 1);
        for _ in 0..undone {
            if let Some((path, before)) = state.undo.pop() {
                match before {
                    Some(bytes) => state.files.insert(path, bytes),
                    None => state.files.remove(&path),
                };
            }
        }
        state.undo.clear();
    }

    /// Flips a byte of a file whose name contains `part`. False: there is none.
    pub fn damage(&self, part: &str, rng: &mut Rng) -> bool {
        let mut state = self.0.lock();
        let found = state
            .files
            .iter_mut()
            .find(|(path, _)| path.to_string_lossy().contains(part));
        let Some((_, bytes)) = found.filter(|(_, bytes)| !bytes.is_empty()) else {
            return false;
        };
        let at = rng.place(bytes.len());
        bytes[at] ^= 0x55;
        true
    }
}

impl Disk for MemDisk {
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let mut state = self.0.lock();
        if !state.burn() {
            return Err(killed());
        }
        let inside = state.files.keys().filter(|p| p.parent() == Some(dir));
        Ok(inside.cloned().collect())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.0.lock();
        if state.dead {
            return Err(killed());
        }
        let bytes = state.files.get(path).cloned();
        bytes.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock();
        state.write()?;
        state.files.insert(path.to_owned(), bytes.to_vec());
        // The directory is synced with it.
        let dir = path.parent().map(Path::to_owned);
        state
            .undo
            .retain(|(p, _)| p.parent().map(Path::to_owned) != dir);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.write()?;
        let bytes = state.files.remove(from);
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let before = state.files.insert(to.to_owned(), bytes.clone());
        state.undo.push((from.to_owned(), Some(bytes)));
        state.undo.push((to.to_owned(), before));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        if !state.burn() {
            return Err(killed());
        }
        let bytes = state.files.remove(path);
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        state.undo.push((path.to_owned(), Some(bytes)));
        Ok(())
    }

    fn cut(&self, path: &Path, len: u64) -> io::Result<()> {
        let mut state = self.0.lock();
        state.write()?;
        if let Some(bytes) = state.files.get_mut(path) {
            bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        }
        Ok(())
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let mut state = self.0.lock();
        state.write()?;
        state.files.entry(path.to_owned()).or_default();
        Ok(Box::new(Appending {
            disk: self.clone(),
            path: path.to_owned(),
        }))
    }
}

struct Appending {
    disk: MemDisk,
    path: PathBuf,
}

impl Append for Appending {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        if state.dead {
            return Err(killed());
        }
        let result = state.write();
        // A write that is broken off leaves half of it.
        let taken = match result {
            Ok(()) => bytes.len(),
            Err(_) => bytes.len() / 2,
        };
        let file = state.files.entry(self.path.clone()).or_default();
        file.extend_from_slice(&bytes[..taken]);
        result
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        if state.dead {
            return Err(killed());
        }
        if let Some(bytes) = state.files.get_mut(&self.path) {
            bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        }
        Ok(())
    }
}
