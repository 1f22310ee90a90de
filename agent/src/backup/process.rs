//! Starts a worker, is its store, and ends it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::cgroup::Cgroup;
use super::frame::{self, Ask, FileName, FromWorker, Report, Task, ToWorker, What};
use super::store::Store;
use crate::job::{Figures, Progress, cancelled};
use crate::server::start::Failure;

/// Requests to the store at once; each may hold a pack.
const AT_ONCE: usize = 6;
/// What a worker wrote to its standard error, bytes that are kept.
const MOST_WORDS: u64 = 4096;
/// A worker that says nothing and asks nothing for so long hangs. Reading a large file says so now and then.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// What a worker is given.
pub struct Worker {
    /// The program: this one.
    pub exe: std::path::PathBuf,
    /// The directory that it sees.
    pub dir: OwnedFd,
    /// As whom it runs.
    pub uid: u32,
    /// It may write there.
    pub write: bool,
    /// Its memory and processes are bounded there, where the machine lets us.
    pub cgroup: Option<Cgroup>,
    /// Where the repository is.
    pub store: Arc<Store>,
    /// Ends it.
    pub cancel: CancellationToken,
    /// Shows how far it is.
    pub progress: Progress,
}

impl Worker {
    /// Does one task.
    /// # Errors
    /// Why it was not done: `cancelled`, what the store said, what the worker said.
    pub async fn run(self, task: Task) -> Result<Report, Failure> {
        let failed = |what: &str, e: &dyn std::fmt::Display| {
            Failure::new("worker", format!("{what} the backup worker: {e}"))
        };
        let (ours, theirs) = StdStream::pair().map_err(|e| failed("connect", &e))?;
        ours.set_nonblocking(true)
            .map_err(|e| failed("connect", &e))?;
        let ours = UnixStream::from_std(ours).map_err(|e| failed("connect", &e))?;
        let mut command = Command::new(&self.exe);
        command
            .arg("worker")
            .args(["--uid", &self.uid.to_string()])
            .env_clear()
            .env("TZ", "UTC")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(self.dir))
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if self.write {
            command.arg("--write");
        }
        let mut child = command.spawn().map_err(|e| failed("start", &e))?;
        // The command holds a copy of the worker's end: the pipe would never end.
        drop(command);
        if let (Some(cgroup), Some(pid)) = (&self.cgroup, child.id()) {
            cgroup.take(pid);
        }
        let words = tokio::spawn(words(child.stderr.take()));
        let what = task.what.clone();
        let session = session(ours, task, what, self.store, self.progress);
        let result = tokio::select! {
            result = session => result,
            () = self.cancel.cancelled() => Err(cancelled()),
        };
        end(&mut child).await;
        let said = words.await.unwrap_or_default();
        result.map_err(|failure| match failure.code == GONE {
            true => {
                warn!("a backup worker ended: {said}");
                let text = match said.is_empty() {
                    true => "it was ended, most likely for want of memory".to_owned(),
                    false => said,
                };
                Failure::new("worker", format!("the backup worker broke off: {text}"))
            }
            false => failure,
        })
    }
}

/// The pipe broke before the worker had said how it went.
const GONE: &str = "worker_gone";

async fn words(stderr: Option<tokio::process::ChildStderr>) -> String {
    let Some(mut stderr) = stderr else {
        return String::new();
    };
    let mut first = Vec::new();
    let mut most = (&mut stderr).take(MOST_WORDS);
    let _ = most.read_to_end(&mut first).await;
    // The rest must not block it.
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&first).trim().to_owned()
}

async fn end(child: &mut Child) {
    // Gone by itself, or now.
    let _ = child.start_kill();
    let _ = child.wait().await;
}

async fn session(
    socket: UnixStream,
    task: Task,
    what: What,
    store: Arc<Store>,
    progress: Progress,
) -> Result<Report, Failure> {
    let gone = |e: std::io::Error| Failure::new(GONE, e);
    let (mut from, to) = socket.into_split();
    let to = Arc::new(Mutex::new(to));
    frame::send(&mut *to.lock().await, &ToWorker::Task(task), &[])
        .await
        .map_err(gone)?;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let (broken, mut breaks) = mpsc::channel::<std::io::Error>(1);
    let mut asks = tokio::task::JoinSet::new();
    loop {
        let receive = frame::receive::<FromWorker>(&mut from);
        tokio::pin!(receive);
        // Broken off in the middle of a frame nothing could be read behind it.
        let (said, body) = loop {
            tokio::select! {
                received = tokio::time::timeout(SILENCE, &mut receive) => match received {
                    Ok(received) => break received.map_err(gone)?,
                    Err(_) if asks.is_empty() => {
                        let text = "the backup worker hangs; it was ended";
                        return Err(Failure::new("worker", text));
                    }
                    Err(_) => {}
                },
                Some(e) = breaks.recv() => return Err(gone(e)),
            }
        };
        while asks.try_join_next().is_some() {}
        match said {
            FromWorker::Ask { id, ask } => {
                // Waits here, so that no more bodies are read than there are places.
                let Ok(place) = places.clone().acquire_owned().await else {
                    return Err(Failure::new("internal", "the store's gate is closed"));
                };
                let (store, to, what, broken) =
                    (store.clone(), to.clone(), what.clone(), broken.clone());
                asks.spawn(async move {
                    let (said, bytes) = answer(&store, &what, id, ask, body.into()).await;
                    let sent = frame::send(&mut *to.lock().await, &said, &bytes).await;
                    drop(place);
                    if let Err(e) = sent {
                        let _ = broken.try_send(e);
                    }
                });
            }
            FromWorker::Progress { step, bytes } => {
                let step: String = step.chars().filter(|c| !c.is_control()).take(100).collect();
                progress(Figures { step, bytes });
            }
            FromWorker::Done(report) => return Ok(report),
            FromWorker::Failed { code, message } => return Err(Failure::new(&code, message)),
        }
    }
}

async fn answer(store: &Store, what: &What, id: u64, ask: Ask, body: Bytes) -> (ToWorker, Bytes) {
    match ask_store(store, what, ask, body).await {
        Ok(Answer::Files(files)) => (ToWorker::Listed(id, files), Bytes::new()),
        Ok(Answer::Bytes(bytes)) => (ToWorker::Data(id), bytes),
        Ok(Answer::Done) => (ToWorker::Done(id), Bytes::new()),
        Err(f) => (ToWorker::Refused(id, f.code, f.detail), Bytes::new()),
    }
}

enum Answer {
    Files(Vec<(String, u32)>),
    Bytes(Bytes),
    Done,
}

async fn ask_store(store: &Store, what: &What, ask: Ask, body: Bytes) -> Result<Answer, Failure> {
    let name =
        |kind, id: &str| FileName::new(kind, id).map_err(|e| Failure::new("worker_strange", e));
    let forbidden = || {
        Failure::new(
            "worker_strange",
            "the worker asked for what its task does not need",
        )
    };
    match ask {
        Ask::List(kind) => store.list(kind).await.map(Answer::Files),
        Ask::Read(kind, id, part) => {
            let file = name(kind, &id)?;
            store.read(&file, part).await.map(Answer::Bytes)
        }
        Ask::Write(kind, id) => {
            let file = name(kind, &id)?;
            if !what.may_write(kind) {
                return Err(forbidden());
            }
            store.write(&file, body).await.map(|()| Answer::Done)
        }
        Ask::Remove(kind, id) => {
            let file = name(kind, &id)?;
            if !what.may_remove(kind, &id) {
                return Err(forbidden());
            }
            store.remove(&file).await.map(|()| Answer::Done)
        }
    }
}
