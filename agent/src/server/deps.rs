//! What all servers of a node share.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use warren_proto::address::IpRange;
use warren_proto::ids::ServerId;
use warren_proto::wire;
use warren_runtime::Runtime;
use warren_runtime::jail::TrashLimits;
use warren_runtime::net::Network;
use warren_runtime::runtime::{ImageRef, RegistryAuth};

use super::ports::Watched;
use super::start::Failure;
use crate::config::RegistryLogin;
use crate::console::Consoles;
use crate::job::Jobs;
use crate::journal::Journal;
use crate::ledger::Ledger;

/// What follows when a server's files outgrow their limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskPolicy {
    /// Stop it, with its grace.
    #[default]
    Stop,
    /// Say so in its console.
    Warn,
}

/// Settings of the node that concern servers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `<data>/servers`: one directory of files per server.
    pub servers_dir: PathBuf,
    /// `<data>/trash`: files of removed servers until their time has come.
    pub trash_dir: PathBuf,
    /// `<data>/deleted`: one directory per server of what people deleted from its files.
    pub deleted_dir: PathBuf,
    /// How much of that is kept, for each server.
    pub deleted_limits: TrashLimits,
    /// `<data>/run`: generated files of containers.
    pub run_dir: PathBuf,
    /// First uid of this node's range.
    pub uid_base: u32,
    /// Resolvers that servers are given.
    pub resolvers: Vec<IpAddr>,
    /// Address of the bridge, for eggs that ask for it.
    pub bridge_address: String,
    /// Size of `/tmp` in a container, bytes.
    pub tmp_bytes: u64,
    /// The kernel's id of this boot of the machine.
    pub host_boot: String,
    /// See [`DiskPolicy`].
    pub disk_policy: DiskPolicy,
    /// See the setting.
    pub disk_floor_bytes: u64,
    /// Directories below which servers may be given mounts.
    pub allowed_mounts: Vec<String>,
    /// Addresses besides the public internet's that files may be downloaded from.
    pub download_allow: Vec<IpRange>,
    /// `<data>/restore`: files on their way into a server's directory; on the same disk.
    pub restore_dir: PathBuf,
    /// `<data>/transfers`: files of servers on their way from another node; on the same disk.
    pub transfer_dir: PathBuf,
    /// Directories that backups may be kept in; the first where a store names none.
    pub backup_dirs: Vec<PathBuf>,
    /// The program that backup workers are: this one.
    pub worker_exe: PathBuf,
    /// Below it are the cgroups of this node.
    pub cgroup_parent: String,
    /// The node's own credentials, by registry.
    pub registry_logins: BTreeMap<String, RegistryLogin>,
}

impl Settings {
    /// Where a server's files are.
    pub fn files_of(&self, server: ServerId) -> PathBuf {
        self.servers_dir.join(server.to_string())
    }

    /// Where what people delete from a server's files is kept for a while.
    pub fn deleted_of(&self, server: ServerId) -> PathBuf {
        self.deleted_dir.join(server.to_string())
    }

    /// The server's own credentials, else the node's for that registry.
    pub fn auth(&self, image: &ImageRef, own: RegistryAuth) -> RegistryAuth {
        if own != RegistryAuth::Anonymous {
            return own;
        }
        let name = warren_proto::image::normal(image.registry());
        let login = self.registry_logins.get(&name);
        login.map_or(own, RegistryLogin::auth)
    }
}

/// Handed to every actor.
pub struct Deps {
    /// See there.
    pub settings: Settings,
    /// Containers.
    pub runtime: Arc<dyn Runtime>,
    /// Namespaces and ports.
    pub network: Arc<dyn Network>,
    /// Wanted state and memories.
    pub ledger: Arc<Ledger>,
    /// Facts.
    pub journal: Journal,
    /// Spools and our own lines.
    pub consoles: Arc<Consoles>,
    /// Ports that others held when a server was to have them.
    pub watched_ports: Watched,
    /// Jobs beside games, and the work of those that hold a server.
    pub jobs: Jobs,
}

impl Deps {
    /// Whether the data disk and containerd's have room for something new.
    /// # Errors
    /// `disk_full` with the figures and what to do.
    pub async fn room(&self) -> Result<(), Failure> {
        self.data_room()?;
        match self.runtime.room().await {
            Err(full @ warren_runtime::Error::DiskFull(_)) => Err(full.into()),
            // An engine that is away says so itself when it is asked for more.
            _ => Ok(()),
        }
    }

    fn data_room(&self) -> Result<(), Failure> {
        let (dir, floor) = (&self.settings.servers_dir, self.settings.disk_floor_bytes);
        // A disk that can't be asked says so itself when it is written to.
        let Ok(free) = warren_runtime::console::free_bytes(dir) else {
            return Ok(());
        };
        if free >= floor {
            return Ok(());
        }
        let text = format!(
            "only {} MiB are free on the disk of {}, and {} MiB must stay free (disk_floor_bytes): free space on it, then try again",
            free >> 20,
            dir.display(),
            floor >> 20
        );
        Err(Failure::new("disk_full", text))
    }

    /// A fact about a server that nobody waits for.
    pub fn fact(&self, server: ServerId, generation: u64, what: wire::fact::What) {
        self.journal.push(wire::Fact {
            server: server.to_string(),
            generation,
            what: Some(what),
            ..Default::default()
        });
    }
}
