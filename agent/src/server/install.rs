//! Install scripts: as root in a throw-away container, with a limit of time, and their exit code
//! counts.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use warren_proto::ids::{JobId, RunId, ServerId};
use warren_proto::wire;
use warren_proto::wire::job_ended::Made;
use warren_runtime::jail::{Jail, RelPath};
use warren_runtime::net::{NetKey, NetSpec};
use warren_runtime::runtime::{
    BindMount, Console, ContainerId, ContainerSpec, ImageRef, Profile, PullPolicy, RootFs,
};

use super::deps::Deps;
use super::memory::Ended;
use super::start::{self, Failure, blocking};
use super::{convert, label};
use crate::clock;
use crate::console::Paths;
use crate::disk::at;

/// When control names none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);
/// How often a running script's disk is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long SIGKILL may take to show.
const KILL_WAIT: Duration = Duration::from_secs(20);
/// Between two tries to remove the script's container, at first and at last.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LAST_WAIT: Duration = Duration::from_secs(5);
/// What an egg's package managers write to `/tmp`.
const TMP_BYTES: u64 = 256 << 20;

/// Code of a job whose script may still run.
pub const INTERRUPTED: &str = "interrupted";

/// Told percent (-1 unknown) and step.
pub type Progress = Box<dyn Fn(f64, &str) + Send + Sync>;
/// Asked right before the container is made; answered once that is on disk. False: the disk did not take it.
pub type Committing = Box<dyn Fn() -> futures_util::future::BoxFuture<'static, bool> + Send + Sync>;

/// One install, seen from the task that does it.
pub struct Install {
    /// Shared things.
    pub deps: Arc<Deps>,
    /// Which server.
    pub server: ServerId,
    /// Control's row.
    pub row: wire::WantedServer,
    /// The job.
    pub job: JobId,
    /// Remove all files first.
    pub wipe: bool,
    /// Names the script's container; its console is INSTALL's stream.
    pub run: RunId,
    /// Unix milliseconds at which an earlier process started the script that runs.
    pub begun_at_ms: Option<i64>,
    /// Files of that console.
    pub paths: Paths,
    /// Ends the job.
    pub cancel: CancellationToken,
    /// How the script's container ended, told by the actor.
    pub exits: mpsc::Receiver<Ended>,
    /// Percent (-1 unknown) and step, for who asks.
    pub progress: Progress,
    /// Asked right before the container is made; answered once that is on disk.
    pub committing: Committing,
}

/// How it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What came of it, or why nothing.
    pub result: Result<Option<Made>, Failure>,
    /// Of the script.
    pub exit_code: Option<i32>,
}

impl Outcome {
    /// Of a job that runs no script.
    pub fn of(result: Result<Option<Made>, Failure>) -> Self {
        Self {
            result,
            exit_code: None,
        }
    }
}

/// The container of a server's install script.
pub fn container_of(server: ServerId) -> Result<ContainerId, Failure> {
    Ok(format!("{server}.install").parse()?)
}

impl Install {
    /// All of it. `running` is true when the script's container was found after a restart.
    pub async fn run(mut self, running: bool) -> Outcome {
        let mut exit_code = None;
        let result = self.steps(running, &mut exit_code).await.map(|()| None);
        if result.as_ref().is_err_and(|f| f.code == INTERRUPTED) {
            // The agent is stopping, the script is not: the next process goes on with it.
            return Outcome { result, exit_code };
        }
        if !self.clean_up().await {
            let result = Err(interrupted());
            return Outcome { result, exit_code };
        }
        // Whoever called it off while it was being cleared away has called it off, whatever went wrong before.
        let result = match result {
            Err(_) if self.cancel.is_cancelled() => Err(cancelled()),
            result => result,
        };
        Outcome { result, exit_code }
    }

    async fn steps(&mut self, running: bool, exit_code: &mut Option<i32>) -> Result<(), Failure> {
        if !running {
            self.prepare().await?;
            if !(self.committing)().await {
                // Unwritten, a restart would run the script a second time.
                let text =
                    "the data directory takes no writes: free disk space, then install again";
                return Err(Failure::new("disk_full", text));
            }
            self.check()?;
            self.start().await?;
        }
        (self.progress)(-1.0, "running the install script");
        let ended = self.wait().await?;
        *exit_code = ended.code;
        self.judge(ended).await?;
        (self.progress)(-1.0, "giving the files to the server");
        self.own().await
    }

    fn check(&self) -> Result<(), Failure> {
        match self.cancel.is_cancelled() {
            true => Err(cancelled()),
            false => Ok(()),
        }
    }

    fn spec(&self) -> wire::ServerSpec {
        self.row.spec.clone().unwrap_or_default()
    }

    async fn prepare(&self) -> Result<(), Failure> {
        let spec = self.spec();
        let install = spec.install.clone().unwrap_or_default();
        let image: ImageRef = install.image.parse()?;
        self.deps.room().await?;
        (self.progress)(0.0, "pulling the image");
        let progress = |percent| (self.progress)(percent, "pulling the image");
        let auth = convert::auth(&spec, &install.image);
        let policy = PullPolicy::Always;
        start::pull(
            &self.deps,
            self.server,
            &image,
            auth,
            policy,
            &self.cancel,
            progress,
        )
        .await?;
        self.check()?;
        // What a crash of ours may have left still has the script's directory in its hands.
        self.deps
            .runtime
            .delete(&container_of(self.server)?)
            .await?;
        let (deps, server, wipe) = (self.deps.clone(), self.server, self.wipe);
        let script_dir = self.script_dir();
        blocking(move || {
            let uid = start::uid_of(&deps, server)?;
            let root = deps.settings.files_of(server);
            start::ensure_root(&root, uid)?;
            if wipe {
                Jail::open(&root)?.delete(&RelPath::root())?;
                deps.consoles.say(server, "all files were removed");
            }
            let script = install.script.replace("\r\n", "\n");
            Ok(put_script(&script_dir, &script)?)
        })
        .await
    }

    fn script_dir(&self) -> PathBuf {
        script_dir(&self.deps, self.server)
    }

    fn host_dir(&self) -> PathBuf {
        host_dir(&self.deps, self.server)
    }

    async fn start(&self) -> Result<(), Failure> {
        let spec = self.spec();
        let install = spec.install.clone().unwrap_or_default();
        let key: NetKey = self.server.to_string().parse()?;
        let net = NetSpec {
            publish: Vec::new(),
            ..convert::network(&spec)?
        };
        let attached = self.deps.network.ensure(&key, &net).await?;
        let id = container_of(self.server)?;
        self.deps.runtime.delete(&id).await?;
        let mut args: Vec<String> = install
            .entrypoint
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        if args.is_empty() {
            args.push("sh".into());
        }
        args.push("/mnt/install/install.sh".into());
        let mut host_files = start::host_files(&self.deps, self.server, &attached);
        // Not below the script's directory: that one is the script's to change, and whoever swaps a directory
        // for a symlink there would choose where on this machine we write and remove as root.
        host_files.dir = self.host_dir();
        host_files.user = None;
        let mount = |source: PathBuf, target: &str| BindMount {
            source,
            target: target.into(),
            read_only: false,
        };
        let script_dir = self.script_dir();
        let container = ContainerSpec {
            id,
            run: self.run.to_string(),
            labels: label::install(self.server, self.run, self.job),
            image: install.image.parse()?,
            args: Some(args),
            env: convert::env(&install.env)?,
            cwd: None,
            uid: 0,
            gid: 0,
            mounts: vec![
                mount(self.deps.settings.files_of(self.server), "/mnt/server"),
                mount(script_dir, "/mnt/install"),
            ],
            // Root inside is root in a directory of the host too: what a game may at most do there, a script must not.
            host_dirs: Vec::new(),
            console: Console {
                tty: true,
                stdin: Some(self.paths.stdin.clone()),
                stdout: self.paths.stdout.clone(),
                stderr: None,
            },
            limits: convert::limits(install.limits.as_ref()),
            root: RootFs::ThrowAway,
            profile: Profile::Installer,
            hostname: "installer".into(),
            host_files: Some(host_files),
            netns: Some(attached.netns),
            tmp_bytes: TMP_BYTES,
            oom_score_adj: 500,
        };
        self.deps.runtime.create_and_start(container).await?;
        Ok(())
    }

    /// Waits for the script's end, at most its time, and kills it on time-out and cancel.
    async fn wait(&mut self) -> Result<Ended, Failure> {
        let install = self.spec().install.unwrap_or_default();
        let limit = match install.timeout_s {
            0 => DEFAULT_TIMEOUT,
            s => Duration::from_secs(u64::from(s)),
        };
        // A script that an earlier process started has had a part of its time.
        let had_ms = self.begun_at_ms.map_or(0, |at| clock::wall_ms() - at);
        let left = limit.saturating_sub(Duration::from_millis(had_ms.max(0).unsigned_abs()));
        let failure = tokio::select! {
            ended = self.exits.recv() => {
                return ended.ok_or_else(interrupted);
            }
            () = self.cancel.cancelled() => cancelled(),
            () = tokio::time::sleep(left) => Failure::new(
                "install_timeout",
                format!("the install script took longer than {} s and was ended", limit.as_secs()),
            ),
            full = run_out(&self.deps) => full,
        };
        let id = container_of(self.server)?;
        match self.deps.runtime.kill(&id, 9, true).await {
            // Its last bytes belong to the log; an exit that never comes must not hold the job.
            Ok(()) => drop(tokio::time::timeout(KILL_WAIT, self.exits.recv()).await),
            // The clean-up below goes on until the script is gone.
            Err(e) => warn!(server.id = %self.server, "the install script lives on for now: {e}"),
        }
        Err(failure)
    }

    async fn judge(&self, ended: Ended) -> Result<(), Failure> {
        // A script that the full disk has failed says so in as many ways as there are programs.
        if ended.code != Some(0)
            && let Err(full) = self.deps.room().await
        {
            return Err(full);
        }
        match ended.code {
            Some(0) if !ended.oom => Ok(()),
            Some(code) => Err(Failure::new(
                "install_failed",
                format!(
                    "the install script failed: {}",
                    super::lifecycle::describe_exit(code, ended.oom)
                ),
            )),
            None => Err(Failure::new(
                "install_failed",
                "the install script's container vanished without an exit code",
            )),
        }
    }

    async fn own(&self) -> Result<(), Failure> {
        let (deps, server) = (self.deps.clone(), self.server);
        blocking(move || {
            let uid = start::uid_of(&deps, server)?;
            let root = deps.settings.files_of(server);
            Jail::open(&root)?.chown_all(&RelPath::root(), uid, uid)?;
            Ok(())
        })
        .await
    }

    /// Ends and removes what the job has made. The job must not end before: nothing else may have the files
    /// while a script could still write. False: the agent is stopping, and the next process goes on.
    async fn clean_up(&mut self) -> bool {
        let Ok(id) = container_of(self.server) else {
            return true;
        };
        let mut wait = FIRST_WAIT;
        while let Err(e) = self.deps.runtime.delete(&id).await {
            if wait == FIRST_WAIT {
                let text = format!("waiting for the install container to go: {e}");
                warn!(server.id = %self.server, "{text}");
                self.deps.consoles.say(self.server, &text);
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LAST_WAIT),
                // An exit is no news here; the channel's end is.
                ended = self.exits.recv() => if ended.is_none() { return false },
            }
        }
        self.deps.consoles.server(self.server).end(self.run);
        remove_dirs(&self.deps, self.server).await;
        true
    }
}

/// Removes what a job whose script is gone has left; what stays is removed by the next start or job.
pub async fn sweep(deps: &Deps, server: ServerId) {
    if let Ok(id) = container_of(server)
        && let Err(e) = deps.runtime.delete(&id).await
    {
        warn!(server.id = %server, "the install container stays for now: {e}");
    }
    remove_dirs(deps, server).await;
}

async fn remove_dirs(deps: &Deps, server: ServerId) {
    let _ = tokio::fs::remove_dir_all(script_dir(deps, server)).await;
    let _ = tokio::fs::remove_dir_all(host_dir(deps, server)).await;
}

fn script_dir(deps: &Deps, server: ServerId) -> PathBuf {
    deps.settings.run_dir.join(format!("{server}.install"))
}

fn host_dir(deps: &Deps, server: ServerId) -> PathBuf {
    deps.settings.run_dir.join(format!("{server}.install-etc"))
}

/// Resolves once a script has brought the disk below its floor.
async fn run_out(deps: &Deps) -> Failure {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(full) = deps.room().await {
            return Failure {
                detail: format!("the install script was ended: {}", full.detail),
                ..full
            };
        }
    }
}

/// A directory of its own with nothing but the script. What an earlier script left is removed, never written
/// through: it may be a symlink to anywhere on this machine.
fn put_script(dir: &Path, script: &str) -> std::io::Result<()> {
    let removed = match std::fs::symlink_metadata(dir) {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(dir),
        Ok(_) => std::fs::remove_file(dir),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    // Not `_all` for the last step: what stands there again would be somebody's.
    std::fs::create_dir_all(dir.parent().unwrap_or(dir)).map_err(at("create", dir))?;
    std::fs::create_dir(dir).map_err(at("create", dir))?;
    let path = dir.join("install.sh");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(at("create", &path))?;
    file.write_all(script.as_bytes())
        .map_err(at("write", &path))
}

fn interrupted() -> Failure {
    Failure::new(INTERRUPTED, "the agent is stopping")
}

fn cancelled() -> Failure {
    Failure::new("cancelled", "the job was cancelled")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_script_is_never_written_through_what_an_earlier_one_left() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, host) = (temp.path().join("x.install"), temp.path().join("host"));
        std::fs::write(&host, "theirs").unwrap();
        std::fs::create_dir(&dir).unwrap();
        std::os::unix::fs::symlink(&host, dir.join("install.sh")).unwrap();
        put_script(&dir, "one").unwrap();
        assert_eq!(std::fs::read_to_string(&host).unwrap(), "theirs");
        assert_eq!(
            std::fs::read_to_string(dir.join("install.sh")).unwrap(),
            "one"
        );
        // The directory itself.
        let elsewhere = temp.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::write(elsewhere.join("kept"), "").unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &dir).unwrap();
        put_script(&dir, "two").unwrap();
        assert!(elsewhere.join("kept").exists() && !elsewhere.join("install.sh").exists());
        assert_eq!(
            std::fs::read_to_string(dir.join("install.sh")).unwrap(),
            "two"
        );
    }
}
