//! A private containerd with its own root, state and socket.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::mount::MsFlags;

use crate::clean::{remove_tag, sweep_stale};
use crate::process::{Process, Tag};
use crate::tool::tool;

const READY: Duration = Duration::from_secs(30);

/// A running containerd. Dropping it kills every container of its tag and removes their cgroups,
/// mounts, network namespaces, links, nft tables and files.
#[derive(Debug)]
pub struct Containerd {
    process: Process,
    binary: PathBuf,
    tag: Tag,
    dir: PathBuf,
}

impl Containerd {
    /// Starts one and waits until it serves.
    ///
    /// # Errors
    /// When containerd or runc is missing (names the package) or it does not come up.
    pub fn start() -> Result<Self> {
        Self::start_on(None)
    }

    /// Starts one whose images and layers lie on a disk of their own, so large: to be filled.
    ///
    /// # Errors
    /// As [`Self::start`], and when the disk cannot be mounted.
    pub fn start_on_disk_of(bytes: u64) -> Result<Self> {
        Self::start_on(Some(bytes))
    }

    fn start_on(disk: Option<u64>) -> Result<Self> {
        sweep_stale();
        let binary = tool("containerd", "containerd")?;
        tool("runc", "runc")?;
        let tag = Tag::random();
        let dir = tag.make_dir()?;
        if let Some(bytes) = disk {
            mount_disk(&dir.join("root"), bytes)?;
        }
        std::fs::write(dir.join("containerd.toml"), conf(&dir)).context("write its config")?;
        let process = launch(&binary, &dir)?;
        let mut this = Self {
            process,
            binary,
            tag,
            dir,
        };
        this.wait_ready()?;
        Ok(this)
    }

    /// The gRPC socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join("c.sock")
    }

    /// The tag that every host object of this instance must carry.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.tag.as_str()
    }

    /// A containerd namespace that no other instance uses (cgroup paths contain it).
    #[must_use]
    pub fn namespace(&self) -> String {
        format!("warren-{}", self.tag)
    }

    /// Private runc root; the default one is shared by all instances of a machine.
    #[must_use]
    pub fn runc_root(&self) -> PathBuf {
        self.dir.join("runc")
    }

    /// Cgroup parent for containers, `/warren-<tag>`.
    #[must_use]
    pub fn cgroup_parent(&self) -> String {
        format!("/warren-{}", self.tag)
    }

    /// A /24 for the bridge, such as `10.88.17.0/24`, derived from the tag.
    #[must_use]
    pub fn subnet(&self) -> String {
        format!("10.88.{}.0/24", self.tag.number(256))
    }

    /// First of 1000 uids for servers, derived from the tag.
    #[must_use]
    pub fn uid_base(&self) -> u32 {
        300_000 + self.tag.number(500) * 1000
    }

    /// The instance's folder; a test may keep its own files below it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Process id of the daemon.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// SIGKILL to the daemon; containers and shims go on.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Orderly stop of the daemon; containers and shims go on.
    pub fn stop(&mut self) {
        self.process.stop(Duration::from_secs(10));
    }

    /// Starts the daemon again over the same files, after killing it if it still runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill9();
        self.process = launch(&self.binary, &self.dir)?;
        self.wait_ready()
    }

    /// All that the daemon has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// `ctr` bound to this instance and its namespace, for tests that look from outside.
    ///
    /// # Errors
    /// When ctr is missing.
    pub fn ctr(&self) -> Result<Command> {
        let mut command = Command::new(tool("ctr", "containerd")?);
        command
            .arg("-a")
            .arg(self.socket())
            .arg("-n")
            .arg(self.namespace());
        Ok(command)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let socket = self.socket();
        self.process
            .wait_ready(READY, || UnixStream::connect(&socket).is_ok())
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        // The daemon goes first: shims that die under a living daemon make it act on them.
        self.process.kill9();
        remove_tag(&self.tag);
    }
}

/// Mounts a small disk (a tmpfs) at a folder below an instance's, which unmounts it when dropped. Mounted already, it
/// gets the new size.
///
/// # Errors
/// When the folder cannot be made or the kernel refuses.
pub fn mount_disk(at: &Path, bytes: u64) -> Result<()> {
    std::fs::create_dir_all(at).with_context(|| format!("make {}", at.display()))?;
    let mounts = std::fs::read_to_string("/proc/self/mounts").context("read the mounts")?;
    let place = at.display().to_string();
    let again = mounts
        .lines()
        .any(|line| line.split(' ').nth(1) == Some(place.as_str()));
    let flags = if again {
        MsFlags::MS_REMOUNT
    } else {
        MsFlags::empty()
    };
    let size = format!("size={bytes},mode=0700");
    nix::mount::mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(size.as_str()))
        .with_context(|| format!("mount a disk of {bytes} bytes at {place}"))
}

fn launch(binary: &Path, dir: &Path) -> Result<Process> {
    // The socket file of a killed daemon stays behind and would look like a living one.
    drop(std::fs::remove_file(dir.join("c.sock")));
    let mut command = Command::new(binary);
    command.arg("-c").arg(dir.join("containerd.toml"));
    // Another version than the distribution's brings its own shim, which the daemon looks for by name.
    let beside = binary.parent().into_iter().map(Path::to_owned);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(beside.chain(std::env::split_paths(&path)));
    command.env("PATH", path.context("the PATH of containerd")?);
    Process::spawn("containerd", command, &dir.join("containerd.log"))
}

fn conf(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        r#"version = 2
root = "{dir}/root"
state = "{dir}/state"
disabled_plugins = [
    "io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt",
    "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
address = "{dir}/c.sock"
[ttrpc]
address = "{dir}/c.sock.ttrpc"
"#
    )
}
