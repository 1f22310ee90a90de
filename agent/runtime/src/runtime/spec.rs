//! What is needed to make one container.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use super::error::Error;
use super::image::ImageRef;
use super::limits::Limits;
use crate::host_dir::HostDir;

/// `[A-Za-z0-9]` with `_.-` between, at most 76 characters: what containerd accepts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId(String);

impl ContainerId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContainerId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |c: u8| c.is_ascii_alphanumeric();
        let bytes = text.as_bytes();
        let edges =
            matches!((bytes.first(), bytes.last()), (Some(a), Some(z)) if plain(*a) && plain(*z));
        let inner = bytes.iter().all(|c| plain(*c) || b"_.-".contains(c));
        let doubled = bytes
            .windows(2)
            .any(|pair| pair.iter().all(|c| b"_.-".contains(c)));
        if bytes.len() > 76 || !edges || !inner || doubled {
            return Err(Error::Invalid(format!("{text:?} is no container id")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One container to be created and started.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    pub id: ContainerId,
    /// Names this start; kept in a label and given back by every event and by `adopt`.
    pub run: String,
    /// Crash-safe memory of the caller. Key plus value at most 4096 bytes each.
    pub labels: BTreeMap<String, String>,
    /// Must be present, see `Runtime::pull`.
    pub image: ImageRef,
    /// Replaces the image's entrypoint and command. `None`: the image decides.
    pub args: Option<Vec<String>>,
    /// On top of the image's own; later entries win.
    pub env: Vec<(String, String)>,
    /// `None`: the image's, or `/`.
    pub cwd: Option<String>,
    pub uid: u32,
    pub gid: u32,
    pub mounts: Vec<BindMount>,
    /// Directories of others, which may be exchanged at any moment.
    pub host_dirs: Vec<HostMount>,
    pub console: Console,
    pub limits: Limits,
    pub root: RootFs,
    pub profile: Profile,
    pub hostname: String,
    /// Files that we generate and mount read-only over the image's. `None`: the image's own.
    pub host_files: Option<HostFiles>,
    /// A network namespace by path. `None`: an own one with nothing but a loopback device.
    pub netns: Option<PathBuf>,
    /// Size of the tmpfs at `/tmp` in bytes; zero leaves `/tmp` to the root filesystem.
    pub tmp_bytes: u64,
    /// 0..=1000, higher dies first. Never negative: that needs a right we may not have.
    pub oom_score_adj: u16,
}

/// A host directory or file seen inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindMount {
    pub source: PathBuf,
    /// Absolute path inside, without `..`.
    pub target: PathBuf,
    pub read_only: bool,
}

/// A directory of the host that is not ours. Nothing of the container runs before what was mounted has been found to be
/// the very directory that is held here, and read-only if that was asked, with all that is mounted below it.
#[derive(Debug, Clone)]
pub struct HostMount {
    pub dir: HostDir,
    /// Absolute path inside, without `..`.
    pub target: PathBuf,
    pub read_only: bool,
}

/// Where the container's terminal ends on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    pub tty: bool,
    /// A FIFO, made by `console::prepare`; `None`: no stdin.
    pub stdin: Option<PathBuf>,
    /// An existing regular file that grows for ever; only holes may be punched into it.
    pub stdout: PathBuf,
    /// Without a terminal: where stderr goes, `None` into `stdout` as well.
    pub stderr: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootFs {
    ReadOnly,
    /// Writable, from the clean image at each start, gone with the container.
    ThrowAway,
}

/// Which rights the first process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// No capability but those that a shell entrypoint may use on its own files.
    Game,
    /// Root inside with the short list that package managers need.
    Installer,
}

/// Input for the generated files, and the host directory to keep them in (one per container).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFiles {
    pub dir: PathBuf,
    /// Empty: no name resolution.
    pub resolvers: Vec<IpAddr>,
    /// Extra lines of `/etc/hosts`.
    pub hosts: Vec<(IpAddr, String)>,
    /// The container's own address, for its hostname in `/etc/hosts`.
    pub address: Option<IpAddr>,
    /// 32 hex digits, stable per server: some licences bind to it.
    pub machine_id: Option<String>,
    /// Name and home of `uid` in a generated `/etc/passwd` and `/etc/group`. `None`: the image's.
    pub user: Option<(String, String)>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_are_those_that_containerd_takes() {
        for good in ["a", "01j9z", "01j9z.install.1", "A-b_c.d"] {
            assert_eq!(good.parse::<ContainerId>().unwrap().as_str(), good);
        }
        let long = "x".repeat(77);
        for bad in [
            "",
            ".",
            "-a",
            "a-",
            "a/b",
            "a..b",
            "a b",
            "ä",
            long.as_str(),
        ] {
            assert!(bad.parse::<ContainerId>().is_err(), "{bad}");
        }
    }
}
