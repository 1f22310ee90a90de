//! One supervised program: started again when it ends, until told to stop.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::instance::Instance;

/// Pause before the first restart; doubled at each end that comes soon after its start.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between restarts.
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// A part that ran this long was well: its next restart is a first one again.
const WELL: Duration = Duration::from_secs(3);
/// A log larger than this many bytes is set aside as `.1`.
const LOG_BYTES: u64 = 64 << 20;

/// How to start a part.
#[derive(Debug, Clone)]
pub struct Program {
    /// Name of the pid file and log, and in messages.
    pub name: &'static str,
    /// Path of the binary.
    pub binary: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// How long it gets to end by itself after SIGTERM.
    pub grace: Duration,
}

/// A supervised part.
#[derive(Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    log: PathBuf,
    log_start: u64,
    ends: Arc<AtomicU32>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Part {
    /// Starts it and keeps it running.
    ///
    /// # Errors
    /// When the program cannot be started at all.
    pub fn start(instance: &Instance, program: Program) -> Result<Self> {
        let log = instance.log_file(program.name);
        let log_start = fs::metadata(&log).map_or(0, |meta| meta.len());
        let ends = Arc::new(AtomicU32::new(0));
        let stop = CancellationToken::new();
        let name = program.name;
        let first = spawn(instance, &program)?;
        let keeper = Keeper {
            instance: instance.clone(),
            program,
            ends: Arc::clone(&ends),
            stop: stop.clone(),
        };
        let task = tokio::spawn(keeper.run(first));
        Ok(Self {
            name,
            log,
            log_start,
            ends,
            stop,
            task,
        })
    }

    /// Waits until `probe` succeeds.
    ///
    /// # Errors
    /// When the part ended three times or `limit` passed; carries the end of its log.
    pub async fn ready<F, Fut>(&self, limit: Duration, mut probe: F) -> Result<()>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        let start = Instant::now();
        while !probe().await {
            if self.ends.load(Ordering::Relaxed) >= 3 {
                bail!(
                    "{} does not stay up; its log says:\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            if start.elapsed() > limit {
                let tail = self.log_tail();
                bail!(
                    "{} is not ready after {limit:?}; its log says:\n{tail}",
                    self.name
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Ends it in an orderly way.
    pub async fn stop(self) {
        self.stop.cancel();
        drop(self.task.await);
    }

    /// The last lines that it logged since this start.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let from = usize::try_from(self.log_start).unwrap_or(0).min(text.len());
        let text = String::from_utf8_lossy(&text[from..]).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(15)..];
        format!("{}\n  (all of it: {})", tail.join("\n"), self.log.display())
    }
}

/// The task behind a part.
struct Keeper {
    instance: Instance,
    program: Program,
    ends: Arc<AtomicU32>,
    stop: CancellationToken,
}

impl Keeper {
    async fn run(self, first: Child) {
        let mut child = first;
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let status = tokio::select! {
                status = child.wait() => status,
                () = self.stop.cancelled() => return self.end(child).await,
            };
            self.ends.fetch_add(1, Ordering::Relaxed);
            if started.elapsed() >= WELL {
                pause = FIRST_PAUSE;
            }
            self.note(&format!(
                "{}; starting it again in {pause:?}",
                ended(&self.program, status)
            ));
            let Some(next) = self.again(pause).await else {
                drop(fs::remove_file(self.instance.pid_file(self.program.name)));
                return;
            };
            child = next;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// The next process, or `None` when told to stop meanwhile.
    async fn again(&self, pause: Duration) -> Option<Child> {
        let mut pause = pause;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return None,
            }
            match spawn(&self.instance, &self.program) {
                Ok(child) => return Some(child),
                Err(error) => self.note(&format!("{error:#}")),
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    async fn end(&self, mut child: Child) {
        signal(&child, Signal::SIGTERM);
        if tokio::time::timeout(self.program.grace, child.wait())
            .await
            .is_err()
        {
            self.note(&format!(
                "{} ignored SIGTERM; killing it",
                self.program.name
            ));
            drop(child.kill().await);
        }
        drop(fs::remove_file(self.instance.pid_file(self.program.name)));
    }

    fn note(&self, text: &str) {
        note(&self.instance, text);
    }
}

/// A line in the supervisor's log and on the terminal.
pub fn note(instance: &Instance, text: &str) {
    eprintln!("warren: {text}");
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(instance.log_file("supervisor"));
    if let Ok(mut log) = log {
        let at = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64());
        drop(writeln!(log, "{at:.3} {text}"));
    }
}

fn ended(program: &Program, status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("{} ended with exit code {code}", program.name),
            (None, Some(signal)) => format!("{} was ended by signal {signal}", program.name),
            (None, None) => format!("{} ended", program.name),
        },
        Err(error) => format!("{} is gone: {error}", program.name),
    }
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        // It may have ended by itself just now.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

fn spawn(instance: &Instance, program: &Program) -> Result<Child> {
    let log = instance.log_file(program.name);
    set_aside(&log);
    let out = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log)
        .with_context(|| format!("open {}", log.display()))?;
    let err = out.try_clone().context("clone the log's handle")?;
    let mut command = Command::new(&program.binary);
    command
        .args(&program.args)
        .current_dir(&instance.data)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        // Ctrl-C on the terminal is for the supervisor alone, which ends its parts in order.
        .process_group(0);
    // SAFETY: prctl is async-signal-safe and touches nothing of the parent's memory.
    unsafe {
        command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?));
    }
    let child = command
        .spawn()
        .with_context(|| format!("start {}: {}", program.name, program.binary.display()))?;
    if let Some(pid) = child.id() {
        write_pid(&instance.pid_file(program.name), pid)?;
    }
    Ok(child)
}

/// Writes a pid file in one step, so that no reader ever finds half of it.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_pid(path: &Path, pid: u32) -> Result<()> {
    let temporary = path.with_extension("pid.new");
    fs::write(&temporary, format!("{pid}\n")).context("write a pid file")?;
    fs::rename(&temporary, path).with_context(|| format!("write {}", path.display()))
}

/// Copies a log that has grown too large to `.1` and empties it. The writers append, so they go on
/// at the new end.
pub fn set_aside(log: &Path) {
    if fs::metadata(log).is_ok_and(|meta| meta.len() > LOG_BYTES) {
        let old = log.with_extension("log.1");
        if fs::copy(log, old).is_ok() {
            drop(OpenOptions::new().write(true).truncate(true).open(log));
        }
    }
}
