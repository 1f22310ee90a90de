//! The gateway's configuration: a file, then `WARREN_GATEWAY_…`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Every key, as `gateway.toml` has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where browsers (through control's splice or a proxy) connect; plain http.
    pub listen: SocketAddr,
    /// `nats://host:port` or `tls://host:port`.
    pub nats_urls: Vec<String>,
    /// PEM file of the only CA that may vouch for the bus; without it TLS follows the system's roots.
    #[serde(default)]
    pub nats_ca: Option<PathBuf>,
    /// The gateway's credential, as control writes it.
    pub creds_file: PathBuf,
    /// WebSockets from one address that have shown no ticket yet; the oldest goes when there is one more. A
    /// browser is among them for a moment.
    #[serde(default = "strangers_per_address")]
    pub strangers_per_address: usize,
    /// The same in all.
    #[serde(default = "strangers")]
    pub strangers: usize,
    /// SFTP.
    #[serde(default)]
    pub sftp: Sftp,
    /// Addresses of proxies whose `x-forwarded-for` is believed; loopback always is.
    #[serde(default)]
    pub trusted_proxies: Vec<IpAddr>,
}

/// The table `[sftp]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sftp {
    /// Where it is served; "off": nowhere.
    #[serde(deserialize_with = "listen_or_off")]
    pub listen: Option<SocketAddr>,
    /// Connections in all.
    pub connections: usize,
    /// From one address; a fourth of them before they have logged in.
    pub per_address: usize,
    pub per_user: usize,
    pub per_server: usize,
    /// Bytes that clients may have on their way here, in all.
    pub memory_bytes: usize,
}

impl Default for Sftp {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from(([0, 0, 0, 0], 2022))),
            connections: 1024,
            per_address: 128,
            per_user: 32,
            per_server: 64,
            memory_bytes: 512 << 20,
        }
    }
}

impl Sftp {
    /// How many connections there may be.
    pub fn bounds(&self) -> crate::sftp::Bounds {
        crate::sftp::Bounds {
            all: self.connections,
            per_address: self.per_address,
            strangers_per_address: (self.per_address / 4).max(1),
            per_user: self.per_user,
            per_server: self.per_server,
            memory_bytes: self.memory_bytes,
        }
    }
}

fn strangers_per_address() -> usize {
    64
}

fn strangers() -> usize {
    4096
}

fn listen_or_off<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.as_str() {
        "off" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            serde::de::Error::custom(format!(
                "sftp.listen: {text:?} is neither an address with a port nor \"off\""
            ))
        }),
    }
}

impl Config {
    /// Reads `path`, lays the environment over it and checks it.
    /// # Errors
    /// Names the file or the key, and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        Self::parse(&text, |key| std::env::var(key).ok())
            .with_context(|| path.display().to_string())
    }

    fn parse(text: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut table: toml::Table = text.parse()?;
        for key in ["listen", "nats_ca", "creds_file"] {
            if let Some(value) = env(&format!("WARREN_GATEWAY_{}", key.to_uppercase())) {
                table.insert(key.into(), value.into());
            }
        }
        if let Some(urls) = env("WARREN_GATEWAY_NATS_URLS") {
            let urls: Vec<toml::Value> = urls.split(',').map(|u| u.trim().into()).collect();
            table.insert("nats_urls".into(), urls.into());
        }
        if let Some(listen) = env("WARREN_GATEWAY_SFTP_LISTEN") {
            let sftp = table
                .entry("sftp")
                .or_insert_with(|| toml::Table::new().into());
            if let Some(sftp) = sftp.as_table_mut() {
                sftp.insert("listen".into(), listen.into());
            }
        }
        let config: Self = table.try_into()?;
        if config.nats_urls.is_empty() {
            bail!("nats_urls is empty: name at least one, as in [\"nats://127.0.0.1:4222\"]");
        }
        for (key, value) in [
            ("strangers_per_address", config.strangers_per_address),
            ("strangers", config.strangers),
            ("sftp.connections", config.sftp.connections),
            ("sftp.per_address", config.sftp.per_address),
            ("sftp.per_user", config.sftp.per_user),
            ("sftp.per_server", config.sftp.per_server),
        ] {
            if value == 0 {
                bail!("{key} is 0: nobody could come in; leave it out for the default");
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const FILE: &str =
        "listen = \"127.0.0.1:0\"\nnats_urls = [\"nats://a:1\"]\ncreds_file = \"g.creds\"\n";

    #[test]
    fn the_environment_lies_over_the_file() {
        let env = |key: &str| {
            (key == "WARREN_GATEWAY_NATS_URLS").then(|| "nats://b:1, nats://c:1".to_owned())
        };
        let config = Config::parse(FILE, env).unwrap();
        assert_eq!(config.nats_urls, ["nats://b:1", "nats://c:1"]);
        assert_eq!(config.creds_file, Path::new("g.creds"));
    }

    #[test]
    fn an_error_names_its_key() {
        let error = |text: &str| format!("{:#}", Config::parse(text, |_| None).unwrap_err());
        assert!(error(&FILE.replace("listen", "lisen")).contains("lisen"));
        assert!(error(&FILE.replace("127.0.0.1:0", "x")).contains("listen"));
        assert!(error(&FILE.replace("[\"nats://a:1\"]", "[]")).contains("nats_urls"));
        for line in [
            "strangers_per_address = 0",
            "strangers = 0",
            "sftp = {listen = \"here\"}",
            "sftp = {per_user = 0}",
            "trusted_proxies = [\"proxy\"]",
        ] {
            let key = line.split(' ').next().unwrap();
            assert!(error(&format!("{FILE}{line}\n")).contains(key), "{line}");
        }
    }
}
