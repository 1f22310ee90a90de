//! Writing each program's configuration from the options of `up`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use toml::{Table, Value};

use crate::args::UpArgs;
use crate::instance::{Instance, write_secret};
use crate::nats;

/// Where people expect it.
const SFTP_PORT: u16 = 2022;

/// What `warren-control init` says it made.
#[derive(Debug, Clone, Deserialize)]
pub struct Made {
    /// Configuration for nats-server.
    pub nats_conf: PathBuf,
    /// NATS credential of the gateway.
    pub gateway_creds: PathBuf,
    /// Key file that seals control's keys.
    pub key_file: PathBuf,
    /// Certificate authority of NATS and of what control serves.
    pub ca: PathBuf,
    /// Whether nats-server speaks TLS.
    #[serde(default)]
    pub nats_tls: bool,
    /// Address under which programs of this machine reach NATS.
    pub nats_url: String,
}

/// Everything that the configuration files need to know.
#[derive(Debug)]
pub struct Conf<'a> {
    /// The instance.
    pub instance: &'a Instance,
    /// The options.
    pub args: &'a UpArgs,
    /// What init made.
    pub made: &'a Made,
}

impl Conf<'_> {
    /// Writes all of them.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self) -> Result<()> {
        let sftp = self.sftp_port();
        self.control(sftp)?;
        self.gateway(sftp)?;
        self.agent()
    }

    /// Addresses of NATS for programs of this machine.
    #[must_use]
    pub fn nats_urls(&self) -> Vec<String> {
        let own = || self.made.nats_url.clone();
        let urls = self.args.nats.clone().unwrap_or_else(own);
        urls.split(',').map(|url| url.trim().to_owned()).collect()
    }

    fn control(&self, sftp: u16) -> Result<()> {
        let (args, instance) = (self.args, self.instance);
        let host = if args.public { "0.0.0.0" } else { "127.0.0.1" };
        let mut table = Table::new();
        set(
            &mut table,
            "data_dir",
            instance.data.join("control").display().to_string(),
        );
        set(&mut table, "http_listen", format!("{host}:{}", args.port));
        set(&mut table, "public_url", public_url(args));
        set(
            &mut table,
            "key_file",
            self.made.key_file.display().to_string(),
        );
        set(
            &mut table,
            "gateway_upstream",
            format!("127.0.0.1:{}", args.gateway_port),
        );
        table.insert("sftp_port".into(), Value::Integer(sftp.into()));
        set(
            &mut table,
            "install_dir",
            args.bin_dir.display().to_string(),
        );
        table.insert("nats_urls".into(), list(self.nats_urls()));
        if let Some(database) = &args.postgres {
            set(&mut table, "database_url", database.clone());
        }
        if self.made.nats_tls {
            set(&mut table, "nats_ca", self.made.ca.display().to_string());
        }
        if let Some(address) = &args.address {
            set(&mut table, "address", address.clone());
        }
        table.insert("nats_public_urls".into(), list(nats_public_urls(args)));
        let web = args.source_dir.join("web/dist");
        if web.join("index.html").exists() {
            set(&mut table, "web_dir", web.display().to_string());
        }
        table.insert("tls".into(), Value::Table(tls(args)));
        self.save("control.toml", &table)
    }

    fn gateway(&self, sftp: u16) -> Result<()> {
        let mut table = Table::new();
        set(
            &mut table,
            "listen",
            format!("127.0.0.1:{}", self.args.gateway_port),
        );
        set(
            &mut table,
            "creds_file",
            self.made.gateway_creds.display().to_string(),
        );
        table.insert("nats_urls".into(), list(self.nats_urls()));
        if self.made.nats_tls {
            set(&mut table, "nats_ca", self.made.ca.display().to_string());
        }
        let host = if self.args.public {
            "0.0.0.0"
        } else {
            "127.0.0.1"
        };
        let listen = match sftp {
            0 => "off".into(),
            port => format!("{host}:{port}"),
        };
        let mut own = Table::new();
        set(&mut own, "listen", listen);
        table.insert("sftp".into(), Value::Table(own));
        self.save("gateway.toml", &table)
    }

    /// What was asked for, what was there before, the usual one, or a free one: clients remember it.
    fn sftp_port(&self) -> u16 {
        if let Some(port) = self.args.sftp_port {
            return port;
        }
        let kept = fs::read_to_string(self.instance.conf_file("gateway.toml"));
        let kept = kept.ok().and_then(|text| text.parse::<Table>().ok());
        let listen = kept
            .as_ref()
            .and_then(|t| t.get("sftp")?.get("listen")?.as_str());
        let kept = listen.and_then(|text| text.rsplit_once(':')?.1.parse().ok());
        if let Some(port) = kept.filter(|port| *port != 0) {
            return port;
        }
        let free = |port| std::net::TcpListener::bind(("0.0.0.0", port)).ok();
        let found = free(SFTP_PORT).or_else(|| free(0));
        found
            .and_then(|listener| listener.local_addr().ok())
            .map_or(SFTP_PORT, |address| address.port())
    }

    fn agent(&self) -> Result<()> {
        let instance = self.instance;
        let path = instance.conf_file("agent.toml");
        // What joining added to the file (addresses, node) stays; ours is set anew.
        let before = fs::read_to_string(&path).unwrap_or_default();
        let mut table: Table =
            toml::from_str(&before).with_context(|| format!("{} is damaged", path.display()))?;
        set(
            &mut table,
            "data_dir",
            instance.data.join("agent").display().to_string(),
        );
        set(
            &mut table,
            "containerd_address",
            self.containerd_socket().display().to_string(),
        );
        set(
            &mut table,
            "runc_root",
            instance.sockets().join("runc").display().to_string(),
        );
        set(&mut table, "tag", instance.claim.tag.clone());
        set(
            &mut table,
            "cgroup_parent",
            format!("/warren-{}", instance.claim.tag),
        );
        set(&mut table, "bridge_subnet", instance.claim.subnet.clone());
        // On its own machine the node needs no public address, which may change under it.
        table.insert("nats_urls".into(), list(self.nats_urls()));
        let listen = format!("127.0.0.1:{}", self.args.agent_port);
        set(&mut table, "metrics_listen", listen);
        table.insert(
            "uid_base".into(),
            Value::Integer(instance.claim.uid_base.into()),
        );
        self.save("agent.toml", &table)
    }

    /// containerd's socket: the private one or the one given.
    #[must_use]
    pub fn containerd_socket(&self) -> PathBuf {
        containerd_socket(self.instance, self.args)
    }

    fn save(&self, name: &str, table: &Table) -> Result<()> {
        let text = toml::to_string_pretty(table).context("render a configuration")?;
        write_secret(&self.instance.conf_file(name), &text)
    }
}

/// containerd's socket: the private one or the one given.
#[must_use]
pub fn containerd_socket(instance: &Instance, args: &UpArgs) -> PathBuf {
    let own = || instance.private_containerd();
    args.containerd.clone().unwrap_or_else(own)
}

/// The address that a person opens. Without `--public` nothing but loopback is listened on, whatever
/// the machine's name.
#[must_use]
pub fn public_url(args: &UpArgs) -> String {
    let scheme = if args.tls() { "https" } else { "http" };
    let host = match &args.address {
        Some(address) if args.public => in_url(address),
        _ => "127.0.0.1".into(),
    };
    format!("{scheme}://{host}:{}", args.port)
}

/// A host as it stands in a URL: an IPv6 address in brackets.
fn in_url(host: &str) -> String {
    match host.parse::<std::net::Ipv6Addr>() {
        Ok(v6) => format!("[{v6}]"),
        Err(_) => host.to_owned(),
    }
}

/// What join tokens carry. Servers of somebody else's are given as they are reached; control leaves
/// out what only this machine reaches, and makes no token when nothing is left.
fn nats_public_urls(args: &UpArgs) -> Vec<String> {
    match (&args.address, &args.nats) {
        (Some(address), _) => nats::public_urls(args, address),
        (None, Some(given)) => given.split(',').map(|url| url.trim().to_owned()).collect(),
        (None, None) => Vec::new(),
    }
}

fn tls(args: &UpArgs) -> Table {
    let mut table = Table::new();
    let files = args.cert.as_ref().zip(args.key.as_ref());
    let mode = match files {
        Some(_) => "files",
        None if args.acme.is_some() => "acme",
        None if args.public => "self-signed",
        None => "off",
    };
    set(&mut table, "mode", mode.into());
    if let Some((cert, key)) = files {
        set(&mut table, "cert", cert.display().to_string());
        set(&mut table, "key", key.display().to_string());
    }
    if let (Some(mail), Some(address)) = (&args.acme, &args.address) {
        set(&mut table, "acme_contact", mail.clone());
        let names = vec![toml::Value::from(address.clone())];
        table.insert("acme_names".into(), names.into());
    }
    table
}

/// Writes the private containerd's configuration and gives its path.
///
/// # Errors
/// When it cannot be written.
pub fn containerd(instance: &Instance) -> Result<PathBuf> {
    let path = instance.conf_file("containerd.toml");
    let text = containerd_text(&instance.data.join("containerd"), &instance.sockets());
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

fn containerd_text(root: &Path, sockets: &Path) -> String {
    let (root, sockets) = (root.display(), sockets.display());
    // CRI would claim a streaming port; the others probe for file systems that are not there.
    format!(
        r#"version = 2
root = "{root}"
state = "{sockets}/containerd"
disabled_plugins = [
    "io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt",
    "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
address = "{sockets}/containerd.sock"
[ttrpc]
address = "{sockets}/containerd.sock.ttrpc"
"#
    )
}

fn set(table: &mut Table, key: &str, value: String) {
    table.insert(key.into(), Value::String(value));
}

fn list(values: Vec<String>) -> Value {
    Value::Array(values.into_iter().map(Value::String).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Task};

    fn up(words: &[&str]) -> UpArgs {
        let words = ["warren-ops", "up"].iter().chain(words);
        match Arguments::parse_from(words).task {
            Task::Up(args) => *args,
            Task::Down(_) => unreachable!(),
        }
    }

    #[test]
    fn tokens_carry_the_given_nats_servers_and_not_a_port_where_none_listens() {
        let own = up(&["--address", "panel.example", "--nats-port", "4333"]);
        assert_eq!(nats_public_urls(&own), ["tls://panel.example:4333"]);
        let six = up(&["--address", "2001:db8::7"]);
        assert_eq!(nats_public_urls(&six), ["tls://[2001:db8::7]:4222"]);
        let given = "tls://n1.example:4222, tls://n2.example:4222";
        let given = up(&["--address", "panel.example", "--nats", given]);
        let urls = ["tls://n1.example:4222", "tls://n2.example:4222"];
        assert_eq!(nats_public_urls(&given), urls);
        assert!(nats_public_urls(&up(&[])).is_empty());
    }

    #[test]
    fn the_address_that_is_printed_is_one_that_is_listened_on() {
        assert_eq!(public_url(&up(&[])), "http://127.0.0.1:8080");
        let named = up(&["--address", "panel.example"]);
        assert_eq!(public_url(&named), "http://127.0.0.1:8080");
        let open = up(&["--address", "panel.example", "--public"]);
        assert_eq!(public_url(&open), "https://panel.example:8080");
        let six = up(&["--address", "2001:db8::7", "--public"]);
        assert_eq!(public_url(&six), "https://[2001:db8::7]:8080");
    }

    #[test]
    fn a_given_certificate_is_used_and_stays_in_the_configuration() {
        let args = up(&["--public", "--cert", "/c.pem", "--key", "/k.pem"]);
        let table = tls(&args);
        assert_eq!(table["mode"].as_str(), Some("files"));
        assert_eq!(table["cert"].as_str(), Some("/c.pem"));
        assert_eq!(
            tls(&up(&["--public"]))["mode"].as_str(),
            Some("self-signed")
        );
        assert_eq!(tls(&up(&[]))["mode"].as_str(), Some("off"));
        let address = ["--public", "--address", "panel.example.net"];
        let asked = tls(&up(&[&address[..], &["--acme", "me@example.net"]].concat()));
        assert_eq!(asked["mode"].as_str(), Some("acme"));
        assert_eq!(asked["acme_names"][0].as_str(), Some("panel.example.net"));
        assert_eq!(asked["acme_contact"].as_str(), Some("me@example.net"));
    }
}
