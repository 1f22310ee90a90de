//! Settings: compiled-in defaults, then the file, then `WARREN_AGENT_…` from the environment.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use warren_proto::address::IpRange;
use warren_proto::mount;
use warren_runtime::jail::TrashLimits;
use warren_runtime::runtime::RegistryAuth;

use crate::server::deps::DiskPolicy;

/// `config.default.toml`: the reference of all keys, for people.
pub const REFERENCE: &str = include_str!("../config.default.toml");

/// Where the file is if nobody says otherwise.
pub const DEFAULT_PATH: &str = "/etc/warren/agent.toml";

/// Files and directories in all that is kept of what people deleted from one server.
const DELETED_ENTRIES: u64 = 500_000;

/// Every key. A key that we do not know is named and refused: it is most often a slip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Everything the agent keeps, servers' files included.
    pub data_dir: PathBuf,
    /// containerd's gRPC socket.
    pub containerd_address: PathBuf,
    /// runc's state directory; containerd's own choice if empty.
    pub runc_root: Option<PathBuf>,
    /// 1 to 6 of `[a-z0-9]`: stands in the name of every host object, so that several nodes share a machine.
    pub tag: String,
    /// Absolute cgroup path below which containers are put; from the tag if empty.
    pub cgroup_parent: Option<String>,
    /// IPv4 range of the servers' bridge.
    pub bridge_subnet: String,
    /// First uid of the servers' range; each server has its own.
    pub uid_base: u32,
    /// Replaces the addresses learnt when joining.
    pub nats_urls: Vec<String>,
    /// Resolvers for servers; the machine's own if empty.
    pub resolvers: Vec<IpAddr>,
    /// Private ranges that every server may reach.
    pub egress_allow: Vec<String>,
    /// Addresses besides the public internet's that files may be downloaded from to servers.
    pub download_allow: Vec<String>,
    /// Registries spoken to over plain http, `host:port`. Loopback always is.
    pub insecure_registries: Vec<String>,
    /// PEM files of CAs that registries' certificates may come from, besides those the machine trusts.
    pub registry_ca_files: Vec<PathBuf>,
    /// Credentials by registry, for servers that bring none of their own.
    pub registry_logins: BTreeMap<String, RegistryLogin>,
    /// Directories of this machine below which servers may be given mounts. None: no mount at all, whatever control says.
    pub allowed_mounts: Vec<String>,
    /// Directories of this machine that backups may be kept in, the first where the panel names none. None:
    /// `backups` in the data directory.
    pub backup_dirs: Vec<PathBuf>,
    /// Below so many free bytes of the data disk consoles are given up; a full disk would wedge them.
    pub disk_floor_bytes: u64,
    /// What follows when a server's files outgrow their limit: `stop` or `warn`.
    pub disk_policy: DiskPolicy,
    /// What people delete can be had back for so long, seconds.
    pub deleted_keep_s: u64,
    /// And up to so many bytes for each server; 0: what is deleted is gone.
    pub deleted_keep_bytes: u64,
    /// And up to so many deletions.
    pub deleted_keep_items: u32,
    /// Console output above it is cut, bytes per second and server.
    pub console_rate_bytes: u64,
    /// A key that is older than this is changed for a new one when its credential is renewed, seconds.
    pub rotate_after_s: i64,
    /// A credential that ends sooner than this is renewed, seconds.
    pub renew_before_s: i64,
    /// `/metrics`, `/healthz`, `/readyz`; a loopback address, off if empty.
    pub metrics_listen: Option<SocketAddr>,
}

/// Who this node is at a registry. `Debug` never shows the secret.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryLogin {
    /// Empty: the password is a ready-made bearer token.
    #[serde(default)]
    pub username: String,
    /// Or token.
    pub password: String,
}

impl std::fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegistryLogin({}, ***)", self.username)
    }
}

impl RegistryLogin {
    /// As a pull wants it.
    pub fn auth(&self) -> RegistryAuth {
        match self.username.is_empty() {
            true => RegistryAuth::Bearer(self.password.clone()),
            false => RegistryAuth::Basic {
                username: self.username.clone(),
                password: self.password.clone(),
            },
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "/var/lib/warren".into(),
            containerd_address: "/run/containerd/containerd.sock".into(),
            runc_root: None,
            tag: "main".into(),
            cgroup_parent: None,
            bridge_subnet: "10.213.0.0/16".into(),
            uid_base: 700_000,
            nats_urls: Vec::new(),
            resolvers: Vec::new(),
            egress_allow: Vec::new(),
            download_allow: Vec::new(),
            insecure_registries: Vec::new(),
            registry_ca_files: Vec::new(),
            registry_logins: BTreeMap::new(),
            allowed_mounts: Vec::new(),
            backup_dirs: Vec::new(),
            disk_floor_bytes: 512 << 20,
            disk_policy: DiskPolicy::Stop,
            deleted_keep_s: 7 * 24 * 3600,
            deleted_keep_bytes: 2 << 30,
            deleted_keep_items: 1000,
            console_rate_bytes: 2 << 20,
            rotate_after_s: 365 * 24 * 3600,
            renew_before_s: 60 * 24 * 3600,
            metrics_listen: None,
        }
    }
}

impl Config {
    /// Reads and validates. A missing file is the defaults.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let env = std::env::vars();
        let env =
            env.filter_map(|(k, v)| Some((k.strip_prefix("WARREN_AGENT_")?.to_lowercase(), v)));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e).with_context(|| format!("read {}", path.display())),
        };
        Self::parse(&text, env).with_context(|| format!("settings of {}", path.display()))
    }

    fn parse(text: &str, env: impl Iterator<Item = (String, String)>) -> anyhow::Result<Self> {
        let mut table: toml::Table = toml::from_str(text)?;
        for (key, value) in env {
            // Numbers, lists and quoted text as in the file; anything else is text.
            let parsed = toml::from_str::<toml::Table>(&format!("v = {value}"));
            let parsed = parsed.ok().and_then(|mut t| t.remove("v"));
            table.insert(key, parsed.unwrap_or(toml::Value::String(value)));
        }
        let config: Self = table.try_into()?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> anyhow::Result<()> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if self.tag.is_empty() || self.tag.len() > 6 || !self.tag.chars().all(plain) {
            bail!("tag {:?}: 1 to 6 lower-case letters and digits", self.tag);
        }
        if !self.data_dir.is_absolute() {
            bail!("data_dir {:?} is no absolute path", self.data_dir);
        }
        if self.uid_base < 1000 {
            bail!("uid_base {} is in the range of system users", self.uid_base);
        }
        if let Some(at) = self.metrics_listen
            && !at.ip().is_loopback()
        {
            bail!("metrics_listen {at}: only a loopback address, nothing listens on the network");
        }
        if let Some(path) = self.registry_ca_files.iter().find(|p| !p.is_absolute()) {
            bail!("registry_ca_files: {path:?} is no absolute path");
        }
        if let Some(dir) = self.backup_dirs.iter().find(|d| !d.is_absolute()) {
            bail!("backup_dirs: {dir:?} is no absolute path");
        }
        self.validate_mounts()?;
        for (registry, login) in &self.registry_logins {
            if registry.is_empty() || registry.contains('/') {
                bail!("registry_logins: {registry:?} is no registry such as ghcr.io or host:5000");
            }
            if login.password.is_empty() {
                bail!("registry_logins: {registry:?} has no password");
            }
        }
        let ranges = self.egress_allow.iter().chain([&self.bridge_subnet]);
        for range in ranges {
            let parsed = range.parse::<warren_runtime::net::Ipv4Net>();
            parsed.with_context(|| format!("bridge_subnet or egress_allow {range:?}"))?;
        }
        self.download_allow()?;
        Ok(())
    }

    /// Where files may be downloaded from besides the public internet.
    /// # Errors
    /// Names the range that is none.
    pub fn download_allow(&self) -> anyhow::Result<Vec<IpRange>> {
        let read = |text: &String| text.parse::<IpRange>().context("download_allow");
        self.download_allow.iter().map(read).collect()
    }

    /// A mount shows a game what lies there: never Warren's own files, nor containerd's door.
    fn validate_mounts(&self) -> anyhow::Result<()> {
        let mut own = vec![
            Some(&self.data_dir),
            Some(&self.containerd_address),
            self.runc_root.as_ref(),
        ];
        own.extend(self.backup_dirs.iter().map(Some));
        for root in &self.allowed_mounts {
            if let Err(bad) = mount::source(root) {
                bail!("allowed_mounts: {root:?} {bad}");
            }
            let own = own.iter().flatten().map(|path| path.to_string_lossy());
            if let Some(own) = own.into_iter().find(|own| mount::overlap(own, root)) {
                bail!(
                    "allowed_mounts: {root:?} is, holds or lies in {own}, which no server may see"
                );
            }
        }
        Ok(())
    }

    /// How much of what people delete is kept for each server.
    pub fn deleted_limits(&self) -> TrashLimits {
        TrashLimits {
            items: usize::try_from(self.deleted_keep_items).unwrap_or(usize::MAX),
            entries: DELETED_ENTRIES,
            disk_bytes: self.deleted_keep_bytes,
            age: Duration::from_secs(self.deleted_keep_s),
        }
    }

    /// Where backups may be kept.
    pub fn backup_dirs(&self) -> Vec<PathBuf> {
        match self.backup_dirs.is_empty() {
            true => vec![self.data("backups")],
            false => self.backup_dirs.clone(),
        }
    }

    /// A file of the data directory.
    pub fn data(&self, name: &str) -> PathBuf {
        self.data_dir.join(name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str, env: &[(&str, &str)]) -> anyhow::Result<Config> {
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::parse(text, env)
    }

    #[test]
    fn the_environment_goes_over_the_file_and_the_file_over_defaults() {
        let config = parse(
            "tag = \"ab\"\nuid_base = 5000",
            &[("tag", "cd"), ("nats_urls", "[\"nats://a\"]")],
        );
        let config = config.unwrap();
        assert_eq!((config.tag.as_str(), config.uid_base), ("cd", 5000));
        assert_eq!(config.nats_urls, ["nats://a"]);
        assert_eq!(config.data_dir, Path::new("/var/lib/warren"));
    }

    #[test]
    fn the_reference_names_every_key_with_its_default() {
        let reference = parse(REFERENCE, &[]).unwrap();
        assert_eq!(reference, Config::default());
        let all = toml::Table::try_from(Config::default()).unwrap();
        for key in all.keys().map(String::as_str).chain(OPTIONAL) {
            let named = |line: &str| {
                let line = line.trim_start_matches(['#', ' ', '[']);
                line.split(['=', '.', ' ']).next() == Some(key)
            };
            assert!(REFERENCE.lines().any(named), "{key}");
        }
    }

    /// Without a default: TOML has no word for it.
    const OPTIONAL: [&str; 3] = ["runc_root", "cgroup_parent", "metrics_listen"];

    #[test]
    fn secrets_of_registries_do_not_show_and_bad_logins_are_named() {
        let config = parse(
            "[registry_logins.\"r.example:5000\"]\nusername = \"me\"\npassword = \"hunter2\"",
            &[],
        );
        let config = config.unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        for bad in [
            "[registry_logins.\"https://x/\"]\npassword = \"a\"",
            "[registry_logins.x]\npassword = \"\"",
            "[registry_logins.x]\npasword = \"a\"",
            "registry_ca_files = [\"ca.pem\"]",
        ] {
            let error = format!("{:#}", parse(bad, &[]).unwrap_err());
            assert!(
                error.contains("registry_") || error.contains("pasword"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_error_names_the_key() {
        for (text, key) in [
            ("tga = \"x\"", "tga"),
            ("tag = \"TOO-LONG\"", "tag"),
            ("uid_base = 0", "uid_base"),
            ("metrics_listen = \"0.0.0.0:9\"", "metrics_listen"),
            ("bridge_subnet = \"x\"", "bridge_subnet"),
            ("download_allow = [\"10.0.0.0/40\"]", "download_allow"),
            ("data_dir = \"x\"", "data_dir"),
            ("backup_dirs = [\"backups\"]", "backup_dirs"),
            (
                "backup_dirs = [\"/srv/b\"]\nallowed_mounts = [\"/srv\"]",
                "allowed_mounts",
            ),
            ("allowed_mounts = [\"/\"]", "allowed_mounts"),
            ("allowed_mounts = [\"srv\"]", "allowed_mounts"),
            ("allowed_mounts = [\"/srv/../etc\"]", "allowed_mounts"),
            ("allowed_mounts = [\"/etc\"]", "allowed_mounts"),
            ("allowed_mounts = [\"/var\"]", "allowed_mounts"),
            (
                "data_dir = \"/srv/w\"\nallowed_mounts = [\"/srv\"]",
                "allowed_mounts",
            ),
            (
                "data_dir = \"/srv/w\"\nallowed_mounts = [\"/srv/w/servers\"]",
                "allowed_mounts",
            ),
            (
                "containerd_address = \"/srv/c/c.sock\"\nallowed_mounts = [\"/srv/c\"]",
                "allowed_mounts",
            ),
        ] {
            let error = format!("{:#}", parse(text, &[]).unwrap_err());
            assert!(error.contains(key), "{error}");
        }
    }
}
