//! The real machine below a node, and what keeps two agents apart.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use warren_runtime::containerd::{self, Containerd};
use warren_runtime::net::{LinuxNetwork, NetConfig};

use crate::config::Config;
use crate::host;
use crate::node::Machine;

/// containerd and the kernel's network. Does not wait for containerd.
pub fn open(config: &Config) -> anyhow::Result<Machine> {
    let mut engine = containerd::Config::tagged(&config.containerd_address, &config.tag)?;
    engine.runc_root.clone_from(&config.runc_root);
    engine
        .insecure_registries
        .clone_from(&config.insecure_registries);
    engine
        .registry_ca_files
        .clone_from(&config.registry_ca_files);
    engine.disk_floor_bytes = config.disk_floor_bytes;
    if let Some(parent) = &config.cgroup_parent {
        engine.cgroup_parent.clone_from(parent);
    }
    let resolvers = match config.resolvers.is_empty() {
        true => host::resolvers(),
        false => config.resolvers.clone(),
    };
    let v4 = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    };
    let allow = config.egress_allow.iter().map(|range| range.parse());
    let network = NetConfig {
        tag: config.tag.clone(),
        subnet: config.bridge_subnet.parse()?,
        resolvers: resolvers.into_iter().filter_map(v4).collect(),
        allow: allow.collect::<Result<_, _>>()?,
    };
    Ok(Machine {
        runtime: Arc::new(Containerd::new(engine)?),
        network: Arc::new(LinuxNetwork::new(network)?),
    })
}

/// Held while an agent works with a data directory.
/// # Errors
/// Names who holds it.
pub fn lock(data_dir: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(data_dir).map_err(crate::disk::at("create", data_dir))?;
    // Installers run as root and may leave a setuid program among a server's files: nobody else on this machine
    // may get there, nor read the variables of servers.
    let closed = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(data_dir, closed).map_err(crate::disk::at("close", data_dir))?;
    let path = data_dir.join("lock");
    let mut file = File::options()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("open {}", path.display()))?;
    let flag = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    if rustix::fs::flock(&file, flag).is_err() {
        let mut pid = String::new();
        file.read_to_string(&mut pid)?;
        bail!(
            "another agent (pid {}) works with {}; end it first",
            pid.trim(),
            data_dir.display()
        );
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// A settings file for people to find, if there is none.
pub fn ensure_config(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(crate::disk::at("create", dir))?;
    }
    let text = "# Settings of warren-agent; without a line here the default holds. All of them: warren-agent settings\n";
    crate::disk::write_atomic(path, text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn two_agents_never_share_a_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        let refused = lock(dir.path()).unwrap_err().to_string();
        assert!(
            refused.contains(&std::process::id().to_string()),
            "{refused}"
        );
        drop(held);
        lock(dir.path()).unwrap();
    }
}
