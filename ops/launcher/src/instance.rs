//! Where the files of one instance lie.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};

use crate::claim::Claim;

/// One Warren on this machine, named by its data folder.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Absolute path of the data folder.
    pub data: PathBuf,
    /// Its share of the machine's name spaces.
    pub claim: Claim,
}

impl Instance {
    /// Opens the folder, making it (0700) when `create`.
    ///
    /// # Errors
    /// When not root, or when the folder is missing or cannot be made.
    pub fn open(data: &Path, create: bool) -> Result<Self> {
        if !nix::unistd::geteuid().is_root() {
            bail!("must run as root: containers, network namespaces and nftables need it");
        }
        if create && !data.exists() {
            fs::create_dir_all(data).with_context(|| format!("make {}", data.display()))?;
            fs::set_permissions(data, fs::Permissions::from_mode(0o700)).context("close it")?;
        }
        let data =
            fs::canonicalize(data).with_context(|| format!("no instance at {}", data.display()))?;
        if !create && !data.join("instance.json").exists() {
            bail!("no instance at {}: it has no instance.json", data.display());
        }
        let claim = Claim::of(&data)?;
        let this = Self { data, claim };
        for dir in [
            "run",
            "log",
            "conf",
            "control",
            "gateway",
            "agent",
            "nats",
            "containerd",
        ] {
            let dir = this.data.join(dir);
            fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        }
        Ok(this)
    }

    /// `/run/warren-<tag>`: sockets, which must have short paths, and state that ends at a reboot.
    #[must_use]
    pub fn sockets(&self) -> PathBuf {
        Path::new("/run").join(format!("warren-{}", self.claim.tag))
    }

    /// Takes back what a start that failed at once has left under `/run`. Where games of an earlier
    /// start still run, their files lie there too, and all stays.
    pub fn release(&self) {
        let claim = self.sockets().join("claim.json");
        let files = fs::read_dir(self.sockets()).map_or(0, Iterator::count);
        if files == 1 && claim.exists() {
            drop(fs::remove_file(&claim));
            drop(fs::remove_dir(self.sockets()));
        }
    }

    /// `run/<name>.pid`.
    #[must_use]
    pub fn pid_file(&self, name: &str) -> PathBuf {
        self.data.join("run").join(format!("{name}.pid"))
    }

    /// `log/<name>.log`.
    #[must_use]
    pub fn log_file(&self, name: &str) -> PathBuf {
        self.data.join("log").join(format!("{name}.log"))
    }

    /// `conf/<name>`.
    #[must_use]
    pub fn conf_file(&self, name: &str) -> PathBuf {
        self.data.join("conf").join(name)
    }

    /// How the first admin gets in, 0600.
    #[must_use]
    pub fn admin_file(&self) -> PathBuf {
        self.data.join("admin.json")
    }

    /// What `up` says once all is ready; its presence means that all was.
    #[must_use]
    pub fn ready_file(&self) -> PathBuf {
        self.data.join("run/ready.json")
    }

    /// Socket of somebody else's containerd that the last `up` was told to use, if it was.
    ///
    /// # Errors
    /// When the agent's configuration is damaged.
    pub fn given_containerd(&self) -> Result<Option<PathBuf>> {
        let path = self.conf_file("agent.toml");
        let Ok(text) = fs::read_to_string(&path) else {
            return Ok(None);
        };
        let table: toml::Table =
            toml::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
        let used = table.get("containerd_address").and_then(|v| v.as_str());
        Ok(used
            .map(PathBuf::from)
            .filter(|used| *used != self.private_containerd()))
    }

    /// Socket of the private containerd.
    #[must_use]
    pub fn private_containerd(&self) -> PathBuf {
        self.sockets().join("containerd.sock")
    }

    /// containerd namespace of the local node.
    #[must_use]
    pub fn namespace(&self) -> String {
        format!("warren-{}", self.claim.tag)
    }

    /// Process that supervises this instance, if one does.
    #[must_use]
    pub fn supervisor(&self) -> Option<i32> {
        // The lock, not the pid file, tells whether it lives: pids come round again.
        if self.try_lock().ok()?.is_some() {
            return None;
        }
        read_pid(&self.pid_file("supervisor"))
    }

    /// The lock that a supervisor holds for its lifetime; `None` when another holds it.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub fn try_lock(&self) -> Result<Option<Flock<File>>> {
        let path = self.data.join("run/lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("open {}", path.display()))?;
        Ok(Flock::lock(file, FlockArg::LockExclusiveNonblock).ok())
    }
}

/// The pid in a pid file.
#[must_use]
pub fn read_pid(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Writes a file that only root may read.
///
/// # Errors
/// When it cannot be written.
pub fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let temporary = path.with_extension("new");
    drop(fs::remove_file(&temporary));
    let mut file = File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)
        .with_context(|| format!("open {}", temporary.display()))?;
    file.write_all(text.as_bytes()).context("write it")?;
    file.sync_all().context("sync it")?;
    fs::rename(&temporary, path).with_context(|| format!("write {}", path.display()))
}
