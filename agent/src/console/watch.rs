//! Tells who waits for a file that it has grown: one inotify instance for all spools.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::inotify;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

type Waiting = Arc<Mutex<HashMap<i32, Arc<Notify>>>>;

/// Cheap handle. Must be made within a tokio runtime.
#[derive(Clone)]
pub struct Watcher {
    fd: Arc<AsyncFd<OwnedFd>>,
    waiting: Waiting,
}

/// Ends the watch when dropped.
pub struct Watched {
    watcher: Watcher,
    id: i32,
    /// Told when the file was written.
    pub grown: Arc<Notify>,
}

impl Watcher {
    /// Starts the reader task; `stop` ends it.
    pub fn start(stop: CancellationToken) -> std::io::Result<Self> {
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        let fd = inotify::init(flags)?;
        // SAFETY: an OwnedFd owns its descriptor and gives the same one for as long as it lives.
        let fd = Arc::new(unsafe { AsyncFd::register(fd)? });
        let waiting = Waiting::default();
        let watcher = Self {
            fd: fd.clone(),
            waiting: waiting.clone(),
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                end = read(&fd, &waiting) => if let Err(e) = end {
                    warn!("no more notices of console output: {e}");
                }
            }
        });
        Ok(watcher)
    }

    /// Watches one file.
    pub fn watch(&self, path: &Path) -> std::io::Result<Watched> {
        let grown = Arc::new(Notify::new());
        let mut waiting = self.waiting.lock();
        let id = inotify::add_watch(&*self.fd, path, inotify::WatchFlags::MODIFY)?;
        waiting.insert(id, grown.clone());
        Ok(Watched {
            watcher: self.clone(),
            id,
            grown,
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watcher.waiting.lock().remove(&self.id);
        // The kernel has ended it by itself if the file is gone.
        let _ = inotify::remove_watch(&*self.watcher.fd, self.id);
    }
}

async fn read(fd: &AsyncFd<OwnedFd>, waiting: &Waiting) -> std::io::Result<()> {
    let mut buffer = vec![MaybeUninit::uninit(); 16 * 1024];
    loop {
        let mut ready = fd.readable().await?;
        let mut reader = inotify::Reader::new(fd.get_ref(), &mut buffer);
        loop {
            match reader.next() {
                Ok(event) if event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW) => {
                    waiting.lock().values().for_each(|n| n.notify_one());
                }
                Ok(event) => {
                    if let Some(grown) = waiting.lock().get(&event.wd()) {
                        grown.notify_one();
                    }
                }
                Err(rustix::io::Errno::WOULDBLOCK) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        ready.clear_ready();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write as _;
    use std::time::Duration;

    #[tokio::test]
    async fn a_write_wakes_its_waiter_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let watcher = Watcher::start(CancellationToken::new()).unwrap();
        let paths = [dir.path().join("a"), dir.path().join("b")];
        let mut file = std::fs::File::create(&paths[0]).unwrap();
        std::fs::File::create(&paths[1]).unwrap();
        let (a, b) = (
            watcher.watch(&paths[0]).unwrap(),
            watcher.watch(&paths[1]).unwrap(),
        );
        file.write_all(b"x").unwrap();
        let limit = Duration::from_secs(5);
        tokio::time::timeout(limit, a.grown.notified())
            .await
            .unwrap();
        let short = Duration::from_millis(20);
        assert!(
            tokio::time::timeout(short, b.grown.notified())
                .await
                .is_err()
        );
    }
}
