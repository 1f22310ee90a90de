//! Child processes that never outlive the test, and the tags that mark what belongs to it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::Rng;

use crate::wait::eventually;

/// Six characters of `[a-z0-9]`, the first a letter, in the name of every host object of one test.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tag(String);

impl Tag {
    /// A random tag.
    #[must_use]
    pub fn random() -> Self {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut rng = rand::rng();
        let tail = (0..5).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]));
        Self(std::iter::once('t').chain(tail).collect())
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let clean = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        (text.len() == 6 && clean).then(|| Self(text.to_owned()))
    }

    /// The tag's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A number below `bound` derived from the tag, for subnets and the like.
    #[must_use]
    pub fn number(&self, bound: u32) -> u32 {
        self.0
            .bytes()
            .fold(0u32, |n, b| n.wrapping_mul(31).wrapping_add(u32::from(b)))
            % bound
    }

    /// `/tmp/wh-<tag>`: short, so that socket paths below it fit in 108 bytes.
    pub(crate) fn dir(&self) -> PathBuf {
        PathBuf::from(format!("/tmp/wh-{self}"))
    }

    /// Makes the tag's folder and writes down who owns it, which is what `sweep_stale` reads.
    pub(crate) fn make_dir(&self) -> Result<PathBuf> {
        let dir = self.dir();
        std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        let me = std::process::id();
        let owner = format!("{me} {}", start_time(me).unwrap_or_default());
        std::fs::write(dir.join("owner"), owner).context("write the owner file")?;
        Ok(dir)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Start time of a process in clock ticks since boot: with the pid it names a process for good.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces; what follows the last one has fixed columns.
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(19)?
        .parse()
        .ok()
}

type Job = Box<dyn FnOnce() + Send>;

/// Runs `job` on one thread that lives as long as the process.
///
/// The kernel sends the parent-death signal when the *thread* that forked ends, and a test's
/// thread ends long before the process where several tests share one.
fn on_spawner<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, inbox) = channel::<Job>();
        std::thread::spawn(move || inbox.into_iter().for_each(|job| job()));
        jobs
    });
    let (answer, wait) = channel();
    let job: Job = Box::new(move || drop(answer.send(job())));
    spawner
        .send(job)
        .map_err(|_| anyhow!("the spawning thread is gone"))?;
    wait.recv().context("the spawning thread died")
}

/// A child in its own session, killed when dropped or when the test process dies.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with stdin closed and both outputs appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be run; the program is named.
    pub fn spawn(name: &str, command: Command, log: &Path) -> Result<Self> {
        let out = append(log)?;
        let err = out.try_clone().context("clone the log's handle")?;
        let mut command = command;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        Self::spawn_with_stdio(name, command, log)
    }

    /// Starts `command` with the stdio that it carries; `log` is only remembered.
    ///
    /// # Errors
    /// When the program cannot be run.
    pub fn spawn_with_stdio(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let parent = Pid::this();
        // SAFETY: both calls are async-signal-safe and touch nothing of the parent's memory.
        unsafe {
            command.pre_exec(move || {
                nix::unistd::setsid()?;
                nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
                // The parent may have died before the line above took effect.
                if Pid::parent() != parent {
                    return Err(std::io::Error::other("parent is gone"));
                }
                Ok(())
            });
        }
        let shown = format!("{command:?}");
        let child = on_spawner(move || command.spawn())?.with_context(|| format!("run {shown}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Exit status if it has ended.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.pid()).context("pid out of range")?);
        kill(pid, signal).with_context(|| format!("send {signal} to {}", self.name))
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill9(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// SIGTERM, then SIGKILL after `grace`; gives the exit status of an orderly end.
    pub fn stop(&mut self, grace: Duration) -> Option<ExitStatus> {
        drop(self.signal(Signal::SIGTERM));
        let status = eventually("exit", grace, || self.try_wait()).ok();
        self.kill9();
        status
    }

    /// All that it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until `ready` holds; an early death or the limit is an error that carries the log.
    ///
    /// # Errors
    /// When the process ends or `limit` passes first.
    pub fn wait_ready(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let waited = eventually(&self.name.clone(), limit, || match self.try_wait() {
            Some(status) => Some(Err(anyhow!("{} ended with {status}", self.name))),
            None => ready().then_some(Ok(())),
        });
        waited.and_then(|ready| ready).with_context(|| {
            let log = self.log();
            let tail = log.char_indices().nth_back(2000).map_or(0, |(at, _)| at);
            format!(
                "{} is not ready; its log ends with:\n{}",
                self.name,
                &log[tail..]
            )
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

pub(crate) fn append(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("open {}", path.display()))
}

/// Runs a short command to its end and gives its stdout.
///
/// # Errors
/// When it cannot be run or fails; carries its stderr.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run {command:?}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(anyhow!(
            "{command:?} failed ({}): {}",
            output.status,
            stderr.trim()
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
